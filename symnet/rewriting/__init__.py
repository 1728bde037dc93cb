"""Rewriting: rules as data, one driver.

`optimize` is what compilation applies; `stabilized` is what differentiation applies first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from symnet.config import config
from symnet.decisions import allowed
from symnet.graph import Variable, ancestors
from symnet.op import compute_test_value
from symnet.rewriting import (
    arithmetic,
    choice,
    contractions,
    folding,
    functions,
    indices,
    linalg,
    logic,
    reductions,
    scatter,
    shapes,
    specialize,
    stabilize,
)
from symnet.rewriting.driver import Driver
from symnet.rewriting.loops import drop_unread, keep_tails, merge_loops
from symnet.rewriting.rule import AnyRule, OpRule, Rule
from symnet.rewriting.table import Table

PHASES: dict[str, list[AnyRule]] = {
    "canonicalize": [
        *folding.RULES,
        *arithmetic.RULES,
        *logic.RULES,
        *functions.RULES,
        *shapes.RULES,
        *indices.RULES,
        *reductions.RULES,
        *choice.RULES,
    ],
    "stabilize": [*stabilize.RULES, *linalg.RULES],
    "specialize": [*specialize.RULES, *scatter.RULES, *contractions.RULES, *choice.SPECIAL],
}
"""The tables of rules, by phase."""

WHOLE_GRAPH: dict[str, Callable[[Sequence[Variable]], list[Variable]]] = {
    "merge_loops": merge_loops,
    "drop_unread": drop_unread,
    "keep_tails": keep_tails,
}
"""Passes that look at the whole graph, by the names to exclude them by."""

__all__ = [
    "PHASES",
    "WHOLE_GRAPH",
    "Driver",
    "OpRule",
    "Pass",
    "Rule",
    "optimize",
    "passes",
    "selected",
    "stabilized",
]


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass over a graph has left.

    Attributes
    ----------
    name
        The tables whose rules were applied, or what else was done.
    outputs
        The graph.
    counts
        How often each rule was applied, by name.
    """

    name: str
    outputs: list[Variable]
    counts: Mapping[str, int] = field(default_factory=dict)


def selected(phases: tuple[str, ...], exclude: frozenset[str] = frozenset()) -> Table:
    """The rules of some phases, without those excluded by their own or their phase's name."""
    tables = [PHASES[phase] for phase in phases if phase not in exclude]
    return Table.of(tuple(rule for table in tables for rule in table if rule.name not in exclude))


def optimize(outputs: Sequence[Variable], exclude: frozenset[str] = frozenset()) -> list[Variable]:
    """Rewrite a graph for compilation; equal expressions become one.

    Marks that only differentiation reads go in a last pass of their own, because the stabilising
    rules look at them.
    """
    *_, last = passes(outputs, exclude)
    return last.outputs


def passes(outputs: Sequence[Variable], exclude: frozenset[str] = frozenset()) -> Iterator[Pass]:
    """Rewrite a graph as `optimize` does, pass by pass."""
    stable = Driver(selected(("canonicalize", "stabilize"), exclude))
    found = stable.rewrite(outputs)
    yield Pass("canonicalize, stabilize", found, stable.counts)
    # Bodies of loops are told apart by their canonical forms.
    found = _passed("merge_loops", found, exclude)
    found = _passed("drop_unread", found, exclude)
    yield Pass("merge loops", found)
    special = Driver(selected(("canonicalize", "specialize"), exclude))
    found = special.rewrite(found)
    yield Pass("canonicalize, specialize", found, special.counts)
    yield Pass("shorten histories", _passed("keep_tails", found, exclude))


def _passed(name: str, outputs: Sequence[Variable], exclude: frozenset[str]) -> list[Variable]:
    """A graph after one of the passes over all of it, if it may change it."""
    found = list(outputs) if name in exclude else WHOLE_GRAPH[name](outputs)
    for old, new in zip(outputs, found, strict=True):
        if new is not old:
            changed = allowed("rewrite", name, "less to compute and to keep in loops", old, new)
            return found if changed else list(outputs)
    return found


def stabilized(outputs: Sequence[Variable]) -> list[Variable]:
    """Rewrite a graph into stable forms, as differentiation wants it."""
    found = Driver(selected(("canonicalize", "stabilize"))).rewrite(outputs)
    if config.compute_test_value != "off":
        # The user goes on to build on it.
        for node in ancestors(found):
            if not all(hasattr(v.tag, "test_value") for v in node.outputs):
                compute_test_value(node)
    return found
