"""Shapes around convolutions: what a border mode means, and what follows from what.

Shapes are sequences with an entry for each dimension: an integer, an integer variable, or None
where nothing is known. Filters of an unshared convolution have two spatial shapes in theirs:
(filters, output rows, output columns, channels, rows, columns).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symnet.ops.convolution import Length, Pair, dilated
from symnet.tensor.convert import static_integer

BorderMode = str | int | Sequence[int | Sequence[int]]
"""``"valid"``, ``"half"``, ``"full"``, a padding, one for each dimension, or pairs of these."""

Size = Any
"""A length: an integer, an integer variable, or None for unknown."""


def border_pads(border_mode: BorderMode, taps: Sequence[Length], what: str) -> list[Pair]:
    """Return the padding before and behind each spatial dimension.

    Parameters
    ----------
    border_mode
        ``"valid"``: none, so that every window lies within; ``"half"``: half a window, so that
        windows of odd lengths give as many results as there are inputs; ``"full"``: all but one,
        so that every overlap counts; or the zeros themselves: a number, one for each dimension, or
        a pair (before, behind) for each.
    taps
        How far the window reaches in each dimension, dilation included.
    what
        Names the operation in messages.

    Raises
    ------
    ValueError
        If the border mode is none of these.
    """
    if isinstance(border_mode, str):
        if border_mode not in ("valid", "half", "full"):
            raise ValueError(
                f'{what}: border_mode {border_mode!r} is none of "valid", "half", "full", a '
                "padding, a padding for each dimension, or a pair of paddings for each"
            )
        if border_mode == "valid":
            return [(0, 0) for _ in taps]
        pads: list[Any] = [k // 2 if border_mode == "half" else k - 1 for k in taps]
        return [(p, p) for p in pads]
    number = static_integer(border_mode)
    given: list[Any] = [number] * len(taps) if number is not None else list(border_mode)  # type: ignore[arg-type]
    if len(given) != len(taps):
        raise ValueError(
            f"{what}: border_mode {border_mode!r} has {len(given)} entries for {len(taps)} spatial "
            "dimensions"
        )
    found: list[Pair] = []
    for entry in given:
        pair = list(entry) if isinstance(entry, (tuple, list)) else [entry, entry]
        known = [static_integer(p) for p in pair]
        if len(known) != 2 or any(p is None or p < 0 for p in known):
            raise ValueError(
                f"{what}: border_mode {border_mode!r}; a padding is an integer of at least 0, or "
                "a pair of them"
            )
        found.append((known[0], known[1]))  # type: ignore[arg-type]
    return found


def get_conv_output_shape(
    image_shape: Sequence[Size],
    kernel_shape: Sequence[Size],
    border_mode: BorderMode,
    subsample: Sequence[int],
    filter_dilation: Sequence[int] | None = None,
) -> tuple[Size, ...]:
    """Return the shape of the result of a convolution.

    Parameters
    ----------
    image_shape
        (batch, channels, space...).
    kernel_shape
        (filters, channels, taps...).
    border_mode, subsample, filter_dilation
        As of `conv2d`.

    Examples
    --------
    >>> get_conv_output_shape((500, 1, 28, None), (20, 1, 5, 5), "valid", (1, 1))
    (500, 20, 24, None)
    """
    rank = len(image_shape) - 2
    dilation = filter_dilation if filter_dilation is not None else (1,) * rank
    space = [
        get_conv_shape_1axis(n, k, _of_axis(border_mode, axis), subsample[axis], dilation[axis])
        for axis, (n, k) in enumerate(zip(image_shape[2:], kernel_shape[-rank:], strict=True))
    ]
    return (image_shape[0], kernel_shape[0], *space)


def get_conv_shape_1axis(
    image_shape: Size,
    kernel_shape: Size,
    border_mode: BorderMode,
    subsample: int,
    dilation: int = 1,
) -> Size:
    """Return one spatial length of the result of a convolution, None where it is not known."""
    if image_shape is None or kernel_shape is None:
        return None
    reach = dilated(kernel_shape, dilation)
    low, high = _pair(border_mode, reach)
    return (image_shape + low + high - reach) // subsample + 1


def get_conv_gradweights_shape(
    image_shape: Sequence[Size],
    top_shape: Sequence[Size],
    border_mode: BorderMode,
    subsample: Sequence[int],
    filter_dilation: Sequence[int] | None = None,
    num_groups: int = 1,
    unshared: bool = False,
) -> tuple[Size, ...]:
    """Return the shape of the filters of a convolution, None where several are possible.

    Parameters
    ----------
    image_shape
        (batch, channels, space...) of the input.
    top_shape
        (batch, filters, space...) of the result.
    border_mode, subsample, filter_dilation, num_groups, unshared
        As of `conv2d`.
    """
    rank = len(image_shape) - 2
    dilation = filter_dilation if filter_dilation is not None else (1,) * rank
    channels = None if image_shape[1] is None else image_shape[1] // num_groups
    taps = [
        get_conv_gradweights_shape_1axis(
            n, m, _of_axis(border_mode, axis), subsample[axis], dilation[axis]
        )
        for axis, (n, m) in enumerate(zip(image_shape[2:], top_shape[2:], strict=True))
    ]
    places = tuple(top_shape[2:]) if unshared else ()
    return (top_shape[1], *places, channels, *taps)


def get_conv_gradweights_shape_1axis(
    image_shape: Size,
    top_shape: Size,
    border_mode: BorderMode,
    subsample: int,
    dilation: int = 1,
) -> Size:
    """Return the number of taps of a convolution, None where it does not follow."""
    if image_shape is None or top_shape is None or subsample != 1 or border_mode == "half":
        return None
    if border_mode == "full":
        span = top_shape - image_shape
    else:
        low, high = _pair(border_mode, 0)
        span = image_shape + low + high - top_shape
    return span // dilation + 1


def get_conv_gradinputs_shape(
    kernel_shape: Sequence[Size],
    top_shape: Sequence[Size],
    border_mode: BorderMode,
    subsample: Sequence[int],
    filter_dilation: Sequence[int] | None = None,
    num_groups: int = 1,
) -> tuple[Size, ...]:
    """Return the shape of the input of a convolution, None where several are possible.

    Parameters
    ----------
    kernel_shape
        (filters, channels, taps...).
    top_shape
        (batch, filters, space...) of the result.
    border_mode, subsample, filter_dilation, num_groups
        As of `conv2d`.
    """
    rank = len(top_shape) - 2
    dilation = filter_dilation if filter_dilation is not None else (1,) * rank
    channels = kernel_shape[-rank - 1]
    space = [
        get_conv_gradinputs_shape_1axis(
            k, m, _of_axis(border_mode, axis), subsample[axis], dilation[axis]
        )
        for axis, (k, m) in enumerate(zip(kernel_shape[-rank:], top_shape[2:], strict=True))
    ]
    return (top_shape[0], None if channels is None else channels * num_groups, *space)


def get_conv_gradinputs_shape_1axis(
    kernel_shape: Size,
    top_shape: Size,
    border_mode: BorderMode,
    subsample: int,
    dilation: int = 1,
) -> Size:
    """Return a spatial length of the input of a convolution, None where it does not follow."""
    if kernel_shape is None or top_shape is None or subsample != 1:
        return None
    reach = dilated(kernel_shape, dilation)
    low, high = _pair(border_mode, reach)
    return top_shape + reach - 1 - low - high


def _of_axis(border_mode: BorderMode, axis: int) -> BorderMode:
    """Return the border mode of one dimension."""
    if isinstance(border_mode, (tuple, list)):
        entry: Any = border_mode[axis]
        return (tuple(entry),) if isinstance(entry, (tuple, list)) else entry
    return border_mode


def _pair(border_mode: BorderMode, reach: Size) -> tuple[Any, Any]:
    pair = isinstance(border_mode, tuple) and len(border_mode) == 2
    one: Any = (border_mode,) if pair else border_mode
    return border_pads(one, [reach], "convolution")[0]
