"""Sorting, the greatest elements, and searching in what is sorted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symnet import dtypes
from symnet.ops import sort as ops
from symnet.scalar import table
from symnet.tensor.convert import (
    TensorLike,
    as_tensor_variable,
    axis_of,
    converted,
    integer_scalar,
    static_integer,
)
from symnet.tensor.manipulation import flatten, shape_padleft

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable


def sort(
    a: TensorLike, axis: TensorLike = -1, kind: str = "quicksort", order: None = None
) -> TensorVariable:
    """Return the elements along a dimension in ascending order, NaN last.

    Parameters
    ----------
    a
        Any tensor.
    axis
        The dimension; None sorts all elements as one vector.
    kind
        ``"quicksort"``, ``"mergesort"``, ``"heapsort"`` or ``"stable"``, as NumPy calls them.
    order
        Must be None: there are no fields to sort by.

    Examples
    --------
    >>> sort([3, 1, 2]).eval()
    array([1, 2, 3])
    """
    x, place = _along("sort", a, axis)
    sorted_: TensorVariable = ops.Sort(place, _kind("sort", kind, order))(x)
    return sorted_


def argsort(
    a: TensorLike, axis: TensorLike = -1, kind: str = "quicksort", order: None = None
) -> TensorVariable:
    """Return where the elements stand that `sort` puts first, second, and so on, as int64.

    Parameters as of `sort`; ``"stable"`` keeps equal elements in their order.
    """
    x, place = _along("argsort", a, axis)
    found: TensorVariable = ops.Argsort(place, _kind("argsort", kind, order))(x)
    return found


def _along(name: str, a: TensorLike, axis: TensorLike) -> tuple[TensorVariable, int]:
    """Return the tensor to work on and the dimension."""
    x = as_tensor_variable(a)
    if axis is None:
        return flatten(x), 0
    return x, axis_of(axis, x.ndim, name)


def _kind(name: str, kind: str, order: object) -> ops.Kind:
    if order is not None:
        raise ValueError(f"{name}: order names fields of records, which tensors do not have")
    for known in ops.KINDS:
        if kind == known:
            return known
    raise ValueError(f"{name}: kind is one of {', '.join(map(repr, ops.KINDS))}, not {kind!r}")


def topk(
    x: TensorLike,
    kth: TensorLike,
    axis: TensorLike = -1,
    sorted: bool = True,
    idx_dtype: object = "int64",
) -> TensorVariable:
    """Return the greatest elements along a dimension, in descending order.

    Parameters
    ----------
    x
        Any tensor.
    kth
        How many; if negative, the least elements, in ascending order.
    axis
        The dimension; None looks at all elements as one vector.
    sorted
        Accepted for old code: the elements are in order either way.
    idx_dtype
        Accepted for old code.

    Raises
    ------
    ValueError
        If `kth` is 0 or there are not that many elements.

    Examples
    --------
    >>> topk([3, 1, 4, 1, 5], 2).eval()
    array([5, 4])
    >>> topk([3, 1, 4, 1, 5], -2).eval()
    array([1, 1])
    """
    return topk_and_argtopk(x, kth, axis, sorted, idx_dtype)[0]


def argtopk(
    x: TensorLike,
    kth: TensorLike,
    axis: TensorLike = -1,
    sorted: bool = True,
    idx_dtype: object = "int64",
) -> TensorVariable:
    """Return where the elements stand that `topk` finds; parameters as there."""
    return topk_and_argtopk(x, kth, axis, sorted, idx_dtype)[1]


def topk_and_argtopk(
    x: TensorLike,
    kth: TensorLike,
    axis: TensorLike = -1,
    sorted: bool = True,
    idx_dtype: object = "int64",
) -> list[TensorVariable]:
    """Return `topk` and `argtopk`, with the indices in `idx_dtype`."""
    x, place = _along("topk", x, axis)
    k = integer_scalar(kth, "topk: kth")
    if static_integer(k) == 0:
        raise ValueError("topk: kth is the number of elements wanted, and cannot be 0")
    index_dtype = dtypes.canonical(idx_dtype)
    if index_dtype not in dtypes.INTEGER:
        raise TypeError(f"topk: idx_dtype is that of integers, not {index_dtype}")
    where = ops.ArgTopK(place)(x, k)
    values: Any = ops.take_along(x, where, place)
    return [values, converted(where, index_dtype)]


def searchsorted(
    x: TensorLike, v: TensorLike, side: str = "left", sorter: TensorLike = None
) -> TensorVariable:
    """Return where in a sorted vector values would go so that it stays sorted, as int64.

    Parameters
    ----------
    x
        A vector in ascending order, or with `sorter` any vector.
    v
        The values, a tensor.
    side
        ``"left"``: before elements equal to the value; ``"right"``: behind them.
    sorter
        Integers that put `x` in ascending order, such as `argsort` finds.

    Examples
    --------
    >>> searchsorted([1, 2, 3, 5], [0, 3, 4]).eval()
    array([0, 2, 3])
    """
    x, v = as_tensor_variable(x), as_tensor_variable(v)
    if x.ndim != 1:
        raise ValueError(f"searchsorted looks in a vector, got {x!r}, {x.type}")
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted: side is 'left' or 'right', not {side!r}")
    if sorter is not None:
        order = as_tensor_variable(sorter)
        if order.ndim != 1 or order.dtype not in dtypes.INTEGER:
            raise TypeError(f"searchsorted: sorter is an integer vector, got {order.type}")
        x = x[order]
    found: TensorVariable = ops.SearchSorted(side)(x, v)
    return found


def inverse_permutation(perm: TensorLike) -> TensorVariable:
    """Return the permutation that undoes `perm`: of a matrix, that of each row."""
    x = as_tensor_variable(perm)
    if x.ndim == 0 or x.dtype not in dtypes.INTEGER:
        raise TypeError(f"inverse_permutation takes integers from 0 to n - 1, got {x.type}")
    return converted(argsort(x), x.dtype)


def permute_row_elements(x: TensorLike, y: TensorLike, inverse: bool = False) -> TensorVariable:
    """Return `x` with the elements of each row (its last dimension) in the order `y`.

    Parameters
    ----------
    x, y
        A tensor, and integers; all dimensions but the last broadcast.
    inverse
        Whether to put element k to place ``y[k]``, rather than fetch it from there.
    """
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    if y.ndim == 0 or y.dtype not in dtypes.INTEGER:
        raise TypeError(f"permute_row_elements: the order is integers, got {y.type}")
    order = argsort(y) if inverse else y
    ndim = max(x.ndim, order.ndim)
    x, order = shape_padleft(x, ndim - x.ndim), shape_padleft(order, ndim - order.ndim)
    taken: Any = ops.take_along(table.second(order, x), table.second(x, order), ndim - 1)
    return as_tensor_variable(taken)
