import numpy as np
import pytest

from symnet.op import constant
from symnet.ops import Join, Split
from symnet.tensor import TensorType
from tests.unit.ops.elements import check, check_gradients

rng = np.random.default_rng(8)
SHAPES = [
    (0, [(2, 3), (1, 3), (4, 3)]),
    (1, [(2, 3), (2, 0), (2, 1)]),
    (0, [(0, 2), (0, 2)]),
    (0, [(0,), (3,)]),
    (2, [(1, 2, 1), (1, 2, 2)]),
    (1, [(0, 2), (0, 1)]),
    (0, [(3,)]),
]


@pytest.mark.parametrize(("axis", "shapes"), SHAPES)
def test_join(axis, shapes):
    arrays = [rng.normal(size=s) for s in shapes]
    found = check(lambda *vs: Join(axis)(*vs), *arrays)
    np.testing.assert_array_equal(found, np.concatenate(arrays, axis))
    integers = [a.astype("int16") for a in arrays]
    np.testing.assert_array_equal(
        check(lambda *vs: Join(axis)(*vs), *integers), np.concatenate(integers, axis)
    )


@pytest.mark.parametrize(("axis", "shapes"), SHAPES[:5])
def test_gradient_of_join(axis, shapes):
    check_gradients(lambda *vs: Join(axis)(*vs), *(rng.normal(size=s) for s in shapes))


@pytest.mark.parametrize("sizes", [(2, 3), (5,), (0, 5), (2, 0, 3), (1, 1, 1, 2)])
@pytest.mark.parametrize("axis", [0, 1])
def test_split(axis, sizes):
    x = rng.normal(size=(5, 2) if axis == 0 else (2, 5))
    bounds = np.cumsum(sizes)[:-1]
    for k, expected in enumerate(np.split(x, bounds, axis)):

        def piece(v, *lengths, k=k):
            return Split(axis).make_node(v, *(lengths or map(constant, sizes))).outputs[k]

        np.testing.assert_array_equal(check(piece, x, *sizes), expected)
        np.testing.assert_array_equal(check(piece, x), expected)
        check_gradients(piece, x)


def test_types():
    x, y, z = (TensorType("float32", s)() for s in ((2, 3), (2, None), (None, 4)))
    assert Join(1)(x, y).type.shape == (2, None)
    assert Join(0)(x, x).type.shape == (4, 3)
    assert [v.type.shape for v in Split(1)(y, constant(1), constant(2))] == [(2, 1), (2, 2)]
    with pytest.raises(TypeError, match="in dimension 1 the lengths must agree"):
        Join(0)(x, z)
    with pytest.raises(TypeError, match="number of dimensions or dtype"):
        Join(0)(x, TensorType("float64", (2, 3))())
    with pytest.raises(TypeError, match="have a dimension 2"):
        Join(2)(x)
    with pytest.raises(TypeError, match="do not add up"):
        Split(0)(x, constant(1), constant(2))
    with pytest.raises(TypeError, match="integer of no dimensions"):
        Split(0)(x, constant(1.0))
    with pytest.raises(TypeError, match="with a dimension 2"):
        Split(2)(x, constant(1))
