"""What follows a layer's sum: squashing functions, rectifiers, softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnet import dtypes
from symnet.config import config
from symnet.ops.identity import StopGradient
from symnet.scalar import table
from symnet.tensor import reductions
from symnet.tensor.convert import TensorLike, as_tensor_variable, axis_of, converted
from symnet.tensor.elementwise import apply
from symnet.tensor.manipulation import shape_padleft

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable


def sigmoid(x: TensorLike) -> TensorVariable:
    """Return the logistic function ``1 / (1 + exp(-x))``."""
    return apply(table.sigmoid, x)


def ultra_fast_sigmoid(x: TensorLike) -> TensorVariable:
    """Return a piecewise approximation of the logistic function."""
    return apply(table.ultra_fast_sigmoid, x)


def hard_sigmoid(x: TensorLike) -> TensorVariable:
    """Return ``clip(0.2 * x + 0.5, 0, 1)``."""
    return apply(table.hard_sigmoid, x)


def softplus(x: TensorLike) -> TensorVariable:
    """Return ``log(1 + exp(x))``."""
    return apply(table.softplus, x)


def softsign(x: TensorLike) -> TensorVariable:
    """Return ``x / (1 + |x|)``."""
    x = _floating(x)
    squashed: TensorVariable = x / (1.0 + abs(x))
    return squashed


def relu(x: TensorLike, alpha: TensorLike = 0) -> TensorVariable:
    """Return `x` where it is positive, ``alpha * x`` elsewhere; the slope at 0 is `alpha`.

    Parameters
    ----------
    x
        Any tensor.
    alpha
        Slope for negative input: a number, or a tensor that broadcasts against `x`.
    """
    x = as_tensor_variable(x)
    if isinstance(alpha, (int, float)) and alpha == 0:
        rectified: TensorVariable = table.maximum(0, x)
    else:
        rectified = table.switch(x > 0, x, alpha * x)
    return rectified


def elu(x: TensorLike, alpha: TensorLike = 1.0) -> TensorVariable:
    """Return `x` where it is positive, ``alpha * (exp(x) - 1)`` elsewhere.

    Clevert, Unterthiner and Hochreiter, *Fast and accurate deep network learning by exponential
    linear units*, ICLR 2016, equation 15.
    """
    x = _floating(x)
    # The branch not taken must stay finite, or its zero cotangent would become NaN.
    negative = table.expm1(table.minimum(x, 0.0))
    result: TensorVariable = table.switch(x > 0, x, alpha * negative)
    return result


def selu(x: TensorLike) -> TensorVariable:
    """Return the exponential linear unit that keeps mean 0 and variance 1 from layer to layer.

    Klambauer, Unterthiner, Mayr and Hochreiter, *Self-normalizing neural networks*, NIPS 2017,
    equation 2; its constants from section 2.
    """
    scaled: TensorVariable = 1.0507009873554805 * elu(x, 1.6732632423543772)
    return scaled


def softmax(x: TensorLike, axis: int | None = None) -> TensorVariable:
    """Return ``exp(x) / sum(exp(x))``, without overflow.

    Parameters
    ----------
    x
        Scores.
    axis
        The dimension that sums to 1. By default the last, and a vector becomes a matrix of one
        row, as in Theano; with ``axis`` given a vector stays one.
    """
    x, axis = _scores(x, axis, "softmax")
    powers = table.exp(x - _greatest(x, axis))
    result: TensorVariable = powers / reductions.sum(powers, axis, keepdims=True)
    return result


def log_softmax(x: TensorLike, axis: int | None = None) -> TensorVariable:
    """Return the logarithm of `softmax`, exact where that would round to 0."""
    x, axis = _scores(x, axis, "log_softmax")
    shifted = x - _greatest(x, axis)
    total = reductions.sum(table.exp(shifted), axis, keepdims=True)
    result: TensorVariable = shifted - table.log(total)
    return result


logsoftmax = log_softmax


def _scores(x: TensorLike, axis: int | None, name: str) -> tuple[TensorVariable, int]:
    x = _floating(x)
    if x.ndim == 0:
        raise ValueError(f"{name}: scores have at least one dimension, got {x.type}")
    if axis is None:
        x = shape_padleft(x) if x.ndim == 1 else x
        return x, x.ndim - 1
    return x, axis_of(axis, x.ndim, name)


def _greatest(x: TensorVariable, axis: int) -> TensorVariable:
    """Taken off before `exp`, it changes nothing but the rounding, so no gradient passes it."""
    greatest: TensorVariable = StopGradient()(reductions.max(x, axis, keepdims=True))
    return greatest


def _floating(x: TensorLike) -> TensorVariable:
    x = as_tensor_variable(x)
    return x if dtypes.is_float(x.dtype) else converted(x, config.floatX)
