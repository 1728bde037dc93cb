"""Rows of the error function, its complement and its inverse.

`erf` is a series near 0 and ``1 - exp(P(x))`` beyond. `erfc` is ``exp(-x**2)`` times a function
that is smooth on the whole half line in ``(x - K)/(x + K)`` (Shepherd and Laframboise, *Chebyshev
approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < inf*, Math. Comp. 36, 1981). `erfinv` follows
Giles (*Approximating the erfinv function*, GPU Computing Gems 2, 2011): a polynomial in
``w = -log(1 - x**2)``, further out in its square root.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symnet import dtypes
from symnet.scalar.approximation import at_most, polynomial
from symnet.scalar.arithmetic import sqr
from symnet.scalar.exponential import exp, log
from symnet.scalar.expr import ScalarOp
from symnet.scalar.primitives import abs, copysign, eq, fma, lt, sqrt, switch

_ERF = {  # (erf(x) - x) / x in x**2 for |x| <= 1
    "float32": (
        7.853877469e-05,
        -0.0008010198362,
        0.005188328214,
        -0.02685381286,
        0.1128358543,
        -0.3761262596,
        0.1283791661,
    ),
    "float64": (
        -7.779460907935449e-10,
        1.3710977424713796e-08,
        -1.6206313353090354e-07,
        1.6447131560010094e-06,
        -1.4924712304977075e-05,
        0.000120552935772924,
        -0.0008548325929337159,
        0.005223977606119192,
        -0.02686617064311159,
        0.11283791670944186,
        -0.3761263890318352,
        0.12837916709551256,
    ),
}
_LOG_ERFC = {  # log(erfc(x)) in x - 1 from 1 to where erf(x) is 1
    "float32": (
        0.0001863766893,
        -0.001829375206,
        0.009895452751,
        -0.04150349615,
        -0.843117607,
        -2.63896688,
        -1.849605516,
    ),
    "float64": (
        1.7699459807625577e-11,
        -3.6845944109208306e-10,
        3.2499287652023354e-09,
        -1.4097106948733767e-08,
        8.722068416889991e-09,
        2.952316102043454e-07,
        -2.252740818110753e-06,
        9.789351911981364e-06,
        -2.7282780822102383e-05,
        2.6339058332603477e-05,
        0.00023730115357849422,
        -0.0019778975173565566,
        0.010033824605287744,
        -0.04156109797265095,
        -0.8431072563618551,
        -2.638967514234732,
        -1.8496055099332485,
    ),
}
_ERFC = {  # (1 + 2*x) * exp(x**2) * erfc(x) in (x - K)/(x + K)
    "float32": (
        -0.000400558641,
        -0.001229917279,
        0.001313496653,
        0.008631671564,
        -0.008059862067,
        -0.05420429613,
        0.1640553443,
        -0.1660314252,
        -0.09276398074,
        1.276978393,
    ),
    "float64": (
        -8.368589786915472e-09,
        -7.982011270021536e-09,
        1.0160365177168727e-07,
        5.512533569284705e-08,
        -8.204354062967016e-07,
        3.1381292473158267e-07,
        5.709553557995494e-06,
        -1.1234247419437592e-05,
        -2.4400563860655274e-05,
        0.0001506263648427475,
        -0.00019925591230280715,
        -0.0007577744327200602,
        0.005031969766341473,
        -0.016197733884037654,
        0.037167515568137056,
        -0.06633036582768928,
        0.09373283499606083,
        -0.10103906603559068,
        0.06809705425476766,
        0.01537965210260673,
        -0.13962111684056322,
        1.2329951186255526,
    ),
}
_ERFINV_CENTRE = {  # erfinv(x)/x in w less the centre of the interval
    "float32": (
        -8.790059097e-09,
        2.323614649e-08,
        4.66157517e-07,
        -3.462751495e-06,
        -4.96329449e-06,
        0.0002183446423,
        -0.001252741939,
        -0.00417738709,
        0.2466402861,
        1.501409359,
    ),
    "float64": (
        -4.315079097435195e-21,
        -1.692742529063257e-19,
        1.3217340507174297e-18,
        1.1197641154535256e-17,
        -1.3414540397770217e-16,
        2.0090624669105272e-17,
        6.648425625961236e-15,
        -4.053470639686113e-14,
        -8.160643868904395e-14,
        2.6334258494796077e-12,
        -1.297468246624588e-11,
        -5.415371884361589e-11,
        1.0512107788640503e-09,
        -4.112635192790394e-09,
        -2.9070366879347733e-08,
        4.2347878048029124e-07,
        -1.3654692037675983e-06,
        -1.3882523364983311e-05,
        0.0001867342080363062,
        -0.0007407025341652618,
        -0.006033670871430681,
        0.24015818242558948,
        1.653654562683103,
    ),
}
_ERFINV_OUTER = {  # erfinv(x)/x in sqrt(w) less 3 and 3.25
    "float32": (
        -0.0002001435804,
        0.0001026587957,
        0.001349188248,
        -0.003675604841,
        0.005739424869,
        -0.007621680091,
        0.009438943475,
        1.00167403,
        2.832976915,
    ),
    "float64": (
        8.9466915238119e-08,
        -2.6999319487224847e-07,
        2.1205107727382276e-08,
        1.497749210156818e-06,
        -4.016663166439989e-06,
        2.925997936701867e-06,
        1.2476695780242665e-05,
        -4.731897462432054e-05,
        6.828445951359655e-05,
        2.403123473578151e-05,
        -0.00035503745818347125,
        0.000953289368557088,
        -0.001688275561208764,
        0.002491442096580002,
        -0.003751208507377077,
        0.005370914553583193,
        1.0052589676941572,
        3.0838856104922208,
    ),
}
_ERFINV_END = {  # erfinv(x)/x in sqrt(w) - 5 for the last numbers below 1
    "float64": (
        -1.8409088367567723e-11,
        -2.486183157425752e-10,
        1.4755158295046912e-09,
        -3.814725081510434e-09,
        7.663124565499937e-09,
        -1.492349814264113e-08,
        2.9112341463371778e-08,
        -6.773870585636321e-08,
        2.2901916751781762e-07,
        -9.929723652480139e-07,
        4.5260596079142224e-06,
        -1.9681780146519336e-05,
        7.599527731211532e-05,
        -0.0002150301191258553,
        -0.00013871931834485776,
        1.0103004648645302,
        4.849906401408584,
    ),
}


def _erf(x: Any) -> Any:
    a = abs(x)
    inner = fma(x, polynomial(x * x, _ERF), x)
    end = 4.0 if str(x.dtype) == "float32" else 6.0
    outer = 1.0 - exp(polynomial(at_most(a, end) - 1.0, _LOG_ERFC))
    return switch(lt(a, 1), inner, copysign(outer, x))


def _erfc(x: Any) -> Any:
    centre, end = (2.0, 11.0) if str(x.dtype) == "float32" else (4.0, 28.0)
    a = at_most(abs(x), end)
    square = a * a
    bell = exp(-square)
    bell = fma(bell, -fma(a, a, -square), bell)  # the rounding error of the square
    y = bell * polynomial((a - centre) / (a + centre), _ERFC) / fma(a, 2.0, 1.0)
    return switch(lt(x, 0), 2.0 - y, y)


def _erfinv(x: Any) -> Any:
    w = -log((1.0 - x) * (x + 1.0))
    s = sqrt(w)
    if str(x.dtype) == "float32":
        outer = polynomial(s - 3.0, _ERFINV_OUTER)
        ratio = switch(lt(w, 5), polynomial(w - 2.5, _ERFINV_CENTRE), outer)
    else:
        outer = polynomial(s - 3.25, _ERFINV_OUTER)
        outer = switch(lt(s, 4), outer, polynomial(s - 5.0, _ERFINV_END))
        ratio = switch(lt(w, 6.25), polynomial(w - 3.125, _ERFINV_CENTRE), outer)
    return switch(eq(abs(x), 1), copysign(math.inf, x), x * ratio)


erf = ScalarOp(
    "erf", 1, dtypes.floating, np.frompyfunc(math.erf, 1, 1),
    partials=(lambda x, out: 2 / math.sqrt(math.pi) * exp(-sqr(x)),),
    expand=_erf,
    domain=((-6, 6),),
    ulp=1.5,
    doc="The error function.",
)  # fmt: skip
erfc = ScalarOp(
    "erfc", 1, dtypes.floating, np.frompyfunc(math.erfc, 1, 1),
    partials=(lambda x, out: -2 / math.sqrt(math.pi) * exp(-sqr(x)),),
    expand=_erfc,
    domain=((-6, 28),),
    ulp=5,
    doc="1 - erf(x), accurate where that is small.",
)  # fmt: skip
erfinv = ScalarOp(
    "erfinv", 1, dtypes.floating, lambda x: _erfinv(x.astype(np.float64)),
    partials=(lambda x, out: math.sqrt(math.pi) / 2 * exp(sqr(out)),),
    expand=_erfinv,
    domain=((-1, 1),),
    ulp=4,
    doc="The number whose error function is x.",
)  # fmt: skip
