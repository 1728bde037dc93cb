"""Functions that change nothing but the gradient that passes through them."""

from __future__ import annotations

from typing import Any

from symnet.graph import Variable
from symnet.ops.identity import ClipGradient, ScaleGradient, StopGradient
from symnet.reverse import NullType


def zero_grad(x: Variable) -> Variable:
    """Return `x`, taken as a constant by gradients: they are zero."""
    stopped: Variable = StopGradient()(x)
    return stopped


consider_constant = zero_grad


def disconnected_grad(x: Variable) -> Variable:
    """Return `x`, which gradients do not see: to them nothing depends on it."""
    stopped: Variable = StopGradient(disconnected=True)(x)
    return stopped


def grad_clip(x: Variable, lower_bound: float, upper_bound: float) -> Variable:
    """Return `x`; gradients with respect to it are forced between the bounds.

    Examples
    --------
    >>> import symnet.tensor as T
    >>> x = T.scalar("x")
    >>> from symnet.gradient import grad
    >>> grad(grad_clip(x, -1, 1) ** 2, x).eval({x: 3.0})
    array(1., dtype=float32)
    """
    if lower_bound > upper_bound:
        raise ValueError(f"grad_clip: {lower_bound} is above {upper_bound}")
    clipped: Variable = ClipGradient(lower_bound, upper_bound)(x)
    return clipped


def grad_scale(x: Variable, multiplier: float) -> Variable:
    """Return `x`; gradients with respect to it are multiplied."""
    scaled: Variable = ScaleGradient(multiplier)(x)
    return scaled


def grad_undefined(op: Any, x_pos: int, x: Variable, comment: str = "") -> Variable:
    """Return what the `grad` of an operation gives where the derivative does not exist.

    A gradient that would need it raises `NullTypeGradError`.

    Parameters
    ----------
    op
        The operation.
    x_pos, x
        Number of the operand, and the operand.
    comment
        Why; part of the message.
    """
    return _null(f"the derivative with respect to operand {x_pos}, {x!r}, is undefined", comment)


def grad_not_implemented(op: Any, x_pos: int, x: Variable, comment: str = "") -> Variable:
    """Return what the `grad` of an operation gives where nobody has written the derivative.

    As `grad_undefined`, with another message.
    """
    return _null(f"no derivative with respect to operand {x_pos}, {x!r}, is written", comment)


def _null(why: str, comment: str) -> Variable:
    found: Variable = NullType(f"{why}: {comment}" if comment else why)()
    return found
