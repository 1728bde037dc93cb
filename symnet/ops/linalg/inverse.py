"""Inverses and determinants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symnet.graph import Apply, Variable
from symnet.op import Array, Op, ShapeContext
from symnet.ops import build
from symnet.ops.linalg.matrices import (
    check_matrix,
    matrix_product,
    named_failure,
    over_rows,
    require_square,
    transposed,
)
from symnet.scalar import Expr
from symnet.types import TensorType


@dataclass(frozen=True, slots=True)
class MatrixInverse(Op):
    """The inverse of a square matrix."""

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        (x,) = types
        check_matrix(self, x, square=True)
        return [x]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        require_square(context)
        return [context.shape(0)]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        if g is None:
            return [None]
        flipped = transposed(node.out)
        return [-matrix_product(flipped, g, flipped)]

    batch = over_rows

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        with named_failure(self, *inputs):
            return [np.linalg.inv(inputs[0])]


@dataclass(frozen=True, slots=True)
class Det(Op):
    """The determinant of a square matrix; its derivative asks for one that is not singular."""

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        (x,) = types
        check_matrix(self, x, square=True)
        return [TensorType(x.dtype, x.shape[:-2])]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        require_square(context)
        return [context.shape(0)[:-2]]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        return [None if g is None else _scaled_inverse(node.inputs[0], g * node.out)]

    batch = over_rows

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        (x,) = inputs
        with named_failure(self, x):
            return [np.asarray(np.linalg.det(x), x.dtype)]


@dataclass(frozen=True, slots=True)
class SLogDet(Op):
    """The sign of the determinant of a square matrix, and the logarithm of its magnitude."""

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        (x,) = types
        check_matrix(self, x, square=True)
        return [TensorType(x.dtype, x.shape[:-2])] * 2

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        require_square(context)
        return [context.shape(0)[:-2]] * 2

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        _, g = cotangents
        return [None if g is None else _scaled_inverse(node.inputs[0], g)]

    batch = over_rows

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        (x,) = inputs
        with named_failure(self, x):
            return [np.asarray(part, x.dtype) for part in np.linalg.slogdet(x)]


def _scaled_inverse(x: Variable, scale: Variable) -> Variable:
    """Return the transposed inverse of `x`, each matrix times an element of `scale`."""
    inverse: Variable = MatrixInverse()(x)
    scaled: Variable = build.insert_axes(scale, (x.ndim - 2, x.ndim - 1)) * transposed(inverse)
    return scaled
