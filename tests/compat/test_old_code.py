"""Forms of old code that once did not run."""

from __future__ import annotations

import math
import pickle
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


def test_graphs_are_walked_by_their_parents(theano: ModuleType) -> None:
    # As libraries find the inputs and parameters of a loss.
    T = theano.tensor
    x, w = T.matrix("x"), theano.shared(np.ones((2, 2)), "w")
    queue, leaves = [T.dot(x, w).sum() * 2], []
    while queue:
        node = queue.pop()
        queue.extend(node.get_parents())
        if isinstance(node, T.Variable) and not node.get_parents():
            leaves.append(node)
    named = {v.name for v in leaves if not isinstance(v, T.Constant)}
    assert named == {"x", "w"}


def test_nodes_are_applied_anew(theano: ModuleType) -> None:
    x, y = theano.tensor.vectors("xy")
    node = theano.tensor.exp(x).owner
    assert (node.nin, node.nout, node.default_output()) == (1, 1, node.outputs[0])
    again = node.clone_with_new_inputs([y])
    assert (again.op, again.inputs) == (node.op, (y,))


def test_equal_constants(theano: ModuleType) -> None:
    one = theano.tensor.constant(1.0)
    assert one.equals(theano.tensor.constant(1.0))
    assert not one.equals(theano.tensor.constant(1))
    assert not one.equals(theano.tensor.scalar())


def test_inputs_under_their_oldest_name(theano: ModuleType) -> None:
    x, rate = theano.tensor.scalars("x", "rate")
    f = theano.function([x, theano.Param(rate, default=0.1)], x * rate)
    np.testing.assert_allclose([f(2), f(2, 3), f(2, rate=4)], [0.2, 6, 8])


def test_declared_lengths(theano: ModuleType) -> None:
    T = theano.tensor
    one = T.Rebroadcast((0, True))(T.matrix())
    assert one.broadcastable == (True, False)
    # What is known of a length is never forgotten: that does no harm here.
    assert T.Rebroadcast((0, False), (1, True))(one).broadcastable == (True, True)


def test_lists_of_dtypes(theano: ModuleType) -> None:
    T = theano.tensor
    assert T.constant(1.0).dtype in T.float_dtypes
    assert T.constant(1).dtype in T.discrete_dtypes
    assert set(T.all_dtypes) == {*T.discrete_dtypes, *T.continuous_dtypes, *T.complex_dtypes}


def test_values_are_compared(theano: ModuleType) -> None:
    kind = theano.tensor.dvector
    a = np.array([1.0, np.nan])
    assert kind.values_eq(a, a.copy())
    assert not kind.values_eq(a, a.astype("float32"))
    assert kind.values_eq_approx(a, a * (1 + 1e-7))
    assert not kind.values_eq_approx(a, a * 1.1)
    assert not kind.values_eq_approx(a, a[:1])


def test_python_rounds_variables(theano: ModuleType) -> None:
    x = theano.tensor.dscalar("x")
    values = [f(x).eval({x: -2.5}) for f in (math.floor, math.ceil, math.trunc)]
    assert values == [-3, -2, -2]


def test_shuffling_as_an_operation(theano: ModuleType) -> None:
    T = theano.tensor
    x = T.matrix("x")
    y = T.DimShuffle((False, False), ["x", 1, 0])(x)
    assert isinstance(y.owner.op, T.DimShuffle)
    assert not isinstance(T.exp(x).owner.op, T.DimShuffle)
    assert y.eval({x: np.ones((2, 3))}).shape == (1, 3, 2)


def test_shared_variables_that_take_what_loses_precision(theano: ModuleType) -> None:
    count = theano.shared(np.int64(7), allow_downcast=True)
    for twin in (count, count.clone(), pickle.loads(pickle.dumps(count))):
        twin.set_value(8.23)
        assert twin.get_value() == 8
    with pytest.raises(TypeError, match="would lose precision"):
        theano.shared(np.int64(7)).set_value(8.23)


def test_default_updates_can_be_taken_away(theano: ModuleType) -> None:
    state = theano.shared(0)
    state.default_update = state + 1
    f = theano.function([], state)
    assert (f(), f()) == (0, 1)
    del state.default_update
    g = theano.function([], state)
    assert (g(), g()) == (2, 2)


def test_gradients_are_verified_of_graphs_with_shared_variables(theano: ModuleType) -> None:
    T = theano.tensor
    w = theano.shared(np.arange(6.0).reshape(3, 2), "w")
    T.verify_grad(lambda x: T.tanh(T.dot(x, w)), [np.ones((2, 3))], rng=np.random.RandomState(0))


@pytest.mark.parametrize("order", ["inf", "-inf"])
def test_infinite_norms_by_name(theano: ModuleType, order: str) -> None:
    norm = theano.tensor.nlinalg.norm
    matrix, vector = np.array([[1.0, -4.0], [2.0, 0.5]]), np.array([1.0, -3.0])
    for value in (matrix, vector):
        found = norm(theano.shared(value), order).eval()
        np.testing.assert_allclose(found, np.linalg.norm(value, float(order)))


def test_shared_variables_and_constants_are_no_plain_variables(theano: ModuleType) -> None:
    # Libraries tell so an initial state that is learnt from one that is computed.
    from theano.tensor.var import TensorVariable

    T = theano.tensor
    assert T.TensorVariable is TensorVariable
    for computed in (T.matrix(), T.exp(T.scalar()), T.TensorVariable(T.dscalar)):
        assert isinstance(computed, T.TensorVariable)
    for other in (theano.shared(1.0), T.constant(1.0), 1.0):
        assert not isinstance(other, T.TensorVariable)
