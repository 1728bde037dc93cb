"""The arena: temporaries alive at the same time never overlap, and dead ones make room."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symnet.memory import ALIGNMENT, plan
from symnet.program import Buffer, Copy, HostCall, Program
from symnet.scalar import Symbol, const


def program(lengths: list[int], steps: list[tuple[int, int]]) -> Program:
    """Copies between temporaries of some lengths."""
    buffers = tuple(
        Buffer(f"t{k}", "float32", (const(n),), "temporary") for k, n in enumerate(lengths)
    )
    copies = tuple(Copy(f"t{a}", f"t{b}") for a, b in steps)
    return Program("f", (), (), (), buffers, (), (), copies)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    lengths = draw(st.lists(st.integers(0, 500), min_size=1, max_size=12))
    place = st.integers(0, len(lengths) - 1)
    return program(lengths, draw(st.lists(st.tuples(place, place), max_size=20)))


def lives(made: Program) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for k, step in enumerate(made.steps):
        for name in step.reads | step.writes:
            found[name] = found.get(name, (k, k))[0], k
    return found


@settings(max_examples=200, deadline=None, derandomize=True)
@given(programs())
def test_temporaries_alive_together_do_not_overlap(made: Program) -> None:
    offsets, total = plan(made, {})
    alive = lives(made)
    assert offsets.keys() == alive.keys()
    size = {b.name: 4 * int(b.shape[0].value) for b in made.buffers}
    for a, start in offsets.items():
        assert start % ALIGNMENT == 0
        assert start + size[a] <= total
        for b in offsets:
            together = alive[a][0] <= alive[b][1] and alive[b][0] <= alive[a][1]
            if a < b and together and size[a] and size[b]:
                assert start + size[a] <= offsets[b] or offsets[b] + size[b] <= start


def test_a_chain_needs_room_for_two() -> None:
    made = program([16] * 50, [(k, k + 1) for k in range(49)])
    _, total = plan(made, {})
    assert total == 2 * ALIGNMENT


def test_sizes_may_be_symbolic() -> None:
    n = Symbol("x.0")
    buffer = Buffer("t0", "float64", (n, const(4)), "temporary")
    made = Program("f", (), (), (), (buffer,), (), (), (Copy("t0", "t0"),))
    assert plan(made, {"x.0": 10}) == ({"t0": 0}, 320)


def alive_for(*spans_of: tuple[int, int, int]) -> Program:
    """Temporaries of so many lines of the cache, used from one step to another."""
    spans = [(a, b) for _, a, b in spans_of]
    buffers = [
        Buffer(f"t{k}", "float32", (const(16 * lines),), "temporary")
        for k, (lines, _, _) in enumerate(spans_of)
    ]
    steps = [
        HostCall("", None, tuple(f"t{k}" for k, (a, b) in enumerate(spans) if a <= at <= b), ())
        for at in range(1 + max(b for _, b in spans))
    ]
    return Program("f", (), (), (), tuple(buffers), (), (), tuple(steps))


# Where the largest first, each in the lowest gap, needs 7 and 19.
@pytest.mark.parametrize(
    ("lives", "least"),
    [
        ([(1, 2, 3), (2, 3, 4), (4, 4, 4), (4, 2, 2)], 6),
        (
            [
                (4, 3, 5), (2, 2, 4), (4, 1, 5), (3, 2, 2), (3, 1, 3), (2, 4, 5), (4, 0, 3),
                (4, 5, 5), (4, 5, 5),
            ],
            18,
        ),
    ],
    ids=["what is large for long comes first", "the smallest gap"],
)  # fmt: skip
def test_other_plans_are_tried_where_one_wastes_memory(
    lives: list[tuple[int, int, int]], least: int
) -> None:
    _, total = plan(alive_for(*lives), {})
    assert total == least * ALIGNMENT


def test_planning_thousands_is_quick() -> None:
    count = 3000
    made = program([16 + k % 5 for k in range(count)], [(k, k + 1) for k in range(count - 1)])
    start = time.process_time()
    plan(made, {})
    assert time.process_time() - start < 5
