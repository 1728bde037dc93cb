"""Test values: a graph is computed while it is built."""

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.op import get_test_value
from symnet.printing import debugprint


@pytest.fixture
def x():
    x = T.matrix("x")
    x.tag.test_value = [[1.0, 2.0], [3.0, 4.0]]
    return x


def test_values_follow_from_values(x):
    w = sn.shared(np.ones(2, "float32"), "w")
    with sn.config.change(compute_test_value="raise"):
        y = (T.dot(x, w) * 2).sum()
        g = sn.grad(y, w)
    assert y.tag.test_value == 20
    np.testing.assert_array_equal(g.tag.test_value, [8, 12])
    assert y.eval({x: [[1, 2], [3, 4]]}) == 20


def test_a_mistake_is_found_where_it_is_made(x):
    with (
        sn.config.change(compute_test_value="raise"),
        pytest.raises(ValueError, match=r"mismatch|not aligned"),
    ):
        T.dot(x, sn.shared(np.ones(3, "float32")))


def test_what_happens_without_a_value(x):
    y = T.matrix("y")
    with (
        sn.config.change(compute_test_value="raise"),
        pytest.raises(AttributeError, match=r"y of type float32.* has no tag.test_value"),
    ):
        x + y
    with (
        sn.config.change(compute_test_value="warn"),
        pytest.warns(UserWarning, match=r"add is not computed .* has no tag.test_value"),
    ):
        x + y
    for setting in ("ignore", "off"):
        with sn.config.change(compute_test_value=setting):
            assert not hasattr((x + y).tag, "test_value")


def test_a_value_must_be_of_the_type(x):
    x.tag.test_value = np.ones(2, "float32")
    with pytest.raises(TypeError, match=r"shape \(2,\) is no float32\[\?, \?\]"):
        get_test_value(x)


def test_values_are_printed(x):
    with sn.config.change(print_test_value=True, compute_test_value="raise"):
        text = debugprint(x.sum(), file="str")
    assert "10.0" in text.splitlines()[0]
