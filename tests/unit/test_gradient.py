import time
from dataclasses import dataclass

import numpy as np
import pytest

import symnet.tensor as T
from symnet.config import config
from symnet.gradient import (
    DisconnectedInputError,
    GradientError,
    Lop,
    NullTypeGradError,
    Rop,
    consider_constant,
    disconnected_grad,
    grad,
    grad_clip,
    grad_scale,
    verify_grad,
    zero_grad,
)
from symnet.graph import ancestors
from symnet.interpreter import evaluate
from symnet.op import Op

rng = np.random.default_rng(6)


def value(v, given=None):
    return evaluate([v], given or {})[0]


# -- what grad accepts and returns -----------------------------------------------------------


def test_returns_what_wrt_was():
    x, y = T.dvector("x"), T.dvector("y")
    cost = (x * y).sum()
    assert isinstance(grad(cost, [x, y]), list)
    assert isinstance(grad(cost, (x, y)), tuple)
    assert grad(cost, x).type == x.type
    assert grad(cost, []) == []


def test_names():
    x = T.dscalar("x")
    cost = x**2
    cost.name = "cost"
    assert grad(cost, x).name == "(dcost/dx)"
    assert grad(cost, x, add_names=False).name is None


def test_of_itself_and_of_intermediate_variables():
    x = T.dscalar("x")
    y = x**2
    assert value(grad(y, y), {x: np.array(3.0)}) == 1
    gx, gy = grad(y * y, [x, y])
    assert evaluate([gx, gy], {x: np.array(3.0)}) == [108, 18]


def test_a_variable_used_many_times():
    x = T.dscalar("x")
    cost = x * x + x * x * x - x
    assert value(grad(cost, x), {x: np.array(2.0)}) == 4 + 12 - 1
    assert grad(cost, [x, x])[0].type == x.type


def test_wrong_costs():
    x = T.dvector("x")
    with pytest.raises(TypeError, match="must be a scalar, but x is float64"):
        grad(x, x)
    with pytest.raises(TypeError, match="only floating point numbers have a gradient"):
        grad(T.iscalar("n"), x)
    with pytest.raises(TypeError, match="the cost is a variable"):
        grad(1.0, x)
    with pytest.raises(ValueError, match="needs a cost"):
        grad(None, x)
    with pytest.raises(TypeError, match="wrt is a variable or a list of variables; 'x' is none"):
        grad(x.sum(), ["x"])
    with pytest.raises(ValueError, match="return_disconnected"):
        grad(x.sum(), x, return_disconnected="nothing")


def test_with_respect_to_integers_is_zero():
    n, x = T.ivector("n"), T.dvector("x")
    g = grad((n * x).sum(), n)
    assert g.dtype == config.floatX
    given = {n: np.array([1, 2], "int32"), x: np.ones(2)}
    np.testing.assert_array_equal(value(g, given), [0, 0])


def test_piecewise_constant_is_zero_but_connected():
    x = T.dvector("x")
    for flat in (T.floor(x), T.cast(x > 0, "float64"), T.cast(T.cast(x, "int32"), "float64")):
        np.testing.assert_array_equal(value(grad(flat.sum(), x), {x: np.ones(3)}), np.zeros(3))


def test_cotangents_have_the_dtype_of_their_variable():
    x, y = T.fvector("x"), T.dvector("y")
    gx, gy = grad((T.exp(x) * y).sum(), [x, y])
    assert (gx.dtype, gy.dtype) == ("float32", "float64")


# -- disconnected ----------------------------------------------------------------------------


def test_disconnected():
    x, y = T.dvector("x"), T.dvector("y")
    cost = x.sum()
    with pytest.raises(DisconnectedInputError, match="does not depend on y"):
        grad(cost, y)
    with pytest.raises(ValueError, match="disconnected_inputs"):
        grad(cost, y)
    with pytest.warns(UserWarning, match="does not depend on y"):
        zeros = grad(cost, y, disconnected_inputs="warn")
    np.testing.assert_array_equal(value(zeros, {y: np.ones(2)}), [0, 0])
    found = grad(cost, [x, y], disconnected_inputs="ignore", return_disconnected="None")
    assert found[1] is None
    with pytest.raises(ValueError, match="not one of"):
        grad(cost, y, disconnected_inputs="perhaps")


def test_connected_by_shape_only():
    x = T.dvector("x")
    cost = T.cast(x.shape[0], "float64") * 2
    with pytest.raises(DisconnectedInputError):
        grad(cost, x)


def test_consider_constant():
    x, y = T.dscalar("x"), T.dscalar("y")
    z = x * y
    g = grad(z * x, x, consider_constant=[z])
    assert value(g, {x: np.array(3.0), y: np.array(5.0)}) == 15
    with pytest.raises(DisconnectedInputError):
        grad(z * x, y, consider_constant=[z])


def test_known_grads():
    x = T.dvector("x")
    y = x**2
    z = y.sum()
    gy = T.dvector("gy")
    given = {x: np.array([1.0, 2.0]), gy: np.array([10.0, 100.0])}
    np.testing.assert_array_equal(value(grad(None, x, known_grads={y: gy}), given), [20, 400])
    np.testing.assert_array_equal(value(grad(z, x, known_grads={y: gy}), given), [20, 400])
    g = grad(x.sum(), x, known_grads={y: gy})
    np.testing.assert_array_equal(value(g, given), [21, 401])
    with pytest.raises(TypeError, match="cannot be a gradient"):
        grad(None, x, known_grads={y: T.dmatrix()})


def test_known_grads_of_what_broadcasts():
    x, row = T.dmatrix("x"), T.drow("row")
    product = row * 2
    g = grad(None, row, known_grads={product: x})
    assert g.type.shape == (1, None)
    np.testing.assert_array_equal(value(g, {x: np.ones((1, 3)), row: np.ones((1, 3))}), [[2] * 3])


# -- operations about gradients --------------------------------------------------------------


def test_zero_and_disconnected_grad():
    x = T.dscalar("x")
    at = {x: np.array(3.0)}
    for stop in (zero_grad, consider_constant, disconnected_grad):
        assert value(stop(x) * 2, at) == 6
        assert value(grad(x * stop(x), x), at) == 3
    assert value(grad(zero_grad(x), x), at) == 0
    with pytest.raises(DisconnectedInputError):
        grad(disconnected_grad(x), x)


def test_clip_and_scale():
    x = T.dscalar("x")
    at = {x: np.array(3.0)}
    assert value(grad(grad_clip(x, -1, 1) ** 2, x), at) == 1
    assert value(grad(-(grad_clip(x, -2, 1) ** 2), x), at) == -2
    assert value(grad(grad_clip(x, -10, 10) ** 2, x), at) == 6
    assert value(grad(grad_scale(x, 0.5) ** 2, x), at) == 3
    assert value(grad_clip(x, -1, 1), at) == 3
    with pytest.raises(ValueError, match="is above"):
        grad_clip(x, 1, -1)


# -- operations that go wrong ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _NoDerivative(Op):
    def infer_types(self, types, operands):
        return [types[0]]


@dataclass(frozen=True, slots=True)
class _WrongDerivative(Op):
    def infer_types(self, types, operands):
        return [types[0]]

    def vjp(self, node, cotangents):
        return []


def test_no_derivative():
    x = T.dvector("x")
    with pytest.raises(
        NullTypeGradError, match=r"_noderivative has no derivative[^$]*test_gradien"
    ):
        grad(_NoDerivative()(x).sum(), x)
    y = T.dvector("y")
    grad((_NoDerivative()(x) * y).sum(), y)
    with pytest.raises(TypeError, match="returned 0 cotangents for 1 operands"):
        grad(_WrongDerivative()(x).sum(), x)


# -- size ------------------------------------------------------------------------------------


def test_deep_and_wide_graphs_take_linear_time():
    x = T.dscalar("x")
    deep, wide = x, x
    at, slope = 1.0, 1.0
    for _ in range(10_000):
        deep = T.sin(deep)
        at, slope = np.sin(at), slope * np.cos(at)
    for _ in range(1000):
        wide = wide + T.exp(x)
    start = time.perf_counter()
    g = grad(deep + wide, x)
    assert time.perf_counter() - start < 60  # seconds; quadratic would be many minutes
    np.testing.assert_allclose(value(g, {x: np.array(1.0)}), slope + 1 + 1000 * np.e)


def test_sum_of_terms_is_balanced():
    x = T.dvector("x")
    cost = sum((T.exp(x * k).sum() for k in range(1, 257)), T.constant(0.0, dtype="float64"))
    g = grad(cost, x)
    depth = {}
    for node in ancestors([g]):
        below = max((depth.get(v, 0) for v in node.inputs), default=0)
        depth[node.out] = below + (str(node.op) == "add" and node.out.ndim == 1)
    assert depth[g] == 8


# -- both modes ------------------------------------------------------------------------------


def network(x, W, V):
    return T.tanh(T.dot(T.tanh(T.dot(x, W)), V)) * T.sum(x**2, axis=1, keepdims=True)


POINTS = [rng.normal(size=s) for s in ((3, 2), (2, 4), (4, 2))]


def test_lop_and_rop_are_transposes():
    inputs = [T.dmatrix(n) for n in "xWV"]
    out = network(*inputs)
    u, columns = T.dmatrix("u"), [T.dmatrix(n) for n in ("cx", "cW", "cV")]
    given = dict(zip(inputs, POINTS, strict=True)) | {u: rng.normal(size=(3, 2))}
    given |= {c: rng.normal(size=p.shape) for c, p in zip(columns, POINTS, strict=True)}
    rows = Lop(out, inputs, u)
    forward = Rop(out, inputs, columns)
    assert forward.type.ndim == 2
    pairing = sum((r * c).sum() for r, c in zip(rows, columns, strict=True))
    left, right = evaluate([pairing, (u * forward).sum()], given)
    np.testing.assert_allclose(left, right)


def test_rop_is_the_directional_derivative():
    inputs = [T.dmatrix(n) for n in "xWV"]
    out = network(*inputs)
    directions = [rng.normal(size=p.shape) for p in POINTS]
    found = value(
        Rop(out, inputs, [T.constant(d) for d in directions]),
        dict(zip(inputs, POINTS, strict=True)),
    )

    def at(t):
        moved = [p + t * d for p, d in zip(POINTS, directions, strict=True)]
        return value(out, dict(zip(inputs, moved, strict=True)))

    np.testing.assert_allclose(found, (at(1e-6) - at(-1e-6)) / 2e-6, rtol=1e-6)


def test_rop_details():
    x, y, v = T.dvector("x"), T.dvector("y"), T.dvector("v")
    outs = Rop([x + y, x.sum()], [x, y], [v, v])
    found = evaluate(outs, {x: np.ones(2), y: np.ones(2), v: np.array([1.0, 2.0])})
    np.testing.assert_array_equal(found[0], [2, 4])
    assert found[1] == 3
    assert value(Rop(x * y, [x, y], [v, None]), {y: np.ones(1) * 3, x: np.ones(1), v: np.ones(1)})
    with pytest.raises(DisconnectedInputError):
        Rop(y * 2, x, v)
    assert Rop([y * 2], x, v, "ignore", "None") == [None]
    with pytest.raises(ValueError, match="1 variables but 2 evaluation points"):
        Rop(x, x, [v, v])
    with pytest.raises(ValueError, match="1 variables but 2 evaluation points"):
        Lop(x, x, [v, v])


def test_lop_adds_what_flows_through():
    x, u, w = T.dvector("x"), T.dvector("u"), T.dvector("w")
    y = x * 2
    z = y * y
    g = Lop([y, z], x, [u, w])
    given = {x: np.array([3.0]), u: np.array([1.0]), w: np.array([1.0])}
    assert value(g, given) == [2 + 2 * 2 * 6]


# -- verify_grad -----------------------------------------------------------------------------


def test_verify_grad():
    verify_grad(network, POINTS)
    verify_grad(network, [p.astype("float32") for p in POINTS], n_tests=1)
    verify_grad(lambda x: T.exp(x), [np.array(0.5)], rng=np.random.RandomState(1), eps=1e-5)
    with pytest.raises(TypeError, match="floating point arrays"):
        verify_grad(T.exp, [np.arange(3)])


def test_verify_grad_finds_errors():
    def wrong(x):
        return grad_scale(x, 1.01) ** 2

    with pytest.raises(GradientError, match=r"gradient of input 0 at .* of 2 are wrong"):
        verify_grad(wrong, [np.array([1.0, 2.0])])
    assert verify_grad.E_grad is GradientError
    verify_grad(wrong, [np.array([1.0, 2.0])], rel_tol=0.1)


def test_verify_grad_compiles_with_what_it_is_given():
    calls = []

    def compiler(inputs, outputs):
        calls.append((len(inputs), len(outputs)))
        return lambda *arrays: evaluate(outputs, dict(zip(inputs, arrays, strict=True)))

    verify_grad(lambda x, y: x * y, [np.ones(2), np.ones(2)], mode=compiler)
    assert calls == [(2, 1), (3, 2)]


def test_float32_stays_float32():
    x, y, w = T.fmatrix("x"), T.ivector("y"), T.fmatrix("w")
    p = T.nnet.softmax(T.dot(x, w))
    cost = T.nnet.categorical_crossentropy(p, y).mean() + 0.5 * (w**2).sum() + abs(w).max()
    found = {v.dtype for n in ancestors([cost, grad(cost, w)]) for v in n.outputs}
    assert "float64" not in found


def test_gradient_of_the_stable_form():
    x, y = T.dmatrix("x"), T.ivector("y")
    p = T.nnet.softmax(x)
    cost = -T.log(p)[T.arange(y.shape[0]), y].mean()
    given = {x: np.array([[1000.0, 0.0, -1000.0]]), y: np.array([2], "int32")}
    np.testing.assert_allclose(value(grad(cost, x), given), [[1, 0, -1]])


def test_variables_named_by_the_caller_outlive_stabilisation():
    x = T.dvector("x")
    e = T.exp(x)
    y = T.log(e)
    cost = y.sum()
    at = {x: np.array([0.5, 2.0])}
    gx, ge, gy = evaluate(grad(cost, [x, e, y]), at)
    np.testing.assert_allclose(gx, [1, 1])
    np.testing.assert_allclose(ge, np.exp(-at[x]))
    np.testing.assert_allclose(gy, [1, 1])
    with pytest.raises(DisconnectedInputError):
        grad(cost, x, consider_constant=[e])
    zeros = value(grad(e.sum() + cost, x, consider_constant=[y]), at)
    np.testing.assert_allclose(zeros, np.exp(at[x]))


def test_a_dependence_that_rewriting_removes_is_still_one():
    x = T.dvector("x")
    np.testing.assert_array_equal(value(grad((x - x).sum(), x), {x: np.ones(2)}), [0, 0])
    np.testing.assert_array_equal(value(grad((x * 0).sum(), x), {x: np.ones(2)}), [0, 0])
    c = T.constant(2.0, dtype="float64")
    assert value(grad(c * c, c)) == 4
