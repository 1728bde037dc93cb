"""Joined, split, turned and framed tensors: NumPy, LLVM and CUDA agree, gradients included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from tests.backends.agreement import agree

rng = np.random.default_rng(5)
SHAPES = [(3, 4), (1, 4), (2, 1), (5, 17), (1, 1)]


def expressions(x: Any, y: Any) -> list[Any]:
    a, b = T.split(x, [x.shape[0] - 1, 1], 2)
    return [
        T.concatenate([x, y, 2 * x], 0),
        T.concatenate([x, T.tanh(y)], 1),
        T.stack([x, y, x * y], axis=1),
        T.concatenate([k * x for k in range(20)], axis=1),
        T.concatenate([b, a], 0),
        T.roll(x, 2, 1) * x,
        T.roll(x, -1) + T.flip(y),
        T.rot90(x),
        T.tile(x, (2, 3)),
        T.tile(x, (2, 1, 1)),
        *(T.pad(x, ((1, 2), (0, 3)), m) for m in ("edge", "symmetric", "wrap", "reflect")),
        T.pad(x, 1, constant_values=((1, 2), (3, 4))),
        T.pad(x, 2),
        T.linspace(x[0], y[0], 4),
    ]


@pytest.mark.parametrize("dtype", ["float64", "float32", "int32"])
def test_values(dtype: str) -> None:
    x, y = T.TensorType(dtype, (None, None))("x"), T.TensorType(dtype, (None, None))("y")
    calls = [[(9 * rng.normal(size=s)).astype(dtype) for _ in "xy"] for s in SHAPES]
    agree([x, y], expressions(x, y), *calls, tolerance=1e-12 if dtype == "float64" else 1e-5)


def test_gradients() -> None:
    x, y = T.dmatrices("x", "y")
    cost = sum((T.sqr(T.tanh(e)).sum() for e in expressions(x, y)), start=T.sqr(x).sum())
    first = sn.grad(cost, [x, y])
    second = sn.grad(T.sqr(first[0]).sum() + T.sqr(first[1]).sum(), [x, y])
    calls = [[rng.normal(size=s) for _ in "xy"] for s in SHAPES[:2]]
    agree([x, y], [*first, *second], *calls, tolerance=1e-8)


def test_parts_without_elements() -> None:
    x, y, n = T.dmatrix("x"), T.dmatrix("y"), T.lscalar("n")
    a, b = T.split(x, [x.shape[0] - n, n], 2)
    outputs = [T.concatenate([x, y, x], 0), T.concatenate([b, a], 0), T.roll(x, n, 0)]
    calls = [[rng.normal(size=(m, 3)), rng.normal(size=(k, 3)), c] for m, k, c in
             [(2, 0, 0), (0, 3, 0), (3, 2, 3), (0, 0, 0), (4, 1, 0)]]  # fmt: skip
    agree([x, y, n], outputs, *calls)


def test_updates_see_old_values() -> None:
    s = sn.shared(np.arange(4.0))
    step = sn.function([], s[0], updates=[(s, T.concatenate([s[2:], s[:2] + 1]))])
    assert [float(step()) for _ in range(4)] == [0, 2, 1, 3]
    np.testing.assert_array_equal(s.get_value(), [2, 3, 4, 5])
