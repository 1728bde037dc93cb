"""One element of each row: the special case of advanced indexing that classifiers are made of.

``x[arange(n), y]`` picks from row k the element in column ``y[k]``. No two points meet, so its
transpose needs no order, and fuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.op import Array, ElementContext, Fault, Index, IndexedOp, Op, ShapeContext
from symnet.ops import build
from symnet.ops.slices import outside, require_room, safe
from symnet.scalar import Expr, cast, const
from symnet.scalar.primitives import eq, lt, switch
from symnet.types import TensorType


@dataclass(frozen=True, slots=True)
class PickRows(IndexedOp):
    """One element of each row of a matrix: ``x[arange(n), y]`` for an integer vector `y`."""

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        x, y = types
        if (x.ndim, y.ndim) != (2, 1) or y.dtype not in dtypes.INTEGER:
            raise TypeError(f"{self} takes a matrix and an integer vector, got {x} and {y}")
        return [TensorType(x.dtype, (_common(self, x.shape[0], y.shape[0]),))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        rows = context.require_equal(
            context.shape(0)[0], context.shape(1)[0], "as many indices as rows are needed"
        )
        columns = context.shape(0)[1]
        require_room(columns, rows, context)
        static = node.out.type.shape[0]
        return [(rows if static is None else const(static),)]

    def faults(self, node: Apply, context: ElementContext) -> Sequence[Fault]:
        return [_column_fault(node, context, 1, context.shape(0)[1])]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        column = cast(context.read(1, index), "int64")
        return context.read(0, (index[0], safe(column, context.shape(0)[1])))

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        x, y = node.inputs
        return [None if g is None else PlaceRows()(g, y, build.lengths(x)[1]), None]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, y = inputs
        return [x[np.arange(len(x)), y]]


@dataclass(frozen=True, slots=True)
class PlaceRows(IndexedOp):
    """A matrix of zeros but for one element in each row: the transpose of `PickRows`.

    Operands are the vector of these elements, the integer vector of their columns, and the number
    of columns.
    """

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        g, y, columns = types
        if (g.ndim, y.ndim, columns.ndim) != (1, 1, 0) or not (
            y.dtype in dtypes.INTEGER and columns.dtype in dtypes.INTEGER
        ):
            raise TypeError(
                f"{self} takes a vector, an integer vector and a number of columns, got {g}, {y} "
                f"and {columns}"
            )
        count = operands[2]
        known = int(count.data) if isinstance(count, Constant) else None
        return [TensorType(g.dtype, (_common(self, g.shape[0], y.shape[0]), known))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        rows = context.require_equal(
            context.shape(0)[0], context.shape(1)[0], "as many columns as values are needed"
        )
        dims = zip(node.out.type.shape, (rows, context.integer(2)), strict=True)
        return [tuple(n if static is None else const(static) for static, n in dims)]

    def faults(self, node: Apply, context: ElementContext) -> Sequence[Fault]:
        return [_column_fault(node, context, 1, context.integer(2))]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        i, j = index
        column = cast(context.read(1, (i,)), "int64")
        here = eq(j, switch(lt(column, const(0)), column + context.integer(2), column))
        g = context.read(0, (i,))
        return switch(here, g, const(0, g.dtype))  # type: ignore[no-any-return]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        return [None if g is None else PickRows()(g, node.inputs[1]), None, None]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        g, y, columns = inputs
        placed = np.zeros((len(g), int(columns)), g.dtype)
        placed[np.arange(len(g)), y] = g
        return [placed]


def _common(op: Op, a: int | None, b: int | None) -> int | None:
    if None not in (a, b) and a != b:
        raise TypeError(f"{op}: {a} rows, but {b} indices")
    return b if a is None else a


def _column_fault(node: Apply, context: ElementContext, operand: int, n: Expr) -> Fault:
    def broken(index: Index) -> Expr:
        return outside(cast(context.read(operand, index), "int64"), n)

    message = f"{node.op}: an index is out of range of the columns"
    return Fault(tuple(context.shape(operand)), broken, message)
