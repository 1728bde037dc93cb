import numpy as np
import pytest

import symnet.tensor as T
from symnet.interpreter import evaluate
from symnet.op import constant
from symnet.ops import Broadcast, DimShuffle, MakeVector, Reshape, ShapeOf, SpecifyShape
from tests.unit.ops.elements import check, check_gradients

rng = np.random.default_rng(2)


def ints(*values):
    return [constant(n, "int64") for n in values]


@pytest.mark.parametrize(
    ("shape", "order", "result"),
    [
        ((2, 3), (1, 0), (3, 2)),
        ((2, 3), (None, 1, None, 0), (1, 3, 1, 2)),
        ((1, 3), (1,), (3,)),
        ((1, 1), (), ()),
        ((), (None, None), (1, 1)),
        ((0, 2), (1, None, 0), (2, 1, 0)),
        ((2, 1, 4), (2, 0), (4, 2)),
    ],
)
def test_dimshuffle(shape, order, result):
    assert check(DimShuffle(order), rng.normal(size=shape)).shape == result
    check_gradients(DimShuffle(order), rng.normal(size=shape))


def test_dimshuffle_is_numpys_transpose():
    x = rng.normal(size=(2, 3, 4))
    np.testing.assert_array_equal(check(DimShuffle((2, 0, 1)), x), x.transpose(2, 0, 1))


def test_dimshuffle_errors():
    with pytest.raises(TypeError, match=r"dimshuffle\(1\): dimension 0 of float32\[\?, \?\] canno"):
        DimShuffle((1,))(T.fmatrix())
    with pytest.raises(TypeError, match="names a dimension twice"):
        DimShuffle((0, 0))(T.fvector())


@pytest.mark.parametrize(
    ("shape", "lengths", "result"),
    [
        ((2, 6), (3, 4), (3, 4)),
        ((2, 6), (-1,), (12,)),
        ((2, 6), (4, -1), (4, 3)),
        ((2, 3, 4), (2, -1), (2, 12)),
        ((1, 1), (), ()),
        ((), (1, 1), (1, 1)),
        ((0, 3), (3, 0), (3, 0)),
        ((0, 3), (-1, 3), (0, 3)),
        ((4, 1), (2, 1, 2), (2, 1, 2)),
    ],
)
def test_reshape(shape, lengths, result):
    x = rng.normal(size=shape)

    def fun(v):
        return Reshape(len(lengths))(v, *ints(*lengths))

    found = check(fun, x)
    assert found.shape == result
    np.testing.assert_array_equal(found.ravel(), x.ravel())
    check_gradients(fun, x)


def test_reshape_to_symbolic_lengths():
    x = rng.normal(size=(4, 3))
    check(lambda v, n: Reshape(2)(v, n, constant(-1)), x, np.int64(6))
    check(lambda v, n: Reshape(2)(v, n, constant(2)), x, np.int32(6))


def test_flattening_keeps_the_features_of_an_empty_batch():
    def fun(v):
        return Reshape(2)(v, ShapeOf(0)(v), constant(-1))

    assert check(fun, np.zeros((0, 3, 4))).shape == (0, 12)


def test_reshape_errors():
    x = T.fmatrix("x")
    with pytest.raises(TypeError, match="at most one may be -1"):
        Reshape(2)(x, *ints(-1, -1))
    with pytest.raises(TypeError, match="beside a length of 0"):
        Reshape(2)(x, *ints(0, -1))
    with pytest.raises(TypeError, match="do not fit"):
        Reshape(2)(T.fmatrix(shape=(2, 3)), *ints(4, -1))
    with pytest.raises(TypeError, match="a length is an integer"):
        Reshape(1)(x, T.fscalar())
    with pytest.raises(ValueError, match="another number of elements"):
        evaluate([Reshape(1)(x, *ints(5))], {x: np.zeros((2, 3), "f")})


def test_shape_of():
    assert check(ShapeOf(1), np.zeros((2, 3))) == 3
    assert check(ShapeOf(0), np.zeros((0, 3))) == 0
    with pytest.raises(TypeError, match="no dimension 2"):
        ShapeOf(2)(T.fmatrix())


def test_make_vector():
    found = check(lambda a, b, c: MakeVector("float64")(a, b, c), 1.5, np.int8(2), True)
    np.testing.assert_array_equal(found, [1.5, 2, 1])
    assert check(lambda: MakeVector("int64")()).shape == (0,)
    check_gradients(lambda a, b: MakeVector("float64")(a, b), 1.5, 2.5)
    with pytest.raises(TypeError, match="does not fit int32"):
        MakeVector("int32")(T.lscalar())
    with pytest.raises(TypeError, match="takes scalars"):
        MakeVector("int64")(T.lvector())


@pytest.mark.parametrize(
    ("shape", "lengths"),
    [
        ((), ()),
        ((), (3, 2)),
        ((3,), (2, 3)),
        ((2, 1), (2, 3)),
        ((1, 3), (2, 3)),
        ((1, 1), (1, 4)),
        ((1,), (0,)),
        ((0, 1), (2, 0, 3)),
    ],
)
def test_broadcast(shape, lengths):
    x = rng.normal(size=shape)

    def fun(v):
        return Broadcast(len(lengths))(v, *ints(*lengths))

    np.testing.assert_array_equal(check(fun, x), np.broadcast_to(x, lengths))
    check_gradients(fun, x)


def test_broadcast_to_symbolic_lengths():
    x = rng.normal(size=(1, 3))
    found = check(lambda v, n: Broadcast(2)(v, n, ShapeOf(1)(v)), x, np.int64(2))
    np.testing.assert_array_equal(found, np.broadcast_to(x, (2, 3)))


def test_broadcast_errors():
    with pytest.raises(TypeError, match="only dimensions known to have length 1"):
        Broadcast(1)(T.fvector(shape=(3,)), *ints(4))
    with pytest.raises(TypeError, match="negative"):
        Broadcast(1)(T.fscalar(), *ints(-4))
    with pytest.raises(TypeError, match="more than 1 dimensions"):
        Broadcast(1)(T.fmatrix(), *ints(4))
    x = T.fvector("x")
    with pytest.raises(ValueError, match="only a length known to be 1 repeats"):
        evaluate([Broadcast(1)(x, *ints(4))], {x: np.zeros(1, "f")})


def test_specify_shape():
    x = rng.normal(size=(1, 3))
    assert check(SpecifyShape((None, 3)), x).shape == (1, 3)
    check_gradients(SpecifyShape((1, None)), x)
    v = T.fmatrix("v")
    assert SpecifyShape((1, None))(v).type.shape == (1, None)
    with pytest.raises(ValueError, match="said to have length 1"):
        evaluate([SpecifyShape((1, None))(v)], {v: np.zeros((2, 2), "f")})
    with pytest.raises(TypeError, match="cannot have this shape"):
        SpecifyShape((2,))(T.fvector(shape=(3,)))
