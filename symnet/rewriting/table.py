"""A table of rules, in which those that may apply to a node are found at a look.

What a node and its operands are (their heads) decides which rules are tried at all, and the same
few heads come again and again: a rule that cannot apply costs nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from symnet.graph import Apply
from symnet.ops.elementwise import Elemwise
from symnet.rewriting.rule import AnyRule, Head, head, head_of
from symnet.scalar import ScalarOp

WIDEST = 4
"""Operands up to which the heads of all are told apart; of more, those behind the first are not."""


class Table:
    """Rules, in order of preference.

    Parameters
    ----------
    rules
        The rules, each under a name of its own.

    Raises
    ------
    ValueError
        If two rules have one name.
    """

    def __init__(self, rules: Iterable[AnyRule]) -> None:
        rules = tuple(rules)
        shared = [n for n, count in Counter(rule.name for rule in rules).items() if count > 1]
        if shared:
            raise ValueError(f"several rules are called {', '.join(shared)}")
        self._by_root: dict[Head, list[tuple[int, AnyRule]]] = {}
        for place, rule in enumerate(rules):
            for root in rule.roots:
                self._by_root.setdefault(root, []).append((place, rule))
        self._found: dict[Head, tuple[AnyRule, ...]] = {}

    @staticmethod
    @lru_cache(maxsize=32)
    def of(rules: tuple[AnyRule, ...]) -> Table:
        """The table of some rules, made once."""
        return Table(rules)

    def rules_for(self, node: Apply) -> tuple[AnyRule, ...]:
        """The rules that may apply to a node."""
        root = head_of(node)
        operands = tuple(map(head, node.inputs))
        if len(operands) > WIDEST:
            operands = operands[0], *dict.fromkeys(operands[1:])
        found = self._found.get((root, operands))
        if found is None:
            kinds = {root, object, Elemwise} if isinstance(root, ScalarOp) else {root, object}
            rules = [entry for kind in kinds for entry in self._by_root.get(kind, ())]
            rules.sort(key=lambda entry: entry[0])
            found = tuple(rule for _, rule in rules if rule.may_apply(operands))
            self._found[root, operands] = found
        return found
