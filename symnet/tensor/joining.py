"""Joining tensors along a dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from symnet import dtypes
from symnet.ops.shape import MakeVector
from symnet.tensor.convert import (
    TensorLike,
    as_tensor_variable,
    axis_of,
    converted,
    integer_scalar,
    is_weak,
    static_integer,
)
from symnet.tensor.indexing import set_subtensor
from symnet.tensor.manipulation import alloc, expand_dims, length, lengths, specify_shape

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable


def concatenate(tensors: Sequence[TensorLike], axis: int = 0) -> TensorVariable:
    """Join tensors along an existing dimension.

    Parameters
    ----------
    tensors
        At least one tensor; all have the same number of dimensions, and the same lengths but for
        `axis`. The dtype of the result holds all of theirs.
    axis
        The dimension to join along.

    Raises
    ------
    TypeError
        If the numbers of dimensions differ, or there is no tensor.
    ValueError
        If lengths that are known differ.

    Examples
    --------
    >>> from symnet.tensor import matrix
    >>> concatenate([matrix(shape=(2, None)), matrix(shape=(3, None))]).type.shape
    (5, None)
    """
    if not isinstance(tensors, (list, tuple)) or not tensors:
        raise TypeError("concatenate takes a list of at least one tensor")
    parts = [as_tensor_variable(x) for x in tensors]
    ndim = parts[0].ndim
    if ndim == 0 or any(x.ndim != ndim for x in parts):
        raise TypeError(
            "concatenate: all tensors must have the same number of dimensions, at least 1; got "
            + ", ".join(str(x.type) for x in parts)
        )
    axis = axis_of(axis, ndim, "concatenate")
    dtype = dtypes.promote(*(x.dtype for x in parts))
    parts = _agreeing([converted(x, dtype) for x in parts], axis)
    if len(parts) == 1:
        return parts[0]
    ends = _running_sums([length(x, axis) for x in parts])
    shape: list[Any] = list(lengths(parts[0]))
    shape[axis] = ends[-1]
    joined = alloc(converted(0, dtype), shape)
    start: Any = 0
    for part, end in zip(parts, ends, strict=True):
        here = (slice(None),) * axis + (slice(start, end),)
        joined = set_subtensor(joined[here], part)
        start = end
    return joined


def _agreeing(parts: list[TensorVariable], axis: int) -> list[TensorVariable]:
    """Tell every tensor what is known of the lengths they share."""
    shape: list[int | None] = []
    for i in range(parts[0].ndim):
        known = {x.type.shape[i] for x in parts} - {None}
        if i != axis and len(known) > 1:
            raise ValueError(
                f"concatenate: in dimension {i} the lengths must agree, got "
                + ", ".join(str(x.type) for x in parts)
            )
        shape.append(None if i == axis else next(iter(known), None))
    return [specify_shape(x, shape) for x in parts]


def _running_sums(sizes: list[TensorVariable]) -> list[TensorVariable]:
    """Return where each of several tensors ends when they lie one behind the other."""
    sums: list[TensorVariable] = []
    known, unknown = 0, None
    for n in sizes:
        value = static_integer(n)
        if value is not None:
            known += value
        else:
            unknown = n if unknown is None else unknown + n
        sums.append(integer_scalar(known if unknown is None else unknown + known, "a length"))
    return sums


def join(axis: int, *tensors: TensorLike) -> TensorVariable:
    """Join tensors along dimension `axis`, which Theano's form has first."""
    return concatenate(tensors, axis)


def stack(*tensors: TensorLike, axis: int = 0) -> TensorVariable:
    """Join tensors of one shape along a new dimension.

    Parameters
    ----------
    tensors
        A list of tensors, or, as in old code, tensors one by one. Python numbers among them take
        the dtype of the others.
    axis
        Where in the result the new dimension stands.

    Examples
    --------
    >>> from symnet.tensor import scalars
    >>> stack(scalars("a", "b")).ndim
    1
    """
    given: Sequence[TensorLike] = tensors
    if given and isinstance(given[0], (list, tuple)):
        if len(given) == 2 and isinstance(given[1], int):
            axis = given[1]
        elif len(given) > 1:
            raise TypeError("stack takes a list and an axis, or tensors one by one")
        given = given[0]
    if not given:
        raise TypeError("stack takes a list of at least one tensor")
    strong = [as_tensor_variable(x).dtype for x in given if not is_weak(x)]
    weak = [dtypes.weak(x, strong) for x in given if is_weak(x)]
    dtype = dtypes.promote(*strong, *weak)
    parts = [converted(x, dtype) for x in given]
    if any(x.ndim != parts[0].ndim for x in parts):
        raise TypeError(
            "stack: all tensors must have the same number of dimensions; got "
            + ", ".join(str(x.type) for x in parts)
        )
    if parts[0].ndim == 0 and axis in (0, -1):
        vector: TensorVariable = MakeVector(dtype)(*parts)
        return vector
    return concatenate([expand_dims(x, axis) for x in parts], axis)
