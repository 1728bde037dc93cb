"""Lengths in the body of a loop, told in those of the loop's operands.

In go the outputs of a body and what is known of its inputs; out come the lengths of all of its
variables. What the body's operations assume is handed on to whoever checks it, or has been checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from symnet.graph import Apply, Constant, Variable, ancestors
from symnet.op import LoopOp, ShapeContext
from symnet.ops.integers import integer_value
from symnet.scalar import Const, Expr, const, simplify

Dims = tuple[Expr, ...]


class BodyLengths:
    """Lengths and integers of a body's variables.

    Parameters
    ----------
    outputs
        What the body computes.
    operand
        Lengths of the dimensions of what comes into it, None for other variables.
    leaf
        Value of an integer that comes into it, or None where it differs from step to step.
    checks
        Whom to tell what operations assume; None if it is known to hold.
    """

    def __init__(
        self,
        outputs: Iterable[Variable],
        operand: Callable[[Variable], Dims | None],
        leaf: Callable[[Variable], Expr | None],
        checks: ShapeContext | None = None,
    ) -> None:
        self.checks = checks
        self._operand = operand
        self._leaf = leaf
        self._known: dict[Variable, Dims] = {}
        self._integers: dict[Variable, Expr | None] = {}
        for node in ancestors(outputs):
            found = node.op.infer_shape(node, _InBody(self, node))
            for v, dims in zip(node.outputs, found, strict=True):
                self._known[v] = tuple(
                    simplify(n) if s is None else const(s)
                    for n, s in zip(dims, v.type.shape, strict=True)
                )

    def shape(self, v: Variable) -> Dims:
        """Lengths of the dimensions of `v`."""
        found = self._operand(v)
        if found is not None:
            return found
        if isinstance(v, Constant):
            return tuple(const(n) for n in v.data.shape)
        return self._known.get(v, ())

    def integer(self, v: Variable) -> Expr | None:
        """Value of an integer of no dimensions, or None where it is known only from data."""
        if v not in self._integers:
            found = integer_value(v, self._leaf, self.shape)
            self._integers[v] = None if found is None else simplify(found)
        return self._integers[v]


@dataclass(frozen=True, slots=True)
class _InBody:
    """The `ShapeContext` of a node of a body."""

    lengths: BodyLengths
    node: Apply

    def shape(self, operand: int) -> Dims:
        return self.lengths.shape(self.node.inputs[operand])

    def integer(self, operand: int) -> Expr:
        found = self.lengths.integer(self.node.inputs[operand])
        if found is None:
            raise NotImplementedError(
                f"{self.node.op}: {self.node.inputs[operand]!r} decides about a shape in the body "
                f"of a loop, so it must be the same in every step{self._place()}"
            )
        return found

    def same(self, left: Expr, right: Expr) -> bool:
        checks = self.lengths.checks
        return left == right or (checks is not None and checks.same(left, right))

    def require_equal(self, left: Expr, right: Expr, what: str) -> Expr:
        if self.lengths.checks is None:
            return right if isinstance(right, Const) else left
        return self.lengths.checks.require_equal(left, right, self._said(what))

    def require(self, condition: Expr, what: str, error: type[Exception] = IndexError) -> None:
        if self.lengths.checks is not None:
            self.lengths.checks.require(condition, self._said(what), error)

    def _said(self, what: str) -> str:
        return f"in its body, {self.node.op}: {what}{self._place()}"

    def _place(self) -> str:
        return f" (built at {self.node.line})" if self.node.line else ""


def body_lengths(op: LoopOp, context: ShapeContext) -> BodyLengths:
    """Lengths of a loop's body, where `context` tells those of the loop's operands."""
    known: dict[Variable, Dims] = {}
    first = 1
    inputs = iter(op.inputs)
    for k in range(op.sequences):
        known[next(inputs)] = context.shape(first + k)[1:]
    first += op.sequences
    for state, taps in enumerate(op.taps):
        for _ in taps:
            known[next(inputs)] = context.shape(first + state)[1:]
    first += len(op.taps)
    operand: dict[Variable, int] = {}
    for k, v in enumerate(inputs):
        known[v] = context.shape(first + k)
        operand[v] = first + k

    def leaf(v: Variable) -> Expr | None:
        return context.integer(operand[v]) if v in operand else None

    return BodyLengths(op.outputs, known.get, leaf, context)
