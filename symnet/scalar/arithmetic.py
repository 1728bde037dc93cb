"""Rows of arithmetic that need no approximation: division, remainders, shifts, rounding, signs.

Their expansions are exact, and where an operand is a constant they drop what it makes needless.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symnet import dtypes
from symnet.scalar.expr import Const, ScalarOp
from symnet.scalar.primitives import (
    abs,
    cast_float64,
    copysign,
    eq,
    floor,
    fma,
    ge,
    gt,
    logical_and,
    logical_or,
    lt,
    maximum,
    minimum,
    neq,
    quotient,
    remainder,
    rint,
    shl,
    shr,
    switch,
    trunc,
)

# ----------------------------------------------------------------- floor division and remainder


def _is_signed(x: Any) -> bool:
    return str(x.dtype) in dtypes.SIGNED


def _is_float(x: Any) -> bool:
    return dtypes.is_float(str(x.dtype))


def _int_div(x: Any, y: Any) -> Any:
    if _is_float(x):
        return _floor_div_float(x, y)
    if isinstance(y, Const):
        if y.value == 0:
            return x ^ x
        if y.value == 1:
            return x
        if y.value > 0 and y.value & (y.value - 1) == 0:
            return shr(x, y.value.bit_length() - 1)
        if y.value == -1:
            return -x
        q = quotient(x, y)
        return q - _rounded_up(x - q * y, y) if _is_signed(x) else q
    divisor = _safe_divisor(y)
    q = quotient(x, divisor)
    if not _is_signed(x):
        return switch(eq(y, 0), 0, q)
    floored = q - _rounded_up(x - q * divisor, divisor)
    return switch(eq(y, 0), 0, switch(eq(y, -1), -x, floored))


def _mod(x: Any, y: Any) -> Any:
    if _is_float(x):
        return _mod_float(x, y)
    if isinstance(y, Const):
        if y.value in (0, 1, -1):
            return x ^ x
        if y.value > 0 and y.value & (y.value - 1) == 0:
            return x & (y.value - 1)
        r = remainder(x, y)
        return r + switch(_rounded_up(r, y), y, 0) if _is_signed(x) else r
    divisor = _safe_divisor(y)
    r = remainder(x, divisor)
    if not _is_signed(x):
        return switch(eq(y, 0), 0, r)
    return switch(eq(divisor, y), r + switch(_rounded_up(r, divisor), divisor, 0), 0)


def _safe_divisor(y: Any) -> Any:
    """`y`, but 1 where the machine's division traps: at 0, and at -1 for the least integer."""
    bad = logical_or(eq(y, 0), eq(y, -1)) if _is_signed(y) else eq(y, 0)
    return switch(bad, 1, y)


def _rounded_up(rest: Any, y: Any) -> Any:
    """Whether truncation exceeded the floor: a remainder whose sign is not the divisor's."""
    if isinstance(y, Const):
        return lt(rest, 0) if y.value > 0 else gt(rest, 0)
    return logical_and(neq(rest, 0), lt(rest ^ y, 0))


def _mod_float(x: Any, y: Any) -> Any:
    """``x - floor(x / y) * y`` without the error of the quotient.

    The remainder of a rounded quotient is a floating point number, so one `fma` has it exactly;
    doing it twice covers quotients up to 2**100, beyond which the result is NaN rather than noise.
    """
    if str(x.dtype) == "float32":
        return _mod_float(cast_float64(x), cast_float64(y))
    r = fma(-rint(x / y), y, x)
    r = fma(-rint(r / y), y, r)
    r = switch(abs(r) <= abs(y), r, math.nan)
    # The nearest multiple may lie beyond x; a zero has the divisor's sign, as in NumPy.
    r = switch(lt(r * copysign(1.0, y), 0), r + y, r)
    r = switch(eq(r, 0), copysign(0.0, y), r)
    small = logical_and(lt(abs(x), abs(y)), ge(x * copysign(1.0, y), 0))
    inside = switch(small, switch(eq(x, 0), copysign(0.0, y), x), r)
    # x modulo infinity is x, or infinity where the signs differ.
    endless = switch(lt(x * copysign(1.0, y), 0), y, inside)
    return switch(logical_and(eq(abs(y), math.inf), lt(abs(x), math.inf)), endless, inside)


def _floor_div_float(x: Any, y: Any) -> Any:
    """NumPy's: the nearest integer to ``(x - x % y) / y``, and ``x / y`` for a zero divisor."""
    if str(x.dtype) == "float32":
        return _floor_div_float(cast_float64(x), cast_float64(y))
    whole = (x - _mod_float(x, y)) / y
    rounded = floor(whole)
    rounded = switch(gt(whole - rounded, 0.5), rounded + 1.0, rounded)
    rounded = switch(eq(whole, 0), copysign(0.0, x / y), rounded)
    # Over infinity the quotient is next to nothing, but below zero its floor is -1.
    below = switch(logical_and(lt(x / copysign(1.0, y), 0), neq(x, 0)), -1.0, rounded)
    endless = logical_and(eq(abs(y), math.inf), lt(abs(x), math.inf))
    rounded = switch(endless, below, rounded)
    return switch(eq(y, 0), x / y, rounded)


int_div = ScalarOp(
    "int_div", 2, dtypes.same_number, np.floor_divide,
    expand=_int_div,
    domain=((-1e6, 1e6), (-1e6, 1e6)),
    ulp=1,
    doc="The floor of x / y; 0 where integers are divided by 0.",
)  # fmt: skip
mod = ScalarOp(
    "mod", 2, dtypes.same_number, np.mod,
    partials=(lambda x, y, out: 1, lambda x, y, out: -int_div(x, y)),
    expand=_mod,
    domain=((-1e6, 1e6), (-1e6, 1e6)),
    doc="x - y * floor(x / y), which has the sign of y; 0 where integers are divided by 0.",
)  # fmt: skip

# -------------------------------------------------------------------------------------- shifts


def _unsigned_below(y: Any, width: int) -> Any:
    """Whether ``0 <= y < width``."""
    return logical_and(ge(y, 0), lt(y, width)) if _is_signed(y) else lt(y, width)


def _left_shift(x: Any, y: Any) -> Any:
    width = 8 * dtypes.itemsize(str(x.dtype))
    if isinstance(y, Const):
        return shl(x, y) if 0 <= y.value < width else x ^ x
    fits = _unsigned_below(y, width)
    return switch(fits, shl(x, switch(fits, y, 0)), 0)


def _right_shift(x: Any, y: Any) -> Any:
    width = 8 * dtypes.itemsize(str(x.dtype))
    if isinstance(y, Const) and 0 <= y.value < width:
        return shr(x, y)
    fits = _unsigned_below(y, width)
    if _is_signed(x):
        return shr(x, switch(fits, y, width - 1))
    return switch(fits, shr(x, switch(fits, y, 0)), 0)


left_shift = ScalarOp(
    "left_shift", 2, dtypes.integral, np.left_shift,
    expand=_left_shift,
    doc="x shifted left by y bits; 0 where y reaches the width.",
)  # fmt: skip
right_shift = ScalarOp(
    "right_shift", 2, dtypes.integral, np.right_shift,
    expand=_right_shift,
    doc="x shifted right by y bits, keeping the sign; 0 or -1 where y reaches the width.",
)  # fmt: skip

# ----------------------------------------------------------------------------- signs and powers


def _sgn(x: Any) -> Any:
    dtype = str(x.dtype)
    if dtype in dtypes.UNSIGNED or dtype == "bool":
        return neq(x, 0)
    positive = switch(gt(x, 0), second(x, 1), x)
    sign = switch(lt(x, 0), second(x, -1), positive)
    return sign + second(x, 0) if dtypes.is_float(dtype) else sign  # -0.0 becomes 0.0


sgn = ScalarOp(
    "sgn", 1, dtypes.same, lambda x: x if x.dtype == bool else np.sign(x),
    expand=_sgn,
    doc="-1, 0 or 1 with the sign of x.",
)  # fmt: skip
sqr = ScalarOp(
    "sqr", 1, dtypes.same, lambda x: x * x,
    partials=(lambda x, out: 2 * x,),
    expand=lambda x: x * x,
    doc="x * x.",
)  # fmt: skip
square = sqr
reciprocal = ScalarOp(
    "reciprocal", 1, dtypes.floating, np.reciprocal,
    partials=(lambda x, out: -out * out,),
    expand=lambda x: 1 / x,
    doc="1 / x.",
)  # fmt: skip
inv = reciprocal
signbit = ScalarOp(
    "signbit", 1, dtypes.float_to_bool, np.signbit,
    expand=lambda x: lt(copysign(1.0, x), 0),
    doc="Whether the sign bit is set, as in -0.0.",
)  # fmt: skip

# -------------------------------------------------------------------------------------- rounding


def _round_half_away(x: Any) -> Any:
    if not _is_float(x):
        return x
    whole = trunc(x)
    return switch(ge(abs(x - whole), 0.5), whole + copysign(1.0, x), whole)


round_half_to_even = rint
round_half_away_from_zero = ScalarOp(
    "round_half_away_from_zero", 1, dtypes.same, _round_half_away,
    expand=_round_half_away,
    doc="The nearest integer, the one farther from zero of two.",
)  # fmt: skip

# --------------------------------------------------------------------------- choice and the rest

isnan = ScalarOp(
    "isnan", 1, dtypes.float_to_bool, np.isnan,
    expand=lambda x: neq(x, x),
    doc="Whether x is not a number.",
)  # fmt: skip
isinf = ScalarOp(
    "isinf", 1, dtypes.float_to_bool, np.isinf,
    expand=lambda x: eq(abs(x), math.inf),
    doc="Whether x is infinite.",
)  # fmt: skip
isfinite = ScalarOp(
    "isfinite", 1, dtypes.float_to_bool, np.isfinite,
    expand=lambda x: lt(abs(x), math.inf),
    doc="Whether x is neither infinite nor NaN.",
)  # fmt: skip
clip = ScalarOp(
    "clip", 3, dtypes.same, lambda x, low, high: np.minimum(np.maximum(x, low), high),
    partials=(
        lambda x, low, high, out: logical_and(ge(x, low), x <= high),
        lambda x, low, high, out: logical_and(lt(x, low), low <= high),
        lambda x, low, high, out: logical_or(gt(x, high), low > high),
    ),
    expand=lambda x, low, high: minimum(maximum(x, low), high),
    doc="The value nearest to x from low to high.",
)  # fmt: skip
identity = ScalarOp(
    "identity", 1, dtypes.same, lambda x: x,
    partials=(lambda x, out: 1,),
    expand=lambda x: x,
    doc="x.",
)  # fmt: skip
second = ScalarOp(
    "second", 2, lambda operands: dtypes.Signature(operands, operands[1]),
    lambda x, y: np.broadcast_arrays(x, y)[1],
    partials=(None, lambda x, y, out: 1),
    expand=lambda x, y: y,
    doc="y, in the shape of both.",
)  # fmt: skip
deg2rad = ScalarOp(
    "deg2rad", 1, dtypes.floating, np.deg2rad,
    partials=(lambda x, out: second(x, math.pi / 180),),
    expand=lambda x: x * (math.pi / 180),
    ulp=1,
    doc="Degrees in radians.",
)  # fmt: skip
rad2deg = ScalarOp(
    "rad2deg", 1, dtypes.floating, np.rad2deg,
    partials=(lambda x, out: second(x, 180 / math.pi),),
    expand=lambda x: x * (180 / math.pi),
    ulp=1,
    doc="Radians in degrees.",
)  # fmt: skip
