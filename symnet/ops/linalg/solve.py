"""Systems of linear equations, and the exponential of a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symnet.graph import Apply, Variable
from symnet.op import Array, Op, ShapeContext, constant
from symnet.ops import build
from symnet.ops.indexing import inc_subtensor, subtensor
from symnet.ops.linalg.matrices import (
    as_column,
    as_row,
    check_matrix,
    matrix_product,
    named_failure,
    over_rows,
    require_square,
    transposed,
    triangle,
)
from symnet.ops.shape import Broadcast
from symnet.scalar import Expr
from symnet.types import TensorType

_TURNED = {"lower_triangular": "upper_triangular", "upper_triangular": "lower_triangular"}


@dataclass(frozen=True, slots=True)
class Solve(Op):
    """The solution x of ``a x = b`` for a square matrix `a`.

    `b` is a matrix, or a vector if `a` is one matrix; dimensions before the matrices are the same
    in both.

    Parameters
    ----------
    A_structure
        ``"general"``, ``"symmetric"``, ``"lower_triangular"`` or ``"upper_triangular"``; of a
        triangular matrix the other triangle is not read.
    lower
        Theano's; the structure says it.
    unit_diagonal
        Whether the diagonal of a triangular matrix is taken to be ones and not read.
    """

    A_structure: str = "general"
    lower: bool = False
    unit_diagonal: bool = False

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        a, b = types
        if self.A_structure not in ("general", "symmetric", *_TURNED):
            raise ValueError(
                f"{self}: a matrix is general, symmetric, lower_triangular or upper_triangular, "
                f"not {self.A_structure!r}"
            )
        check_matrix(self, a, square=True)
        check_right_side(self, a, b)
        return [b]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        n = require_square(context)
        require_fit(n, context)
        return [context.shape(1)]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        if g is None:
            return [None, None]
        turned = _TURNED.get(self.A_structure, self.A_structure)
        a, b = node.inputs
        gb: Variable = Solve(turned, not self.lower, self.unit_diagonal)(transposed(a), g)
        if b.ndim == 1:
            ga = -(as_column(gb) * as_row(node.out))
        else:
            ga = -matrix_product(gb, transposed(node.out))
        if self.A_structure == "lower_triangular":
            ga = triangle(ga, "L", -1 if self.unit_diagonal else 0)
        elif self.A_structure == "upper_triangular":
            ga = triangle(ga, "U", 1 if self.unit_diagonal else 0)
        return [ga, gb]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        a, b = operands
        if node.inputs[1].ndim > 1:
            return [self(a, b)] if all(batched) else None
        if batched[0]:
            return None
        return [transposed(self(a, transposed(b)))]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        a, b = inputs
        with named_failure(self, a, b):
            if self.A_structure not in _TURNED:
                return [np.linalg.solve(a, b)]
            if a.ndim == 2:
                return [self._triangular(a, b)]
            x = np.empty_like(b)
            for k in np.ndindex(a.shape[:-2]):
                x[k] = self._triangular(a[k], b[k])
            return [x]

    def _triangular(self, a: Array, b: Array) -> Array:
        from scipy.linalg import solve_triangular

        if not b.size:
            return np.empty_like(b)
        lower = self.A_structure == "lower_triangular"
        x: Array = solve_triangular(
            a, b, lower=lower, unit_diagonal=self.unit_diagonal, check_finite=False
        )
        return x


def check_right_side(op: Op, a: TensorType, b: TensorType) -> None:
    """Raise unless `b` can stand on the right of equations whose matrix is `a`."""
    if a.dtype != b.dtype:
        raise TypeError(f"{op} takes two operands of one dtype, got {a} and {b}; T.cast converts")
    if b.ndim != a.ndim and (a.ndim, b.ndim) != (2, 1):
        raise TypeError(
            f"{op} of {a} takes {'a vector or ' * (a.ndim == 2)}{a.ndim} dimensions on the right, "
            f"got {b}"
        )
    rows, right = a.shape[-2], b.shape[0 if b.ndim == 1 else -2]
    if None not in (rows, right) and rows != right:
        raise TypeError(f"{op}: a matrix of {rows} rows and a right side of {right}, {a} and {b}")


def require_fit(rows: Expr, context: ShapeContext) -> None:
    """Assume that the right side has as many rows as the matrix, and as many stand before both."""
    a, b = context.shape(0), context.shape(1)
    context.require_equal(
        rows, b[0 if len(b) == 1 else -2], "the right side has not as many rows as the matrix"
    )
    for n, m in zip(a[:-2], b[:-2], strict=False):
        context.require_equal(n, m, "the numbers of matrices do not match")


@dataclass(frozen=True, slots=True)
class Expm(Op):
    """The exponential of a square matrix.

    Its derivative along a matrix is a block of the exponential of a matrix of twice the size
    (Najfeld and Havel, Advances in Applied Mathematics 16, 1995, theorem 4.2); the vjp is the
    derivative at the transposed matrix.
    """

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
        x = transposed(node.inputs[0])
        *leading, n, _ = build.lengths(x)
        whole = (slice(None),) * len(leading)
        first, second = slice(None, n), slice(n, None)
        double = Broadcast(x.ndim)(constant(0, x.dtype), *leading, n * 2, n * 2)
        for block, at in ((x, (first, first)), (x, (second, second)), (g, (first, second))):
            double = inc_subtensor(double, block, (*whole, *at), set=True)
        return [subtensor(Expm()(double), (*whole, first, second))]

    batch = over_rows

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        from scipy.linalg import expm

        (x,) = inputs
        with named_failure(self, x):
            return [expm(x) if x.size else np.empty_like(x)]
