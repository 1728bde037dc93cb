"""Symbolic sparse matrices, in the names of ``theano.sparse``.

A matrix is stored by rows (``"csr"``) or by columns (``"csc"``). Functions take and return
scipy.sparse matrices. What is here is expressions of the stored elements and their places; the
product with a dense matrix (`dot`) calls SciPy. Gradients with respect to a sparse matrix are
structured: of the stored elements alone, in the same places.

Examples
--------
>>> import numpy as np, scipy.sparse as sp
>>> import symnet as sn
>>> from symnet import sparse
>>> x = sparse.csr_matrix("x", dtype="float64")
>>> cost = sparse.sp_sum(sparse.sqr(x))
>>> slope = sn.function([x], sn.grad(cost, x))
>>> slope(sp.csr_matrix(np.diag([1.0, 2.0]))).toarray()
array([[2., 0.],
       [0., 4.]])
"""

from typing import Any

from symnet import dtypes
from symnet.names import missing
from symnet.sparse.conversion import (
    CSC,
    CSR,
    as_sparse,
    as_sparse_or_tensor_variable,
    as_sparse_variable,
    clean,
    convert,
    csc_from_dense,
    csm_data,
    csm_indices,
    csm_indptr,
    csm_properties,
    csm_shape,
    csr_from_dense,
    dense_from_sparse,
    ensure_sorted_indices,
    from_coordinates,
    is_sparse_variable,
    remove0,
    transpose,
)
from symnet.sparse.elementwise import (
    add,
    cast,
    col_scale,
    diag,
    functions,
    mul,
    neg,
    row_scale,
    sp_ones_like,
    sp_sum,
    sp_zeros_like,
    square_diagonal,
    sub,
)
from symnet.sparse.parts import get_item, hstack, vstack
from symnet.sparse.products import dot, sampling_dot, structured_dot, true_dot, usmm
from symnet.sparse.stored import SparseSharedVariable, csc_matrix, csr_matrix, matrix, shared
from symnet.sparse.variable import SparseType, SparseVariable

all_dtypes = frozenset(dtypes.ALL) - {"bool"}
"""Dtypes of the elements of sparse matrices."""

subtract = sub
multiply = mul
get_item_2d = get_item_scalar = get_item
_generated = functions()
globals().update(_generated)

_INSTEAD = {
    "bsr_matrix": "csr_matrix or csc_matrix",
    "conj": "the matrix itself: there are no complex numbers",
    "construct_sparse_from_list": "from_coordinates, or inc_subtensor on a dense matrix",
    "eq": "T.eq of dense_from_sparse(x)",
    "ge": "T.ge of dense_from_sparse(x)",
    "get_item_list": "slices of rows, or an index on dense_from_sparse(x)",
    "gt": "T.gt of dense_from_sparse(x)",
    "le": "T.le of dense_from_sparse(x)",
    "lt": "T.lt of dense_from_sparse(x)",
    "neq": "T.neq of dense_from_sparse(x)",
    "poisson": "random numbers of csm_data(x), and CSR or CSC",
    "binomial": "random numbers of csm_data(x), and CSR or CSC",
    "multinomial": "random numbers of csm_data(x), and CSR or CSC",
    "verify_grad_sparse": "symnet.gradient.verify_grad of a function of the stored elements",
}
"""Theano's names that are not here, and what does their work."""

__all__ = [
    "CSC",
    "CSR",
    "SparseSharedVariable",
    "SparseType",
    "SparseVariable",
    "add",
    "all_dtypes",
    "as_sparse",
    "as_sparse_or_tensor_variable",
    "as_sparse_variable",
    "cast",
    "clean",
    "col_scale",
    "convert",
    "csc_from_dense",
    "csc_matrix",
    "csm_data",
    "csm_indices",
    "csm_indptr",
    "csm_properties",
    "csm_shape",
    "csr_from_dense",
    "csr_matrix",
    "dense_from_sparse",
    "diag",
    "dot",
    "ensure_sorted_indices",
    "from_coordinates",
    "get_item",
    "get_item_2d",
    "get_item_scalar",
    "hstack",
    "is_sparse_variable",
    "matrix",
    "mul",
    "multiply",
    "neg",
    "remove0",
    "row_scale",
    "sampling_dot",
    "shared",
    "sp_ones_like",
    "sp_sum",
    "sp_zeros_like",
    "square_diagonal",
    "structured_dot",
    "sub",
    "subtract",
    "transpose",
    "true_dot",
    "usmm",
    "vstack",
    *_generated,
]


def __getattr__(name: str) -> Any:
    if name not in _INSTEAD:
        raise missing(__name__, name, [*__all__, *_INSTEAD])

    def instead(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"sparse.{name} is not supported; use {_INSTEAD[name]}")

    return instead
