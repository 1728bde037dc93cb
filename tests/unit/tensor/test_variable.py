import copy
import pickle

import numpy as np
import pytest

import symnet.tensor as T
from symnet.graph import Variable, ancestors, leaves
from symnet.op import constant


def test_equality_is_identity():
    x, y = T.vectors("x", "y")
    assert x == x
    assert x != y
    assert {x: 1, y: 2}[x] == 1
    assert (x == None) is False  # noqa: E711


def test_truth():
    x = T.vector("x")
    assert x
    assert x + 1
    assert T.vector(dtype="bool")
    for condition in (x > 0, T.eq(x, 1), (x > 0) & (x < 1)):
        with pytest.raises(TypeError, match=r"truth of .* is not known .* T.switch"):
            bool(condition)
    with pytest.raises(TypeError, match="a < b < c"):
        0 < x < 1  # noqa: B015


def test_python_protocols_that_need_a_value():
    x = T.vector("x")
    with pytest.raises(TypeError, match=r"no len\(\).*x.shape\[0\]"):
        len(x)
    with pytest.raises(TypeError, match=r"symbolic and has no value yet.*symnet.tensor"):
        np.asarray(x)
    with pytest.raises(TypeError):
        np.exp(x)
    for convert in (float, int):
        with pytest.raises(TypeError, match=r"no value yet; .eval"):
            convert(x)


def test_numpy_defers(run):
    x = T.vector("x")
    array = np.array([1, 2], "float32")
    for found in (array + x, array * x, np.float32(3) - x, array < x):
        assert isinstance(found, T.TensorVariable)
    np.testing.assert_array_equal(run(array - x, x=[1, 1]), [0, 1])


def test_what_is_known():
    x = T.matrix("x")
    assert (x.ndim, x.dtype, x.name, x.owner, x.index) == (2, "float32", "x", None, 0)
    assert x.T.type.shape == (None, None)
    y = x + 1
    assert y.owner.inputs[0] is x
    assert y.owner.out is y
    y.name = "y"
    assert repr(y) == "y"
    x.tag.test_value = 3
    assert x.tag.test_value == 3


def test_every_kind_of_variable_is_a_tensor():
    assert isinstance(constant(1.0), T.TensorVariable)
    assert isinstance(constant(1.0), T.TensorConstant)
    assert isinstance((constant(1.0) + 1).owner.inputs[0], T.TensorVariable)
    assert constant([1, 2]).value.tolist() == [1, 2]
    assert isinstance(T.vector().sum(), Variable)


def test_pickle_and_deepcopy(run):
    x = T.matrix("x")
    y = (T.nnet.softmax(x)[:, 1:] * 2).sum(axis=0)
    y.tag.note = "kept"
    for again in (pickle.loads(pickle.dumps(y)), copy.deepcopy(y)):
        assert again is not y
        assert again.tag.note == "kept"
        values = np.array([[1, 2, 3]], "float32")
        np.testing.assert_array_equal(run(again, x=values), run(y, x=values))
    both = pickle.loads(pickle.dumps([x, y]))
    assert both[1].owner is not None


def test_pickle_and_deepcopy_of_a_deep_graph():
    x = T.scalar("x")
    y = middle = x
    for k in range(2000):
        y = y + x
        middle = y if k == 1000 else middle
    for again, part, leaf in (
        pickle.loads(pickle.dumps([y, middle, x])),
        copy.deepcopy([y, middle, x]),
    ):
        found = list(ancestors([again]))
        assert len(found) == 2000
        assert found[1000].out is part
        assert leaves([again]) == [leaf]
        assert leaf is not x


def test_copied_constants_stay_read_only():
    for again in (pickle.loads(pickle.dumps(T.constant([1, 2]))), copy.deepcopy(T.constant(1))):
        assert not again.data.flags.writeable


def test_eval():
    x, y = T.vectors("x", "y")
    total = (x * y).sum()
    assert total.eval({x: [1, 2], y: [3, 4]}) == 11
    assert total.eval({x: [1, 2], y: [0, 1]}) == 2
    assert T.constant([1.0, 2.0]).sum().eval() == 3
    pickle.dumps(total)
