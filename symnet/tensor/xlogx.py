"""Products with a logarithm that are 0 where the factor is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnet.scalar import table
from symnet.tensor.convert import TensorLike
from symnet.tensor.elementwise import apply

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable


def xlogx(x: TensorLike) -> TensorVariable:
    """Return ``x * log(x)``, and 0 where `x` is 0."""
    return apply(table.xlogx, x)


def xlogy0(x: TensorLike, y: TensorLike) -> TensorVariable:
    """Return ``x * log(y)``, and 0 where `x` is 0."""
    return apply(table.xlogy0, x, y)
