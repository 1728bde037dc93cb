"""Tensors whose lengths follow from data: what is not zero, distinct, repeated, counted.

All of them pick elements at positions that `symnet.ops.positions` finds, so gradients flow to what
is picked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from symnet import dtypes
from symnet.ops.positions import Distinct, FlatNonzero, RepeatedPositions
from symnet.scalar import table
from symnet.tensor.changes import inc_subtensor
from symnet.tensor.constructors import zeros
from symnet.tensor.convert import TensorLike, as_tensor_variable, axis_of, converted, integer_scalar
from symnet.tensor.indexing import subtensor
from symnet.tensor.joining import concatenate, stack
from symnet.tensor.manipulation import (
    alloc,
    expand_dims,
    flatten,
    length,
    lengths,
    moveaxis,
    reshape,
    specify_shape,
)
from symnet.tensor.masks import places
from symnet.tensor.picking import take
from symnet.tensor.reductions import max as greatest

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable


def flatnonzero(a: TensorLike) -> TensorVariable:
    """Return the positions of the elements of `a`, as a vector, that are not zero.

    Examples
    --------
    >>> from symnet.tensor import vector
    >>> flatnonzero(vector("x")).dtype
    'int64'
    """
    a = as_tensor_variable(a)
    if a.ndim == 0:
        raise ValueError("flatnonzero needs a tensor of one dimension at least")
    found: TensorVariable = FlatNonzero()(a)
    return found


def nonzero(a: TensorLike, return_matrix: bool = False) -> Any:
    """Return the indices of the elements of `a` that are not zero, in C order.

    Parameters
    ----------
    a
        A tensor of one dimension at least.
    return_matrix
        Whether to return one matrix, a row for each dimension.

    Returns
    -------
    tuple of TensorVariable
        For each dimension the int64 vector of indices: ``a[nonzero(a)]`` is `nonzero_values`.

    Examples
    --------
    >>> from symnet.tensor import matrix
    >>> rows, columns = nonzero(matrix("x"))
    """
    a = as_tensor_variable(a)
    if a.ndim == 0:
        raise ValueError("nonzero needs a tensor of one dimension at least")
    found = tuple(places(a))
    return stack(found) if return_matrix else found


def nonzero_values(a: TensorLike) -> TensorVariable:
    """Return the elements of `a` that are not zero, in C order, as a vector."""
    a = as_tensor_variable(a)
    return take(a, flatnonzero(a))


def compress(condition: TensorLike, x: TensorLike, axis: int | None = None) -> TensorVariable:
    """Return the slices of `x` along `axis` for which a condition holds.

    Parameters
    ----------
    condition
        A vector; it may be shorter than `x`, which then ends where it does.
    x
        Any tensor.
    axis
        The dimension; by default `x` is taken as a vector.

    Examples
    --------
    >>> from symnet.tensor import vector
    >>> x = vector("x")
    >>> compress(x > 0, x).eval({x: [1, -2, 3]}).tolist()
    [1.0, 3.0]
    """
    condition = as_tensor_variable(condition)
    if condition.ndim != 1:
        raise ValueError(f"compress: the condition is a vector, got {condition.type}")
    return take(x, flatnonzero(condition), axis)


def repeat(x: TensorLike, repeats: TensorLike, axis: int | None = None) -> TensorVariable:
    """Repeat the slices of a tensor along a dimension.

    Parameters
    ----------
    x
        Any tensor.
    repeats
        How often, an integer; or a vector with a number for each slice.
    axis
        The dimension; by default `x` is taken as a vector.

    Examples
    --------
    >>> repeat([1, 2, 3], [2, 0, 1]).eval().tolist()
    [1, 1, 3]
    """
    x = flatten(x) if axis is None else as_tensor_variable(x)
    if x.ndim == 0:
        x = expand_dims(x, 0)
    place = axis_of(0 if axis is None else axis, x.ndim, "repeat")
    counts = as_tensor_variable(repeats)
    if counts.ndim > 1 or counts.dtype not in dtypes.INTEGER:
        raise TypeError(f"repeat: repeats is an integer or a vector of integers, got {counts.type}")
    if counts.ndim == 1 and counts.type.shape == (1,):
        counts = counts[0]
    if counts.ndim == 1:
        said: list[Any] = [None] * x.ndim
        said[place] = length(counts, 0)
        checked = specify_shape(x, said)
        return take(checked, RepeatedPositions()(counts), place)
    count = integer_scalar(counts, "repeat: repeats")
    dims = list(lengths(x))
    joined: list[Any] = [*dims]
    joined[place] = dims[place] * count
    side_by_side = alloc(expand_dims(x, place + 1), [*dims[: place + 1], count, *dims[place + 1 :]])
    return reshape(side_by_side, joined)


def bincount(
    x: TensorLike,
    weights: TensorLike | None = None,
    minlength: TensorLike | None = None,
    assert_nonneg: bool = False,
) -> TensorVariable:
    """Count how often each of the integers 0, 1, ... stands in a vector.

    Parameters
    ----------
    x
        A vector of integers, none below 0.
    weights
        For each of them what it adds to its count, instead of 1.
    minlength
        The least number of counts.
    assert_nonneg
        Accepted for old code: an integer below 0 is always an `IndexError`.

    Returns
    -------
    TensorVariable
        As many counts as the greatest integer asks for: int64, or of the dtype of `weights`.

    Examples
    --------
    >>> bincount([1, 3, 1]).eval().tolist()
    [0, 2, 0, 1]
    """
    x = as_tensor_variable(x)
    if x.ndim != 1 or x.dtype not in dtypes.DISCRETE:
        raise TypeError(f"bincount takes a vector of integers, got {x.type}")
    x = converted(x, "int64")
    # With -1 beside it, which counts for nothing, there is always a greatest.
    count: Any = greatest(concatenate([x, converted([-1], "int64")])) + 1
    if minlength is not None:
        count = table.maximum(count, integer_scalar(minlength, "bincount: minlength"))
    added: Any = converted(1, "int64") if weights is None else as_tensor_variable(weights)
    if weights is not None:
        added = specify_shape(added, [length(x, 0)])
    # An index below 0 would count from the end.
    places = table.switch(x < 0, count, x)
    return inc_subtensor(subtensor(zeros(count, added.dtype), (places,)), added)


def unique(
    x: TensorLike,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
) -> Any:
    """Return the distinct elements of a tensor, sorted.

    Parameters
    ----------
    x
        Any tensor.
    return_index
        Whether to return, too, where each distinct element stands first.
    return_inverse
        Whether to return, too, for each element the number of the distinct one: a vector.
    return_counts
        Whether to return, too, how often each distinct element stands.
    axis
        Look at slices along this dimension; by default `x` is taken as a vector.

    Returns
    -------
    TensorVariable or list of TensorVariable
        A list if more than the elements is asked for. Gradients flow to where an element stands
        first.

    Examples
    --------
    >>> values, counts = unique([3, 1, 3], return_counts=True)
    >>> values.eval().tolist(), counts.eval().tolist()
    ([1, 3], [1, 2])
    """
    x = flatten(x) if axis is None else as_tensor_variable(x)
    place = axis_of(0 if axis is None else axis, x.ndim, "unique")
    first, inverse, counts = Distinct()(moveaxis(x, place, 0))
    found = [take(x, first, place)]
    if return_index:
        found.append(first)
    if return_inverse:
        found.append(specify_shape(inverse, [length(x, place)]))
    if return_counts:
        found.append(counts)
    return found[0] if len(found) == 1 else found


@dataclass(frozen=True, slots=True)
class Unique:
    """`unique` as Theano spelt it: an object that is called with the tensor.

    Parameters
    ----------
    return_index, return_inverse, return_counts, axis
        As of `unique`.
    """

    return_index: bool = False
    return_inverse: bool = False
    return_counts: bool = False
    axis: int | None = None

    def __call__(self, x: TensorLike) -> Any:
        """Apply `unique` to a tensor."""
        return unique(x, self.return_index, self.return_inverse, self.return_counts, self.axis)
