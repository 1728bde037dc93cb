"""The driver: applies a table of rules to a graph until none fits.

Iterative, so that graphs of any depth are fine, and linear in the graph: each node is visited once,
and what a rule puts in its place is visited in turn. Nodes are interned, so equal expressions
become one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from symnet.decisions import allowed
from symnet.graph import Apply, Constant, Interner, Variable, ancestors, built_at
from symnet.op import LoopOp, constant
from symnet.ops.elementwise import Elemwise
from symnet.ops.shape import Broadcast, ShapeOf
from symnet.rewriting.pattern import AnyRule, kind_of
from symnet.scalar import cast_to

BUDGET = 50
"""Rewrites of one node in a row, after which the driver moves on: no rule set can hang it."""


class Index:
    """Rules, found by what a glance at a node tells: its row or class, and its operands' kinds.

    However many rules there are, few are ever tried on one node.

    Parameters
    ----------
    rules
        The rules, in order of preference: those for a row come first, then those for a class of
        operations, then those for all.
    """

    def __init__(self, rules: Sequence[AnyRule]) -> None:
        self._rules: dict[object, list[AnyRule]] = {}
        for rule in rules:
            self._rules.setdefault(rule.key, []).append(rule)
        self._found: dict[object, tuple[AnyRule, ...]] = {}

    @staticmethod
    @lru_cache(maxsize=32)
    def of(rules: tuple[AnyRule, ...]) -> Index:
        """The index of some rules, made once."""
        return Index(rules)

    def rules_for(self, node: Apply) -> tuple[AnyRule, ...]:
        """The rules that may fit a node."""
        op = node.op
        key: object = type(op)
        if isinstance(op, Elemwise):
            key = (op.scalar, *map(kind_of, node.inputs))
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = tuple(self._search(node))
        return found

    def _search(self, node: Apply) -> Iterator[AnyRule]:
        if isinstance(node.op, Elemwise):
            kinds = [kind_of(v) for v in node.inputs]
            yield from (r for r in self._rules.get(node.op.scalar, ()) if r.may_fit(kinds))
        yield from self._rules.get(type(node.op), ())
        yield from self._rules.get(object, ())


class Driver:
    """One application of a set of rules.

    Parameters
    ----------
    rules
        The rules, in order of preference.
    interner
        Where equal nodes become one.
    """

    def __init__(self, rules: Iterable[AnyRule], interner: Interner | None = None) -> None:
        self._index = Index.of(tuple(rules))
        self._interner = interner or Interner()
        self._bodies: dict[LoopOp, LoopOp] = {}
        self._final: dict[Variable, Variable] = {}
        self.counts: dict[str, int] = {}

    def rewrite(self, outputs: Sequence[Variable]) -> list[Variable]:
        """The graph of `outputs` with all rules applied."""
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
            for rule in self._index.rules_for(node):
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
        return new
    # The rule dropped an operand that gave the result its shape.
    lengths = [ShapeOf(axis)(old) for axis in range(old.ndim)]
    filled: Variable = Broadcast(old.ndim)(new, *lengths)
    return filled
