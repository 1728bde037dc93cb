"""The row `pow`: floating point by a compensated logarithm, integers by repeated squaring.

Raising to a power multiplies the error of the logarithm by up to the number of exponent values
(a factor 1000 in float64), so the logarithm carries its own rounding errors along: every product
splits into its rounded value and the rest, which one `fma` gives exactly (Dekker 1971). The series
is that of fdlibm's ``e_pow.c``: ``log(m) = 2/3 * s * (3 + s**2 + s**4 * R(s**2))`` with
``s = (m - 1) / (m + 1)``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symnet import dtypes
from symnet.scalar.approximation import at_least, at_most, format_of, polynomial
from symnet.scalar.exponential import expm1_reduced, log, scale, split_any
from symnet.scalar.expr import Const, ScalarOp
from symnet.scalar.primitives import (
    abs,
    eq,
    fma,
    logical_and,
    logical_or,
    lt,
    neq,
    shr,
    switch,
    trunc,
)

_SERIES = {  # (3*atanh(s)/s - 3 - z) / z**2 with z = s**2, for sqrt(1/2) <= m <= sqrt(2)
    "float32": (0.3512794077, 0.4282069802, 0.6000022888),
    "float64": (
        0.1979453264585923,
        0.19885222309962727,
        0.23080136185873035,
        0.272726765464326,
        0.33333333779935614,
        0.42857142855149055,
        0.6000000000000338,
    ),
}
_TWO_THIRDS_LOG2_E = {  # 2 / (3 * log(2)) in two parts
    "float32": (0.9617967009544373, -7.028461812552678e-09),
    "float64": (0.9617966939259756, 5.0577616648125907e-17),
}


def log2_in_two(x: Any) -> tuple[Any, Any]:
    """The logarithm in base 2 of a positive number, as a sum of which the first part is rounded."""
    e, f = split_any(x)
    sum_high = f + 2.0
    sum_low = f - (sum_high - 2.0)
    inverse = 1.0 / sum_high
    s = f * inverse
    s_low = (fma(-s, sum_high, f) - s * sum_low) * inverse
    z = s * s
    z_low = fma(s, s, -z) + 2.0 * s * s_low
    factor = z + 3.0
    factor_low = (z - (factor - 3.0)) + fma(z * z, polynomial(z, _SERIES), z_low)
    product = s * factor
    product_low = fma(s, factor, -product) + fma(s, factor_low, s_low * factor)
    unit, unit_low = _TWO_THIRDS_LOG2_E[str(x.dtype)]
    m = product * unit
    m_low = fma(product, unit, -m) + fma(product, unit_low, product_low * unit)
    total = e + m
    return total, ((e - total) + m) + m_low


def exp2_in_two(w: Any, w_low: Any) -> tuple[Any, Any]:
    """``y, i``: two to the power ``w + w_low`` is y times two to the power of the low bits of i."""
    form = format_of(w)
    shifted = w + form.magic
    d = (w - (shifted - form.magic)) + w_low
    return expm1_reduced(d * math.log(2)) + 1.0, form.bits(shifted)


def _pow_float(x: Any, y: Any) -> Any:
    a = abs(x)
    form = format_of(x)
    bound = 8.0 * form.bias
    high, low = log2_in_two(a)
    # At the ends of the line the logarithm is what no bit pattern says.
    high = switch(eq(a, 0), -math.inf, switch(lt(a, math.inf), high, a))
    w = y * high
    w_low = fma(y, high, -w) + y * low
    inside = lt(abs(w), bound)
    w = at_most(at_least(w, -bound / 4), bound / 4)
    magnitude = scale(*exp2_in_two(w, switch(inside, w_low, 0.0)))
    # One to any power, even to infinity or NaN, is one; so is anything to the power zero.
    magnitude = switch(logical_or(eq(a, 1), eq(y, 0)), 1.0, magnitude)
    whole = eq(trunc(y), y)  # so is infinity
    odd = logical_and(whole, neq(trunc(0.5 * y) * 2.0, y))
    negative = lt(form.bits(x), 0)
    signed = switch(logical_and(negative, odd), -magnitude, magnitude)
    undefined = logical_and(logical_and(lt(x, 0), ~whole), lt(a, math.inf))
    return switch(undefined, math.nan, signed)


def _pow_integer(x: Any, y: Any) -> Any:
    """Repeated squaring, one round for each bit that an exponent of the dtype can have."""
    dtype = str(x.dtype)
    signed = dtype in dtypes.SIGNED
    if isinstance(y, Const) and y.value >= 0:
        return power_by_squaring(x, y.value)
    result = x ^ x | 1
    power, rest = x, y
    for bit in range(8 * dtypes.itemsize(dtype) - signed):
        if bit:
            power = power * power
            rest = shr(rest, 1)
        result = switch(neq(rest & 1, 0), result * power, result)
    if not signed:
        return result
    inverse = switch(eq(x, 1), 1, switch(eq(x, -1), switch(neq(y & 1, 0), x, 1), 0))
    return switch(lt(y, 0), inverse, result)


def power_by_squaring(x: Any, n: int) -> Any:
    """`x` to the power of a number `n` that is not negative."""
    result = None
    while n:
        if n & 1:
            result = x if result is None else result * x
        n >>= 1
        if n:
            x = x * x
    return x ^ x | 1 if result is None else result


def _pow(x: Any, y: Any) -> Any:
    if not dtypes.is_float(str(x.dtype)):
        return _pow_integer(x, y)
    if isinstance(y, Const) and y.value in (1, 2, 3, -1, -2):
        power = power_by_squaring(x, int(math.fabs(y.value)))
        return power if y.value > 0 else 1.0 / power
    return _pow_float(x, y)


def _numpy_pow(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """NumPy's, and for negative integer exponents the truncated value instead of an exception."""
    if x.dtype.kind != "i":
        return np.asarray(np.power(x, y))
    inverse = np.where(x == 1, 1, np.where(x == -1, np.where(y & 1, x, 1), 0))
    return np.where(y < 0, inverse, np.power(x, np.maximum(y, 0)))


pow: ScalarOp = ScalarOp(
    "pow", 2, dtypes.same_number, _numpy_pow,
    partials=(
        lambda x, y, out: switch(eq(y, 0), 0.0, y * pow(x, y - 1.0)),
        # Zero to any power changes with the power not at all, although its logarithm is infinite.
        lambda x, y, out: out * log(switch(eq(x, 0), 1.0, x)),
    ),
    expand=_pow,
    domain=((0, 100), (-20, 20)),
    ulp=1.5,
    doc="x to the power y; a negative power of integers is truncated toward 0.",
)  # fmt: skip
