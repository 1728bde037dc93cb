"""The oldest convolution of three dimensions, which has time in front of the channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnet.tensor.convert import TensorLike, as_tensor_variable
from symnet.tensor.manipulation import dimshuffle
from symnet.tensor.nnet.conv_shapes import BorderMode
from symnet.tensor.nnet.convolutions import Convolution, Shape

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

__all__ = ["conv3d"]


def conv3d(
    signals: TensorLike,
    filters: TensorLike,
    signals_shape: Shape = None,
    filters_shape: Shape = None,
    border_mode: BorderMode = "valid",
) -> TensorVariable:
    """Return the convolution of films with filters, which are flipped.

    Parameters
    ----------
    signals
        (batch, time, channels, rows, columns).
    filters
        (filters, time, channels, rows, columns).
    signals_shape, filters_shape
        Lengths that are known beforehand.
    border_mode
        As of `nnet.conv3d`: for time, rows and columns.

    Returns
    -------
    TensorVariable
        (batch, time, filters, rows, columns).
    """
    convolution = Convolution("conv3d2d.conv3d", 3, border_mode)
    films, bank = as_tensor_variable(signals), as_tensor_variable(filters)
    for v, name in ((films, "signals"), (bank, "filters")):
        if v.ndim != 5:
            raise TypeError(f"conv3d2d.conv3d: {name} have five dimensions, got {v.type}")
    out = convolution.apply(
        dimshuffle(films, 0, 2, 1, 3, 4),
        dimshuffle(bank, 0, 2, 1, 3, 4),
        _channels_first(signals_shape),
        _channels_first(filters_shape),
    )
    return dimshuffle(out, 0, 2, 1, 3, 4)


def _channels_first(shape: Shape) -> Shape:
    return None if shape is None else [shape[k] for k in (0, 2, 1, 3, 4)]
