"""Diagonals of matrices, and matrices with a diagonal: each other's transpose.

The matrices are the last two dimensions of a tensor; those before them are a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.op import Array, ElementContext, Index, IndexedOp, ShapeContext
from symnet.ops import build
from symnet.scalar import Const, Expr, const, simplify
from symnet.scalar.primitives import eq, maximum, minimum, switch
from symnet.types import TensorType


@dataclass(frozen=True, slots=True)
class Diagonal(IndexedOp):
    """The diagonals of matrices: a view.

    Parameters
    ----------
    offset
        0 for the main diagonal; positive ones lie above it.
    """

    offset: int = 0

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        (x,) = types
        if x.ndim < 2:
            raise TypeError(f"{self} takes matrices, got {x}")
        rows, columns = x.shape[-2:]
        known = None if rows is None or columns is None else _known(self.offset, rows, columns)
        return [TensorType(x.dtype, (*x.shape[:-2], known))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        *leading, rows, columns = context.shape(0)
        return [(*leading, _length(self.offset, rows, columns))]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        *leading, i = index
        row, column = i + max(-self.offset, 0), i + max(self.offset, 0)
        return context.read(0, (*leading, simplify(row), simplify(column)))

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        if g is None:
            return [None]
        return [PlaceDiagonal(self.offset)(g, *build.lengths(node.inputs[0])[-2:])]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable]:
        return [self(*operands)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        return [np.diagonal(inputs[0], self.offset, -2, -1)]


@dataclass(frozen=True, slots=True)
class PlaceDiagonal(IndexedOp):
    """Matrices of zeros but for a diagonal.

    Operands are the diagonals and the numbers of rows and columns.

    Parameters
    ----------
    offset
        As of `Diagonal`.
    """

    offset: int = 0

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        x, *sizes = types
        if x.ndim < 1 or any(t.ndim or t.dtype not in dtypes.INTEGER for t in sizes):
            raise TypeError(f"{self} takes diagonals and numbers of rows and columns, got {types}")
        known = [int(v.data) if isinstance(v, Constant) else None for v in operands[1:]]
        return [TensorType(x.dtype, (*x.shape[:-1], *known))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        *leading, count = context.shape(0)
        rows, columns = (
            context.integer(k) if static is None else const(static)
            for k, static in enumerate(node.out.type.shape[-2:], 1)
        )
        length = _length(self.offset, rows, columns)
        context.require_equal(
            count, length, "the diagonal has another length"
        )
        return [(*leading, rows, columns)]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        *leading, i, j = index
        count = context.shape(0)[-1]
        x = node.inputs[0]
        if count == const(0):
            return const(0, x.dtype)
        along = i - max(-self.offset, 0)
        inside = maximum(minimum(along, count - 1), const(0))
        if not isinstance(count, Const):
            # All reads of a diagonal without elements go to one place.
            inside = inside * minimum(count, const(1))
        value = context.read(0, (*leading, simplify(inside)))
        found: Expr = switch(eq(j - i, const(self.offset)), value, const(0, x.dtype))
        return found

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        return [None if g is None else Diagonal(self.offset)(g), None, None]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        return None if any(batched[1:]) else [self(*operands)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, rows, columns = inputs
        placed = np.zeros((*x.shape[:-1], int(rows), int(columns)), x.dtype)
        along = np.arange(x.shape[-1])
        placed[..., along + max(-self.offset, 0), along + max(self.offset, 0)] = x
        return [placed]


def _known(offset: int, rows: int, columns: int) -> int:
    return max(min(rows - max(-offset, 0), columns - max(offset, 0)), 0)


def _length(offset: int, rows: Expr, columns: Expr) -> Expr:
    """Return the length of a diagonal."""
    shorter = minimum(rows - max(-offset, 0), columns - max(offset, 0))
    return simplify(maximum(shorter, const(0)))
