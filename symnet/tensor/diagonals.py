"""Diagonals and triangles of matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from symnet import dtypes
from symnet.config import config
from symnet.ops.diagonal import Diagonal, PlaceDiagonal
from symnet.scalar import table
from symnet.tensor.changes import set_subtensor
from symnet.tensor.constructors import arange
from symnet.tensor.convert import (
    TensorLike,
    as_tensor_variable,
    axis_of,
    converted,
    integer_scalar,
    is_weak,
    static_integer,
)
from symnet.tensor.manipulation import dimshuffle, length

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable


def diagonal(a: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> TensorVariable:
    """Return the diagonals of matrices, along a new last dimension.

    Parameters
    ----------
    a
        A tensor of two dimensions or more.
    offset
        0 for the main diagonal; positive ones lie above it.
    axis1, axis2
        The dimensions of the rows and of the columns of the matrices.

    Examples
    --------
    >>> from symnet.tensor import matrix
    >>> x = matrix("x")
    >>> diagonal(x, 1).eval({x: [[1, 2], [3, 4]]})
    array([2.], dtype=float32)
    """
    x = as_tensor_variable(a)
    if x.ndim < 2:
        raise ValueError(f"diagonal: a tensor of two dimensions or more is needed, got {x.type}")
    row, column = (axis_of(axis, x.ndim, "diagonal") for axis in (axis1, axis2))
    if row == column:
        raise ValueError(f"diagonal: axis1 and axis2 are both {row}")
    rest = [k for k in range(x.ndim) if k not in (row, column)]
    found: TensorVariable = Diagonal(_offset(offset, "diagonal"))(dimshuffle(x, *rest, row, column))
    return found


def diag(v: TensorLike, k: int = 0) -> TensorVariable:
    """Return a diagonal of a matrix, or the square matrix that has a vector as its diagonal.

    Parameters
    ----------
    v
        A vector or a tensor of more dimensions, of which `diagonal` is returned.
    k
        0 for the main diagonal; positive ones lie above it.
    """
    x = as_tensor_variable(v)
    if x.ndim == 0:
        raise ValueError(f"diag takes a vector or a matrix, got {x.type}")
    return _placed(x, k) if x.ndim == 1 else diagonal(x, k)


def _placed(x: TensorVariable, offset: int, axis1: int = 0, axis2: int = 1) -> TensorVariable:
    """Return square matrices with a diagonal; the dimensions of the matrices are `axis1, axis2`."""
    k = _offset(offset, "diag")
    n = length(x, x.ndim - 1) + abs(k)
    placed: TensorVariable = PlaceDiagonal(k)(x, n, n)
    row, column = (axis_of(axis, placed.ndim, "AllocDiag") for axis in (axis1, axis2))
    if row == column:
        raise ValueError(f"AllocDiag: axis1 and axis2 are both {row}")
    rest = iter(range(placed.ndim - 2))
    last = {row: placed.ndim - 2, column: placed.ndim - 1}
    return dimshuffle(placed, *(last[a] if a in last else next(rest) for a in range(placed.ndim)))


def alloc_diag(x: TensorLike) -> TensorVariable:
    """Return the matrix that has a vector as its diagonal, and zeros elsewhere."""
    return _placed(as_tensor_variable(x), 0)


def extract_diag(x: TensorLike) -> TensorVariable:
    """Return the diagonal of a matrix as a vector."""
    return diagonal(x)


def ExtractDiag(
    offset: int = 0, axis1: int = 0, axis2: int = 1, view: bool = False
) -> Callable[[TensorLike], TensorVariable]:
    """Return `diagonal` with its parameters, as old code calls it: ``ExtractDiag(offset)(x)``."""
    return lambda x: diagonal(x, offset, axis1, axis2)


def AllocDiag(
    offset: int = 0, axis1: int = 0, axis2: int = 1
) -> Callable[[TensorLike], TensorVariable]:
    """Return what makes matrices of their diagonals, ``AllocDiag(offset)(x)``.

    The last dimension of what it is given holds the diagonals; the rows and columns of the matrices
    become the dimensions `axis1` and `axis2`.
    """
    return lambda x: _placed(as_tensor_variable(x), offset, axis1, axis2)


def _offset(offset: object, what: str) -> int:
    known = static_integer(offset)
    if known is None:
        raise TypeError(f"{what}: the offset is an integer known beforehand, not {offset!r}")
    return known


# ------------------------------------------------------------------------------ changed diagonals


def fill_diagonal(a: TensorLike, val: TensorLike) -> TensorVariable:
    """Return `a` with its main diagonal replaced.

    Parameters
    ----------
    a
        A matrix, or a tensor of more dimensions, all of one length.
    val
        A number, which must not need a wider dtype than that of `a`.

    Examples
    --------
    >>> from symnet.tensor import matrix
    >>> x = matrix("x")
    >>> fill_diagonal(x, 7).eval({x: [[1, 2], [3, 4]]})
    array([[7., 2.],
           [3., 7.]], dtype=float32)
    """
    x = as_tensor_variable(a)
    if x.ndim > 2:
        along = arange(length(x, 0))
        return set_subtensor(x[(along,) * x.ndim], _filling(x, val, "fill_diagonal"))
    return fill_diagonal_offset(x, val, 0)


def fill_diagonal_offset(a: TensorLike, val: TensorLike, offset: TensorLike) -> TensorVariable:
    """Return a matrix with a diagonal replaced.

    Parameters
    ----------
    a
        A matrix.
    val
        A number, which must not need a wider dtype than that of `a`.
    offset
        An integer, which may be symbolic: 0 is the main diagonal, positive ones lie above it.
    """
    x = as_tensor_variable(a)
    if x.ndim != 2:
        raise TypeError(f"fill_diagonal takes a matrix or, without offset, a tensor, got {x.type}")
    value = _filling(x, val, "fill_diagonal")
    row, column = _grid(length(x, 0), length(x, 1))
    here = table.eq(column - row, integer_scalar(offset, "fill_diagonal_offset: the offset"))
    filled: TensorVariable = table.switch(here, value, x)
    return filled


def _filling(x: TensorVariable, val: TensorLike, what: str) -> TensorVariable:
    dtype = dtypes.weak(val, [x.dtype]) if is_weak(val) else as_tensor_variable(val).dtype
    value = converted(val, dtype)
    if value.ndim:
        raise TypeError(f"{what}: the value is a number, got {value.type}")
    if dtypes.promote(dtype, x.dtype) != x.dtype:
        raise TypeError(f"{what}: {dtype} does not fit a tensor of {x.dtype}; T.cast converts")
    return converted(value, x.dtype)


# ---------------------------------------------------------------------------------- triangles


def tri(
    N: TensorLike, M: TensorLike | None = None, k: TensorLike = 0, dtype: object = None
) -> TensorVariable:
    """Return a matrix with ones at and below its diagonal number `k`, and zeros elsewhere.

    Parameters
    ----------
    N, M
        Numbers of rows and columns, as many columns as rows unless said otherwise.
    k
        0 is the main diagonal, positive ones lie above it.
    dtype
        By default ``config.floatX``.
    """
    row, column = _grid(N, N if M is None else M)
    return converted(
        table.le(column - row, integer_scalar(k, "tri: k")),
        dtypes.canonical(dtype or config.floatX),
    )


def tril(m: TensorLike, k: TensorLike = 0) -> TensorVariable:
    """Return matrices with zeros above their diagonal number `k`."""
    return _triangle(m, k, "tril", table.le)


def triu(m: TensorLike, k: TensorLike = 0) -> TensorVariable:
    """Return matrices with zeros below their diagonal number `k`."""
    return _triangle(m, k, "triu", table.ge)


def _triangle(
    m: TensorLike, k: TensorLike, what: str, kept: Callable[..., TensorVariable]
) -> TensorVariable:
    x = as_tensor_variable(m)
    if x.ndim < 2:
        raise ValueError(f"{what} takes matrices, got {x.type}")
    row, column = _grid(length(x, x.ndim - 2), length(x, x.ndim - 1))
    inside = kept(column - row, integer_scalar(k, f"{what}: k"))
    found: TensorVariable = table.switch(inside, x, converted(0, x.dtype))
    return found


def _grid(rows: TensorLike, columns: TensorLike) -> tuple[TensorVariable, TensorVariable]:
    """Return the numbers of rows as a column, and of columns as a row."""
    return arange(rows).dimshuffle(0, "x"), arange(columns).dimshuffle("x", 0)
