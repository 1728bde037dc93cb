"""From graphs to programs: updates in place only where that is right, guards before all writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.abstraction import abstract
from symnet.kernel import Contraction
from symnet.nest import Root, axes, build
from symnet.program import Buffer, Copy, Guard, Launch, Program
from symnet.scalar import Load, const, rows
from tests.lowered import kinds, program_of

Updates = list[tuple[Any, Any]]


def buffers(program: Program, kind: str) -> list[Buffer]:
    return [b for b in program.buffers if b.kind == kind]


def pair(*shape: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return tuple(
        sn.shared(rng.standard_normal(shape).astype("float32"), name=name) for name in "ab"
    )


def in_place(a: Any, b: Any) -> Updates:
    return [(a, a * 2 + b), (b, b + 1)]


def in_place_of_a_product(a: Any, b: Any) -> Updates:
    return [(a, a - 0.1 * T.dot(b.T, b))]


def swap(a: Any, b: Any) -> Updates:
    return [(a, b), (b, a)]


def rotate(a: Any, b: Any) -> Updates:
    return [(a, b * 2), (b, a + 1)]


def reversed_rows(a: Any, b: Any) -> Updates:
    return [(a, a[::-1] + b)]


def transposed(a: Any, b: Any) -> Updates:
    return [(a, a.T + b)]


def centred(a: Any, b: Any) -> Updates:
    return [(a, a - T.mean(a, axis=0)), (b, b + T.sum(a))]


def squared(a: Any, b: Any) -> Updates:
    return [(a, T.dot(a, a) * 0.1), (b, b - T.dot(a, b))]


def crossed(a: Any, b: Any) -> Updates:
    return [(a, a - T.dot(b, a)), (b, b - T.dot(a.T, a))]


def constant(a: Any, b: Any) -> Updates:
    return [(a, T.zeros_like(a)), (b, a)]


CASES = [
    (in_place, 0),
    (in_place_of_a_product, 0),
    (swap, 3),
    (rotate, 0),
    (reversed_rows, 1),
    (transposed, 1),
    (centred, 0),
    (squared, 2),
    (crossed, 1),
    (constant, 1),
]


@pytest.mark.parametrize(("build", "copies"), CASES, ids=lambda x: getattr(x, "__name__", x))
def test_updates_see_old_values(build: Callable[[Any, Any], Updates], copies: int) -> None:
    a, b = pair(6, 6)
    updates = build(a, b)
    program = program_of([], None, updates=updates)
    assert kinds(program).count("copy") <= copies
    start = a.get_value(), b.get_value()
    ends = []
    for mode in ("reference", None):
        a.set_value(start[0])
        b.set_value(start[1])
        f = sn.function([], [T.sum(a), b[0]], updates=updates, mode=mode)
        ends.append([*f(), *f(), a.get_value(), b.get_value()])
    for expected, found in zip(*ends, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_an_update_in_place_needs_no_buffer() -> None:
    a, b = pair(6, 6)
    program = program_of([], None, updates=in_place_of_a_product(a, b))
    assert kinds(program) == ["contraction"]
    assert not buffers(program, "temporary")


def test_an_output_sees_the_old_value() -> None:
    a, _ = pair(4)
    program = program_of([], [a, a.sum()], updates=[(a, a + 1)])
    copy = next(k for k, s in enumerate(program.steps) if isinstance(s, Copy))
    update = next(k for k, s in enumerate(program.steps) if "a" in s.writes)
    assert copy < update


def guarded() -> tuple[list[Any], list[Any], Updates]:
    a, b = pair(8, 5)
    index = T.ivector("index")
    cost = T.sum(T.sqr(a[index])) + T.sum(b)
    return [index], [cost], [(p, p - sn.grad(cost, p)) for p in (a, b)]


def test_guards_come_before_every_write_that_lasts() -> None:
    inputs, outputs, updates = guarded()
    program = program_of(inputs, outputs, [np.array([1, 2], "int32")], updates=updates)
    guards = [k for k, s in enumerate(program.steps) if isinstance(s, Guard)]
    lasting = {b.name for b in buffers(program, "shared")}
    writes = [k for k, s in enumerate(program.steps) if s.writes & lasting]
    assert guards
    assert writes
    assert max(guards) < min(writes)


def test_a_call_that_fails_writes_nothing() -> None:
    inputs, outputs, updates = guarded()
    f = sn.function(inputs, outputs, updates=updates)
    before = [p.get_value() for p, _ in updates]
    with pytest.raises(IndexError):
        f(np.array([1, 8], "int32"))
    for (p, _), value in zip(updates, before, strict=True):
        np.testing.assert_array_equal(p.get_value(), value)


def test_one_value_with_several_readers_is_stored_once() -> None:
    a, _ = pair(6, 6)
    total = T.tanh(T.dot(a, a))
    program = program_of([], [total, total, T.sum(total)], updates=[(a, total)])
    assert kinds(program).count("contraction") == 1


def test_inputs_and_constants_can_be_outputs() -> None:
    x = T.vector("x")
    program = program_of([x], [x, T.constant([1.0, 2.0]), x], [np.ones(3, "float32")])
    assert kinds(program) == ["copy"] * 3


@pytest.mark.parametrize("name", ["i0", "r0", "n0", "s0", "t1", "c0", "out0", "g0", "acc", "m"])
def test_any_name_will_do(name: str) -> None:
    x, w = T.matrix(name), T.matrix("k")
    outputs = [T.sum(T.sqr(x), axis=1), T.dot(x, w) * T.mean(x)]
    program_of([x, w], outputs, [np.ones((3, 4), "float32"), np.ones((4, 2), "float32")])
    f = sn.function([x, w], outputs)
    f(np.ones((3, 4), "float32"), np.ones((4, 2), "float32"))
    found = f(np.ones((5, 2), "float32"), np.ones((2, 3), "float32"))  # lengths that vary
    np.testing.assert_allclose(found[0], np.full(5, 2.0))
    np.testing.assert_allclose(found[1], np.full((5, 3), 2.0))


def test_loops_over_one_axis_with_different_lengths() -> None:
    """What is always so in a short loop need not be so in the long one beside it."""
    (i,) = axes(1)
    wide = Root(("c",), (const(8),), Load("a", rows()["minimum"](i, 3), "float64"))
    short = Root(("d",), (const(3),), Load("b", i, "float64"))
    stmts = build([wide, short])
    found = abstract(stmts, dict.fromkeys("abcd", "float64"))
    assert found.stmts[0].body[0].value == Load("p0", rows()["minimum"](i, 3), "float64")


def test_products_of_rows_of_reversed_steps_divide_by_nothing() -> None:
    x, y = (sn.shared(np.ones((7, 3, n), "float32")) for n in (4, 5))
    left, right = x.reshape((21, 4)), y[::-1].reshape((21, 5))
    program = program_of([], [T.dot(left.T, right)])
    (work,) = {s.work for s in program.steps if isinstance(s, Launch)}
    assert isinstance(work, Contraction)
    assert [a.extent for a in work.inner] == [const(7), const(3)]
    assert "//" not in str(work)
    assert "%" not in str(work)
