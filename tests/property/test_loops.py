"""Loops agree with the same graph written out step by step, in values and gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import symnet as sn
import symnet.tensor as T
from symnet.decisions import recording
from symnet.ifelse import ifelse
from symnet.scanning import scan, until

CHECKED = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # plans are small as they are
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@dataclass(frozen=True)
class Plan:
    """A loop to be: taps of its sequences and states, and what else there is to it."""

    steps: int
    sequences: tuple[tuple[int, ...], ...]
    states: tuple[tuple[int, ...], ...]
    others: int
    backwards: bool
    stop: float | None
    nested: bool
    choosing: bool


def taps(least: int, most: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.integers(least, most), min_size=1, max_size=3, unique=True).map(tuple)


PLANS = st.builds(
    Plan,
    steps=st.integers(1, 5),
    sequences=st.lists(taps(-2, 2), min_size=0, max_size=2).map(tuple),
    states=st.lists(taps(-3, -1), min_size=0, max_size=2).map(tuple),
    others=st.integers(0, 2),
    backwards=st.booleans(),
    stop=st.sampled_from([None, None, 0.3]),
    nested=st.booleans(),
    choosing=st.booleans(),
).filter(lambda p: p.states or p.others)

WIDTH = 3


def body(plan: Plan, rows: list[Any], earlier: list[Any], w: Any) -> tuple[list[Any], Any]:
    """One step: new states and other outputs, and what a condition looks at."""
    total: Any = w[0]
    for number, v in enumerate([*rows, *earlier]):
        total = total + T.tanh(v * (0.5 + 0.25 * number)) * w[1]
    if plan.nested:
        inner, _ = scan(lambda a, s: T.sin(s + a), T.stack([total, w[0], total]), total * 0.1)
        total = total + inner[-1]
    if plan.choosing:
        total = ifelse(total.sum() > 0.1, T.cos(total) * w[1].sum(), total + w[0])
    made = [T.tanh(total * (k + 1)) + 0.1 * total for k in range(len(plan.states) + plan.others)]
    return made, T.abs_(made[0]).mean()


def looped(plan: Plan, xs: list[Any], starts: list[Any], w: Any) -> list[Any]:
    def step(*arguments: Any) -> Any:
        rows = sum(map(len, plan.sequences))
        earlier = sum(map(len, plan.states))
        made, size = body(
            plan, list(arguments[:rows]), list(arguments[rows : rows + earlier]), arguments[-1]
        )
        return made if plan.stop is None else (made, until(size > plan.stop))

    # With tap -1 alone a state starts from a value, not from rows.
    infos = [
        {"initial": s[0] if t == (-1,) else s, "taps": list(t)}
        for s, t in zip(starts, plan.states, strict=True)
    ]
    found, _ = scan(
        step,
        sequences=[{"input": x, "taps": list(t)} for x, t in zip(xs, plan.sequences, strict=True)],
        outputs_info=[*infos, *[None] * plan.others],
        non_sequences=w,
        n_steps=plan.steps,
        go_backwards=plan.backwards,
        return_list=True,
    )
    return list(found)


def written_out(plan: Plan, xs: list[Any], starts: list[Any], w: Any, steps: int) -> list[Any]:
    histories: list[list[Any]] = [
        [start[k] for k in range(-min(t))] for start, t in zip(starts, plan.states, strict=True)
    ]
    others: list[list[Any]] = [[] for _ in range(plan.others)]
    for step in range(steps):
        rows = []
        for x, t in zip(xs, plan.sequences, strict=True):
            first, last = min(0, *t), max(0, *t)
            length = lengths(plan, t) - (last - first)
            for tap in t:
                at = length - 1 - step if plan.backwards else step
                rows.append(x[at + tap - first])
        earlier = []
        for history, t in zip(histories, plan.states, strict=True):
            earlier += [history[tap] for tap in t]
        made, _ = body(plan, rows, earlier, w)
        for history, v in zip([*histories, *others], made, strict=True):
            history.append(v)
    done = [h[-min(t) :] for h, t in zip(histories, plan.states, strict=True)]
    return [T.stack(values) for values in [*done, *others]]


def lengths(plan: Plan, t: tuple[int, ...]) -> int:
    """Rows of a sequence: as many as the steps need, and one that is not used."""
    return plan.steps + max(0, *t) - min(0, *t) + 1


def inputs(plan: Plan) -> tuple[list[Any], list[np.ndarray]]:
    rng = np.random.default_rng(plan.steps)
    xs = [T.dmatrix(f"x{k}") for k in range(len(plan.sequences))]
    starts = [T.dmatrix(f"s{k}") for k in range(len(plan.states))]
    shapes = [(lengths(plan, t), WIDTH) for t in plan.sequences]
    shapes += [(-min(t), WIDTH) for t in plan.states]
    values = [rng.standard_normal(s) for s in [*shapes, (2, WIDTH)]]
    return [*xs, *starts, T.dmatrix("w")], values


def split(plan: Plan, variables: list[Any]) -> tuple[list[Any], list[Any], Any]:
    count = len(plan.sequences)
    return variables[:count], variables[count:-1], variables[-1]


def cost(outputs: list[Any]) -> Any:
    return sum((T.sqr(v) * (0.5 + T.arange(v.shape[0]).dimshuffle(0, "x"))).sum() for v in outputs)


@pytest.mark.parametrize("mode", ["reference", "default"])
@CHECKED
@given(plan=PLANS)
def test_values_and_gradients(mode: str, plan: Plan) -> None:
    variables, values = inputs(plan)
    found = looped(plan, *split(plan, variables))
    slopes = sn.grad(cost(found), variables, disconnected_inputs="ignore")
    f = sn.function(variables, [*found, *slopes], mode=mode, on_unused_input="ignore")
    got = f(*values)
    steps = len(got[0])
    assert steps <= plan.steps
    if plan.stop is None:
        assert steps == plan.steps
    expected = written_out(plan, *split(plan, variables), steps)
    slopes = sn.grad(cost(expected), variables, disconnected_inputs="ignore")
    g = sn.function(variables, [*expected, *slopes], mode="reference", on_unused_input="ignore")
    for a, b in zip(got, g(*values), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@settings(CHECKED, max_examples=12)
@given(plan=PLANS, limit=st.integers(0, 40))
def test_however_many_decisions_are_taken(plan: Plan, limit: int) -> None:
    variables, values = inputs(plan)
    found = looped(plan, *split(plan, variables))
    with recording(limit):
        slopes = sn.grad(cost(found), variables, disconnected_inputs="ignore")
        got = sn.function(variables, [*found, *slopes], on_unused_input="ignore")(*values)
    slopes = sn.grad(cost(found), variables, disconnected_inputs="ignore")
    expected = sn.function(
        variables, [*found, *slopes], mode="reference", on_unused_input="ignore"
    )(*values)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@settings(CHECKED, max_examples=8)
@given(plan=PLANS.filter(lambda p: not p.nested and p.stop is None))
def test_second_derivatives(plan: Plan) -> None:
    variables, values = inputs(plan)

    def curvature(outputs: list[Any]) -> list[Any]:
        slopes = sn.grad(cost(outputs), variables, disconnected_inputs="ignore")
        total = sum(T.sin(g).sum() for g in slopes)
        return list(sn.grad(total, variables, disconnected_inputs="ignore"))

    parts = split(plan, variables)
    found = curvature(looped(plan, *parts))
    expected = curvature(written_out(plan, *parts, plan.steps))
    f = sn.function(variables, found, on_unused_input="ignore")
    g = sn.function(variables, expected, mode="reference", on_unused_input="ignore")
    for a, b in zip(f(*values), g(*values), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)
