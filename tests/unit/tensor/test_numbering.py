import numpy as np
import pytest

import symnet.tensor as T


def test_to_one_hot(run):
    y, n = T.ivector("y"), T.lscalar("n")
    expected = np.eye(4)[[1, 3, 0]]
    for classes in (4, n):
        found = run(T.extra_ops.to_one_hot(y, classes), y=[1, 3, 0], n=4)
        assert found.dtype == "float32"
        np.testing.assert_array_equal(found, expected)
    assert T.to_one_hot(y, 4, dtype="int8").dtype == "int8"
    assert run(T.to_one_hot(y, 4), y=[]).shape == (0, 4)
    with pytest.raises(TypeError, match="vector of class indices"):
        T.to_one_hot(T.vector(), 3)
    with pytest.raises(IndexError):
        T.to_one_hot(y, 4).eval({y: np.array([4], "int32")})


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dims", [(5,), (3, 4), (2, 3, 4)])
def test_there_and_back(run, dims, order):
    numbers = np.arange(np.prod(dims)).reshape(dims[0], -1)
    x, shape = T.lmatrix("x"), T.lvector("shape")
    for given in (dims, shape):
        found = run(T.unravel_index(x, given, order, ndim=len(dims)), x=numbers, shape=dims)
        for f, e in zip(found, np.unravel_index(numbers, dims, order), strict=True):
            assert f.dtype == "int64"
            np.testing.assert_array_equal(f, e)
        back = T.ravel_multi_index(
            T.unravel_index(x, given, order, ndim=len(dims)), given, order=order, ndim=len(dims)
        )
        np.testing.assert_array_equal(run(back, x=numbers, shape=dims), numbers)


@pytest.mark.parametrize("mode", ["wrap", "clip"])
def test_indices_outside(run, mode):
    i, j = T.lvectors("i", "j")
    value = ([-1, 5, 2], [3, -9, 1])
    found = run(T.ravel_multi_index((i, j), (3, 4), mode), i=value[0], j=value[1])
    np.testing.assert_array_equal(found, np.ravel_multi_index(value, (3, 4), mode))
    with pytest.raises(IndexError, match="ravel_multi_index: an index is out of range"):
        run(T.ravel_multi_index((i, j), (3, 4)), i=[0, 1], j=[0, 4])
    with pytest.raises(IndexError, match="unravel_index: an index is out of range"):
        run(T.unravel_index(i, (3, 4))[0], i=[0, 12])


def test_arguments():
    i = T.lvector("i")
    rows = T.TensorType("int64", (2, None))("rows")
    assert T.ravel_multi_index(rows, (3, 4)).ndim == 1
    with pytest.raises(ValueError, match="indices of 1 dimensions, but dims has 2"):
        T.ravel_multi_index((i,), (3, 4))
    with pytest.raises(ValueError, match="mode is"):
        T.ravel_multi_index((i, i), (3, 4), "stop")
    with pytest.raises(ValueError, match="order is"):
        T.unravel_index(i, (3, 4), "K")
    with pytest.raises(TypeError, match="indices are integers"):
        T.unravel_index(T.vector(), (3, 4))
    with pytest.raises(ValueError, match="nothing to count"):
        T.unravel_index(i, ())
