"""Elementary functions: powers, roundings, inverse pairs, parity.

These are exact but for rounding. What is gained in range or digits stands in
`symnet.rewriting.stabilize`.
"""

from __future__ import annotations

from symnet.graph import Apply, Variable
from symnet.rewriting.pattern import FLOAT, INTEGER, NONNEGATIVE, Hole, Number, row_of
from symnet.rewriting.rule import AnyRule, OpRule, Rule
from symnet.scalar import TABLE

x, y = Hole("x"), Hole("y")
f, g = Hole("f", FLOAT), Hole("g", FLOAT)
i = Hole("i", INTEGER)
p = Hole("p", NONNEGATIVE)
_t = TABLE
exp, log, log1p, expm1 = _t["exp"], _t["log"], _t["log1p"], _t["expm1"]
sqr, sqrt = _t["sqr"], _t["sqrt"]
maximum, minimum = _t["maximum"], _t["minimum"]

_instead = "instead of exp and log"
_inverse = "one function undoes the other"
_outward = "signs move outwards, where they cancel"
_whole = "an integer already"

POWERS: list[AnyRule] = [
    Rule("pow_zero", x**0, Number(1), "the empty product, of NaN too"),
    Rule("pow_one", x**1, x, "the first power"),
    Rule("pow_two", x**2, sqr(x), "a product instead of exp and log"),
    Rule("pow_half", p**0.5, sqrt(p), _instead),
    Rule("pow_minus_one", f**-1, 1 / f, _instead),
    Rule("pow_of_one", 1**x, Number(1), "one times itself, however often"),
    Rule("pow_of_two", 2**f, _t["exp2"](f), "one logarithm less"),
    Rule("sqr_sqrt", sqr(sqrt(p)), p, _inverse),
]
"""Powers and roots."""

_ROUNDINGS = tuple(_t[n] for n in ("floor", "ceil", "trunc", "rint", "round_half_away_from_zero"))
_ODD = ("sin", "tan", "arcsin", "arctan", "sinh", "tanh", "arcsinh", "arctanh", "erf", "erfinv")
_EVEN = ("cos", "cosh")
INCREASING = tuple(
    _t[n] for n in ("exp", "exp2", "expm1", "sigmoid", "softplus", "tanh", "sinh", "arctan",
                    "arcsinh", "erf", "rint", "floor", "ceil", "trunc")
)  # fmt: skip
"""Rows that grow with their operand, and are defined for all."""


def rounded_twice(node: Apply) -> Variable | None:
    """What is rounded is an integer, which every rounding leaves alone."""
    return node.inputs[0]


def extremum_of_increasing(node: Apply) -> Variable | None:
    """The extremum of values of an increasing function is its value at the extremum."""
    a, b = node.inputs
    row = row_of(a)
    if row is None or row is not row_of(b) or a.owner is None or b.owner is None:
        return None
    (u,), (v,) = a.owner.inputs, b.owner.inputs
    if u.dtype != v.dtype:
        return None
    found: Variable = row(node.op(u, v))
    return found


PAIRS: list[AnyRule] = [
    Rule("exp_log", exp(log(p)), p, _inverse),
    Rule("exp2_log2", _t["exp2"](_t["log2"](p)), p, _inverse),
    Rule("expm1_log1p", expm1(log1p(p)), p, _inverse),
    Rule("sinh_arcsinh", _t["sinh"](_t["arcsinh"](f)), f, _inverse),
    Rule("deg2rad_rad2deg", _t["deg2rad"](_t["rad2deg"](f)), f, _inverse),
    Rule("rad2deg_deg2rad", _t["rad2deg"](_t["deg2rad"](f)), f, _inverse),
    Rule("tan", _t["sin"](f) / _t["cos"](f), _t["tan"](f), "one function instead of two"),
    *(Rule(f"{n}_neg", _t[n](-f), -_t[n](f), _outward) for n in _ODD),
    *(Rule(f"{n}_neg", _t[n](-f), _t[n](f), "the sign does not matter") for n in _EVEN),
    *(Rule(f"{n}_abs", _t[n](abs(f)), _t[n](f), "the sign does not matter") for n in _EVEN),
    *(Rule(f"{row.name}_integer", row(i), i, _whole) for row in _ROUNDINGS),
    OpRule("rounded_twice", _ROUNDINGS, rounded_twice, _whole,
           lambda d: _t["floor"](_t["rint"](d("mn"))), _ROUNDINGS),
    OpRule("extremum_of_increasing", (maximum, minimum), extremum_of_increasing,
           "one function instead of two", lambda d: maximum(exp(d("mn")), exp(d("m1"))),
           INCREASING),
]  # fmt: skip
"""Functions of functions."""

RULES = [*POWERS, *PAIRS]
