import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.tensor import extra_ops
from tests.unit.ops.elements import check, check_gradients

rng = np.random.default_rng(5)
X = rng.normal(size=(3, 4, 2))


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_as_numpy(name, axis):
    function, plain = getattr(T, name), getattr(np, name)
    np.testing.assert_allclose(check(lambda x: function(x, axis), X), plain(X, axis), rtol=1e-12)
    check_gradients(lambda x: getattr(x, name)(axis), X[:, :2])
    for empty in (X[:0], X[:, :0]):
        assert check(lambda x: function(x, axis), empty).shape == plain(empty, axis).shape


@pytest.mark.parametrize("zeros", [[1], [0], [3], [1, 2], [0, 1, 2, 3]])
def test_gradient_of_a_product_with_zeros(zeros):
    x = np.array([2.0, -1.5, 3.0, 0.5])
    x[zeros] = 0
    v = T.dvector()
    weights = np.array([1.0, 2.0, 4.0, 8.0])
    gradient = sn.function([v], T.grad((T.cumprod(v) * weights).sum(), v), mode="reference")
    expected = [
        sum(weights[j] * np.prod(np.delete(x[: j + 1], k)) for j in range(k, 4)) for k in range(4)
    ]
    np.testing.assert_allclose(gradient(x), expected)
    check_gradients(T.cumprod, x)


def test_dtypes():
    for dtype in ("int8", "int64", "float32"):
        x = np.array([1, 2, 3], dtype)
        for function, plain in ((T.cumsum, np.cumsum), (T.cumprod, np.cumprod)):
            found = check(function, x)
            assert found.dtype == dtype
            np.testing.assert_array_equal(found, plain(x))
    counted = check(T.cumsum, np.array([True, False, True]))
    assert counted.dtype == "int64"
    assert counted.tolist() == [1, 1, 2]


@pytest.mark.parametrize("n", [0, 1, 2, 5])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_diff(n, axis):
    found = check(lambda x: T.diff(x, n, axis), X)
    np.testing.assert_allclose(found, np.diff(X, n, axis), rtol=1e-12, atol=1e-12)
    check_gradients(lambda x: extra_ops.DiffOp(n, axis)(x), X)


def test_diff_of_booleans():
    x = rng.random(7) < 0.5
    np.testing.assert_array_equal(check(T.diff, x), np.diff(x))


def test_old_names():
    x = T.dmatrix()
    assert extra_ops.CumOp(axis=-1, mode="mul")(x).owner.op == T.cumprod(x, 1).owner.op
    assert extra_ops.CumsumOp(0)(x).owner.op == extra_ops.CumOp(0)
    assert extra_ops.CumprodOp()(x).ndim == 1


def test_refused():
    x = T.dmatrix()
    with pytest.raises(ValueError, match="axis 2 is out of range"):
        T.cumsum(x, 2)
    with pytest.raises(ValueError, match="has no dimension -3"):
        extra_ops.CumOp(-3)(x)
    with pytest.raises(ValueError, match="the mode is 'add' or 'mul', not 'max'"):
        extra_ops.CumOp(0, "max")(x)
    with pytest.raises(ValueError, match="n is a number of times"):
        T.diff(x, -1)
