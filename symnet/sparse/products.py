"""Products of sparse matrices with dense ones."""

from __future__ import annotations

from typing import Any

from symnet import dtypes
from symnet.ops.sparse import CompressedDot
from symnet.sparse.conversion import (
    SparseLike,
    as_sparse_or_tensor_variable,
    as_sparse_variable,
    dense_from_sparse,
)
from symnet.sparse.variable import SparseVariable
from symnet.tensor.changes import inc_subtensor
from symnet.tensor.constructors import zeros
from symnet.tensor.convert import TensorLike, as_tensor_variable, converted
from symnet.tensor.manipulation import lengths, shape_padright, specify_shape, transpose
from symnet.tensor.reductions import sum as total
from symnet.tensor.variable import TensorVariable


def dot(x: Any, y: Any) -> TensorVariable:
    """Return the dense product of two matrices, one or both of which are sparse.

    With a first factor stored by rows the product is SciPy's, called between native code; with one
    stored by columns it is native. Gradients with respect to a sparse factor are of its stored
    elements alone.

    Parameters
    ----------
    x, y
        A sparse matrix and a dense matrix or vector, in either order, or two sparse ones, of which
        the second is made dense.

    Raises
    ------
    TypeError
        If neither is sparse, or dimensions do not fit.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> from symnet import sparse
    >>> x = sparse.csr_matrix("x", dtype="float32")
    >>> product = sparse.dot(x, [[1.0], [2.0]])
    >>> product.eval({x: sp.csr_matrix(np.eye(2, dtype="float32"))}).tolist()
    [[1.0], [2.0]]
    """
    x, y = as_sparse_or_tensor_variable(x), as_sparse_or_tensor_variable(y)
    if isinstance(x, SparseVariable):
        return _product(x, dense_from_sparse(y) if isinstance(y, SparseVariable) else y)
    if not isinstance(y, SparseVariable):
        raise TypeError(f"sparse.dot: neither {x!r} nor {y!r} is sparse; T.dot multiplies them")
    if x.ndim == 1:
        return _product(y.T, x)
    return transpose(_product(y.T, transpose(x)))


def _product(x: SparseVariable, y: TensorVariable) -> TensorVariable:
    if y.ndim not in (1, 2):
        raise TypeError(
            f"sparse.dot: a sparse matrix is multiplied with a matrix or a vector, not {y.type}"
        )
    dtype = dtypes.promote(x.dtype, y.dtype)
    data, y = converted(x.data, dtype), converted(y, dtype)
    if x.format == "csr":
        product: TensorVariable = CompressedDot()(data, x.indices, x.indptr, x.line_length, y)
        return product
    # Each column times a row of the other factor is added to the result.
    rows, columns = x.places
    m, n = x.lengths
    lines = specify_shape(y, (n, *(None,) * (y.ndim - 1)))[columns]
    zero = zeros((m, *lengths(y)[1:]), dtype)
    return inc_subtensor(zero[rows], (shape_padright(data) if y.ndim == 2 else data) * lines)


def structured_dot(x: SparseLike, y: Any) -> TensorVariable:
    """Return the dense product of a sparse matrix with a dense one.

    Raises
    ------
    NotImplementedError
        If both are sparse: their product would be sparse.
    """
    return _dense_only("structured_dot", x, y)


def true_dot(x: Any, y: Any, grad_preserves_dense: bool = True) -> TensorVariable:
    """Return the dense product of a sparse matrix and a dense one, in either order.

    Raises
    ------
    NotImplementedError
        If both are sparse: their product would be sparse.
    """
    return _dense_only("true_dot", x, y)


def _dense_only(name: str, x: Any, y: Any) -> TensorVariable:
    x, y = as_sparse_or_tensor_variable(x), as_sparse_or_tensor_variable(y)
    if isinstance(x, SparseVariable) and isinstance(y, SparseVariable):
        raise NotImplementedError(
            f"sparse.{name} of two sparse matrices: sparse products are not supported; sparse.dot "
            "gives the dense one, of which sparse.csr_from_dense makes a sparse one"
        )
    return dot(x, y)


def sampling_dot(x: TensorLike, y: TensorLike, p: SparseLike) -> SparseVariable:
    """Return elements of ``dot(x, y.T)`` in the places that a sparse matrix stores, times these.

    Parameters
    ----------
    x, y
        Matrices of as many columns.
    p
        A sparse matrix of as many rows as `x`, and as many columns as `y` has rows.
    """
    a, b, pattern = as_tensor_variable(x), as_tensor_variable(y), as_sparse_variable(p)
    if (a.ndim, b.ndim) != (2, 2):
        raise TypeError(f"sampling_dot takes two matrices, got {a.type} and {b.type}")
    m, n = pattern.lengths
    rows, columns = pattern.places
    a, b = specify_shape(a, (m, None)), specify_shape(b, (n, None))
    return pattern.with_data(pattern.data * total(a[rows] * b[columns], axis=1))


def usmm(alpha: TensorLike, x: Any, y: Any, z: TensorLike) -> TensorVariable:
    """Return ``alpha * dot(x, y) + z``, `x` or `y` being sparse."""
    found: TensorVariable = as_tensor_variable(alpha) * dot(x, y) + as_tensor_variable(z)
    return found
