"""Products with a logarithm that are 0 where the factor is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnet.scalar import rows
from symnet.tensor.convert import TensorLike, as_tensor_variable

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable


def xlogy0(x: TensorLike, y: TensorLike) -> TensorVariable:
    """Return ``x * log(y)``, and 0 where `x` is 0, whatever `y` is there."""
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    table = rows()
    absent = table["eq"](x, 0)
    # The logarithm of 1 where x is 0, so that neither it nor its gradient is infinite there.
    product: TensorVariable = x * table["log"](table["switch"](absent, 1, y))
    return product


def xlogx(x: TensorLike) -> TensorVariable:
    """Return ``x * log(x)``, and 0 where `x` is 0."""
    return xlogy0(x, x)
