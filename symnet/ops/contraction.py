"""The product of two matrices, which elementwise consumers fuse into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Variable
from symnet.op import Array, ContractionOp, ShapeContext
from symnet.ops.shape import DimShuffle
from symnet.scalar import Expr
from symnet.types import TensorType


@dataclass(frozen=True, slots=True)
class Dot(ContractionOp):
    """The matrix product of two matrices of one floating point dtype."""

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        a, b = types
        if (a.ndim, b.ndim) != (2, 2):
            raise TypeError(f"{self} multiplies matrices, got {a} and {b}; T.dot takes the rest")
        if a.dtype != b.dtype or not dtypes.is_float(a.dtype):
            raise TypeError(
                f"{self} multiplies matrices of one floating point dtype, got {a} and {b}; "
                "T.dot takes the rest, T.cast converts"
            )
        if None not in (a.shape[1], b.shape[0]) and a.shape[1] != b.shape[0]:
            raise TypeError(
                f"{self}: {a} has {a.shape[1]} columns but {b} has {b.shape[0]} rows; transpose "
                "one of them?"
            )
        return [TensorType(a.dtype, (a.shape[0], b.shape[1]))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        a, b = context.shape(0), context.shape(1)
        context.require_equal(
            a[1], b[0], "the columns of the first matrix do not match the rows of the second"
        )
        return [(a[0], b[1])]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        if g is None:
            return [None, None]
        a, b = node.inputs
        transposed = DimShuffle((1, 0))
        return [Dot()(g, transposed(b)), Dot()(transposed(a), g)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        a, b = inputs
        with np.errstate(all="ignore"):
            return [np.matmul(a, b)]
