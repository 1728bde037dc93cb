import numpy as np
import pytest

import symnet.tensor as T

A = np.arange(6, dtype="float32").reshape(2, 3)
B = A + 10


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concatenate(run, axis):
    x, y = T.matrices("x", "y")
    expected = np.concatenate([A, B, A], axis)
    np.testing.assert_array_equal(run(T.concatenate([x, y, x], axis), x=A, y=B), expected)
    np.testing.assert_array_equal(run(T.join(axis, x, y, x), x=A, y=B), expected)


def test_lengths_and_dtypes(run):
    x, y, i = T.matrix("x"), T.matrix("y", shape=(None, 3)), T.imatrix("i")
    joined = T.concatenate([x, y, np.zeros((2, 3), "float32")])
    assert joined.type.shape == (None, 3)
    assert run(joined, x=A, y=A[:0]).shape == (4, 3)
    assert T.concatenate([x, i]).dtype == "float64"
    assert T.concatenate([x]).type == x.type
    with pytest.raises(ValueError, match="lengths of dimension 1 do not agree"):
        run(joined, x=A[:, :2], y=A)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_stack(run, axis):
    x, y = T.matrices("x", "y")
    expected = np.stack([A, B], axis)
    np.testing.assert_array_equal(run(T.stack([x, y], axis=axis), x=A, y=B), expected)
    np.testing.assert_array_equal(run(T.stack([x, y], axis), x=A, y=B), expected)
    np.testing.assert_array_equal(run(T.stack(x, y, axis=axis), x=A, y=B), expected)


def test_stack_of_scalars(run):
    a, b = T.scalars("a", "b")
    found = run(T.stack([a, 1, b, 2.5]), a=3, b=4)
    np.testing.assert_array_equal(found, np.array([3, 1, 4, 2.5], "float32"))
    assert found.dtype == "float32"
    assert T.stack(a, b).type.shape == (2,)
    assert T.stack([1, 2]).dtype == "int64"


def test_what_cannot_be_joined():
    x, v = T.matrix("x"), T.vector("v")
    for wrong in ([], x):
        with pytest.raises(TypeError, match="a list of at least one tensor"):
            T.concatenate(wrong)
    with pytest.raises(TypeError, match=r"same number of dimensions.*float32\[\?\]"):
        T.concatenate([x, v])
    with pytest.raises(TypeError, match="at least 1"):
        T.concatenate([T.scalar()])
    with pytest.raises(ValueError, match="in dimension 1 the lengths must agree"):
        T.concatenate([T.matrix(shape=(2, 3)), T.matrix(shape=(2, 4))])
    with pytest.raises(TypeError, match="stack: all tensors"):
        T.stack([x, v])
    with pytest.raises(TypeError, match="a list of at least one"):
        T.stack([])
    with pytest.raises(TypeError, match="a list and an axis"):
        T.stack([x], x)


@pytest.mark.parametrize("count", [17, 40])
def test_many(run, count):
    x = T.matrix("x")
    found = run(T.concatenate([k * x for k in range(count)], 1), x=A)
    np.testing.assert_array_equal(found, np.concatenate([k * A for k in range(count)], 1))
    found = run(T.stack([k * x for k in range(count)]), x=A)
    np.testing.assert_array_equal(found, np.stack([k * A for k in range(count)]))


def test_stacks_of_other_forms(run):
    a, b, c, d = T.scalars("a", "b", "c", "d")
    found = run(T.stacklists([[a, b], [c, d], [a, 7]]), a=1, b=2, c=3, d=4)
    np.testing.assert_array_equal(found, [[1, 2], [3, 4], [1, 7]])
    x, y = T.matrices("x", "y")
    assert run(T.stacklists([[x, y]]), x=A, y=B).shape == (1, 2, 2, 3)
    np.testing.assert_array_equal(run(T.horizontal_stack(x, y), x=A, y=B), np.hstack([A, B]))
    np.testing.assert_array_equal(run(T.vertical_stack(x, y), x=A, y=B), np.vstack([A, B]))
    known = T.TensorType("float32", A.shape)("x")
    np.testing.assert_array_equal(run(T.stack(known), x=A), A)
    with pytest.raises(TypeError, match="joins at least two matrices"):
        T.horizontal_stack(x, a)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_split(run, axis):
    x, sizes = T.matrix("x"), T.lvector("sizes")
    value = np.arange(25, dtype="float32").reshape(5, 5)
    expected = np.split(value, [2, 2], axis)
    for given in ([2, 0, 3], np.array([2, 0, 3]), sizes):
        found = run(T.split(x, given, 3, axis), x=value, sizes=[2, 0, 3])
        for f, e in zip(found, expected, strict=True):
            np.testing.assert_array_equal(f, e)
    with pytest.raises(ValueError, match="do not add up to that of dimension"):
        run(T.split(x, sizes, 2, axis), x=value, sizes=[2, 2])
    with pytest.raises(ValueError, match="ndim=2"):
        T.split(x, [1, 2, 3], 2)
    with pytest.raises(ValueError, match="do not make up"):
        T.split(T.matrix(shape=(5, 5)), [1, 2], 2)
    with pytest.raises(ValueError, match="do not make up"):
        T.split(x, [-1, 6], 2)
    with pytest.raises(TypeError, match="n_splits is an integer known beforehand"):
        T.split(x, sizes, T.lscalar())
