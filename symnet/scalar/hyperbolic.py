"""Rows of hyperbolic functions and their inverses, on top of `exp` and `log1p`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symnet import dtypes
from symnet.scalar.approximation import at_most, format_of, polynomial
from symnet.scalar.arithmetic import sqr
from symnet.scalar.exponential import EXP, LOG2_E, LOG_2, exp_scaled, log1p
from symnet.scalar.expr import ScalarOp
from symnet.scalar.primitives import abs, copysign, fma, gt, lt, sqrt, switch
from symnet.scalar.trigonometric import odd_series

_EXP_TWICE = {  # (expm1(2*r)/2 - r) / r**2: the coefficients of `EXP` times powers of two
    dtype: tuple(c * 2.0**k for k, c in zip(range(len(table), 0, -1), table, strict=True))
    for dtype, table in EXP.items()
}
_SINH = {  # (sinh(x) - x) / x**3 in x**2 for |x| <= 1
    "float32": (2.816952019e-06, 0.0001983615948, 0.0083333496, 0.1666666716),
    "float64": (
        7.758748240123255e-13,
        1.605725978965984e-10,
        2.5052123136416973e-08,
        2.7557319157074076e-06,
        0.00019841269841431864,
        0.008333333333333148,
        0.16666666666666669,
    ),
}
_HUGE = {"float32": 1e10, "float64": 1e18}
"""From here on ``sqrt(x**2 + 1)`` is x."""


def _tanh(x: Any) -> Any:
    """``(E - 1) / (E + 1)`` with ``E = exp(2*|x|) = 2**n * (1 + 2*h)``, never rounding E itself.

    The reduction works on ``|x|`` with half of log(2), and numerator and denominator carry a
    factor 1/2, so that h is an odd-leading series in r and denormals lose nothing.
    """
    form = format_of(x)
    a = at_most(abs(x), 10.0 if form.mantissa == 23 else 20.0)
    shifted = fma(a, 2 * LOG2_E, form.magic)
    n = shifted - form.magic
    high, low = LOG_2[str(x.dtype)]
    r = fma(n, -0.5 * low, fma(n, -0.5 * high, a))
    h = fma(r * r, polynomial(r, _EXP_TWICE), r)
    power = form.power(form.bits(shifted))
    top = fma(power, h, fma(power, 0.5, -0.5))
    bottom = fma(power, h, fma(power, 0.5, 0.5))
    return copysign(top / bottom, x)


def _sinh(x: Any) -> Any:
    a = abs(x)
    half = exp_scaled(a, -1)
    return switch(lt(a, 1), odd_series(x, _SINH), copysign(half - 0.25 / half, x))


def _cosh(x: Any) -> Any:
    half = exp_scaled(abs(x), -1)
    return half + 0.25 / half


def _arcsinh(x: Any) -> Any:
    """``log1p(a + a**2 / (1 + sqrt(1 + a**2)))``; where a**2 is too big it is ``log(2*a)``."""
    a = abs(x)
    huge = gt(a, _HUGE[str(x.dtype)])
    square = a * a
    y = log1p(switch(huge, a, a + square / (sqrt(square + 1.0) + 1.0)))
    return copysign(switch(huge, y + math.log(2), y), x)


def _arccosh(x: Any) -> Any:
    t = x - 1.0
    huge = gt(x, _HUGE[str(x.dtype)])
    y = log1p(switch(huge, x, t + sqrt(t * (t + 2.0))))
    return switch(lt(x, 1), math.nan, switch(huge, y + math.log(2), y))


def _arctanh(x: Any) -> Any:
    a = abs(x)
    return copysign(0.5 * log1p((a + a) / (1.0 - a)), x)


tanh = ScalarOp(
    "tanh", 1, dtypes.floating, np.tanh,
    partials=(lambda x, out: 1.0 - out * out,),
    expand=_tanh,
    ulp=1.5,
    doc="The hyperbolic tangent.",
)  # fmt: skip
sinh: ScalarOp = ScalarOp(
    "sinh", 1, dtypes.floating, np.sinh,
    partials=(lambda x, out: cosh(x),),
    expand=_sinh,
    domain=((-90, 90),),
    ulp=2.5,
    doc="The hyperbolic sine.",
)  # fmt: skip
cosh: ScalarOp = ScalarOp(
    "cosh", 1, dtypes.floating, np.cosh,
    partials=(lambda x, out: sinh(x),),
    expand=_cosh,
    domain=((-90, 90),),
    ulp=2,
    doc="The hyperbolic cosine.",
)  # fmt: skip
arcsinh = ScalarOp(
    "arcsinh", 1, dtypes.floating, np.arcsinh,
    partials=(lambda x, out: 1 / sqrt(sqr(x) + 1.0),),
    expand=_arcsinh,
    ulp=3,
    doc="The number whose hyperbolic sine is x.",
)  # fmt: skip
arccosh = ScalarOp(
    "arccosh", 1, dtypes.floating, np.arccosh,
    partials=(lambda x, out: 1 / sqrt((x - 1.0) * (x + 1.0)),),
    expand=_arccosh,
    domain=((1, math.inf),),
    ulp=3,
    doc="The number from 0 on whose hyperbolic cosine is x.",
)  # fmt: skip
arctanh = ScalarOp(
    "arctanh", 1, dtypes.floating, np.arctanh,
    partials=(lambda x, out: 1 / ((1.0 - x) * (x + 1.0)),),
    expand=_arctanh,
    domain=((-1, 1),),
    ulp=3,
    doc="The number whose hyperbolic tangent is x.",
)  # fmt: skip
