"""Images enlarged by linear interpolation between their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np

from symnet import dtypes
from symnet.config import config
from symnet.tensor.convert import (
    TensorLike,
    as_tensor_variable,
    constant,
    converted,
    static_integer,
)
from symnet.tensor.joining import concatenate
from symnet.tensor.manipulation import dimshuffle, lengths, reshape, specify_shape
from symnet.tensor.nnet.convolutions import Convolution

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable


def bilinear_kernel_1D(ratio: int, normalize: bool = True) -> TensorVariable:
    """Return the triangle that interpolates between points `ratio` apart.

    Parameters
    ----------
    ratio
        Distance of the points.
    normalize
        Whether its peak is 1, not `ratio`.

    Examples
    --------
    >>> bilinear_kernel_1D(2).data
    array([0.5, 1. , 0.5], dtype=float32)
    """
    return _triangle(ratio, normalize, config.floatX)


def _triangle(ratio: int, normalize: bool, dtype: str) -> TensorVariable:
    n = _ratio(ratio)
    heights = n - np.abs(np.arange(1 - n, n))
    return constant(heights / n if normalize else heights, dtype=dtype)


def bilinear_kernel_2D(ratio: int, normalize: bool = True) -> TensorVariable:
    """Return the pyramid that interpolates between points `ratio` apart in rows and columns."""
    kernel = bilinear_kernel_1D(ratio, normalize)
    pyramid: TensorVariable = dimshuffle(kernel, 0, "x") * dimshuffle(kernel, "x", 0)
    return pyramid


def bilinear_upsampling(
    input: TensorLike,
    ratio: int | None = None,
    frac_ratio: Any = None,
    batch_size: int | None = None,
    num_input_channels: int | None = None,
    use_1D_kernel: bool = True,
) -> TensorVariable:
    """Return images enlarged by linear interpolation in rows and columns.

    Pixel `i` of the result stands at ``(i - (ratio - 1) // 2) / ratio`` of the input, whose border
    pixels go on outside.

    Parameters
    ----------
    input
        (batch, channels, rows, columns).
    ratio
        How many times larger the result is.
    frac_ratio
        The ratio as a fraction, see `frac_bilinear_upsampling`; one of the two must be given.
    batch_size, num_input_channels
        Lengths of the input's first dimensions where they are known beforehand.
    use_1D_kernel
        Rows and columns are always interpolated one after the other, which gives the same as a
        kernel of two dimensions.
    """
    if (ratio is None) == (frac_ratio is None):
        raise ValueError("bilinear_upsampling: give ratio or frac_ratio, one of the two")
    x = as_tensor_variable(input)
    if x.ndim != 4:
        raise TypeError(f"bilinear_upsampling: images have four dimensions, got {x.type}")
    x = specify_shape(x, [batch_size, num_input_channels, None, None])
    if ratio is None:
        return frac_bilinear_upsampling(x, frac_ratio)
    return _interpolated(x, (_ratio(ratio), _ratio(ratio)))


def frac_bilinear_upsampling(input: TensorLike, frac_ratio: Any) -> TensorVariable:
    """Return images enlarged, or made smaller, by a fraction.

    Parameters
    ----------
    input
        (batch, channels, rows, columns).
    frac_ratio
        The ratio as a pair (numerator, denominator), or one such pair for rows and one for columns.
        Pixel `i` of the result is number ``i * denominator`` of the input enlarged by the
        numerator.
    """
    x = as_tensor_variable(input)
    if not isinstance(frac_ratio, (tuple, list)) or len(frac_ratio) != 2:
        raise ValueError(f"a ratio is a pair of integers, or two pairs, not {frac_ratio!r}")
    pairs: Sequence[Any] = frac_ratio
    if not isinstance(frac_ratio[0], (tuple, list)):
        pairs = [frac_ratio, frac_ratio]
    fractions = [(_ratio(a), _ratio(b)) for a, b in pairs]
    reduced = [(a // gcd(a, b), b // gcd(a, b)) for a, b in fractions]
    enlarged = _interpolated(x, (reduced[0][0], reduced[1][0]))
    return enlarged[:, :, :: reduced[0][1], :: reduced[1][1]]


def _interpolated(x: TensorVariable, ratios: tuple[int, int]) -> TensorVariable:
    """Return images enlarged along rows, then along columns.

    Every pixel spreads as a triangle over its neighbourhood: a transposed convolution, whose
    input goes one pixel beyond the border.
    """
    if not dtypes.is_float(x.dtype):
        x = converted(x, config.floatX)
    batch, channels, *_ = lengths(x)
    for axis, ratio in enumerate(ratios):
        if ratio == 1:
            continue
        rows, columns = lengths(x)[2:]
        part = reshape(x, [-1, 1, rows, columns])
        whole = (slice(None),) * (2 + axis)
        ends = part[(*whole, slice(None, 1))], part[(*whole, slice(-1, None))]
        wide = concatenate([ends[0], part, ends[1]], axis=2 + axis)
        order = ["x", "x", "x", "x"]
        order[2 + axis] = 0  # type: ignore[call-overload]
        space: list[Any] = list(lengths(wide)[2:])
        space[axis] = lengths(part)[2 + axis] * ratio
        pad = [(0, 0), (0, 0)]
        pad[axis] = (2 * ratio - 1 - (ratio - 1) // 2, 2 * ratio - 1 - ratio // 2)
        stride = [1, 1]
        stride[axis] = ratio
        spread = Convolution("bilinear_upsampling", 2, pad, stride)
        kernel = dimshuffle(_triangle(ratio, True, x.dtype), *order)
        x = spread.input_gradient(kernel, wide, space)
        x = reshape(x, [batch, channels, *lengths(x)[2:]])
    return x


def _ratio(ratio: Any) -> int:
    number = static_integer(ratio)
    if number is None or number < 1:
        raise ValueError(f"a ratio is an integer of at least 1 known beforehand, not {ratio!r}")
    return number
