"""Neighbourhoods of pixels as rows of a matrix, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from symnet.ops.windows import Windows
from symnet.tensor.convert import TensorLike, as_tensor_variable, static_integer
from symnet.tensor.manipulation import dimshuffle, lengths, reshape, shape_arguments
from symnet.tensor.rearranging import pad

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

__all__ = ["images2neibs", "neibs2images"]

_MODES = ("valid", "ignore_borders", "half", "full", "wrap_centered")


def images2neibs(
    ten4: TensorLike, neib_shape: Any, neib_step: Any = None, mode: str = "valid"
) -> TensorVariable:
    """Return neighbourhoods of images as rows of a matrix.

    Parameters
    ----------
    ten4
        (batch, channels, rows, columns).
    neib_shape
        Rows and columns of a neighbourhood.
    neib_step
        Distances of neighbourhoods; by default they do not overlap.
    mode
        ``"valid"``: neighbourhoods lie within, and must end where the image does;
        ``"ignore_borders"``: what is left over at the end is ignored; ``"half"`` and ``"full"``: as
        ``"valid"`` with zeros around the image, half a neighbourhood wide or all but one;
        ``"wrap_centered"``: one around every pixel (that the step hits), going on at the other
        side of the image; their lengths must be odd.

    Returns
    -------
    TensorVariable
        (batch * channels * neighbourhoods, rows * columns of one), in this order.

    Examples
    --------
    >>> from symnet.tensor import tensor4
    >>> images2neibs(tensor4(shape=(None, 1, 10, 10)), (5, 5)).type.shape
    (None, 25)
    """
    x = as_tensor_variable(ten4)
    if x.ndim != 4:
        raise TypeError(f"images2neibs: images have four dimensions, got {x.type}")
    if mode not in _MODES:
        raise ValueError(f"images2neibs: mode {mode!r} is none of {', '.join(_MODES)}")
    taps = _pair(neib_shape, "neib_shape")
    steps = taps if neib_step is None else _pair(neib_step, "neib_step")
    low = (0, 0)
    if mode == "half":
        low = (taps[0] // 2, taps[1] // 2)
    elif mode == "full":
        low = (taps[0] - 1, taps[1] - 1)
    elif mode == "wrap_centered":
        if taps[0] % 2 == 0 or taps[1] % 2 == 0:
            raise ValueError(f"images2neibs: neighbourhoods around pixels are odd, not {taps}")
        half = [(k // 2, k // 2) for k in taps]
        x = pad(x, [(0, 0), (0, 0), *half], mode="wrap")
    exact = mode not in ("ignore_borders", "wrap_centered")
    space = [v if n is None else n for n, v in zip(x.type.shape, lengths(x), strict=True)][2:]
    counts = [(n + 2 * p - k) // s + 1 for n, p, k, s in zip(space, low, taps, steps, strict=True)]
    op = Windows(taps, steps, low, (1, 1), 0, exact)
    listed = op(x, *(as_tensor_variable(n) for n in counts))
    return reshape(listed, [-1, taps[0] * taps[1]])


def neibs2images(
    neibs: TensorLike, neib_shape: Any, original_shape: Any, mode: str = "valid"
) -> TensorVariable:
    """Return the images whose neighbourhoods, which do not overlap, are the rows of a matrix.

    Parameters
    ----------
    neibs
        What `images2neibs` gives without `neib_step`.
    neib_shape
        Rows and columns of a neighbourhood.
    original_shape
        (batch, channels, rows, columns) of the images.
    mode
        ``"valid"``, or ``"ignore_borders"``: what was left over becomes zeros.
    """
    x = as_tensor_variable(neibs)
    if x.ndim != 2:
        raise TypeError(f"neibs2images: neighbourhoods are rows of a matrix, got {x.type}")
    if mode not in ("valid", "ignore_borders"):
        raise ValueError(
            f'neibs2images: mode {mode!r} is neither "valid" nor "ignore_borders": of other modes '
            "the images do not follow"
        )
    taps = _pair(neib_shape, "neib_shape")
    batch, channels, *space = shape_arguments(original_shape, "neibs2images", 4)
    known = [n if static_integer(n) is None else static_integer(n) for n in space]
    counts = [n // k for n, k in zip(known, taps, strict=True)]  # type: ignore[operator]
    split = reshape(x, [batch, channels, *counts, *taps])
    covered = [m * k for m, k in zip(counts, taps, strict=True)]
    images = reshape(dimshuffle(split, 0, 1, 2, 4, 3, 5), [batch, channels, *covered])
    if mode == "valid":
        return reshape(images, [batch, channels, *known])
    width: Sequence[Any] = [(0, 0), (0, 0)]
    rest = [(0, n - m) for n, m in zip(known, covered, strict=True)]  # type: ignore[operator]
    return pad(images, [*width, *rest])


def _pair(given: Any, name: str) -> tuple[int, int]:
    entries = given if isinstance(given, (tuple, list)) else shape_arguments(given, name, 2)
    known = [static_integer(n) for n in entries]
    if len(known) != 2 or any(n is None or n < 1 for n in known):
        raise ValueError(
            f"images2neibs: {name} is two integers of at least 1 known beforehand, not {given!r}"
        )
    return known[0], known[1]  # type: ignore[return-value]
