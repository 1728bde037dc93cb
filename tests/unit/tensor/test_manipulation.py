import numpy as np
import pytest

import symnet.tensor as T

X = np.arange(24, dtype="float32").reshape(2, 3, 4)


@pytest.fixture
def x():
    return T.tensor3("x")


def same(found, expected):
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


def test_shape(run, x):
    assert run(x.shape, x=X).tolist() == [2, 3, 4]
    rows, columns, depth = x.shape
    assert run(rows * columns + depth, x=X) == 10
    assert run(x.shape[-1], x=X) == 4
    assert run(T.shape(x)[1:], x=X).tolist() == [3, 4]
    assert run(x.size, x=X) == 24
    assert x.shape.type == T.TensorType("int64", (3,))
    assert T.scalar().shape.type.shape == (0,)
    with pytest.raises(IndexError, match="index 3 is out of range for 3 entries"):
        x.shape[3]


def test_known_lengths_are_constants():
    x = T.matrix("x", shape=(None, 784))
    assert x.shape[1].data == 784
    assert x.shape[0].owner is not None
    assert T.matrix(shape=(2, 3)).size.data == 6


def test_dimshuffle(run, x):
    same(run(x.dimshuffle(2, "x", 0, 1), x=X), X.transpose(2, 0, 1)[:, None])
    same(run(x.dimshuffle((2, 0, 1)), x=X), X.transpose(2, 0, 1))
    same(run(x.dimshuffle(-1, 0, 1), x=X), X.transpose(2, 0, 1))
    assert x.dimshuffle(0, 1, 2) is x
    assert T.row().dimshuffle(1).ndim == 1
    with pytest.raises(TypeError, match=r"dimension 2 .* cannot be dropped"):
        x.dimshuffle(0, 1)
    with pytest.raises(TypeError, match="names a dimension twice"):
        x.dimshuffle(0, 0, 1, 2)
    with pytest.raises(ValueError, match="axis 3 is out of range"):
        x.dimshuffle(0, 1, 2, 3)
    with pytest.raises(TypeError, match="an axis is an integer"):
        x.dimshuffle(0, 1, 2, "y")


def test_orders(run, x):
    same(run(x.T, x=X), X.T)
    same(run(x.transpose(1, 0, 2), x=X), X.transpose(1, 0, 2))
    same(run(x.transpose((1, 0, 2)), x=X), X.transpose(1, 0, 2))
    same(run(x.transpose(), x=X), X.T)
    same(run(T.transpose(x, [2, 0, 1]), x=X), X.transpose(2, 0, 1))
    same(run(x.swapaxes(0, -1), x=X), X.swapaxes(0, -1))
    same(run(T.moveaxis(x, 0, 2), x=X), np.moveaxis(X, 0, 2))
    with pytest.raises(ValueError, match=r"axes \(0, 1\) do not name all 3 dimensions"):
        x.transpose(0, 1)


def test_reshape(run, x):
    n = T.iscalar("n")
    same(run(x.reshape((6, 4)), x=X), X.reshape(6, 4))
    same(run(x.reshape((-1, n)), x=X, n=8), X.reshape(3, 8))
    same(run(x.reshape([x.shape[0], -1]), x=X), X.reshape(2, 12))
    same(run(x.reshape((x.shape[0], T.prod(x.shape[1:]))), x=X), X.reshape(2, 12))
    same(run(x.reshape(24), x=X), X.reshape(24))
    same(run(x.reshape(4, 6), x=X), X.reshape(4, 6))
    same(run(x.reshape(x.shape[::-1]), x=X), X.reshape(4, 3, 2))
    same(run(x.reshape(n * 6, n), x=X, n=2), X.reshape(12, 2))
    same(run(T.reshape(x, T.ivector("s"), ndim=2), x=X, s=[3, 8]), X.reshape(3, 8))
    same(run(x.reshape(T.ivector("s"), 2), x=X, s=[3, 8]), X.reshape(3, 8))
    same(run(x.reshape(np.array([8, 3])), x=X), X.reshape(8, 3))
    assert T.vector(shape=(6,)).reshape((2, -1)).type.shape == (2, 3)
    assert run(T.vector("v").reshape(()), v=[5]) == 5


def test_wrong_reshapes(run, x):
    with pytest.raises(ValueError, match="only one length can be -1"):
        x.reshape((-1, -1))
    with pytest.raises(ValueError, match="cannot be negative"):
        x.reshape((-2, 3))
    with pytest.raises(ValueError, match="is not known beforehand; say ndim="):
        x.reshape(T.ivector("s"))
    with pytest.raises(ValueError, match="ndim=3, but the shape has 2 entries"):
        x.reshape((2, 3), ndim=3)
    with pytest.raises(TypeError, match="vector of integers"):
        x.reshape(T.fvector("s"), ndim=2)
    with pytest.raises(TypeError, match="must be an integer of no dimensions"):
        x.reshape((2.0, 3))
    with pytest.raises(ValueError, match="another number of elements"):
        run(x.reshape((5, 5)), x=X)


def test_flatten(run, x):
    same(run(x.flatten(), x=X), X.ravel())
    same(run(x.ravel(), x=X), X.ravel())
    same(run(x.flatten(2), x=X), X.reshape(2, 12))
    same(run(T.flatten(x, outdim=2), x=X), X.reshape(2, 12))
    same(run(x.flatten(ndim=2), x=np.zeros((0, 3, 4))), np.zeros((0, 12)))
    assert x.flatten(3) is x
    assert T.scalar().flatten().ndim == 1
    assert T.tensor3(shape=(None, 2, 3)).flatten(2).type.shape == (None, 6)
    with pytest.raises(ValueError, match="can be flattened to 1 to 3"):
        x.flatten(4)


def test_lengths_of_one(run, x):
    one = T.matrix("m").dimshuffle(0, "x", 1)
    assert one.squeeze().ndim == 2
    assert one.squeeze(axis=1).ndim == 2
    m = np.ones((2, 1), "float32")
    same(run(T.squeeze(T.matrix("m"), axis=1), m=m), m[:, 0])
    with pytest.raises(ValueError, match="said to have length 1"):
        run(T.squeeze(T.matrix("m"), axis=0), m=m)
    same(run(T.expand_dims(x, (0, -1)), x=X), X[None, ..., None])
    same(run(T.shape_padleft(x, 2), x=X), X[None, None])
    same(run(T.shape_padright(x), x=X), X[..., None])
    same(run(T.shape_padaxis(x, -2), x=X), X[:, :, None])
    assert T.shape_padaxis(x, 1).broadcastable == (False, True, False, False)


def test_what_is_said_of_shapes(run):
    m = T.matrix("m")
    assert T.addbroadcast(m, 0).broadcastable == (True, False)
    assert T.patternbroadcast(m, (False, True)).broadcastable == (False, True)
    assert T.unbroadcast(T.row(), 0).broadcastable == (True, False)
    assert T.specify_shape(m, (2, None)).type.shape == (2, None)
    assert T.specify_shape(m, np.array([2, 3])).type.shape == (2, 3)
    row = T.row()
    assert T.addbroadcast(row, 0) is row
    same(run(m + T.addbroadcast(T.matrix("r"), 0), m=[[1], [2]], r=[[5]]), np.array([[6], [7]]))
    with pytest.raises(ValueError, match=r"lengths of dimension 0 differ .*addbroadcast"):
        run(m + T.matrix("r"), m=[[1], [2]], r=[[5]])
    with pytest.raises(ValueError, match="dimension 0 has length 1, it cannot have 2"):
        T.specify_shape(T.row(), (2, 3))
    with pytest.raises(TypeError, match="integer of no dimensions"):
        T.specify_shape(m, (T.scalar(), 3))
    with pytest.raises(ValueError, match="3 lengths for a variable of 2 dimensions"):
        T.specify_shape(m, (1, 2, 3))


def test_lengths_said_by_expressions(run):
    m, v, n = T.matrix("m"), T.vector("v"), T.iscalar("n")
    said = T.specify_shape(m, (n, v.shape[0]))
    assert said.type.shape == (None, None)
    same(run(said + v, m=[[1, 2]], v=[3, 4], n=1), np.array([[4, 6]]))
    for wrong in ({"n": 2}, {"v": [1]}):
        with pytest.raises(ValueError, match="said to have"):
            run(said, **{"m": [[1, 2]], "v": [3, 4], "n": 1} | wrong)
    assert T.specify_shape(m, m.shape).type.shape == (None, None)
