"""Parts of sparse matrices, and sparse matrices joined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symnet.scalar import TABLE
from symnet.sparse.conversion import SparseLike, as_sparse_variable, from_coordinates
from symnet.sparse.variable import Format, SparseVariable
from symnet.tensor import reductions
from symnet.tensor.convert import integer_scalar
from symnet.tensor.joining import concatenate

_t = TABLE


def get_item(x: SparseVariable, index: Any) -> Any:
    """Return an element of a sparse matrix, or lines of it that lie side by side.

    Parameters
    ----------
    x
        A sparse matrix.
    index
        A pair of integers for an element, a scalar; a slice without step, of the rows of a CSR
        matrix or, after ``:``, of the columns of a CSC matrix.

    Raises
    ------
    NotImplementedError
        For any other index.
    """
    pair = index if isinstance(index, tuple) else (index, slice(None))
    if len(pair) == 2 and not any(isinstance(k, slice) or k is Ellipsis for k in pair):
        return _element(x, *pair)
    if len(pair) == 2 and all(isinstance(k, slice) and k.step in (None, 1) for k in pair):
        if pair == (slice(None), slice(None)):
            return x
        if x.format == "csr" and pair[1] == slice(None):
            return _lines(x, pair[0])
        if x.format == "csc" and pair[0] == slice(None):
            return _lines(x.T, pair[1]).T
    raise NotImplementedError(
        f"{x!r}[{index!r}]: of a sparse matrix in format {x.format} there are elements x[i, j] and "
        f"slices without step, {'x[a:b]' if x.format == 'csr' else 'x[:, a:b]'}; sparse.convert "
        "changes the format, and dense_from_sparse(x) takes any index"
    )


def _element(x: SparseVariable, i: Any, j: Any) -> Any:
    wanted = []
    for k, n in zip((i, j), x.lengths, strict=True):
        at = integer_scalar(k, "an index of a sparse matrix")
        wanted.append(_t["switch"](_t["lt"](at, 0), at + n, at))
    rows, columns = x.places
    here = _t["logical_and"](_t["eq"](rows, wanted[0]), _t["eq"](columns, wanted[1]))
    return reductions.sum(_t["switch"](here, x.data, 0), dtype=x.dtype)


def _lines(x: SparseVariable, lines: slice) -> SparseVariable:
    """Return some rows of a matrix that is stored by rows."""
    n = x.lengths[0]
    first, last = _bound(lines.start, 0, n), _bound(lines.stop, n, n)
    last = _t["maximum"](first, last)
    start, stop = x.indptr[first], x.indptr[last]
    data, indices = x.data[start:stop], x.indices[start:stop]
    return SparseVariable(x.type, data, indices, x.indptr[first : last + 1] - start, x.line_length)


def _bound(given: Any, default: Any, n: Any) -> Any:
    """Return a bound of a slice as a position from 0 to `n`."""
    if given is None:
        return default
    at = integer_scalar(given, "a bound of a slice")
    counted = _t["switch"](_t["lt"](at, 0), at + n, at)
    return _t["minimum"](_t["maximum"](counted, 0), n)


def vstack(blocks: Sequence[SparseLike], format: Format | None = None) -> SparseVariable:
    """Return sparse matrices below each other, by default in the format of the first."""
    matrices = _matrices(blocks, "vstack")
    above: Any = 0
    rows = []
    for x in matrices:
        rows.append(x.places[0] + above)
        above = above + x.lengths[0]
    columns = concatenate([x.places[1] for x in matrices])
    data = concatenate([x.data for x in matrices])
    shape = above, matrices[0].lengths[1]
    return from_coordinates(data, concatenate(rows), columns, shape, format or matrices[0].format)


def hstack(blocks: Sequence[SparseLike], format: Format | None = None) -> SparseVariable:
    """Return sparse matrices beside each other, by default in the format of the first."""
    matrices = _matrices(blocks, "hstack")
    wanted = format or matrices[0].format
    return vstack([x.T for x in matrices], "csc" if wanted == "csr" else "csr").T


def _matrices(blocks: Sequence[SparseLike], what: str) -> list[SparseVariable]:
    if not blocks:
        raise ValueError(f"sparse.{what} needs at least one matrix")
    return [as_sparse_variable(x) for x in blocks]
