import numpy as np
import pytest

import symnet.tensor as T
from symnet.interpreter import evaluate
from symnet.ops import Argmax, Reduce
from symnet.scalar import rows
from tests.unit.ops.elements import check, check_gradients

R = rows()
rng = np.random.default_rng(3)
SHAPES_AND_AXES = [
    ((3, 4), (0,)),
    ((3, 4), (1,)),
    ((3, 4), (0, 1)),
    ((3, 4), ()),
    ((1, 3), (0,)),
    ((2, 1, 3), (0, 2)),
    ((), ()),
    ((0, 3), (1,)),
]
NUMPY = {"add": np.sum, "mul": np.prod, "maximum": np.max, "minimum": np.min}


@pytest.mark.parametrize("combine", list(NUMPY))
@pytest.mark.parametrize(("shape", "axes"), SHAPES_AND_AXES)
def test_floats(combine, shape, axes):
    x = rng.normal(size=shape)
    found = check(Reduce(R[combine], axes, "float64"), x)
    np.testing.assert_allclose(found, NUMPY[combine](x, axis=axes), rtol=1e-12)
    check_gradients(Reduce(R[combine], axes, "float64"), x)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float32"])
def test_dtypes(dtype):
    x = (rng.normal(size=(3, 4)) * 3).astype(dtype)
    assert check(Reduce(R["add"], (0,), "int64"), x).dtype == "int64"
    assert check(Reduce(R["add"], (0,), "float32"), x).dtype == "float32"
    for combine in ("maximum", "minimum"):
        assert check(Reduce(R[combine], (1,), dtype), x).dtype == dtype
    np.testing.assert_array_equal(check(Reduce(R["logical_and"], (1,), "bool"), x), x.all(1))
    np.testing.assert_array_equal(check(Reduce(R["logical_or"], (0,), "bool"), x), x.any(0))


def test_accumulates_in_its_dtype():
    x = np.full(300, 100, "uint8")
    assert check(Reduce(R["add"], (0,), "int64"), x) == 30000
    assert check(Reduce(R["add"], (0,), "uint8"), x) == 30000 % 256


@pytest.mark.parametrize(
    "row", [[2.0, 3.0, 4.0], [2.0, 0.0, 4.0], [0.0, 3.0, 0.0], [0.0, 0.0, 0.0], [0.0, 2.0, 3.0]]
)
def test_gradient_of_a_product_with_zeros(row):
    check_gradients(Reduce(R["mul"], (1,), "float64"), np.array([row, [1.0, -2.0, 0.5]]))


def test_equal_maxima_all_get_the_cotangent():
    x = T.dvector("x")
    g = T.grad(Reduce(R["maximum"], (0,), "float64")(x), x)
    np.testing.assert_array_equal(evaluate([g], {x: np.array([2.0, 1, 2])})[0], [1, 0, 1])


def test_not_a_number_wins():
    x = np.array([[1, np.nan, 3], [np.inf, 1, -np.inf]])
    for combine in ("maximum", "minimum"):
        found = check(Reduce(R[combine], (1,), "float64"), x)
        np.testing.assert_array_equal(np.isnan(found), [True, False])


@pytest.mark.parametrize("combine", ["maximum", "minimum"])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "float32"])
def test_argmax(combine, dtype):
    x = rng.integers(0, 4, (4, 6)).astype(dtype)
    find = np.argmax if combine == "maximum" else np.argmin
    for axis in (0, 1):
        found = check(Argmax(axis, R[combine]), x)
        assert found.dtype == "int64"
        np.testing.assert_array_equal(found, find(x, axis))
    assert check(Argmax(1), x[:0]).shape == (0,)
    assert check(Argmax(0), x[:1]).shape == (6,)


def test_argmax_of_not_a_number_is_its_place():
    x = np.array([[1, np.nan, 3, np.nan], [-np.inf, -np.inf, -np.inf, -np.inf]])
    np.testing.assert_array_equal(check(Argmax(1), x), [1, 0])
    np.testing.assert_array_equal(check(Argmax(1, R["minimum"]), x), [1, 0])


def test_no_extremum_of_nothing():
    x = T.fmatrix("x")
    for out in (Reduce(R["maximum"], (0,), "float32")(x), Argmax(0)(x)):
        with pytest.raises(ValueError, match="dimension 0 is empty"):
            evaluate([out], {x: np.zeros((0, 3), "f")})
    assert check(Reduce(R["add"], (0,), "float32"), np.zeros((0, 3), "f")).shape == (3,)
    assert check(Reduce(R["mul"], (0,), "float32"), np.zeros((0, 2), "f")).tolist() == [1, 1]


def test_errors():
    x = T.fmatrix("x")
    with pytest.raises(TypeError, match="do not name dimensions"):
        Reduce(R["add"], (2,), "float32")(x)
    with pytest.raises(TypeError, match=r"max\[0\] of float32\[\?, \?\] is float32"):
        Reduce(R["maximum"], (0,), "float64")(x)
    with pytest.raises(TypeError, match="is bool"):
        Reduce(R["logical_or"], (0,), "int8")(x)
    with pytest.raises(TypeError, match="no reduction with sub"):
        Reduce(R["sub"], (0,), "float32")(x)
    with pytest.raises(TypeError, match="no dimension 5"):
        Argmax(5)(x)
