"""The driver: applies a table of rules to a graph until none fits.

Iterative, so that graphs of any depth are fine, and linear in the graph: each node is visited once,
and what a rule puts in its place is visited in turn. Nodes are interned, so equal expressions
become one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from symnet.config import config
from symnet.decisions import allowed
from symnet.graph import Constant, Interner, Variable, ancestors, built_at
from symnet.op import LoopOp, constant
from symnet.ops import build
from symnet.ops.shape import Broadcast, SpecifyShape
from symnet.rewriting.rule import AnyRule
from symnet.rewriting.table import Table
from symnet.scalar import cast_to

BUDGET = 50
"""Rewrites of one node in a row, after which the driver moves on: no rule set can hang it."""


class Driver:
    """One application of a set of rules.

    Parameters
    ----------
    rules
        The rules, in order of preference.
    interner
        Where equal nodes become one.
    """

    def __init__(self, rules: Table | Iterable[AnyRule], interner: Interner | None = None) -> None:
        self._table = rules if isinstance(rules, Table) else Table(rules)
        self._interner = interner or Interner()
        self._bodies: dict[LoopOp, LoopOp] = {}
        self._final: dict[Variable, Variable] = {}
        self.counts: dict[str, int] = {}

    def rewrite(self, outputs: Sequence[Variable]) -> list[Variable]:
        """The graph of `outputs` with all rules applied."""
        with config.change(compute_test_value="off"):
            for v in outputs:
                self._finish(v)
        return [self._leaf(v) if v.owner is None else self._final[v] for v in outputs]

    def _leaf(self, v: Variable) -> Variable:
        return self._interner.constant(v) if isinstance(v, Constant) else v

    def _finish(self, root: Variable, depth: int = 0) -> Variable:
        """Rewrite everything `root` depends on, then `root`."""
        for node in ancestors([root], stop=self._final):
            inputs = [self._leaf(v) if v.owner is None else self._final[v] for v in node.inputs]
            op = self._with_rewritten_body(node.op) if isinstance(node.op, LoopOp) else node.op
            outs = self._interner.apply(op, inputs, like=node)
            for old, new in zip(node.outputs, outs, strict=True):
                self._final[old] = self._final.setdefault(new, new)
            if len(outs) == 1 and self._final[node.out] is outs[0]:
                self._final[node.out] = self._improve(outs[0], depth)
        return self._leaf(root) if root.owner is None else self._final[root]

    def _with_rewritten_body(self, op: LoopOp) -> LoopOp:
        """A loop whose body has all rules applied."""
        found = self._bodies.get(op)
        if found is None:
            found = op.with_body([self._finish(v) for v in op.outputs])
            self._bodies[op] = self._bodies[found] = found
        return found

    def _improve(self, v: Variable, depth: int) -> Variable:
        """What the rules make of `v`, whose operands are final."""
        node = v.owner
        assert node is not None
        self._final[v] = v
        if depth >= BUDGET:
            return v
        with built_at(node.line):
            for rule in self._table.rules_for(node):
                found = rule.apply(node)
                if found is None or found is v:
                    continue
                found = fitted(found, v)
                if not allowed("rewrite", rule.name, rule.reason, v, found):
                    return v
                new = self._finish(found, depth + 1)
                self.counts[rule.name] = self.counts.get(rule.name, 0) + 1
                self._final[v] = new
                return new
        return v


def fitted(found: Any, old: Variable) -> Variable:
    """A replacement in the dtype and shape of what it replaces."""
    new: Variable = found if isinstance(found, Variable) else constant(np.asarray(found, old.dtype))
    if new.dtype != old.dtype:
        new = cast_to(old.dtype)(new)  # the rule dropped the operand that gave it its dtype
    if new.ndim == old.ndim and new.broadcastable == old.broadcastable:
        return new if old.type.accepts(new.type) else SpecifyShape(old.type.shape)(new)
    # The rule dropped an operand that gave the result its shape.
    filled: Variable = Broadcast(old.ndim)(new, *build.lengths(old))
    return filled
