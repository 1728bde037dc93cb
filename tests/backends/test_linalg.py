"""Host calls for linear algebra beside native code: results, and what a failing one leaves."""

from __future__ import annotations

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.tensor import nlinalg, slinalg

pytestmark = pytest.mark.usefixtures("device")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_log_likelihood_of_a_gaussian_process(dtype):
    x, y, scale = T.matrix("x", dtype), T.vector("y", dtype), T.scalar("scale", dtype)
    distances = T.sqr(x[:, None, :] - x[None, :, :]).sum(axis=2)
    kernel = T.exp(-distances / scale) + 0.1 * T.eye(x.shape[0], dtype=dtype)
    factor = slinalg.cholesky(kernel)
    half = slinalg.solve_lower_triangular(factor, y)
    cost = T.sqr(half).sum() + 2 * T.log(nlinalg.extract_diag(factor)).sum()
    same = T.dot(y, T.dot(nlinalg.matrix_inverse(kernel), y)) + nlinalg.logabsdet(kernel)
    outputs = [cost, same, sn.grad(cost, scale), sn.grad(same, scale)]
    outputs += [sn.grad(sn.grad(v, scale), scale) for v in (cost, same)]
    rng = np.random.default_rng(0)
    for rows in (5, 3, 1, 8):
        values = rng.normal(size=(rows, 2)).astype(dtype), rng.normal(size=rows).astype(dtype)
        found = sn.function([x, y, scale], outputs, mode="debug")(*values, np.array(1.5, dtype))
        rough = 1e-3 if dtype == "float32" else 1e-9
        for direct, other in zip(found[::2], found[1::2], strict=True):
            assert direct.dtype == dtype
            np.testing.assert_allclose(direct, other, rtol=rough, atol=rough)


def test_a_singular_matrix_changes_nothing():
    x = T.matrix("x")
    w = sn.shared(np.eye(2, dtype="float32"), name="w")
    step = sn.function([x], updates=[(w, w + nlinalg.matrix_inverse(x))])
    with pytest.raises(np.linalg.LinAlgError, match="matrixinverse: Singular matrix") as caught:
        step(np.zeros((2, 2), "float32"))
    (note,) = caught.value.__notes__
    assert "matrixinverse, built at" in note
    assert __file__ in note
    np.testing.assert_array_equal(w.get_value(), np.eye(2))
    with pytest.raises(ValueError, match="the matrix is not square"):
        step(np.zeros((2, 3), "float32"))


def test_views_as_operands():
    x = T.matrix("x")
    inverse = sn.function([x], nlinalg.matrix_inverse(x[::-1, 1:].T * 2))
    value = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    np.testing.assert_allclose(inverse(value), np.linalg.inv(value[::-1, 1:].T * 2), rtol=1e-4)


def test_a_result_returned_twice_and_kept():
    x = T.matrix("x")
    w = sn.shared(np.zeros((2, 2), "float32"), name="w")
    values, vectors = nlinalg.eigh(x)
    step = sn.function([x], [vectors, values, vectors, vectors], updates=[(w, vectors)])
    value = np.array([[2, 1], [1, 3]], "float32")
    for _ in range(2):
        first, found, *others = step(value)
        expected = np.linalg.eigh(value)
        np.testing.assert_allclose(found, expected[0], rtol=1e-6)
        for matrix in (first, *others, w.get_value()):
            np.testing.assert_allclose(matrix, expected[1], rtol=1e-6)
        first[...] = 0
        np.testing.assert_allclose(others[0], expected[1], rtol=1e-6)
