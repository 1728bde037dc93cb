"""Factorisations: singular values, QR and Cholesky."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from symnet.graph import Apply, Variable
from symnet.op import Array, Op, ShapeContext
from symnet.ops import build
from symnet.ops.indexing import inc_subtensor, subtensor
from symnet.ops.linalg.matrices import (
    as_row,
    check_matrix,
    folded,
    half_triangle,
    identity_minus,
    matrix_product,
    named_failure,
    over_rows,
    reciprocal_differences,
    require_square,
    symmetric,
    transposed,
    triangle,
)
from symnet.ops.linalg.solve import Solve
from symnet.scalar import Expr, simplify
from symnet.scalar.primitives import minimum
from symnet.types import TensorType


@dataclass(frozen=True, slots=True)
class SVD(Op):
    """The singular value decomposition ``u * s @ v``, the values descending.

    The derivative is Townsend's ("Differentiating the singular value decomposition", 2016); it
    holds where no singular value is repeated and, for that of `u` and `v`, none is 0.

    Parameters
    ----------
    full_matrices
        Whether `u` and `v` are square, else they have as many columns and rows as there are
        values.
    compute_uv
        Whether there are three outputs, or the values alone.
    """

    full_matrices: bool = True
    compute_uv: bool = True

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        (x,) = types
        check_matrix(self, x)
        *leading, m, n = x.shape
        k = None if m is None or n is None else min(m, n)
        values = TensorType(x.dtype, (*leading, k))
        if not self.compute_uv:
            return [values]
        u, v = ((m, m), (n, n)) if self.full_matrices else ((m, k), (k, n))
        return [
            TensorType(x.dtype, (*leading, *u)),
            values,
            TensorType(x.dtype, (*leading, *v)),
        ]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        *leading, m, n = context.shape(0)
        k = simplify(minimum(m, n))
        if not self.compute_uv:
            return [(*leading, k)]
        if self.full_matrices:
            return [(*leading, m, m), (*leading, k), (*leading, n, n)]
        return [(*leading, m, k), (*leading, k), (*leading, k, n)]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (x,) = node.inputs
        if all(g is None for g in cotangents):
            return [None]
        if not self.compute_uv:
            u, s, v = SVD(full_matrices=False).make_node(x).outputs
            return [_svd_cotangent(u, s, v, None, cotangents[0], None)]
        gu, gs, gv = cotangents
        if self.full_matrices:
            known = x.type.shape[-2:]
            if (gu is not None or gv is not None) and (None in known or known[0] != known[1]):
                raise NotImplementedError(
                    "vectors beyond the singular values are not determined; svd with "
                    "full_matrices=False leaves them out"
                )
            if gu is None and gv is None:
                u, s, v = SVD(full_matrices=False).make_node(x).outputs
                return [_svd_cotangent(u, s, v, None, gs, None)]
        u, s, v = node.outputs
        return [_svd_cotangent(u, s, v, gu, gs, gv)]

    batch = over_rows

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        (x,) = inputs
        with named_failure(self, x):
            if not self.compute_uv:
                return [np.linalg.svd(x, compute_uv=False)]
            return list(np.linalg.svd(x, self.full_matrices))


def _svd_cotangent(
    u: Variable,
    s: Variable,
    v: Variable,
    gu: Variable | None,
    gs: Variable | None,
    gv: Variable | None,
) -> Variable:
    """Return the cotangent of ``u * s @ v``; `u` and `v` have as many columns and rows as `s`."""
    terms: list[Variable] = []
    across = reciprocal_differences(s * s)
    if gs is not None:
        terms.append(matrix_product(u * as_row(gs), v))
    if gu is not None:
        turned = matrix_product(transposed(u), gu) * across
        terms.append(matrix_product(u, (turned + transposed(turned)) * as_row(s), v))
        outside = identity_minus(matrix_product(u, transposed(u)))
        terms.append(matrix_product(outside, gu / as_row(s), v))
    if gv is not None:
        turned = matrix_product(v, transposed(gv)) * across
        scaled = transposed((turned + transposed(turned)) * as_row(s))
        terms.append(matrix_product(u, scaled, v))
        outside = identity_minus(matrix_product(transposed(v), v))
        terms.append(matrix_product(u / as_row(s), gv, outside))
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


@dataclass(frozen=True, slots=True)
class QR(Op):
    """The factors of a matrix: one of orthonormal columns, and an upper triangular one.

    The derivative is that of Roberts and Roberts ("QR and LQ decomposition matrix backpropagation
    algorithms for square, wide, and deep matrices", 2020).

    Parameters
    ----------
    mode
        ``"reduced"`` gives as many columns as the lesser of rows and columns, ``"complete"`` as
        many as rows; ``"r"`` the triangular factor alone; ``"raw"`` what LAPACK keeps, the
        reflectors, transposed, and their scales.
    """

    mode: Literal["reduced", "complete", "r", "raw"] = "reduced"

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        (x,) = types
        if self.mode not in ("reduced", "complete", "r", "raw"):
            raise ValueError(f"{self}: mode is reduced, complete, r or raw, not {self.mode!r}")
        check_matrix(self, x)
        *leading, m, n = x.shape
        k = None if m is None or n is None else min(m, n)
        shapes: dict[str, list[tuple[int | None, ...]]] = {
            "reduced": [(m, k), (k, n)],
            "complete": [(m, m), (m, n)],
            "r": [(k, n)],
            "raw": [(n, m), (k,)],
        }
        return [TensorType(x.dtype, (*leading, *shape)) for shape in shapes[self.mode]]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        *leading, m, n = context.shape(0)
        k = simplify(minimum(m, n))
        shapes: dict[str, list[tuple[Expr, ...]]] = {
            "reduced": [(m, k), (k, n)],
            "complete": [(m, m), (m, n)],
            "r": [(k, n)],
            "raw": [(n, m), (k,)],
        }
        return [(*leading, *shape) for shape in shapes[self.mode]]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (x,) = node.inputs
        if all(g is None for g in cotangents):
            return [None]
        if self.mode == "reduced":
            q, r = node.outputs
            return [_qr_cotangent(x, q, r, *cotangents)]
        if self.mode == "raw":
            raise NotImplementedError("the reflectors of mode 'raw' have none; mode 'reduced' has")
        q, r = QR().make_node(x).outputs
        gr = cotangents[-1]
        if gr is not None and self.mode == "complete":
            whole = (slice(None),) * (x.ndim - 2)
            gr = subtensor(gr, (*whole, slice(None, build.lengths(r)[-2])))
        gq = cotangents[0] if self.mode == "complete" else None
        if gq is not None:
            m, n = x.type.shape[-2:]
            if m is None or n is None or m > n:
                raise NotImplementedError(
                    "columns beyond those of the matrix are not determined; mode 'reduced' leaves "
                    "them out"
                )
        return [_qr_cotangent(x, q, r, gq, gr)]

    batch = over_rows

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        (x,) = inputs
        with named_failure(self, x):
            found = np.linalg.qr(x, self.mode)
        return [found] if isinstance(found, np.ndarray) else list(found)


def _qr_cotangent(
    x: Variable, q: Variable, r: Variable, gq: Variable | None, gr: Variable | None
) -> Variable:
    """Return the cotangent of a matrix for those of its reduced factors.

    Of a matrix with more columns than rows, the first ones determine `q`, and the rest of `r` is
    the product of `q` with the others.
    """
    whole = (slice(None),) * (x.ndim - 1)
    k = build.lengths(r)[-2]
    first, rest = (*whole, slice(None, k)), (*whole, slice(k, None))
    square = subtensor(r, first)
    inner: Variable | None = None
    if gr is not None:
        inner = matrix_product(square, transposed(subtensor(gr, first)))
        beyond = subtensor(gr, rest)
        more = matrix_product(subtensor(x, rest), transposed(beyond))
        gq = more if gq is None else gq + more
    assert gq is not None
    turned = matrix_product(transposed(gq), q)
    inner = -turned if inner is None else inner - turned
    mirrored = symmetric(triangle(inner, "L"), "L")
    # found @ square.T = gq + q @ mirrored
    found: Variable = transposed(
        Solve("upper_triangular")(square, transposed(gq + matrix_product(q, mirrored)))
    )
    total = build.zeros_like(x)
    total = inc_subtensor(total, found, first, set=True)
    if gr is not None:
        total = inc_subtensor(total, matrix_product(q, beyond), rest, set=True)
    return total


@dataclass(frozen=True, slots=True)
class Cholesky(Op):
    """The triangular factor of a symmetric positive definite matrix.

    The derivative is Murray's ("Differentiation of the Cholesky decomposition", 2016, section 3.3).

    Parameters
    ----------
    lower
        Whether to factor into ``l @ l.T``, reading the lower triangle, or ``u.T @ u``, the upper.
    on_error
        What a matrix that is not positive definite does: ``"raise"``, or ``"nan"`` for a result
        of NaNs.
    """

    lower: bool = True
    on_error: Literal["raise", "nan"] = "raise"

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        (x,) = types
        if self.on_error not in ("raise", "nan"):
            raise ValueError(f"{self}: on_error is 'raise' or 'nan', not {self.on_error!r}")
        check_matrix(self, x, square=True)
        return [x]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        require_square(context)
        return [context.shape(0)]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        if g is None:
            return [None]
        factor = node.out if self.lower else transposed(node.out)
        g = g if self.lower else transposed(g)
        flipped = transposed(factor)
        inner = half_triangle(matrix_product(flipped, g))
        solve = Solve("upper_triangular")
        # inverse(flipped) @ inner @ inverse(factor)
        found = transposed(solve(flipped, transposed(solve(flipped, inner))))
        found = folded(found, "L")
        return [found if self.lower else transposed(found)]

    batch = over_rows

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        (x,) = inputs
        if not self.lower:
            x = np.swapaxes(x, -1, -2)
        try:
            with named_failure(self, x):
                factor = np.linalg.cholesky(x)
        except np.linalg.LinAlgError:
            if self.on_error == "raise":
                raise
            factor = _factors_or_nan(x)
        return [factor if self.lower else np.swapaxes(factor, -1, -2)]


def _factors_or_nan(x: Array) -> Array:
    factors = np.full_like(x, np.nan)
    for k in np.ndindex(x.shape[:-2]):
        try:
            factors[k] = np.linalg.cholesky(x[k])
        except np.linalg.LinAlgError:
            continue
    return factors
