"""Images seen through an affine map: a grid of places, and samples between pixels there.

Jaderberg, Simonyan, Zisserman and Kavukcuoglu, *Spatial transformer networks*, NIPS 2015.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symnet import dtypes
from symnet.config import config
from symnet.scalar import table
from symnet.tensor.constructors import arange
from symnet.tensor.convert import TensorLike, as_tensor_variable, converted
from symnet.tensor.elementwise import cast
from symnet.tensor.manipulation import dimshuffle, lengths

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

__all__ = ["spatial_transformer"]


def spatial_transformer(
    img: TensorLike,
    theta: TensorLike,
    scale_width: float = 1,
    scale_height: float = 1,
    border_mode: str = "nearest",
) -> TensorVariable:
    """Return images sampled at the places that an affine map sends a regular grid to.

    The corners of images and of the grid are at -1 and 1. Between pixels it interpolates linearly.

    Parameters
    ----------
    img
        (batch, channels, rows, columns).
    theta
        (batch, 2, 3): for each image the map that takes ``(x, y, 1)`` of the grid to ``(x, y)`` of
        the image.
    scale_width, scale_height
        How many times more columns and rows the result has.
    border_mode
        What lies outside of an image: its nearest pixel (``"nearest"``) or zeros (``"zeros"``).

    Returns
    -------
    TensorVariable
        (batch, channels, rows, columns) of the grid.
    """
    img, theta = as_tensor_variable(img), as_tensor_variable(theta)
    if img.ndim != 4 or theta.ndim != 3:
        raise TypeError(
            "spatial_transformer takes images of four dimensions and maps (batch, 2, 3), got "
            f"{img.type} and {theta.type}"
        )
    if border_mode not in ("nearest", "zeros"):
        raise ValueError(
            f'spatial_transformer: border_mode {border_mode!r} is neither "nearest" nor "zeros"'
        )
    if not dtypes.is_float(img.dtype):
        img = converted(img, config.floatX)
    theta = converted(theta, img.dtype)
    rows, columns = lengths(img)[2:]
    high, wide = _scaled(rows, scale_height), _scaled(columns, scale_width)
    y, x = dimshuffle(_line(high, img.dtype), 0, "x"), dimshuffle(_line(wide, img.dtype), "x", 0)

    def mapped(k: int) -> TensorVariable:
        """(batch, grid rows, grid columns): coordinate `k` in the image."""
        a, b, c = (dimshuffle(theta[:, k, j], 0, "x", "x") for j in range(3))
        found: TensorVariable = a * x + b * y + c
        return found

    at_row, at_column = (
        (mapped(k) + 1) * cast(n - 1, img.dtype) / 2 for k, n in ((1, rows), (0, columns))
    )
    return _sampled(img, at_row, at_column, border_mode == "zeros")


def _sampled(
    img: TensorVariable, at_row: TensorVariable, at_column: TensorVariable, zeros: bool
) -> TensorVariable:
    """Return (batch, channels, grid rows, grid columns) between the four pixels around."""
    rows, columns = lengths(img)[2:]
    if not zeros:
        at_row, at_column = _inside(at_row, rows), _inside(at_column, columns)
    top, left = table.floor(at_row), table.floor(at_column)
    batch = dimshuffle(arange(lengths(img)[0]), 0, "x", "x")
    total: Any = None
    for row, column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        weight = (1 - abs(at_row - row)) * (1 - abs(at_column - column))
        if zeros:
            within = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
            weight = table.switch(within, weight, 0)
        places = [cast(_inside(v, n), "int64") for v, n in ((row, rows), (column, columns))]
        pixels = dimshuffle(img, 0, 2, 3, 1)[batch, places[0], places[1]]
        term = dimshuffle(weight, 0, 1, 2, "x") * pixels
        total = term if total is None else total + term
    return dimshuffle(total, 0, 3, 1, 2)


def _inside(v: TensorVariable, n: Any) -> TensorVariable:
    forced: TensorVariable = table.minimum(table.maximum(v, 0), cast(n - 1, v.dtype))
    return forced


def _scaled(n: Any, scale: float) -> Any:
    if scale <= 0:
        raise ValueError(f"spatial_transformer: a scale is greater than 0, not {scale!r}")
    return n if scale == 1 else cast(table.floor(cast(n, "float64") * float(scale)), "int64")


def _line(n: Any, dtype: str) -> TensorVariable:
    """Return `n` places from -1 to 1, or 0 if there is one."""
    steps = cast(arange(n), dtype)
    gaps = cast(table.maximum(n - 1, 1), dtype)
    line: TensorVariable = table.switch(table.eq(n, 1), 0, steps * 2 / gaps - 1)
    return cast(line, dtype)
