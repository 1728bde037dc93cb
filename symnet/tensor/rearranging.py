"""Tensors made of another's entries in other places: turned round, shifted, repeated, framed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symnet.graph import Variable
from symnet.ops.integers import is_known
from symnet.scalar import table
from symnet.tensor.changes import set_subtensor
from symnet.tensor.constructors import arange
from symnet.tensor.convert import (
    TensorLike,
    as_tensor_variable,
    axes_of,
    axis_of,
    constant,
    converted,
    integer_scalar,
    static_integer,
)
from symnet.tensor.joining import concatenate, split
from symnet.tensor.manipulation import (
    alloc,
    dimshuffle,
    flatten,
    length,
    lengths,
    product,
    reshape,
    shape_arguments,
    shape_padleft,
    specify_shape,
    swapaxes,
    total,
)
from symnet.tensor.picking import take

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

_FULL = slice(None)


def flip(x: TensorLike, axis: Any = None) -> TensorVariable:
    """Reverse the order of the entries along `axis`: a dimension, several, or None for all."""
    x = as_tensor_variable(x)
    axes = axes_of(axis, x.ndim, "flip")
    return x[tuple(slice(None, None, -1) if i in axes else _FULL for i in range(x.ndim))]


def flipud(x: TensorLike) -> TensorVariable:
    """Reverse the order of the rows."""
    x = as_tensor_variable(x)
    axis_of(0, x.ndim, "flipud")
    return flip(x, 0)


def fliplr(x: TensorLike) -> TensorVariable:
    """Reverse the order of the columns."""
    x = as_tensor_variable(x)
    axis_of(1, x.ndim, "fliplr")
    return flip(x, 1)


def rot90(x: TensorLike, k: int = 1, axes: Sequence[int] = (0, 1)) -> TensorVariable:
    """Turn `x` by `k` right angles in the plane of two dimensions, from the first to the second."""
    x = as_tensor_variable(x)
    first, second = (axis_of(a, x.ndim, "rot90") for a in axes)
    if first == second:
        raise ValueError(f"rot90: axes {tuple(axes)} name one dimension twice")
    turns = k % 4
    if turns == 0:
        return x
    if turns == 2:
        return flip(x, [first, second])
    if turns == 1:
        return swapaxes(flip(x, second), first, second)
    return flip(swapaxes(x, first, second), second)


def roll(x: TensorLike, shift: TensorLike, axis: Any = None) -> TensorVariable:
    """Shift the entries along a dimension; those that go over the end come in at the beginning.

    Parameters
    ----------
    x
        Any tensor.
    shift
        By how many places: an integer, an integer scalar, or one for each of several axes.
    axis
        A dimension, several, or None for `x` as a vector, which is then given its shape back.

    Examples
    --------
    >>> roll([1, 2, 3, 4], 1).eval()
    array([4, 1, 2, 3])
    """
    x = as_tensor_variable(x)
    if axis is None:
        return reshape(roll(flatten(x), shift, 0), list(lengths(x)))
    axes = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    shifts = list(shift) if isinstance(shift, (list, tuple)) else [shift] * len(axes)
    if len(shifts) != len(axes):
        raise ValueError(f"roll: {len(shifts)} shifts for {len(axes)} axes")
    for a, by in zip(axes, shifts, strict=True):
        x = _rolled(x, integer_scalar(by, "roll: a shift"), axis_of(a, x.ndim, "roll"))
    return x


def _rolled(x: TensorVariable, shift: TensorVariable, axis: int) -> TensorVariable:
    n, known = length(x, axis), x.type.shape[axis]
    by, static = _wrap(shift, n), static_integer(shift)
    if not is_known(shift):
        return take(x, _wrap(arange(n) - shift, n), axis)
    if static is not None and known is not None:
        static %= max(known, 1)
        front, back = split(x, [known - static, static], axis=axis)
        return concatenate([back, front], axis)
    front, back = split(x, [n - by, by], axis=axis)
    rolled = concatenate([back, front], axis)
    return specify_shape(rolled, [known if i == axis else None for i in range(x.ndim)])


def tile(x: TensorLike, reps: TensorLike, ndim: int | None = None) -> TensorVariable:
    """Lay copies of a tensor side by side.

    Parameters
    ----------
    x
        Any tensor.
    reps
        Numbers of copies along each dimension, the last first where there are fewer than
        dimensions: integers and integer scalars, or an integer vector.
    ndim
        Number of dimensions of the result, needed where `reps` is a vector of unknown length.

    Raises
    ------
    ValueError
        If `ndim` is less than the number of dimensions or of `reps`.

    Examples
    --------
    >>> tile([[1, 2]], (2, 2)).eval()
    array([[1, 2, 1, 2],
           [1, 2, 1, 2]])
    """
    x = as_tensor_variable(x)
    is_vector = isinstance(reps, Variable) and reps.ndim == 1 and reps.type.shape[0] is None
    copies = shape_arguments(reps, "tile", ndim if is_vector else None)
    wanted = max(x.ndim, len(copies)) if ndim is None else ndim
    if wanted < max(x.ndim, len(copies)):
        raise ValueError(
            f"tile: ndim={ndim}, but x has {x.ndim} dimensions and reps {len(copies)} entries"
        )
    if any((n := static_integer(c)) is not None and n < 0 for c in copies):
        raise ValueError(f"tile: a number of copies cannot be negative, got {reps!r}")
    copies = [constant(1)] * (wanted - len(copies)) + copies
    x = shape_padleft(x, wanted - x.ndim)
    order: list[Any] = []
    dims: list[TensorVariable] = []
    for axis, count in enumerate(copies):
        if static_integer(count) != 1:
            order.append("x")
            dims.append(count)
        order.append(axis)
        dims.append(length(x, axis))
    if len(dims) == wanted:
        return x
    repeated = alloc(dimshuffle(x, *order), dims)
    sizes = [product([c, n]) for c, n in zip(copies, lengths(x), strict=True)]
    return reshape(repeated, sizes)


def pad(
    x: TensorLike, pad_width: Any, mode: str = "constant", constant_values: Any = 0
) -> TensorVariable:
    """Put entries around a tensor.

    Parameters
    ----------
    x
        Any tensor.
    pad_width
        How many before and after, along each dimension: ``((before, after), ...)``; one pair, or
        one integer, holds for all. They may be integer scalars.
    mode
        What the new entries are: ``"constant"``; ``"edge"``, the nearest entry of `x`; those of
        `x` mirrored at its edge, which is repeated (``"symmetric"``) or is not (``"reflect"``);
        ``"wrap"``, those from the other end.
    constant_values
        What to put in mode ``"constant"``, given as `pad_width` is.

    Examples
    --------
    >>> pad([1, 2, 3], (2, 1), "reflect").eval()
    array([3, 2, 1, 2, 3, 2])
    """
    x = as_tensor_variable(x)
    widths = [
        tuple(integer_scalar(n, "pad: a width") for n in pair)
        for pair in _pairs(pad_width, x.ndim, "pad_width")
    ]
    if any((known := static_integer(w)) is not None and known < 0 for w in sum(widths, ())):
        raise ValueError(f"pad: a width cannot be negative, got {pad_width!r}")
    if mode == "constant":
        return _framed(x, widths, _pairs(constant_values, x.ndim, "constant_values"))
    if mode not in _PLACES:
        modes = ", ".join(map(repr, ["constant", *_PLACES]))
        raise ValueError(f"pad: mode is one of {modes}, not {mode!r}")
    for axis, (before, after) in enumerate(widths):
        if (static_integer(before), static_integer(after)) != (0, 0):
            n = length(x, axis)
            place = arange(total([before, n, after])) - before
            x = take(x, _PLACES[mode](place, n), axis)
    return x


def _pairs(given: Any, ndim: int, what: str) -> list[tuple[Any, Any]]:
    """Return a pair for each dimension."""
    if isinstance(given, np.ndarray):
        given = given.tolist()
    if not isinstance(given, (list, tuple)):
        return [(given, given)] * ndim
    if not any(isinstance(entry, (list, tuple)) for entry in given):
        given = [given]
    pairs = [tuple(p) if isinstance(p, (list, tuple)) else (p,) for p in given]
    pairs = [p * 2 if len(p) == 1 else p for p in pairs]
    pairs = pairs * ndim if len(pairs) == 1 else pairs
    if len(pairs) != ndim or any(len(p) != 2 for p in pairs):
        raise ValueError(
            f"pad: {what} is a number, a pair or a pair for each of {ndim} dimensions, not "
            f"{given!r}"
        )
    return [(a, b) for a, b in pairs]


def _framed(
    x: TensorVariable, widths: Sequence[tuple[Any, ...]], values: Sequence[tuple[Any, Any]]
) -> TensorVariable:
    if all(a is b for a, b in values) and len({id(a) for a, _ in values}) <= 1:
        # One value all around.
        value = converted(values[0][0], x.dtype) if values else x
        sizes = list(zip(widths, lengths(x), strict=True))
        dims = [total([before, n, after]) for (before, after), n in sizes]
        here = tuple(slice(before, total([before, n])) for (before, _), n in sizes)
        return set_subtensor(alloc(value, dims)[here], x) if here else x
    for axis, (pair, value_pair) in enumerate(zip(widths, values, strict=True)):
        dims = list(lengths(x))
        parts = []
        for width, value in zip(pair, value_pair, strict=True):
            frame = [*dims[:axis], width, *dims[axis + 1 :]]
            parts.append(alloc(converted(value, x.dtype), frame))
        x = concatenate([parts[0], x, parts[1]], axis)
    return x


def _edge(place: Any, n: Any) -> Any:
    return table.clip(place, 0, n - 1)


def _wrap(place: Any, n: Any) -> Any:
    return table.mod(place, table.maximum(n, 1))


def _symmetric(place: Any, n: Any) -> Any:
    within = table.mod(place, table.maximum(2 * n, 1))
    return table.switch(table.lt(within, n), within, 2 * n - 1 - within)


def _reflect(place: Any, n: Any) -> Any:
    within = table.mod(place, table.maximum(2 * n - 2, 1))
    return table.switch(table.lt(within, n), within, 2 * n - 2 - within)


_PLACES = {"edge": _edge, "reflect": _reflect, "symmetric": _symmetric, "wrap": _wrap}
"""For each mode where in a dimension of length `n` a place inside or outside of it looks."""
