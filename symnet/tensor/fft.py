"""Fourier transforms of real tensors, with Theano's conventions.

symnet has no complex numbers: real and imaginary parts stand along a last dimension of length 2.
The first dimension counts inputs; all others are transformed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from symnet.names import missing
from symnet.ops.fourier import IRFFT, RFFT
from symnet.scalar import table
from symnet.tensor.convert import TensorLike, constant
from symnet.tensor.elementwise import cast
from symnet.tensor.manipulation import length, lengths, product
from symnet.tensor.nlinalg import floating

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

__all__ = ["irfft", "rfft"]

Norm = Literal["ortho", "no_norm"] | None


def rfft(inp: TensorLike, norm: Norm = None) -> TensorVariable:
    """Return the discrete Fourier transform of real inputs.

    Parameters
    ----------
    inp
        Inputs along the first dimension, each of shape (..., n); all of its dimensions are
        transformed.
    norm
        ``"ortho"`` divides by the square root of the number of elements of an input, so that the
        transform is unitary; None and ``"no_norm"`` do not scale.

    Returns
    -------
    TensorVariable
        Of shape (inputs, ..., n // 2 + 1, 2): of the last dimension the frequencies that are not
        conjugates of others, then real and imaginary parts.

    Examples
    --------
    >>> rfft([[1.0, 0.0, 0.0, 1.0]]).eval()
    array([[[2., 0.],
            [1., 1.],
            [0., 0.]]], dtype=float32)
    """
    (x,) = floating(inp)
    scaled: TensorVariable = RFFT()(x) / _size(x, _power(norm, forward=True))
    return scaled


def irfft(inp: TensorLike, norm: Norm = None, is_odd: bool = False) -> TensorVariable:
    """Return the real inputs of which `rfft` gives the discrete Fourier transform.

    Parameters
    ----------
    inp
        Of shape (inputs, ..., n // 2 + 1, 2), as `rfft` gives it.
    norm
        None divides by the number of elements of a result, ``"ortho"`` by its square root,
        ``"no_norm"`` by nothing.
    is_odd
        Whether n is odd, which the number of frequencies does not tell.

    Returns
    -------
    TensorVariable
        Of shape (inputs, ..., n).

    Raises
    ------
    ValueError
        If `norm` is none of these.
    """
    (x,) = floating(inp)
    if not isinstance(is_odd, (bool, int)) or is_odd not in (0, 1):
        raise ValueError(f"irfft: is_odd is True or False, not {is_odd!r}")
    if x.ndim < 3:
        raise TypeError(
            f"irfft takes at least three dimensions, of inputs, frequencies and parts, got {x.type}"
        )
    known, less = x.type.shape[-2], 1 if is_odd else 2
    n = length(x, x.ndim - 2) * 2 - less if known is None else constant(known * 2 - less)
    found = IRFFT()(x, n)
    scaled: TensorVariable = found / _size(found, _power(norm, forward=False))
    return scaled


def _power(norm: Norm, forward: bool) -> float:
    """Return the power of the size that a transform is divided by."""
    powers = {None: 0.0 if forward else 1.0, "ortho": 0.5, "no_norm": 0.0}
    if norm not in powers:
        raise ValueError(f"fft: norm is None, 'ortho' or 'no_norm', not {norm!r}")
    return powers[norm]


def _size(x: TensorVariable, power: float) -> Any:
    """Return the number of elements of an input to some power."""
    if not power:
        return 1
    count = cast(product(lengths(x)[1:]), x.dtype)
    return count if power == 1 else table.sqrt(count)


def __getattr__(name: str) -> Any:
    raise missing(__name__, name, __all__)
