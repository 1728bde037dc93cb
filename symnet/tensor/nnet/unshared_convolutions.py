"""Convolution with filters of its own at every place, as products of matrices.

Inputs are (groups, batch, channels, rows, columns), filters (groups, filters, output rows, output
columns, channels, taps...), results (groups, batch, filters, output rows, output columns). At each
place of a result the filters there multiply the window there: one product of matrices, (batch,
channels and taps) times (channels and taps, filters).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from symnet.ops import BatchedDot
from symnet.ops.convolution import Length, Pair
from symnet.ops.windows import Overlay, Windows
from symnet.tensor.convert import as_tensor_variable
from symnet.tensor.manipulation import dimshuffle, lengths, reshape

if TYPE_CHECKING:
    from symnet.graph import Variable
    from symnet.tensor.variable import TensorVariable


def apply(
    x: Variable,
    w: Variable,
    taps: Sequence[int],
    stride: Sequence[int],
    pads: Sequence[Pair],
    dilation: Sequence[int],
) -> TensorVariable:
    """Return the result: ``pads`` are those before and behind each dimension, taps not flipped."""
    places = _sizes(w)[2:4]
    patches = _rows(_windows(x, places, taps, stride, pads, dilation))
    return dimshuffle(_product(patches, _columns(w)), 0, 3, 4, 1, 2)


def input_gradient(
    g: Variable,
    w: Variable,
    space: Sequence[Length],
    taps: Sequence[int],
    stride: Sequence[int],
    pads: Sequence[Pair],
    dilation: Sequence[int],
) -> TensorVariable:
    """Return the cotangent of an input of spatial lengths `space`, given that of the result."""
    groups, _, rows, columns, channels, *_ = _sizes(w)
    batch = _sizes(g)[1]
    tops = dimshuffle(g, 0, 3, 4, 1, 2)
    patches = _product(tops, dimshuffle(_columns(w), 0, 1, 2, 4, 3))
    windows = reshape(patches, [groups, rows, columns, batch, channels, *taps])
    overlay = Overlay(tuple(taps), tuple(stride), _low(pads), tuple(dilation))
    back: TensorVariable = overlay(
        dimshuffle(windows, 0, 3, 4, 1, 2, 5, 6), *(as_tensor_variable(n) for n in space)
    )
    return back


def filter_gradient(
    x: Variable,
    g: Variable,
    taps: Sequence[int],
    stride: Sequence[int],
    pads: Sequence[Pair],
    dilation: Sequence[int],
) -> TensorVariable:
    """Return the cotangent of filters, given that of the result."""
    groups, _, filters, rows, columns = _sizes(g)
    channels = _sizes(x)[2]
    patches = _rows(_windows(x, [rows, columns], taps, stride, pads, dilation))
    product = _product(dimshuffle(g, 0, 3, 4, 2, 1), patches)
    back = reshape(product, [groups, rows, columns, filters, channels, *taps])
    return dimshuffle(back, 0, 3, 1, 2, 4, 5, 6)


def _windows(
    x: Variable,
    places: Sequence[Any],
    taps: Sequence[int],
    stride: Sequence[int],
    pads: Sequence[Pair],
    dilation: Sequence[int],
) -> Variable:
    op = Windows(tuple(taps), tuple(stride), _low(pads), tuple(dilation))
    listed: Variable = op(x, *(as_tensor_variable(n) for n in places))
    return listed


def _low(pads: Sequence[Pair]) -> tuple[int, ...]:
    return tuple(low for low, _ in pads if isinstance(low, int))


def _rows(windows: Variable) -> TensorVariable:
    """Windows (groups, batch, channels, places..., taps...) as rows of a matrix for each place."""
    groups, batch, channels, rows, columns, *taps = _sizes(windows)
    by_place = dimshuffle(windows, 0, 3, 4, 1, 2, 5, 6)
    return reshape(by_place, [groups, rows, columns, batch, channels * taps[0] * taps[1]])


def _columns(w: Variable) -> TensorVariable:
    """Filters as columns of a matrix for each place."""
    groups, filters, rows, columns, channels, *taps = _sizes(w)
    by_place = dimshuffle(w, 0, 2, 3, 4, 5, 6, 1)
    return reshape(by_place, [groups, rows, columns, channels * taps[0] * taps[1], filters])


def _product(a: Variable, b: Variable) -> TensorVariable:
    """Return the product of matrices at each of three leading dimensions."""
    groups, rows, columns, m, k = _sizes(a)
    n = _sizes(b)[4]
    places = groups * rows * columns
    flat = BatchedDot()(reshape(a, [places, m, k]), reshape(b, [places, k, n]))
    return reshape(flat, [groups, rows, columns, m, n])


def _sizes(v: Variable) -> list[Any]:
    """Return lengths, as numbers where they are known."""
    return [
        n if static is None else static for n, static in zip(lengths(v), v.type.shape, strict=True)
    ]
