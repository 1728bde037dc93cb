"""Sparse matrices made of tensors, of dense matrices and of values, and taken apart again."""

from __future__ import annotations

from typing import Any

from symnet import dtypes, op
from symnet.composite import Composite
from symnet.graph import Variable
from symnet.ops.positions import Distinct
from symnet.ops.sparse import LineStarts
from symnet.scalar import table
from symnet.sparse.values import is_sparse_value, parts_of
from symnet.sparse.variable import Format, SparseType, SparseVariable
from symnet.tensor.changes import inc_subtensor
from symnet.tensor.constructors import zeros
from symnet.tensor.convert import TensorLike, as_tensor_variable, converted, integer_scalar
from symnet.tensor.manipulation import flatten, length, lengths, specify_shape
from symnet.tensor.picking import take
from symnet.tensor.positions import flatnonzero
from symnet.tensor.variable import TensorVariable

SparseLike = object
"""A sparse variable, or a matrix of scipy.sparse."""


def is_sparse_variable(x: object) -> bool:
    """Whether `x` is a symbolic sparse matrix."""
    return isinstance(x, SparseVariable)


def as_sparse_variable(x: SparseLike, name: str | None = None) -> SparseVariable:
    """Return `x` if it is a sparse variable, or a constant of a scipy.sparse matrix.

    Raises
    ------
    TypeError
        If it is neither; `csr_from_dense` and `csc_from_dense` take dense matrices.
    """
    if isinstance(x, SparseVariable):
        return x
    if not is_sparse_value(x):
        raise TypeError(
            f"{x!r} is not a sparse matrix; sparse.csr_from_dense or csc_from_dense makes one of "
            "a dense matrix"
        )
    given: Any = x
    format: Format = "csc" if given.format == "csc" else "csr"
    parts: Any = [op.constant(a) for a in parts_of(given, format, "a constant")]
    return SparseVariable(
        SparseType(format, parts[0].dtype), parts[0], parts[1], parts[2], parts[3], name
    )


as_sparse = as_sparse_variable


def as_sparse_or_tensor_variable(x: Any, name: str | None = None) -> Any:
    """Return a sparse variable of what is sparse, and a tensor of anything else."""
    if isinstance(x, SparseVariable) or is_sparse_value(x):
        return as_sparse_variable(x, name)
    return as_tensor_variable(x, name)


def CSR(
    data: TensorLike, indices: TensorLike, indptr: TensorLike, shape: TensorLike
) -> SparseVariable:
    """Make a matrix stored by rows.

    Parameters
    ----------
    data
        The stored elements, a vector.
    indices
        For each the number of its column.
    indptr
        For each row where its elements begin, and at the end their number.
    shape
        Numbers of rows and columns; rows are checked when the function runs.
    """
    return _compressed("csr", data, indices, indptr, shape)


def CSC(
    data: TensorLike, indices: TensorLike, indptr: TensorLike, shape: TensorLike
) -> SparseVariable:
    """Make a matrix stored by columns; as `CSR` with rows and columns exchanged."""
    return _compressed("csc", data, indices, indptr, shape)


def _compressed(
    format: Format, data: TensorLike, indices: TensorLike, indptr: TensorLike, shape: Any
) -> SparseVariable:
    stored = as_tensor_variable(data)
    where, starts = (as_tensor_variable(x) for x in (indices, indptr))
    for x, what in ((where, "indices"), (starts, "indptr")):
        if x.ndim != 1 or x.dtype not in dtypes.INTEGER:
            raise TypeError(f"{format.upper()}: {what} is a vector of integers, got {x.type}")
    if stored.ndim != 1:
        raise TypeError(f"{format.upper()}: data is a vector, got {stored.type}")
    given = as_tensor_variable(shape) if isinstance(shape, Variable) else shape
    rows, columns = (integer_scalar(given[k], f"{format.upper()}: a length") for k in (0, 1))
    lines, line_length = (rows, columns) if format == "csr" else (columns, rows)
    checked = specify_shape(converted(starts, "int32"), (lines + 1,))
    kind = SparseType(format, stored.dtype)
    return SparseVariable(kind, stored, converted(where, "int32"), checked, line_length)


def csm_properties(
    x: SparseLike,
) -> tuple[TensorVariable, TensorVariable, TensorVariable, TensorVariable]:
    """Return the stored elements, `indices`, `indptr` and the shape of a sparse matrix."""
    x = as_sparse_variable(x)
    return x.data, x.indices, x.indptr, x.shape


def csm_data(x: SparseLike) -> TensorVariable:
    """Return the stored elements of a sparse matrix."""
    return csm_properties(x)[0]


def csm_indices(x: SparseLike) -> TensorVariable:
    """Return for each stored element where in its line it stands."""
    return csm_properties(x)[1]


def csm_indptr(x: SparseLike) -> TensorVariable:
    """Return where the elements of each line begin."""
    return csm_properties(x)[2]


def csm_shape(x: SparseLike) -> TensorVariable:
    """Return the numbers of rows and columns."""
    return csm_properties(x)[3]


def dense_from_sparse(x: SparseLike) -> TensorVariable:
    """Return the dense matrix; elements stored twice for one place add up."""
    x = as_sparse_variable(x)
    rows, columns = x.places
    return inc_subtensor(zeros(x.lengths, x.dtype)[rows, columns], x.data)


def csr_from_dense(x: TensorLike) -> SparseVariable:
    """Return the matrix, stored by rows, of the elements of a dense one that are not zero."""
    x = _dense_matrix(x, "csr_from_dense")
    rows, columns = lengths(x)
    place = flatnonzero(x)
    data = take(flatten(x), place)
    starts = LineStarts()(place // columns, rows)
    kind = SparseType("csr", x.dtype)
    return SparseVariable(kind, data, converted(place % columns, "int32"), starts, columns)


def csc_from_dense(x: TensorLike) -> SparseVariable:
    """Return the matrix, stored by columns, of the elements of a dense one that are not zero."""
    return csr_from_dense(_dense_matrix(x, "csc_from_dense").T).T


def _dense_matrix(x: TensorLike, what: str) -> TensorVariable:
    if isinstance(x, Composite):
        raise TypeError(f"{what}: {x!r} is sparse already; sparse.convert changes its format")
    found = as_tensor_variable(x)
    if found.ndim != 2:
        raise TypeError(f"{what} takes a matrix, got {found.type}")
    return found


def from_coordinates(
    data: TensorLike,
    rows: TensorLike,
    columns: TensorLike,
    shape: tuple[TensorLike, TensorLike],
    format: Format = "csr",
) -> SparseVariable:
    """Return the matrix of elements given by their rows and columns.

    Elements of one place add up; the result is sorted.
    """
    if format == "csc":
        return from_coordinates(data, columns, rows, shape[::-1]).T
    values = as_tensor_variable(data)
    lines, n = (integer_scalar(k, "from_coordinates: a length") for k in shape)
    keys = converted(rows, "int64") * n + converted(columns, "int64")
    first, place, _ = Distinct()(keys)
    total = inc_subtensor(zeros((length(first, 0),), values.dtype)[place], values)
    found = take(keys, first)
    # Of no columns there are no elements, and nothing is divided.
    width: Any = table.maximum(n, 1)
    starts = LineStarts()(found // width, lines)
    kind = SparseType("csr", values.dtype)
    return SparseVariable(kind, total, converted(found % width, "int32"), starts, n)


def convert(x: SparseLike, format: Format) -> SparseVariable:
    """Return a matrix in another format, its elements sorted."""
    x = as_sparse_variable(x)
    return x if x.format == format else from_coordinates(x.data, *x.places, x.lengths, format)


def ensure_sorted_indices(x: SparseLike) -> SparseVariable:
    """Return a matrix with the elements of each line in order, those of one place added up."""
    x = as_sparse_variable(x)
    return from_coordinates(x.data, *x.places, x.lengths, x.format)


def remove0(x: SparseLike) -> SparseVariable:
    """Return a matrix without the stored elements that are zero."""
    x = as_sparse_variable(x)
    if x.format == "csc":
        return remove0(x.T).T
    kept = flatnonzero(x.data)
    starts = LineStarts()(take(x.places[0], kept), x.lengths[0])
    data, indices = take(x.data, kept), take(x.indices, kept)
    return SparseVariable(x.type, data, indices, starts, x.line_length)


def clean(x: SparseLike) -> SparseVariable:
    """Return a matrix without stored zeros, the elements of each line in order."""
    return remove0(ensure_sorted_indices(x))


def transpose(x: Any) -> SparseVariable:
    """Return the transposed matrix, in the other format: nothing is computed for it."""
    return as_sparse_variable(x).T
