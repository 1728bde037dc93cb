"""Products of matrices, which elementwise consumers fuse into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Variable
from symnet.op import (
    Array,
    ContractionOp,
    ElementContext,
    ShapeContext,
    SumOfProducts,
)
from symnet.ops import build
from symnet.ops.shape import DimShuffle, Reshape
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

    def products(self, node: Apply, context: ElementContext) -> SumOfProducts:
        return SumOfProducts(
            batch=(),
            rows=(0,),
            columns=(1,),
            inner=context.shape(0)[1:],
            left=lambda index, inner: context.read(0, (index[0], *inner)),
            right=lambda index, inner: context.read(1, (*inner, index[1])),
        )

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        if g is None:
            return [None, None]
        a, b = node.inputs
        transposed = DimShuffle((1, 0))
        return [Dot()(g, transposed(b)), Dot()(transposed(a), g)]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        a, b = operands
        if all(batched):
            return [BatchedDot()(a, b)]
        if batched[0]:
            (count, rows, inner), columns = build.lengths(a), build.lengths(b)[1]
            product = Dot()(Reshape(2)(a, count * rows, inner), b)
            return [Reshape(3)(product, count, rows, columns)]
        rows, (count, inner, columns) = build.lengths(a)[0], build.lengths(b)
        side_by_side = Reshape(2)(DimShuffle((1, 0, 2))(b), inner, count * columns)
        product = Reshape(3)(Dot()(a, side_by_side), rows, count, columns)
        return [DimShuffle((1, 0, 2))(product)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        a, b = inputs
        with np.errstate(all="ignore"):
            return [np.matmul(a, b)]


@dataclass(frozen=True, slots=True)
class BatchedDot(ContractionOp):
    """The matrix products of matrices that stand along a first dimension, of one float dtype."""

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        a, b = types
        if (a.ndim, b.ndim) != (3, 3):
            raise TypeError(
                f"{self} multiplies rows of matrices, of three dimensions each, got {a} and {b}; "
                "T.batched_dot takes the rest"
            )
        if a.dtype != b.dtype or not dtypes.is_float(a.dtype):
            raise TypeError(
                f"{self} multiplies matrices of one floating point dtype, got {a} and {b}; "
                "T.batched_dot takes the rest, T.cast converts"
            )
        if None not in (a.shape[0], b.shape[0]) and a.shape[0] != b.shape[0]:
            raise TypeError(
                f"{self}: {a} holds {a.shape[0]} matrices but {b} holds {b.shape[0]}; T.repeat or "
                "T.alloc repeats matrices, T.dot multiplies all by one"
            )
        if None not in (a.shape[2], b.shape[1]) and a.shape[2] != b.shape[1]:
            raise TypeError(
                f"{self}: matrices of {a} have {a.shape[2]} columns but those of {b} have "
                f"{b.shape[1]} rows; dimshuffle(0, 2, 1) transposes them"
            )
        batch = a.shape[0] if a.shape[0] is not None else b.shape[0]
        return [TensorType(a.dtype, (batch, a.shape[1], b.shape[2]))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        a, b = context.shape(0), context.shape(1)
        batch = context.require_equal(a[0], b[0], "the numbers of matrices do not match")
        context.require_equal(
            a[2], b[1], "the columns of the first matrices do not match the rows of the second"
        )
        return [(batch, a[1], b[2])]

    def products(self, node: Apply, context: ElementContext) -> SumOfProducts:
        return SumOfProducts(
            batch=(0,),
            rows=(1,),
            columns=(2,),
            inner=context.shape(0)[2:],
            left=lambda index, inner: context.read(0, (*index[:2], *inner)),
            right=lambda index, inner: context.read(1, (index[0], *inner, index[2])),
        )

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        if g is None:
            return [None, None]
        a, b = node.inputs
        transposed = DimShuffle((0, 2, 1))
        return [self(g, transposed(b)), self(transposed(a), g)]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        a, b = operands
        if all(batched):
            (count, matrices, rows, inner), columns = build.lengths(a), build.lengths(b)[3]
            total = count * matrices
            flat = Reshape(3)(a, total, rows, inner), Reshape(3)(b, total, inner, columns)
            return [Reshape(4)(self(*flat), count, matrices, rows, columns)]
        if batched[0]:
            (count, matrices, rows, inner), columns = build.lengths(a), build.lengths(b)[2]
            tall = Reshape(3)(DimShuffle((1, 0, 2, 3))(a), matrices, count * rows, inner)
            product = Reshape(4)(self(tall, b), matrices, count, rows, columns)
            return [DimShuffle((1, 0, 2, 3))(product)]
        rows, (count, matrices, inner, columns) = build.lengths(a)[1], build.lengths(b)
        wide = Reshape(3)(DimShuffle((1, 2, 0, 3))(b), matrices, inner, count * columns)
        product = Reshape(4)(self(a, wide), matrices, rows, count, columns)
        return [DimShuffle((2, 0, 1, 3))(product)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        a, b = inputs
        with np.errstate(all="ignore"):
            return [np.matmul(a, b)]


@dataclass(frozen=True, slots=True)
class SummedDot(ContractionOp):
    """The sum of the matrix products of matrices that stand along a first dimension."""

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        (product,) = BatchedDot().infer_types(types, operands)
        return [TensorType(product.dtype, product.shape[1:])]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        (product,) = BatchedDot().infer_shape(node, context)
        return [product[1:]]

    def products(self, node: Apply, context: ElementContext) -> SumOfProducts:
        a = context.shape(0)
        return SumOfProducts(
            batch=(),
            rows=(0,),
            columns=(1,),
            inner=(a[0], a[2]),
            left=lambda index, inner: context.read(0, (inner[0], index[0], inner[1])),
            right=lambda index, inner: context.read(1, (*inner, index[1])),
        )

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        if g is None:
            return [None, None]
        a, b = node.inputs
        transposed = DimShuffle((0, 2, 1))
        every = build.repeat(g, build.lengths(a)[0])
        return [BatchedDot()(every, transposed(b)), BatchedDot()(transposed(a), every)]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        # One product of matrices: what is summed over lies side by side.
        a, b = operands
        *many, matrices, rows, inner = build.lengths(a)
        beside = DimShuffle((0, 2, 1, 3) if batched[0] else (1, 0, 2))(a)
        left = Reshape(a.ndim - 1)(beside, *many, rows, matrices * inner)
        *many, matrices, inner, columns = build.lengths(b)
        right = Reshape(b.ndim - 1)(b, *many, matrices * inner, columns)
        return Dot().batch(node, [left, right], batched)

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        a, b = inputs
        with np.errstate(all="ignore"):
            return [np.asarray(np.einsum("bmk,bkn->mn", a, b, optimize=True))]
