import numpy as np
import pytest

import symnet.tensor as T

X = np.arange(24, dtype="float32").reshape(2, 3, 4) * np.float32(0.5) - 3
AXES = [None, 0, 1, -1, (0, 1), [2, 0], (0, 1, 2), ()]


def _numpy_axis(axis):
    return tuple(axis) if isinstance(axis, list) else axis


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var", "std", "max", "min", "any", "all"])
def test_as_numpy(run, name, axis, keepdims):
    x = T.tensor3("x")
    expected = getattr(np, name)(X, axis=_numpy_axis(axis), keepdims=keepdims)
    for expression in (
        getattr(T, name)(x, axis=axis, keepdims=keepdims),
        getattr(x, name)(axis=axis, keepdims=keepdims),
    ):
        found = run(expression, x=X)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        assert found.dtype == expected.dtype
        assert expression.ndim == expected.ndim


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("dtype", ["float32", "uint8", "int8"])
def test_where_the_extremum_is(run, name, dtype):
    values = np.random.RandomState(1).randint(0, 5, (3, 4, 2)).astype(dtype)
    values.flat[0] = np.iinfo("int8").min if dtype == "int8" else 0
    x = T.tensor3("x", dtype=dtype)
    for axis in (None, 0, -1):
        for keepdims in (False, True):
            found = run(getattr(T, name)(x, axis=axis, keepdims=keepdims), x=values)
            expected = getattr(np, name)(values, axis=axis, keepdims=keepdims)
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == "int64"
    several = run(getattr(x, name)(axis=(0, 2)), x=values)
    flat = values.transpose(1, 0, 2).reshape(4, 6)
    np.testing.assert_array_equal(several, getattr(np, name)(flat, axis=1))


def test_max_and_argmax(run):
    x = T.matrix("x")
    greatest, place = run(T.max_and_argmax(x, axis=1, keepdims=True), x=[[1, 3], [5, 2]])
    assert greatest.tolist() == [[3], [5]]
    assert place.tolist() == [[1], [0]]
    assert run(T.argmax(T.scalar("s")), s=3) == 0


def test_extrema_of_nan(run):
    x = T.vector("x")
    assert np.isnan(run(x.max(), x=[1, np.nan]))
    assert run(x.argmax(), x=[1, np.nan, 3]) == 1
    assert run(x.argmin(), x=[1, np.nan, 0]) == 1


@pytest.mark.parametrize(
    ("dtype", "result"),
    [
        ("bool", "int64"),
        ("int8", "int64"),
        ("int32", "int64"),
        ("uint8", "uint64"),
        ("float32", "float32"),
        ("float64", "float64"),
    ],
)
def test_dtypes_of_sums(dtype, result):
    x = T.vector(dtype=dtype)
    assert x.sum().dtype == result
    assert x.prod().dtype == result
    assert x.max().dtype == dtype
    assert x.mean().dtype == (dtype if dtype.startswith("float") else "float32")
    assert x.any().dtype == "bool"


def test_accumulators(run):
    x = T.vector("x")
    ones = np.full(3, 1 / 3, "float32")
    assert x.sum(dtype="float64").dtype == "float64"
    assert x.sum(acc_dtype="float64").dtype == "float32"
    assert x.mean(dtype="float64", acc_dtype="float64").dtype == "float64"
    np.testing.assert_allclose(run(x.sum(dtype="float64"), x=ones), ones.astype("d").sum())
    assert run(T.bvector("b").sum(), b=[100, 100]) == 200
    with pytest.raises(TypeError, match="sum: float32 cannot be accumulated in int64"):
        x.sum(dtype="int64")
    with pytest.raises(TypeError, match="dtype of a mean is floating point"):
        x.mean(dtype="int32")


def test_mean_of_comparisons_is_a_rate(run):
    y = T.ivector("y")
    found = run(T.mean(T.neq(y, [1, 2, 3, 4])), y=[1, 2, 3, 0])
    assert found == 0.25
    assert found.dtype == "float32"


def test_variance(run):
    x = T.matrix("x")
    values = np.random.RandomState(0).randn(5, 3).astype("float32")
    for axis in (None, 0, 1):
        expected = values.var(axis=axis, ddof=1)
        np.testing.assert_allclose(run(x.var(axis, ddof=1), x=values), expected, rtol=1e-5)
        corrected = run(x.var(axis, corrected=True), x=values)
        np.testing.assert_allclose(corrected, values.var(axis), rtol=1e-5)
        np.testing.assert_allclose(run(x.std(axis, 1), x=values), np.sqrt(expected), rtol=1e-5)
    assert run(T.ivector("i").var(), i=[1, 3]) == 1


@pytest.mark.parametrize("order", [None, 0, 1, 2, 3, np.inf, -np.inf])
def test_norm(run, order):
    x = T.vector("x")
    v = np.array([3, -4, 0], "float32")
    expected = np.linalg.norm(v, order)
    np.testing.assert_allclose(run(x.norm(order), x=v), expected, rtol=1e-6)
    np.testing.assert_allclose(run(T.norm(x, order, axis=0, keepdims=True), x=v), [expected])


def test_logsumexp(run):
    x = T.matrix("x")
    v = np.array([[1000, 1000], [-np.inf, -np.inf], [-1000, 0], [np.inf, 0]], "float32")
    expected = np.array([1000 + np.log(2), -np.inf, 0, np.inf])
    np.testing.assert_allclose(run(T.logsumexp(x, axis=1), x=v), expected, rtol=1e-6)
    assert T.logsumexp(x, axis=1, keepdims=True).broadcastable == (False, True)
    assert T.logsumexp(x).ndim == 0


def test_ptp(run):
    assert run(T.vector("x").ptp(), x=[1, 5, 3]) == 4


def test_wrong_axes():
    x = T.matrix("x")
    with pytest.raises(ValueError, match=r"sum: axis 2 is out of range .* axes are -2 to 1"):
        x.sum(axis=2)
    with pytest.raises(ValueError, match="names a dimension twice"):
        x.mean(axis=(0, -2))
    with pytest.raises(TypeError, match="an axis is an integer known beforehand"):
        x.max(axis=T.iscalar())
    with pytest.raises(TypeError, match="an axis is an integer"):
        x.max(axis=True)
    with pytest.raises(ValueError, match="it has none"):
        T.scalar("s").sum(axis=0)
    assert x.sum(axis=np.int64(1)).ndim == 1
    assert x.sum(axis=T.constant([0, 1])).ndim == 0


def test_product_of_a_shape_is_integers_only():
    x = T.tensor3("x")
    n = T.prod(x.shape[1:])
    assert n.dtype == "int64"
    assert n.owner.op.scalar.name == "mul"
    assert T.prod(T.tensor3(shape=(2, 3, 4)).shape).dtype == "int64"
