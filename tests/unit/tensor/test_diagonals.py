import numpy as np
import pytest

import symnet.tensor as T
from symnet.tensor import nlinalg
from tests.unit.ops.elements import check, check_gradients

rng = np.random.default_rng(6)
X = rng.normal(size=(2, 3, 4))


@pytest.mark.parametrize("offset", [0, 1, -1, 2, -2, 7, -7])
@pytest.mark.parametrize("axes", [(0, 1), (1, 2), (-1, 0), (2, 1)])
def test_diagonal(offset, axes):
    found = check(lambda x: T.diagonal(x, offset, *axes), X)
    np.testing.assert_array_equal(found, np.diagonal(X, offset, *axes))
    check_gradients(lambda x: x.diagonal(offset, *axes), X)
    np.testing.assert_array_equal(
        check(lambda x: T.ExtractDiag(offset, *axes)(x), X), np.diagonal(X, offset, *axes)
    )


@pytest.mark.parametrize("k", [0, 2, -1])
@pytest.mark.parametrize("n", [3, 1, 0])
def test_diag(k, n):
    v = rng.normal(size=n)
    np.testing.assert_array_equal(check(lambda x: T.diag(x, k), v), np.diag(v, k))
    check_gradients(lambda x: T.diag(x, k), v)
    np.testing.assert_array_equal(check(lambda x: T.diag(x, k), X[0]), np.diag(X[0], k))


@pytest.mark.parametrize("axes", [(0, 1), (1, 2), (2, 0), (-1, -2)])
def test_alloc_diag(axes):
    found = check(lambda x: T.AllocDiag(1, *axes)(x), X[0])
    for k in range(3):
        matrices = np.moveaxis(found, axes, (0, 1))
        np.testing.assert_array_equal(matrices[:, :, k], np.diag(X[0, k], 1))


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2), (1, 1), (0, 2), (3, 3, 3)])
def test_fill_diagonal(shape):
    x = rng.normal(size=shape)
    expected = x.copy()
    np.fill_diagonal(expected, 7)
    found = check(T.fill_diagonal, x, np.float64(7))
    np.testing.assert_array_equal(found, expected)
    check_gradients(T.fill_diagonal, x, np.float64(7))


@pytest.mark.parametrize("offset", [0, 1, -2, 9])
def test_fill_diagonal_offset(offset):
    x = rng.normal(size=(3, 5))
    expected = np.where(np.arange(5) - np.arange(3)[:, None] == offset, 2, x)
    found = check(lambda x, k: T.fill_diagonal_offset(x, 2, k), x, np.int64(offset))
    np.testing.assert_array_equal(found, expected)
    check_gradients(lambda x, v: T.fill_diagonal_offset(x, v, offset), x, np.float64(2))


@pytest.mark.parametrize("k", [0, 1, -2, 9, -9])
def test_triangles(k):
    for x in (X, X[0], (10 * X[1]).astype("int32")):
        np.testing.assert_array_equal(check(lambda x: T.tril(x, k), x), np.tril(x, k))
        np.testing.assert_array_equal(check(lambda x: T.triu(x, k), x), np.triu(x, k))
    check_gradients(lambda x: T.tril(x, k), X)
    for n, m in ((3, None), (2, 5), (4, 2)):
        np.testing.assert_array_equal(T.tri(n, m, k).eval(), np.tri(n, m, k))
        np.testing.assert_array_equal(T.eye(n, m, k).eval(), np.eye(n, m, k))


def test_symbolic_sizes():
    n, k = T.lscalars("n", "k")
    np.testing.assert_array_equal(T.tri(n, n + 1, k, "int8").eval({n: 3, k: -1}), np.tri(3, 4, -1))
    np.testing.assert_array_equal(T.eye(n, k=k).eval({n: 3, k: 1}), np.eye(3, k=1))
    x = T.dmatrix("x")
    assert T.identity_like(x).dtype == "float64"
    np.testing.assert_array_equal(T.identity_like(x).eval({x: X[0]}), np.eye(3, 4))


def test_old_names():
    x, v = T.dmatrix("x"), T.dvector("v")
    np.testing.assert_array_equal(nlinalg.ExtractDiag()(x).eval({x: X[0]}), np.diag(X[0]))
    np.testing.assert_array_equal(nlinalg.AllocDiag()(v).eval({v: [1, 2]}), np.diag([1, 2]))


def test_refused():
    x = T.dmatrix()
    with pytest.raises(ValueError, match="two dimensions or more"):
        T.diagonal(T.vector())
    with pytest.raises(ValueError, match="axis1 and axis2 are both 1"):
        T.diagonal(x, 0, 1, -1)
    with pytest.raises(TypeError, match="the offset is an integer known beforehand"):
        T.diagonal(x, T.iscalar())
    with pytest.raises(ValueError, match="diag takes a vector or a matrix"):
        T.diag(T.scalar())
    with pytest.raises(TypeError, match="float64 does not fit a tensor of float32"):
        T.fill_diagonal(T.fmatrix(), T.dscalar())
    with pytest.raises(TypeError, match="the value is a number"):
        T.fill_diagonal(x, T.dvector())
    with pytest.raises(TypeError, match="takes a matrix"):
        T.fill_diagonal_offset(T.dvector(), 1, 0)
    with pytest.raises(ValueError, match="tril takes matrices"):
        T.tril(T.vector())
