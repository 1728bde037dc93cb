import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T

rng = np.random.default_rng(2)
A = rng.integers(0, 5, (3, 4, 5)).astype("float64")
WITH_NAN = np.where(A == 2, np.nan, A)


def _input(a, name="x"):
    return T.TensorType(a.dtype, (None,) * a.ndim)(name)


@pytest.mark.parametrize("axis", [-1, 0, 1, None])
@pytest.mark.parametrize("value", [A, WITH_NAN, A.astype("int8"), A[:0], A[:1]])
def test_sort(run, value, axis):
    x = _input(value)
    for found in (T.sort(x, axis), x.sort(axis, "mergesort")):
        np.testing.assert_array_equal(run(found, x=value), np.sort(value, axis))
    for found in (T.argsort(x, axis, "stable"), x.argsort(axis=axis, kind="stable")):
        got = run(found, x=value)
        assert got.dtype == "int64"
        np.testing.assert_array_equal(got, np.argsort(value, axis, "stable"))


@pytest.mark.parametrize("axis", [-1, 0, None])
@pytest.mark.parametrize("k", [1, 3, -1, -2])
@pytest.mark.parametrize("value", [A, WITH_NAN, A.astype("uint8")])
def test_topk(run, value, k, axis):
    x, n = _input(value), T.iscalar("n")
    ordered = np.sort(value, axis)
    where = -1 if axis is None else axis
    ordered = np.flip(ordered, where) if k > 0 else ordered
    expected = np.take(ordered, np.arange(abs(k)), where)
    for kth in (k, n):
        values, indices = T.topk_and_argtopk(x, kth, axis, idx_dtype="int32")
        found, places = run([values, indices], x=value, n=k)
        np.testing.assert_array_equal(found, expected)
        assert places.dtype == "int32"
        flat = value.ravel() if axis is None else value
        np.testing.assert_array_equal(np.take_along_axis(flat, places, where), expected)
    np.testing.assert_array_equal(run(T.topk(x, k, axis), x=value), expected)
    assert T.argtopk(x, k, axis).dtype == "int64"


def test_equal_elements_keep_their_order(run):
    x = T.lvector("x")
    np.testing.assert_array_equal(run(T.argtopk(x, 3), x=[1, 2, 1, 2, 2]), [1, 3, 4])
    np.testing.assert_array_equal(run(T.argtopk(x, -2), x=[1, 2, 1, 2, 2]), [0, 2])


def test_what_cannot_be_sorted(run):
    x = T.dmatrix("x")
    with pytest.raises(ValueError, match="kind is one of 'quicksort'"):
        T.sort(x, kind="bubble")
    with pytest.raises(ValueError, match="fields of records"):
        T.argsort(x, order="name")
    with pytest.raises(ValueError, match="axis 2 is out of range"):
        T.sort(x, 2)
    with pytest.raises(ValueError, match="cannot be 0"):
        T.topk(x, 0)
    with pytest.raises(TypeError, match="that of integers"):
        T.topk(x, 1, idx_dtype="float32")
    with pytest.raises(ValueError, match="no 4 greatest"):
        T.topk(T.matrix(shape=(None, 3)), 4)
    with pytest.raises(ValueError, match="more elements are wanted"):
        run(T.topk(x, 4), x=np.ones((2, 3)))


def test_gradients():
    x = rng.permutation(12).reshape(3, 4).astype("float64")
    for function in (
        lambda v: T.sort(v, 0) * np.arange(12.0).reshape(3, 4),
        lambda v: T.sort(v, None) ** 2,
        lambda v: T.topk(v, 2) ** 2,
        lambda v: T.topk(v, -2, axis=0) ** 2,
    ):
        sn.gradient.verify_grad(function, [x])


@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted(run, side):
    x, v = T.dvector("x"), T.dmatrix("v")
    a, values = np.sort(rng.normal(size=7)), rng.normal(size=(2, 3))
    values[0, 0] = a[3]
    expected = np.searchsorted(a, values, side)
    np.testing.assert_array_equal(run(T.searchsorted(x, v, side), x=a, v=values), expected)
    mixed = rng.permutation(a)
    found = run(x.searchsorted(v, side, T.argsort(x)), x=mixed, v=values)
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="looks in a vector"):
        T.searchsorted(v, x)
    with pytest.raises(ValueError, match="'left' or 'right'"):
        T.searchsorted(x, v, "middle")
    with pytest.raises(TypeError, match="sorter is an integer vector"):
        T.searchsorted(x, v, sorter=x)


def test_permutations(run):
    p, m, x = T.lvector("p"), T.lmatrix("m"), T.dmatrix("x")
    order = np.array([2, 0, 3, 1])
    np.testing.assert_array_equal(run(T.inverse_permutation(p), p=order), np.argsort(order))
    value = rng.normal(size=(3, 4))
    np.testing.assert_array_equal(run(T.permute_row_elements(x, p), x=value, p=order),
                                  value[:, order])  # fmt: skip
    back = T.permute_row_elements(T.permute_row_elements(x, p), p, inverse=True)
    np.testing.assert_array_equal(run(back, x=value, p=order), value)
    many = np.array([order, order[::-1], np.sort(order)])
    np.testing.assert_array_equal(
        run(T.permute_row_elements(x, m), x=value, m=many), np.take_along_axis(value, many, 1)
    )
    with pytest.raises(TypeError, match="integers"):
        T.inverse_permutation(x)
    with pytest.raises(TypeError, match="integers"):
        T.permute_row_elements(x, x)
