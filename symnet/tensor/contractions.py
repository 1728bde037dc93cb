"""The sum of products of two tensors over dimensions that labels name, as a product of matrices.

Every product of `symnet.tensor` ends here. Dimensions of the two tensors that bear one label run
together; those that the result keeps are batches, the others are summed over.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from symnet import dtypes
from symnet.ops.contraction import BatchedDot, Dot
from symnet.tensor import reductions
from symnet.tensor.convert import converted
from symnet.tensor.manipulation import dimshuffle, length, product, reshape, transpose

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

Labels = Sequence[Hashable]


def contract(
    x: TensorVariable, y: TensorVariable, of_x: Labels, of_y: Labels, of_result: Labels
) -> TensorVariable:
    """Return the products of two tensors, summed over all labels that the result lacks.

    Parameters
    ----------
    x, y
        Tensors; the result is of the dtype that holds both of theirs.
    of_x, of_y
        A label for each dimension. A length known to be 1 broadcasts against that of the other.
    of_result
        Labels of the result's dimensions, in their order.
    """
    dtype = dtypes.promote(x.dtype, y.dtype)
    x, y = converted(x, dtype), converted(y, dtype)
    sizes = [dict(zip(of, v.type.shape, strict=True)) for v, of in ((x, of_x), (y, of_y))]
    x, of_x = _without_ones(x, of_x, sizes[1])
    y, of_y = _without_ones(y, of_y, sizes[0])
    x, of_x = _summed(x, of_x, of_y, of_result)
    y, of_y = _summed(y, of_y, of_x, of_result)
    both = [n for n in of_x if n in of_y]
    batch = [n for n in of_result if n in both]
    inner = [n for n in both if n not in of_result]
    rows = [n for n in of_result if n in of_x and n not in of_y]
    columns = [n for n in of_result if n in of_y and n not in of_x]
    by_matrices = inner and dtypes.is_float(dtype) and (rows or columns)
    if by_matrices and batch and not (rows and columns):
        by_matrices = False  # One pass over the matrices, with nothing to be used twice.
    made = _of_matrices if by_matrices else _elementwise
    found = made(x, y, of_x, of_y, (batch, rows, columns, inner))
    order = [[*batch, *rows, *columns].index(n) for n in of_result]
    return found if order == list(range(found.ndim)) else transpose(found, order)


def _summed(
    x: TensorVariable, of_x: Labels, of_other: Labels, of_result: Labels
) -> tuple[TensorVariable, Labels]:
    """Sum over what only `x` has and the result lacks."""
    alone = [k for k, n in enumerate(of_x) if n not in of_other and n not in of_result]
    if not alone:
        return x, of_x
    kept = [n for k, n in enumerate(of_x) if k not in alone]
    return _total(x, alone), kept


def _without_ones(
    x: TensorVariable, of_x: Labels, other: dict[Hashable, int | None]
) -> tuple[TensorVariable, Labels]:
    """Drop dimensions of length 1 that run together with longer ones."""
    ones = [
        k
        for k, (n, size) in enumerate(zip(of_x, x.type.shape, strict=True))
        if size == 1 and other.get(n, 1) != 1
    ]
    if not ones:
        return x, of_x
    kept = [k for k in range(x.ndim) if k not in ones]
    return dimshuffle(x, *kept), [of_x[k] for k in kept]


def _total(x: TensorVariable, axes: Sequence[int]) -> TensorVariable:
    """Return the sum along dimensions, in the dtype of `x`: of booleans whether one is true."""
    if x.dtype == "bool":
        return reductions.any(x, list(axes))
    return reductions.sum(x, list(axes), dtype=x.dtype)


_Roles = tuple[list[Hashable], list[Hashable], list[Hashable], list[Hashable]]


def _elementwise(
    x: TensorVariable, y: TensorVariable, of_x: Labels, of_y: Labels, roles: _Roles
) -> TensorVariable:
    order = [n for labels in roles for n in labels]
    left, right = (
        dimshuffle(v, *(list(labels).index(n) if n in labels else "x" for n in order))
        for v, labels in ((x, of_x), (y, of_y))
    )
    products: TensorVariable = left * right
    inner = len(roles[3])
    return _total(products, range(len(order) - inner, len(order))) if inner else products


def _of_matrices(
    x: TensorVariable, y: TensorVariable, of_x: Labels, of_y: Labels, roles: _Roles
) -> TensorVariable:
    batch, rows, columns, inner = roles
    size: dict[Hashable, Any] = {}
    for v, labels in ((x, of_x), (y, of_y)):
        for axis, n in enumerate(labels):
            if v.type.shape[axis] is not None or n not in size:
                size[n] = length(v, axis)
    groups = [[batch, rows, inner], [batch, inner, columns]]
    left, right = (
        _matrices(v, labels, wanted if batch else wanted[1:])
        for v, labels, wanted in ((x, of_x, groups[0]), (y, of_y, groups[1]))
    )
    found: TensorVariable = (BatchedDot() if batch else Dot())(left, right)
    kept = [batch, rows, columns] if batch else [rows, columns]
    if all(len(labels) == 1 for labels in kept):
        return found
    if all(len(labels) <= 1 for labels in kept):
        return dimshuffle(found, *(k for k, labels in enumerate(kept) if labels))
    return reshape(found, [size[n] for labels in kept for n in labels])


def _matrices(x: TensorVariable, of_x: Labels, wanted: Sequence[Labels]) -> TensorVariable:
    """Return `x` with one dimension for each group of labels."""
    order = [list(of_x).index(n) for labels in wanted for n in labels]
    if all(len(labels) <= 1 for labels in wanted):
        return dimshuffle(x, *(list(of_x).index(n[0]) if n else "x" for n in wanted))
    moved = dimshuffle(x, *order)
    axes = iter(range(moved.ndim))
    dims = [product([length(moved, next(axes)) for _ in labels]) for labels in wanted]
    return reshape(moved, dims)
