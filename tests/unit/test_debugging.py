"""Debug mode names what is wrong: every fault here is put in by the test."""

import re
from dataclasses import replace

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet import fusion, rewriting, versions
from symnet.agreement import difference, wobble
from symnet.debugging import (
    DebugError,
    DestroyedInput,
    NotFinite,
    NotReproducible,
    WrongRewrite,
    WrongStep,
)
from symnet.ifelse import ifelse
from symnet.modes import Mode
from symnet.ops import Elemwise
from symnet.ops.contraction import Dot
from symnet.rewriting.pattern import Hole
from symnet.rewriting.rule import Rule
from symnet.scalar import TABLE
from symnet_llvm import runtime

A, B = Hole("a"), Hole("b")


def step(mode="debug", **settings):
    """A step of training, its inputs and its parameter."""
    x, y = T.dmatrix("x"), T.dvector("y")
    w = sn.shared(np.array([0.5, -1.0, 2.0]), name="w")
    cost = T.sqr(T.tanh(T.dot(x, w)) - y).mean()
    f = sn.function([x, y], cost, updates=[(w, w - 0.1 * sn.grad(cost, w))], mode=mode, **settings)
    rng = np.random.default_rng(0)
    return f, [rng.standard_normal((4, 3)), rng.standard_normal(4)], w


def test_what_is_right_passes():
    f, arrays, w = step()
    g, _, v = step(mode="default")
    for _ in range(3):
        assert f(*arrays) == pytest.approx(float(g(*arrays)))
    np.testing.assert_allclose(w.get_value(), v.get_value())


# -- rules -----------------------------------------------------------------------------------


def with_rule(monkeypatch, phase, rule):
    monkeypatch.setitem(rewriting.PHASES, phase, [*rewriting.PHASES[phase], rule])


def test_a_wrong_rule(monkeypatch):
    wrong = Rule("wrong_sub", A - B, B - A, "an error of sign")
    with_rule(monkeypatch, "specialize", wrong)
    f, arrays, w = step()
    before = w.get_value()
    with pytest.raises(WrongRewrite) as caught:
        f(*arrays)
    text = str(caught.value)
    assert "step(): the rule 'wrong_sub' (an error of sign) is wrong here" in text
    assert "in step" in text  # the line that built it
    assert "4 of 4 elements differ, the first at (0,)" in text
    assert "  y: float64 (4,), from" in text
    np.testing.assert_array_equal(w.get_value(), before)


def test_a_wrong_rule_in_a_loop(monkeypatch):
    wrong = Rule("wrong_cos", TABLE["cos"](A), TABLE["sin"](A), "they look alike")
    with_rule(monkeypatch, "specialize", wrong)
    x = T.dvector("x")
    states, _ = sn.scan(lambda a, s: T.cos(s) + a, x, T.constant(0.5))
    f = sn.function([x], states[-1], mode="debug")
    with pytest.raises(WrongRewrite, match="the rule 'wrong_cos'"):
        f([0.1, 0.2])


def test_a_rule_may_be_better_than_what_it_replaces():
    x = T.fvector("x")
    y = T.log(1 - T.nnet.sigmoid(x))
    f = sn.function([x], [y, T.log(T.exp(x).sum())], mode="debug")
    got, large = f(np.float32([0, 16, 30, 500, -500]))
    np.testing.assert_allclose(got, [-np.log(2), -16, -30, -500, 0], rtol=1e-6)
    assert large == 500


# -- steps -----------------------------------------------------------------------------------


def test_a_wrong_meaning(monkeypatch):
    right = Elemwise.perform

    def perform(self, inputs):
        return [np.sin(inputs[0])] if self.scalar is TABLE["tanh"] else right(self, inputs)

    monkeypatch.setattr(Elemwise, "perform", perform)
    f, arrays, _ = step()
    with pytest.raises(
        DebugError, match=r"compiled code is wrong in \w+, built at File .*, in step"
    ):
        f(*arrays)


def test_a_wrong_lowering(monkeypatch):
    right = Elemwise.element

    def element(self, node, output, index, context):
        if self.scalar is TABLE["tanh"]:
            return TABLE["sin"](context.read(0, index))
        return right(self, node, output, index, context)

    monkeypatch.setattr(Elemwise, "element", element)
    f, arrays, w = step()
    before = w.get_value()
    with pytest.raises(WrongStep) as caught:
        f(*arrays)
    text = str(caught.value)
    assert "the compiled code is wrong in" in text
    assert re.search(r"in step \d of its program: launch\(", text)
    assert "tanh" in text
    assert "tolerance 1.5e-08 of the size of the numbers" in text
    np.testing.assert_array_equal(w.get_value(), before)


def test_a_wrong_contraction(monkeypatch):
    right = Dot.products

    def products(self, node, context):
        found = right(self, node, context)
        return replace(found, right=lambda index, inner: found.right(index, inner) * 2)

    monkeypatch.setattr(Dot, "products", products)
    x, y = T.fmatrix("x"), T.fmatrix("y")
    f = sn.function([x, y], T.exp(T.dot(x, y)), mode="debug")
    with pytest.raises(WrongStep, match=r"wrong in exp.* together with dot") as caught:
        f(np.eye(2, dtype="f"), np.eye(2, dtype="f"))
    (note,) = caught.value.__notes__
    assert note.startswith("with each operation computed by itself:\nstep(): the compiled code is")
    assert "wrong in dot, built at" in note


def test_a_wrong_fusion(monkeypatch):
    right = fusion.Fusion._settle

    def settle(self, out, body, found, shape=None):
        if self.fuse and found.refs and self._readers.get(out):
            body = body + 1
        right(self, out, body, found, shape)

    monkeypatch.setattr(fusion.Fusion, "_settle", settle)
    f, arrays, _ = step()
    with pytest.raises(WrongStep) as caught:
        f(*arrays)
    assert "computed by itself all is right: their fusion is wrong" in caught.value.__notes__[0]


def test_a_wrong_plan_of_memory(monkeypatch):
    right = runtime.plan

    def plan(program, sizes):
        offsets, total = right(program, sizes)
        return dict.fromkeys(offsets, 0), total

    monkeypatch.setattr(runtime, "plan", plan)
    x = T.dmatrix("x")
    y = T.dot(x, x)
    with sn.config.change(cache=False):
        f = sn.function([x], T.dot(T.dot(y, x), y), mode="debug")
        with pytest.raises(WrongStep, match="the plan of the memory, is wrong"):
            f(np.arange(9.0).reshape(3, 3))


def test_values_whose_lengths_follow_from_data(monkeypatch):
    x = T.dvector("x")
    y = T.compress(x > 0, T.tanh(x)) * 2
    f = sn.function([x], y, mode="debug")
    np.testing.assert_allclose(f([1.0, -1.0, 2.0]), 2 * np.tanh([1.0, 2.0]))
    right = Elemwise.element

    def element(self, node, output, index, context):
        if self.scalar is TABLE["tanh"]:
            return context.read(0, index)
        return right(self, node, output, index, context)

    monkeypatch.setattr(Elemwise, "element", element)
    g = sn.function([x], y, mode="debug")
    with pytest.raises(WrongStep, match="wrong in"):
        g([1.0, -1.0, 2.0])


def test_an_arm_that_is_not_taken():
    x, n = T.dmatrix("x"), T.lscalar("n")
    y = ifelse(n > 0, T.tanh(T.dot(x, x)) + 1, T.dot(x, x) * 2 + x)
    f = sn.function(
        [x, n], [y, sn.grad(y.sum(), x), ifelse(n > 0, x[n - 1, 0], x.sum())], mode="debug"
    )
    g = sn.function([x, n], [y, sn.grad(y.sum(), x), ifelse(n > 0, x[n - 1, 0], x.sum())])
    for value in (1, -7):
        for a, b in zip(f(0.1 * np.eye(2), value), g(0.1 * np.eye(2), value), strict=True):
            np.testing.assert_allclose(a, b)


# -- operations of users ---------------------------------------------------------------------


def same_lengths(node, shapes):
    return shapes


def test_a_destroyed_input():
    @sn.as_op([T.dvector], [T.dvector], infer_shape=same_lengths)
    def doubled(x):
        x *= 2
        return x

    x = T.dvector("x")
    f = sn.function([x], doubled(x) + 1, mode="debug")
    given = np.array([1.0, 2.0])
    with pytest.raises(DestroyedInput) as caught:
        f(given)
    text = str(caught.value)
    assert "has written to its operand 0, x, built at File" in text
    assert "before: float64 (2,), from 1 to 2\nafter: float64 (2,), from 2 to 4" in text
    np.testing.assert_array_equal(given, [1, 2])


def test_chance_without_a_seed():
    @sn.as_op([T.dvector], [T.dvector], infer_shape=same_lengths)
    def noisy(x):
        return x + np.random.default_rng().standard_normal(x.shape)

    x = T.dvector("x")
    f = sn.function([x], noisy(x) * 2, mode="debug")
    with pytest.raises(NotReproducible, match=r"noisy.* gives two results for the same operands"):
        f([1.0, 2.0])


def test_code_that_is_not_steady(monkeypatch):
    right = versions.Versions.run

    def run(self, arrays):
        return [x + next(ticks) for x in right(self, arrays)]

    ticks = iter(range(100))
    monkeypatch.setattr(versions.Versions, "run", run)
    x = T.dvector("x")
    f = sn.function([x], T.tanh(x), mode="debug")
    with pytest.raises(NotReproducible, match="output 0 is another when the code runs again"):
        f([1.0, 2.0])


# -- numbers that are none -------------------------------------------------------------------


def test_where_nan_comes_from():
    x, y = T.dvectors("x", "y")
    cost = T.sqr(T.log(x) - y).sum() + y.sum()
    f = sn.function([x, y], cost, mode="debug", name="loss")
    f([1.0, 2.0], [0.0, 0.0])
    with pytest.raises(NotFinite) as caught:
        f([1.0, -2.0], [0.0, 0.0])
    text = str(caught.value)
    assert text.startswith("loss(): log gives float64 (2,), 0, 1 NaN, built at File")
    assert "  x: float64 (2,), from -2 to 1" in text


def test_where_nan_comes_from_in_a_loop():
    x = T.dvector("x")
    states, _ = sn.scan(lambda a, s: T.log(s) + a, x, T.constant(1.0))
    f = sn.function([x], states, mode="debug")
    with pytest.raises(NotFinite, match="in its body output 0 of log has NaN, built at"):
        f([1.0, -5.0, 1.0])


def test_what_is_given_may_be_infinite():
    x = T.dvector("x")
    f = sn.function([x], [x * 2, T.exp(-x)], mode="debug")
    np.testing.assert_array_equal(f([np.inf, 0])[0], [np.inf, 0])
    g = sn.function([x], T.log(x), mode=replace(Mode("debug"), finite=False))
    np.testing.assert_array_equal(g([0.0]), [-np.inf])


def test_what_a_switch_hides_is_not_looked_at():
    x = T.dvector("x")
    y = T.switch(x > 0, T.log(x), 0)
    f = sn.function([x], y, mode="debug")
    np.testing.assert_array_equal(f([1.0, 0.0]), [0, 0])


# -- agreement -------------------------------------------------------------------------------


def test_differences():
    a = np.float32([1, 2, 3])
    assert difference(a, a * np.float32(1.0001)) is None
    found = difference(a, np.float32([1, 2.5, 3]))
    assert "1 of 3 elements differ, the first at (1,): 2.0 instead of 2.5" in str(found)
    assert "greatest error 0.5, relative 0.2; tolerance 0.00035" in str(found)
    assert difference(a, a.astype("float64")) is not None
    assert difference(np.array([np.nan, np.inf]), np.array([np.nan, np.inf])) is None
    assert difference(np.array([np.nan]), np.array([1.0])) is not None
    assert difference(np.array([np.inf]), np.array([-np.inf])) is not None
    assert difference(a, a + 1, slack=np.float32([2, 0, 2])).mask.tolist() == [False, True, False]


def test_wobbling():
    x = T.fscalar("x")
    steady, unsteady = T.tanh(x), T.log(1 - T.nnet.sigmoid(x))
    known = {x: np.float32(16)}
    assert wobble(steady, known) < 1e-5
    assert wobble(unsteady, known) > 0.01
    assert wobble(T.floor(x * np.float32(0.1) * 10), known) >= 1
