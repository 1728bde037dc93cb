"""Rules: what is put in the place of what, and why.

A rule is a pattern and a replacement, both built from holes::

    x = Hole("x", FLOAT)
    Rule("log1p", log(1 + x), log1p(x), "1 + x loses the digits of a small x")

or, for what patterns cannot say, a function of a node, beside an example of what it applies to.
The tests prove every rule: on operands drawn to fit it both sides agree in value, dtype, shape and
gradient. A look at the heads of a node and its operands tells whether a rule may apply.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.ops import build as expression
from symnet.ops.elementwise import Elemwise
from symnet.rewriting.pattern import Binding, Draw, Hole, Node, Pattern, build, match
from symnet.scalar import ScalarOp

Head = object
"""What a variable is at a look: a row of the scalar table, a class of operations, `Constant`; None
for an input."""


def head(v: Variable) -> Head:
    """The head of a variable."""
    owner = v.owner
    if owner is None:
        return Constant if isinstance(v, Constant) else None
    return head_of(owner)


def head_of(node: Apply) -> Head:
    """The head of what a node makes."""
    op = node.op
    return op.scalar if isinstance(op, Elemwise) else type(op)


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A rewrite given by two patterns.

    Integers wrap at the width that they are computed in: a pattern fits operands of one dtype, or
    floating point numbers alone (beside booleans).

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
    assumes
        Where the sides differ, if they do: what is taken for granted of the operands.
    """

    name: str
    pattern: Node
    replacement: Pattern
    reason: str
    where: Callable[[Binding], bool] | None = None
    assumes: str = ""

    @property
    def roots(self) -> tuple[Head, ...]:
        """Heads of the nodes it looks at."""
        return (self.pattern.op,)

    def may_apply(self, operands: Sequence[Head]) -> bool:
        """Whether the heads of a node's operands leave it possible."""
        return any(all(map(_may_fit, order, operands)) for order in self.pattern.orders)

    def apply(self, node: Apply) -> Any:
        """The replacement of a node's output, or None if the pattern does not fit."""
        for bound in match(self.pattern, node.out):
            if _one_width(bound) and (self.where is None or self.where(bound)):
                found = build(self.replacement, bound)
                if isinstance(found, Variable) and found.dtype != node.out.dtype:
                    # A constant gave the dtype, and is gone.
                    wide = {h: expression.cast(v, node.out.dtype) for h, v in bound.items()}
                    found = build(self.replacement, wide)
                return found
        return None


def _may_fit(pattern: Pattern, operand: Head) -> bool:
    match pattern:
        case Node():
            return operand is pattern.op
        case Hole():
            return not pattern.kind.is_constant or operand is Constant
    return operand is Constant


def _one_width(bound: Binding) -> bool:
    found = {v.dtype for v in bound.values()} - {"bool"}
    return len(found) <= 1 or all(map(dtypes.is_float, found))


@dataclass(frozen=True, slots=True, eq=False)
class OpRule:
    """A rewrite given by a function of a node, for what patterns cannot say.

    Attributes
    ----------
    name
        What to exclude it by.
    root
        Heads of the nodes it looks at: a row or a class of operations, or several; `Elemwise` is
        any row, ``object`` anything.
    function
        Returns a variable to put in the place of the node's only output, or None.
    reason
        Why that is better.
    example
        Draws something that it applies to.
    of
        Heads, one of which the first operand has; none if any will do.
    among
        Heads, one of which some operand has; none if any will do.
    assumes
        Where the sides differ, if they do: what is taken for granted of the operands.
    """

    name: str
    root: Head
    function: Callable[[Apply], Variable | None]
    reason: str
    example: Callable[[Draw], Variable]
    of: Head = ()
    among: Head = ()
    assumes: str = ""

    @property
    def roots(self) -> tuple[Head, ...]:
        """Heads of the nodes it looks at, one by one."""
        return _listed(self.root)

    def may_apply(self, operands: Sequence[Head]) -> bool:
        """Whether the heads of a node's operands leave it possible."""
        return _fits(operands[:1], self.of) and _fits(operands, self.among)

    def apply(self, node: Apply) -> Variable | None:
        """The replacement of a node's output, or None."""
        return self.function(node)


def _listed(heads: Head) -> tuple[Head, ...]:
    return heads if isinstance(heads, tuple) else (heads,)


def _fits(found: Sequence[Head], wanted: Head) -> bool:
    kinds = _listed(wanted)
    return not kinds or any(_is_kind(head, kind) for head in found for kind in kinds)


def _is_kind(found: Head, wanted: Head) -> bool:
    return found is wanted or (wanted is Elemwise and isinstance(found, ScalarOp))


AnyRule = Rule | OpRule
