"""The threads that share the work of a call: one pool for the process, written in LLVM IR.

A *region* runs a function on several threads at once: on the caller as part 0 and on workers as
the parts after it. Parts meet at barriers, and the region ends when all parts have returned.
Whoever waits spins first and then gives way: a worker without work goes to sleep, a part at a
barrier yields its core, so that a machine with other things to do loses no more than a moment.

Each worker has a slot of its own, in which a region is announced to it; the caller announces only
to as many workers as it wants and waits for those. A region that finds the pool busy runs on its
caller alone. Workers never touch Python. After a fork the child's pool is empty, as the threads
did not come along.

Where other processes want the cores, a part that is not running holds up all others, and a call
may take a hundred times as long as on one thread. So a call in which parts waited much makes the
next one run alone, for comparison. If that is faster, so do those that follow for twenty times as
long as the stalled call took; if not, waiting is in the nature of the program and counts for
nothing for fifty times as long as the call alone took. Either way little is lost.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import signal
import threading
import time
import weakref
from pathlib import Path
from typing import Protocol

from symnet_llvm import engine
from symnet_llvm.state import Slot

MOST = 256
"""Parts that a region may have."""

_SLOT = 384  # a line for the announcement, then room for any system's mutex and condition
_DOZE_NS = 50_000  # a worker without work spins for about one short gap between two calls
_PATIENCE_NS = 20_000  # a part at a barrier spins for as long before it yields

_TOLERATED_NS = 50_000  # waiting in a call that never counts as a stall

IMPORTS = (
    "clock_gettime",
    "pthread_cond_init",
    "pthread_cond_signal",
    "pthread_cond_wait",
    "pthread_create",
    "pthread_detach",
    "pthread_mutex_init",
    "pthread_mutex_lock",
    "pthread_mutex_unlock",
    "sched_yield",
)
"""What the pool needs of the system's library."""

EXPORTS = (
    "symnet_barrier",
    "symnet_clock",
    "symnet_cores",
    "symnet_region",
    "symnet_reset",
    "symnet_start",
)


def text(triple: str) -> str:
    """The pool's functions.

    - ``i64 symnet_region(step, state, parts)`` calls ``step(state, part, parts)`` for every part
      and returns what part 0 returned.
    - ``void symnet_barrier(parts)`` returns when all parts of the region have called it.
    - ``i64 symnet_start(index)`` starts worker `index` (1, 2, ...); 0 if that went well.
    - ``void symnet_cores(count)`` says how many threads can run at once.
    - ``void symnet_reset()`` forgets the workers.
    - ``i64 symnet_clock()`` is a time in nanoseconds.
    """
    pause = {
        "x86_64": "call void @llvm.x86.sse2.pause()",
        "i686": "call void @llvm.x86.sse2.pause()",
        "aarch64": "call void @llvm.aarch64.hint(i32 1)",
        "arm64": "call void @llvm.aarch64.hint(i32 1)",
    }.get(triple.split("-")[0], "")
    declared = {
        "void @llvm.x86.sse2.pause()": "declare void @llvm.x86.sse2.pause()",
        "void @llvm.aarch64.hint(i32 1)": "declare void @llvm.aarch64.hint(i32)",
    }.get(pause.removeprefix("call "), "")
    return _TEXT.format(
        pause=pause,
        declared=declared,
        clock=getattr(time, "CLOCK_MONOTONIC", 1),
        most=MOST,
        bytes=MOST * _SLOT,
        doze=_DOZE_NS,
        patience=_PATIENCE_NS,
        tolerated=_TOLERATED_NS,
        trial=Slot.TRIAL.value,
        serial_until=Slot.SERIAL_UNTIL.value,
        trusted_until=Slot.TRUSTED_UNTIL.value,
    )


# Words that different threads write are 128 bytes apart, so that no two share a cache line (or a
# pair of lines, which processors fetch together).
_TEXT = """
%box = type {{ i32, i32, [120 x i8], [128 x i8], [128 x i8] }}
; generation, whether its worker sleeps, mutex, condition
@slots = internal global [{most} x %box] zeroinitializer, align 128
@job = internal global {{ ptr, ptr, i64 }} zeroinitializer, align 128
@busy = internal global [32 x i32] zeroinitializer, align 128
@arrived = internal global [16 x i64] zeroinitializer, align 128
@gate = internal global [32 x i32] zeroinitializer, align 128
@finished = internal global [16 x i64] zeroinitializer, align 128
@ended = internal global [32 x i32] zeroinitializer, align 128
@stalled = internal global [16 x i64] zeroinitializer, align 128
@patience = internal global i64 0, align 128
@cores = internal global i64 1, align 8

declare i32 @clock_gettime(i32, ptr)
declare i32 @sched_yield()
declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_detach(ptr)
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_signal(ptr)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
{declared}

define i64 @symnet_clock() nounwind {{
  %time = alloca [2 x i64], align 8
  %done = call i32 @clock_gettime(i32 {clock}, ptr %time)
  %seconds = load i64, ptr %time
  %rest.at = getelementptr i64, ptr %time, i64 1
  %rest = load i64, ptr %rest.at
  %whole = mul i64 %seconds, 1000000000
  %now = add i64 %whole, %rest
  ret i64 %now
}}

define internal ptr @slot(i64 %worker) alwaysinline nounwind {{
  %index = sub i64 %worker, 1
  %slot = getelementptr %box, ptr @slots, i64 %index
  ret ptr %slot
}}

; Spins until a word is no longer what it was, or for about so many nanoseconds.
define internal i1 @spin(ptr %word, i32 %old, i64 %limit) nounwind {{
entry:
  %start = call i64 @symnet_clock()
  br label %round
round:
  br label %look
look:
  %count = phi i32 [ 0, %round ], [ %count.next, %again ]
  %now = load atomic i32, ptr %word acquire, align 4
  %changed = icmp ne i32 %now, %old
  br i1 %changed, label %yes, label %again
again:
  {pause}
  %count.next = add i32 %count, 1
  %more = icmp ult i32 %count.next, 64
  br i1 %more, label %look, label %clock
clock:
  %time = call i64 @symnet_clock()
  %spent = sub i64 %time, %start
  %late = icmp sgt i64 %spent, %limit
  br i1 %late, label %no, label %round
yes:
  ret i1 true
no:
  ret i1 false
}}

; Returns when a word is no longer what it was.
define internal void @wait(ptr %word, i32 %old) nounwind {{
entry:
  %patience = load i64, ptr @patience
  %soon = call i1 @spin(ptr %word, i32 %old, i64 %patience)
  br i1 %soon, label %done, label %stall
stall:
  %start = call i64 @symnet_clock()
  br label %look
look:
  %now = load atomic i32, ptr %word acquire, align 4
  %changed = icmp ne i32 %now, %old
  br i1 %changed, label %over, label %yield
yield:
  %yielded = call i32 @sched_yield()
  br label %look
over:
  %end = call i64 @symnet_clock()
  %lost = sub i64 %end, %start
  %total = atomicrmw add ptr @stalled, i64 %lost monotonic
  br label %done
done:
  ret void
}}

define void @symnet_cores(i64 %cores) nounwind {{
  store i64 %cores, ptr @cores
  ret void
}}

define void @symnet_barrier(i64 %parts) nounwind {{
entry:
  %alone = icmp sle i64 %parts, 1
  br i1 %alone, label %done, label %arrive
arrive:
  ; Read before arriving: once the last part has arrived the gate may open at any moment.
  %before = load atomic i32, ptr @gate monotonic, align 4
  %others = atomicrmw add ptr @arrived, i64 1 acq_rel
  %all = sub i64 %parts, 1
  %last = icmp eq i64 %others, %all
  br i1 %last, label %open, label %stay
open:
  store atomic i64 0, ptr @arrived monotonic, align 8
  %opened = add i32 %before, 1
  store atomic i32 %opened, ptr @gate release, align 4
  br label %done
stay:
  call void @wait(ptr @gate, i32 %before)
  br label %done
done:
  ret void
}}

; A worker's wait for its next region: spins for a while, then sleeps.
define internal void @await(ptr %slot, i32 %seen) nounwind {{
entry:
  %soon = call i1 @spin(ptr %slot, i32 %seen, i64 {doze})
  br i1 %soon, label %done, label %doze
doze:
  %asleep = getelementptr %box, ptr %slot, i64 0, i32 1
  %mutex = getelementptr %box, ptr %slot, i64 0, i32 3
  %condition = getelementptr %box, ptr %slot, i64 0, i32 4
  %locked = call i32 @pthread_mutex_lock(ptr %mutex)
  ; Sequentially consistent here and in the announcement: either the worker sees the generation
  ; or the caller sees it asleep.
  store atomic i32 1, ptr %asleep seq_cst, align 4
  br label %look
look:
  %now = load atomic i32, ptr %slot seq_cst, align 4
  %changed = icmp ne i32 %now, %seen
  br i1 %changed, label %wake, label %sleep
sleep:
  %woken = call i32 @pthread_cond_wait(ptr %condition, ptr %mutex)
  br label %look
wake:
  store atomic i32 0, ptr %asleep seq_cst, align 4
  %unlocked = call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %done
done:
  ret void
}}

define internal ptr @worker(ptr %argument) nounwind {{
entry:
  %part = ptrtoint ptr %argument to i64
  %slot = call ptr @slot(i64 %part)
  br label %next
next:
  %seen = phi i32 [ 0, %entry ], [ %generation, %told ], [ %generation, %close ]
  call void @await(ptr %slot, i32 %seen)
  %generation = add i32 %seen, 1
  %step = load ptr, ptr @job
  %state = load ptr, ptr getelementptr ({{ ptr, ptr, i64 }}, ptr @job, i64 0, i32 1)
  %parts = load i64, ptr getelementptr ({{ ptr, ptr, i64 }}, ptr @job, i64 0, i32 2)
  %result = call i64 %step(ptr %state, i64 %part, i64 %parts)
  br label %told
told:
  %others = atomicrmw add ptr @finished, i64 1 acq_rel
  %all = sub i64 %parts, 2
  %last = icmp eq i64 %others, %all
  br i1 %last, label %close, label %next
close:
  store atomic i64 0, ptr @finished monotonic, align 8
  %ended = atomicrmw add ptr @ended, i32 1 release
  br label %next
}}

; A region on the caller alone, because the last one stalled. The first is a trial.
define internal i64 @alone(ptr %step, ptr %state, i64 %start) nounwind {{
entry:
  %result = call i64 %step(ptr %state, i64 0, i64 1)
  %trial.at = getelementptr i64, ptr %state, i64 {trial}
  %trial = load i64, ptr %trial.at
  %trying = icmp ne i64 %trial, 0
  br i1 %trying, label %compare, label %done
compare:
  store i64 0, ptr %trial.at
  %until.at = getelementptr i64, ptr %state, i64 {serial_until}
  %now = call i64 @symnet_clock()
  %time = sub i64 %now, %start
  %faster = icmp slt i64 %time, %trial
  br i1 %faster, label %stay, label %trust
stay:
  %penalty = mul i64 %trial, 20
  %until = add i64 %now, %penalty
  store i64 %until, ptr %until.at
  br label %done
trust:
  store i64 0, ptr %until.at
  %trusted.at = getelementptr i64, ptr %state, i64 {trusted_until}
  %credit = mul i64 %time, 50
  %trusted = add i64 %now, %credit
  store i64 %trusted, ptr %trusted.at
  br label %done
done:
  ret i64 %result
}}

define i64 @symnet_region(ptr %step, ptr %state, i64 %parts) nounwind {{
entry:
  %single = icmp sle i64 %parts, 1
  br i1 %single, label %plain, label %ask
plain:
  %own = call i64 %step(ptr %state, i64 0, i64 1)
  ret i64 %own
ask:
  %start = call i64 @symnet_clock()
  %until.at = getelementptr i64, ptr %state, i64 {serial_until}
  %until = load i64, ptr %until.at
  %rest = icmp slt i64 %start, %until
  br i1 %rest, label %serial, label %enter
serial:
  %serial.result = call i64 @alone(ptr %step, ptr %state, i64 %start)
  ret i64 %serial.result
enter:
  %taken = cmpxchg ptr @busy, i32 0, i32 1 acquire monotonic
  %mine = extractvalue {{ i32, i1 }} %taken, 1
  br i1 %mine, label %begin, label %plain
begin:
  store ptr %step, ptr @job
  store ptr %state, ptr getelementptr ({{ ptr, ptr, i64 }}, ptr @job, i64 0, i32 1)
  store i64 %parts, ptr getelementptr ({{ ptr, ptr, i64 }}, ptr @job, i64 0, i32 2)
  store atomic i64 0, ptr @stalled monotonic, align 8
  ; Where there are more parts than cores, a part that spins keeps another from arriving.
  %cores = load i64, ptr @cores
  %crowded = icmp sgt i64 %parts, %cores
  %patience = select i1 %crowded, i64 0, i64 {patience}
  store i64 %patience, ptr @patience
  %before = load atomic i32, ptr @ended monotonic, align 4
  br label %announce
announce:
  %worker = phi i64 [ 1, %begin ], [ %worker.next, %announced ]
  %slot = call ptr @slot(i64 %worker)
  %told = atomicrmw add ptr %slot, i32 1 seq_cst
  %asleep.at = getelementptr %box, ptr %slot, i64 0, i32 1
  %asleep = load atomic i32, ptr %asleep.at seq_cst, align 4
  %sleeps = icmp ne i32 %asleep, 0
  br i1 %sleeps, label %wake, label %announced
wake:
  %mutex = getelementptr %box, ptr %slot, i64 0, i32 3
  %condition = getelementptr %box, ptr %slot, i64 0, i32 4
  %locked = call i32 @pthread_mutex_lock(ptr %mutex)
  %signalled = call i32 @pthread_cond_signal(ptr %condition)
  %unlocked = call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %announced
announced:
  %worker.next = add i64 %worker, 1
  %more = icmp slt i64 %worker.next, %parts
  br i1 %more, label %announce, label %work
work:
  %result = call i64 %step(ptr %state, i64 0, i64 %parts)
  call void @wait(ptr @ended, i32 %before)
  %lost = load atomic i64, ptr @stalled monotonic, align 8
  store atomic i32 0, ptr @busy release, align 4
  %doubtful = icmp sgt i64 %lost, {tolerated}
  br i1 %doubtful, label %judge, label %done
judge:
  %now = call i64 @symnet_clock()
  %time = sub i64 %now, %start
  %available = mul i64 %time, %parts
  %share = lshr i64 %available, 3
  %much = icmp sgt i64 %lost, %share
  %trusted.at = getelementptr i64, ptr %state, i64 {trusted_until}
  %trusted = load i64, ptr %trusted.at
  %again = icmp sgt i64 %now, %trusted
  %stalled = and i1 %much, %again
  br i1 %stalled, label %doubt, label %done
doubt:
  %trial.at = getelementptr i64, ptr %state, i64 {trial}
  store i64 %time, ptr %trial.at
  store i64 9223372036854775807, ptr %until.at
  br label %done
done:
  ret i64 %result
}}

define i64 @symnet_start(i64 %worker) nounwind {{
entry:
  %thread = alloca ptr, align 8
  %slot = call ptr @slot(i64 %worker)
  %mutex = getelementptr %box, ptr %slot, i64 0, i32 3
  %condition = getelementptr %box, ptr %slot, i64 0, i32 4
  %m = call i32 @pthread_mutex_init(ptr %mutex, ptr null)
  %c = call i32 @pthread_cond_init(ptr %condition, ptr null)
  %argument = inttoptr i64 %worker to ptr
  %failed = call i32 @pthread_create(ptr %thread, ptr null, ptr @worker, ptr %argument)
  %bad = icmp ne i32 %failed, 0
  br i1 %bad, label %done, label %let
let:
  %handle = load ptr, ptr %thread
  %d = call i32 @pthread_detach(ptr %handle)
  br label %done
done:
  %code = zext i32 %failed to i64
  ret i64 %code
}}

define void @symnet_reset() nounwind {{
  call void @llvm.memset.p0.i64(ptr @slots, i8 0, i64 {bytes}, i1 false)
  store i64 0, ptr @arrived
  store i64 0, ptr @finished
  store i32 0, ptr @busy
  ret void
}}
"""


def cores() -> int:
    """Processors this process may use: its affinity, and its share where it runs in a container."""
    try:
        found = len(os.sched_getaffinity(0))
    except AttributeError:  # systems without affinity
        found = os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            found = min(found, math.ceil(int(quota) / int(period)))
    return max(1, min(found, MOST))


class Dependent(Protocol):
    """Who relies on threads that `Pool.grow` has started."""

    def lose_threads(self) -> None:
        """Note that they are gone."""
        ...


class Pool:
    """The process's pool; `symnet_llvm.support` makes the only one.

    Parameters
    ----------
    loaded
        The machine code of `text`.

    Attributes
    ----------
    region, barrier, clock
        Addresses of functions.
    dependents
        Who is to be told when the pool has lost its threads.
    """

    def __init__(self, loaded: engine.Loaded) -> None:
        self.region = loaded.addresses["symnet_region"]
        self.barrier = loaded.addresses["symnet_barrier"]
        self.clock = loaded.addresses["symnet_clock"]
        self._start = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(
            loaded.addresses["symnet_start"]
        )
        ctypes.CFUNCTYPE(None, ctypes.c_int64)(loaded.addresses["symnet_cores"])(cores())
        self._reset = ctypes.CFUNCTYPE(None)(loaded.addresses["symnet_reset"])
        self._workers = 0
        self._lock = threading.Lock()
        self.dependents: weakref.WeakSet[Dependent] = weakref.WeakSet()
        os.register_at_fork(after_in_child=self._forget)

    def grow(self, parts: int) -> bool:
        """Start what threads `parts` parts need; False if the system has none left."""
        if parts > MOST:
            return False
        with self._lock:
            while self._workers < parts - 1:
                if not self._start_worker(self._workers + 1):
                    return False
                self._workers += 1
        return True

    def _start_worker(self, index: int) -> bool:
        # A new thread inherits the mask of signals: they are for Python's own threads.
        before = signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
        try:
            return bool(self._start(index) == 0)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _forget(self) -> None:
        self._reset()
        self._workers = 0
        self._lock = threading.Lock()
        for dependent in list(self.dependents):
            dependent.lose_threads()
