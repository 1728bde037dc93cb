import time

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.gradient import (
    DisconnectedInputError,
    GradientError,
    format_as,
    grad,
    hessian_vector_product,
    numeric_grad,
    subgraph_grad,
    verify_grad,
)
from symnet.gradient import hessian as hessian_of
from symnet.gradient import jacobian as jacobian_of
from symnet.interpreter import evaluate

rng = np.random.default_rng(4)
W, X = rng.standard_normal((3, 4)), rng.standard_normal(4)


# -- jacobian --------------------------------------------------------------------------------


def test_jacobian_of_a_layer():
    w, x = T.dmatrix("w"), T.dvector("x")
    of_x, of_w = jacobian_of(T.tanh(T.dot(w, x)), [x, w])
    slope = 1 - np.tanh(W @ X) ** 2
    a, b = sn.function([w, x], [of_x, of_w])(W, X)
    np.testing.assert_allclose(a, slope[:, None] * W)
    np.testing.assert_allclose(b, np.einsum("i,ij,k->ijk", slope, np.eye(3), X), atol=1e-15)


def test_jacobian_returns_what_wrt_was():
    x = T.dvector("x")
    assert isinstance(jacobian_of(x * 2, [x]), list)
    assert isinstance(jacobian_of(x * 2, (x,)), tuple)
    assert jacobian_of(x * 2, x).ndim == 2


def test_jacobian_of_a_scalar_is_its_gradient():
    x = T.dvector("x")
    found = sn.function([x], jacobian_of((x**2).sum(), x))(X)
    np.testing.assert_allclose(found, 2 * X)


def test_jacobian_of_a_matrix():
    x = T.dmatrix("x")
    found = sn.function([x], jacobian_of(x.T * 3, x))(W)
    want = np.zeros((4, 3, 3, 4))
    for i, j in np.ndindex(4, 3):
        want[i, j, j, i] = 3
    np.testing.assert_array_equal(found, want)


def test_jacobian_with_respect_to_scalars_and_parts():
    a, x = T.dscalar("a"), T.dvector("x")
    y = x[1:] * a
    of_a, of_x = sn.function([a, x], jacobian_of(y, [a, x]))(2.0, X)
    np.testing.assert_allclose(of_a, X[1:])
    np.testing.assert_allclose(of_x, 2 * np.eye(4)[1:])


@pytest.mark.parametrize("n", [0, 1])
def test_jacobian_of_few(n):
    x = T.dvector("x")
    found = sn.function([x], jacobian_of(T.exp(x), x))(X[:n])
    np.testing.assert_allclose(found, np.diag(np.exp(X[:n])))


def test_jacobian_disconnected():
    x, y = T.dvectors("x", "y")
    with pytest.raises(DisconnectedInputError):
        jacobian_of(x * 2, y)
    zeros = sn.function([x, y], jacobian_of(x * 2, y, disconnected_inputs="ignore"))
    assert zeros(X, X[:2]).tolist() == np.zeros((4, 2)).tolist()
    z = x**2
    assert sn.function([x], jacobian_of(z * x, x, consider_constant=[z]))(X[:1]) == X[0] ** 2
    with pytest.raises(TypeError, match="no floating point variable"):
        jacobian_of(T.ivector(), x)


def test_a_jacobian_is_differentiable():
    def sum_of_squares(x, w):
        return (jacobian_of(T.tanh(T.dot(w, x)), x) ** 2).sum()

    verify_grad(sum_of_squares, [X, W])
    verify_grad(lambda x, w: grad(sum_of_squares(x, w), w), [X, W])


def test_jacobian_on_the_way_of_softmax_and_reductions():
    x = T.dmatrix("x")
    y = T.nnet.softmax(x).max(axis=1) * x.prod(axis=1)
    found = sn.function([x], jacobian_of(y, x))(W)
    for i in range(3):
        np.testing.assert_allclose(found[i], sn.function([x], grad(y[i], x))(W))


# -- hessian ---------------------------------------------------------------------------------


def test_hessian():
    x = T.dvector("x")
    found = sn.function([x], hessian_of(T.log(T.exp(x).sum()), x))(X)
    p = np.exp(X) / np.exp(X).sum()
    np.testing.assert_allclose(found, np.diag(p) - np.outer(p, p), rtol=1e-12)


def test_hessian_of_linear_costs_and_several_variables():
    x, y = T.dvectors("x", "y")
    of_x, of_y = sn.function([x, y], hessian_of((x * y**2).sum(), [x, y]))(X, X)
    np.testing.assert_array_equal(of_x, np.zeros((4, 4)))
    np.testing.assert_allclose(of_y, 2 * np.diag(X))


def test_hessian_is_differentiable():
    verify_grad(lambda x: (hessian_of((x**4).sum(), x) ** 2).sum(), [X])
    verify_grad(lambda x: hessian_of(hessian_of((x**4).sum(), x).sum(), x), [X])


def test_hessian_vector_product():
    x, w, v, u = T.dvector("x"), T.dmatrix("w"), T.dvector("v"), T.dmatrix("u")
    cost = (T.tanh(T.dot(w, x)) ** 3).sum()
    V, U = rng.standard_normal(4), rng.standard_normal((3, 4))
    found = sn.function([x, w, v, u], hessian_vector_product(cost, [x, w], [v, u]))(X, W, V, U)
    gradient = sn.function([x, w], grad(cost, [x, w]))
    h = 1e-5
    pairs = zip(gradient(X + h * V, W + h * U), gradient(X - h * V, W - h * U), strict=True)
    for got, (above, below) in zip(found, pairs, strict=True):
        np.testing.assert_allclose(got, (above - below) / (2 * h), rtol=1e-6, atol=1e-8)


# -- parts of graphs -------------------------------------------------------------------------


def test_subgraph_grad_chains():
    x, t = T.dvector("x"), T.dvector("t")
    w1, w2 = T.dmatrix("w1"), T.dmatrix("w2")
    a1 = T.tanh(T.dot(w1, x))
    a2 = T.tanh(T.dot(w2, a1))
    cost = ((a2 - t) ** 2).sum() + (w2**2).sum() + (w1**2).sum()
    cost2, cost1 = ((a2 - t) ** 2).sum() + (w2**2).sum(), (w1**2).sum()
    (g2,), (ga,) = subgraph_grad([w2], [a1], cost=cost2)
    (g1,), (gx,) = subgraph_grad([w1], [x], start={a1: ga}, cost=cost1)
    values = X, rng.standard_normal(2), W, rng.standard_normal((2, 3))
    got = sn.function([x, t, w1, w2], [g1, g2, gx])(*values)
    want = sn.function([x, t, w1, w2], grad(cost, [w1, w2, x]))(*values)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b)
    details = subgraph_grad([w1], [x], start={a1: ga}, cost=cost1, details=True)
    assert [len(part) for part in details] == [1, 1, 2, 2]
    assert subgraph_grad([w2], [a1], cost=cost2, details=True)[2] is None
    with pytest.raises(ValueError, match="needs a cost"):
        subgraph_grad([w1], [x])


# -- finite differences ----------------------------------------------------------------------


def test_numeric_grad():
    found = numeric_grad(lambda x, y: (x * y).sum(), [X, X[::-1].copy()])
    np.testing.assert_allclose(found.gf[0], X[::-1], rtol=1e-8)
    wrong = [X[::-1], X + np.array([0, 0, 1e-2, 0])]
    number, place, absolute, relative = found.max_err(wrong, 1e-3, 1e-3)
    assert (number, place) == (1, 2)
    assert absolute == pytest.approx(1e-2, rel=1e-3)
    assert 0 < relative < 1
    with pytest.raises(ValueError, match="shapes"):
        found.max_err([X, X[:2]], 1, 1)


def test_verify_grad_in_a_mode():
    verify_grad(T.tanh, [X], mode="default")
    verify_grad(T.tanh, [X], mode="default", rng=np.random.RandomState(3))
    verify_grad(T.tanh, [X], out_type="float32", cast_to_output_type=True)
    with pytest.raises(GradientError, match="gradient of input 0"):
        verify_grad(lambda x: sn.gradient.grad_scale(T.tanh(x), 2.0), [X], mode="FAST_RUN")


# -- what Theano's tutorial prints -----------------------------------------------------------


def test_theanos_tutorial_on_derivatives():
    m = T.dmatrix("x")
    s = T.sum(1 / (1 + T.exp(-m)))
    dlogistic = sn.function([m], grad(s, m))
    np.testing.assert_allclose(
        dlogistic([[0, 1], [-1, -2]]), [[0.25, 0.19661193], [0.19661193, 0.10499359]], rtol=1e-7
    )
    x, v, w, u = T.dvector("x"), T.dvector("v"), T.dmatrix("W"), T.dmatrix("V")
    assert sn.function([x], jacobian_of(x**2, x))([4, 4]).tolist() == [[8, 0], [0, 8]]
    assert sn.function([x], hessian_of((x**2).sum(), x))([4, 4]).tolist() == [[2, 0], [0, 2]]
    y = T.dot(x, w)
    pushed = sn.function([w, u, x], T.Rop(y, w, u), on_unused_input="ignore")
    assert pushed([[1, 1], [1, 1]], [[2, 2], [2, 2]], [0, 1]).tolist() == [2, 2]
    pulled = sn.function([v, x], T.Lop(y, w, v))
    assert pulled([2, 2], [0, 1]).tolist() == [[0, 0], [2, 2]]
    slope = grad(T.sum(x**2), x)
    twice = sn.function([x, v], grad(T.sum(slope * v), x), on_unused_input="ignore")
    assert twice([4, 4], [2, 2]).tolist() == [4, 4]
    forward = sn.function([x, v], T.Rop(slope, x, v), on_unused_input="ignore")
    assert forward([4, 4], [2, 2]).tolist() == [4, 4]


def test_forms():
    assert format_as(True, False, (1, 2)) == [1, 2]
    assert format_as(False, True, [1]) == (1,)
    assert format_as(False, False, [1]) == 1
    with pytest.raises(ValueError, match="not both"):
        format_as(True, True, [1])


def test_long_graphs():
    x = v = T.dscalar("x")
    at, slope = 1.0, 1.0
    for _ in range(1500):
        v = T.sin(v)
        at, slope = np.sin(at), slope * np.cos(at)
    start = time.perf_counter()
    found = [sn.Rop(v, x, x * 0 + 1), jacobian_of(v.dimshuffle("x"), x)[0]]
    assert time.perf_counter() - start < 60  # seconds; quadratic would be many minutes
    for value in evaluate(found, {x: np.array(1.0)}):
        np.testing.assert_allclose(value, slope)
