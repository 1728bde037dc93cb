"""Forms of old code that once did not run."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest


def test_labels_kept_as_floats_choose_from_a_slice_of_the_parameters(theano: ModuleType) -> None:
    # As logistic regression by conjugate gradients has it: an index inside an index.
    T = theano.tensor
    labels = theano.shared(np.arange(20) % 3.0)
    theta = theano.shared(np.arange(15) / 10.0, name="theta")
    W, b = theta[:12].reshape((4, 3)), theta[12:15]
    x, y, start = T.matrix("x"), T.ivector("y"), T.lscalar("start")
    p = T.log(T.nnet.softmax(T.dot(x, W) + b))
    cost = -T.mean(p[T.arange(y.shape[0]), y])
    given = {y: T.cast(labels, "int32")[start : start + 5]}
    results = [cost, T.grad(cost, theta)]
    data = np.random.default_rng(0).random((5, 4))
    compiled, expected = (
        theano.function([start, x], results, givens=given, mode=mode)(2, data)
        for mode in (None, "reference")
    )
    for a, e in zip(compiled, expected, strict=True):
        np.testing.assert_allclose(a, e)


def test_numpy_multiplies_symbolic_lengths(theano: ModuleType) -> None:
    x = theano.tensor.tensor3("x")
    size = np.prod((*x.shape, 2))
    assert size.eval({x: np.zeros((3, 4, 5))}) == 120


def test_one_string_names_several_variables(theano: ModuleType) -> None:
    a, b = theano.tensor.matrices("ab")
    assert (a.name, b.name) == ("a", "b")


def test_a_type_may_have_a_name(theano: ModuleType) -> None:
    kind = theano.tensor.TensorType("float64", broadcastable=(False, True), name="column")
    assert kind("x").broadcastable == (False, True)


def test_updates_in_order(theano: ModuleType) -> None:
    a, b = theano.shared(1.0), theano.shared(2.0)
    first, second = theano.OrderedUpdates([(a, a + 1)]), theano.OrderedUpdates([(b, b + 1)])
    assert list(first + second) == [a, b]
    with pytest.raises(KeyError, match="two updates"):
        first.update([(a, a + 2)])
    with pytest.raises(TypeError, match="only shared variables"):
        first[a + 1] = a


def test_dimensions_to_sum_over_may_be_an_array(theano: ModuleType) -> None:
    T = theano.tensor
    x, y = T.tensor3("x"), T.tensor3("y")
    values = {x: np.ones((2, 3, 4)), y: np.ones((4, 3, 5))}
    found = T.tensordot(x, y, axes=np.array([[2, 1], [0, 1]])).eval(values)
    np.testing.assert_array_equal(found, np.full((2, 5), 12))
