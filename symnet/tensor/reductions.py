"""Reductions: one value from all the elements along some dimensions."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from symnet import dtypes
from symnet.config import config
from symnet.graph import Constant
from symnet.ops.identity import StopGradient
from symnet.ops.reduce import Argmax, Reduce
from symnet.scalar import TABLE, table
from symnet.tensor.constructors import zeros_like
from symnet.tensor.convert import (
    TensorLike,
    as_tensor_variable,
    axes_of,
    converted,
    entries,
    static_integer,
)
from symnet.tensor.manipulation import dimshuffle, flatten, length, product

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

Axis = Any
"""A dimension, several of them as a sequence, or None for all."""


def restore(reduced: TensorVariable, axes: tuple[int, ...], ndim: int) -> TensorVariable:
    """Put the reduced dimensions of a variable of `ndim` back, with length 1."""
    left = iter(range(reduced.ndim))
    return dimshuffle(reduced, *("x" if i in axes else next(left) for i in range(ndim)))


def _reduce(
    name: str, row: str, x: TensorLike, axis: Axis, dtype: str | None, keepdims: bool
) -> TensorVariable:
    """Reduce with a table row, accumulating in `dtype`, by default that of `x`."""
    x = as_tensor_variable(x)
    axes = axes_of(axis, x.ndim, name)
    dtype = dtype or x.dtype
    scalars = entries(x) if axes == (0,) and not isinstance(x, Constant) else None
    if scalars:
        # A vector of scalars is mostly a shape, whose product must stay an integer expression.
        given = (converted(s, dtype) for s in scalars)
        reduced: TensorVariable = functools.reduce(TABLE[row], given)
    elif axes:
        reduced = Reduce(TABLE[row], axes, dtype)(x)
    else:
        reduced = converted(x, dtype)
    return restore(reduced, axes, x.ndim) if keepdims else reduced


def _accumulate(
    name: str, row: str, x: TensorLike, axis: Axis, dtype: object, keepdims: bool, acc: object
) -> TensorVariable:
    x = as_tensor_variable(x)
    wide = _wide(x.dtype)
    result = wide if dtype is None else dtypes.canonical(dtype)
    accumulator = result if acc is None else dtypes.canonical(acc)
    if dtypes.is_float(x.dtype) and not dtypes.is_float(accumulator):
        raise TypeError(f"{name}: {x.dtype} cannot be accumulated in {accumulator}; cast it first")
    return converted(_reduce(name, row, x, axis, accumulator, keepdims), result)


def _wide(dtype: str) -> str:
    """Return the dtype that sums of integers are made in."""
    if dtype in dtypes.UNSIGNED:
        return "uint64"
    return "int64" if dtypes.is_discrete(dtype) else dtype


def sum(
    x: TensorLike,
    axis: Axis = None,
    dtype: object = None,
    keepdims: bool = False,
    acc_dtype: object = None,
) -> TensorVariable:
    """Return the sum of the elements along `axis`.

    Parameters
    ----------
    x
        Any tensor.
    axis
        A dimension, several, or None for all.
    dtype
        Of the result; by default that of `x`, and 64 bits for integers and booleans.
    keepdims
        Whether summed dimensions stay, with length 1.
    acc_dtype
        Dtype to accumulate in; by default that of the result.
    """
    return _accumulate("sum", "add", x, axis, dtype, keepdims, acc_dtype)


def prod(
    x: TensorLike,
    axis: Axis = None,
    dtype: object = None,
    keepdims: bool = False,
    acc_dtype: object = None,
    no_zeros_in_input: bool = False,
) -> TensorVariable:
    """Return the product of the elements along `axis`; parameters as of `sum`.

    `no_zeros_in_input` is accepted for old code; the gradient is right either way.
    """
    return _accumulate("prod", "mul", x, axis, dtype, keepdims, acc_dtype)


def max(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> TensorVariable:
    """Return the greatest element along `axis`, NaN where there is one."""
    return _reduce("max", "maximum", x, axis, None, keepdims)


def min(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> TensorVariable:
    """Return the least element along `axis`, NaN where there is one."""
    return _reduce("min", "minimum", x, axis, None, keepdims)


def any(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> TensorVariable:
    """Return whether an element along `axis` is nonzero."""
    return _reduce("any", "logical_or", x, axis, "bool", keepdims)


def all(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> TensorVariable:
    """Return whether all elements along `axis` are nonzero."""
    return _reduce("all", "logical_and", x, axis, "bool", keepdims)


def ptp(x: TensorLike, axis: Axis = None) -> TensorVariable:
    """Return the distance from the least to the greatest element along `axis`."""
    difference: TensorVariable = max(x, axis) - min(x, axis)
    return difference


def argmax(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> TensorVariable:
    """Return where along `axis` the greatest element stands, the first of several, as int64.

    Parameters
    ----------
    x
        Any tensor. A NaN counts as greater than everything.
    axis
        A dimension; several, or None for all, are counted through in C order.
    keepdims
        Whether the dimensions looked along stay, with length 1.
    """
    return _where("argmax", "maximum", x, axis, keepdims)


def argmin(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> TensorVariable:
    """Return where along `axis` the least element stands; parameters as of `argmax`."""
    return _where("argmin", "minimum", x, axis, keepdims)


def _where(name: str, row: str, x: TensorLike, axis: Axis, keepdims: bool) -> TensorVariable:
    x = as_tensor_variable(x)
    axes = axes_of(axis, x.ndim, name)
    combine = TABLE[row]
    if not axes:
        found: TensorVariable = zeros_like(x, "int64")
    elif len(axes) == 1:
        found = Argmax(axes[0], combine)(x)
    else:
        kept = [i for i in range(x.ndim) if i not in axes]
        joined = flatten(dimshuffle(x, *kept, *axes), len(kept) + 1)
        found = Argmax(len(kept), combine)(joined)
    return restore(found, axes, x.ndim) if keepdims else found


def max_and_argmax(
    x: TensorLike, axis: Axis = None, keepdims: bool = False
) -> tuple[TensorVariable, TensorVariable]:
    """Return `max` and `argmax` along `axis`."""
    return max(x, axis, keepdims), argmax(x, axis, keepdims)


def count(x: TensorVariable, axes: tuple[int, ...], dtype: str, less: int = 0) -> Any:
    """Return how many elements a reduction of `x` along `axes` takes, minus `less`."""
    number = product(length(x, axis) for axis in axes)
    known = static_integer(number)
    if known is not None:
        return known - less
    return converted(number - less if less else number, dtype)


def mean(
    x: TensorLike,
    axis: Axis = None,
    dtype: object = None,
    keepdims: bool = False,
    acc_dtype: object = None,
) -> TensorVariable:
    """Return the mean of the elements along `axis`.

    Parameters
    ----------
    x
        Any tensor; integers and booleans are averaged in ``config.floatX``.
    axis
        A dimension, several, or None for all.
    dtype
        Of the result.
    keepdims
        Whether the dimensions stay, with length 1.
    acc_dtype
        Dtype to accumulate in; by default that of the result.
    """
    x = as_tensor_variable(x)
    result = dtypes.canonical(dtype or (x.dtype if dtypes.is_float(x.dtype) else "floatX"))
    if not dtypes.is_float(result):
        raise TypeError(f"mean: the dtype of a mean is floating point, not {result}")
    accumulator = result if acc_dtype is None else dtypes.canonical(acc_dtype)
    axes = axes_of(axis, x.ndim, "mean")
    total = sum(x, axes, accumulator, keepdims)
    return converted(total / count(x, axes, accumulator), result)


def var(
    x: TensorLike,
    axis: Axis = None,
    ddof: int = 0,
    keepdims: bool = False,
    corrected: bool = False,
) -> TensorVariable:
    """Return the variance of the elements along `axis`.

    Parameters
    ----------
    x
        Any tensor.
    axis
        A dimension, several, or None for all.
    ddof
        What is taken off the number of elements in the divisor.
    keepdims
        Whether the dimensions stay, with length 1.
    corrected
        Whether to take off the rounding error of the mean (Chan, Golub and LeVeque, *Algorithms
        for computing the sample variance*, 1983, equation 1.7).
    """
    x = as_tensor_variable(x)
    axes = axes_of(axis, x.ndim, "var")
    centred = x - mean(x, axes, keepdims=True)
    total = sum(centred * centred, axes, keepdims=keepdims)
    if corrected:
        error = sum(centred, axes, keepdims=keepdims)
        total = total - error * error / count(x, axes, total.dtype)
    variance: TensorVariable = total / count(x, axes, total.dtype, less=ddof)
    return variance


def std(
    x: TensorLike,
    axis: Axis = None,
    ddof: int = 0,
    keepdims: bool = False,
    corrected: bool = False,
) -> TensorVariable:
    """Return the square root of `var`, with the same parameters."""
    deviation: TensorVariable = table.sqrt(var(x, axis, ddof, keepdims, corrected))
    return deviation


def norm(
    x: TensorLike, ord: float | None = None, axis: Axis = None, keepdims: bool = False
) -> TensorVariable:
    """Return the vector norm of the elements along `axis`.

    Parameters
    ----------
    x
        Any tensor.
    ord
        ``(sum |x|**ord) ** (1/ord)``, by default 2; infinity is the greatest magnitude, minus
        infinity the least, and 0 counts the nonzero elements.
    axis
        A dimension, several, or None for all.
    keepdims
        Whether the dimensions stay, with length 1.
    """
    x = as_tensor_variable(x)
    if ord is None or ord == 2:
        found: TensorVariable = table.sqrt(sum(table.sqr(x), axis, keepdims=keepdims))
    elif ord == 0:
        dtype = x.dtype if dtypes.is_float(x.dtype) else config.floatX
        found = sum(table.neq(x, 0), axis, dtype, keepdims)
    elif abs(ord) == np.inf:
        found = (max if ord > 0 else min)(abs(x), axis, keepdims)
    elif ord == 1:
        found = sum(abs(x), axis, keepdims=keepdims)
    else:
        found = sum(abs(x) ** ord, axis, keepdims=keepdims) ** (1.0 / ord)
    return found


def logsumexp(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> TensorVariable:
    """Return ``log(sum(exp(x)))`` along `axis`, without overflow."""
    x = as_tensor_variable(x)
    axes = axes_of(axis, x.ndim, "logsumexp")
    greatest = StopGradient()(max(x, axes, keepdims=True))
    # Where all are -inf, or one is inf, taking off the greatest would give NaN.
    shift = table.switch(table.isfinite(greatest), greatest, 0)
    total = table.log(sum(table.exp(x - shift), axes, keepdims=True)) + shift
    if keepdims:
        return as_tensor_variable(total)
    return dimshuffle(total, *(i for i in range(x.ndim) if i not in axes))
