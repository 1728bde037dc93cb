"""Rewriting: rules as data, one driver.

`optimize` is what compilation applies; `stabilized` is what differentiation applies first.
"""

from __future__ import annotations

from collections.abc import Sequence

from symnet.graph import Variable
from symnet.rewriting import canonicalize, contractions, linalg, scatter, specialize, stabilize
from symnet.rewriting.driver import Driver
from symnet.rewriting.loops import keep_tails, merge_loops
from symnet.rewriting.pattern import AnyRule, OpRule, Rule

PHASES: dict[str, list[AnyRule]] = {
    "canonicalize": canonicalize.RULES,
    "stabilize": [*stabilize.RULES, *linalg.RULES],
    "specialize": [*specialize.RULES, *scatter.RULES, *contractions.RULES],
}
"""The tables of rules, by phase."""

__all__ = ["PHASES", "Driver", "OpRule", "Rule", "optimize", "selected", "stabilized"]


def selected(phases: Sequence[str], exclude: frozenset[str] = frozenset()) -> list[AnyRule]:
    """The rules of some phases, without those excluded by their own or their phase's name."""
    return [
        rule
        for phase in phases
        if phase not in exclude
        for rule in PHASES[phase]
        if rule.name not in exclude
    ]


def optimize(outputs: Sequence[Variable], exclude: frozenset[str] = frozenset()) -> list[Variable]:
    """Rewrite a graph for compilation; equal expressions become one.

    Marks that only differentiation reads go in a last pass of their own, because the stabilising
    rules look at them.
    """
    found = Driver(selected(["canonicalize", "stabilize"], exclude)).rewrite(outputs)
    found = merge_loops(found)  # whose bodies are told apart by their canonical forms
    return keep_tails(Driver(selected(["canonicalize", "specialize"], exclude)).rewrite(found))


def stabilized(outputs: Sequence[Variable]) -> list[Variable]:
    """Rewrite a graph into stable forms, as differentiation wants it."""
    return Driver(selected(["canonicalize", "stabilize"])).rewrite(outputs)
