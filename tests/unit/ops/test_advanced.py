import numpy as np
import pytest
from hypothesis import given, settings

import symnet.tensor as T
from symnet.graph import Variable
from symnet.interpreter import evaluate
from symnet.op import constant
from symnet.ops import AdvancedIncSubtensor, AdvancedSubtensor, Points, Range
from tests.property.indices import Indexed, indexed
from tests.unit.ops.elements import check, check_gradients

rng = np.random.default_rng(4)
QUICK = settings(max_examples=40, deadline=None, derandomize=True)


def bracket(x: Variable, index: tuple, arrays: list) -> Variable:
    """``x[index]`` with the arrays of the index replaced by variables."""
    rest = iter(arrays)
    return x[tuple(next(rest) if isinstance(e, np.ndarray) else e for e in index)]


@QUICK
@given(drawn=indexed())
def test_any_index(drawn: Indexed) -> None:
    x, index, arrays = drawn.x, drawn.index, drawn.arrays
    found = check(lambda v, *a: bracket(v, index, a), x, *arrays)
    np.testing.assert_array_equal(found, x[index])
    check_gradients(lambda v: bracket(v, index, arrays), x)


@QUICK
@given(drawn=indexed())
def test_any_index_added_to(drawn: Indexed) -> None:
    x, index, arrays, y = drawn.x, drawn.index, drawn.arrays, drawn.y
    found = check(lambda v, w, *a: T.inc_subtensor(bracket(v, index, a), w), x, y, *arrays)
    expected = x.copy()
    np.add.at(expected, index, y)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    check_gradients(lambda v, w: T.inc_subtensor(bracket(v, index, arrays), w), x, y)


@QUICK
@given(drawn=indexed())
def test_any_index_put_to(drawn: Indexed) -> None:
    x, index, arrays, y = drawn.x, drawn.index, drawn.arrays, drawn.y
    found = check(lambda v, w, *a: T.set_subtensor(bracket(v, index, a), w), x, y, *arrays)
    expected = x.copy()
    expected[index] = y
    np.testing.assert_array_equal(found, expected)
    check_gradients(lambda v, w: T.set_subtensor(bracket(v, index, arrays), w), x, y)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(), (3,), (0,), (2, 3)])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64"])
def test_take(axis, shape, dtype):
    low = 0 if dtype == "uint8" else -4
    x, index = rng.normal(size=(4, 5)), rng.integers(low, 4, shape).astype(dtype)
    take = AdvancedSubtensor((*(Range(),) * axis, Points()), axis)
    np.testing.assert_array_equal(check(take, x, index), np.take(x, index, axis))


def test_the_last_stays():
    x, y = np.zeros((2, 3)), np.arange(8.0).reshape(4, 2)
    i, j = np.array([1, 0, 1, 1]), np.array([[2], [0]])
    spec = (Points(), Points())
    put = AdvancedIncSubtensor(spec, 0, set=True)
    found = check(put, x, y.T, i, j)
    expected = x.copy()
    for place in np.ndindex(2, 4):
        expected[i[place[1]], j[place[0], 0]] = y.T[place]
    np.testing.assert_array_equal(found, expected)
    # What is overwritten has no gradient.
    v, w = T.dmatrix(), T.dmatrix()
    (gradient,) = evaluate([T.grad(put(v, w, constant(i), constant(j)).sum(), w)], {v: x, w: y.T})
    np.testing.assert_array_equal(gradient, [[0, 1, 0, 1], [0, 1, 0, 1]])


def test_empty_dimensions():
    none = np.zeros(0, "int64")
    assert check(lambda v, i: v[i], np.zeros((0, 2)), none).shape == (0, 2)
    # Positions that are broadcast to nothing need not be right.
    assert check(lambda v, i, j: v[i, j], np.zeros((2, 2)), none, np.array([7])).shape == (0,)
    x, i = T.dmatrix("x"), T.lvector("i")
    with pytest.raises(IndexError, match="an index to an empty dimension"):
        evaluate([x[i]], {x: np.zeros((0, 2)), i: np.array([0])})


@pytest.mark.parametrize("wrong", [3, -4])
def test_out_of_range_is_a_fault(wrong):
    x, y = rng.normal(size=(2, 3)), np.array([1, wrong])
    for fun in (lambda v, i: v[:, i], lambda v, i: T.inc_subtensor(v[0, i], 1)):
        with pytest.raises(IndexError, match="out of"):
            check(fun, x, y)


def test_what_the_operations_refuse():
    x, i = T.dmatrix("x"), T.lvector("i")
    with pytest.raises(TypeError, match="positions as integer tensors"):
        AdvancedSubtensor((Range(),))(x)
    with pytest.raises(TypeError, match="indices are integers, got float64"):
        AdvancedSubtensor((Points(),))(x, x)
    with pytest.raises(TypeError, match="1 dimensions besides, not 2"):
        AdvancedSubtensor((Points(),), 2)(x, i)
    with pytest.raises(TypeError, match="without loss"):
        AdvancedIncSubtensor((Points(),))(T.fmatrix(), x, i)
    with pytest.raises(TypeError, match="does not fit the part"):
        AdvancedIncSubtensor((Points(),))(x, T.dtensor3(), i)
