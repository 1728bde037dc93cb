import numpy as np
import pytest

import symnet.tensor as T
from tests.unit.ops.elements import check, check_gradients

rng = np.random.default_rng(3)
X = rng.normal(size=(3, 4, 2))


@pytest.mark.parametrize("mode", ["raise", "wrap", "clip"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("shape", [(), (3,), (2, 2), (0,)])
def test_take(mode, axis, shape):
    n = X.size if axis is None else X.shape[axis]
    reach = n if mode == "raise" else 3 * n
    indices = rng.integers(-reach, reach, shape)
    found = check(lambda x, i: T.take(x, i, axis, mode), X, indices)
    np.testing.assert_array_equal(found, np.take(X, indices, axis, mode=mode))
    check_gradients(lambda x: x.take(indices, axis=axis, mode=mode), X)


def test_take_refuses():
    x = T.dmatrix()
    with pytest.raises(ValueError, match="'raise', 'wrap' or 'clip', not 'nearest'"):
        T.take(x, 0, mode="nearest")
    with pytest.raises(TypeError, match="indices are integers, got float"):
        T.take(x, 0.5)
    with pytest.raises(ValueError, match="axis 2 is out of range"):
        T.take(x, 0, 2)
    with pytest.raises(IndexError, match="out of"):
        check(lambda x, i: T.take(x, i, 0), X, np.array([3]))
    assert T.take(x, []).type.shape == (0,)


CHOICES = [
    ([1, 0, 2, 1], rng.normal(size=(3, 4))),
    ([[1, 0], [2, 2]], rng.normal(size=(3, 1, 2))),
    (1, rng.normal(size=(2, 3))),
    ([[0, 1, 1]], rng.normal(size=(2, 4, 3))),
    ([1, 0], rng.normal(size=(2, 3, 1))),
]


@pytest.mark.parametrize(("number", "choices"), CHOICES)
def test_choose(number, choices):
    number = np.array(number)
    expected = np.choose(number, choices)
    np.testing.assert_array_equal(check(T.choose, number, choices), expected)
    listed = check(lambda a, *c: T.choose(a, list(c)), number, *choices)
    np.testing.assert_array_equal(listed, expected)
    check_gradients(lambda c: T.choose(number, c), choices)
    for mode in ("wrap", "clip"):
        far = number * 7 - 5
        found = check(lambda a, c, mode=mode: a.choose(c, mode=mode), far, choices)
        np.testing.assert_array_equal(found, np.choose(far, choices, mode=mode))


def test_choices_of_different_shapes_and_dtypes():
    number = np.array([[1, 0, 2], [0, 1, 2]])
    choices = [np.array([1, 2, 3], "int8"), np.array([[0.5], [1.5]]), np.float32(9)]
    found = check(lambda a, *c: T.choose(a, list(c)), number, *choices)
    np.testing.assert_array_equal(found, np.choose(number, choices))
    assert found.dtype == "float64"


@pytest.mark.parametrize("wrong", [2, -1])
def test_choose_refuses(wrong):
    with pytest.raises(IndexError, match="out of"):
        check(T.choose, np.array([0, wrong]), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="nothing to choose from"):
        T.choose(0, [])
    with pytest.raises(TypeError, match="out is not available"):
        T.choose(0, [1, 2], out=T.vector())
    with pytest.raises(ValueError, match="'raise', 'wrap' or 'clip'"):
        T.choose(0, [1, 2], mode="any")
