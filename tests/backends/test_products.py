"""Products of tensors: NumPy, LLVM and CUDA agree, gradients included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.config import config
from tests.backends.agreement import agree

rng = np.random.default_rng(9)


def expressions(x: Any, y: Any) -> list[Any]:
    """Of tensors of shapes (b, m, k) and (b, k, n)."""
    return [
        x @ y,
        x @ y[0],
        x[0] @ y,
        x[0, 0] @ y,
        T.dot(x, y),
        T.tensordot(x, y, [[0, 2], [0, 1]]),
        T.batched_dot(x[:, 0], y),
        T.einsum("bmk,bkn,bmn->b", x, y, T.tanh(x @ y)),
        T.einsum("bmk,ckn->nmbc", x, y),
        T.einsum("bmm->bm", x[:, :2, :2] + y[:, :2, :2]),
    ]


CASES = [(2, 3, 4, 5), (1, 2, 2, 2), (3, 2, 17, 9)]


def call(dtype: str, b: int, m: int, k: int, n: int) -> list[np.ndarray]:
    return [rng.integers(-9, 10, s).astype(dtype) for s in ((b, m, k), (b, k, n))]


@pytest.mark.parametrize("dtype", ["float64", "float32", "int32"])
def test_values(dtype: str) -> None:
    x, y = T.TensorType(dtype, (None,) * 3)("x"), T.TensorType(dtype, (None,) * 3)("y")
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    agree([x, y], expressions(x, y), *(call(dtype, *c) for c in CASES), tolerance=tolerance)


def test_gradients() -> None:
    x, y = T.dtensor3("x"), T.dtensor3("y")
    cost = sum((T.sqr(T.tanh(e)).sum() for e in expressions(x, y)), start=T.sqr(x).sum())
    first = sn.grad(cost, [x, y])
    second = sn.grad(T.sqr(first[0]).sum() + T.sqr(first[1]).sum(), [x, y])
    values = [[0.1 * v for v in call("float64", *c)] for c in CASES[:2]]
    agree([x, y], [*first, *second], *values, tolerance=1e-8)


def test_what_follows_a_batch_of_products_is_its_epilogue(device: str) -> None:
    x, y, b = T.ftensor3("x"), T.ftensor3("y"), T.fvector("b")
    f = sn.function([x, y, b], T.tanh(T.batched_dot(x, y.dimshuffle(0, 2, 1)) + b))
    given = [rng.random(s).astype("float32") for s in ((3, 4, 5), (3, 6, 5), (6,))]
    np.testing.assert_allclose(f(*given), np.tanh(given[0] @ given[1].mT + given[2]), rtol=1e-5)
    assert len(f.programs[0].steps) == 1


@pytest.mark.parametrize("shape", [(1, 90, 80, 70), (7, 33, 65, 50), (200, 9, 10, 11)])
def test_threads_share_a_batch_without_changing_a_bit(shape: tuple[int, ...]) -> None:
    b, m, k, n = shape
    x, y = T.ftensor3("x"), T.ftensor3("y")
    given = [rng.standard_normal(s).astype("float32") for s in ((b, m, k), (b, k, n))]
    found = []
    for threads in (1, 2):
        with config.change(num_threads=threads):
            f = sn.function([x, y], T.batched_dot(x, y))
            found.append(f(*given))
    np.testing.assert_allclose(found[0], given[0] @ given[1], rtol=1e-4, atol=1e-4)
    assert found[0].tobytes() == found[1].tobytes()
