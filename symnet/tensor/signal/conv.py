"""Convolution of images without channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from symnet.tensor.convert import TensorLike, as_tensor_variable
from symnet.tensor.manipulation import dimshuffle
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
    """Return the convolution of an image, or of each of several, with one filter or with several.

    Parameters
    ----------
    input
        (rows, columns) or (images, rows, columns).
    filters
        (rows, columns) or (filters, rows, columns); they are flipped.
    image_shape, filter_shape
        Lengths that are known beforehand.
    border_mode
        ``"valid"`` or ``"full"``, as of `nnet.conv2d`.
    subsample
        Steps of the window over rows and columns.
    **kargs
        How the old implementation was to unroll its loops; without meaning here.

    Returns
    -------
    TensorVariable
        (images, filters, rows, columns), without the first where there is one image, and without
        the second where there is one filter.
    """
    x, w = as_tensor_variable(input), as_tensor_variable(filters)
    for v, name in ((x, "input"), (w, "filters")):
        if v.ndim not in (2, 3):
            raise TypeError(f"signal.conv.conv2d: the {name} has 2 or 3 dimensions, got {v.type}")
    several, many = x.ndim == 3, w.ndim == 3
    images = dimshuffle(x, 0, "x", 1, 2) if several else dimshuffle(x, "x", "x", 0, 1)
    bank = dimshuffle(w, 0, "x", 1, 2) if many else dimshuffle(w, "x", "x", 0, 1)
    convolution = Convolution("signal.conv.conv2d", 2, border_mode, subsample)
    out = convolution.apply(images, bank, _whole(image_shape), _whole(filter_shape))
    kept = [0] * several + [1] * many
    return dimshuffle(out, *kept, 2, 3)


def _whole(shape: Shape) -> Shape:
    if shape is None:
        return None
    *count, rows, columns = shape
    return [*(count or [1]), 1, rows, columns]
