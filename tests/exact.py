"""Graphs evaluated in exact arithmetic: numbers of hundreds of digits, whose exponents never end.

What overflows, or loses its digits, in floating point is what it is here.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import mpmath as mp
import numpy as np

from symnet.graph import Constant, Variable, ancestors
from symnet.ops.elementwise import Elemwise
from symnet.ops.identity import StopGradient
from symnet.ops.reduce import Reduce
from symnet.ops.shape import Broadcast, DimShuffle

DIGITS = 500
"""Enough to tell ``1 - exp(-1000)`` from 1."""

Array = np.ndarray[Any, Any]


class NotExactError(Exception):
    """An operation has no exact meaning here."""


def _real(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is NaN where it is not real."""

    def real(*operands: Any) -> Any:
        try:
            value = f(*operands)
        except (ValueError, ZeroDivisionError):
            return mp.nan
        return mp.nan if isinstance(value, mp.mpc) else value

    return real


def _logarithm(x: Any) -> Any:
    return mp.mpf("-inf") if x == 0 else mp.log(x)


def _quotient(x: Any, y: Any) -> Any:
    return (mp.inf * mp.sign(x) if x else mp.nan) if y == 0 else x / y


_ROWS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    # Infinite is only the logarithm of 0, which loses to any power: 0 * inf is 0.
    "mul": lambda x, y: x * y if (x and y) or mp.isnan(x + y) else mp.mpf(0),
    "true_div": _quotient,
    "neg": operator.neg,
    "abs": abs,
    "sqr": lambda x: x * x,
    "sqrt": mp.sqrt,
    "pow": lambda x, y: _quotient(mp.mpf(1), x ** (-y)) if y < 0 else x**y,
    "exp": mp.exp,
    "exp2": lambda x: mp.power(2, x),
    "expm1": lambda x: mp.exp(x) - 1,
    "log": _logarithm,
    "log2": lambda x: _logarithm(x) / mp.log(2),
    "log1p": lambda x: _logarithm(x + 1),
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda x: mp.log(1 + mp.exp(x)),
    "tanh": mp.tanh,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "arcsinh": mp.asinh,
    "arccosh": mp.acosh,
    "arctanh": lambda x: mp.atanh(x) if abs(x) < 1 else mp.nan,
    "erf": mp.erf,
    "erfc": mp.erfc,
    "erfinv": lambda x: mp.erfinv(x) if abs(x) < 1 else mp.nan,
    "gamma": mp.gamma,
}


def exact(v: Variable, given: Mapping[Variable, Array]) -> Array:
    """The value of a variable, an array of mpmath's numbers.

    Raises
    ------
    NotExactError
        If the graph has an operation that is not known here.
    """
    values: dict[Variable, Array] = {u: _numbers(a) for u, a in given.items()}
    for node in ancestors([v]):
        operands = [_numbers(u.data) if isinstance(u, Constant) else values[u] for u in node.inputs]
        op = node.op
        if isinstance(op, Elemwise) and (op.scalar.name in _ROWS):
            function = np.frompyfunc(_real(_ROWS[op.scalar.name]), op.scalar.arity, 1)
            found = function(*operands)
        elif isinstance(op, Elemwise) and op.scalar.name.startswith("cast_float"):
            (found,) = operands
        elif isinstance(op, Reduce) and op.combine.name in ("add", "mul"):
            found = getattr(np, {"add": "add", "mul": "multiply"}[op.combine.name]).reduce(
                operands[0], axis=op.axes
            )
        elif isinstance(op, DimShuffle | Broadcast | StopGradient):
            (found,) = op.perform(operands)
        else:
            raise NotExactError(f"{op}")
        values[node.out] = np.asarray(found, object)
    return values[v]


def _numbers(a: Array) -> Array:
    if a.dtype == object:
        return a
    return np.asarray(np.frompyfunc(lambda x: mp.mpf(float(x)), 1, 1)(a), object)


def rounded(a: Array, dtype: str) -> Array:
    """Exact numbers in a floating point dtype; what it has no numbers for is infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.frompyfunc(float, 1, 1)(a), "float64").astype(dtype)
