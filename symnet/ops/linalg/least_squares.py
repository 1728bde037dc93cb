"""The pseudo-inverse and least squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symnet.graph import Apply, Variable
from symnet.op import Array, Op, ShapeContext
from symnet.ops.indexing import subtensor
from symnet.ops.linalg.factors import SVD
from symnet.ops.linalg.matrices import (
    as_column,
    check_matrix,
    identity_minus,
    matrix_product,
    named_failure,
    over_rows,
    transposed,
)
from symnet.ops.linalg.solve import check_right_side, require_fit
from symnet.scalar import Expr, simplify
from symnet.scalar.primitives import minimum
from symnet.types import TensorType


@dataclass(frozen=True, slots=True)
class MatrixPinv(Op):
    """The Moore-Penrose pseudo-inverse: singular values below ``1e-15`` of the largest count as 0.

    The derivative is Golub and Pereyra's (SIAM Journal on Numerical Analysis 10, 1973, equation
    4.12); it holds where the rank does not change.
    """

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        (x,) = types
        check_matrix(self, x)
        return [TensorType(x.dtype, (*x.shape[:-2], x.shape[-1], x.shape[-2]))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        *leading, rows, columns = context.shape(0)
        return [(*leading, columns, rows)]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        return [None if g is None else pinv_cotangent(node.inputs[0], node.out, g)]

    batch = over_rows

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        with named_failure(self, *inputs):
            return [np.linalg.pinv(inputs[0])]


def pinv_cotangent(x: Variable, inverse: Variable, g: Variable) -> Variable:
    """Return the cotangent of `x` for that of its pseudo-inverse."""
    flipped, back = transposed(inverse), transposed(g)
    left = identity_minus(matrix_product(x, inverse))
    right = identity_minus(matrix_product(inverse, x))
    found: Variable = (
        matrix_product(left, back, inverse, flipped)
        + matrix_product(flipped, inverse, back, right)
        - matrix_product(flipped, g, flipped)
    )
    return found


@dataclass(frozen=True, slots=True)
class Lstsq(Op):
    """The least squares solution of ``a x = b`` of least norm, the rank and the singular values.

    `a` is one matrix, `b` a vector or a matrix. The derivative is that of the pseudo-inverse.

    Parameters
    ----------
    rcond
        Singular values below this share of the largest count as 0; None is the precision times the
        greater number of rows and columns.
    """

    rcond: float | None = None

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        a, b = types
        check_matrix(self, a)
        if a.ndim != 2:
            raise TypeError(f"{self} takes one matrix, got {a}")
        check_right_side(self, a, b)
        known = None if None in a.shape else min(n for n in a.shape if n is not None)
        return [
            TensorType(a.dtype, (a.shape[1], *b.shape[1:])),
            TensorType("int64", ()),
            TensorType(a.dtype, (known,)),
        ]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        rows, columns = context.shape(0)
        require_fit(rows, context)
        return [(columns, *context.shape(1)[1:]), (), (simplify(minimum(rows, columns)),)]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        gx, _, gs = cotangents
        a, b = node.inputs
        ga: Variable | None = None
        gb: Variable | None = None
        if gx is not None:
            g, right = (as_column(v) if b.ndim == 1 else v for v in (gx, b))
            inverse: Variable = MatrixPinv()(a)
            ga = pinv_cotangent(a, inverse, matrix_product(g, transposed(right)))
            found = matrix_product(transposed(inverse), g)
            gb = subtensor(found, (slice(None), 0)) if b.ndim == 1 else found
        if gs is not None:
            values = SVD(full_matrices=False, compute_uv=False).make_node(a)
            (more,) = values.op.vjp(values, [gs])
            assert more is not None
            ga = more if ga is None else ga + more
        return [ga, gb]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        a, b = inputs
        with named_failure(self, a, b):
            x, _, rank, values = np.linalg.lstsq(a, b, self.rcond)
        return [x, np.asarray(rank, "int64"), values]
