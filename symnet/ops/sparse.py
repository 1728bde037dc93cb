"""What compressed sparse matrices need beyond indexing.

A matrix is given by vectors: `indptr` says where the elements of each line begin among those
stored, `indices` where in its line an element stands. Lines are rows (CSR) or columns (CSC).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.op import Array, Op, ShapeContext
from symnet.ops import build
from symnet.ops.advanced import AdvancedIncSubtensor, AdvancedSubtensor
from symnet.ops.reduce import Reduce
from symnet.ops.slices import Points
from symnet.scalar import Expr, const, simplify
from symnet.scalar.primitives import add
from symnet.types import TensorType


def _check_integers(op: Op, ndim: int, *types: TensorType) -> None:
    for t in types:
        if t.ndim != ndim or t.dtype not in dtypes.INTEGER:
            raise TypeError(f"{op}: integers of {ndim} dimensions are needed, got {t}")


@dataclass(frozen=True, slots=True)
class LineNumbers(Op):
    """For every stored element the number of its line.

    Operands are `indptr`, and a vector of as many entries as there are elements.
    """

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        indptr, entries = types
        _check_integers(self, 1, indptr)
        if entries.ndim != 1:
            raise TypeError(f"{self}: a vector has an entry for each element, not {entries}")
        return [TensorType("int64", entries.shape)]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        return [context.shape(1)]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        return [None, None]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        indptr, entries = inputs
        _check_indptr(self, indptr, len(entries))
        counts = np.diff(indptr)
        return [np.repeat(np.arange(len(counts), dtype="int64"), counts)]


@dataclass(frozen=True, slots=True)
class LineStarts(Op):
    """`indptr` of elements whose lines, in order, are a vector of integers.

    Operands are the vector and the number of lines.
    """

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        lines, count = types
        _check_integers(self, 1, lines)
        _check_integers(self, 0, count)
        known = operands[1]
        return [
            TensorType("int32", (int(known.data) + 1 if isinstance(known, Constant) else None,))
        ]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        return [(simplify(context.integer(1) + 1),)]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        return [None, None]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        lines, count = inputs
        if lines.size and (lines[0] < 0 or lines[-1] >= count or np.any(np.diff(lines) < 0)):
            raise ValueError(f"{self}: lines are not in order, or not below {int(count)}")
        return [np.searchsorted(lines, np.arange(int(count) + 1)).astype("int32")]


@dataclass(frozen=True, slots=True)
class CompressedDot(Op):
    """The product of a compressed matrix, whose lines are rows, with a dense matrix or vector.

    Operands are the stored elements, `indices`, `indptr`, the length of the lines, and the dense
    factor. A host call to SciPy's product: the number of terms of a sum differs from row to row.
    The product with the transposed matrix is no such sum, and native.
    """

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        data, indices, indptr, length, dense = types
        _check_integers(self, 1, indices, indptr)
        _check_integers(self, 0, length)
        if data.ndim != 1 or dense.ndim not in (1, 2) or data.dtype != dense.dtype:
            raise TypeError(
                f"{self} multiplies with a vector or matrix of the same dtype, got {data} and "
                f"{dense}"
            )
        lines = indptr.shape[0]
        rows = None if lines is None else lines - 1
        return [TensorType(dense.dtype, (rows, *dense.shape[1:]))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        ((stored,), (count,), (ends,)) = (context.shape(k) for k in range(3))
        context.require_equal(stored, count, "not every stored element has an index")
        dims = context.shape(4)
        context.require_equal(
            context.integer(3),
            dims[0],
            "the columns of the sparse matrix do not match the rows of the dense",
        )
        return [(simplify(ends - const(1)), *dims[1:])]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        data, indices, indptr, _, dense = node.inputs
        if g is None or not dtypes.is_float(data.dtype):
            return [None] * 5
        lines: Variable = LineNumbers()(indptr, indices)
        rows = AdvancedSubtensor((Points(),))(g, lines)
        products = rows * AdvancedSubtensor((Points(),))(dense, indices)
        if dense.ndim == 2:
            products = Reduce(add, (1,), products.dtype)(products)
            data = build.insert_axes(data, (1,))
        back = AdvancedIncSubtensor((Points(),))(build.zeros_like(dense), data * rows, indices)
        return [products, None, None, None, back]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        from scipy.sparse import csr_matrix

        data, indices, indptr, length, dense = inputs
        _check_indptr(self, indptr, len(indices))
        n = int(length)
        if indices.size and (indices.min() < 0 or indices.max() >= n):
            raise IndexError(f"{self}: an index is out of range for lines of length {n}")
        matrix = csr_matrix((data, indices, indptr), (len(indptr) - 1, n))
        return [np.asarray(matrix @ dense, dense.dtype)]


def _check_indptr(op: Op, indptr: Array, count: int) -> None:
    """Raise unless `indptr` divides `count` stored elements into lines."""
    if not len(indptr) or indptr[0] != 0 or indptr[-1] != count or np.any(np.diff(indptr) < 0):
        raise ValueError(
            f"{op}: indptr must begin with 0, never decrease and end with {count}, the number of "
            f"stored elements; it has {len(indptr)} entries"
            + (f", the first {indptr[0]}, the last {indptr[-1]}" if len(indptr) else "")
        )
