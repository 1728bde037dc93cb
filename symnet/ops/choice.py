"""Choice: one of two values, of which the other is not computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symnet import dtypes
from symnet.graph import Apply, Variable
from symnet.op import Array, ChoiceOp, ShapeContext
from symnet.ops import build
from symnet.ops.elementwise import Elemwise
from symnet.scalar import TABLE, Expr, const, rows
from symnet.types import TensorType


@dataclass(frozen=True, slots=True)
class IfElse(ChoiceOp):
    """``then if condition else otherwise``, whole: the condition is a bool of no dimensions.

    Where the arms differ in length, the condition decides about a shape.
    """

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        condition, then, otherwise = types
        if condition != TensorType("bool", ()):
            raise TypeError(f"{self}: the condition is a bool of no dimensions, not {condition}")
        if (then.dtype, then.ndim) != (otherwise.dtype, otherwise.ndim):
            raise TypeError(
                f"{self}: the two arms must be of one type, but they are {then} and {otherwise}; "
                "T.cast(...) changes a dtype"
            )
        shape = tuple(
            n if n == m else None for n, m in zip(then.shape, otherwise.shape, strict=True)
        )
        return [TensorType(then.dtype, shape)]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        lengths = list(zip(context.shape(1), context.shape(2), strict=True))
        if all(context.same(n, m) for n, m in lengths):
            return [context.shape(1)]
        try:
            taken = rows()["neq"](context.integer(0), const(0))
        except NotImplementedError:
            # In a loop it may differ from step to step.
            what = "the arms differ in length {}, and the condition may differ from step to step"
            found = (
                context.require_equal(n, m, what.format(axis))
                for axis, (n, m) in enumerate(lengths)
            )
            return [tuple(found)]
        choose = rows()["switch"]
        return [tuple(n if context.same(n, m) else choose(taken, n, m) for n, m in lengths)]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        condition, then, otherwise = node.inputs
        (g,) = cotangents
        if g is None or not dtypes.is_float(then.dtype):
            return [None, None, None]
        return [
            None,
            self(condition, g, build.zeros_like(then)),
            self(condition, build.zeros_like(otherwise), g),
        ]

    def jvp(
        self, node: Apply, tangents: Sequence[Variable | None]
    ) -> Sequence[Variable | None] | None:
        condition, *arms = node.inputs
        if tangents[1] is None and tangents[2] is None:
            return [None]
        given = [
            build.zeros_like(v) if t is None else t for v, t in zip(arms, tangents[1:], strict=True)
        ]
        return [self(condition, *given)]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable]:
        """One choice for all rows; where each row has its own, elements are chosen from both."""
        count = build.lengths(operands[list(batched).index(True)])[0]
        condition = operands[0]
        arms = [
            x if b or not any(batched[1:]) else build.repeat(x, count)
            for x, b in zip(operands[1:], batched[1:], strict=True)
        ]
        if not batched[0]:
            return [self(condition, *arms)]
        arms = [x if x.ndim > node.out.ndim else build.repeat(x, count) for x in arms]
        rows_of_condition = build.insert_axes(condition, range(1, 1 + node.out.ndim))
        return [Elemwise(TABLE["switch"])(rows_of_condition, *arms)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        condition, then, otherwise = inputs
        return [then if condition else otherwise]
