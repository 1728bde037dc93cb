"""Rows of circular functions and their inverses.

Arguments are reduced by multiples of pi, split in three parts after Cody and Waite (Muller,
*Elementary Functions*, section 11.2): with `fma` the first subtraction is exact while the multiple
is small beside the format's integers. Where that ends, so does the domain of the compiled
functions; beyond it they give NaN rather than noise. Inverse functions follow Cephes: `arcsin`
halves the angle above one half, `arctan` takes the reciprocal above one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symnet import dtypes
from symnet.scalar.approximation import format_of, polynomial
from symnet.scalar.arithmetic import sqr
from symnet.scalar.expr import ScalarOp
from symnet.scalar.primitives import (
    abs,
    copysign,
    eq,
    fma,
    gt,
    le,
    lt,
    maximum,
    minimum,
    neq,
    shl,
    sqrt,
    switch,
)

_PI = {
    "float32": (3.1415927410125732, -8.742277657347586e-08, -3.4302490200117637e-15),
    "float64": (3.141592653589793, 1.2246467991473532e-16, -2.9947698097183397e-33),
}
_LIMIT = {"float32": 5e5, "float64": 2e14}
"""Greatest argument of the compiled functions."""

SIN = {  # (sin(r) - r) / r**3 in r**2 for |r| <= pi/2
    "float32": (2.605750979e-06, -0.0001980959059, 0.008333066478, -0.1666665971),
    "float64": (
        2.7211569184898295e-15,
        -7.642989816542898e-13,
        1.605893964332144e-10,
        -2.5052106871594228e-08,
        2.7557319211124515e-06,
        -0.00019841269841209148,
        0.008333333333333194,
        -0.16666666666666666,
    ),
}
_SIN_QUARTER = {  # the same for |r| <= pi/4
    "float32": (-0.00019514632, 0.008332155645, -0.1666665524),
    "float64": (
        1.5895903799114075e-10,
        -2.5050742291982796e-08,
        2.7557313587524598e-06,
        -0.00019841269829495276,
        0.008333333333322005,
        -0.1666666666666663,
    ),
}
_COS_QUARTER = {  # (cos(r) - 1 + r**2/2) / r**4 in r**2 for |r| <= pi/4
    "float32": (2.443244193e-05, -0.001388731063, 0.04166664556),
    "float64": (
        -1.1358310251070424e-11,
        2.087569656835026e-09,
        -2.7557314148596634e-07,
        2.4801587288748115e-05,
        -0.0013888888888872895,
        0.041666666666666595,
    ),
}
_ARCSIN = {  # (arcsin(s) - s) / s**3 in s**2 for s <= 1/2
    "float32": (0.04216666892, 0.02417927794, 0.04547043145, 0.07495296746, 0.166667521),
    "float64": (
        0.031912052958278654,
        -0.016223962495041416,
        0.019528098503085616,
        0.006528029058164848,
        0.012169200843659675,
        0.01388523689983521,
        0.01735970462801894,
        0.022371758060405804,
        0.030381959136372327,
        0.04464285682835349,
        0.07500000000336958,
        0.16666666666665408,
    ),
}
_ARCTAN = {  # (arctan(t) - t) / t**3 in t**2 for t <= 1
    "float32": (
        -0.001793645439,
        0.01091472059,
        -0.03117808141,
        0.05795785412,
        -0.08403467387,
        0.1095219254,
        -0.1426424384,
        0.1999854892,
        -0.3333329856,
    ),
    "float64": (
        1.3225160251902554e-05,
        -0.00015216143525088313,
        0.0008313230692392879,
        -0.0028849174907222314,
        0.007196491770363905,
        -0.01390052897249825,
        0.021984802554135947,
        -0.029903800965155297,
        0.03664186314960078,
        -0.04219175974752814,
        0.04722320804756892,
        -0.05253518045149614,
        0.058805276771332356,
        -0.06666404029989037,
        0.0769227983529496,
        -0.09090907002589423,
        0.11111111006999846,
        -0.14285714282574105,
        0.19999999999951443,
        -0.3333333333333307,
    ),
}


def odd_series(r: Any, coefficients: Any) -> Any:
    """``r + r**3 * P(r**2)``."""
    square = r * r
    return fma(r * square, polynomial(square, coefficients), r)


def _minus_multiple(a: Any, n: Any, fraction: float) -> Any:
    """``a - n * fraction * pi`` to full relative accuracy."""
    for part in _PI[str(a.dtype)]:
        a = fma(n, -fraction * part, a)
    return a


def _with_sign(y: Any, parity: Any, x: Any = None) -> Any:
    """`y`, negated where the integer `parity` is odd and, if `x` is given, where x is negative."""
    form = format_of(y)
    top = form.mantissa + form.bias.bit_length() + 1
    bits = form.bits(y) ^ shl(parity, top)
    if x is not None:
        bits = bits ^ (form.bits(x) & (-1 << top))
    return form.number(bits)


def _in_domain(a: Any, y: Any) -> Any:
    return switch(le(a, _LIMIT[str(a.dtype)]), y, math.nan)


def _sin(x: Any) -> Any:
    form = format_of(x)
    a = abs(x)
    shifted = fma(a, 1 / math.pi, form.magic)
    r = _minus_multiple(a, shifted - form.magic, 1.0)
    return _in_domain(a, _with_sign(odd_series(r, SIN), form.bits(shifted), x))


def _cos(x: Any) -> Any:
    """``cos(a) = (-1)**n * sin(pi/2 + n*pi - a)``."""
    form = format_of(x)
    a = abs(x)
    shifted = fma(a, 1 / math.pi, -0.5) + form.magic
    r = _minus_multiple(a, shifted - form.magic + 0.5, 1.0)
    return _in_domain(a, _with_sign(odd_series(-r, SIN), form.bits(shifted)))


def _tan(x: Any) -> Any:
    form = format_of(x)
    a = abs(x)
    shifted = fma(a, 2 / math.pi, form.magic)
    parity = form.bits(shifted)
    r = _minus_multiple(a, shifted - form.magic, 0.5)
    square = r * r
    sine = fma(r * square, polynomial(square, _SIN_QUARTER), r)
    cosine = fma(square * square, polynomial(square, _COS_QUARTER), fma(square, -0.5, 1.0))
    odd = neq(parity & 1, 0)
    ratio = switch(odd, cosine, sine) / switch(odd, sine, cosine)
    return _in_domain(a, _with_sign(ratio, parity, x))


def _arcsin_parts(x: Any) -> tuple[Any, Any, Any]:
    """Whether ``|x| > 1/2``, `s` and ``arcsin(s)`` with ``|x| = s`` or ``1 - 2*s**2``."""
    a = abs(x)
    big = gt(a, 0.5)
    square = switch(big, fma(a, -0.5, 0.5), a * a)
    s = switch(big, sqrt(square), a)
    return big, s, fma(s * square, polynomial(square, _ARCSIN), s)


def _arcsin(x: Any) -> Any:
    big, _, angle = _arcsin_parts(x)
    high, low, _ = _PI[str(x.dtype)]
    return copysign(switch(big, 0.5 * high + fma(angle, -2.0, 0.5 * low), angle), x)


def _arccos(x: Any) -> Any:
    big, _, angle = _arcsin_parts(x)
    _, low, _ = _PI[str(x.dtype)]
    twice = 2.0 * angle
    outer = switch(lt(x, 0), math.pi - (twice - low), twice)
    inner = math.pi / 2 - (copysign(angle, x) - 0.5 * low)
    return switch(big, outer, inner)


def _arctan(x: Any) -> Any:
    a = abs(x)
    steep = gt(a, 1)
    angle = odd_series(switch(steep, 1.0 / a, a), _ARCTAN)
    return copysign(switch(steep, math.pi / 2 - angle, angle), x)


def _arctan2(y: Any, x: Any) -> Any:
    """The angle within an octant, then unfolded; ratios of zeros and of infinities have none."""
    run, rise = abs(x), abs(y)
    ratio = minimum(run, rise) / maximum(run, rise)
    ratio = switch(eq(run, rise), switch(eq(run, 0), run, 1.0), ratio)
    angle = odd_series(ratio, _ARCTAN)
    angle = switch(gt(rise, run), math.pi / 2 - angle, angle)
    angle = switch(lt(copysign(1.0, x), 0), math.pi - angle, angle)
    return copysign(angle, y)


_REDUCED = "The compiled function reaches to |x| = 5e5 in float32 and 2e14 in float64, then NaN."

sin: ScalarOp = ScalarOp(
    "sin", 1, dtypes.floating, np.sin,
    partials=(lambda x, out: cos(x),),
    expand=_sin,
    domain=((-5e5, 5e5),),
    ulp=2,
    doc=f"The sine of x radians. {_REDUCED}",
)  # fmt: skip
cos: ScalarOp = ScalarOp(
    "cos", 1, dtypes.floating, np.cos,
    partials=(lambda x, out: -sin(x),),
    expand=_cos,
    domain=((-5e5, 5e5),),
    ulp=2,
    doc=f"The cosine of x radians. {_REDUCED}",
)  # fmt: skip
tan = ScalarOp(
    "tan", 1, dtypes.floating, np.tan,
    partials=(lambda x, out: sqr(out) + 1.0,),
    expand=_tan,
    domain=((-5e5, 5e5),),
    ulp=4,
    doc=f"The tangent of x radians. {_REDUCED}",
)  # fmt: skip
arcsin = ScalarOp(
    "arcsin", 1, dtypes.floating, np.arcsin,
    partials=(lambda x, out: 1 / sqrt((1.0 - x) * (x + 1.0)),),
    expand=_arcsin,
    domain=((-1, 1),),
    ulp=2.5,
    doc="The angle whose sine is x, from -pi/2 to pi/2.",
)  # fmt: skip
arccos = ScalarOp(
    "arccos", 1, dtypes.floating, np.arccos,
    partials=(lambda x, out: -1 / sqrt((1.0 - x) * (x + 1.0)),),
    expand=_arccos,
    domain=((-1, 1),),
    ulp=1.5,
    doc="The angle whose cosine is x, from 0 to pi.",
)  # fmt: skip
arctan = ScalarOp(
    "arctan", 1, dtypes.floating, np.arctan,
    partials=(lambda x, out: 1 / (sqr(x) + 1.0),),
    expand=_arctan,
    ulp=2,
    doc="The angle whose tangent is x, from -pi/2 to pi/2.",
)  # fmt: skip
arctan2 = ScalarOp(
    "arctan2", 2, dtypes.floating, np.arctan2,
    partials=(
        lambda y, x, out: x / (sqr(x) + sqr(y)),
        lambda y, x, out: -y / (sqr(x) + sqr(y)),
    ),
    expand=_arctan2,
    ulp=2,
    doc="The angle of the point (x, y): arctan2(y, x), from -pi to pi.",
)  # fmt: skip
