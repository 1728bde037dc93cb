"""Arithmetic: sums, products, quotients and signs, and the constants in them brought together.

What holds for every floating point value holds for NaN and infinities too; the sign of a zero
aside. What holds for integers holds however they wrap.
"""

from __future__ import annotations

import math

import numpy as np

from symnet import dtypes
from symnet.rewriting.pattern import (
    FILL,
    FLOAT,
    INTEGER,
    NONNEGATIVE,
    Binding,
    Hole,
    Number,
    fill_value,
)
from symnet.rewriting.rule import AnyRule, Rule
from symnet.scalar import TABLE

x, y = Hole("x"), Hole("y")
f, g = Hole("f", FLOAT), Hole("g", FLOAT)
i, j = Hole("i", INTEGER), Hole("j", INTEGER)
p = Hole("p", NONNEGATIVE)
c, d = Hole("c", FILL), Hole("d", FILL)
nothing = Number(0)
neg, sqr, sgn, mod, int_div = (TABLE[n] for n in ("neg", "sqr", "sgn", "mod", "int_div"))


def _one_dtype(bound: Binding) -> bool:
    """Whether merging constants changes no dtype on the way, as with booleans it does."""
    found = {v.dtype for v in bound.values()}
    return len(found) == 1 and "bool" not in found


def _is_tame(bound: Binding) -> bool:
    """Whether constants are floats whose products and quotients are ordinary numbers."""
    dtype = next(iter(bound.values())).dtype
    if not _one_dtype(bound) or not dtypes.is_float(dtype):
        return False
    sizes = [abs(float(fill_value(v) or 0.0)) for h, v in bound.items() if h.kind.is_constant]
    info = np.finfo(dtype)
    low, high = float(info.tiny) ** 0.5, float(info.max) ** 0.5
    return all(low < n < high for n in sizes)


def _is_power_of_two(bound: Binding) -> bool:
    """Whether c has an exact reciprocal."""
    return _is_tame(bound) and math.frexp(abs(fill_value(bound[c]) or 0.0))[0] == 0.5


def _are_small(bound: Binding) -> bool:
    """Whether c and d are above 0, and their product is in range."""
    a, b = fill_value(bound[c]) or 0, fill_value(bound[d]) or 0
    return _one_dtype(bound) and a > 0 and b > 0 and a * b <= np.iinfo(bound[c].dtype).max


def _spans(bound: Binding) -> bool:
    """Whether y has every dimension of x, so that dividing by it is not done again and again."""
    return bound[f].dtype == bound[g].dtype and all(
        wide or not narrow
        for wide, narrow in zip(bound[f].broadcastable, bound[g].broadcastable, strict=True)
    )


_cancels = "what is added is taken away again"
_once = "one operation instead of two"
_outward = "signs move outwards, where they cancel"
_known = "the constant takes the sign"
_meet = "one operation instead of two: the constants meet at compile time"

SUMS: list[AnyRule] = [
    Rule("add_zero", x + 0, x, "the identity of add"),
    Rule("zero_sub", 0 - x, -x, "a sign flip needs no constant"),
    Rule("sub_zero", x - 0, x, "a difference to nothing"),
    Rule("neg_neg", neg(neg(x)), x, "signs cancel"),
    Rule("neg_sub", -(x - y), y - x, _once),
    Rule("sub_neg", x - (-y), x + y, _once),
    Rule("add_neg", x + (-y), x - y, _once),
    Rule("sub_same", i - i, nothing, "no difference, of integers"),
    Rule("add_sub_same", (i - j) + j, i, _cancels),
    Rule("sub_add_same", (i + j) - j, i, _cancels),
    Rule("sub_sub_same", i - (i - j), j, _cancels),
]
"""Sums and differences."""

PRODUCTS: list[AnyRule] = [
    Rule("mul_one", x * 1, x, "the identity of mul"),
    Rule("mul_zero", i * 0, nothing, "of integers nothing is left; of NaN it would"),
    Rule("mul_minus_one", x * -1, -x, "a sign flip is cheaper than a product"),
    Rule("mul_neg_neg", (-x) * (-y), x * y, "signs cancel"),
    Rule("mul_neg", (-f) * g, -(f * g), _outward),
    Rule("mul_inverse", f * (1 / g), f / g, _once, _spans),
    Rule("mul_self", x * x, sqr(x), "one operand to load"),
    Rule("mul_sign", f * sgn(f), abs(f), _once),
    Rule("mul_abs_sign", abs(x) * sgn(x), x, "a number is its size with its sign"),
    Rule("mul_abs_abs", abs(f) * abs(g), abs(f * g), "one sign less to drop"),
    Rule("mul_reciprocals", (1 / f) * (1 / g), 1 / (f * g), "one division instead of two",
         _spans, assumes="no product out of range"),
    Rule("div_one", x / 1, x, "the identity of true_div"),
    Rule("div_neg_neg", (-f) / (-g), f / g, "signs cancel"),
    Rule("neg_div", (-f) / g, -(f / g), _outward),
    Rule("div_neg", f / (-g), -(f / g), _outward),
    Rule("div_abs_abs", abs(f) / abs(g), abs(f / g), "one sign less to drop"),
    Rule("reciprocal", TABLE["reciprocal"](x), 1 / x, "one form of what the rules below look for"),
    Rule("inverse_of_quotient", 1 / (f / g), g / f, _once),
    Rule("int_div_one", int_div(i, 1), i, "the identity of int_div"),
    Rule("mod_one", mod(i, 1), nothing, "nothing remains"),
    Rule("zero_int_div", int_div(0, i), nothing, "nothing to divide"),
    Rule("zero_mod", mod(0, i), nothing, "nothing to divide"),
    Rule("mod_mod", mod(mod(i, j), j), mod(i, j), "the inner one has done it"),
    Rule("int_div_int_div", int_div(int_div(i, c), d), int_div(i, c * d), _meet, _are_small),
]  # fmt: skip
"""Products, quotients and remainders."""

SIGNS: list[AnyRule] = [
    Rule("abs_neg", abs(-f), abs(f), "the sign does not matter"),
    Rule("abs_abs", abs(abs(x)), abs(x), "the inner one has done it"),
    Rule("abs_of_nonnegative", abs(p), p, "no sign to drop"),
    Rule("sqr_neg", sqr(-x), sqr(x), "the sign does not matter"),
    Rule("sqr_abs", sqr(abs(x)), sqr(x), "the sign does not matter"),
    Rule("sign_neg", sgn(-f), -sgn(f), _outward),
    Rule("sign_sign", sgn(sgn(x)), sgn(x), "the inner one has done it"),
    Rule("sign_abs", abs(sgn(f)), sgn(abs(f)), "one form: signs of sizes"),
]
"""Signs and sizes."""

CONSTANTS: list[AnyRule] = [
    Rule("neg_constant", -(c * x), -c * x, _known, _one_dtype),
    Rule("neg_quotient", -(f / c), f / -c, _known, _one_dtype),
    Rule("neg_reciprocal", -(c / f), -c / f, _known, _one_dtype),
    Rule("mul_mul", c * (d * f), (c * d) * f, _meet, _is_tame),
    Rule("mul_div", c * (f / d), (c / d) * f, _meet, _is_tame),
    Rule("mul_reciprocal", c * (d / f), (c * d) / f, _meet, _is_tame),
    Rule("div_mul", (c * f) / d, (c / d) * f, _meet, _is_tame),
    Rule("div_div", (f / c) / d, f / (c * d), _meet, _is_tame),
    Rule("add_add", c + (d + x), (c + d) + x, _meet, _one_dtype),
    Rule("add_sub", c + (x - d), (c - d) + x, _meet, _one_dtype),
    Rule("add_rsub", c + (d - x), (c + d) - x, _meet, _one_dtype),
    Rule("sub_add", (d + x) - c, (d - c) + x, _meet, _one_dtype),
    Rule("sub_sub", (x - d) - c, x - (c + d), _meet, _one_dtype),
    Rule("rsub_add", c - (d + x), (c - d) - x, _meet, _one_dtype),
    Rule("rsub_sub", c - (x - d), (c + d) - x, _meet, _one_dtype),
    Rule("rsub_rsub", c - (d - x), (c - d) + x, _meet, _one_dtype),
    Rule("div_power_of_two", f / c, f * (1 / c), "exact, and quicker than a division",
         _is_power_of_two),
]  # fmt: skip
"""Constants brought together."""

RULES = [*SUMS, *PRODUCTS, *SIGNS, *CONSTANTS]
