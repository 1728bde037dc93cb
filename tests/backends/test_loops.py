"""Loops in native code: every backend, any number of threads, lengths that change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.config import config
from symnet.ifelse import ifelse
from symnet.program import HostCall, Repeat
from symnet.scalar import Const
from symnet.scanning import scan, until
from tests.backends.agreement import agree
from tests.lowered import kinds, program_of


def recurrent(x: Any, h0: Any, w: Any, u: Any) -> Any:
    h, _ = scan(lambda row, h: T.tanh(T.dot(row, w) + T.dot(h, u)), x, h0)
    return h


def arrays(steps: int, batch: int = 3, width: int = 4, hidden: int = 5) -> list[np.ndarray]:
    rng = np.random.default_rng(steps)
    shapes = [(steps, batch, width), (batch, hidden), (width, hidden), (hidden, hidden)]
    return [rng.standard_normal(shape) * 0.7 for shape in shapes]


def test_a_loop_is_native() -> None:
    inputs = [T.dtensor3("x"), T.dmatrix("h0"), T.dmatrix("w"), T.dmatrix("u")]
    program = program_of(inputs, recurrent(*inputs)[-1], arrays(6))
    assert kinds(program).count("repeat") == 1
    assert "host" not in kinds(program)
    # The step is one product, whose epilogue writes the next row.
    assert kinds(program)[kinds(program).index("repeat") + 1] == "contraction"


def test_recurrent_network_and_its_gradient() -> None:
    inputs = [T.dtensor3("x"), T.dmatrix("h0"), T.dmatrix("w"), T.dmatrix("u")]
    h = recurrent(*inputs)
    cost = (h**2).sum() + h[-1].sum()
    outputs = [h, *sn.grad(cost, inputs)]
    agree(inputs, outputs, arrays(6), arrays(3), arrays(1), arrays(9), tolerance=1e-9)


def test_no_steps() -> None:
    inputs = [T.dtensor3("x"), T.dmatrix("h0"), T.dmatrix("w"), T.dmatrix("u")]
    agree(inputs, [recurrent(*inputs)], arrays(2), arrays(0), tolerance=1e-12)


def test_several_states_taps_and_a_loop_in_the_loop() -> None:
    x, start = T.dvector("x"), T.dmatrix("start")

    def step(v: Any, far: Any, near: Any, total: Any) -> Any:
        inner, _ = scan(lambda a, s: s * 0.5 + a, T.stack([v, total]), near)
        return [T.sin(far + inner[-1]), total + v]

    (first, second), _ = scan(
        step, x, [{"initial": start, "taps": [-3, -1]}, T.constant(0.0, dtype="float64")]
    )
    slopes = sn.grad(first.sum() + second.sum(), [x, start])
    rng = np.random.default_rng(0)
    calls = [(rng.standard_normal(n), rng.standard_normal((3, 4))) for n in (5, 2, 7)]
    agree([x, start], [first, second, *slopes], *calls, tolerance=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_dtypes(dtype: str) -> None:
    x = T.TensorType(dtype, (False, False))("x")
    step = T.or_ if dtype == "bool" else lambda row, s: s + row * 2
    s, _ = scan(step, x, T.zeros_like(x[0]))
    calls = [(np.random.default_rng(n).integers(0, 2, (n, 3)).astype(dtype),) for n in (4, 6)]
    agree([x], [s], *calls, tolerance=1e-6)


def test_the_number_of_threads_changes_no_bit() -> None:
    inputs = [T.ftensor3("x"), T.fmatrix("h0"), T.fmatrix("w"), T.fmatrix("u")]
    h = recurrent(*inputs)
    outputs = [h, *sn.grad((h**2).sum(), inputs)]
    values = [a.astype("float32") for a in arrays(20, batch=32, width=64, hidden=96)]
    found = []
    for threads in (1, 2, 3):
        with config.change(num_threads=threads):
            found.append(sn.function(inputs, outputs)(*values))
    for others in found[1:]:
        for a, b in zip(found[0], others, strict=True):
            np.testing.assert_array_equal(a, b)


def test_lengths_that_change_compile_twice() -> None:
    inputs = [T.dtensor3("x"), T.dmatrix("h0"), T.dmatrix("w"), T.dmatrix("u")]
    h = recurrent(*inputs)
    f = sn.function(inputs, [h[-1], *sn.grad(h.sum(), inputs[2:])])
    for steps in (4, 7, 2, 9, 5):
        f(*arrays(steps))
    assert len(f.programs) == 2


def test_a_state_read_at_its_end_keeps_no_history() -> None:
    x, start, n = T.dmatrix("x"), T.dmatrix("start"), T.lscalar("n")
    steps = x.shape[0]

    def step(row: Any, far: Any, near: Any, total: Any) -> Any:
        return [T.tanh(far + 0.5 * near + row), total + near]

    (a, b), _ = scan(
        step, x, [{"initial": start, "taps": [-3, -1]}, T.zeros_like(x[0])], n_steps=steps
    )
    outputs = [a[-1], a[-3], b[-1], a[-1] * b[-1]]
    rng = np.random.default_rng(0)
    calls = [(rng.standard_normal((k, 4)), rng.standard_normal((3, 4))) for k in (3, 8, 4, 5, 6)]
    agree([x, start], outputs, *calls, tolerance=1e-12)
    power, _ = scan(lambda p: p * 1.5 + 1, outputs_info=T.zeros((1000,)), n_steps=n)
    f = sn.function([n], power[-1].sum())
    f(3)
    f(400)
    temporaries = [b for b in f.programs[-1].buffers if b.kind == "temporary"]
    assert temporaries
    assert all(isinstance(n, Const) and n.value <= 1000 for b in temporaries for n in b.shape)
    with pytest.raises(IndexError, match="no step is made, so there is no last one"):
        f(0)


def test_a_condition_ends_a_native_loop() -> None:
    x, c = T.dmatrix("x"), T.dscalar("c")

    def step(row: Any, h: Any) -> Any:
        new = T.tanh(h + row)
        return [new, new.sum()], until(new.sum() > c)

    (h, s), _ = scan(step, x, [T.zeros((4,), "float64"), None])
    slope = sn.grad(T.sqr(h).sum() + s.sum(), x)
    rng = np.random.default_rng(0)
    calls = [(rng.standard_normal((n, 4)), c) for n in (6, 3, 9) for c in (0.5, 100.0, -100.0)]
    agree([x, c], [h, s, slope], *calls, tolerance=1e-9)
    f = sn.function([x, c], [h, s, slope])
    f(*calls[0])
    steps = [step for program in f.programs for step in program.steps]
    assert any(isinstance(step, Repeat) and step.until for step in steps)
    assert not any(isinstance(step, HostCall) for step in steps)


def test_the_number_of_threads_changes_no_bit_of_a_loop_that_ends() -> None:
    x, w = T.fmatrix("x"), T.fmatrix("w")

    def step(h: Any) -> Any:
        new = T.tanh(T.dot(h, w))
        return new, until(T.sqr(new).sum() < 30)

    h, _ = scan(step, outputs_info=x, n_steps=40)
    rng = np.random.default_rng(0)
    values = [rng.standard_normal((64, 96)), rng.standard_normal((96, 96)) * 0.08]
    found = []
    for threads in (1, 2, 3):
        with config.change(num_threads=threads):
            f = sn.function([x, w], [h, sn.grad(h[-1].sum(), w)])
            found.append(f(*(a.astype("float32") for a in values)))
    assert 1 < len(found[0][0]) < 40
    for others in found[1:]:
        for a, b in zip(found[0], others, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_wrong_index_in_a_step_is_told_and_nothing_is_updated() -> None:
    rng = np.random.default_rng(0)
    w, count = sn.shared(rng.standard_normal((5, 4))), sn.shared(0)
    i = T.lvector("i")

    def inner(k: Any, h: Any) -> Any:
        rows, _ = scan(lambda j, q: ifelse(q.sum() > 0, q * w[j], q + 1), i + k, h)
        return rows[-1] + w[k]

    h, _ = scan(inner, i, T.ones((4,), "float64"))
    g, _ = scan(lambda k, h: T.tanh(h * w[k]), i, T.ones((4,), "float64"))
    outputs = [h, g, sn.grad(g.sum(), w)]
    agree([i], outputs, ([0, 1, 2],), ([1, 0, 2, 0],), tolerance=1e-9)
    updates = [(count, count + 1), (w, w - 0.1 * outputs[2])]
    f = sn.function([i], outputs, updates=updates)
    program = program_of([i], outputs, [np.array([0, 1, 2])], updates=updates)
    assert "host" not in kinds(program)
    assert "guard" in kinds(program)
    before = w.get_value()
    for wrong in ([0, 4, 1], [0, 1, 7], [-9]):
        with pytest.raises(IndexError, match="out of range in dimension 0"):
            f(wrong)
    assert count.get_value() == 0
    np.testing.assert_array_equal(w.get_value(), before)
    f([0, 1, 2])
    assert count.get_value() == 1
