"""Joining tensors along a dimension, and splitting them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from symnet import dtypes
from symnet.graph import Variable
from symnet.ops.joining import Join, Split
from symnet.ops.shape import MakeVector
from symnet.tensor.convert import (
    TensorLike,
    as_tensor_variable,
    axis_of,
    converted,
    is_weak,
    static_integer,
)
from symnet.tensor.manipulation import expand_dims, shape_arguments

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

_AT_ONCE = 16
"""Tensors that one operation joins: each element of the result looks at all of them."""


def concatenate(tensors: Sequence[TensorLike], axis: TensorLike = 0) -> TensorVariable:
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
    _check_lengths(parts, axis)
    dtype = dtypes.promote(*(x.dtype for x in parts))
    parts = [converted(x, dtype) for x in parts]
    while len(parts) > 1:
        groups = [parts[k : k + _AT_ONCE] for k in range(0, len(parts), _AT_ONCE)]
        parts = [g[0] if len(g) == 1 else Join(axis)(*g) for g in groups]
    return parts[0]


def _check_lengths(parts: Sequence[TensorVariable], axis: int) -> None:
    for i in range(parts[0].ndim):
        if i != axis and len({x.type.shape[i] for x in parts} - {None}) > 1:
            raise ValueError(
                f"concatenate: in dimension {i} the lengths must agree, got "
                + ", ".join(str(x.type) for x in parts)
            )


def join(axis: TensorLike, *tensors: TensorLike) -> TensorVariable:
    """Join tensors along dimension `axis`, which Theano's form has first."""
    return concatenate(tensors, axis)


def stack(*tensors: TensorLike, axis: TensorLike = 0) -> TensorVariable:
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
    given: Any = tensors
    if given and isinstance(given[0], (list, tuple)):
        if len(given) == 2 and isinstance(given[1], int):
            axis = given[1]
        elif len(given) > 1:
            raise TypeError("stack takes a list and an axis, or tensors one by one")
        given = given[0]
    elif len(given) == 1 and isinstance(given[0], Variable) and given[0].ndim:
        # The entries of one tensor, as NumPy takes it.
        given = list(as_tensor_variable(given[0]))
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
    place = axis_of(axis, parts[0].ndim + 1, "stack")
    if parts[0].ndim == 0:
        vector: TensorVariable = MakeVector(dtype)(*parts)
        return vector
    return concatenate([expand_dims(x, place) for x in parts], place)


def stacklists(arg: TensorLike) -> TensorVariable:
    """Return nested lists of tensors as one tensor, a dimension for each level of nesting.

    Examples
    --------
    >>> from symnet.tensor import scalars
    >>> a, b, c, d = scalars("a", "b", "c", "d")
    >>> stacklists([[a, b], [c, d]]).type.shape
    (2, 2)
    """
    if isinstance(arg, (list, tuple)):
        return stack([stacklists(entry) for entry in arg])
    return as_tensor_variable(arg)


def horizontal_stack(*tensors: TensorLike) -> TensorVariable:
    """Join matrices side by side."""
    return _joined_matrices("horizontal_stack", tensors, 1)


def vertical_stack(*tensors: TensorLike) -> TensorVariable:
    """Join matrices one below the other."""
    return _joined_matrices("vertical_stack", tensors, 0)


def _joined_matrices(name: str, tensors: Sequence[TensorLike], axis: int) -> TensorVariable:
    parts = [as_tensor_variable(x) for x in tensors]
    if len(parts) < 2 or any(x.ndim != 2 for x in parts):
        raise TypeError(f"{name} joins at least two matrices, got {[str(x.type) for x in parts]}")
    return concatenate(parts, axis)


def split(
    x: TensorLike, splits_size: TensorLike, n_splits: TensorLike = None, axis: TensorLike = 0
) -> list[TensorVariable]:
    """Cut a tensor along a dimension into pieces.

    Parameters
    ----------
    x
        Any tensor.
    splits_size
        Lengths of the pieces, which must add up to that of the dimension; numbers, integer
        scalars or an integer vector.
    n_splits
        Number of the pieces, needed where `splits_size` is a vector of unknown length.
    axis
        The dimension to cut along.

    Raises
    ------
    ValueError
        If there are not `n_splits` lengths, one is negative, or known ones do not add up.

    Examples
    --------
    >>> from symnet.tensor import vector
    >>> a, b = split(vector("x"), [2, 3], 2)
    >>> a.type.shape, b.type.shape
    ((2,), (3,))
    """
    x = as_tensor_variable(x)
    place = axis_of(axis, x.ndim, "split")
    count = None if n_splits is None else static_integer(n_splits)
    if n_splits is not None and count is None:
        raise TypeError(f"split: n_splits is an integer known beforehand, not {n_splits!r}")
    sizes = shape_arguments(splits_size, "split", count)
    known = [static_integer(n) for n in sizes]
    whole = x.type.shape[place]
    found = [n for n in known if n is not None]
    complete = len(found) == len(known)
    if not sizes or any(n < 0 for n in found) or (complete and whole not in (None, sum(found))):
        raise ValueError(
            f"split: lengths {known} of pieces do not make up dimension {place} of {x!r}, {x.type}"
        )
    return list(Split(place).make_node(x, *sizes).outputs)  # type: ignore[arg-type]
