"""Sums, products and differences along a dimension."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from symnet.ops.cumulative import CumOp
from symnet.scalar import table
from symnet.tensor.convert import TensorLike, as_tensor_variable, axis_of, static_integer

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable


def cumsum(x: TensorLike, axis: int | None = None) -> TensorVariable:
    """Return the sums of the elements so far.

    They are summed one after the other, so that the result does not depend on threads. The dtype
    stays, but for booleans, which are counted in int64.

    Parameters
    ----------
    x
        Any tensor.
    axis
        Along which dimension; by default along all elements in C order, as a vector.

    Examples
    --------
    >>> from symnet.tensor import vector
    >>> x = vector("x")
    >>> cumsum(x).eval({x: [1, 2, 3]})
    array([1., 3., 6.], dtype=float32)
    """
    return _cumulated(x, axis, CumOp(), "cumsum")


def cumprod(x: TensorLike, axis: int | None = None) -> TensorVariable:
    """Return the products of the elements so far; parameters as of `cumsum`.

    The gradient is right where elements are zero, too.
    """
    return _cumulated(x, axis, CumOp(mode="mul"), "cumprod")


def _cumulated(x: TensorLike, axis: int | None, op: CumOp, name: str) -> TensorVariable:
    x = as_tensor_variable(x)
    if axis is not None:
        axis = axis_of(axis, x.ndim, name)
    found: TensorVariable = CumOp(axis, op.mode)(x)
    return found


def CumsumOp(axis: int | None = None) -> CumOp:
    """Return the operation of `cumsum`, by an old name."""
    return CumOp(axis)


def CumprodOp(axis: int | None = None) -> CumOp:
    """Return the operation of `cumprod`, by an old name."""
    return CumOp(axis, "mul")


def diff(x: TensorLike, n: int = 1, axis: int = -1) -> TensorVariable:
    """Return the differences of elements next to each other.

    Parameters
    ----------
    x
        Any tensor; of booleans, whether they differ.
    n
        How often differences are taken.
    axis
        Along which dimension.

    Examples
    --------
    >>> from symnet.tensor import vector
    >>> x = vector("x")
    >>> diff(x, n=2).eval({x: [1, 4, 9, 16]})
    array([2., 2.], dtype=float32)
    """
    found = as_tensor_variable(x)
    times = static_integer(n)
    if times is None or times < 0:
        raise ValueError(f"diff: n is a number of times known beforehand, got {n!r}")
    place = (slice(None),) * axis_of(axis, found.ndim, "diff")
    for _ in range(times):
        later, earlier = found[(*place, slice(1, None))], found[(*place, slice(-1))]
        found = table.neq(later, earlier) if found.dtype == "bool" else later - earlier
    return found


def DiffOp(n: int = 1, axis: int = -1) -> Callable[[TensorLike], TensorVariable]:
    """Return `diff` with its parameters, as old code calls it: ``DiffOp(n, axis)(x)``."""
    return lambda x: diff(x, n, axis)
