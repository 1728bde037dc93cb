"""Every rule of every table is right, because it is in the table.

A rule is applied to what is drawn to fit it, in every dtype it has something to say about. Both
sides must agree in dtype and shape, in value at ordinary numbers and at the corners of the line,
and in gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from symnet import dtypes, gradient, interpreter, reverse
from symnet.graph import Variable
from symnet.op import constant
from symnet.ops.identity import ClipGradient, ScaleGradient, StopGradient
from symnet.ops.reduce import Reduce
from symnet.rewriting import PHASES, Driver, stabilize, stabilized
from symnet.rewriting.rule import AnyRule, Rule
from symnet.scalar import TABLE
from tests.drawing import Drawer, Unfit, drawn
from tests.exact import DIGITS, exact, rounded

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
        for a, b in zip(*(slopes(v, wrt, given, True) for v in (left, right)), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-7, atol=1e-7)


def slopes(
    v: Variable, wrt: Sequence[Variable], given: Any, weighted: bool = False
) -> list[np.ndarray[Any, Any]]:
    """The gradient of a sum of a variable's elements."""
    shape = interpreter.evaluate([v], given)[0].shape
    weights = np.random.default_rng(0).standard_normal(shape) if weighted else np.ones(shape)
    weighed = constant(weights.astype(v.dtype)) * v
    cost = Reduce(TABLE["add"], tuple(range(v.ndim)), v.dtype)(weighed) if v.ndim else v
    if not wrt:
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


HARD = (0.0, 1e-39, 1e-30, -1e-30, 1e-10, -1e-10, 1e-4, -1e-4, 0.3, -0.7, 2.0, -3.0, 4.0, -5.0,
        12.0, -12.0, 30.0, -30.0, 100.0, -100.0, 1000.0, -1000.0)  # fmt: skip
"""Numbers, of float32, at which one formula or another overflows, underflows or loses digits."""
POOLS = {0: (0.0,), 1: (1000.0, 1000.25, 1000.5)}
"""What is drawn instead, by seed: zeros alone, and large numbers beside each other."""
STEP = "1e-200"
STABLE = [rule.name for rule in stabilize.RULES]


def errors(found: Any, want: Any, tiny: float = 1e-37) -> np.ndarray[Any, Any]:
    """How far float32 numbers are off, beyond rounding; infinite where they mean something else."""
    found, want = np.asarray(found, "float64"), np.asarray(want, "float64")
    with np.errstate(all="ignore"):
        off = np.maximum(np.abs(found - want) - 3e-5 * np.abs(want) - tiny, 0)
    off = np.where(found == want, 0, np.where(np.isfinite(found) & np.isfinite(want), off, np.inf))
    return np.where(np.isnan(want), 0, off)


def exact_slope(v: Variable, given: Any, of: Variable, place: tuple[int, ...]) -> float:
    """The derivative of the sum of a variable's elements by one element of an operand."""
    sums = []
    for step in (mp.mpf(STEP), -mp.mpf(STEP)):
        moved = np.frompyfunc(lambda x: mp.mpf(float(x)), 1, 1)(given[of])
        moved[place] += step
        sums.append(np.sum(exact(v, {**given, of: moved})))
    found = (sums[0] - sums[1]) / (2 * mp.mpf(STEP))
    return float(rounded(np.asarray(found, object), "float32"))


@pytest.mark.parametrize("name", STABLE)
def test_a_stable_form_is_right_where_the_plain_one_is_not(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is never worse, and somewhere better: in value or in gradient, in exact arithmetic."""
    _, rule = RULES[name]
    gained = False
    tiny = 1e-37 if isinstance(rule, Rule) else 1e-6  # sums round as the greatest summand does
    for seed in range(8):
        draw, left, right = rewritten(rule, "float32", seed)
        given = draw.values(POOLS.get(seed, HARD))
        plain, stable = interpreter.evaluate([left, *stabilized([right])], given)
        wrt = draw.operands
        steep = slopes(right, wrt, given)
        with monkeypatch.context() as patched:
            patched.setattr(reverse, "stabilized", list)
            rough = slopes(left, wrt, given)
        with mp.workdps(DIGITS):
            want = rounded(exact(left, given), left.dtype)
            pairs = [(errors(plain, want, tiny), errors(stable, want, tiny))]
            for k, v in enumerate(wrt):
                for _ in range(2):
                    place = tuple(int(draw.rng.integers(n)) for n in given[v].shape)
                    slope = exact_slope(left, given, v, place)
                    pairs.append(tuple(errors(s[k][place], slope, 1e-7) for s in (rough, steep)))
        for before, after in pairs:
            assert (after <= 8 * before).all(), f"{given}: off by {after}, and by {before} before"
            gained |= bool((after < before).any())
    assert gained, f"{name} gains nothing at the numbers that were drawn"
