"""Evenly spaced numbers, and coordinates of the points of grids made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from symnet import dtypes
from symnet.config import config
from symnet.scalar import table
from symnet.tensor.constructors import arange
from symnet.tensor.convert import (
    TensorLike,
    as_tensor_variable,
    converted,
    integer_scalar,
    is_weak,
    static_integer,
)
from symnet.tensor.manipulation import broadcast_to, dimshuffle, lengths

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable


def linspace(
    start: TensorLike,
    stop: TensorLike,
    num: TensorLike = 50,
    endpoint: bool = True,
    dtype: object = None,
) -> TensorVariable:
    """Return `num` evenly spaced numbers from `start` to `stop`.

    Parameters
    ----------
    start, stop
        The first number and the last; tensors of one shape (which broadcast) make a matrix, or
        more, whose first dimension counts the numbers.
    num
        How many: an integer or an integer scalar.
    endpoint
        Whether `stop` is the last of them, rather than the first left out.
    dtype
        Of the result; by default that of `start` and `stop`, if floating point.

    Examples
    --------
    >>> linspace(0, 1, 5).eval()
    array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    strong = [as_tensor_variable(x).dtype for x in (start, stop) if not is_weak(x)]
    common = dtypes.promote(*strong) if strong else config.floatX
    common = common if dtypes.is_float(common) else config.floatX
    first, last = converted(start, common), converted(stop, common)
    count = integer_scalar(num, "linspace: num")
    known = static_integer(count)
    if known is not None and known < 0:
        raise ValueError(f"linspace: num cannot be negative, got {known}")
    steps = count - 1 if endpoint else count
    ndim = max(first.ndim, last.ndim)
    position = dimshuffle(converted(arange(count), common), 0, *["x"] * ndim)
    step = (last - first) / converted(table.maximum(steps, 1), common)
    spaced = first + position * step
    if endpoint:  # which rounding must not miss
        at_end = table.eq(position, converted(steps, common)) & table.gt(steps, 0)
        spaced = table.switch(at_end, last, spaced)
    return converted(spaced, dtypes.canonical(dtype or common))


def logspace(
    start: TensorLike,
    stop: TensorLike,
    num: TensorLike = 50,
    endpoint: bool = True,
    base: TensorLike = 10.0,
    dtype: object = None,
) -> TensorVariable:
    """Return `base` to the power of `num` evenly spaced numbers; parameters as of `linspace`."""
    powers = table.pow(base, linspace(start, stop, num, endpoint))
    return converted(powers, dtypes.canonical(dtype or powers.dtype))


def geomspace(
    start: TensorLike,
    stop: TensorLike,
    num: TensorLike = 50,
    endpoint: bool = True,
    dtype: object = None,
) -> TensorVariable:
    """Return `num` numbers from `start` to `stop`, each the same multiple of the one before.

    Both ends have the same sign. Parameters as of `linspace`.
    """
    first, last = as_tensor_variable(start), as_tensor_variable(stop)
    sign = table.sgn(first)
    logs = linspace(table.log(abs(first)), table.log(abs(last)), num, endpoint)
    spaced = sign * table.exp(logs)
    return converted(spaced, dtypes.canonical(dtype or spaced.dtype))


def bartlett(M: TensorLike) -> TensorVariable:
    """Return the Bartlett window of `M` points: a triangle that is 0 at both ends, as float64."""
    count = integer_scalar(M, "bartlett: M")
    known = static_integer(count)
    points = arange(count if known is None else known if known > 0 else 0)
    last = converted(count - 1, "float64")
    rising = 2.0 * converted(points, "float64") / table.maximum(last, 1)
    window: TensorVariable = table.switch(table.le(last, 0), 1.0, 1 - abs(rising - 1))
    return window


def meshgrid(
    *xi: TensorLike, indexing: str = "xy", sparse: bool = False, copy: bool = True
) -> list[TensorVariable]:
    """Return the coordinates of the points of a grid from those along its axes.

    Parameters
    ----------
    xi
        A vector (or number) for each axis.
    indexing
        ``"ij"``: dimension k of each result belongs to axis k; ``"xy"``: the first two are
        exchanged, as in pictures.
    sparse
        Whether results keep length 1 along the axes that they do not vary with.
    copy
        Accepted for NumPy code; symbolic results are never views.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing is 'xy' or 'ij', not {indexing!r}")
    vectors = [as_tensor_variable(x).flatten() for x in xi]
    ndim = len(vectors)
    place = list(range(ndim))
    if indexing == "xy" and ndim > 1:
        place[:2] = [1, 0]
    opened = [
        dimshuffle(v, *(0 if axis == p else "x" for axis in range(ndim)))
        for v, p in zip(vectors, place, strict=True)
    ]
    if sparse:
        return opened
    sizes = [length for v in vectors for length in lengths(v)]
    dims = [sizes[place.index(axis)] for axis in range(ndim)]
    return [broadcast_to(v, dims) for v in opened]


class Grid:
    """Coordinates of the points of a grid, from slices in brackets.

    `mgrid` fills the whole grid, `ogrid` keeps length 1 along the axes that a coordinate does not
    vary with. Bounds and steps may be symbolic.

    Examples
    --------
    >>> rows, columns = mgrid[0:2, 0:3]
    >>> columns.eval()
    array([[0, 1, 2],
           [0, 1, 2]])
    """

    def __init__(self, sparse: bool) -> None:
        self.sparse = sparse

    def __getitem__(self, index: slice | Sequence[slice]) -> Any:
        if isinstance(index, slice):
            return _range(index)
        axes = [_range(s) for s in index]
        dtype = dtypes.promote(*(v.dtype for v in axes)) if axes else "int64"
        return meshgrid(*(converted(v, dtype) for v in axes), indexing="ij", sparse=self.sparse)


def _range(s: slice) -> TensorVariable:
    if isinstance(s.step, complex):
        return linspace(s.start or 0, s.stop, int(abs(s.step)))
    if s.stop is None:
        raise ValueError("a grid needs to know where each slice stops")
    start = 0 if s.start is None else s.start
    return arange(start, s.stop, 1 if s.step is None else s.step)


mgrid = Grid(sparse=False)
ogrid = Grid(sparse=True)
