"""The scalar table as functions of tensors.

Every row of `symnet.scalar.table` becomes a function of the same name; Theano's other names for
some of them are listed in `ALIASES`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from symnet import dtypes
from symnet.graph import Variable
from symnet.scalar import TABLE, ScalarOp, table
from symnet.tensor.convert import TensorLike, as_tensor_variable, converted, operand

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

ALIASES = {
    "abs_": "abs",
    "and_": "bitwise_and",
    "or_": "bitwise_or",
    "xor": "bitwise_xor",
    "bitwise_not": "invert",
    "floor_div": "int_div",
    "largest": "maximum",
    "smallest": "minimum",
    "inv": "reciprocal",
    "square": "sqr",
    "power": "pow",
    "sign": "sgn",
    "where": "switch",
    "round_half_to_even": "rint",
    "tensor_copy": "identity",
}
"""Other names of table rows, Theano's and NumPy's."""

_VARIADIC = (
    "add", "mul", "maximum", "minimum", "logical_and", "logical_or",
    "bitwise_and", "bitwise_or", "bitwise_xor",
)  # fmt: skip
"""Rows that take any number of operands, one after the other."""

_INTERNAL = ("cast_", "bitcast_", "quotient", "remainder", "shl", "shr")


def apply(row: ScalarOp, *operands: TensorLike) -> TensorVariable:
    """Apply a table row to tensors, arrays, numbers and lists of these."""
    given = [operand(x) for x in operands]
    if not any(isinstance(x, Variable) for x in given):
        given = [as_tensor_variable(x) for x in given]
    result: TensorVariable = row(*given)
    return result


def _function(name: str, row: ScalarOp) -> Callable[..., TensorVariable]:
    def function(*operands: TensorLike) -> TensorVariable:
        least_is_met = len(operands) >= row.arity
        if not least_is_met or (len(operands) > row.arity and row.name not in _VARIADIC):
            raise TypeError(f"{name} takes {row.arity} operands, got {len(operands)}")
        if row.arity == 1:
            return apply(row, operands[0])
        first = apply(row, *operands[: row.arity])
        return functools.reduce(lambda x, y: apply(row, x, y), operands[row.arity :], first)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = row.doc
    return function


def table_functions() -> dict[str, Callable[..., TensorVariable]]:
    """Return the functions of all public rows, under all their names."""
    found = {
        name: _function(name, row) for name, row in TABLE.items() if not name.startswith(_INTERNAL)
    }
    found |= {alias: _function(alias, TABLE[name]) for alias, name in ALIASES.items()}
    return found


def cast(x: TensorLike, dtype: object) -> TensorVariable:
    """Return `x` converted to `dtype`, itself where it has it.

    Parameters
    ----------
    x
        Any tensor. Into integers it is truncated toward zero.
    dtype
        A dtype, or ``"floatX"`` for ``config.floatX``.
    """
    return converted(as_tensor_variable(x), dtypes.canonical(dtype))


_ROUNDINGS = {
    None: "rint",
    "half_to_even": "rint",
    "half_away_from_zero": "round_half_away_from_zero",
}


def round(x: TensorLike, mode: str | None = None) -> TensorVariable:
    """Return the nearest integers.

    Parameters
    ----------
    x
        Any tensor.
    mode
        Which of two equally near ones: ``"half_to_even"``, as in NumPy and by default, or
        ``"half_away_from_zero"``.
    """
    if mode not in _ROUNDINGS:
        known = ", ".join(repr(m) for m in _ROUNDINGS if m)
        raise ValueError(f"round: mode is one of {known}, not {mode!r}")
    return apply(TABLE[_ROUNDINGS[mode]], x)


def iround(x: TensorLike, mode: str | None = None) -> TensorVariable:
    """Return the nearest integers as int64."""
    return cast(round(x, mode), "int64")


def isclose(
    x: TensorLike,
    y: TensorLike,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    equal_nan: bool = False,
) -> TensorVariable:
    """Return where ``|x - y| <= atol + rtol * |y|``, or both are the same infinity.

    Parameters
    ----------
    x, y
        Tensors.
    rtol, atol
        Relative and absolute tolerance.
    equal_nan
        Whether NaN is close to NaN.
    """
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    near = table.le(abs(x - y), atol + rtol * abs(y))
    # An infinity is close to nothing but itself.
    close = near & table.isfinite(y) | table.eq(x, y)
    if equal_nan:
        close = close | (table.isnan(x) & table.isnan(y))
    found: TensorVariable = close
    return found


def allclose(
    x: TensorLike,
    y: TensorLike,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    equal_nan: bool = False,
) -> TensorVariable:
    """Return whether `isclose` holds of all elements, a boolean of no dimensions."""
    close = isclose(x, y, rtol, atol, equal_nan)
    return close.all()


def isposinf(x: TensorLike) -> TensorVariable:
    """Return where `x` is plus infinity."""
    return _both(table.isinf(as_tensor_variable(x)), table.gt(as_tensor_variable(x), 0))


def isneginf(x: TensorLike) -> TensorVariable:
    """Return where `x` is minus infinity."""
    return _both(table.isinf(as_tensor_variable(x)), table.lt(as_tensor_variable(x), 0))


def _both(a: TensorVariable, b: TensorVariable) -> TensorVariable:
    found: TensorVariable = a & b
    return found


def ceil_intdiv(a: TensorLike, b: TensorLike) -> TensorVariable:
    """Return ``ceil(a / b)`` of integers, computed without floating point numbers.

    Examples
    --------
    >>> ceil_intdiv(7, 2).eval()
    array(4)
    """
    a, b = as_tensor_variable(a), as_tensor_variable(b)
    for x in (a, b):
        if x.dtype not in dtypes.INTEGER:
            raise TypeError(f"ceil_intdiv divides integers, got {x.type}")
    rounded_up: TensorVariable = table.int_div(a, b) + table.neq(table.mod(a, b), 0)
    return cast(rounded_up, dtypes.promote(a.dtype, b.dtype))


def divmod(x: TensorLike, y: TensorLike) -> tuple[TensorVariable, TensorVariable]:
    """Return ``x // y`` and ``x % y``."""
    return apply(table.int_div, x, y), apply(table.mod, x, y)


def mod_check(x: TensorLike, y: TensorLike) -> TensorVariable:
    """Return ``x % y``, under the name that Theano's operator has."""
    return apply(table.mod, x, y)


def real(x: TensorLike) -> TensorVariable:
    """Return `x`: all numbers here are real."""
    return as_tensor_variable(x)


def imag(x: TensorLike) -> TensorVariable:
    """Return zeros of the shape of `x`: all numbers here are real."""
    x = as_tensor_variable(x)
    return x.zeros_like()


def conj(x: TensorLike) -> TensorVariable:
    """Return `x`: all numbers here are real."""
    return as_tensor_variable(x)


def angle(x: TensorLike) -> TensorVariable:
    """Return the angle of `x` in the complex plane: 0, or pi where it is negative."""
    x = as_tensor_variable(x)
    dtype = x.dtype if dtypes.is_float(x.dtype) else dtypes.canonical("floatX")
    turned = table.switch(table.lt(x, 0), np.asarray(np.pi, dtype), np.asarray(0, dtype))
    return cast(table.switch(table.isnan(x), x, turned), dtype)
