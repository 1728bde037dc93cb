"""Rows of exponentials and logarithms, and what the hyperbolic and special rows build on.

The method of `exp` is that of Cephes and of Muller, *Elementary Functions*, chapter 11: reduce to
``x = n*log(2) + r`` with Cody and Waite's two-part constant, evaluate a polynomial on
``|r| <= log(2)/2``, scale by two powers of two whose product is ``2**n``, so that denormal results
are rounded once. The method of `log` is that of fdlibm's ``e_log.c``: ``x = m * 2**e`` with
``sqrt(1/2) <= m < sqrt(2)``, then a series in ``m - 1``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symnet import dtypes
from symnet.scalar.approximation import at_least, at_most, format_of, polynomial
from symnet.scalar.arithmetic import second
from symnet.scalar.expr import ScalarOp
from symnet.scalar.primitives import (
    abs,
    copysign,
    eq,
    fma,
    ge,
    gt,
    logical_and,
    lt,
    maximum,
    minimum,
    shl,
    shr,
    switch,
)

LOG2_E = 1 / math.log(2)
LOG_2 = {  # in two parts, the rounded value and the rest
    "float32": (0.6931471824645996, -1.9046542121259336e-09),
    "float64": (0.6931471805599453, 2.3190468138462996e-17),
}
_LOG2_E = {
    "float32": (1.4426950216293335, 1.925963033500011e-08),
    "float64": (1.4426950408889634, 2.0355273740931033e-17),
}
_LOG10_E = {
    "float32": (0.4342944920063019, -1.0103049952192578e-08),
    "float64": (0.4342944819032518, 1.098319650216765e-17),
}
_LOG10_2 = {  # the first part times any exponent is exact
    "float32": (0.301025390625, 4.605039066518657e-06),
    "float64": (0.30102999566395283, 2.8363394551044964e-14),
}

EXP = {  # (expm1(r) - r) / r**2 for |r| <= log(2)/2
    "float32": (0.001388251781, 0.008366513997, 0.04166720062, 0.1666654348, 0.4999999702),
    "float64": (
        2.5053129666911822e-08,
        2.762603329380568e-07,
        2.755740971554777e-06,
        2.4801505287993845e-05,
        0.00019841269716378042,
        0.0013888888931547693,
        0.008333333333390877,
        0.04166666666657685,
        0.16666666666666588,
        0.5000000000000006,
    ),
}
_LOG = {
    # (log1p(f) - f + f**2/2) / f**3 for sqrt(1/2) <= 1 + f <= sqrt(2)
    "float32": (
        -0.07635267079,
        0.1276193112,
        -0.131600529,
        0.142016992,
        -0.1662336439,
        0.2000122964,
        -0.2500081956,
        0.3333333135,
    ),
    # (log((1 + s)/(1 - s)) - 2*s) / s**3 in s**2 for the same numbers
    "float64": (
        0.1479595352520824,
        0.15314050162244672,
        0.18183564342221895,
        0.22222198572840465,
        0.28571428742391597,
        0.39999999999414654,
        0.6666666666666734,
    ),
}

# --------------------------------------------------------------------------------- exponentials


def reduce_exponent(x: Any) -> tuple[Any, Any]:
    """``r, i`` with ``x = n*log(2) + r``; the low bits of the integer `i` are those of n."""
    form = format_of(x)
    shifted = fma(x, LOG2_E, form.magic)
    n = shifted - form.magic
    high, low = LOG_2[str(x.dtype)]
    return fma(n, -low, fma(n, -high, x)), form.bits(shifted)


def expm1_reduced(r: Any) -> Any:
    """``exp(r) - 1`` for ``|r| <= log(2)/2``."""
    return fma(r * r, polynomial(r, EXP), r)


def scale(y: Any, i: Any, offset: int = 0) -> Any:
    """``y * 2**(n + offset)`` where the low bits of `i` are those of n, with one rounding."""
    form = format_of(y)
    half = shr(i, 1)
    return y * form.power(half) * form.power(i - half, offset)


def exp_scaled(x: Any, offset: int = 0) -> Any:
    """``exp(x) * 2**offset``."""
    low, high = (-104.0, 90.0) if str(x.dtype) == "float32" else (-746.0, 711.0)
    r, i = reduce_exponent(at_most(at_least(x, low), high))
    return scale(expm1_reduced(r) + 1.0, i, offset)


def _exp2(x: Any) -> Any:
    low, high = (-151.0, 129.0) if str(x.dtype) == "float32" else (-1076.0, 1025.0)
    form = format_of(x)
    clamped = at_most(at_least(x, low), high)
    shifted = clamped + form.magic
    r = (clamped - (shifted - form.magic)) * math.log(2)
    return scale(expm1_reduced(r) + 1.0, form.bits(shifted))


def _expm1(x: Any) -> Any:
    low, high = (-20.0, 89.0) if str(x.dtype) == "float32" else (-40.0, 710.0)
    r, i = reduce_exponent(at_most(at_least(x, low), high))
    half = format_of(x).power(i, -1)  # 2**(n-1): 2**n may be out of range
    y = fma(expm1_reduced(r), half, half - 0.5)
    return copysign(y + y, x)


exp = ScalarOp(
    "exp", 1, dtypes.floating, np.exp,
    partials=(lambda x, out: out,),
    expand=exp_scaled,
    domain=((-110, 90),),
    ulp=1.05,
    doc="e to the power x.",
)  # fmt: skip
exp2 = ScalarOp(
    "exp2", 1, dtypes.floating, np.exp2,
    partials=(lambda x, out: out * math.log(2),),
    expand=_exp2,
    domain=((-155, 129),),
    ulp=1.5,
    doc="2 to the power x.",
)  # fmt: skip
expm1 = ScalarOp(
    "expm1", 1, dtypes.floating, np.expm1,
    partials=(lambda x, out: out + 1.0,),
    expand=_expm1,
    domain=((-25, 90),),
    ulp=2,
    doc="exp(x) - 1, accurate near 0.",
)  # fmt: skip

# ----------------------------------------------------------------------------------- logarithms


def split_number(x: Any) -> tuple[Any, Any, Any]:
    """``e, f, i``: ``x = (1 + f) * 2**e`` for a positive normal x; `i` is e as an integer."""
    form = format_of(x)
    bits = form.bits(x)
    root_half = 0x3F3504F3 if form.mantissa == 23 else 0x3FE6A09E667F3BCD
    i = shr(bits - root_half, form.mantissa)
    return form.from_small(i), form.number(bits - shl(i, form.mantissa)) - 1.0, i


def split_any(x: Any) -> tuple[Any, Any]:
    """``e, f`` of a positive x that may be denormal."""
    form = format_of(x)
    small = lt(x, form.tiny)
    e, f, _ = split_number(switch(small, x * 2.0**form.mantissa, x))
    return switch(small, e - float(form.mantissa), e), f


def log1p_reduced(f: Any) -> tuple[Any, Any]:
    """``h, c``: ``log(1 + f) = (f - h) + c`` for ``sqrt(1/2) <= 1 + f <= sqrt(2)``."""
    square = f * f
    if str(f.dtype) == "float32":
        return 0.5 * square, square * f * polynomial(f, _LOG)
    s = f / (f + 2.0)
    z = s * s
    h = 0.5 * square
    return h, s * fma(z, polynomial(z, _LOG), h)


def log_edges(x: Any, y: Any) -> Any:
    """`y`, but what a logarithm is at 0, below, at infinity and NaN."""
    finite = switch(lt(x, math.inf), y, x)
    return switch(gt(x, 0), finite, switch(eq(x, 0), second(x, -math.inf), math.nan))


def _sum_logarithm(e: Any, f: Any) -> Any:
    """``e*log(2) + log(1 + f)``."""
    high, low = LOG_2[str(f.dtype)]
    h, c = log1p_reduced(f)
    return fma(e, high, f + (fma(e, low, c) - h))


def _log(x: Any) -> Any:
    return log_edges(x, _sum_logarithm(*split_any(x)))


def _log1p(x: Any) -> Any:
    """``log(1 + x)``: the rounding error of ``1 + x`` joins the fraction, scaled as it is."""
    form = format_of(x)
    u = x + 1.0
    error = switch(ge(x, 1), 1.0 - (u - x), x - (u - 1.0))
    e, f, i = split_number(u)
    shrink = form.number(
        (form.bias << form.mantissa) - shl(minimum(i, form.bias - 1), form.mantissa)
    )
    return copysign(log_edges(u, _sum_logarithm(e, fma(error, shrink, f))), x)


def _log_in_base(x: Any, unit: tuple[float, float], inverse: tuple[float, float]) -> Any:
    """A logarithm in another base, with the product by its constant in two parts.

    `unit` is the logarithm of 2 in that base, `inverse` that of e.
    """
    e, f = split_any(x)
    h, c = log1p_reduced(f)
    high = f - h
    low = ((f - high) - h) + c
    product = high * inverse[0]
    rest = fma(high, inverse[0], -product) + fma(high, inverse[1], low * inverse[0])
    whole = e * unit[0]
    total = whole + product
    rest = rest + fma(e, unit[1], (whole - total) + product)
    return log_edges(x, total + rest)


def _log2(x: Any) -> Any:
    return _log_in_base(x, (1.0, 0.0), _LOG2_E[str(x.dtype)])


def _log10(x: Any) -> Any:
    return _log_in_base(x, _LOG10_2[str(x.dtype)], _LOG10_E[str(x.dtype)])


log = ScalarOp(
    "log", 1, dtypes.floating, np.log,
    partials=(lambda x, out: 1 / x,),
    expand=_log,
    domain=((0, math.inf),),
    ulp=1,
    doc="The natural logarithm.",
)  # fmt: skip
log2 = ScalarOp(
    "log2", 1, dtypes.floating, np.log2,
    partials=(lambda x, out: LOG2_E / x,),
    expand=_log2,
    domain=((0, math.inf),),
    ulp=1,
    doc="The logarithm in base 2.",
)  # fmt: skip
log10 = ScalarOp(
    "log10", 1, dtypes.floating, np.log10,
    partials=(lambda x, out: 1 / math.log(10) / x,),
    expand=_log10,
    domain=((0, math.inf),),
    ulp=1,
    doc="The logarithm in base 10.",
)  # fmt: skip
log1p = ScalarOp(
    "log1p", 1, dtypes.floating, np.log1p,
    partials=(lambda x, out: 1 / (x + 1.0),),
    expand=_log1p,
    domain=((-1, math.inf),),
    ulp=1.5,
    doc="log(1 + x), accurate near 0.",
)  # fmt: skip

# ----------------------------------------------------------- logistic function and its relatives


def _numpy_sigmoid(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    z = np.exp(-np.abs(x.astype(np.float64)))
    return np.asarray(np.where(x >= 0, 1.0, z) / (1.0 + z))


def _sigmoid(x: Any) -> Any:
    z = exp(-abs(x))
    return switch(ge(x, 0), 1.0, z) / (z + 1.0)


def _softplus(x: Any) -> Any:
    return switch(gt(x, 0), x, 0.0) + log1p(exp(-abs(x)))


def _logaddexp(x: Any, y: Any) -> Any:
    apart = maximum(x, y) + log1p(exp(-abs(x - y)))
    return switch(eq(x, y), x + math.log(2), apart)  # equal infinities have no difference


def _ultra_fast_sigmoid(x: Any) -> Any:
    half = 0.5 * x
    a = abs(half)
    middle = 0.935409070603099 + 0.0458812946797165 * (a - 1.7)
    bend = switch(lt(a, 3.0), middle, 0.99505475368673)
    return 0.5 * (copysign(switch(lt(a, 1.7), 1.5 * a / (a + 1.0), bend), x) + 1.0)


def _ultra_fast_slope(x: Any, out: Any) -> Any:
    a = 0.5 * abs(x)
    return switch(
        lt(a, 1.7),
        0.375 / ((a + 1.0) * (a + 1.0)),
        switch(lt(a, 3.0), second(x, 0.25 * 0.0458812946797165), 0.0),
    )


sigmoid = ScalarOp(
    "sigmoid", 1, dtypes.floating, _numpy_sigmoid,
    partials=(lambda x, out: fma(-out, out, out),),  # out * (1 - out), rounded once
    expand=_sigmoid,
    domain=((-110, 110),),
    ulp=2.5,
    doc="1 / (1 + exp(-x)).",
)  # fmt: skip
softplus = ScalarOp(
    "softplus", 1, dtypes.floating, lambda x: np.logaddexp(x, x.dtype.type(0)),
    partials=(lambda x, out: sigmoid(x),),
    expand=_softplus,
    domain=((-110, 110),),
    ulp=2,
    doc="log(1 + exp(x)).",
)  # fmt: skip
logaddexp = ScalarOp(
    "logaddexp", 2, dtypes.floating, np.logaddexp,
    partials=(lambda x, y, out: sigmoid(x - y), lambda x, y, out: sigmoid(y - x)),
    expand=_logaddexp,
    commutative=True, associative=True, identity=-math.inf,
    domain=((0, 100), (0, 100)),
    ulp=2,
    doc="log(exp(x) + exp(y)).",
)  # fmt: skip
hard_sigmoid = ScalarOp(
    "hard_sigmoid", 1, dtypes.floating, lambda x: np.clip((x + 2.5) * 0.2, 0, 1),
    partials=(lambda x, out: switch(logical_and(gt(out, 0), lt(out, 1)), second(x, 0.2), 0.0),),
    expand=lambda x: minimum(maximum((x + 2.5) * 0.2, 0.0), 1.0),  # exact near its zero
    ulp=1.5,
    doc="The straight line 0.2 * x + 0.5 clipped to 0 and 1.",
)  # fmt: skip
ultra_fast_sigmoid = ScalarOp(
    "ultra_fast_sigmoid", 1, dtypes.floating, _ultra_fast_sigmoid,
    partials=(_ultra_fast_slope,),
    expand=_ultra_fast_sigmoid,
    ulp=64,  # of its smallest values, the differences of greater ones
    doc="Theano's approximation of sigmoid by a hyperbola and two lines, 0.02 off at worst.",
)  # fmt: skip


def _xlogx(x: Any) -> Any:
    return switch(eq(x, 0), 0.0, x * log(x))


def _xlogy0(x: Any, y: Any) -> Any:
    return switch(eq(x, 0), 0.0, x * log(y))


xlogx = ScalarOp(
    "xlogx", 1, dtypes.floating, lambda x: np.where(x == 0, 0, x * np.log(x)),
    partials=(lambda x, out: log(x) + 1.0,),
    expand=_xlogx,
    domain=((0, math.inf),),
    ulp=2,
    doc="x * log(x), 0 at 0.",
)  # fmt: skip
xlogy0 = ScalarOp(
    "xlogy0", 2, dtypes.floating, lambda x, y: np.where(x == 0, 0, x * np.log(y)),
    partials=(lambda x, y, out: log(y), lambda x, y, out: switch(eq(x, 0), 0.0, x / y)),
    expand=_xlogy0,
    domain=(None, (0, math.inf)),
    ulp=2,
    doc="x * log(y), 0 where x is 0.",
)  # fmt: skip
