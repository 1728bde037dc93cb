"""`scan` as its users see it: arguments, updates, random streams, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet import memory
from symnet.graph import ancestors
from symnet.program import Launch
from symnet.random import RandomStreams
from symnet.scanning import foldl, foldr, map, reduce, scan, until
from symnet.scanning.op import Scan
from tests.lowered import program_of

MODES = ["reference", "default"]


def loops(*outputs: Any) -> list[Scan]:
    return [n.op for n in ancestors(outputs) if isinstance(n.op, Scan)]


@pytest.mark.parametrize("mode", MODES)
def test_power(mode: str) -> None:
    k, a = T.iscalar("k"), T.vector("a")
    powers, updates = scan(
        lambda earlier, a: earlier * a, outputs_info=T.ones_like(a), non_sequences=a, n_steps=k
    )
    f = sn.function([a, k], powers[-1], updates=updates, mode=mode)
    np.testing.assert_allclose(f(np.arange(10, dtype="float32"), 2), np.arange(10) ** 2)
    np.testing.assert_allclose(f(np.arange(10, dtype="float32"), 3), np.arange(10) ** 3)


@pytest.mark.parametrize("mode", MODES)
def test_polynomial_needs_no_loop(mode: str) -> None:
    coefficients, x = T.dvector("coefficients"), T.dscalar("x")
    terms, _ = scan(
        lambda c, power, x: c * x**power,
        sequences=[coefficients, T.arange(100)],
        non_sequences=x,
    )
    assert not loops(terms)
    f = sn.function([coefficients, x], terms.sum(), mode=mode)
    assert f([1, 0, 2], 3) == 19.0


def test_products_with_weights_leave_the_loop() -> None:
    x, h0, w, u = T.dtensor3("x"), T.dmatrix("h0"), T.dmatrix("w"), T.dmatrix("u")
    h, _ = scan(lambda row, h: T.tanh(T.dot(row, w) + T.dot(h, u)), x, h0)
    slopes = sn.grad(h.sum(), [w, u])
    forward, back = loops(*slopes)
    products = [[str(n.op) for n in ancestors(op.outputs)].count("dot") for op in (forward, back)]
    assert products == [1, 1]  # h times u, and the cotangent of h


@pytest.mark.parametrize("mode", MODES)
def test_updates_of_shared_variables(mode: str) -> None:
    a = sn.shared(1)
    values, updates = scan(lambda: {a: a + 1}, n_steps=10)
    assert values is None
    f = sn.function([], a, updates=updates, mode=mode)
    assert f() == 1
    assert a.get_value() == 11


@pytest.mark.parametrize("mode", MODES)
def test_until(mode: str) -> None:
    limit = T.iscalar("limit")

    def step(power: Any, limit: Any) -> Any:
        return power * 2, until(power * 2 > limit)

    powers, _ = scan(step, outputs_info=T.constant(1.0), non_sequences=limit, n_steps=1024)
    f = sn.function([limit], powers, mode=mode)
    np.testing.assert_array_equal(f(45), [2, 4, 8, 16, 32, 64])
    np.testing.assert_array_equal(f(3), [2, 4])


@pytest.mark.parametrize("mode", MODES)
def test_a_stream_goes_on_from_step_to_step_and_call_to_call(mode: str) -> None:
    streams = RandomStreams(7)
    draws, updates = scan(lambda: streams.uniform((3,)), n_steps=4)
    f = sn.function([], draws, updates=updates, mode=mode)
    found = np.concatenate([f(), f()])
    assert len(np.unique(found)) == 24
    # Without the updates given, too.
    g = sn.function([], draws, mode=mode)
    again = np.concatenate([found, g(), g()])
    assert len(np.unique(again)) == 48


@pytest.mark.parametrize("mode", MODES)
def test_truncated_gradient(mode: str) -> None:
    x, w = T.dvector("x"), T.dscalar("w")
    s, _ = scan(
        lambda row, s: s * w + row, x, T.constant(0.0, dtype="float64"), truncate_gradient=2
    )
    slopes = sn.grad(s[-1], [x, w])
    by_x, by_w = sn.function([x, w], slopes, mode=mode)([1, 2, 3, 4], 0.5)
    np.testing.assert_allclose(by_x, [0, 0, 0.5, 1])
    # s is 1, 2.5, 4.25 before the last three steps: w * (s of step 2) + (s of step 3).
    np.testing.assert_allclose(by_w, 0.5 * 2.5 + 4.25)


@pytest.mark.parametrize("mode", MODES)
def test_map_reduce_fold(mode: str) -> None:
    x = T.dvector("x")
    squares, _ = map(lambda v: v**2, x)
    total, _ = reduce(lambda v, s: v + s, x, T.constant(0.0))
    left, _ = foldl(lambda v, s: v - s, x, T.constant(0.0))
    right, _ = foldr(lambda v, s: v - s, x, T.constant(0.0))
    f = sn.function([x], [squares, total, left, right], mode=mode)
    found = f([1, 2, 4])
    np.testing.assert_array_equal(found[0], [1, 4, 16])
    assert [float(v) for v in found[1:]] == [7.0, 3.0, 3.0]


def test_what_a_step_may_return() -> None:
    x = T.dvector("x")
    counter = sn.shared(0.0)

    def run(step: Any, infos: Any = None) -> Any:
        found, updates = scan(step, x, infos)
        return sn.function([x], found, updates=updates)([1, 2, 3])

    np.testing.assert_array_equal(run(lambda v: [v, v * 2])[1], [2, 4, 6])
    np.testing.assert_array_equal(run(lambda v: (v, v * 2))[1], [2, 4, 6])
    np.testing.assert_array_equal(run(lambda v: ([v, v * 2], {counter: counter + 1}))[1], [2, 4, 6])
    np.testing.assert_array_equal(run(lambda v: (v, [(counter, counter + 1)])), [1, 2, 3])
    assert counter.get_value() == 6
    found = run(lambda v: ([v, v * 2], {counter: counter + 1}, until(v > 1.5)))
    np.testing.assert_array_equal(found[0], [1, 2])
    assert counter.get_value() == 8
    found = run(lambda v, s: [v, s + v], [None, T.constant(0.0)])
    np.testing.assert_array_equal(found[1], [1, 3, 6])


def test_dtypes_of_states() -> None:
    x = T.dvector("x")
    counts, _ = scan(lambda v, n: n + T.gt(v, 0), x, T.constant(0))
    assert counts.dtype == "int64"
    with pytest.raises(TypeError, match="output 0 starts as float32, but a step makes it float64"):
        scan(lambda v, s: s + v, x, T.fscalar("s"))
    with pytest.raises(TypeError, match="output 0 starts as 0 dimensions, but a step makes"):
        scan(lambda v, s: T.stack([v, s]), x, T.constant(0.0))


def test_mistakes() -> None:
    x, y = T.dvector("x"), T.dscalar("y")
    with pytest.raises(ValueError, match="the number of steps is needed"):
        scan(lambda s: s, outputs_info=y)
    with pytest.raises(TypeError, match="a sequence has rows, but y is"):
        scan(lambda s: s, sequences=y)
    with pytest.raises(ValueError, match=r"taps of output 0 look back: \[0\] must be negative"):
        scan(lambda v, s: s, x, {"initial": x, "taps": [0]})
    with pytest.raises(ValueError, match="returns 2 outputs, outputs_info speaks of 1"):
        scan(lambda v, s: [s, s], x, [y])
    with pytest.raises(ValueError, match="with strict=True the function uses y"):
        scan(lambda v: v + y, x, strict=True)
    with pytest.raises(ValueError, match="n_steps is -1"):
        scan(lambda v: v, x, n_steps=-1)
    with pytest.raises(ValueError, match=r"\['step'\] is not known"):
        scan(lambda v: v, {"input": x, "step": 2})
    assert scan(lambda v: v + y, x, non_sequences=[], strict=False)[0].ndim == 1


def test_wrong_lengths_are_told_with_the_users_line() -> None:
    x, h = T.dmatrix("x"), T.dvector("h")
    s, _ = scan(lambda row, s: row + s, x, h)
    f = sn.function([x, h], s)
    with pytest.raises(ValueError, match="lengths of dimension 0 differ"):
        f(np.zeros((4, 3)), np.zeros(2))
    short, _ = scan(lambda row, s: row[0] + s, x, T.constant(0.0), n_steps=9)
    with pytest.raises(ValueError, match="a sequence has not as many rows as there are steps"):
        sn.function([x], short)(np.zeros((4, 3)))


def test_what_a_gradients_steps_and_its_results_share_is_computed_in_the_steps_alone() -> None:
    W = sn.shared(np.full((4, 4), 0.1, "float32"))
    x = sn.shared(np.ones((5, 3, 4), "float32"))
    h, _ = sn.scan(lambda row, h: T.nnet.sigmoid(row + T.dot(h, W)), x, x[0])
    program = program_of([], sn.grad(h[-1].sum(), W))
    slopes = [s for s in program.steps if isinstance(s, Launch) and "fma" in str(s.work)]
    assert len(slopes) == 1  # in the backward loop, whose results the one product after it reads
    assert "sigmoid(neg" not in str(program)


@pytest.mark.parametrize("mode", MODES)
def test_forward_mode_through_a_loop(mode: str) -> None:
    x, w, v, u = T.dmatrix("x"), T.dmatrix("w"), T.dmatrix("v"), T.dmatrix("u")
    h, _ = scan(lambda row, h: T.tanh(T.dot(h, w) + row), x, T.zeros((3,), "float64"))
    pushed = sn.Rop(h, [x, w], [v, u])
    g = T.dmatrix("g")
    # <g, J v> is <J' g, v>.
    back = sn.Lop(h, [x, w], g)
    sides = (g * pushed).sum(), (back[0] * v).sum() + (back[1] * u).sum()
    f = sn.function([x, w, v, u, g], [*sides, pushed], mode=mode)
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s) for s in [(5, 3), (3, 3), (5, 3), (3, 3), (5, 3)]]
    left, right, found = f(*arrays)
    np.testing.assert_allclose(left, right, rtol=1e-9)
    run, step = sn.function([x, w], h), 1e-6
    a, b, da, db, _ = arrays
    there, back_there = run(a + step * da, b + step * db), run(a - step * da, b - step * db)
    np.testing.assert_allclose(found, (there - back_there) / (2 * step), rtol=1e-5, atol=1e-7)


def test_what_decides_about_a_shape_is_the_same_in_every_step() -> None:
    n, x = T.lvector("n"), T.dvector("x")
    start = T.constant(0.0, dtype="float64")
    # Before the loop, for all steps at once; and in it.
    ahead, _ = scan(lambda k, h: h + x[:k].sum(), n, start)
    with pytest.raises(TypeError, match=r"decides about the shape .* differs from row to row"):
        sn.function([n, x], ahead)
    inside, _ = scan(lambda k, h: h + x[: k + T.cast(h, "int64")].sum(), n, start)
    with pytest.raises(NotImplementedError, match="so it must be the same in every step"):
        sn.function([n, x], inside)
    last = T.lscalar("last")
    same, _ = scan(lambda k, h: h + k * x[:last].sum(), n, T.constant(0.0, dtype="float64"))
    np.testing.assert_array_equal(
        sn.function([n, x, last], same)([1, 2], [1.0, 2.0, 4.0], 2), [3.0, 9.0]
    )


def arena(steps: int) -> int:
    """Bytes of temporaries of a loop whose last state alone is wanted."""
    n, x = T.lscalar("n"), T.dmatrix("x")
    h, _ = scan(lambda h: T.tanh(T.dot(h, x)), outputs_info=T.ones_like(x), n_steps=n)
    f = sn.function([n, x], h[-1].sum())
    f(steps, np.eye(20))
    (version,) = f._compiled.versions
    _, total = memory.plan(version.program, version.sizes)
    return total


def test_memory_does_not_grow_with_steps_whose_last_state_alone_is_used() -> None:
    assert arena(1000) == arena(10) < 20 * 20 * 8 * 8


# -- mistakes --------------------------------------------------------------------------------


def test_more_steps_than_rows():
    x, n = T.dvector("x"), T.lscalar("n")
    doubled, _ = sn.scan(lambda a: 2 * a, x, n_steps=n)
    f = sn.function([x, n], doubled)
    np.testing.assert_array_equal(f([1, 2, 3], 2), [2, 4])
    with pytest.raises(ValueError, match="a sequence has not as many rows as there are steps"):
        f([1, 2, 3], 4)
    (_, late), _ = sn.scan(lambda a, h: [h + 1, a * h], [x], [T.constant(0.0), None], n_steps=n)
    g = sn.function([x, n], late)
    np.testing.assert_array_equal(g([1, 2, 3], 3), [0, 2, 6])
    with pytest.raises(ValueError, match="a sequence has not as many rows as there are steps"):
        g([1, 2, 3], 4)


def test_a_function_of_other_arguments():
    x, w = T.dvector("x"), T.dscalar("w")
    with pytest.raises(
        TypeError, match=r"given 3 arguments, 1 of sequences, 1 earlier .* and 1 of"
    ):
        sn.scan(lambda a, h: a + h, x, T.constant(0.0), non_sequences=w)
