import numpy as np
import pytest
from scipy import special

import symnet.tensor as T
from symnet.gradient import grad, verify_grad

rng = np.random.default_rng(9)
nnet = T.nnet


def test_costs_of_a_softmax(run):
    x, b, y = T.dmatrix("x"), T.dvector("b"), T.ivector("y")
    scores, bias, classes = rng.normal(size=(4, 3)), rng.normal(size=3), [0, 2, 2, 1]
    given = {"x": scores, "b": bias, "y": classes}
    p, q = special.softmax(scores, 1), special.softmax(scores + bias, 1)
    cost, biased = (-np.log(v[range(4), classes]) for v in (p, q))
    expected = {
        nnet.crossentropy_softmax_1hot(x, y): (cost, p),
        nnet.crossentropy_softmax_1hot_with_bias(x, b, y): (biased, q),
        nnet.crossentropy_softmax_argmax_1hot_with_bias(x, b, y): (biased, q, q.argmax(1)),
        nnet.crossentropy_softmax_max_and_argmax_1hot(x, y): (cost, p, p.max(1), p.argmax(1)),
        nnet.crossentropy_softmax_max_and_argmax_1hot_with_bias(x, b, y): (
            biased,
            q,
            q.max(1),
            q.argmax(1),
        ),
        (nnet.softmax_graph(x), nnet.softmax_with_bias(x, b)): (p, q),
    }
    for outputs, values in expected.items():
        for found, value in zip(run(outputs, **given), values, strict=True):
            np.testing.assert_allclose(found, value)


def test_cost_of_far_scores():
    x = T.dmatrix("x")
    cost, _ = nnet.crossentropy_softmax_1hot(x, np.array([1]))
    assert cost.eval({x: np.array([[0.0, -2000.0]])}).tolist() == [2000]
    slope = grad(cost.sum(), x).eval({x: np.array([[0.0, -2000.0]])})
    assert slope.tolist() == [[1, -1]]


def test_columns_in_front(run):
    x = T.fmatrix("x")
    a = [[1, 2], [3, 4]]
    assert run(nnet.prepend_0_to_each_row(x), x=a).tolist() == [[0, 1, 2], [0, 3, 4]]
    assert run(nnet.prepend_1_to_each_row(x), x=a).tolist() == [[1, 1, 2], [1, 3, 4]]
    found = run(nnet.prepend_scalar_to_each_row(5.0, x), x=a)
    assert found.dtype == "float32"
    assert found.tolist() == [[5, 1, 2], [5, 3, 4]]


def test_confusion_matrix():
    a, p = T.ivector("a"), T.ivector("p")
    counts, order = nnet.confusion_matrix(a, p)
    given = {a: np.array([3, 1, 3, 1], "int32"), p: np.array([1, 1, 7, 1], "int32")}
    assert order.eval({k: given[k] for k in (a, p)}).tolist() == [1, 3, 7]
    assert counts.eval(given).tolist() == [[2, 0, 0], [1, 0, 1], [0, 0, 0]]
    with pytest.raises(ValueError, match="pred is a vector"):
        nnet.confusion_matrix(a, T.imatrix())


SHAPES = [(4, 6), (6, 3), (3,), (3, 6, 2), (3, 2)]


def test_h_softmax(run):
    """Of six outputs in three classes of two only five are there."""
    values = [rng.normal(size=shape) for shape in SHAPES]
    x, *weights = (T.TensorType("float64", (None,) * v.ndim)(f"v{k}") for k, v in enumerate(values))
    given = {f"v{k}": v for k, v in enumerate(values)}
    a, w1, b1, w2, b2 = values
    first = special.softmax(a @ w1 + b1, 1)
    second = special.softmax(np.einsum("bf,cfo->bco", a, w2) + b2, 2)
    expected = (first[:, :, None] * second).reshape(4, 6)
    every = nnet.h_softmax(x, 4, 5, 3, 2, *weights)
    np.testing.assert_allclose(run(every, **given), expected[:, :5])
    target = T.ivector("t")
    one = nnet.h_softmax(x, 4, 5, 3, 2, *weights, target)
    classes = [4, 0, 1, 3]
    np.testing.assert_allclose(run(one, t=classes, **given), expected[range(4), classes])


def test_gradients_of_h_softmax():
    values = [rng.normal(size=shape) for shape in SHAPES]

    def cost(*v):
        return T.log(nnet.h_softmax(v[0], 4, 6, 3, 2, *v[1:], np.array([4, 0, 1, 4])))

    verify_grad(cost, values, n_tests=1)
    verify_grad(lambda *v: nnet.h_softmax(v[0], 4, 6, 3, 2, *v[1:]), values, n_tests=1)


def test_modules_hold_the_same_functions():
    assert nnet.nnet.softmax is nnet.softmax
    assert nnet.nnet.categorical_crossentropy is nnet.categorical_crossentropy
    assert nnet.sigm.ultra_fast_sigmoid is nnet.ultra_fast_sigmoid
    assert nnet.conv.conv2d is not nnet.conv2d
    assert nnet.abstract_conv.conv2d is nnet.conv2d
    for module in (nnet, nnet.nnet, nnet.sigm, nnet.abstract_conv, nnet.bn, nnet.ctc):
        assert all(hasattr(module, name) for name in module.__all__)
