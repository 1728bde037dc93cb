"""Functions of the stored elements of sparse matrices, sums and scaling.

All but sums with dense matrices leave the places of the elements as they are; gradients are of the
stored elements alone ("structured").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symnet.scalar import TABLE
from symnet.sparse.conversion import (
    SparseLike,
    as_sparse_or_tensor_variable,
    as_sparse_variable,
    from_coordinates,
)
from symnet.sparse.products import dot
from symnet.sparse.variable import SparseType, SparseVariable
from symnet.tensor import reductions
from symnet.tensor.changes import inc_subtensor
from symnet.tensor.constructors import arange, ones, ones_like, zeros, zeros_like
from symnet.tensor.convert import TensorLike, as_tensor_variable, converted, is_weak, operand
from symnet.tensor.elementwise import apply
from symnet.tensor.elementwise import cast as cast_tensor
from symnet.tensor.joining import concatenate
from symnet.tensor.manipulation import length, specify_shape
from symnet.tensor.variable import TensorVariable

KEEP_ZEROS = (
    "arcsin", "arcsinh", "arctan", "arctanh", "ceil", "deg2rad", "expm1", "floor", "log1p",
    "rad2deg", "rint", "sgn", "sin", "sinh", "sqr", "sqrt", "tan", "tanh", "trunc",
)  # fmt: skip
"""Rows of the scalar table that are 0 at 0: what they are of a dense matrix, too."""

STRUCTURED = ("exp", "log", "sigmoid", "add", "pow", "minimum", "maximum")
"""Rows of the scalar table that are not, and apply to stored elements alone."""


def _function(name: str, row: str) -> Callable[..., SparseVariable]:
    scalar = TABLE[row]

    def function(x: SparseLike, *others: TensorLike) -> SparseVariable:
        matrix = as_sparse_variable(x)
        if len(others) != scalar.arity - 1:
            raise TypeError(f"sparse.{name} takes {scalar.arity} operands, got {1 + len(others)}")
        numbers = [operand(y) for y in others]
        for y in numbers:
            if getattr(y, "ndim", 0):
                raise TypeError(f"sparse.{name}: the second operand is a number, not {y.type}")
        return matrix.with_data(apply(scalar, matrix.data, *numbers))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return the matrix whose stored elements are `T.{row}` of those of `x`."
    return function


def functions() -> dict[str, Callable[..., SparseVariable]]:
    """Return the functions that are rows of the scalar table, by name."""
    found = {name: _function(name, name) for name in KEEP_ZEROS}
    return found | {f"structured_{n}": _function(f"structured_{n}", n) for n in STRUCTURED}


def sp_ones_like(x: SparseLike) -> SparseVariable:
    """Return the matrix that stores ones in the places of another."""
    matrix = as_sparse_variable(x)
    return matrix.with_data(ones_like(matrix.data))


def sp_zeros_like(x: SparseLike) -> SparseVariable:
    """Return the matrix of the shape of another that stores nothing."""
    matrix = as_sparse_variable(x)
    starts = zeros_like(matrix.indptr)
    nothing = matrix.data[:0], matrix.indices[:0]
    return SparseVariable(matrix.type, *nothing, starts, matrix.line_length)


def neg(x: SparseLike) -> SparseVariable:
    """Return minus a sparse matrix."""
    return -as_sparse_variable(x)


def cast(x: SparseLike, dtype: object) -> SparseVariable:
    """Return a sparse matrix with its elements converted."""
    matrix = as_sparse_variable(x)
    return matrix.with_data(cast_tensor(matrix.data, dtype))


def add(x: Any, y: Any) -> Any:
    """Return the sum of two matrices, one or both of which are sparse.

    The sum of two sparse ones is sparse, in the format of the first, and stores what either does;
    that with a dense one is dense.

    Raises
    ------
    NotImplementedError
        If one is a number, which would make every element nonzero.
    """
    x, y = as_sparse_or_tensor_variable(x), as_sparse_or_tensor_variable(y)
    if isinstance(x, SparseVariable) and isinstance(y, SparseVariable):
        # Numbers of the second one's rows are looked up, so that the shapes are compared.
        told = zip(y.places, y.lengths, x.lengths, strict=True)
        found = [specify_shape(arange(n), (wanted,))[place] for place, n, wanted in told]
        rows, columns = (concatenate(pair) for pair in zip(x.places, found, strict=True))
        data = concatenate([x.data, y.data])
        return from_coordinates(data, rows, columns, x.lengths, x.format)
    if not isinstance(x, SparseVariable) and not isinstance(y, SparseVariable):
        raise TypeError(f"sparse.add: neither {x!r} nor {y!r} is sparse; T.add adds them")
    matrix, dense = (x, y) if isinstance(x, SparseVariable) else (y, x)
    if dense.ndim != 2:
        raise NotImplementedError(
            f"sparse.add of a sparse matrix and {dense.type}: sparse.structured_add adds a number "
            "to the stored elements, dense_from_sparse makes a dense matrix"
        )
    dense = specify_shape(dense, matrix.lengths)
    rows, columns = matrix.places
    dtype = (matrix.data[:0].sum() + dense[:0, :0].sum()).dtype
    return inc_subtensor(converted(dense, dtype)[rows, columns], converted(matrix.data, dtype))


def sub(x: Any, y: Any) -> Any:
    """Return the difference of two matrices; see `add`."""
    x, y = as_sparse_or_tensor_variable(x), as_sparse_or_tensor_variable(y)
    return add(x, -y)


def mul(x: Any, y: Any) -> SparseVariable:
    """Return the elementwise product of a sparse matrix with a number, or something dense.

    Parameters
    ----------
    x, y
        A sparse matrix and, in either order, a number, a vector with an entry for each column, or
        a matrix. The result has the places of the sparse matrix.

    Raises
    ------
    NotImplementedError
        If both are sparse.
    """
    for matrix, number in ((x, y), (y, x)):
        if is_weak(number):
            matrix = as_sparse_variable(matrix)
            return matrix.with_data(matrix.data * number)
    x, y = as_sparse_or_tensor_variable(x), as_sparse_or_tensor_variable(y)
    if isinstance(x, SparseVariable) and isinstance(y, SparseVariable):
        raise NotImplementedError(
            "sparse.mul of two sparse matrices: make the second one dense, "
            "mul(x, dense_from_sparse(y))"
        )
    if not isinstance(x, SparseVariable) and not isinstance(y, SparseVariable):
        raise TypeError(f"sparse.mul: neither {x!r} nor {y!r} is sparse; T.mul multiplies them")
    matrix, dense = (x, y) if isinstance(x, SparseVariable) else (y, x)
    if dense.ndim == 0:
        return matrix.with_data(matrix.data * dense)
    if dense.ndim == 1:
        return col_scale(matrix, dense)
    if dense.ndim != 2:
        raise TypeError(f"sparse.mul: a sparse matrix has two dimensions, got {dense.type}")
    if dense.broadcastable == (True, False):
        return col_scale(matrix, dense[0])
    if dense.broadcastable == (False, True):
        return row_scale(matrix, dense[:, 0])
    rows, columns = matrix.places
    return matrix.with_data(matrix.data * specify_shape(dense, matrix.lengths)[rows, columns])


def col_scale(x: SparseLike, s: TensorLike) -> SparseVariable:
    """Return a sparse matrix with each column times an entry of a vector."""
    matrix = as_sparse_variable(x)
    factors = specify_shape(_vector(s, "col_scale"), (matrix.lengths[1],))
    return matrix.with_data(matrix.data * factors[matrix.places[1]])


def row_scale(x: SparseLike, s: TensorLike) -> SparseVariable:
    """Return a sparse matrix with each row times an entry of a vector."""
    matrix = as_sparse_variable(x)
    factors = specify_shape(_vector(s, "row_scale"), (matrix.lengths[0],))
    return matrix.with_data(matrix.data * factors[matrix.places[0]])


def _vector(s: TensorLike, what: str) -> TensorVariable:
    found = as_tensor_variable(s)
    if found.ndim != 1:
        raise TypeError(f"sparse.{what} takes a vector of factors, got {found.type}")
    return found


def sp_sum(x: SparseLike, axis: int | None = None, sparse_grad: bool = False) -> TensorVariable:
    """Return the sum of the elements of a sparse matrix, of all or along a dimension.

    Parameters
    ----------
    x
        A sparse matrix.
    axis
        0 for the sums of columns, 1 for those of rows, None for all.
    sparse_grad
        Theano's: gradients with respect to a sparse matrix are of its stored elements always.
    """
    matrix = as_sparse_variable(x)
    if axis is None:
        return reductions.sum(matrix.data)
    if axis not in (0, 1, -1, -2):
        raise ValueError(f"sp_sum: axis is 0, 1 or None, not {axis!r}")
    lines = matrix if axis in (1, -1) else matrix.T
    data = reductions.sum(matrix.data[:0])  # which has the dtype that sums have
    return dot(lines, ones((lines.lengths[1],), data.dtype))


def diag(x: SparseLike) -> TensorVariable:
    """Return the diagonal of a square sparse matrix, a vector."""
    matrix = as_sparse_variable(x)
    rows, columns = matrix.places
    kept = TABLE["switch"](TABLE["eq"](rows, columns), matrix.data, 0)
    return inc_subtensor(zeros((matrix.lengths[0],), matrix.dtype)[rows], kept)


def square_diagonal(diagonal: TensorLike) -> SparseVariable:
    """Return the sparse matrix, stored by columns, that has a vector as its diagonal."""
    data = _vector(diagonal, "square_diagonal")
    n = length(data, 0)
    places, starts = arange(n, dtype="int32"), arange(n + 1, dtype="int32")
    return SparseVariable(SparseType("csc", data.dtype), data, places, starts, n)
