import numpy as np
import pytest
from scipy import special

import symnet.tensor as T
from symnet.gradient import grad

X = np.array([[1, 2, 3], [1000, 0, -1000], [-1e4, -1e4, -1e4]], "float32")


def test_softmax(run):
    x = T.matrix("x")
    np.testing.assert_allclose(run(T.nnet.softmax(x), x=X), special.softmax(X, 1), rtol=1e-6)
    np.testing.assert_allclose(run(T.nnet.softmax(x, axis=0), x=X), special.softmax(X, 0))
    logs = special.log_softmax(X.astype("d"), 1)
    np.testing.assert_allclose(run(T.nnet.log_softmax(x), x=X), logs, rtol=1e-6)
    np.testing.assert_allclose(run(T.nnet.logsoftmax(x), x=X), logs, rtol=1e-6)


def test_a_vector_of_scores_is_a_row(run):
    v = T.vector("v")
    assert T.nnet.softmax(v).broadcastable == (True, False)
    assert run(T.nnet.softmax(v), v=[1, 1]).tolist() == [[0.5, 0.5]]
    assert T.nnet.softmax(v, axis=0).ndim == 1
    assert T.nnet.softmax(T.tensor3()).ndim == 3
    assert T.nnet.softmax(T.imatrix()).dtype == "float32"
    with pytest.raises(ValueError, match="at least one dimension"):
        T.nnet.softmax(T.scalar())


def test_gradient_of_softmax(run):
    x, w = T.dmatrices("x", "w")
    values = np.random.RandomState(0).randn(2, 3)
    weights = np.random.RandomState(1).randn(2, 3)
    p = special.softmax(values, 1)
    expected = p * (weights - (p * weights).sum(1, keepdims=True))
    g = grad((T.nnet.softmax(x) * w).sum(), x)
    np.testing.assert_allclose(run(g, x=values, w=weights), expected, rtol=1e-10)
    g = grad((T.nnet.log_softmax(x) * w).sum(), x)
    expected = weights - p * weights.sum(1, keepdims=True)
    np.testing.assert_allclose(run(g, x=values, w=weights), expected, rtol=1e-10)


def test_categorical_crossentropy(run):
    p, q, y = T.matrix("p"), T.matrix("q"), T.ivector("y")
    predicted = special.softmax(np.random.RandomState(0).randn(3, 4), 1).astype("float32")
    truth = special.softmax(np.random.RandomState(1).randn(3, 4), 1).astype("float32")
    dense = T.nnet.categorical_crossentropy(p, q)
    expected = -(truth * np.log(predicted)).sum(1)
    np.testing.assert_allclose(run(dense, p=predicted, q=truth), expected, rtol=1e-6)
    for cost in (T.nnet.categorical_crossentropy, T.nnet.crossentropy_categorical_1hot):
        found = run(cost(p, y), p=predicted, y=[3, 0, 1])
        np.testing.assert_allclose(found, -np.log(predicted[range(3), [3, 0, 1]]), rtol=1e-6)
    with pytest.raises(TypeError, match="a vector of class indices"):
        T.nnet.categorical_crossentropy(p, T.tensor3())
    with pytest.raises(TypeError, match="class indices are integers, got float32"):
        T.nnet.categorical_crossentropy(p, T.vector())


def test_binary_crossentropy(run):
    x, t = T.dvectors("x", "t")
    scores, truth = np.array([-3.0, 0.5, 2]), np.array([0, 0.3, 1])
    p = special.expit(scores)
    expected = -(truth * np.log(p) + (1 - truth) * np.log(1 - p))
    cost = T.nnet.binary_crossentropy(T.nnet.sigmoid(x), t)
    np.testing.assert_allclose(run(cost, x=scores, t=truth), expected)
    stable = T.nnet.sigmoid_binary_crossentropy(x, t)
    np.testing.assert_allclose(run(stable, x=scores, t=truth), expected)
    far = run(stable, x=[-1000, 1000, 50], t=[1, 0, 1])
    np.testing.assert_allclose(far, [1000, 1000, np.exp(-50)])
    slope = run(grad(stable.sum(), x), x=[0, 1000, -2], t=[1, 0, 0])
    np.testing.assert_allclose(slope, [-0.5, 1, special.expit(-2)])
    assert T.nnet.binary_crossentropy(T.vector(), T.ivector()).dtype == "float32"


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("sigmoid", special.expit),
        ("softplus", lambda x: np.logaddexp(0, x)),
        ("softsign", lambda x: x / (1 + np.abs(x))),
        ("relu", lambda x: np.maximum(x, 0)),
        ("elu", lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0)))),
        ("hard_sigmoid", lambda x: np.clip(0.2 * x + 0.5, 0, 1)),
    ],
)
def test_activations(run, name, meaning):
    x = T.vector("x")
    v = np.array([-200, -1.5, 0, 0.5, 200], "float32")
    found = run(getattr(T.nnet, name)(x), x=v)
    np.testing.assert_allclose(found, meaning(v.astype("d")), rtol=1e-5, atol=1e-30)
    assert getattr(T.nnet, name)(T.ivector()).dtype == ("int32" if name == "relu" else "float32")
    slope = run(grad(getattr(T.nnet, name)(x).sum(), x), x=v)
    assert np.isfinite(slope).all()


def test_leaky_relu(run):
    x, a = T.vector("x"), T.vector("a")
    assert run(T.nnet.relu(x, 0.5), x=[-2, 2]).tolist() == [-1, 2]
    assert run(T.nnet.relu(x, a), x=[-2, -2], a=[1, 2]).tolist() == [-2, -4]
    assert np.isnan(run(T.nnet.relu(x), x=[np.nan]))
    assert run(grad(T.nnet.relu(x).sum(), x), x=[-1, 0, 1]).tolist() == [0, 0, 1]


def test_selu_keeps_the_moments(run):
    x = T.dvector("x")
    y = run(T.nnet.selu(x), x=np.random.RandomState(0).randn(200_000))
    assert abs(y.mean()) < 0.01
    assert abs(y.var() - 1) < 0.02
