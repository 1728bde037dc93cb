"""Elements picked by number: `take` and `choose`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symnet import dtypes
from symnet.scalar import table
from symnet.tensor.constructors import arange
from symnet.tensor.convert import TensorLike, as_tensor_variable, axis_of
from symnet.tensor.indexing import subtensor
from symnet.tensor.joining import stack
from symnet.tensor.manipulation import alloc, flatten, length, shape_padleft

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable


def take(
    a: TensorLike, indices: TensorLike, axis: int | None = None, mode: str = "raise"
) -> TensorVariable:
    """Return the entries of `a` at `indices` along a dimension.

    Parameters
    ----------
    a
        Any tensor.
    indices
        An integer tensor; its dimensions stand for the one that is picked from.
    axis
        The dimension; by default `a` is taken as a vector.
    mode
        What becomes of an index out of range: ``"raise"`` raises an `IndexError` when the function
        runs (an index below 0 counts from the end), ``"wrap"`` goes around, ``"clip"`` takes the
        nearest (an index below 0 is 0).

    Examples
    --------
    >>> from symnet.tensor import vector
    >>> x = vector("x")
    >>> take(x, [0, 5], mode="clip").eval({x: [1, 2, 3]})
    array([1., 3.], dtype=float32)
    """
    x = as_tensor_variable(a)
    if axis is None:
        x, place = flatten(x), 0
    else:
        place = axis_of(axis, x.ndim, "take")
    picked = _within(_indices(indices, "take"), length(x, place), mode, "take")
    return subtensor(x, (*[slice(None)] * place, picked))


def choose(a: TensorLike, choices: Any, out: None = None, mode: str = "raise") -> TensorVariable:
    """Return a tensor made of elements of several, of which `a` says the number.

    Parameters
    ----------
    a
        An integer tensor.
    choices
        A list of tensors or a tensor, whose first dimension is that of choices; they broadcast
        with `a`.
    out
        None: symbolic results are not written anywhere.
    mode
        As of `take`; here an index below 0 is out of range, too.

    Examples
    --------
    >>> choose([1, 0], [[1, 2], [3, 4]]).eval()
    array([3, 2])
    """
    if out is not None:
        raise TypeError("choose: out is not available, the result is a new variable")
    number = _indices(a, "choose")
    listed = isinstance(choices, (list, tuple))
    if listed and not choices:
        raise ValueError("choose: there is nothing to choose from")
    every = as_tensor_variable(choices) if not listed else None
    parts = [as_tensor_variable(c) for c in choices] if every is None else [every[0]]
    ndim = max(v.ndim for v in (number, *parts))
    number = shape_padleft(number, ndim - number.ndim)
    parts = [shape_padleft(v, ndim - v.ndim) for v in parts]
    shape = _broadcast([number, *parts])
    if every is None:
        dtype = dtypes.promote(*(v.dtype for v in parts))
        every = stack([alloc(v.astype(dtype), *shape) for v in parts])
    else:
        padded = every.dimshuffle(0, *["x"] * (ndim + 1 - every.ndim), *range(1, every.ndim))
        every = alloc(padded, length(every, 0), *shape)
    count = length(every, 0)
    if mode == "raise":
        # From the end nothing is chosen: an index below 0 goes beyond it.
        number = table.switch(table.lt(number, 0), count, number)
    place = [
        arange(n).dimshuffle(*["x"] * k, 0, *["x"] * (ndim - k - 1)) for k, n in enumerate(shape)
    ]
    picked = _within(alloc(number, *shape), count, mode, "choose")
    return subtensor(every, (picked, *place))


def _broadcast(parts: Sequence[TensorVariable]) -> list[TensorVariable]:
    """Return the lengths that tensors of one number of dimensions broadcast to."""
    return [
        length(next((v for v in parts if v.type.shape[k] != 1), parts[0]), k)
        for k in range(parts[0].ndim)
    ]


def _indices(x: TensorLike, what: str) -> TensorVariable:
    empty = isinstance(x, (list, tuple)) and not x
    indices = as_tensor_variable(np.zeros(0, "int64") if empty else x)
    if indices.dtype not in dtypes.INTEGER:
        raise TypeError(f"{what}: indices are integers, got {indices.type}; T.cast converts")
    return indices


def _within(indices: TensorVariable, count: TensorVariable, mode: str, what: str) -> TensorVariable:
    found: Any = indices
    if mode == "wrap":
        found = indices % count
    elif mode == "clip":
        found = table.clip(indices, 0, count - 1)
    elif mode != "raise":
        raise ValueError(f"{what}: the mode is 'raise', 'wrap' or 'clip', not {mode!r}")
    wrapped: TensorVariable = found
    return wrapped
