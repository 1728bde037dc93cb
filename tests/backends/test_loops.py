"""Loops in native code: every backend, any number of threads, lengths that change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.config import config
from symnet.scalar import Const
from symnet.scanning import scan
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
