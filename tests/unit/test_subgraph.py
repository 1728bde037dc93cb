import copy
import pickle

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.gradient import (
    DisconnectedInputError,
    DisconnectedType,
    NullType,
    NullTypeGradError,
    Rop,
    grad,
    verify_grad,
)
from symnet.program import HostCall

X, Y, Z = (np.random.default_rng(k).standard_normal((2, 2)) for k in range(3))


def three():
    return T.dmatrices("x", "y", "z")


@pytest.fixture(params=["default", "reference", "debug"])
def mode(request):
    return request.param


# -- as an operation -------------------------------------------------------------------------


def test_theanos_example(mode):
    x, y, z = three()
    op = sn.OpFromGraph([x, y, z], [x + y * z])
    f = sn.function([x, y, z], op(x, y, z) + op(z, y, x), mode=mode)
    np.testing.assert_allclose(f(X, Y, Z), X + Y * Z + Z + Y * X)


def test_gradient_is_that_of_the_graph():
    x, y, z = three()
    op = sn.OpFromGraph([x, y, z], [x + y * z], name="fma")
    assert str(op) == "fma"
    verify_grad(op, [X, Y, Z])
    verify_grad(lambda a, b: grad((op(a, b, a) ** 2).sum(), a), [X, Y])


def test_shared_variables_inside(mode):
    x, y, z = three()
    s = sn.shared(np.full((2, 2), 2.0), name="s")
    op = sn.OpFromGraph([x, y, z], [x + y * z + s])
    cost = (op(x, y, z) ** 2).sum()
    f = sn.function([x, y, z], [cost, grad(cost, s)], updates=[(s, s + 1)], mode=mode)
    for _ in range(2):
        value = X + Y * Z + s.get_value()
        got, slope = f(X, Y, Z)
        np.testing.assert_allclose(got, (value**2).sum())
        np.testing.assert_allclose(slope, 2 * value)
    g = sn.function([x, y, z], op(x, y, z), givens={s: x}, mode=mode)
    np.testing.assert_allclose(g(X, Y, Z), X + Y * Z + X)


def test_several_results_and_nested(mode):
    x, y, z = three()
    inner = sn.OpFromGraph([x, y], [x + y, x * y])
    total, product = inner(x, y)
    outer = sn.OpFromGraph([x, y, z], [total * z, T.tanh(product)])
    a, b = outer(x, y, z)
    f = sn.function([x, y, z], [a, b, *grad((a * b).sum(), [x, y])], mode=mode)
    plain = (x + y) * z, T.tanh(x * y)
    want = sn.function(
        [x, y, z], [*plain, *grad((plain[0] * plain[1]).sum(), [x, y])], mode="reference"
    )
    for got, expected in zip(f(X, Y, Z), want(X, Y, Z), strict=True):
        np.testing.assert_allclose(got, expected)


def test_compiles_to_what_the_graph_compiles_to():
    x, y, z = three()
    op = sn.OpFromGraph([x, y, z], [T.exp(x) + y * z])
    f = sn.function([x, y, z], op(x, y, z) * 2)
    f(X, Y, Z)
    (program,) = f.programs
    assert len(program.steps) == 1
    assert not isinstance(program.steps[0], HostCall)


def test_computed_variables_as_inputs():
    x = T.dmatrix("x")
    h = T.tanh(x)
    op = sn.OpFromGraph([h], [h * 3])
    np.testing.assert_allclose(op(x).eval({x: X}), 3 * X)


def test_rows():
    x, y, z = three()
    op = sn.OpFromGraph([x, y, z], [T.dot(x, y) + z])
    many = T.dtensor3("many")
    made = sn.vectorize(op(x, y, z), {x: many})
    many_value = np.stack([X, Y, Z])
    got = sn.function([many, y, z], made)(many_value, Y, Z)
    np.testing.assert_allclose(got, many_value @ Y + Z)


def test_copies_and_pickles():
    x, y, z = three()
    op = sn.OpFromGraph([x, y, z], [x + y * z])
    out = op(x, y, z)
    (a, b, c), twin = pickle.loads(pickle.dumps(((x, y, z), out)))
    np.testing.assert_allclose(twin.eval({a: X, b: Y, c: Z}), X + Y * Z)
    (a, b, c), twin = copy.deepcopy(((x, y, z), out))
    np.testing.assert_allclose(twin.eval({a: X, b: Y, c: Z}), X + Y * Z)


def test_what_does_not_fit():
    x, y, z = three()
    with pytest.raises(ValueError, match="depend on z"):
        sn.OpFromGraph([x, y], [x + y * z])
    with pytest.raises(TypeError, match="inputs are symbolic variables"):
        sn.OpFromGraph([sn.shared(1.0)], [x])
    op = sn.OpFromGraph([x, y], [x + y])
    with pytest.raises(TypeError, match="takes 2 operands, got 1"):
        op(x)
    with pytest.raises(TypeError, match="operand 1 is float64"):
        op(x, y.sum())
    with pytest.raises(ValueError, match="one of the two"):
        sn.OpFromGraph([x], [x], lop_overrides=lambda *a: a, grad_overrides=lambda *a: a)


# -- overridden gradients --------------------------------------------------------------------


def values(op):
    """The gradient of the sum of the result of an operation of two."""
    x, y = T.dmatrices("x", "y")
    found = grad(op(x, y).sum(), [x, y])
    return sn.function([x, y], found, on_unused_input="ignore")(X, Y)


def test_functions_override():
    x, y = T.dmatrices("x", "y")

    def of_inputs(inputs, output_grads):
        return [output_grads[0] * inputs[1] * 2, output_grads[0] * 1.5]

    def of_all(inputs, outputs, output_grads):
        return [output_grads[0] * outputs[0], output_grads[0] * 1.5]

    gx, gy = values(sn.OpFromGraph([x, y], [x * y], grad_overrides=of_inputs))
    np.testing.assert_allclose(gx, 2 * Y)
    np.testing.assert_allclose(gy, np.full((2, 2), 1.5))
    gx, _ = values(sn.OpFromGraph([x, y], [x * y], lop_overrides=of_all))
    np.testing.assert_allclose(gx, X * Y)


def test_graphs_override():
    x, y, g, out = T.dmatrices("x", "y", "g", "out")
    of_inputs = sn.OpFromGraph([x, y, g], [y * 3 * g, x * 4 * g])
    gx, gy = values(sn.OpFromGraph([x, y], [x * y], grad_overrides=of_inputs))
    np.testing.assert_allclose(gx, 3 * Y)
    np.testing.assert_allclose(gy, 4 * X)
    of_all = sn.OpFromGraph([x, y, out, g], [out * g + 0 * x, g + 0 * y])
    gx, gy = values(sn.OpFromGraph([x, y], [x * y], lop_overrides=of_all))
    np.testing.assert_allclose(gx, X * Y)
    np.testing.assert_allclose(gy, np.ones((2, 2)))


def test_lists_override_some():
    x, y = T.dmatrices("x", "y")
    op = sn.OpFromGraph([x, y], [x * y], grad_overrides=["default", lambda i, g: g[0] * 7])
    gx, gy = values(op)
    np.testing.assert_allclose(gx, Y)
    np.testing.assert_allclose(gy, np.full((2, 2), 7.0))
    _, gy = values(sn.OpFromGraph([x, y], [x * y], grad_overrides=["default", None]))
    np.testing.assert_array_equal(gy, np.zeros((2, 2)))
    with pytest.raises(NullTypeGradError, match="not today"):
        values(sn.OpFromGraph([x, y], [x * y], lop_overrides=["default", NullType("not today")()]))
    with pytest.raises(DisconnectedInputError):
        values(sn.OpFromGraph([x, y], [x * y], lop_overrides=[DisconnectedType()(), "default"]))
    with pytest.raises(ValueError, match="1 gradients are overridden, of 2 inputs"):
        values(sn.OpFromGraph([x, y], [x * y], grad_overrides=["default"]))
    with pytest.raises(ValueError, match="returned 1 gradients, not 2"):
        values(sn.OpFromGraph([x, y], [x * y], grad_overrides=lambda i, g: g))


def test_overrides_inside_others_are_respected():
    x = T.dmatrix("x")
    triple = sn.OpFromGraph([x], [x * 1], grad_overrides=lambda i, g: [g[0] * 3])
    outer = sn.OpFromGraph([x], [triple(x) * 2])
    found = grad(outer(x).sum(), x)
    np.testing.assert_allclose(
        sn.function([x], found, on_unused_input="ignore")(X), np.full((2, 2), 6.0)
    )


def test_connections():
    x, y = T.dmatrices("x", "y")
    apart = sn.OpFromGraph([x, y], [x * 2, y * 3])
    a, b = apart(x, y)
    with pytest.raises(DisconnectedInputError):
        grad(a.sum(), y)
    np.testing.assert_array_equal(
        sn.function([y], grad(b.sum(), y), on_unused_input="ignore")(Y), np.full((2, 2), 3.0)
    )
    said = sn.OpFromGraph([x, y], [x * y], connection_pattern=[[True], [False]])
    with pytest.raises(DisconnectedInputError):
        grad(said(x, y).sum(), y)


# -- forward mode ----------------------------------------------------------------------------


def test_rop():
    x, y, u, v = T.dmatrices("x", "y", "u", "v")
    plain = sn.OpFromGraph([x, y], [x * y])
    found = Rop(plain(x, y), [x, y], [u, v])
    got = sn.function([x, y, u, v], found)(X, Y, Z, X)
    np.testing.assert_allclose(got, Z * Y + X * X)
    own = sn.OpFromGraph([x, y], [x * y], rop_overrides=lambda inputs, points: points[0] * 5)
    got = sn.function([u], Rop(own(x, y), x, u))(Z)
    np.testing.assert_allclose(got, 5 * Z)
    minus = sn.OpFromGraph([x, y, u, v], [u - v + 0 * x * y])
    some = sn.OpFromGraph([x, y], [x * y, x + y, x - y], rop_overrides=["default", None, minus])
    first, second, third = Rop(some(x, y), [x, y], [u, v])
    f = sn.function([x, y, u, v], [first, second, third], on_unused_input="ignore")
    got = f(X, Y, Z, X)
    np.testing.assert_allclose(got[0], Z * Y + X * X)
    np.testing.assert_array_equal(got[1], np.zeros((2, 2)))
    np.testing.assert_allclose(got[2], Z - X)
