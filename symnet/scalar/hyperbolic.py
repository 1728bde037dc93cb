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
_TANH = {  # (tanh(x) - x) / x**3 in x**2 for |x| <= 0.55
    "float32": (-0.006266701501, 0.02106666006, -0.05385117233, 0.1333257556, -0.3333331645),
    "float64": (
        5.090734085250173e-05,
        -0.00021013893574211082,
        0.0005790379283279866,
        -0.0014531836689876195,
        0.003591713062750346,
        -0.008863193687610911,
        0.02186948591437671,
        -0.05396825387356172,
        0.13333333333163594,
        -0.33333333333332277,
    ),
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
    """``1 - 2/(E + 1)`` with ``E = exp(2*|x|) = 2**n * (1 + 2*h)``, or a series near 0.

    The reduction works on ``|x|`` with half of log(2) and forms ``(E + 1)/2`` from n and h at once:
    E itself is never rounded, and no power of two leaves the range.
    """
    form = format_of(x)
    a = abs(x)
    clamped = at_most(a, 10.0 if form.mantissa == 23 else 20.0)
    shifted = fma(clamped, 2 * LOG2_E, form.magic)
    n = shifted - form.magic
    high, low = LOG_2[str(x.dtype)]
    r = fma(n, -0.5 * low, fma(n, -0.5 * high, clamped))
    h = fma(r * r, polynomial(r, _EXP_TWICE), r)
    power = form.power(form.bits(shifted))
    far = 1.0 - 1.0 / fma(power, h, fma(power, 0.5, 0.5))
    return copysign(switch(lt(a, 0.55), odd_series(a, _TANH), far), x)


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
    ulp=2,
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
    ulp=2,
    doc="The number whose hyperbolic sine is x.",
)  # fmt: skip
arccosh = ScalarOp(
    "arccosh", 1, dtypes.floating, np.arccosh,
    partials=(lambda x, out: 1 / sqrt((x - 1.0) * (x + 1.0)),),
    expand=_arccosh,
    domain=((1, math.inf),),
    ulp=2.5,
    doc="The number from 0 on whose hyperbolic cosine is x.",
)  # fmt: skip
arctanh = ScalarOp(
    "arctanh", 1, dtypes.floating, np.arctanh,
    partials=(lambda x, out: 1 / ((1.0 - x) * (x + 1.0)),),
    expand=_arctanh,
    domain=((-1, 1),),
    ulp=2.5,
    doc="The number whose hyperbolic tangent is x.",
)  # fmt: skip
