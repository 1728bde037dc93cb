"""The old home of `conv2d`, which took fewer settings; see `symnet.tensor.nnet.abstract_conv`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from symnet.tensor.convert import TensorLike
from symnet.tensor.nnet.convolutions import Convolution, Shape

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

__all__ = ["conv2d"]


def conv2d(
    input: TensorLike,
    filters: TensorLike,
    image_shape: Shape = None,
    filter_shape: Shape = None,
    border_mode: str = "valid",
    subsample: Sequence[int] = (1, 1),
    **kargs: Any,
) -> TensorVariable:
    """Return the convolution of a batch of images with filters, which are flipped.

    Parameters
    ----------
    input
        (batch, channels, rows, columns).
    filters
        (filters, channels, rows, columns).
    image_shape, filter_shape
        Lengths that are known beforehand.
    border_mode
        ``"valid"`` or ``"full"``.
    subsample
        Steps of the window over rows and columns.
    **kargs
        How the old implementation was to unroll its loops; without meaning here.
    """
    if border_mode not in ("valid", "full"):
        raise ValueError(
            f'nnet.conv.conv2d knows the border modes "valid" and "full", not {border_mode!r}; '
            "nnet.conv2d knows more"
        )
    convolution = Convolution("conv2d", 2, border_mode, subsample)
    return convolution.apply(input, filters, image_shape, filter_shape)
