"""Rows of the gamma function, its logarithm and their derivatives.

All of them compute in float64, float32 included: none is ever the hot loop of a model, and
cancellation near their zeros costs float32 more than the conversion does.

Up to 8 the argument is shifted into 1.5 to 2.5 by the recurrence, and a polynomial in ``d = x - 2``
gives the value (``1/gamma`` is entire, hence well approximated; ``log(gamma(2 + d))/d`` keeps the
zero at 2 exact). From 8 on Stirling's series holds (Abramowitz and Stegun 6.1.40, 6.3.18, 6.4.11).
Negative arguments are reflected (6.1.17, 6.3.7, 6.4.7).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symnet import dtypes
from symnet.scalar.approximation import at_most, polynomial
from symnet.scalar.exponential import log, scale
from symnet.scalar.expr import Const, ScalarOp
from symnet.scalar.power import exp2_in_two, log2_in_two, power_by_squaring
from symnet.scalar.primitives import (
    abs,
    cast_float64,
    eq,
    fma,
    ge,
    logical_and,
    logical_or,
    lt,
    rint,
    switch,
)
from symnet.scalar.trigonometric import SIN, odd_series

_INVERSE_GAMMA = {  # 1/gamma(2 + d) for |d| <= 1/2
    "float64": (
        -1.9937698664031808e-07,
        1.3377904671157373e-06,
        -2.591355861052628e-06,
        -1.754555600643665e-05,
        0.00014559660797808187,
        -0.00036083787219723753,
        -0.0008043298249177539,
        0.00802327302731056,
        -0.01764524454745827,
        -0.024552490005611487,
        0.1910911013876268,
        -0.23309373642178347,
        -0.4227843350984667,
        1.0,
    ),
}
_GAMMALN = {  # log(gamma(2 + d)) / d for |d| <= 1/2
    "float64": (
        2.9770879291966983e-07,
        -5.806223343498721e-07,
        8.998970897075317e-07,
        -1.974815876973525e-06,
        4.39352360799102e-06,
        -9.456083446718637e-06,
        2.0503543159299964e-05,
        -4.492377088963254e-05,
        9.945794431501813e-05,
        -0.0002231549723957424,
        0.0005096694951016239,
        -0.0011927539013197564,
        0.002890510331842139,
        -0.00738555102892555,
        0.020580808427765957,
        -0.06735230105319576,
        0.3224670334241133,
        0.42278433509846713,
    ),
}
_STIRLING = {  # the rest of Stirling's formula, times x, in x**-2 for x >= 8
    "float64": (
        -0.001609995987109824,
        0.0008353666274488056,
        -0.0005951706845627108,
        0.000793650425525651,
        -0.002777777776829688,
        0.08333333333333248,
    ),
}
_PSI = {  # psi(1.5 + d) / (1.5 + d - its zero) for |d| <= 1/2
    "float64": (
        -0.0001765634042847837,
        0.0002598530331794995,
        -0.0001469781961433784,
        0.0002270236036146559,
        -0.00048472950362624416,
        0.0007234375513934618,
        -0.0010368425393173708,
        0.0015565992519231443,
        -0.002345420686052887,
        0.003519012152826963,
        -0.0052799462686064615,
        0.007926944016468674,
        -0.011908219418733903,
        0.01790725248146438,
        -0.026975796691261125,
        0.04076083381080985,
        -0.06192213327469698,
        0.09498872445497265,
        -0.14840492305389003,
        0.24054248424077398,
        -0.4236274212814606,
        0.951055876031833,
    ),
}
_PSI_SERIES = {  # (psi(x) - log(x) + 1/(2*x)) * x**2 in x**-2 for x >= 8
    "float64": (
        -0.06153737667910219,
        0.020589007440310107,
        -0.007569477829024926,
        0.004166622967767797,
        -0.003968253804403627,
        0.00833333333304094,
        -0.08333333333333316,
    ),
}
_PSI_ZERO = (0.03836785503163766, 1.6445603550442201e-18)  # 1.5 less the zero of psi, in two parts
_LOG2_E = (1.4426950408889634, 2.0355273740931033e-17)
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
_EDGE = 8.0


def _in_float64(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`function` computed in float64 (the caller converts the result back)."""
    return lambda x: function(cast_float64(x))


def _sin_pi(r: Any) -> Any:
    """``sin(pi * r)`` for ``|r| <= 1/2``."""
    return odd_series(r * math.pi, SIN)


def _shift(a: Any) -> tuple[Any, Any, Any]:
    """``d, product, divisor`` with ``gamma(a) = gamma(2 + d) * product / divisor``, ``a < 8.5``."""
    y: Any = a
    product: Any = 1.0
    for _ in range(6):
        over = ge(y, 2.5)
        y = switch(over, y - 1.0, y)
        product = switch(over, product * y, product)
    tiny, small = lt(a, 0.5), lt(a, 1.5)
    d = switch(tiny, a, switch(small, a - 1.0, y - 2.0))
    return d, product, switch(tiny, a * (a + 1.0), switch(small, a, 1.0))


def _gamma(x: Any) -> Any:
    """The value is a number times a power of two, so that a reciprocal cannot overflow."""
    a = abs(x)
    d, product, divisor = _shift(a)
    near = product / (divisor * polynomial(d, _INVERSE_GAMMA))
    far = at_most(a, 190.0)
    high, low = log2_in_two(far)
    p = (far - 0.5) * high
    p_low = fma(far - 0.5, high, -p) + (far - 0.5) * low
    q = far * _LOG2_E[0]
    q_low = fma(far, _LOG2_E[0], -q) + far * _LOG2_E[1]
    inverse = 1.0 / far
    rest = inverse * polynomial(inverse * inverse, _STIRLING) * _LOG2_E[0]
    w = p - q
    y, i = exp2_in_two(w, ((p - w) - q) + ((p_low - q_low) + rest))
    big = ge(a, _EDGE)
    y = switch(big, y * math.sqrt(2 * math.pi), near)
    i = switch(big, i, 0)
    n = rint(a)
    r = a - n
    sign = switch(eq(rint(0.5 * n) * 2.0, n), -math.pi, 0.0 * n + math.pi)
    negative = lt(x, 0)
    mirrored = sign / _sin_pi(r) / (a * y)
    value = scale(switch(negative, mirrored, y), switch(negative, -i, i))
    value = switch(logical_and(negative, eq(r, 0)), math.nan, value)
    return switch(lt(a, 1e-30), 1.0 / x, value)


def _gammaln(x: Any) -> Any:
    a = abs(x)
    big = ge(a, _EDGE)
    d, product, divisor = _shift(a)
    small = lt(a, 1.5)
    logarithm = log(switch(big, a, switch(small, divisor, product)))
    near = fma(d, polynomial(d, _GAMMALN), switch(small, -logarithm, logarithm))
    inverse = 1.0 / a
    rest = inverse * polynomial(inverse * inverse, _STIRLING) + 0.5 * (math.log(2 * math.pi) - 1)
    value = switch(big, fma(a - 0.5, logarithm - 1.0, rest), near)
    sine = abs(_sin_pi(a - rint(a)))
    mirrored = math.log(math.pi) - log(a * sine) - value
    mirrored = switch(sine > 0, mirrored, math.inf)
    reflect = logical_and(lt(x, 0), a > 1e-100)
    return switch(reflect, mirrored, value)


def _psi(x: Any) -> Any:
    """Below 4 a polynomial after the recurrence, beyond it the series."""
    negative = lt(x, 0)
    y = switch(negative, 1.0 - x, x)
    first, second, third = lt(y, 1), ge(y, 2), ge(y, 3)
    d = switch(first, y - 0.5, switch(third, y - 3.5, switch(second, y - 2.5, y - 1.5)))
    near = ((d + _PSI_ZERO[0]) + _PSI_ZERO[1]) * polynomial(d, _PSI)
    top = switch(first, -1.0, switch(third, 2.0 * y - 3.0, switch(second, 1.0, 0.0 * y)))
    bottom = switch(first, y, (y - 1.0) * switch(third, y - 2.0, 1.0))
    near = switch(logical_or(first, second), near + top / bottom, near)
    # The sum of 1/(y + k) over four k, as one fraction: few, since it cancels the logarithm.
    shifted = lt(y, _EDGE)
    top = 0.0 * y + 1.0
    bottom = y
    for k in range(1, 4):
        term = y + float(k)
        top = fma(top, term, bottom)
        bottom = bottom * term
    t = switch(shifted, y + 4.0, y)
    inverse = 1.0 / t
    square = inverse * inverse
    far = log(t) + fma(square, polynomial(square, _PSI_SERIES), -0.5 * inverse)
    far = switch(shifted, far - top / bottom, far)
    value = switch(lt(y, 4), near, far)
    r = x - rint(x)
    cotangent = _sin_pi(0.5 - abs(r)) / _sin_pi(r)
    value = switch(negative, value - math.pi * cotangent, value)
    value = switch(logical_and(negative, eq(r, 0)), math.nan, value)
    return switch(eq(x, 0), -1.0 / x, value)


def _polygamma(order: int, x: Any) -> Any:
    """Shift past the pole, then the asymptotic series of the Hurwitz zeta function."""
    shift = 10 + order
    total: Any = 0.0
    for k in range(shift):
        total = total + power_by_squaring(1.0 / (x + float(k)), order + 1)
    total = math.factorial(order) * total
    inverse = 1.0 / (x + float(shift))
    square = inverse * inverse
    series: Any = 0.0
    for k in range(len(_BERNOULLI), 0, -1):
        c = _BERNOULLI[k - 1] * math.factorial(2 * k + order - 1) / math.factorial(2 * k)
        series = (series + c) * square
    head = math.factorial(order - 1) + 0.5 * math.factorial(order) * inverse
    total = total + power_by_squaring(inverse, order) * (head + series)
    return total if order % 2 else -total


def _positive_polygamma(order: int, x: Any) -> Any:
    return switch(ge(x, 0), _polygamma(order, x), math.nan)


def _tri_gamma(x: Any) -> Any:
    negative = lt(x, 0)
    value = _polygamma(1, switch(negative, 1.0 - x, x))
    ratio = math.pi / _sin_pi(x - rint(x))
    return switch(negative, ratio * ratio - value, value)


def _expand_polygamma(n: Any, x: Any) -> Any:
    if not isinstance(n, Const):
        raise TypeError("polygamma is compiled for constant orders only")
    if n.value < 0 or n.value != int(n.value):
        return 0.0 * x + math.nan
    if n.value < 2:
        return (_psi, _tri_gamma)[int(n.value)](cast_float64(x))
    return _positive_polygamma(int(n.value), cast_float64(x))


def _numpy_polygamma(n: Any, x: Any) -> Any:
    n, x = np.broadcast_arrays(n, x.astype(np.float64))
    result = np.full(x.shape, np.nan)
    for order in np.unique(n[(n >= 0) & (n == np.floor(n))]):
        where = n == order
        if order < 2:
            result[where] = (_psi, _tri_gamma)[int(order)](x[where])
        else:
            result[where] = _positive_polygamma(int(order), x[where])
    return result


gamma: ScalarOp = ScalarOp(
    "gamma", 1, dtypes.floating, lambda x: _gamma(x.astype(np.float64)),
    partials=(lambda x, out: out * psi(x),),
    expand=_in_float64(_gamma),
    domain=((-20, 36),),
    ulp=5,
    doc="The gamma function.",
)  # fmt: skip
gammaln = ScalarOp(
    "gammaln", 1, dtypes.floating, lambda x: _gammaln(x.astype(np.float64)),
    partials=(lambda x, out: psi(x),),
    expand=_in_float64(_gammaln),
    domain=((0, math.inf),),
    ulp=5,
    doc="The logarithm of |gamma(x)|; for x < 0 the stated accuracy is lost near its zeros.",
)  # fmt: skip
psi: ScalarOp = ScalarOp(
    "psi", 1, dtypes.floating, lambda x: _psi(x.astype(np.float64)),
    partials=(lambda x, out: tri_gamma(x),),
    expand=_in_float64(_psi),
    domain=((0, math.inf),),
    ulp=4,
    doc="The derivative of gammaln; for x < 0 the stated accuracy is lost near its zeros.",
)  # fmt: skip
tri_gamma: ScalarOp = ScalarOp(
    "tri_gamma", 1, dtypes.floating, lambda x: _tri_gamma(x.astype(np.float64)),
    partials=(lambda x, out: polygamma(2, x),),
    expand=_in_float64(_tri_gamma),
    domain=((0, math.inf),),
    ulp=5,
    doc="The derivative of psi.",
)  # fmt: skip
polygamma: ScalarOp = ScalarOp(
    "polygamma", 2, dtypes.floating, _numpy_polygamma,
    partials=(None, lambda n, x, out: polygamma(n + 1.0, x)),
    expand=_expand_polygamma,
    domain=((0, 4), (0, 1e3)),
    ulp=5,
    doc="The n-th derivative of psi for a constant n; from n = 2 on for x > 0 only.",
)  # fmt: skip
