"""Symbolic sparse matrices: their types, inputs and shared variables.

A sparse variable is four tensors: the stored elements (`data`), where in its line each stands
(`indices`), where each line begins (`indptr`), and the length of a line. Lines are the rows in
format ``"csr"``, the columns in ``"csc"``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from symnet import dtypes
from symnet.composite import Composite
from symnet.graph import Variable
from symnet.ops.sparse import LineNumbers
from symnet.sparse.values import parts_of
from symnet.tensor.elementwise import cast
from symnet.tensor.manipulation import integer_vector, length
from symnet.tensor.variable import TensorVariable
from symnet.types import TensorType

Format = Literal["csr", "csc"]
FORMATS = ("csr", "csc")


@dataclass(frozen=True, slots=True)
class SparseType:
    """The type of a sparse matrix; called with a name, it makes a symbolic input of this type.

    Parameters
    ----------
    format
        ``"csr"``, stored by rows, or ``"csc"``, by columns.
    dtype
        Of the stored elements.

    Examples
    --------
    >>> x = SparseType("csr", "float32")("x")
    >>> x.ndim, x.dtype, x.format
    (2, 'float32', 'csr')
    """

    format: Format
    dtype: str

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ValueError(f"a sparse matrix is 'csr' or 'csc', not {self.format!r}")
        object.__setattr__(self, "dtype", dtypes.canonical(self.dtype))

    @property
    def ndim(self) -> int:
        """Number of dimensions: always 2."""
        return 2

    @property
    def broadcastable(self) -> tuple[bool, bool]:
        """Sparse matrices do not broadcast."""
        return (False, False)

    def make_variable(self, name: str | None = None) -> SparseVariable:
        """Return a symbolic input of this type."""

        def part(what: str, dtype: str, ndim: int) -> Any:
            return TensorType(dtype, (None,) * ndim)(f"{name or 'sparse'}.{what}")

        return SparseVariable(
            self,
            part("data", self.dtype, 1),
            part("indices", "int32", 1),
            part("indptr", "int32", 1),
            part("length", "int64", 0),
            name,
        )

    __call__ = make_variable

    def __str__(self) -> str:
        return f"{self.format}[{self.dtype}]"


def _functions() -> Any:
    """The functions of sparse matrices, which are built on this module."""
    from symnet import sparse

    return sparse


class SparseVariable(Composite):
    """A symbolic sparse matrix.

    Attributes
    ----------
    type
        Its format and dtype.
    data
        The stored elements, a vector.
    indices, indptr
        Where they stand, int32 vectors.
    line_length
        Number of columns of a CSR matrix, of rows of a CSC matrix.
    name
        What the user calls it, or None.
    """

    def __init__(
        self,
        type: SparseType,
        data: TensorVariable,
        indices: TensorVariable,
        indptr: TensorVariable,
        line_length: TensorVariable,
        name: str | None = None,
    ) -> None:
        self.type = type
        self.data = data
        self.indices = indices
        self.indptr = indptr
        self.line_length = line_length
        self.name = name

    # ------------------------------------------------------------------------- what is known

    @property
    def format(self) -> Format:
        """``"csr"`` or ``"csc"``."""
        return self.type.format

    @property
    def dtype(self) -> str:
        """Name of the element type."""
        return self.type.dtype

    @property
    def ndim(self) -> int:
        """Number of dimensions: always 2."""
        return 2

    @property
    def lengths(self) -> tuple[TensorVariable, TensorVariable]:
        """Numbers of rows and columns, int64 scalars."""
        lines = length(self.indptr, 0) - 1
        pair = (lines, self.line_length)
        return pair if self.format == "csr" else (pair[1], pair[0])

    @property
    def shape(self) -> TensorVariable:
        """Numbers of rows and columns, an int64 vector."""
        return integer_vector(self.lengths)

    @property
    def places(self) -> tuple[TensorVariable, TensorVariable]:
        """For each stored element the numbers of its row and of its column."""
        lines: TensorVariable = LineNumbers()(self.indptr, self.indices)
        return (lines, self.indices) if self.format == "csr" else (self.indices, lines)

    @property
    def T(self) -> SparseVariable:
        """The transposed matrix, in the other format: nothing is computed for it."""
        turned = SparseType("csc" if self.format == "csr" else "csr", self.dtype)
        return SparseVariable(turned, self.data, self.indices, self.indptr, self.line_length)

    def transpose(self) -> SparseVariable:
        """Return the transposed matrix."""
        return self.T

    def with_data(self, data: TensorVariable, name: str | None = None) -> SparseVariable:
        """Return the matrix that has other elements in the same places."""
        kind = SparseType(self.format, data.dtype)
        return SparseVariable(kind, data, self.indices, self.indptr, self.line_length, name)

    # ------------------------------------------------------------------- as one of its parts

    @property
    def parts(self) -> tuple[Variable, ...]:  # type: ignore[override]
        """The four tensors."""
        return (self.data, self.indices, self.indptr, self.line_length)

    @property
    def tangent(self) -> Variable:
        """The stored elements: gradients are of these, and have the same places."""
        return self.data

    def with_tangent(self, g: Variable) -> SparseVariable:
        """Return the matrix with other elements."""
        found: Any = g
        return self.with_data(found, found.name)

    def like(self, value: object, what: str) -> SparseVariable:
        """Return a sparse variable of this one's format and dtype."""
        found: SparseVariable = _functions().as_sparse_variable(value)
        if found.type != self.type:
            raise TypeError(
                f"{what}: {found.type} instead of {self.type}; symnet.sparse.cast and "
                "convert change dtype and format"
            )
        return found

    def unpack(self, value: object, what: str) -> Sequence[Any]:
        """Return the arrays of a scipy.sparse matrix, or of a dense one."""
        if isinstance(value, Variable | Composite):
            raise TypeError(f"{what} needs a value, got the expression {value!r}")
        return parts_of(value, self.format, what)

    def pack(self, arrays: Sequence[Any]) -> Any:
        """Return a scipy.sparse matrix."""
        from scipy import sparse

        data, indices, indptr, other = arrays
        lines, n = len(indptr) - 1, int(other)
        if self.format == "csr":
            return sparse.csr_matrix((data, indices, indptr), (lines, n))
        return sparse.csc_matrix((data, indices, indptr), (n, lines))

    def eval(self, inputs_to_values: Mapping[Any, Any] | None = None) -> Any:
        """Compile and compute this matrix, given values of what it depends on."""
        from symnet.function import function

        values = dict(inputs_to_values or {})
        return function(list(values), self, on_unused_input="ignore")(*values.values())

    # ---------------------------------------------------------------------------- operators

    def dot(self, x: Any, y: Any) -> Any:
        """Return `symnet.sparse.dot` of two operands."""
        return _functions().dot(x, y)

    def toarray(self) -> TensorVariable:
        """Return the dense matrix."""
        dense: TensorVariable = _functions().dense_from_sparse(self)
        return dense

    def sum(self, axis: int | None = None) -> TensorVariable:
        """Return `symnet.sparse.sp_sum` of this."""
        total: TensorVariable = _functions().sp_sum(self, axis)
        return total

    def astype(self, dtype: object) -> SparseVariable:
        """Return this with its elements converted."""
        return self.with_data(cast(self.data, dtype))

    def __neg__(self) -> SparseVariable:
        return self.with_data(-self.data)

    def __add__(self, other: Any) -> Any:
        return _functions().add(self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return _functions().sub(self, other)

    def __rsub__(self, other: Any) -> Any:
        return _functions().sub(other, self)

    def __mul__(self, other: Any) -> Any:
        return _functions().mul(self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return _functions().mul(self, 1 / other)

    def __matmul__(self, other: Any) -> Any:
        return self.dot(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return self.dot(other, self)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{self!r} is symbolic and has no value yet; .eval() computes one")

    __array_ufunc__ = None

    def __getitem__(self, index: Any) -> Any:
        return _functions().get_item(self, index)

    def __repr__(self) -> str:
        return self.name or f"<{self.type}>"
