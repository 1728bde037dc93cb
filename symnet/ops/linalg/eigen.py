"""Eigenvalues and eigenvectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symnet.graph import Apply, Variable
from symnet.op import Array, Op, ShapeContext
from symnet.ops.linalg.inverse import MatrixInverse
from symnet.ops.linalg.matrices import (
    Side,
    as_row,
    check_matrix,
    diagonal_of,
    folded,
    matrix_product,
    named_failure,
    over_rows,
    place_diagonal,
    reciprocal_differences,
    require_square,
    transposed,
)
from symnet.scalar import Expr
from symnet.types import TensorType


def _values_and_vectors(op: Op, types: Sequence[TensorType]) -> list[TensorType]:
    (x,) = types
    check_matrix(op, x, square=True)
    return [TensorType(x.dtype, x.shape[:-1]), x]


@dataclass(frozen=True, slots=True)
class Eig(Op):
    """Eigenvalues and, as columns of norm 1, eigenvectors of a square matrix, if they are real.

    The derivative holds where no eigenvalue is repeated (Boeddeker et al., "On the computation of
    complex-valued gradients", 2017, section 4.13, with the norms held).
    """

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        return _values_and_vectors(self, types)

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        require_square(context)
        dims = context.shape(0)
        return [dims[:-1], dims]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        values, vectors = node.outputs
        gw, gv = cotangents
        if gw is None and gv is None:
            return [None]
        flipped = transposed(vectors)
        middle = None if gw is None else place_diagonal(gw)
        if gv is not None:
            along = matrix_product(flipped, gv)
            along = along - matrix_product(flipped, vectors) * as_row(diagonal_of(along))
            turned = along * reciprocal_differences(values)
            middle = turned if middle is None else middle + turned
        assert middle is not None
        inverse: Variable = MatrixInverse()(flipped)
        return [matrix_product(inverse, middle, flipped)]

    batch = over_rows

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        (x,) = inputs
        with named_failure(self, x):
            values, vectors = np.linalg.eig(x)
            if np.iscomplexobj(values):
                raise np.linalg.LinAlgError(
                    "the matrix has complex eigenvalues, and symnet has no complex numbers; of a "
                    "symmetric matrix eigh computes the eigenvalues, which are real"
                )
        return [values, vectors]


@dataclass(frozen=True, slots=True)
class Eigh(Op):
    """Eigenvalues, ascending, and orthonormal eigenvectors of a symmetric matrix.

    Where eigenvalues are repeated, their vectors are not determined, and their derivatives take
    these vectors as fixed in their common space.

    Parameters
    ----------
    UPLO
        The triangle that is read, ``"L"`` or ``"U"``; the other one is taken to mirror it.
    """

    UPLO: Side = "L"

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        if self.UPLO not in ("L", "U"):
            raise ValueError(f"{self}: UPLO is 'L' or 'U', not {self.UPLO!r}")
        return _values_and_vectors(self, types)

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        require_square(context)
        dims = context.shape(0)
        return [dims[:-1], dims]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        values, vectors = node.outputs
        gw, gv = cotangents
        if gw is None and gv is None:
            return [None]
        flipped = transposed(vectors)
        middle = None if gw is None else place_diagonal(gw)
        if gv is not None:
            turned = matrix_product(flipped, gv) * reciprocal_differences(values)
            middle = turned if middle is None else middle + turned
        assert middle is not None
        return [folded(matrix_product(vectors, middle, flipped), self.UPLO)]

    batch = over_rows

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        with named_failure(self, *inputs):
            return list(np.linalg.eigh(inputs[0], self.UPLO))
