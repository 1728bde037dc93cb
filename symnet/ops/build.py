"""Small expressions that derivatives are made of.

In go variables, out come variables: sums over broadcast dimensions, values repeated to another
variable's shape, conversions that vanish where nothing changes.
"""

from __future__ import annotations

from collections.abc import Sequence

from symnet.graph import Constant, Variable
from symnet.op import constant
from symnet.ops import reduce, shape
from symnet.scalar import cast_to
from symnet.scalar.primitives import add
from symnet.types import TensorType


def cast(x: Variable, dtype: str) -> Variable:
    """Return `x` converted to `dtype`; itself where it already is."""
    if x.dtype == dtype:
        return x
    converted: Variable = cast_to(dtype)(x)
    return converted


def lengths(x: Variable) -> tuple[Variable, ...]:
    """Return the lengths of the dimensions of `x`: constants where its type knows them."""
    return tuple(
        shape.ShapeOf(axis)(x) if n is None else constant(n, "int64")
        for axis, n in enumerate(x.type.shape)
    )


def length_of_all(x: Variable) -> Variable:
    """Return the number of elements of `x`."""
    total: Variable = constant(1, "int64")
    for n in lengths(x):
        total = n if isinstance(total, Constant) and total.data == 1 else total * n
    return total


def fill_like(value: Variable, x: Variable) -> Variable:
    """Return `value` repeated to the shape of `x`."""
    if value.type.shape == x.type.shape and None not in x.type.shape:
        return value
    filled: Variable = shape.Broadcast(x.ndim)(value, *lengths(x))
    return filled


def zeros_like(x: Variable, dtype: str | None = None) -> Variable:
    """Return zeros of the shape and, unless said otherwise, of the dtype of `x`."""
    return fill_like(constant(0, dtype or x.dtype), x)


def ones_like(x: Variable, dtype: str | None = None) -> Variable:
    """Return ones of the shape and, unless said otherwise, of the dtype of `x`."""
    return fill_like(constant(1, dtype or x.dtype), x)


def repeat(x: Variable, count: Variable) -> Variable:
    """Return `count` times `x`, one after the other along a new dimension in front."""
    rows: Variable = shape.Broadcast(x.ndim + 1)(x, count, *lengths(x))
    return rows


def insert_axes(x: Variable, axes: Sequence[int]) -> Variable:
    """Return `x` with new dimensions of length 1, which are number `axes` of the result."""
    if not axes:
        return x
    old = iter(range(x.ndim))
    order = tuple(None if a in axes else next(old) for a in range(x.ndim + len(axes)))
    inserted: Variable = shape.DimShuffle(order)(x)
    return inserted


def sum_to(x: Variable, target: TensorType) -> Variable:
    """Return `x` summed over what a value of type `target` was broadcast along to its shape.

    Dimensions are aligned at the last, as in broadcasting; the dtype stays.
    """
    extra = x.ndim - target.ndim
    repeated = tuple(
        extra + axis
        for axis, n in enumerate(target.shape)
        if n == 1 and x.type.shape[extra + axis] != 1
    )
    axes = tuple(range(extra)) + repeated
    if not axes:
        return x
    total: Variable = reduce.Reduce(add, axes, x.dtype)(x)
    return insert_axes(total, tuple(axis - extra for axis in repeated))
