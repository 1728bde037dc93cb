"""Pooling: the greatest, the sum or the mean of windows over the last dimensions of a tensor."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import reduce
from math import prod
from operator import mul
from typing import TYPE_CHECKING, Any

import numpy as np

from symnet import dtypes
from symnet.config import config
from symnet.ops.windows import Overlay, Windows
from symnet.scalar import table
from symnet.tensor import reductions
from symnet.tensor.constructors import arange
from symnet.tensor.convert import TensorLike, as_tensor_variable, converted, static_integer
from symnet.tensor.manipulation import dimshuffle, lengths, shape_arguments, shape_padright

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

__all__ = ["Pool", "max_pool_2d_same_size", "pool_2d", "pool_3d"]

_MODES = ("max", "sum", "average_inc_pad", "average_exc_pad")


def pool_2d(
    input: TensorLike,
    ws: Any = None,
    ignore_border: bool | None = None,
    stride: Any = None,
    pad: Any = (0, 0),
    mode: str = "max",
    ds: Any = None,
    st: Any = None,
    padding: Any = None,
) -> TensorVariable:
    """Return what is found in windows over rows and columns, the last two dimensions.

    Parameters
    ----------
    input
        A tensor of at least two dimensions.
    ws
        Rows and columns of a window.
    ignore_border
        Whether windows that reach beyond the border are left out; otherwise as many as are needed
        to see every element look at what lies within. By default False, with a warning.
    stride
        Distances of windows in rows and columns; by default they do not overlap.
    pad
        Rows and columns put around; only where the border is ignored. The greatest never comes
        from there.
    mode
        ``"max"``; ``"sum"``; ``"average_inc_pad"``, the mean in which padding counts as zeros;
        ``"average_exc_pad"``, the mean of what lies within.
    ds, st, padding
        Old names of `ws`, `stride` and `pad`.

    Returns
    -------
    TensorVariable
        The last two dimensions are those of the windows.

    Raises
    ------
    ValueError
        If a setting is none of those above.

    Examples
    --------
    >>> from symnet.tensor import tensor4
    >>> pool_2d(tensor4(shape=(None, 20, 24, 24)), (2, 2), ignore_border=True).type.shape
    (None, 20, 12, 12)
    """
    ws, stride, pad = _renamed(ws, stride, pad, ds, st, padding, "pool_2d")
    return _pooled(input, ws, ignore_border, stride, pad, mode, "pool_2d", 2)


def pool_3d(
    input: TensorLike,
    ws: Any = None,
    ignore_border: bool | None = None,
    stride: Any = None,
    pad: Any = (0, 0, 0),
    mode: str = "max",
    ds: Any = None,
    st: Any = None,
    padding: Any = None,
) -> TensorVariable:
    """Return what is found in windows over the last three dimensions; see `pool_2d`."""
    ws, stride, pad = _renamed(ws, stride, pad, ds, st, padding, "pool_3d")
    return _pooled(input, ws, ignore_border, stride, pad, mode, "pool_3d", 3)


def max_pool_2d_same_size(input: TensorLike, patch_size: Sequence[int]) -> TensorVariable:
    """Return `input` with all but the greatest elements of every patch set to zero.

    Patches do not overlap; what is left over at the border becomes zero.

    Parameters
    ----------
    input
        A tensor of at least two dimensions.
    patch_size
        Rows and columns of a patch.
    """
    x = as_tensor_variable(input)
    taps = _numbers(patch_size, 2, "max_pool_2d_same_size: patch_size", 1)
    counts = [n // k for n, k in zip(_spatial(x, 2), taps, strict=True)]
    listed = _windows(x, taps, taps, (0, 0), counts, _least(x.dtype))
    greatest = shape_padright(reductions.max(listed, axis=(listed.ndim - 2, listed.ndim - 1)), 2)
    kept = table.switch(table.eq(listed, greatest), listed, 0)
    same: TensorVariable = Overlay(taps, taps, (0, 0), (1, 1))(kept, *lengths(x)[-2:])
    return same


class Pool:
    """Pooling as an object: settings first, then a call with tensors.

    Parameters
    ----------
    ignore_border, mode
        As of `pool_2d`.
    ndim
        Number of dimensions that windows move over.
    """

    def __init__(
        self, ignore_border: bool = False, mode: str = "max", ndim: int = 2, openmp: Any = None
    ) -> None:
        self.ignore_border = ignore_border
        self.mode = mode
        self.ndim = ndim

    def __call__(
        self, x: TensorLike, ws: Any, stride: Any = None, pad: Any = None
    ) -> TensorVariable:
        """Pool `x` with windows of the size `ws`."""
        pad = (0,) * self.ndim if pad is None else pad
        return _pooled(x, ws, self.ignore_border, stride, pad, self.mode, "Pool", self.ndim)

    @staticmethod
    def out_shape(
        imgshape: Sequence[Any],
        ws: Any = None,
        ignore_border: bool = False,
        stride: Any = None,
        pad: Any = None,
        ndim: int = 2,
    ) -> list[Any]:
        """Return the shape of what pooling gives, of the shape of what it is given.

        Examples
        --------
        >>> Pool.out_shape((10, 3, 7, 7), (2, 2), ignore_border=True)
        [10, 3, 3, 3]
        """
        taps = _numbers(ws, ndim, "Pool: ws", 1)
        steps = taps if stride is None else _numbers(stride, ndim, "Pool: stride", 1)
        low = (0,) * ndim if pad is None else _numbers(pad, ndim, "Pool: pad", 0)
        fixed = len(imgshape) - ndim
        return [
            *imgshape[:fixed],
            *(
                _count(n + 2 * p, k, s, ignore_border)
                for n, p, k, s in zip(imgshape[fixed:], low, taps, steps, strict=True)
            ),
        ]


def _renamed(
    ws: Any, stride: Any, pad: Any, ds: Any, st: Any, padding: Any, what: str
) -> tuple[Any, Any, Any]:
    """Return window, stride and padding, which may have been given by their old names."""
    for old, new, value, given in (
        ("ds", "ws", ds, ws is not None),
        ("st", "stride", st, stride is not None),
        ("padding", "pad", padding, not _is_zero(pad)),
    ):
        if value is not None and given:
            raise ValueError(f"{what}: {old} is the old name of {new}; give one of the two")
    if ws is None and ds is None:
        raise ValueError(f"{what}: the size of the windows, ws, must be given")
    return (
        ds if ws is None else ws,
        st if stride is None else stride,
        pad if padding is None else padding,
    )


def _is_zero(pad: Any) -> bool:
    entries = pad if isinstance(pad, (tuple, list)) else [pad]
    return all(static_integer(p) == 0 for p in entries)


def _pooled(
    input: TensorLike,
    ws: Any,
    ignore_border: bool | None,
    stride: Any,
    pad: Any,
    mode: str,
    what: str,
    rank: int,
) -> TensorVariable:
    x = as_tensor_variable(input)
    if x.ndim < rank:
        raise TypeError(f"{what} takes at least {rank} dimensions, got {x.type}")
    if mode not in _MODES:
        raise ValueError(f"{what}: mode {mode!r} is none of {', '.join(_MODES)}")
    taps = _numbers(ws, rank, f"{what}: ws", 1)
    steps = taps if stride is None else _numbers(stride, rank, f"{what}: stride", 1)
    low = _numbers(pad, rank, f"{what}: pad", 0)
    if ignore_border is None:
        warnings.warn(
            f"{what} counts windows at the border by default; say ignore_border=False, or True, "
            "which is what most others mean",
            stacklevel=3,
        )
        ignore_border = False
    if any(low) and not ignore_border:
        raise ValueError(f"{what}: padding goes with ignore_border=True only")
    if any(p >= k for p, k in zip(low, taps, strict=True)):
        raise ValueError(f"{what}: padding {low} is not less than the windows, {taps}")
    space = _spatial(x, rank)
    counts = [
        _count(n + 2 * p, k, s, ignore_border)
        for n, p, k, s in zip(space, low, taps, steps, strict=True)
    ]
    if mode == "max":
        return _over_taps(
            reductions.max, _windows(x, taps, steps, low, counts, _least(x.dtype)), rank
        )
    if not dtypes.is_float(x.dtype) and mode != "sum":
        x = converted(x, config.floatX)
    total = _over_taps(_sum, _windows(x, taps, steps, low, counts, 0), rank)
    if mode == "sum":
        return total
    if mode == "average_inc_pad" and ignore_border:
        mean: TensorVariable = total / prod(taps)
    else:
        mean = total / _elements(space, taps, steps, low, counts, x.dtype)
    return mean


def _sum(x: TensorVariable, axis: tuple[int, ...]) -> TensorVariable:
    return reductions.sum(x, axis=axis, dtype=x.dtype, acc_dtype=x.dtype)


def _over_taps(combine: Any, windows: TensorVariable, rank: int) -> TensorVariable:
    axes = tuple(range(windows.ndim - rank, windows.ndim))
    found: TensorVariable = combine(windows, axis=axes)
    return found


def _windows(
    x: TensorVariable,
    taps: tuple[int, ...],
    steps: tuple[int, ...],
    low: tuple[int, ...],
    counts: Sequence[Any],
    fill: float,
) -> TensorVariable:
    op = Windows(taps, steps, low, (1,) * len(taps), fill)
    listed: TensorVariable = op(x, *(as_tensor_variable(n) for n in counts))
    return listed


def _elements(
    space: Sequence[Any],
    taps: tuple[int, ...],
    steps: tuple[int, ...],
    low: tuple[int, ...],
    counts: Sequence[Any],
    dtype: str,
) -> TensorVariable:
    """Return how many elements each window has within: (windows along each dimension)."""
    rank = len(taps)
    along = []
    for axis, (n, k, s, p, m) in enumerate(zip(space, taps, steps, low, counts, strict=True)):
        first = arange(m) * s - p
        inside = table.minimum(first + k, n) - table.maximum(first, 0)
        order: list[Any] = ["x"] * rank
        order[axis] = 0
        along.append(dimshuffle(converted(inside, dtype), *order))
    found: TensorVariable = reduce(mul, along)
    return found


def _count(n: Any, k: int, s: int, ignore_border: bool) -> Any:
    """Return the number of windows of `k` elements, `s` apart, over `n` elements."""
    if ignore_border:
        return _at_least_0((n - k) // s + 1)
    if s >= k:
        return (n - 1) // s + 1
    return _at_least_0((n - 1 - k + s) // s) + 1


def _at_least_0(n: Any) -> Any:
    return max(n, 0) if isinstance(n, int) else table.maximum(n, 0)


def _spatial(x: TensorVariable, rank: int) -> list[Any]:
    """Return the last lengths, as numbers where they are known."""
    if x.ndim < rank:
        raise TypeError(f"pooling over {rank} dimensions takes at least as many, got {x.type}")
    known = x.type.shape[x.ndim - rank :]
    unknown = lengths(x)[x.ndim - rank :]
    return [v if n is None else n for n, v in zip(known, unknown, strict=True)]


def _least(dtype: str) -> float:
    if dtypes.is_float(dtype):
        return float("-inf")
    if dtype == "bool":
        raise TypeError("booleans have no greatest; T.cast converts")
    return int(np.iinfo(dtype).min)


def _numbers(given: Any, rank: int, what: str, least: int) -> tuple[int, ...]:
    entries = [given] * rank if static_integer(given) is not None else given
    if not isinstance(entries, (tuple, list)):
        entries = shape_arguments(entries, what, rank)
    known = [static_integer(n) for n in entries]
    if len(known) != rank or any(n is None or n < least for n in known):
        raise ValueError(
            f"{what} is {rank} integers of at least {least} known beforehand, not {given!r}"
        )
    return tuple(n for n in known if n is not None)
