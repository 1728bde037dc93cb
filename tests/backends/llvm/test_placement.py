from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from symnet_llvm.placement import EVERYONE, Placement, Task, place, worth_splitting

names = st.frozensets(st.sampled_from("abcdef"), max_size=3)
tasks = st.lists(
    st.builds(
        Task,
        names,
        names,
        st.sampled_from([100.0, 5_000.0, 40_000.0]),
        st.booleans(),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=20,
)


def conflicts(a: Task, b: Task) -> bool:
    return bool(a.writes & (b.reads | b.writes) or b.writes & a.reads)


def check(given_tasks: Sequence[Task], placed: Placement) -> None:
    assert len(placed.owners) == len(placed.phases) == len(given_tasks)
    assert list(placed.phases) == sorted(placed.phases)
    for j, b in enumerate(given_tasks):
        owner = placed.owners[j]
        assert 0 <= owner < placed.parts or (owner == EVERYONE and b.shared)
        for i, a in enumerate(given_tasks[:j]):
            if placed.phases[i] != placed.phases[j] or placed.parts == 1:
                continue
            assert not a.alone
            assert not b.alone
            if conflicts(a, b):
                assert placed.owners[i] == owner != EVERYONE


@given(tasks, st.integers(1, 5))
def test_conflicting_tasks_are_ordered(given_tasks: list[Task], threads: int) -> None:
    placed = place(given_tasks, threads)
    assert 1 <= placed.parts <= threads
    check(given_tasks, placed)


def test_little_work_stays_on_one_thread() -> None:
    cheap = [Task(frozenset("a"), frozenset("b"), 20_000.0, shared=True)]
    assert place(cheap, 8).parts == 1
    assert place(cheap * 2, 8).parts == 2
    assert place(cheap * 100, 8).parts == 8


def test_independent_small_tasks_are_spread_without_barriers() -> None:
    big = Task(frozenset("a"), frozenset("b"), 100_000.0, shared=True)
    small = [Task(frozenset("a"), frozenset(n), 900.0) for n in "cdef"]
    placed = place([big, *small], 2)
    assert placed.owners == (EVERYONE, 0, 1, 0, 1)
    assert placed.phases == (0,) * 5


def test_a_chain_of_small_tasks_needs_no_barrier() -> None:
    big = Task(frozenset("x"), frozenset("y"), 100_000.0, shared=True)
    small = [Task(frozenset(a), frozenset(b), 900.0) for a, b in ("ab", "bc", "ca")]
    placed = place([big, *small], 2)
    assert placed.owners[1:] == (0, 0, 0)
    assert placed.phases == (0,) * 4


def test_a_small_step_is_split_where_that_brings_no_barrier() -> None:
    big, small, tiny = 9_000.0, 900.0, 90.0
    assert worth_splitting([big, small, big]) == [True, True, True]
    assert worth_splitting([None, small, big]) == [True, True, True]
    assert worth_splitting([big, small, small, big]) == [True, False, False, True]
    assert worth_splitting([small, big, tiny, big]) == [False, True, False, True]
    assert worth_splitting([]) == []
