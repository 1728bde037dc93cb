"""Truth and choice: comparisons, logic, bits, selections, extrema.

Comparisons with NaN are false, `neq` aside: what would turn one into its negation holds for
integers alone.
"""

from __future__ import annotations

import math

from symnet.rewriting.pattern import BOOL, FILL, FLOAT, INTEGER, NONNEGATIVE, Hole, Number
from symnet.rewriting.rule import AnyRule, Rule
from symnet.scalar import TABLE

x, y, z = Hole("x"), Hole("y"), Hole("z")
f, g = Hole("f", FLOAT), Hole("g", FLOAT)
i, j = Hole("i", INTEGER), Hole("j", INTEGER)
a, b = Hole("a", BOOL), Hole("b", BOOL)
p = Hole("p", NONNEGATIVE)
c, d = Hole("c", FILL), Hole("d", FILL)
lt, le, gt, ge, eq, neq = (TABLE[n] for n in ("lt", "le", "gt", "ge", "eq", "neq"))
both, either, xor, no = (TABLE[f"logical_{n}"] for n in ("and", "or", "xor", "not"))
switch, clip, cast = TABLE["switch"], TABLE["clip"], TABLE["cast_bool"]
maximum, minimum = TABLE["maximum"], TABLE["minimum"]
false, true = Number(False), Number(True)

_cancel = "signs cancel"
_known = "known without looking"
_once = "one operation instead of two"
_same = "of two equal values either will do"

COMPARISONS: list[AnyRule] = [
    Rule("not_not", no(no(x)), x, "negations cancel"),
    Rule("not_eq", no(eq(x, y)), neq(x, y), _once),
    Rule("not_neq", no(neq(x, y)), eq(x, y), _once),
    Rule("not_lt", no(lt(i, j)), ge(i, j), _once),
    Rule("not_le", no(le(i, j)), gt(i, j), _once),
    Rule("not_gt", no(gt(i, j)), le(i, j), _once),
    Rule("not_ge", no(ge(i, j)), lt(i, j), _once),
    Rule("eq_same", eq(i, i), true, _known),
    Rule("neq_same", neq(i, i), false, _known),
    Rule("le_same", le(i, i), true, _known),
    Rule("ge_same", ge(i, i), true, _known),
    Rule("lt_same", lt(x, x), false, _known),
    Rule("gt_same", gt(x, x), false, _known),
    Rule("lt_neg_neg", lt(-f, -g), gt(f, g), _cancel),
    Rule("le_neg_neg", le(-f, -g), ge(f, g), _cancel),
    Rule("gt_neg_neg", gt(-f, -g), lt(f, g), _cancel),
    Rule("ge_neg_neg", ge(-f, -g), le(f, g), _cancel),
    Rule("eq_neg_neg", eq(-x, -y), eq(x, y), _cancel),
    Rule("neq_neg_neg", neq(-x, -y), neq(x, y), _cancel),
    Rule("difference_lt", lt(f - g, 0), lt(f, g), _once),
    Rule("difference_gt", gt(f - g, 0), gt(f, g), _once),
    Rule("nonnegative_lt", lt(p, 0), false, _known),
    Rule("gt_nonnegative", gt(0, p), false, _known),
    Rule("eq_true", eq(b, True), b, "a condition says so itself"),
    Rule("eq_false", eq(b, False), no(b), "a condition says so itself"),
    Rule("neq_true", neq(b, True), no(b), "a condition says so itself"),
    Rule("neq_false", neq(b, False), b, "a condition says so itself"),
    Rule("isnan_integer", TABLE["isnan"](i), false, _known),
    Rule("isinf_integer", TABLE["isinf"](i), false, _known),
    Rule("isfinite_integer", TABLE["isfinite"](i), true, _known),
]
"""Comparisons."""

LOGIC: list[AnyRule] = [
    Rule("and_same", both(b, b), b, _same),
    Rule("or_same", either(b, b), b, _same),
    Rule("xor_same", xor(x, x), false, _known),
    Rule("and_true", both(b, True), b, "the identity of logical_and"),
    Rule("or_false", either(b, False), b, "the identity of logical_or"),
    Rule("xor_false", xor(b, False), b, "the identity of logical_xor"),
    Rule("and_false", both(x, False), false, _known),
    Rule("or_true", either(x, True), true, _known),
    Rule("xor_true", xor(x, True), no(x), "which of two is not known, is the other's negation"),
    Rule("and_not_not", both(no(x), no(y)), no(either(x, y)), "one negation instead of two"),
    Rule("or_not_not", either(no(x), no(y)), no(both(x, y)), "one negation instead of two"),
    Rule("and_not", both(x, no(x)), false, _known),
    Rule("or_not", either(x, no(x)), true, _known),
    Rule("and_or", both(b, either(b, x)), b, "the other one has no say"),
    Rule("or_and", either(b, both(b, x)), b, "the other one has no say"),
]
"""Conditions combined."""


def _bits() -> list[AnyRule]:
    both, either, xor, inverse = (
        TABLE[n] for n in ("bitwise_and", "bitwise_or", "bitwise_xor", "invert")
    )
    left, right = TABLE["left_shift"], TABLE["right_shift"]
    return [
        Rule("bits_and_same", both(x, x), x, _same),
        Rule("bits_or_same", either(x, x), x, _same),
        Rule("bits_xor_same", xor(x, x), Number(0), _known),
        Rule("bits_and_zero", both(x, 0), Number(0), _known),
        Rule("bits_or_zero", either(x, 0), x, "the identity of bitwise_or"),
        Rule("bits_xor_zero", xor(x, 0), x, "the identity of bitwise_xor"),
        Rule("bits_and_true", both(b, True), b, "the identity of bitwise_and"),
        Rule("bits_or_true", either(b, True), true, _known),
        Rule("invert_invert", inverse(inverse(x)), x, "negations cancel"),
        Rule("bits_xor_xor", xor(xor(x, y), y), x, "the second one undoes the first"),
        Rule("bits_and_invert", both(inverse(x), inverse(y)), inverse(either(x, y)), _once),
        Rule("bits_or_invert", either(inverse(x), inverse(y)), inverse(both(x, y)), _once),
        Rule("left_shift_zero", left(i, 0), i, "no bit moves"),
        Rule("right_shift_zero", right(i, 0), i, "no bit moves"),
    ]


BITS = _bits()
"""Bits; those of booleans are conditions."""

CHOICE: list[AnyRule] = [
    Rule("switch_not", switch(no(a), x, y), switch(a, y, x), "one negation less"),
    Rule("switch_flag", switch(b, False, True), no(b), "the condition says so itself"),
    Rule("switch_twice_true", switch(b, switch(b, x, y), z), switch(b, x, z),
         "where the outer condition holds, so does the inner one"),
    Rule("switch_twice_false", switch(b, x, switch(b, y, z)), switch(b, x, z),
         "where the outer condition fails, so does the inner one"),
    Rule("switch_neg_neg", switch(b, -x, -y), -switch(b, x, y), _once),
    Rule("maximum_same", maximum(x, x), x, _same),
    Rule("minimum_same", minimum(x, x), x, _same),
    Rule("maximum_maximum", maximum(maximum(x, y), y), maximum(x, y), "once is enough"),
    Rule("minimum_minimum", minimum(minimum(x, y), y), minimum(x, y), "once is enough"),
    Rule("maximum_constants", maximum(c, maximum(d, x)), maximum(maximum(c, d), x),
         "the constants meet at compile time"),
    Rule("minimum_constants", minimum(c, minimum(d, x)), minimum(minimum(c, d), x),
         "the constants meet at compile time"),
    Rule("maximum_neg_neg", maximum(-f, -g), -minimum(f, g), _once),
    Rule("minimum_neg_neg", minimum(-f, -g), -maximum(f, g), _once),
    Rule("maximum_lowest", maximum(f, -math.inf), f, "the identity of maximum"),
    Rule("minimum_highest", minimum(f, math.inf), f, "the identity of minimum"),
    Rule("relu_of_nonnegative", maximum(p, 0), p, "nothing to cut off"),
    Rule("clip_clip", clip(clip(x, y, z), y, z), clip(x, y, z), "once is enough"),
]  # fmt: skip
"""Selections and extrema."""

RULES = [*COMPARISONS, *LOGIC, *BITS, *CHOICE]
