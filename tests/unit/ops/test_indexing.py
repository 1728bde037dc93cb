import itertools

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.graph import ancestors
from symnet.interpreter import evaluate
from symnet.op import constant
from symnet.ops import (
    Argmax,
    IncSubtensor,
    PickRows,
    PlaceRows,
    Point,
    Points,
    Range,
    Subtensor,
    inc_subtensor,
    index_operands,
    subtensor,
)
from symnet.scalar import const
from tests.unit.ops.elements import Values, check, check_gradients, variables

rng = np.random.default_rng(4)
INDICES = [
    (0,),
    (-1,),
    (slice(1, 3),),
    (slice(None, None, -1), slice(1, None)),
    (slice(None), -2),
    (2, slice(None, None, 2)),
    (slice(-3, None), slice(None, -1)),
    (slice(3, 0, -2),),
    (slice(2, 2),),
    (slice(5, 100),),
    (slice(-100, 100),),
    (slice(None, None, 3), slice(-1, -100, -2)),
    (slice(100, None, -1),),
    (slice(None, -100, -1),),
    (1, -1),
]


@pytest.mark.parametrize("index", INDICES)
def test_subtensor(index):
    x = rng.normal(size=(4, 5))
    np.testing.assert_array_equal(check(lambda v: subtensor(v, index), x), x[index])
    check_gradients(lambda v: subtensor(v, index), x)


def test_every_slice_of_short_vectors():
    bounds = [None, -3, -1, 0, 1, 2, 4]
    cases = list(itertools.product(bounds, bounds, [None, -2, -1, 1, 3]))
    for length in (0, 1, 3):
        x = np.arange(length)
        for start, stop, step in cases[length::7]:
            index = (slice(start, stop, step),)
            found = check(lambda v, index=index: subtensor(v, index), x)
            np.testing.assert_array_equal(found, x[index], err_msg=f"{length} {index}")


def test_symbolic_slices():
    x = np.arange(7)
    cases = itertools.product([-9, -2, 0, 3, 9], [-9, -3, 0, 5, 9], [-3, -1, 1, 2])
    for start, stop, step in list(cases)[::3]:
        found = check(
            lambda v, a, b, c: subtensor(v, (slice(a, b, c),)),
            x,
            np.int64(start),
            np.int32(stop),
            np.int8(step),
        )
        np.testing.assert_array_equal(found, x[start:stop:step])


def test_minibatch():
    x = rng.normal(size=(10, 2))
    for i in range(4):
        found = check(lambda v, i: subtensor(v, (slice(i * 3, (i + 1) * 3),)), x, np.int64(i))
        np.testing.assert_array_equal(found, x[i * 3 : (i + 1) * 3])


def test_index_operands():
    i = T.iscalar()
    assert index_operands((slice(0, None), slice(None, None, 1))) == ((), [])
    spec, operands = index_operands((i, slice(None, 3), slice(None)))
    assert spec == (Point(), Range(stop=True))
    assert operands[0] is i
    assert operands[1].data == 3
    spec, operands = index_operands((T.ivector(), 0))
    assert spec == (Points(), Point())
    for wrong in (1.5, T.fscalar(), T.fvector(), None, slice(T.ivector())):
        with pytest.raises(TypeError, match="index"):
            index_operands((wrong,))


def test_static_lengths():
    x = T.fmatrix(shape=(4, None))
    assert subtensor(x, (slice(1, None), 0)).type.shape == (3,)
    assert subtensor(x, (slice(None), slice(0, 2))).type.shape == (4, None)
    assert subtensor(x, (slice(T.iscalar(), None),)).type.shape == (None, None)


def test_index_out_of_range():
    with pytest.raises(IndexError, match="index 4 is out of range in dimension 0"):
        subtensor(T.fvector(shape=(4,)), (4,))
    x, i = T.fvector("x"), T.iscalar("i")
    for k in (-4, 3):
        with pytest.raises(IndexError, match="out of range"):
            evaluate([subtensor(x, (i,))], {x: np.zeros(3, "f"), i: np.int32(k)})
    with pytest.raises(ValueError, match="step of a slice cannot be 0"):
        subtensor(x, (slice(None, None, 0),))
    with pytest.raises(TypeError, match="2 indices for"):
        subtensor(x, (0, 0))


def test_position_that_is_data():
    x = rng.normal(size=(3, 4))
    found = check(lambda v: subtensor(v, (Argmax(0)(subtensor(v, (slice(None), 1))),)), x)
    np.testing.assert_array_equal(found, x[x[:, 1].argmax()])
    y = np.array([7, -2, 1])
    found = check(lambda v, k: subtensor(v, (subtensor(k, (1,)), 0)), x, y)
    assert found == x[-2, 0]


@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("put", [False, True])
def test_inc_subtensor(index, put):
    x = rng.normal(size=(4, 5))
    y = rng.normal(size=x[index].shape)
    expected = x.copy()
    expected[index] = y if put else expected[index] + y
    np.testing.assert_array_equal(
        check(lambda v, w: inc_subtensor(v, w, index, set=put), x, y), expected
    )
    check_gradients(lambda v, w: inc_subtensor(v, w, index, set=put), x, y)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 1), (1, 3), (2, 3)])
@pytest.mark.parametrize("put", [False, True])
def test_inc_subtensor_broadcasts(shape, put):
    x, y = rng.normal(size=(4, 3)), rng.normal(size=shape)
    index = (slice(1, None, 2),)
    found = check(lambda v, w: inc_subtensor(v, w, index, set=put), x, y)
    expected = x.copy()
    expected[index] = y if put else expected[index] + y
    np.testing.assert_array_equal(found, expected)
    check_gradients(lambda v, w: inc_subtensor(v, w, index, set=put), x, y)


def test_inc_subtensor_errors():
    x = T.fmatrix("x")
    with pytest.raises(TypeError, match="without loss"):
        inc_subtensor(x, T.dscalar(), (0,))
    with pytest.raises(TypeError, match="does not fit the part"):
        inc_subtensor(x, T.fmatrix(), (0,))
    with pytest.raises(TypeError, match="does not fit the part"):
        inc_subtensor(T.fvector(shape=(4,)), T.fvector(shape=(3,)), (slice(2),))
    y = T.fvector("y")
    with pytest.raises(ValueError, match="does not fit the part"):
        evaluate([inc_subtensor(x, y, (0,))], {x: np.zeros((2, 3), "f"), y: np.zeros(1, "f")})


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64"])
def test_pick_and_place_rows(dtype):
    x, y = rng.normal(size=(4, 3)), np.array([0, 2, 1, 1]).astype(dtype)
    np.testing.assert_array_equal(check(PickRows(), x, y), x[np.arange(4), y])
    check_gradients(lambda v: PickRows()(v, constant(y)), x)
    g = rng.normal(size=4)
    placed = check(lambda g, y: PlaceRows()(g, y, constant(3)), g, y)
    np.testing.assert_array_equal(placed[np.arange(4), y], g)
    assert np.count_nonzero(placed) == 4
    check_gradients(lambda g: PlaceRows()(g, constant(y), constant(3)), g)


def test_rows_count_from_the_end():
    x, y = rng.normal(size=(2, 3)), np.array([-1, -3])
    np.testing.assert_array_equal(check(PickRows(), x, y), x[[0, 1], y])
    check_gradients(lambda v: PickRows()(v, constant(y)), x)
    assert check(PickRows(), x[:0], y[:0]).shape == (0,)


@pytest.mark.parametrize("wrong", [3, -4])
def test_column_out_of_range_is_a_fault(wrong):
    x, y = rng.normal(size=(2, 3)), np.array([1, wrong])
    with pytest.raises(IndexError):
        check(PickRows(), x, y)


def test_rows_and_indices_must_agree():
    x, y = T.fmatrix("x"), T.ivector("y")
    with pytest.raises(ValueError, match="as many indices as rows"):
        evaluate([PickRows()(x, y)], {x: np.zeros((2, 3), "f"), y: np.zeros(1, "i")})
    with pytest.raises(TypeError, match="integer vector"):
        PickRows()(x, T.fvector())


def test_integer_tensors_are_indexed():
    x = np.arange(12, dtype="int16").reshape(3, 4)
    assert check(lambda v: subtensor(v, (1, slice(None, None, -1))), x).dtype == "int16"
    assert check(lambda v, w: inc_subtensor(v, w, (1,)), x, np.int8(3)).dtype == "int16"


def test_specs_are_values():
    assert Subtensor((Point(), Range(stop=True))) == Subtensor((Point(), Range(stop=True)))
    assert len({Subtensor((Range(),)), Subtensor((Range(),)), Subtensor((Point(),))}) == 2


def test_the_gradient_of_a_flip_is_a_flip():
    x = T.dtensor3("x")
    for index in (slice(None, None, -1), (slice(None), slice(None, None, -1))):
        y = x[index]
        g = sn.grad((y * y * y).sum(), x)
        assert not any(isinstance(n.op, IncSubtensor) for n in ancestors([g]))
        a = rng.normal(size=(2, 3, 2))
        np.testing.assert_allclose(g.eval({x: a}), 3 * a * a)


@pytest.mark.parametrize("index", [(slice(4, None),), (slice(2, 2),), (slice(0, None, -1),)])
def test_a_part_without_elements_can_be_looked_at(index):
    """A join evaluates the element of every part, also of one that is empty."""
    x = np.zeros((4 if index[0].step is None else 0, 3))
    (v,) = variables([x])
    node = subtensor(v, index).owner
    context = Values(node, [x, *(np.asarray(u.data) for u in node.inputs[1:])], symbolic=True)
    (dims,) = node.op.infer_shape(node, context)
    assert context.value(dims[0]) == 0
    node.op.element(node, 0, (const(0), const(2)), context)
    assert context.addresses
    for at, length in context.addresses:
        assert 0 <= context.value(at) < max(context.value(length), 1)
