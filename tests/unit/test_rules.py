"""Every rule of every table is right, because it is in the table.

A rule is applied to what is drawn to fit it, in every dtype it has something to say about. Both
sides must agree in dtype and shape, in value at ordinary numbers and at the corners of the line,
and in gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from symnet import dtypes, gradient, interpreter, reverse
from symnet.graph import Variable
from symnet.op import constant
from symnet.ops.identity import ClipGradient, ScaleGradient, StopGradient
from symnet.ops.reduce import Reduce
from symnet.rewriting import PHASES, Driver
from symnet.rewriting.rule import AnyRule
from symnet.scalar import TABLE
from tests.drawing import Drawer, Unfit, drawn

RULES = {rule.name: (phase, rule) for phase, table in PHASES.items() for rule in table}
DTYPES = ("float64", "float32", "int32", "int8", "uint8", "bool")
SEEDS = range(3)
CORNERS = (0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 0.5, -2.0)
MARKS = (StopGradient, ClipGradient, ScaleGradient)
"""What only differentiation looks at, and is dropped when that is done."""
TOLERANCE = {"float32": 2e-5, "float64": 1e-10}


def rewritten(rule: AnyRule, dtype: str, seed: int) -> tuple[Drawer, Variable, Variable]:
    """Both sides of a rule, on operands drawn to fit it."""
    draw = Drawer(dtype, seed)
    left = drawn(rule, draw)
    driver = Driver([rule])
    (right,) = driver.rewrite([left])
    assert driver.counts.get(rule.name), f"{rule.name} does not apply to {left.owner}"
    return draw, left, right


def assert_alike(left: np.ndarray[Any, Any], right: np.ndarray[Any, Any], dtype: str) -> None:
    """Equal up to rounding, NaN for NaN and infinity for infinity."""
    assert left.dtype == right.dtype
    assert left.shape == right.shape
    if not dtypes.is_float(str(left.dtype)):
        np.testing.assert_array_equal(right, left)
        return
    rough = max(TOLERANCE[str(left.dtype)], TOLERANCE.get(dtype, 0))
    np.testing.assert_allclose(right, left, rtol=rough, atol=rough)


def check(rule: AnyRule, dtype: str, seed: int, phase: str) -> None:
    draw, left, right = rewritten(rule, dtype, seed)
    assert right.type.dtype == left.type.dtype
    assert left.type.accepts(right.type), f"{right.type} for {left.type}"
    assert right.type.broadcastable == left.type.broadcastable
    corners = () if rule.assumes or phase == "stabilize" else (CORNERS,)
    for pool in ((), *corners):
        given = draw.values(pool)
        a, b = interpreter.evaluate([left, right], given)
        assert_alike(a, b, dtype)
    if dtype == left.dtype == "float64" and rule.roots[0] not in MARKS:
        given = draw.values()
        wrt = [v for v in draw.operands if v.dtype == "float64"]
        for a, b in zip(*(slopes(v, wrt, given) for v in (left, right)), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-7, atol=1e-7)


def slopes(v: Variable, wrt: Sequence[Variable], given: Any) -> list[np.ndarray[Any, Any]]:
    """The gradient of a weighted sum of a variable."""
    shape = interpreter.evaluate([v], given)[0].shape
    weights = constant(np.random.default_rng(0).standard_normal(shape))
    cost = Reduce(TABLE["add"], tuple(range(v.ndim)), "float64")(weights * v) if v.ndim else v
    if not any(True for _ in wrt):
        return []
    found = gradient.grad(cost, list(wrt), disconnected_inputs="ignore")
    return interpreter.evaluate(found, given)


@pytest.mark.parametrize("name", RULES)
def test_both_sides_of_a_rule_agree(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reverse, "stabilized", list)  # which would make both sides one
    phase, rule = RULES[name]
    tried = []
    for dtype in DTYPES:
        for seed in SEEDS:
            try:
                check(rule, dtype, seed, phase)
                tried.append(dtype)
            except Unfit:
                continue
    assert tried, f"nothing that the rule {name} applies to was drawn"
