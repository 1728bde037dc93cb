"""Normalisation of what feature maps say at one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnet.ops.windows import Windows
from symnet.tensor import reductions
from symnet.tensor.convert import TensorLike, as_tensor_variable
from symnet.tensor.manipulation import dimshuffle, length

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable


def local_response_normalization(
    x: TensorLike, k: float = 2, n: int = 5, alpha: float = 1e-4, beta: float = 0.75
) -> TensorVariable:
    """Return every activation divided by a power of the activity of channels beside its own.

    ``x / (k + alpha * sum(x ** 2 over the n channels around)) ** beta``: Krizhevsky, Sutskever and
    Hinton, *ImageNet classification with deep convolutional neural networks*, NIPS 2012, section
    3.3, with their constants.

    Parameters
    ----------
    x
        (batch, channels, space...).
    k, alpha, beta
        Constants of the formula.
    n
        How many channels count, an odd number; beyond the first and the last there are none.

    Examples
    --------
    >>> from symnet.tensor import tensor4
    >>> local_response_normalization(tensor4(shape=(None, 96, 55, 55))).type.shape
    (None, 96, 55, 55)
    """
    x = as_tensor_variable(x)
    if x.ndim < 2:
        raise TypeError(f"local_response_normalization: no channels in {x.type}")
    if not isinstance(n, int) or n < 1 or n % 2 == 0:
        raise ValueError(f"local_response_normalization: n is an odd number of channels, not {n!r}")
    squares = dimshuffle(x * x, 0, *range(2, x.ndim), 1)
    around = Windows((n,), (1,), (n // 2,), (1,))(squares, length(x, 1))
    activity = dimshuffle(reductions.sum(around, axis=x.ndim), 0, x.ndim - 1, *range(1, x.ndim - 1))
    normal: TensorVariable = x / (k + alpha * activity) ** beta
    return normal
