"""Inputs and shared variables that are sparse matrices."""

from __future__ import annotations

from typing import Any

from symnet.config import config
from symnet.shared import CONSTRUCTORS, SharedVariable
from symnet.shared import shared as shared_tensor
from symnet.sparse.values import is_sparse_value, parts_of
from symnet.sparse.variable import Format, SparseType, SparseVariable
from symnet.storage import LOCK


def csr_matrix(name: str | None = None, dtype: object = None) -> SparseVariable:
    """Make a symbolic matrix stored by rows, by default of ``config.floatX``."""
    return matrix("csr", name, dtype)


def csc_matrix(name: str | None = None, dtype: object = None) -> SparseVariable:
    """Make a symbolic matrix stored by columns, by default of ``config.floatX``."""
    return matrix("csc", name, dtype)


def matrix(format: Format, name: str | None = None, dtype: object = None) -> SparseVariable:
    """Make a symbolic sparse matrix of a format."""
    kind: Any = config.floatX if dtype is None else dtype
    return SparseType(format, kind).make_variable(name)


class SparseSharedVariable(SparseVariable):
    """A sparse matrix whose value lives from call to call; made by `shared`."""

    def get_value(self, borrow: bool = False, return_internal_type: bool = False) -> Any:
        """Return the value, a scipy.sparse matrix."""
        with LOCK:
            parts: Any = self.parts
            return self.pack([part.get_value(borrow) for part in parts])

    def set_value(self, new_value: Any, borrow: bool = False) -> None:
        """Change the value to another matrix, of any shape and with any places.

        Raises
        ------
        TypeError
            If it is none, or its elements do not fit the dtype.
        """
        arrays = self.unpack(new_value, f"set_value of {self!r}")
        with LOCK:
            parts: Any = self.parts
            for part, array in zip(parts, arrays, strict=True):
                part.set_value(array, borrow)


def shared(value: Any, name: str | None = None, borrow: bool = False) -> SparseSharedVariable:
    """Make a shared variable of a scipy.sparse matrix; `symnet.shared` calls this.

    Formats other than CSR and CSC are stored as CSR.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> w = shared(sp.eye(3, format="csc"), name="w")
    >>> w.format, w.get_value().shape
    ('csc', (3, 3))
    """
    if not is_sparse_value(value):
        raise TypeError(f"sparse.shared takes a scipy.sparse matrix, not a {type(value).__name__}")
    format: Format = "csc" if value.format == "csc" else "csr"
    parts: Any = _shared_parts(parts_of(value, format, "sparse.shared"), name, borrow)
    return SparseSharedVariable(
        SparseType(format, parts[0].dtype), parts[0], parts[1], parts[2], parts[3], name
    )


def _shared_parts(arrays: Any, name: str | None, borrow: bool) -> list[SharedVariable]:
    names = (f"{name or 'sparse'}.{part}" for part in ("data", "indices", "indptr", "length"))
    return [shared_tensor(a, n, borrow=borrow) for a, n in zip(arrays, names, strict=True)]


def _constructor(value: Any, name: str | None, borrow: bool) -> SparseSharedVariable | None:
    return shared(value, name, borrow) if is_sparse_value(value) else None


CONSTRUCTORS.append(_constructor)
