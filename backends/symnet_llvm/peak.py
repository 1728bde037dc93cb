"""What this processor can do at best: multiply-adds, and bytes from main memory and from caches.

Measured with two small vector loops, compiled by LLVM for the machine's own vector width, on so
many threads at once.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable

import numpy as np

from symnet.backend import Machine
from symnet_llvm import engine
from symnet_llvm.target import Target, host

_SUMS = 16
"""Independent sums: enough to keep two FMA units with a latency of 4 to 5 cycles busy."""
_MULTIPLY_ADDS = 20_000_000
_STREAM_BYTES = 256 * 2**20
_CACHED_BYTES = 256 * 2**10
"""Bytes for each thread that fit the cache that a core has for itself."""
_ROUNDS = 64
"""How often these are read in one try."""
_BLOCK = 64 * 1024
"""Floats; a multiple of any vector's lanes times the sums."""


def measure(threads: int, tries: int = 7) -> Machine:
    """Measure the rates of so many threads, the best of several tries."""
    target = host()
    lanes = target.lanes("float32")
    code = engine.compile_object(engine.Module(_source(lanes, target)), target)
    loaded = engine.load([code], ("fma_loop", "read_loop"), target)
    fma = ctypes.CFUNCTYPE(None, ctypes.c_int64)(loaded.addresses["fma_loop"])
    read = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(loaded.addresses["read_loop"])
    per_thread = _STREAM_BYTES // 4 // threads // _BLOCK * _BLOCK
    arrays = [np.ones(per_thread, np.float32) for _ in range(threads)]

    def stream(i: int) -> None:
        read(arrays[i].ctypes.data, per_thread)

    def reread(i: int) -> None:
        for _ in range(_ROUNDS):
            read(arrays[i].ctypes.data, _CACHED_BYTES // 4)

    compute_s = _best(lambda i: fma(_MULTIPLY_ADDS // _SUMS), threads, tries)
    return Machine(
        2 * lanes * threads * (_MULTIPLY_ADDS // _SUMS) * _SUMS / compute_s,
        4 * threads * per_thread / _best(stream, threads, tries),
        threads * _CACHED_BYTES * _ROUNDS / _best(reread, threads, tries),
        threads * _CACHED_BYTES * 4,
    )


def _best(work: Callable[[int], None], threads: int, tries: int) -> float:
    """Return the seconds of the quickest try of `work` on all threads at once."""
    seconds = []
    for _ in range(tries):
        barrier = threading.Barrier(threads + 1)

        def run(i: int, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            work(i)  # ctypes releases the interpreter's lock

        pool = [threading.Thread(target=run, args=(i,)) for i in range(threads)]
        for thread in pool:
            thread.start()
        barrier.wait()
        started = time.perf_counter()
        for thread in pool:
            thread.join()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _source(lanes: int, target: Target) -> str:
    """Return the two loops: `_SUMS` running sums, of products or of loaded vectors.

    The sums end in an opaque use, or the compiler would drop the loops.
    """
    vector = f"<{lanes} x float>"
    fma = f"@llvm.fma.v{lanes}f32"

    def loop(name: str, parameters: str, step: int, body: Callable[[int], str]) -> str:
        sums = range(_SUMS)
        phis = "\n".join(
            f"  %s{k} = phi {vector} [ zeroinitializer, %entry ], [ %t{k}, %loop ]" for k in sums
        )
        uses = "\n".join(f'  call void asm sideeffect "", "x"({vector} %t{k})' for k in sums)
        return f"""
define void @{name}({parameters}i64 %n) "prefer-vector-width"="{32 * lanes}" {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
{phis}
{chr(10).join(body(k) for k in sums)}
  %next = add i64 %i, {step}
  %more = icmp ult i64 %next, %n
  br i1 %more, label %loop, label %done
done:
{uses}
  ret void
}}
"""

    def product(k: int) -> str:
        return f"  %t{k} = call {vector} {fma}({vector} %s{k}, {vector} %s{k}, {vector} %s{k})"

    def load(k: int) -> str:
        return (
            f"  %o{k} = add i64 %i, {k * lanes}\n"
            f"  %a{k} = getelementptr float, ptr %data, i64 %o{k}\n"
            f"  %v{k} = load {vector}, ptr %a{k}, align 4\n"
            f"  %t{k} = fadd {vector} %s{k}, %v{k}"
        )

    return (
        f'target triple = "{target.triple}"\n'
        + f"declare {vector} {fma}({vector}, {vector}, {vector})\n"
        + loop("fma_loop", "", 1, product)
        + loop("read_loop", "ptr %data, ", _SUMS * lanes, load)
    )
