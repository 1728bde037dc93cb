"""Rows that a step of a loop reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symnet.graph import Apply, Variable
from symnet.op import Array, ElementContext, Index, IndexedOp, ShapeContext, constant
from symnet.ops import build
from symnet.ops.elementwise import Elemwise
from symnet.ops.indexing import inc_subtensor
from symnet.scalar import Expr, simplify
from symnet.scalar.arithmetic import mod
from symnet.scalar.primitives import add
from symnet.types import TensorType


@dataclass(frozen=True, slots=True)
class RowAt(IndexedOp):
    """The row of its first operand that stands `offset` after the one its second operand counts.

    Parameters
    ----------
    offset
        How many rows.
    period
        Number of rows after which they begin again, 0 if they do not.
    """

    offset: int
    period: int = 0

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        return [TensorType(types[0].dtype, types[0].shape[1:])]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        return [context.shape(0)[1:]]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        place = context.integer(1) + self.offset
        return context.read(0, (simplify(place % self.period if self.period else place), *index))

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        x, step = node.inputs
        if g is None:
            return [None, None]
        at = Elemwise(add)(build.cast(step, "int64"), constant(self.offset, "int64"))
        if self.period:
            at = Elemwise(mod)(at, constant(self.period, "int64"))
        return [inc_subtensor(build.zeros_like(x, g.dtype), g, [at]), None]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, step = inputs
        place = int(step) + self.offset
        return [x[place % self.period if self.period else place]]
