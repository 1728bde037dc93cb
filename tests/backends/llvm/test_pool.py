from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import pytest

from symnet_llvm import engine, pool
from symnet_llvm.state import WORDS, Slot
from symnet_llvm.support import support
from symnet_llvm.target import host

SEEN = WORDS  # the word in which the steps below note how many parts they were
VALUES = WORDS + 16

# Every part adds up what its neighbour had, so many times; all must keep in step.
RING = """
declare void @symnet_barrier(i64)
define i64 @step(ptr %state, i64 %part, i64 %parts) {
entry:
  %values = getelementptr i64, ptr %state, i64 VALUES
  %own.offset = mul i64 %part, 16
  %own = getelementptr i64, ptr %values, i64 %own.offset
  %next = add i64 %part, 1
  %neighbour = urem i64 %next, %parts
  %other.offset = mul i64 %neighbour, 16
  %other = getelementptr i64, ptr %values, i64 %other.offset
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %i.next, %loop ]
  %value = load i64, ptr %other
  call void @symnet_barrier(i64 %parts)
  %sum = add i64 %value, 1
  store i64 %sum, ptr %own
  call void @symnet_barrier(i64 %parts)
  %i.next = add i64 %i, 1
  %more = icmp slt i64 %i.next, 200
  br i1 %more, label %loop, label %end
end:
  ret i64 7
}
"""

# Takes AS_TEAM microseconds on several threads (on one of them), ALONE on one.
SLOW = """
declare i32 @usleep(i32)
define i64 @step(ptr %state, i64 %part, i64 %parts) {
entry:
  %seen = getelementptr i64, ptr %state, i64 SEEN
  %first = icmp eq i64 %part, 0
  br i1 %first, label %note, label %other
note:
  store i64 %parts, ptr %seen
  %single = icmp eq i64 %parts, 1
  br i1 %single, label %alone, label %end
alone:
  %a = call i32 @usleep(i32 ALONE)
  br label %end
other:
  %b = call i32 @usleep(i32 AS_TEAM)
  br label %end
end:
  ret i64 0
}
"""


@pytest.fixture
def team() -> pool.Pool:
    found = support().pool
    if found is None:
        pytest.skip("no threads on this system")
    return found


def region(team: pool.Pool, text: str) -> Callable[[np.ndarray, int], int]:
    module = engine.Module(text.replace("VALUES", str(VALUES)).replace("SEEN", str(SEEN)))
    loaded = engine.load([engine.compile_object(module, host())], ("step",), host())
    call = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(
        team.region
    )
    return lambda state, parts: call(loaded.addresses["step"], state.ctypes.data, parts)


@pytest.mark.parametrize("parts", [1, 2, 3, 4, 9])
def test_barriers(team: pool.Pool, parts: int) -> None:
    assert team.grow(parts)
    run = region(team, RING)
    state = np.zeros(VALUES + 16 * parts, np.int64)
    for _ in range(3):
        state[VALUES:] = 0
        state[Slot.SERIAL_UNTIL] = 0
        assert run(state, parts) == 7
        assert state[VALUES::16].tolist() == [200] * parts


def after_a_trial(team: pool.Pool, as_team: int, alone: int) -> tuple[int, np.ndarray]:
    """How many parts the call after the first one on a single thread has, and the state then."""
    assert team.grow(2)
    run = region(team, SLOW.replace("AS_TEAM", str(as_team)).replace("ALONE", str(alone)))
    state = np.zeros(VALUES, np.int64)
    for _ in range(50):
        run(state, 2)
        if state[SEEN] == 1:
            break
    else:
        pytest.fail("no stall was noticed")
    assert state[Slot.TRIAL] == 0
    found = state.copy()
    run(state, 2)
    return int(state[SEEN]), found


def test_stalled_regions_run_on_one_thread_if_that_is_faster(team: pool.Pool) -> None:
    parts, state = after_a_trial(team, as_team=50_000, alone=1)
    assert parts == 1
    assert state[Slot.SERIAL_UNTIL] > 0


def test_stalls_are_put_up_with_if_one_thread_is_slower(team: pool.Pool) -> None:
    parts, state = after_a_trial(team, as_team=2_000, alone=300_000)
    assert parts == 2
    assert state[Slot.SERIAL_UNTIL] == 0
    assert state[Slot.TRUSTED_UNTIL] > 0


def test_cores() -> None:
    assert 1 <= pool.cores() <= pool.MOST


def test_more_parts_than_there_may_be(team: pool.Pool) -> None:
    assert not team.grow(pool.MOST + 1)
