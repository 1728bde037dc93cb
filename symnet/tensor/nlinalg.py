"""Linear algebra: inverses, determinants, eigenvalues, factorisations, norms.

Names and arguments are Theano's, which are NumPy's. Integers compute in ``config.floatX``. Matrices
stand in the last two dimensions; where nothing else is said, any dimensions may stand before them.
The classes are the operations under Theano's names for them: ``MatrixInverse()(x)`` is
``matrix_inverse(x)``.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from symnet import dtypes
from symnet.config import config
from symnet.graph import Variable
from symnet.names import missing
from symnet.ops.contraction import Dot
from symnet.ops.linalg import (
    QR,
    SVD,
    Det,
    Eig,
    Eigh,
    Lstsq,
    MatrixInverse,
    MatrixPinv,
    SLogDet,
    matrix_product,
    place_diagonal,
)
from symnet.scalar import table
from symnet.tensor import reductions
from symnet.tensor.constructors import ones
from symnet.tensor.convert import TensorLike, as_tensor_variable, axes_of, converted
from symnet.tensor.diagonals import AllocDiag, ExtractDiag, alloc_diag, diag, extract_diag
from symnet.tensor.manipulation import dimshuffle, lengths, product, reshape, transpose
from symnet.tensor.products import dot

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

__all__ = [
    "QR",
    "SVD",
    "AllocDiag",
    "Det",
    "Eig",
    "Eigh",
    "ExtractDiag",
    "Lstsq",
    "MatrixInverse",
    "MatrixPinv",
    "SLogDet",
    "TensorInv",
    "TensorSolve",
    "alloc_diag",
    "det",
    "diag",
    "eig",
    "eigh",
    "extract_diag",
    "inv",
    "logabsdet",
    "lstsq",
    "matrix_dot",
    "matrix_inverse",
    "matrix_power",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "svd",
    "tensorinv",
    "tensorsolve",
    "trace",
]


def floating(*operands: TensorLike) -> list[Any]:
    """Return variables of one floating point dtype: ``config.floatX`` if all are integers."""
    made = [as_tensor_variable(x) for x in operands]
    dtype = dtypes.promote(*(x.dtype for x in made))
    return [converted(x, dtype if dtypes.is_float(dtype) else config.floatX) for x in made]


def _tensor(x: Variable) -> TensorVariable:
    """Return what operations have made as what users are given."""
    made: Any = x
    tensor: TensorVariable = made
    return tensor


def matrix_inverse(x: TensorLike) -> TensorVariable:
    """Return the inverse of a square matrix.

    Raises
    ------
    numpy.linalg.LinAlgError
        When the function runs, if the matrix is singular.

    Examples
    --------
    >>> matrix_inverse([[2.0, 0.0], [0.0, 4.0]]).eval()
    array([[0.5 , 0.  ],
           [0.  , 0.25]], dtype=float32)
    """
    inverse: TensorVariable = MatrixInverse()(*floating(x))
    return inverse


inv = matrix_inverse


def pinv(x: TensorLike) -> TensorVariable:
    """Return the Moore-Penrose pseudo-inverse of a matrix."""
    inverse: TensorVariable = MatrixPinv()(*floating(x))
    return inverse


def det(x: TensorLike) -> TensorVariable:
    """Return the determinant of a square matrix.

    Its logarithm is computed without overflow: ``T.log(det(x))`` becomes `logabsdet`.
    """
    found: TensorVariable = Det()(*floating(x))
    return found


def slogdet(x: TensorLike) -> tuple[TensorVariable, TensorVariable]:
    """Return the sign of the determinant of a square matrix, and the logarithm of its magnitude."""
    sign, logarithm = SLogDet()(*floating(x))
    return sign, logarithm


def logabsdet(x: TensorLike) -> TensorVariable:
    """Return the logarithm of the magnitude of the determinant of a square matrix."""
    return slogdet(x)[1]


def trace(x: TensorLike) -> TensorVariable:
    """Return the sum of the diagonal of a square matrix, of any dtype.

    Examples
    --------
    >>> trace([[1, 2], [3, 4]]).eval()
    array(5)
    """
    x = as_tensor_variable(x, ndim=2)
    if x.owner is not None and isinstance(x.owner.op, Dot):
        # trace(a @ b): of the product only the diagonal is needed
        a, b = x.owner.inputs
        return reductions.sum(a * transpose(b))
    return reductions.sum(extract_diag(x))


def eig(x: TensorLike) -> list[TensorVariable]:
    """Return the eigenvalues of a square matrix and, as columns, its eigenvectors.

    Raises
    ------
    numpy.linalg.LinAlgError
        When the function runs, if an eigenvalue is complex.
    """
    found: list[TensorVariable] = Eig()(*floating(x))
    return found


def eigh(x: TensorLike, UPLO: Literal["L", "U"] = "L") -> list[TensorVariable]:
    """Return the eigenvalues of a symmetric matrix, ascending, and its eigenvectors as columns.

    Parameters
    ----------
    x
        A symmetric matrix.
    UPLO
        The triangle that is read, ``"L"`` or ``"U"``. Gradients are those of this triangle's
        elements; of the other's they are zero.
    """
    found: list[TensorVariable] = Eigh(UPLO)(*floating(x))
    return found


def svd(x: TensorLike, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Return the singular value decomposition of a matrix.

    Parameters
    ----------
    x
        A matrix of m rows and n columns.
    full_matrices
        Whether `u` is m by m and `v` n by n; else they have as many columns and rows as there are
        singular values, k = min(m, n). Gradients of the vectors need this if m and n differ.
    compute_uv
        Whether the vectors are computed, too.

    Returns
    -------
    list or TensorVariable
        `u`, the singular values, descending, and `v`, so that ``u[:, :k] * s @ v[:k]`` is the
        matrix; or the values alone.
    """
    return SVD(bool(full_matrices), bool(compute_uv))(*floating(x))


def qr(
    x: TensorLike, mode: Literal["reduced", "complete", "r", "raw", "full", "economic"] = "reduced"
) -> Any:
    """Return the factors of a matrix: one of orthonormal columns, and an upper triangular one.

    Parameters
    ----------
    x
        A matrix of m rows and n columns.
    mode
        ``"reduced"`` for factors m by k and k by n, k = min(m, n); ``"complete"`` for m by m and m
        by n; ``"r"`` for the triangular factor alone; ``"raw"`` for LAPACK's reflectors. ``"full"``
        is an old name of the first one, ``"economic"`` of the last but one.
    """
    old = {"full": "reduced", "economic": "r"}
    return QR(old.get(mode, mode))(*floating(x))  # type: ignore[arg-type]


def lstsq(x: TensorLike, y: TensorLike, rcond: float | None = None) -> list[TensorVariable]:
    """Return the least squares solution of ``x @ a = y``.

    Parameters
    ----------
    x
        A matrix.
    y
        A vector or a matrix of as many rows.
    rcond
        Singular values below this share of the largest count as 0.

    Returns
    -------
    list
        The solution of least norm; the sums of squared residuals of each column of `y`, for a
        vector one (NumPy gives none if the rank is not full); the rank; the singular values.
    """
    a, b = floating(x, y)
    solution, rank, values = Lstsq(None if rcond is None else float(rcond))(a, b)
    residuals = reductions.sum(table.sqr(b - dot(a, solution)), axis=0, keepdims=b.ndim == 1)
    return [solution, residuals, rank, values]


def matrix_dot(*factors: TensorLike) -> TensorVariable:
    """Return the product of matrices and vectors, from the left to the right."""
    if not factors:
        raise TypeError("matrix_dot takes at least one factor")
    first, *rest = (as_tensor_variable(x) for x in factors)
    return functools.reduce(dot, rest, first)


def matrix_power(M: TensorLike, n: int) -> TensorVariable:
    """Return the product of `n` times a square matrix, of its inverse if `n` is below 0."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise TypeError(f"matrix_power: the power is an integer known beforehand, not {n!r}")
    (x,) = floating(M)
    if x.ndim < 2:
        raise TypeError(f"matrix_power takes a square matrix, got {x.type}")
    if n == 0:
        return _tensor(place_diagonal(ones(lengths(x)[:-1], x.dtype)))
    square: Any = x if n > 0 else matrix_inverse(x)
    power: Any = None
    rest = abs(int(n))
    while rest:
        if rest % 2:
            power = square if power is None else matrix_product(power, square)
        rest //= 2
        square = matrix_product(square, square) if rest else square
    found: TensorVariable = power
    return found


def norm(
    x: TensorLike,
    ord: float | str | None = None,
    axis: int | Sequence[int] | None = None,
    keepdims: bool = False,
) -> TensorVariable:
    """Return the norm of a vector or matrix, with NumPy's parameters.

    Parameters
    ----------
    x
        Any tensor; of more than two dimensions, `axis` says where its vectors or matrices are, or
        `ord` is None and all elements are one vector.
    ord
        Of vectors, a number as in `symnet.tensor.norm`. Of matrices, ``"fro"`` (the default) for
        the square root of the sum of squares, infinity and 1 for the greatest sum of magnitudes of
        a row and a column, -infinity and -1 for the least, 2 and -2 for the greatest and the least
        singular value, ``"nuc"`` for their sum.
    axis
        The dimension of vectors, or the two of matrices.
    keepdims
        Whether these dimensions stay, with length 1.

    Examples
    --------
    >>> norm([[3.0, 4.0], [0.0, 0.0]], "fro").eval()
    array(5., dtype=float32)
    """
    (v,) = floating(x)
    ord = float(ord) if ord in ("inf", "-inf") else ord
    ndim: int = v.ndim
    if isinstance(axis, (list, tuple)):
        axes = tuple(axes_of(a, ndim, "norm")[0] for a in axis)
    else:
        axes = axes_of(axis, ndim, "norm")
    if ord is None or len(axes) == 1:
        if isinstance(ord, str):
            raise ValueError(f"norm: {ord!r} is a norm of matrices, not of vectors")
        return reductions.norm(v, ord, sorted(axes), keepdims)
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ValueError(
            f"norm: ord={ord!r} is of vectors or matrices; of {ndim} dimensions, axis says which "
            "one or two these are"
        )
    found = _matrix_norm(v, ord, axes)
    if not keepdims:
        return found
    order = ("x" if a in axes else a - sum(b < a for b in axes) for a in range(ndim))
    return dimshuffle(found, *order)


def _matrix_norm(x: TensorVariable, ord: float | str, axes: tuple[int, ...]) -> TensorVariable:
    row, column = axes
    if ord == "fro":
        return reductions.norm(x, 2, sorted(axes))
    if ord in (1, -1, math.inf, -math.inf):
        summed, searched = (row, column) if ord in (1, -1) else (column, row)
        sums = reductions.sum(abs(x), axis=summed)
        searched -= searched > summed
        pick = reductions.max if float(ord) > 0 else reductions.min
        return pick(sums, axis=searched)
    if ord in (2, -2, "nuc"):
        others = [a for a in range(x.ndim) if a not in axes]
        values = SVD(compute_uv=False)(transpose(x, [*others, row, column]))
        if ord == "nuc":
            return reductions.sum(values, axis=-1)
        return (reductions.max if ord == 2 else reductions.min)(values, axis=-1)
    raise ValueError(f"norm: of matrices ord is 'fro', 'nuc', 1, 2, inf or minus these, not {ord}")


def tensorinv(a: TensorLike, ind: int = 2) -> TensorVariable:
    """Return the inverse of a tensor for `tensordot` over its first dimensions.

    Parameters
    ----------
    a
        A tensor whose first `ind` lengths have the product of the other ones.
    ind
        How many of its dimensions are those of the inverse's end.
    """
    if ind <= 0:
        raise ValueError(f"tensorinv: ind is at least 1, not {ind}")
    (x,) = floating(a)
    dims = lengths(x)
    flat = reshape(x, [product(dims[:ind]), product(dims[ind:])])
    return reshape(matrix_inverse(flat), [*dims[ind:], *dims[:ind]])


def tensorsolve(a: TensorLike, b: TensorLike, axes: Sequence[int] | None = None) -> TensorVariable:
    """Return the x of ``tensordot(a, x, x.ndim) = b``.

    Parameters
    ----------
    a
        A tensor whose first dimensions are those of `b`; the product of its other lengths is that
        of these.
    b
        A tensor.
    axes
        Dimensions of `a` to move to the end first.
    """
    from symnet.tensor.slinalg import solve  # which needs this module

    x, y = floating(a, b)
    if axes is not None:
        moved = [axes_of(k, x.ndim, "tensorsolve")[0] for k in axes]
        x = transpose(x, [k for k in range(x.ndim) if k not in moved] + moved)
    ends = lengths(x)[y.ndim :]
    flat = reshape(x, [product(lengths(y)), product(ends)])
    return reshape(solve(flat, y.flatten()), list(ends))


def TensorInv(ind: int = 2) -> Any:
    """Return `tensorinv` of that `ind`."""
    return functools.partial(tensorinv, ind=ind)


def TensorSolve(axes: Sequence[int] | None = None) -> Any:
    """Return `tensorsolve` of these `axes`."""
    return functools.partial(tensorsolve, axes=axes)


def __getattr__(name: str) -> Any:
    raise missing(__name__, name, __all__)
