import numpy as np
import pytest

import symnet.tensor as T

SHAPES = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3,)),
    ((5, 2, 3), (3, 4)),
    ((3,), (5, 3, 4)),
    ((2, 3), (5, 3, 4)),
    ((2, 1, 3), (5, 3, 4)),
    ((), (2, 3)),
    ((2, 3), ()),
    ((0, 3), (3, 4)),
    ((2, 0), (0, 4)),
]


def _input(name, shape, dtype):
    return T.TensorType(dtype, (None,) * len(shape))(name)


@pytest.mark.parametrize(("left", "right"), SHAPES)
@pytest.mark.parametrize("dtypes", [("float32",) * 2, ("int32",) * 2, ("float32", "float64")])
def test_dot(run, left, right, dtypes):
    rng = np.random.RandomState(0)
    a = rng.randint(-4, 5, left).astype(dtypes[0])
    b = rng.randint(-4, 5, right).astype(dtypes[1])
    x, y = _input("x", left, dtypes[0]), _input("y", right, dtypes[1])
    expected = np.dot(a, b)
    for product in (T.dot(x, y), x.dot(y)):
        found = run(product, x=a, y=b)
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def test_dot_with_what_is_no_variable(run):
    x = T.vector("x")
    np.testing.assert_array_equal(run(T.dot(x, [[1.0], [2.0]]), x=[3, 4]), [11])
    np.testing.assert_array_equal(run(T.dot(2, x), x=[3, 4]), [6, 8])


def test_matmul(run):
    x, y = T.matrix("x"), T.vector("y")
    np.testing.assert_array_equal(run(x @ y, x=[[1, 2]], y=[3, 4]), [11])
    np.testing.assert_array_equal(run(np.ones((1, 2), "float32") @ y, y=[3, 4]), [7])
    with pytest.raises(ValueError, match=r"scalars are multiplied with \*"):
        x @ T.scalar()
    with pytest.raises(NotImplementedError, match="leading dimensions"):
        T.tensor3() @ x


def test_outer(run):
    x, y = T.vectors("x", "y")
    np.testing.assert_array_equal(run(T.outer(x, y), x=[1, 2], y=[3, 4]), [[3, 4], [6, 8]])
    assert T.outer(T.matrix(), T.scalar()).broadcastable == (False, True)


def test_lengths_that_do_not_agree(run):
    with pytest.raises(TypeError, match=r"dot: the last dimension of x, .*\[\?, 3\], has length 3"):
        T.dot(T.matrix("x", shape=(None, 3)), T.matrix("y", shape=(4, None)))
    with pytest.raises(ValueError, match="columns of the first matrix do not match"):
        run(T.dot(T.matrix("x"), T.matrix("y")), x=[[1, 2]], y=[[1, 2]])
