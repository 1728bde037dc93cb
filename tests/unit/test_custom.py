"""Operations in Python, those of Theano's tutorial on creating operations among them."""

import copy
import pickle

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.gradient import (
    DisconnectedInputError,
    DisconnectedType,
    NullTypeGradError,
    Rop,
    grad,
    grad_not_implemented,
    grad_undefined,
    verify_grad,
)
from symnet.program import HostCall

X = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])


class DoubleOp1(sn.PyOp):
    __props__ = ()

    def make_node(self, x):
        x = T.as_tensor_variable(x)
        return sn.Apply(self, [x], [x.type()])

    def perform(self, node, inputs, output_storage):
        x = inputs[0]
        z = output_storage[0]
        z[0] = x * 2

    def infer_shape(self, node, i0_shapes):
        return i0_shapes

    def grad(self, inputs, output_grads):
        return [output_grads[0] * 2]

    def R_op(self, inputs, eval_points):
        if eval_points[0] is None:
            return eval_points
        return self.grad(inputs, eval_points)


class DoubleOp2(sn.PyOp):
    __props__ = ()
    itypes = [T.dmatrix]  # noqa: RUF012
    otypes = [T.dmatrix]  # noqa: RUF012

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = inputs[0] * 2

    def infer_shape(self, node, i0_shapes):
        return i0_shapes

    def grad(self, inputs, output_grads):
        return [output_grads[0] * 2]


class AXPBOp(sn.PyOp):
    """Computes ``a*x+b``."""

    __props__ = ("a", "b")

    def __init__(self, a, b):
        self.a = a
        self.b = b
        super().__init__()

    def make_node(self, x):
        x = T.as_tensor_variable(x)
        return sn.Apply(self, [x], [x.type()])

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = self.a * inputs[0] + self.b

    def infer_shape(self, node, i0_shapes):
        return i0_shapes

    def grad(self, inputs, output_grads):
        return [self.a * output_grads[0]]


class SumDiffOp(sn.PyOp):
    __props__ = ()

    def make_node(self, x, y):
        x, y = T.as_tensor_variable(x), T.as_tensor_variable(y)
        return sn.Apply(self, [x, y], [x.type(), y.type()])

    def perform(self, node, inputs, output_storage):
        x, y = inputs
        z1, z2 = output_storage
        z1[0] = x + y
        z2[0] = x - y

    def infer_shape(self, node, i0_shapes):
        return [i0_shapes[0], i0_shapes[0]]

    def grad(self, inputs, output_grads):
        og1, og2 = output_grads
        if og1 is None:
            og1 = T.zeros_like(og2)
        if og2 is None:
            og2 = T.zeros_like(og1)
        return [og1 + og2, og1 - og2]


@pytest.fixture(params=["default", "reference", "debug"])
def mode(request):
    return request.param


# -- the tutorial ----------------------------------------------------------------------------


@pytest.mark.parametrize("op", [DoubleOp1(), DoubleOp2()])
def test_double(op, mode):
    x = T.dmatrix("x")
    f = sn.function([x], op(x), mode=mode)
    np.testing.assert_array_equal(f(X), X * 2)
    assert f(X[:0]).shape == (0, 3)
    verify_grad(op, [X])
    tangent = T.dmatrix("tangent")
    np.testing.assert_array_equal(Rop(op(x), x, tangent).eval({tangent: X}), X * 2)


def test_parametric(mode):
    x = T.matrix("x")
    mult4plus5, mult2plus3 = AXPBOp(4, 5), AXPBOp(2, 3)
    f = sn.function([x], [mult4plus5(x), mult2plus3(x)], mode=mode)
    a, b = f(X.astype("float32"))
    np.testing.assert_array_equal(a, X * 4 + 5)
    np.testing.assert_array_equal(b, X * 2 + 3)
    assert mult2plus3 == AXPBOp(2, 3)
    assert hash(mult2plus3) == hash(AXPBOp(2, 3))
    assert mult2plus3 != mult4plus5
    assert str(mult2plus3) == "AXPBOp{a=2, b=3}"


def test_two_results(mode):
    x, y = T.dmatrix("x"), T.dmatrix("y")
    f = sn.function([x, y], SumDiffOp()(x, y), mode=mode)
    a, b = f(X, X[::-1].copy())
    np.testing.assert_array_equal(a, X + X[::-1])
    np.testing.assert_array_equal(b, X - X[::-1])
    verify_grad(lambda x, y: SumDiffOp()(x, y)[0], [X, X])
    verify_grad(lambda x, y: SumDiffOp()(x, y)[1] ** 2, [X, X + 1])
    verify_grad(lambda x: T.mul(*SumDiffOp()(x, x**2)), [X])


# -- in the program --------------------------------------------------------------------------


def test_equal_operations_run_once_as_a_host_call_between_native_code():
    x = T.dmatrix("x")
    f = sn.function([x], T.exp(AXPBOp(2, 3)(x + 1)) + AXPBOp(2, 3)(x + 1))
    np.testing.assert_allclose(f(X), np.exp(2 * X + 5) + 2 * X + 5)
    steps = [s for s in f.programs[0].steps if isinstance(s, HostCall)]
    assert [s.label for s in steps] == ["AXPBOp{a=2, b=3}"]


def test_without_props_every_object_is_its_own():
    class Plain(DoubleOp1):
        __props__ = None

    one, other = Plain(), Plain()
    assert one != other
    assert one == one
    assert len({one, other}) == 2


def test_shapes_that_follow_from_lengths_and_integers(mode):
    class Repeat(sn.PyOp):
        __props__ = ()

        def make_node(self, x, times):
            x, times = T.as_tensor_variable(x), T.as_tensor_variable(times)
            return sn.Apply(self, [x, times], [T.dmatrix()])

        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = np.tile(inputs[0], (int(inputs[1]), 1))

        def infer_shape(self, node, shapes):
            return [(node.inputs[1], shapes[0][0] * 1)]

    x, n = T.dvector("x"), T.lscalar("n")
    y = Repeat()(x, n + 1)
    f = sn.function([x, n], [y.sum(axis=0), y.shape], mode=mode)
    total, shape = f(X[0], 3)
    np.testing.assert_array_equal(total, 4 * X[0])
    assert shape.tolist() == [4, 3]


def test_shapes_known_only_from_data(mode):
    class Positive(sn.PyOp):
        itypes = [T.dvector]  # noqa: RUF012
        otypes = [T.dvector]  # noqa: RUF012
        __props__ = ()

        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = inputs[0][inputs[0] > 0]

    x = T.dvector("x")
    y = Positive()(x * 2)
    f = sn.function([x], [y + 1, y.shape[0]], mode=mode)
    for row in X:
        values, count = f(row)
        np.testing.assert_array_equal(values, 2 * row[row > 0] + 1)
        assert count == (row > 0).sum()


def test_operands_are_safe_from_what_perform_does():
    class InPlace(DoubleOp1):
        destroy_map = {0: [0]}  # noqa: RUF012

        def perform(self, node, inputs, output_storage):
            inputs[0] *= 2
            output_storage[0][0] = inputs[0]

    class View(DoubleOp1):
        view_map = {0: [0]}  # noqa: RUF012

        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = inputs[0]

    w = sn.shared(X.copy(), name="w")
    f = sn.function([], [InPlace()(w), View()(w)])
    doubled, same = f()
    np.testing.assert_array_equal(doubled, 2 * X)
    same[0] = 7
    np.testing.assert_array_equal(w.get_value(), X)


def test_results_that_are_not_what_was_said():
    class Wrong(DoubleOp1):
        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = inputs[0].astype("float32")

    class Missing(DoubleOp1):
        def perform(self, node, inputs, output_storage):
            pass

    class Longer(DoubleOp1):
        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = np.vstack([inputs[0]] * 2)

    x = T.dmatrix("x")
    with pytest.raises(TypeError, match=r"gave a float32 array.*make_node says is float64"):
        sn.function([x], Wrong()(x))(X)
    with pytest.raises(ValueError, match=r"put nothing into output_storage\[0\]"):
        sn.function([x], Missing()(x))(X)
    with pytest.raises(ValueError, match=r"shape \(4, 3\) where \(2, 3\) was inferred"):
        sn.function([x], Longer()(x))(X)


def test_what_is_missing_is_said():
    x = T.dmatrix("x")

    class Nothing(sn.PyOp):
        pass

    class NoPerform(sn.PyOp):
        itypes = [T.dmatrix]  # noqa: RUF012
        otypes = [T.dscalar]  # noqa: RUF012

    with pytest.raises(NotImplementedError, match="neither make_node nor itypes"):
        Nothing()(x)
    with pytest.raises(NotImplementedError, match="has no perform"):
        sn.function([x], NoPerform()(x))(X)
    with pytest.raises(TypeError, match="takes 1 operands, got 2"):
        NoPerform()(x, x)
    with pytest.raises(TypeError, match="operand 0 is float64"):
        NoPerform()(x.sum())
    with pytest.raises(ValueError, match="belongs to"):
        sn.Apply(NoPerform(), [x], [x + 1])


# -- derivatives -----------------------------------------------------------------------------


def test_gradients_that_do_not_exist():
    class Two(sn.PyOp):
        itypes = [T.dvector, T.dvector]  # noqa: RUF012
        otypes = [T.dvector]  # noqa: RUF012

        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = inputs[0] * np.round(inputs[1])

        def infer_shape(self, node, shapes):
            return [shapes[0]]

        def grad(self, inputs, output_grads):
            _, y = inputs
            return [output_grads[0] * y, grad_undefined(self, 1, y, "it jumps")]

    x, y = T.dvectors("x", "y")
    cost = Two()(x, y).sum()
    np.testing.assert_array_equal(grad(cost, x).eval({x: [1.0], y: [2.0]}), [2])
    with pytest.raises(NullTypeGradError, match="it jumps"):
        grad(cost, y)

    class Later(Two):
        def grad(self, inputs, output_grads):
            return [DisconnectedType()(), grad_not_implemented(self, 1, inputs[1])]

    cost = Later()(x, y).sum()
    with pytest.raises(NullTypeGradError, match="no derivative with respect to operand 1"):
        grad(cost, y)

    class Never(Two):
        grad = sn.PyOp.grad

    with pytest.raises(NullTypeGradError, match="it has no method grad"):
        grad(Never()(x, y).sum(), x)


def test_forward_mode_of_its_own():
    class Forward(DoubleOp1):
        def grad(self, inputs, output_grads):
            raise AssertionError("nobody asks")

        def R_op(self, inputs, eval_points):
            return [None if eval_points[0] is None else eval_points[0] * 5]

    x, tangent = T.dvectors("x", "tangent")
    found = Rop(T.exp(Forward()(x)), x, tangent)
    got = sn.function([x, tangent], found)(X[0], X[1])
    np.testing.assert_allclose(got, np.exp(2 * X[0]) * 5 * X[1])


def test_connection_pattern():
    class Apart(SumDiffOp):
        def perform(self, node, inputs, output_storage):
            output_storage[0][0], output_storage[1][0] = inputs[0] * 2, inputs[1] * 3

        def connection_pattern(self, node):
            return [[True, False], [False, True]]

        def L_op(self, inputs, outputs, output_grads):
            assert len(outputs) == 2
            return [output_grads[0] * 2, output_grads[1] * 3]

    x, y = T.dmatrices("x", "y")
    a, b = Apart()(x, y)
    np.testing.assert_array_equal(grad(a.sum(), x).eval({x: X, y: X}), np.full((2, 3), 2))
    with pytest.raises(DisconnectedInputError):
        grad(a.sum(), y)
    with pytest.raises(DisconnectedInputError):
        grad(b.sum(), x)
    both = grad((a * b).sum(), [x, y])
    for got, want in zip(sn.function([x, y], both)(X, X), (6 * X, 6 * X), strict=True):
        np.testing.assert_array_equal(got, want)


def test_rows_of_a_python_operation():
    x, many = T.dvector("x"), T.dmatrix("many")
    made = sn.vectorize(DoubleOp1()(x), {x: many})
    np.testing.assert_array_equal(sn.function([many], made)(X), X * 2)
    jacobian = sn.jacobian(DoubleOp1()(x) ** 2, x)
    np.testing.assert_allclose(sn.function([x], jacobian)(X[0]), np.diag(8 * X[0]))


# -- as_op -----------------------------------------------------------------------------------


def infer_shape_numpy_dot(node, input_shapes):
    ashp, bshp = input_shapes
    return [ashp[:-1] + bshp[-1:]]


@sn.as_op(itypes=[T.dmatrix, T.dmatrix], otypes=[T.dmatrix], infer_shape=infer_shape_numpy_dot)
def numpy_dot(a, b):
    return np.dot(a, b)


def test_as_op(mode):
    x, y = T.dmatrix("x"), T.dmatrix("y")
    f = sn.function([x, y], numpy_dot(x, y) + 1, mode=mode)
    np.testing.assert_allclose(f(X, X.T), X @ X.T + 1)
    with pytest.raises(NullTypeGradError, match="no method grad"):
        grad(numpy_dot(x, y).sum(), x)


def test_as_op_of_several_results_and_of_scalars():
    @sn.as_op(T.dscalar, [T.dscalar, T.lscalar])
    def parts(x):
        return float(np.trunc(x)), int(x)

    x = T.dscalar("x")
    f = sn.function([x], parts(x))
    assert [v.item() for v in f(2.5)] == [2.0, 2]

    @sn.as_op(T.dscalar, [T.dscalar, T.dscalar])
    def wrong(x):
        return x

    with pytest.raises(ValueError, match="returned 1 results, not 2"):
        sn.function([x], wrong(x))(1.0)


def test_copies_and_pickles():
    x = T.dmatrix("x")
    f = sn.function([x], numpy_dot(AXPBOp(2, 3)(x), x.T))
    for twin in (pickle.loads(pickle.dumps(f)), copy.deepcopy(f)):
        np.testing.assert_allclose(twin(X), (2 * X + 3) @ X.T)
