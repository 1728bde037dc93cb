"""Values of sparse matrices: scipy.sparse matrices taken apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from symnet import dtypes


def is_sparse_value(value: object) -> bool:
    """Whether a value is one of scipy.sparse, which is not imported to find out."""
    return type(value).__module__.startswith("scipy.sparse.")


def parts_of(value: Any, format: str, what: str) -> list[np.ndarray[Any, Any]]:
    """Return data, indices, indptr and length of the lines of a matrix in a format.

    Raises
    ------
    TypeError
        If `value`, which is for `what`, is not a matrix of numbers that symnet has a dtype for.
    """
    from scipy import sparse

    if not sparse.issparse(value):
        value = np.asarray(value)
        if value.ndim != 2 or value.dtype.kind not in "biuf":
            raise TypeError(
                f"{what} needs a scipy.sparse matrix in format {format}, got "
                f"{value.dtype} of {value.ndim} dimensions"
            )
        value = sparse.csr_matrix(value)
    if value.ndim != 2:
        raise TypeError(f"{what} needs two dimensions, got {value.ndim}")
    found = value.asformat(format)
    dtypes.canonical(found.dtype)
    places = []
    for positions in (found.indices, found.indptr):
        if positions.size and positions.max() > np.iinfo("int32").max:
            raise TypeError(f"{what} is too large: its places do not fit int32")
        places.append(positions.astype("int32", copy=False))
    length = found.shape[1 if format == "csr" else 0]
    return [found.data, *places, np.asarray(length, "int64")]
