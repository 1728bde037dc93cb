"""Linear algebra beyond NumPy's: triangular factors and systems, matrix exponential, kron.

Names and arguments are Theano's, most of them SciPy's. Integers compute in ``config.floatX``. The
classes are the operations under Theano's names for them: ``Cholesky(lower=False)(x)`` is
``cholesky(x, lower=False)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from symnet.names import missing
from symnet.ops.linalg import Cholesky, Eigh, Expm, Solve, symmetric
from symnet.tensor.convert import TensorLike, as_tensor_variable
from symnet.tensor.manipulation import dimshuffle, lengths, reshape, shape_padleft, transpose
from symnet.tensor.nlinalg import floating

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

__all__ = [
    "Cholesky",
    "Eigvalsh",
    "Expm",
    "Solve",
    "cholesky",
    "eigvalsh",
    "expm",
    "kron",
    "solve",
    "solve_lower_triangular",
    "solve_symmetric",
    "solve_triangular",
    "solve_upper_triangular",
]


def cholesky(
    x: TensorLike, lower: bool = True, on_error: Literal["raise", "nan"] = "raise"
) -> TensorVariable:
    """Return the triangular factor of a symmetric positive definite matrix.

    Parameters
    ----------
    x
        A symmetric matrix, of which one triangle is read. Gradients are those of this triangle's
        elements; of the other's they are zero.
    lower
        Whether the factor is the lower one, so that ``l @ l.T`` is the matrix; or the upper one,
        ``u.T @ u``.
    on_error
        What a matrix that is not positive definite does: ``"raise"`` an error, or ``"nan"``, give a
        factor of NaNs.

    Raises
    ------
    numpy.linalg.LinAlgError
        When the function runs, if the matrix is not positive definite.

    Examples
    --------
    >>> cholesky([[4.0, 2.0], [2.0, 5.0]]).eval()
    array([[2., 0.],
           [1., 2.]], dtype=float32)
    """
    factor: TensorVariable = Cholesky(lower, on_error)(*floating(x))
    return factor


def solve(
    a: TensorLike,
    b: TensorLike,
    A_structure: str = "general",
    lower: bool = False,
) -> TensorVariable:
    """Return the solution of ``a @ x = b``.

    Parameters
    ----------
    a
        A square matrix.
    b
        A vector or a matrix.
    A_structure
        ``"general"``, ``"symmetric"``, ``"lower_triangular"`` or ``"upper_triangular"``; of a
        triangular matrix the other triangle is not read.
    lower
        Theano's; the structure says it.

    Raises
    ------
    numpy.linalg.LinAlgError
        When the function runs, if the matrix is singular.
    """
    solution: TensorVariable = Solve(A_structure, lower)(*floating(a, b))
    return solution


def solve_triangular(
    a: TensorLike,
    b: TensorLike,
    trans: int | str = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
) -> TensorVariable:
    """Return the solution of ``a @ x = b`` for a triangular matrix.

    Parameters
    ----------
    a
        A square matrix, of which one triangle is read.
    b
        A vector or a matrix.
    trans
        1 or ``"T"`` to solve ``a.T @ x = b``, 0 or ``"N"`` not to.
    lower
        Whether the lower triangle is read.
    unit_diagonal
        Whether the diagonal is taken to be ones, and not read.
    """
    x, y = floating(a, b)
    if trans in (1, "T", "C", 2):
        x, lower = transpose(x), not lower
    elif trans not in (0, "N"):
        raise ValueError(f"solve_triangular: trans is 0 or 1, not {trans!r}")
    structure = "lower_triangular" if lower else "upper_triangular"
    solution: TensorVariable = Solve(structure, lower, unit_diagonal)(x, y)
    return solution


def solve_lower_triangular(a: TensorLike, b: TensorLike) -> TensorVariable:
    """Return the solution of ``a @ x = b``, reading the lower triangle of `a`."""
    return solve_triangular(a, b, lower=True)


def solve_upper_triangular(a: TensorLike, b: TensorLike) -> TensorVariable:
    """Return the solution of ``a @ x = b``, reading the upper triangle of `a`."""
    return solve_triangular(a, b)


def solve_symmetric(a: TensorLike, b: TensorLike) -> TensorVariable:
    """Return the solution of ``a @ x = b`` for a symmetric matrix `a`."""
    return solve(a, b, "symmetric")


def expm(x: TensorLike) -> TensorVariable:
    """Return the exponential of a square matrix, the sum of ``x**k / k!``."""
    exponential: TensorVariable = Expm()(*floating(x))
    return exponential


def kron(a: TensorLike, b: TensorLike) -> TensorVariable:
    """Return the Kronecker product: every element of `a` times the whole of `b`, side by side.

    Examples
    --------
    >>> kron([[1, 2]], [[1], [10]]).eval()
    array([[ 1,  2],
           [10, 20]])
    """
    x, y = as_tensor_variable(a), as_tensor_variable(b)
    ndim = max(x.ndim, y.ndim)
    x, y = shape_padleft(x, ndim - x.ndim), shape_padleft(y, ndim - y.ndim)
    inner = [axis for k in range(ndim) for axis in (k, "x")]
    outer = [axis for k in range(ndim) for axis in ("x", k)]
    products: TensorVariable = dimshuffle(x, *inner) * dimshuffle(y, *outer)
    return reshape(products, [n * m for n, m in zip(lengths(x), lengths(y), strict=True)])


def eigvalsh(a: TensorLike, b: TensorLike | None = None, lower: bool = True) -> TensorVariable:
    """Return the eigenvalues w of ``a @ v = w * v``, or of ``a @ v = w * b @ v``, ascending.

    Parameters
    ----------
    a
        A symmetric matrix.
    b
        A symmetric positive definite matrix. With its triangular factor l, the values are those of
        ``inverse(l) @ a @ inverse(l).T``.
    lower
        Which triangle of the matrices is read.
    """
    side: Literal["L", "U"] = "L" if lower else "U"
    if b is None:
        values, _ = Eigh(side)(*floating(a))
    else:
        x, y = floating(a, b)
        solver = Solve("lower_triangular", True)
        factor = Cholesky(lower)(y)
        factor = factor if lower else transpose(factor)
        half = solver(factor, symmetric(x, side))
        values, _ = Eigh()(solver(factor, transpose(half)))
    found: TensorVariable = values
    return found


@dataclass(frozen=True, slots=True)
class Eigvalsh:
    """`eigvalsh` of one triangle: ``Eigvalsh(lower=True)(a, b)``."""

    lower: bool = True

    def __call__(self, a: TensorLike, b: TensorLike | None = None) -> TensorVariable:
        """Return the eigenvalues."""
        return eigvalsh(a, b, self.lower)


def __getattr__(name: str) -> Any:
    raise missing(__name__, name, __all__)
