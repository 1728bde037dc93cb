"""The driver is quick and safe, stable forms are stable, names are names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet import interpreter
from symnet.graph import ancestors
from symnet.ops import Elemwise
from symnet.rewriting import PHASES, Rule, optimize, stabilized
from symnet.rewriting.pattern import Number


@pytest.mark.parametrize(
    ("expression", "value", "expected"),
    [
        (lambda x: T.log(T.nnet.softmax(x)), [[-1000.0, 0.0, 1000.0]], [[-2000.0, -1000.0, 0.0]]),
        (lambda x: T.log(T.sum(T.exp(x), axis=1)), [[1000.0, 1000.0]], [1000.0 + np.log(2)]),
        (lambda x: T.log(T.exp(x)), [[1000.0]], [[1000.0]]),
        (lambda x: T.log(1 + T.exp(x)), [[-1000.0, 1000.0]], [[0.0, 1000.0]]),
        (lambda x: T.log(T.nnet.sigmoid(x)), [[-1000.0, 1000.0]], [[-1000.0, 0.0]]),
        (lambda x: T.log(1 - T.nnet.sigmoid(x)), [[-1000.0, 1000.0]], [[0.0, -1000.0]]),
        (lambda x: 1 / (1 + T.exp(-x)), [[-1000.0, 1000.0]], [[0.0, 1.0]]),
        (lambda x: T.log(1 + x), [[1e-10]], [[1e-10]]),
        (lambda x: T.exp(x) - 1, [[1e-10]], [[1e-10]]),
    ],
)
def test_stable_where_the_plain_form_is_not(
    expression: Callable[[Any], Any], value: list[list[float]], expected: Any
) -> None:
    x = T.matrix("x", dtype="float32")
    given = {x: np.array(value, "float32")}
    (stable,) = stabilized([expression(x)])
    (found,) = interpreter.evaluate([stable], given)
    np.testing.assert_allclose(found, np.array(expected, "float32"), rtol=1e-6)
    (gradient,) = sn.grad(T.sum(expression(x)), [x])
    (slope,) = interpreter.evaluate([gradient], given)
    assert np.all(np.isfinite(slope))


_SIGMOID = T.nnet.sigmoid


@pytest.mark.parametrize(
    "cost",
    [
        lambda z, t: T.nnet.binary_crossentropy(_SIGMOID(z), t),
        lambda z, t: T.nnet.sigmoid_binary_crossentropy(z, t),
        lambda z, t: -(t * T.log(_SIGMOID(z)) + (1 - t) * T.log(1 - _SIGMOID(z))),
        lambda z, t: T.nnet.binary_crossentropy(1 / (1 + T.exp(-z)), t),
        lambda z, t: T.nnet.binary_crossentropy(T.exp(z) / (1 + T.exp(z)), t),
        lambda z, t: T.nnet.binary_crossentropy(_SIGMOID(z.dimshuffle(0, "x")).flatten(), t),
        lambda z, t: T.nnet.binary_crossentropy(_SIGMOID(T.stack([z, z], axis=1))[:, 1], t),
    ],
    ids=["sigmoid", "scores", "by hand", "quotient", "two exp", "reshaped", "sliced"],
)
def test_costs_of_sure_answers_are_finite(cost: Callable[[Any, Any], Any]) -> None:
    z, t = T.vector("z"), T.vector("t")
    value = cost(z, t)
    (stable, slope) = stabilized([value, sn.grad(T.sum(value), z)])
    f = sn.function([z, t], [stable, slope], mode="reference")
    scores = np.array([-1000, -50, -1, 0, 1, 50, 1000], "float32")
    exact = scores.astype("float64")
    for truth in (0.0, 0.25, 1.0):
        found, slopes = f(scores, np.full(7, truth, "float32"))
        loss = truth * np.logaddexp(0, -exact) + (1 - truth) * np.logaddexp(0, exact)
        np.testing.assert_allclose(found, loss, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(slopes, np.exp(-np.logaddexp(0, -exact)) - truth, atol=1e-6)


def test_cost_of_a_sure_mistake_is_finite() -> None:
    x, y = T.matrix("x"), T.ivector("y")
    cost = T.nnet.categorical_crossentropy(T.nnet.softmax(x), y).mean()
    f = sn.function([x, y], [cost, sn.grad(cost, x)])
    value, slope = f([[1000.0, 0.0], [0.0, -1000.0]], [1, 1])
    assert value == 1000.0
    np.testing.assert_allclose(slope, [[0.5, -0.5], [0.5, -0.5]], atol=1e-7)


def test_a_long_chain_is_rewritten_without_recursion() -> None:
    x = T.vector("x")
    y = x
    for _ in range(10_000):
        y = (y + 0.5) * 1
    (found,) = optimize([y])
    assert sum(1 for _ in ancestors([found])) <= 10_001


def test_rewriting_again_changes_nothing() -> None:
    x, w = T.matrix("x"), T.matrix("w")
    p = T.nnet.softmax(T.dot(x, w))
    cost = -T.mean(T.log(p)) + 0.5 * T.sum(w**2)
    once = optimize([cost, *sn.grad(cost, [x, w])])
    again = optimize(once)
    assert [str(n.op) for n in ancestors(once)] == [str(n.op) for n in ancestors(again)]


@pytest.mark.parametrize("name", ["stabilize", "log1p"])
def test_excluded_rules_do_not_fire(name: str) -> None:
    x = T.vector("x")
    kept = optimize([T.log(1 + x)], frozenset({name}))
    assert "log" in [str(n.op) for n in ancestors(kept)]
    assert "log1p" in [str(n.op) for n in ancestors(optimize([T.log(1 + x)]))]


def test_equal_expressions_become_one() -> None:
    x = T.vector("x")
    (y,) = optimize([T.tanh(x + 1) * T.tanh(x + 1)])
    assert (
        sum(isinstance(n.op, Elemwise) and n.op.scalar.name == "tanh" for n in ancestors([y])) == 1
    )


def test_a_rule_keeps_the_dtype() -> None:
    x = T.ivector("x")
    (y,) = optimize([T.logical_not(T.logical_not(x))])
    assert y.dtype == "bool"
    (z,) = optimize([x / 1])
    assert z.dtype == "float32"


def test_patterns_print() -> None:
    assert repr(Number(2.0)) == "2.0"
    (rule,) = [r for r in PHASES["canonicalize"] if r.name == "add_zero"]
    assert isinstance(rule, Rule)
    assert repr(rule.pattern) == "x + 0"


@pytest.mark.parametrize(
    "made",
    [
        lambda x, y: T.join(0, x, y),
        lambda x, y: x + y,
        lambda x, y: T.dot(x, y),
        lambda x, y: T.inc_subtensor(x[:2], y),
        lambda x, y: T.batched_dot(x.dimshuffle(0, 1, "x"), y.dimshuffle(0, "x", 1)),
    ],
)
def test_asking_for_a_length_checks_the_others(made):
    x, y = T.dmatrices("x", "y")
    f = sn.function([x, y], made(x, y).shape)
    with pytest.raises(ValueError, match="Shapes"):
        f(np.zeros((5, 4)), np.zeros((3, 3)))
