"""The worked examples of Theano's documentation give the values that it prints."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def T(theano: ModuleType) -> Any:
    return theano.tensor


def _same(found: Any, printed: Any) -> None:
    np.testing.assert_allclose(found, printed, rtol=1e-7, atol=1e-8)


# --------------------------------------------------------------------- a first look at algebra


def test_adding_scalars(theano: ModuleType, T: Any) -> None:
    x, y = T.dscalar("x"), T.dscalar("y")
    z = x + y
    f = theano.function([x, y], z)
    assert f(2, 3) == 5
    assert f(16.3, 12.1) == pytest.approx(28.4)
    assert z.eval({x: 16.3, y: 12.1}) == pytest.approx(28.4)
    assert theano.pp(z) == "(x + y)"
    assert x.type is T.dscalar
    assert T.dscalar == T.TensorType("float64", ())


def test_adding_matrices(theano: ModuleType, T: Any) -> None:
    x, y = T.dmatrix("x"), T.dmatrix("y")
    f = theano.function([x, y], x + y)
    _same(f([[1, 2], [3, 4]], [[10, 20], [30, 40]]), [[11, 22], [33, 44]])
    _same(f(np.array([[1, 2], [3, 4]]), np.array([[10, 20], [30, 40]])), [[11, 22], [33, 44]])


def test_squares_of_a_sum(theano: ModuleType, T: Any) -> None:
    a, b = T.vector(), T.vector()
    f = theano.function([a, b], a**2 + b**2 + 2 * a * b)
    _same(f([1, 2], [4, 5]), [25, 49])


# ------------------------------------------------------------------------------- more examples


def test_the_logistic_function_and_its_twin(theano: ModuleType, T: Any) -> None:
    x = T.dmatrix("x")
    printed = [[0.5, 0.73105858], [0.26894142, 0.11920292]]
    for curve in (1 / (1 + T.exp(-x)), (1 + T.tanh(x / 2)) / 2):
        _same(theano.function([x], curve)([[0, 1], [-1, -2]]), printed)


def test_several_results_at_once(theano: ModuleType, T: Any) -> None:
    a, b = T.dmatrices("a", "b")
    diff = a - b
    f = theano.function([a, b], [diff, abs(diff), diff**2])
    found = f([[1, 1], [1, 1]], [[0, 1], [2, 3]])
    _same(found, [[[1, 0], [-1, -2]], [[1, 0], [1, 2]], [[1, 0], [1, 4]]])


def test_defaults_and_names_of_arguments(theano: ModuleType, T: Any) -> None:
    x, y, w = T.dscalars("x", "y", "w")
    f = theano.function([x, theano.In(y, value=1)], x + y)
    assert (f(33), f(33, 2)) == (34, 35)
    g = theano.function(
        [x, theano.In(y, value=1), theano.In(w, value=2, name="w_by_name")], (x + y) * w
    )
    calls = [g(33), g(33, 2), g(33, 0, 1), g(33, w_by_name=1), g(33, w_by_name=1, y=0)]
    assert calls == [68, 70, 33, 34, 33]


def test_an_accumulator(theano: ModuleType, T: Any) -> None:
    state = theano.shared(0)
    inc = T.iscalar("inc")
    accumulator = theano.function([inc], state, updates=[(state, state + inc)])
    assert (accumulator(1), accumulator(300)) == (0, 1)
    assert state.get_value() == 301
    state.set_value(-1)
    assert accumulator(3) == -1
    assert state.get_value() == 2
    decrementor = theano.function([inc], state, updates=[(state, state - inc)])
    assert decrementor(2) == 2
    assert state.get_value() == 0
    foo = T.scalar(dtype=state.dtype)
    skip_shared = theano.function([inc, foo], state * 2 + inc, givens=[(state, foo)])
    assert skip_shared(1, 3) == 7
    assert state.get_value() == 0


def test_copies_of_functions(theano: ModuleType, T: Any) -> None:
    state, new_state = theano.shared(0), theano.shared(0)
    inc = T.iscalar("inc")
    accumulator = theano.function([inc], state, updates=[(state, state + inc)])
    assert accumulator(10) == 0
    new_accumulator = accumulator.copy(swap={state: new_state})
    assert new_accumulator(100) == 0
    assert (new_state.get_value(), state.get_value()) == (100, 10)
    null_accumulator = accumulator.copy(delete_updates=True)
    assert null_accumulator(9000) == 10
    assert state.get_value() == 10


def test_random_streams_draw_anew_unless_told_not_to(theano: ModuleType) -> None:
    from theano.tensor.shared_randomstreams import RandomStreams

    srng = RandomStreams(seed=234)
    rv_u, rv_n = srng.uniform((2, 2)), srng.normal((2, 2))
    f = theano.function([], rv_u)
    g = theano.function([], rv_n, no_default_updates=True)
    nearly_zeros = theano.function([], rv_u + rv_u - 2 * rv_u)
    assert (f() != f()).all()
    _same(g(), g())
    _same(nearly_zeros(), np.zeros((2, 2)))


def test_logistic_regression_learns(theano: ModuleType, T: Any) -> None:
    rng = np.random.default_rng(0)
    data, labels = rng.standard_normal((400, 784)), rng.integers(0, 2, 400)
    x, y = T.dmatrix("x"), T.dvector("y")
    w, b = theano.shared(rng.standard_normal(784), name="w"), theano.shared(0.0, name="b")
    p_1 = 1 / (1 + T.exp(-T.dot(x, w) - b))
    prediction = p_1 > 0.5
    cost = (-y * T.log(p_1) - (1 - y) * T.log(1 - p_1)).mean() + 0.01 * (w**2).sum()
    gw, gb = T.grad(cost, [w, b])
    train = theano.function(
        inputs=[x, y],
        outputs=[prediction, T.nnet.binary_crossentropy(p_1, y)],
        updates=((w, w - 0.1 * gw), (b, b - 0.1 * gb)),
    )
    predict = theano.function(inputs=[x], outputs=prediction)
    for _ in range(2000):
        train(data, labels)
    np.testing.assert_array_equal(predict(data), labels)


# ----------------------------------------------------------------------------------- gradients


def test_derivatives(theano: ModuleType, T: Any) -> None:
    x = T.dscalar("x")
    f = theano.function([x], T.grad(x**2, x))
    assert f(4) == 8
    assert f(94.2) == pytest.approx(188.4)
    X = T.dmatrix("x")
    dlogistic = theano.function([X], T.grad(T.sum(1 / (1 + T.exp(-X))), X))
    printed = [[0.25, 0.19661193], [0.19661193, 0.10499359]]
    _same(dlogistic([[0, 1], [-1, -2]]), printed)


def test_jacobian_and_hessian(theano: ModuleType, T: Any) -> None:
    x = T.dvector("x")
    y = x**2
    J = theano.gradient.jacobian(y, x)
    H = theano.gradient.hessian(y.sum(), x)
    _same(theano.function([x], J)([4, 4]), [[8, 0], [0, 8]])
    f = theano.function([x], H, on_unused_input="ignore")
    _same(f([4, 4]), [[2, 0], [0, 2]])


def test_products_with_a_jacobian(theano: ModuleType, T: Any) -> None:
    W, V = T.dmatrix("W"), T.dmatrix("V")
    v, x = T.dvector("v"), T.dvector("x")
    y = T.dot(x, W)
    f = theano.function([W, V, x], T.Rop(y, W, V), on_unused_input="ignore")
    _same(f([[1, 1], [1, 1]], [[2, 2], [2, 2]], [0, 1]), [2, 2])
    f = theano.function([v, x], T.Lop(y, W, v))
    _same(f([2, 2], [0, 1]), [[0, 0], [2, 2]])


def test_hessian_times_a_vector(theano: ModuleType, T: Any) -> None:
    x, v = T.dvector("x"), T.dvector("v")
    gy = T.grad(T.sum(x**2), x)
    for product in (T.grad(T.sum(gy * v), x), T.Rop(gy, x, v)):
        f = theano.function([x, v], product, on_unused_input="ignore")
        _same(f([4, 4], [2, 2]), [4, 4])


def test_a_gradient_with_known_parts(theano: ModuleType, T: Any) -> None:
    x = T.dscalar("x")
    middle = T.exp(x)
    g = T.grad(None, x, known_grads={middle: T.constant(2.0)})
    assert theano.function([x], g)(0) == 2


# ------------------------------------------------------------------------------------- shapes


def test_the_shape_of_a_power_needs_no_power(theano: ModuleType, T: Any) -> None:
    x = T.matrix("x")
    f = theano.function([x], (x**2).shape)
    assert f(np.zeros((4, 3))).tolist() == [4, 3]
    assert "pow" not in theano.printing.debugprint(f, file="str")


def test_lengths_that_do_not_agree_are_found_even_if_only_the_shape_is_asked(
    theano: ModuleType, T: Any
) -> None:
    x, y = T.matrix("x"), T.matrix("y")
    z = T.join(0, x, y)
    f = theano.function([x, y], z.shape)
    assert f(np.zeros((5, 4)), np.zeros((3, 4))).tolist() == [8, 4]
    with pytest.raises(ValueError, match="join"):
        f(np.zeros((5, 4)), np.zeros((3, 3)))
    with pytest.raises(ValueError, match="join"):
        theano.function([x, y], z)(np.zeros((5, 4)), np.zeros((3, 3)))


def test_a_specified_shape_is_known_and_checked(theano: ModuleType, T: Any) -> None:
    x = T.matrix()
    square = T.specify_shape(x, (2, 2)) ** 2
    assert square.type.shape == (2, 2)
    f = theano.function([x], square.shape, on_unused_input="ignore")
    assert f(np.ones((2, 2))).tolist() == [2, 2]
    with pytest.raises(ValueError, match="specify"):
        theano.function([x], square)(np.ones((2, 3)))


def test_broadcasting_patterns(theano: ModuleType, T: Any) -> None:
    r, mtr = T.row(), T.matrix()
    assert r.broadcastable == (True, False)
    assert mtr.broadcastable == (False, False)
    f = theano.function([r, mtr], [r + mtr])
    _same(f([[0, 1, 2]], np.arange(9).reshape(3, 3))[0], [[0, 2, 4], [3, 5, 7], [6, 8, 10]])
    c = T.col()
    assert c.broadcastable == (False, True)
    _same((c + mtr).eval({c: [[0], [1], [2]], mtr: np.ones((3, 2))}), [[1, 1], [2, 2], [3, 3]])


def test_stacking(T: Any) -> None:
    a, b, c = (T.tensor4() for _ in range(3))
    zeros = dict.fromkeys((a, b, c), np.zeros((2, 2, 2, 2)))
    assert T.stack([a, b, c]).eval(zeros).shape == (3, 2, 2, 2, 2)
    assert T.stack([a, b, c], axis=3).eval(zeros).shape == (2, 2, 2, 3, 2)
    assert T.stack([a, b, c], axis=-2).eval(zeros).shape == (2, 2, 2, 3, 2)
    x0, x1, x2 = T.fmatrix(), T.ftensor3(), T.fvector()
    assert T.concatenate([x0, x1[0], T.shape_padright(x2)], axis=1).ndim == 2


def test_lists_of_lists(theano: ModuleType, T: Any) -> None:
    a, b, c, d = T.scalars("abcd")
    f = theano.function([a, b, c, d], T.stacklists([[a, b], [c, d]]))
    _same(f(1, 2, 3, 4), [[1, 2], [3, 4]])
    a, b, c, d = T.matrices("abcd")
    f = theano.function([a, b, c, d], T.stacklists([[a, b], [c, d]]))
    x = np.ones((4, 4), "float32")
    assert f(x, x, x, x).shape == (2, 2, 4, 4)


def test_grids(T: Any) -> None:
    dense, opened = T.mgrid[0:5, 0:3], T.ogrid[0:5, 0:3]
    assert dense[0].eval().tolist() == [[k] * 3 for k in range(5)]
    assert dense[1].eval().tolist() == [[0, 1, 2]] * 5
    assert opened[0].eval().tolist() == [[0], [1], [2], [3], [4]]
    assert opened[1].eval().tolist() == [[0, 1, 2]]


# ------------------------------------------------------------------------------------ indexing


def test_parts_and_changed_parts(theano: ModuleType, T: Any) -> None:
    m = T.dmatrix("m")
    value = np.arange(9.0).reshape(3, 3)
    _same(m[1, ::2].eval({m: value}), [3, 5])
    _same(m[m > 6].eval({m: value}), [7, 8])
    _same(m[(m > 6).nonzero()].eval({m: value}), [7, 8])
    _same(T.set_subtensor(m[0:2], 10).eval({m: value})[:, 0], [10, 10, 6])
    _same(T.inc_subtensor(m[:, 1], [1, 2, 3]).eval({m: value})[:, 1], [2, 6, 10])
    w = theano.shared(value)
    theano.function([], updates=[(w, T.inc_subtensor(w[[0, 0]], 1.0))])()
    _same(w.get_value()[0], [2, 3, 4])


# ------------------------------------------------------------------- conditions and debugging


def test_a_switch_computes_both_sides(theano: ModuleType, T: Any) -> None:
    a, b = T.scalars("a", "b")
    x, y = T.matrices("x", "y")
    z = T.switch(T.lt(a, b), T.mean(x), T.mean(y))
    f = theano.function([a, b, x, y], z, mode=theano.Mode(linker="vm"))
    assert f(0.0, 1.0, np.ones((10, 10)), np.zeros((10, 10))) == 1


def test_errors_name_operation_shapes_and_line(theano: ModuleType, T: Any) -> None:
    x, y, z = T.vector("x"), T.vector("y"), T.vector("z")
    f = theano.function([x, y, z], (x + x) + (y * z))
    with pytest.raises(ValueError, match=r"(?s)mul.*test_documentation.py.*line"):
        f(np.ones(2), np.ones(3), np.ones(2))


def test_test_values_find_a_transposed_product(theano: ModuleType, T: Any) -> None:
    x = T.matrix("x")
    x.tag.test_value = np.random.default_rng(0).random((5, 10))
    W1 = theano.shared(np.zeros((20, 10)), "W1")
    with theano.config.change_flags(compute_test_value="warn"):
        assert T.dot(x, W1.T).tag.test_value.shape == (5, 20)
        with pytest.raises(ValueError, match=r"mismatch|not aligned"):
            T.dot(x, W1)


def test_a_value_can_be_looked_at_while_it_is_computed(
    theano: ModuleType, T: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    x = T.dvector("x")
    shown = theano.printing.Print("a symbolic value", attrs=["min", "max"])(x)
    f = theano.function([x], shown * 5)
    _same(f([1, 2, 3]), [5, 10, 15])
    out = capsys.readouterr().out
    assert "a symbolic value min = 1.0" in out
    assert "a symbolic value max = 3.0" in out


def test_watching_every_node_for_nan(theano: ModuleType, T: Any) -> None:
    seen = []

    def detect_nan(i: int, node: Any, fn: Any) -> None:
        for output in fn.outputs:
            if np.isnan(output[0]).any():
                seen.append(str(node.op))

    x = T.dscalar("x")
    f = theano.function([x], [T.log(x) * x], mode=theano.compile.MonitorMode(post_func=detect_nan))
    f(0)
    assert seen == ["mul"]


# --------------------------------------------------------------- memory, saving and loading


def test_what_borrow_means(theano: ModuleType) -> None:
    array = np.ones(2, "float32")
    default, lent = theano.shared(array), theano.shared(array, borrow=True)
    array += 1
    _same(default.get_value(), [1, 1])
    # The memory may be the array's own or not: only the value without borrow is promised.
    assert lent.get_value().tolist() in ([1, 1], [2, 2])
    kept = default.get_value(borrow=False)
    kept += 1
    _same(default.get_value(), [1, 1])


def test_models_are_saved_and_loaded(theano: ModuleType, T: Any, tmp_path: Path) -> None:
    x = T.matrix("x")
    w = theano.shared(np.ones((2, 2)), "w")
    model = {"f": theano.function([x], T.dot(x, w).sum(), updates=[(w, w * 2)]), "w": w}
    with (tmp_path / "model.save").open("wb") as file:
        pickle.dump(model, file, protocol=pickle.HIGHEST_PROTOCOL)
    with (tmp_path / "model.save").open("rb") as file:
        loaded = pickle.load(file)
    for again in (loaded, copy.deepcopy(model)):
        assert again["f"]([[1, 1]]) == 4
        _same(again["w"].get_value(), np.full((2, 2), 2.0))
    _same(w.get_value(), np.ones((2, 2)))


def test_arrays_saved_beside_their_pickle(theano: ModuleType, tmp_path: Path) -> None:
    from theano.misc.pkl_utils import dump, load

    foo_1, foo_2 = theano.shared(0, name="foo"), theano.shared(1, name="foo")
    with (tmp_path / "model.zip").open("wb") as file:
        dump((foo_1, foo_2, np.array(2)), file)
    with np.load(tmp_path / "model.zip") as found:
        assert set(found.files) == {"foo", "foo_2", "array_0", "pkl"}
        assert found["foo"] == 0
    with (tmp_path / "model.zip").open("rb") as file:
        foo_1, foo_2, array = load(file)
    assert (foo_1.get_value(), foo_2.get_value(), array) == (0, 1, 2)


# ------------------------------------------------------------------------------------- graphs


def test_graphs_can_be_walked(T: Any) -> None:
    x = T.dmatrix("x")
    y = x * 2.0
    assert type(y.owner.op) is T.Elemwise
    assert len(y.owner.inputs) == 2
    assert y.owner.inputs[0] is x
    constant = y.owner.inputs[1]
    assert constant.owner is None or constant.owner.op.order == ("x", "x")


def test_printed_graphs(theano: ModuleType, T: Any) -> None:
    x = T.dscalar("x")
    f = theano.function([x], T.grad(x**2, x))
    assert theano.pp(f.maker.fgraph.outputs[0]) == "(TensorConstant{2.0} * x)"
    text = theano.printing.debugprint(f.maker.fgraph.outputs[0], file="str")
    assert text.splitlines()[0].startswith("Elemwise{mul} [id A]")
    assert len(text.splitlines()) == 3


def test_numpy_and_theano_agree_on_rows_and_columns() -> None:
    pairs = np.asarray([[1.0, 2], [3, 4], [5, 6]])
    assert pairs.shape == (3, 2)
    assert pairs[2, 0] == 5
    _same(np.asarray([1.0, 2.0, 3.0]) * 2.0, [2, 4, 6])


# ------------------------------------------------------------------------------ small promises


def test_truth_of_shared_variables(theano: ModuleType) -> None:
    W = None
    W = W or theano.shared(np.zeros(2))
    assert bool(W)


def test_a_vector_through_softmax_is_a_row(T: Any) -> None:
    x = T.dvector("x")
    assert T.nnet.softmax(x).eval({x: np.zeros(4)}).shape == (1, 4)


def test_clones_with_other_inputs(theano: ModuleType, T: Any) -> None:
    x, y = T.scalars("x", "y")
    inner = x + y
    own = theano.clone(inner, share_inputs=False)
    shared = theano.clone(inner, replace={x: x * 2}, share_inputs=True)
    assert not set(theano.gof.graph.inputs([own])) & {x, y}
    assert theano.function([x, y], shared)(1, 2) == 4


def test_verify_grad_raises_its_own_error(theano: ModuleType, T: Any) -> None:
    rng = np.random.RandomState(0)  # what old tests pass
    T.verify_grad(lambda x: T.sqr(x), [rng.rand(3)], rng=rng)

    class Wrong(theano.Op):  # type: ignore[name-defined]
        itypes = (T.dvector,)
        otypes = (T.dvector,)

        def perform(self, node: Any, inputs: Any, output_storage: Any) -> None:
            output_storage[0][0] = inputs[0] ** 2

        def grad(self, inputs: Any, output_grads: Any) -> Any:
            return [output_grads[0] * inputs[0]]

    with pytest.raises(theano.gradient.verify_grad.E_grad):
        theano.gradient.verify_grad(Wrong(), [rng.rand(3)], rng=rng)
