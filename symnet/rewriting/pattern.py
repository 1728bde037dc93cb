"""Patterns: expressions with holes, written with the same rows and operators as real ones.

A rule is a pattern and a replacement, both built from holes::

    x = Hole("x")
    Rule("log1p", log(1 + x), log1p(x), "no digits of a small x are lost")

A pattern matches variables whose owners are `Elemwise` applications of the same rows; a number in
it matches a constant all of whose elements are that number, a `Fill` a constant filled with any
number. Commutative rows match either way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symnet.graph import Apply, Constant, Variable
from symnet.ops.elementwise import Elemwise
from symnet.scalar import Operand, ScalarOp

Binding = dict["Hole", Variable]
Condition = Callable[[Binding], bool]


class Pattern(Operand):
    """An expression with holes."""

    __slots__ = ()

    def apply_scalar(self, op: ScalarOp, operands: tuple[Any, ...]) -> Pattern:
        """Build the pattern of an application."""
        return Node(op, tuple(x if isinstance(x, Pattern) else Number(x) for x in operands))


@dataclass(frozen=True, slots=True)
class Hole(Pattern):
    """Matches any variable; the same one wherever its name stands."""

    name: str

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Fill(Hole):
    """Matches a constant filled with one number, of the dtype of what it stands in."""

    __repr__ = Hole.__repr__


@dataclass(frozen=True, slots=True)
class Number(Pattern):
    """Matches a constant filled with `value`."""

    value: float

    def __repr__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True, slots=True)
class Node(Pattern):
    """Matches an elementwise application of `op`."""

    op: ScalarOp
    operands: tuple[Pattern, ...]

    def __repr__(self) -> str:
        return f"{self.op.name}({', '.join(map(repr, self.operands))})"


def fill_value(v: Variable) -> float | None:
    """The number a constant is filled with; None for other variables."""
    if not isinstance(v, Constant) or v.data.size == 0:
        return None
    first = v.data.flat[0]
    if v.data.size > 1 and not np.all(v.data == first):
        return None
    value: float = first.item()
    return value


def match(pattern: Pattern, v: Variable, bound: Binding | None = None) -> Iterator[Binding]:
    """Every way in which a variable fits a pattern."""
    bound = bound or {}
    match pattern:
        case Hole():
            fits = not isinstance(pattern, Fill) or fill_value(v) is not None
            if fits and bound.get(pattern, v) is v:
                yield {**bound, pattern: v}
        case Number():
            if fill_value(v) == pattern.value:
                yield bound
        case Node():
            node = v.owner
            if node is not None and isinstance(node.op, Elemwise) and node.op.scalar is pattern.op:
                yield from _match_operands(pattern, node, bound)


def _match_operands(pattern: Node, node: Apply, bound: Binding) -> Iterator[Binding]:
    for operands in _orders(pattern):
        if not all(map(_is_plausible, operands, map(kind_of, node.inputs))):
            continue
        found: list[Binding] = [bound]
        for p, v in zip(operands, node.inputs, strict=True):
            found = [b for old in found for b in match(p, v, old)]
        yield from found


def _orders(pattern: Node) -> list[tuple[Pattern, ...]]:
    """The orders in which operands may fit."""
    if pattern.op.commutative and len(pattern.operands) == 2:
        return [pattern.operands, pattern.operands[::-1]]
    return [pattern.operands]


def kind_of(v: Variable) -> object:
    """What a glance at an operand tells: the row or class of what computes it, or that it is known.

    Rules are chosen by the kinds of a node's operands before any is tried.
    """
    owner = v.owner
    if owner is None:
        return Constant if isinstance(v, Constant) else None
    return owner.op.scalar if isinstance(owner.op, Elemwise) else type(owner.op)


def _is_plausible(pattern: Pattern, kind: object) -> bool:
    """Whether an operand of a kind may fit."""
    if type(pattern) is Hole:
        return True
    return kind is (pattern.op if isinstance(pattern, Node) else Constant)


def build(pattern: Pattern, bound: Binding) -> Any:
    """The expression a replacement stands for: a variable, or a plain number."""
    match pattern:
        case Hole():
            return bound[pattern]
        case Number():
            return pattern.value
        case Node():
            return pattern.op(*(build(p, bound) for p in pattern.operands))
    raise TypeError(f"not a pattern: {pattern!r}")


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A rewrite given by two patterns.

    Attributes
    ----------
    name
        What to exclude it by.
    pattern, replacement
        The two sides.
    reason
        Why the right side is better.
    where
        A condition on what the holes are bound to.
    """

    name: str
    pattern: Node
    replacement: Pattern
    reason: str
    where: Condition | None = None

    @property
    def key(self) -> object:
        """What the driver finds the rule by: the row at the pattern's root."""
        return self.pattern.op

    def may_fit(self, kinds: Sequence[object]) -> bool:
        """Whether the pattern may fit operands of these kinds (see `kind_of`)."""
        return any(all(map(_is_plausible, p, kinds)) for p in _orders(self.pattern))

    def apply(self, node: Apply) -> Any:
        """The replacement of a node's output, or None if the pattern does not fit."""
        for bound in match(self.pattern, node.out):
            if self.where is None or self.where(bound):
                return build(self.replacement, bound)
        return None


@dataclass(frozen=True, slots=True, eq=False)
class OpRule:
    """A rewrite given by a function of a node, for what patterns cannot say.

    Attributes
    ----------
    name
        What to exclude it by.
    key
        Class of the operations it looks at.
    function
        Returns a variable to put in the place of the node's only output, or None.
    reason
        Why that is better.
    """

    name: str
    key: object
    function: Callable[[Apply], Variable | None]
    reason: str

    def may_fit(self, kinds: Sequence[object]) -> bool:
        """Whether the function may have something to say, which it alone knows."""
        return True

    def apply(self, node: Apply) -> Variable | None:
        """The replacement of a node's output, or None."""
        return self.function(node)


AnyRule = Rule | OpRule
