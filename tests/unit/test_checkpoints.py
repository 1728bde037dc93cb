"""`scan_checkpoints`: values and gradients of `scan`, in less memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet import memory
from symnet.scanning import scan, scan_checkpoints

MODES = ["reference", "default"]


def arrays(steps: int) -> list[np.ndarray]:
    rng = np.random.default_rng(steps)
    shapes = [(steps, 4), (4, 4), (4,)]
    return [rng.standard_normal(shape) * 0.5 for shape in shapes]


def network(loop: Any, **options: Any) -> tuple[list[Any], list[Any]]:
    """A recurrent network with an output of every step beside its state."""
    x, w, h0 = inputs = [T.dmatrix("x"), T.dmatrix("w"), T.dvector("h0")]

    def step(row: Any, h: Any, w: Any) -> list[Any]:
        new = T.tanh(T.dot(h, w) + row)
        return [new, T.sqr(new).sum()]

    (h, size), _ = loop(step, x, [h0, None], w, **options)
    cost = T.sin(h[-1]).sum() * size[-1]
    slopes = sn.grad(cost, inputs)
    return inputs, [h[-1], size[-1], *slopes, sn.grad(T.sqr(slopes[0]).sum(), w)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("every", [1, 3, 20])
def test_values_and_gradients_are_those_of_scan(mode: str, every: int) -> None:
    inputs, outputs = network(scan)
    plain = sn.function(inputs, outputs, mode=mode)
    inputs, found = network(scan_checkpoints, save_every_N=every)
    f = sn.function(inputs, found, mode=mode)
    for steps in (6, 7, 2):
        for a, b in zip(plain(*arrays(steps)), f(*arrays(steps)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_every_so_many_outputs_and_the_last(mode: str) -> None:
    x, a = T.dvector("x"), sn.shared(np.float64(0.0))
    sums, updates = scan_checkpoints(
        lambda row, total: (total + row, {a: a * 2 + row}), x, T.constant(0), save_every_N=3
    )
    f = sn.function([x], sums, updates=updates, mode=mode)
    numbers = np.arange(1.0, 8.0)
    np.testing.assert_array_equal(f(numbers), [6, 21, 28])
    assert a.get_value() == sum(v * 2.0 ** (6 - k) for k, v in enumerate(numbers))
    np.testing.assert_array_equal(f(numbers[:6]), [6, 21])
    np.testing.assert_array_equal(f(numbers[:2]), [3])


def test_without_padding_there_are_whole_segments_only() -> None:
    x = T.dvector("x")
    sums, _ = scan_checkpoints(
        lambda row, total: total + row, x, T.constant(0.0), save_every_N=2, padding=False
    )
    f = sn.function([x], sums)
    np.testing.assert_array_equal(f([1.0, 2.0, 3.0, 4.0]), [3, 10])
    with pytest.raises(ValueError, match="another number of elements"):
        f([1.0, 2.0, 3.0])


def test_a_number_of_steps_without_sequences() -> None:
    powers, _ = scan_checkpoints(
        lambda p: p * 2, outputs_info=T.constant(1.0), n_steps=7, save_every_N=3
    )
    np.testing.assert_array_equal(sn.function([], powers)(), [8, 64, 128])


def arena(loop: Any, steps: int, **options: Any) -> int:
    """Bytes of temporaries of a step that updates the weights of a recurrent network."""
    x, w = T.dmatrix("x"), sn.shared(np.eye(16))
    h, _ = loop(lambda row, h: T.tanh(T.dot(h, w) + row), x, T.zeros((16,), "float64"), **options)
    f = sn.function([x], updates=[(w, w - 0.1 * sn.grad(T.sqr(h[-1]).sum(), w))])
    f(np.ones((steps, 16)))
    (version,) = f._compiled.versions
    _, total = memory.plan(version.program, version.sizes)
    return total


def test_the_gradient_needs_less_memory() -> None:
    kept, again = arena(scan, 400), arena(scan_checkpoints, 400, save_every_N=20)
    assert kept > 400 * 16 * 8  # a row for each step
    assert again < kept / 4
    assert arena(scan_checkpoints, 1600, save_every_N=40) < 2.5 * again


def test_errors() -> None:
    x = T.dvector("x")
    with pytest.raises(RuntimeError, match="has taps"):
        scan_checkpoints(lambda a, b: a + b, {"input": x, "taps": [0, 1]}, x[0])
    with pytest.raises(ValueError, match="n_steps is needed"):
        scan_checkpoints(lambda a: a, outputs_info=x[0])
    with pytest.raises(ValueError, match="7 steps are no multiple of 3"):
        scan_checkpoints(
            lambda a: a, outputs_info=x[0], n_steps=7, save_every_N=3, padding=False
        )
    with pytest.raises(ValueError, match="at least 1"):
        scan_checkpoints(lambda a: a, x, save_every_N=0)
