"""Interpreter and compiled code agree on random graphs, with parts of the compiler on or off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import symnet as sn
from symnet.decisions import recording
from symnet.modes import NOTHING, Mode
from symnet.rewriting import PHASES
from tests.property.graphs import Drawn, graphs

MODES = {
    "default": Mode(),
    "not fused": Mode().excluding("fusion"),
    "not canonicalized": Mode().excluding("canonicalize"),
    "not stabilized": Mode().excluding("stabilize"),
    "not specialized": Mode().excluding("specialize"),
    "small memory": Mode(memory="small"),
    "not in place": Mode().excluding("inplace"),
    "nothing done": Mode(exclude=NOTHING),
}

QUICK = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def run(drawn: Drawn, mode: Mode | str) -> list[np.ndarray]:
    """Outputs, then the shared variables after two calls; these end as they were."""
    before = [s.get_value() for s in drawn.shared]
    f = sn.function(
        drawn.inputs, drawn.outputs, updates=drawn.updates, mode=mode, on_unused_input="ignore"
    )
    results = [*f(*drawn.values), *f(*drawn.values)]
    results += [s.get_value() for s in drawn.shared]
    for s, value in zip(drawn.shared, before, strict=True):
        s.set_value(value)
    return results


def agree(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("mode", MODES)
@QUICK
@given(drawn=graphs())
def test_compiled_equals_interpreted(mode: str, drawn: Drawn) -> None:
    agree(run(drawn, MODES[mode]), run(drawn, "reference"))


NAMES = sorted({*NOTHING, *(rule.name for rules in PHASES.values() for rule in rules)})
"""Of all that can be left out."""


@QUICK
@given(drawn=graphs(), names=st.sets(st.sampled_from(NAMES), max_size=8))
def test_whatever_is_left_out(drawn: Drawn, names: set[str]) -> None:
    agree(run(drawn, Mode().excluding(*names)), run(drawn, "reference"))


@QUICK
@given(drawn=graphs(), limit=st.integers(0, 60))
def test_however_many_decisions_are_taken(drawn: Drawn, limit: int) -> None:
    with recording(limit):
        found = run(drawn, "default")
    agree(found, run(drawn, "reference"))


@QUICK
@given(drawn=graphs(dtype="float32"))
def test_single_precision(drawn: Drawn) -> None:
    expected = run(drawn, "reference")
    found = run(drawn, "default")
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=3e-4, atol=3e-4)


@settings(QUICK, max_examples=8)
@given(drawn=graphs())
def test_debug_mode_has_nothing_to_say(drawn: Drawn) -> None:
    run(drawn, replace(Mode("debug"), finite=False))
