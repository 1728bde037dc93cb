"""The old home of pooling; see `symnet.tensor.signal.pool`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symnet.tensor.convert import TensorLike
from symnet.tensor.signal.pool import max_pool_2d_same_size, pool_2d

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

__all__ = ["max_pool_2d", "max_pool_2d_same_size"]


def max_pool_2d(
    input: TensorLike,
    ds: Any,
    ignore_border: bool | None = None,
    st: Any = None,
    padding: Any = (0, 0),
    mode: str = "max",
) -> TensorVariable:
    """Return `pool_2d(input, ds, ignore_border, st, padding, mode)`, its old name."""
    return pool_2d(input, ds, ignore_border, st, padding, mode)
