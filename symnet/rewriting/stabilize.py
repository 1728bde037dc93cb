"""Stable forms: expressions that lose digits or overflow, written so that they do not.

These run before differentiation too, so that gradients are those of the stable forms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from symnet.graph import Apply, Variable
from symnet.ops import build
from symnet.ops.advanced import AdvancedSubtensor
from symnet.ops.identity import StopGradient
from symnet.ops.indexing import Subtensor
from symnet.ops.reduce import Reduce
from symnet.ops.rows import PickRows
from symnet.ops.shape import DimShuffle, Reshape
from symnet.rewriting.pattern import FILL, FLOAT, NONNEGATIVE, Binding, Draw, Hole, Pattern, row_of
from symnet.rewriting.rule import AnyRule, OpRule, Rule
from symnet.scalar import TABLE

x, y, p, c = Hole("x", FLOAT), Hole("y", FLOAT), Hole("p", NONNEGATIVE), Hole("c", FILL)
_t = TABLE
exp, expm1, log, log1p = _t["exp"], _t["expm1"], _t["log"], _t["log1p"]
sigmoid, softplus, maximum, add = _t["sigmoid"], _t["softplus"], _t["maximum"], _t["add"]
sqr, sqrt, tanh, sinh, erf, erfc = (_t[n] for n in ("sqr", "sqrt", "tanh", "sinh", "erf", "erfc"))
mul, sub, true_div, lt, eq, switch = (
    _t[n] for n in ("mul", "sub", "true_div", "lt", "eq", "switch")
)


def _one_shape(bound: Binding) -> bool:
    """Whether x and y have one shape, so that no function is computed of more elements."""
    return bound[x].broadcastable == bound[y].broadcastable


def _is_bare(bound: Binding) -> bool:
    """Whether x is not what the replacement itself makes of it."""
    return row_of(bound[x]) is not switch


def _far(x: Pattern) -> Any:
    """Whether ``exp(x)`` is below a half, so that 1 less it loses nothing."""
    return lt(x, -math.log(2))


def _rooted(s: Any) -> Any:
    """The root of a sum of squares; where that is 0 its derivative is 0, not 0 / 0."""
    return switch(eq(s, 0), 0.0, sqrt(switch(eq(s, 0), 1.0, s)))


_large = "exp(x) may overflow"
_small = "the difference loses the digits of a small x"
_round = "sigmoid(x) may round to 1"
_limit = "the inner function may overflow or saturate, x does not"

LOGARITHMS: list[AnyRule] = [
    Rule("log_softmax", log(exp(x) / y), x - log(y), "exp(x) may underflow to 0, x does not"),
    Rule("log_exp", log(exp(x)), x, "exp(x) may overflow, x does not"),
    Rule("log2_exp2", _t["log2"](_t["exp2"](x)), x, _limit),
    Rule("log1p_expm1", log1p(expm1(x)), x, _limit),
    Rule("log1p", log(1 + x), log1p(x), "1 + x loses the digits of a small x"),
    Rule("log1p_neg", log(1 - x), log1p(-x), "1 - x loses the digits of a small x"),
    Rule("log_sqr", log(sqr(x)), 2.0 * log(abs(x)), "the square over- or underflows"),
    Rule("log_pow", log(p**c), c * log(p), "the power over- or underflows"),
    Rule("log_inverse", log(1 / x), -log(x), "the inverse of a tiny x is infinite"),
    Rule("logaddexp", log(exp(x) + exp(y)), _t["logaddexp"](x, y), _large),
    Rule("log_expm1", log(expm1(x)), x + log(-expm1(-x)), _large),
    Rule("log1mexp", log1p(-exp(x)),
         switch(_far(x), log1p(-exp(switch(_far(x), x, -1.0))),
                log(-expm1(switch(_far(x), -1.0, x)))),
         "near 0 exp(x) rounds to 1, of which the logarithm sees nothing", _is_bare),
    Rule("xlogx", x * log(x), _t["xlogx"](x), "0 times the logarithm of 0 is, in the limit, 0",
         assumes="0 * log(0) is 0"),
    Rule("log_abs_gamma", log(abs(_t["gamma"](x))), _t["gammaln"](x), "gamma(x) soon overflows"),
    Rule("log_gamma", log(_t["gamma"](p)), _t["gammaln"](p), "gamma(x) soon overflows"),
]  # fmt: skip
"""Logarithms."""

SIGMOIDS: list[AnyRule] = [
    Rule("softplus", log1p(exp(x)), softplus(x), _large),
    Rule("log_sigmoid", log(sigmoid(x)), -softplus(-x), "sigmoid(x) may underflow to 0"),
    Rule("log1p_neg_sigmoid", log1p(-sigmoid(x)), -softplus(x), _round),
    Rule("one_minus_sigmoid", 1 - sigmoid(x), sigmoid(-x), _round),
    Rule("sigmoid", 1 / (1 + exp(-x)), sigmoid(x), "exp(-x) may overflow; one row instead of four"),
    Rule("sigmoid_quotient", exp(x) / (1 + exp(x)), sigmoid(x), _large),
    Rule("sigmoid_neg", 1 / (1 + exp(x)), sigmoid(-x), _large),
    Rule("softplus_sub", softplus(x) - x, softplus(-x), "of a large x nothing is left"),
    Rule("sub_softplus", x - softplus(x), -softplus(-x), "of a large x nothing is left"),
    Rule("one_minus_tanh", 1 - tanh(x), 2.0 * sigmoid(-2.0 * x), "tanh(x) may round to 1"),
    Rule("one_plus_tanh", 1 + tanh(x), 2.0 * sigmoid(2.0 * x), "tanh(x) may round to -1"),
    Rule("tanh_of_sigmoid", 2 * sigmoid(2 * x) - 1, tanh(x), _small),
    Rule("tanh_quotient", 2 * sinh(x) / (exp(x) + exp(-x)), tanh(x), "infinity by infinity"),
]
"""The logistic function and its relatives."""

POWERS: list[AnyRule] = [
    Rule("expm1", exp(x) - 1, expm1(x), _small),
    Rule("sinh", exp(x) - exp(-x), 2.0 * sinh(x), _small),
    Rule(
        "exp_mul",
        exp(x) * exp(y),
        exp(x + y),
        "one exp instead of two, no 0 times infinity",
        _one_shape,
    ),
    Rule("exp_div", exp(x) / exp(y), exp(x - y), "one exp instead of two, no 0 by 0", _one_shape),
    Rule("exp_inverse", 1 / exp(x), exp(-x), "exp(x) may overflow where its inverse is a number"),
    Rule("sqrt_sqr", sqrt(sqr(x)), abs(x), "the square over- or underflows"),
    Rule(
        "hypotenuse",
        sqrt(sqr(x) + sqr(y)),
        _rooted(sqr(x) + sqr(y)),
        "its gradient at 0 is 0, not 0 / 0",
    ),
    Rule("one_minus_erf", 1 - erf(x), erfc(x), "erf(x) may round to 1"),
    Rule("one_plus_erf", 1 + erf(x), erfc(-x), "erf(x) may round to -1"),
    Rule("one_minus_erfc", 1 - erfc(x), erf(x), _small),
    Rule("arcsinh_sinh", _t["arcsinh"](sinh(x)), x, _limit),
    Rule("arccosh_cosh", _t["arccosh"](_t["cosh"](x)), abs(x), _limit),
    Rule("arctanh_tanh", _t["arctanh"](tanh(x)), x, _limit),
    Rule("erfinv_erf", _t["erfinv"](erf(x)), x, _limit),
]
"""Exponentials, roots and what saturates."""


def log_of_view(node: Apply) -> Variable | None:
    """The logarithm of part of a softmax is part of the logarithm, which has a stable form."""
    row, v = row_of(node.out), node.inputs[0]
    assert row is not None
    views: list[Apply] = []
    negative = False
    while v.owner is not None:
        if isinstance(v.owner.op, _VIEWS):
            views.append(v.owner)
        elif _is_row(v, "neg") and not negative:
            negative = True
        else:
            break
        v = v.owner.inputs[0]
    if not views or not _has_stable_logarithm(v):
        return None
    moved: Variable = row(-v if negative else v)
    for view in reversed(views):
        moved = view.op(moved, *view.inputs[1:])
    return moved


_VIEWS = (AdvancedSubtensor, PickRows, DimShuffle, Subtensor, Reshape)


def _is_row(v: Variable, *names: str) -> bool:
    row = row_of(v)
    return row is not None and row.name in names


def _has_stable_logarithm(v: Variable) -> bool:
    """Whether another rule has something to say about the logarithm of a variable."""
    if v.owner is None:
        return False
    if isinstance(v.owner.op, Reduce):
        return v.owner.op.combine is add and _is_row(v.owner.inputs[0], "exp")
    if _is_row(v, "true_div"):
        return _is_row(v.owner.inputs[0], "exp")
    return _is_row(v, "sigmoid", "exp")


def _sum(v: Variable) -> Apply | None:
    """What makes a variable, if it is a sum."""
    node = v.owner
    is_sum = node is not None and isinstance(node.op, Reduce) and node.op.combine is add
    return node if is_sum else None


def _back(v: Variable, axes: Sequence[int], ndim: int) -> Variable:
    """What reducing `axes` gave, with these dimensions again, of length 1."""
    kept = iter(range(v.ndim))
    order = tuple(None if a in axes else next(kept) for a in range(ndim))
    view: Variable = DimShuffle(order)(v)
    return view


def _greatest(scores: Variable, axes: tuple[int, ...]) -> Variable:
    """The greatest scores, 0 where that is infinite: the difference would be NaN."""
    largest: Variable = StopGradient()(Reduce(maximum, axes, scores.dtype)(scores))
    finite: Variable = switch(_t["isinf"](largest), 0.0, largest)
    return finite


def logsumexp(node: Apply) -> Variable | None:
    """``log(sum(exp(x)))`` with the largest x taken out, so that nothing overflows."""
    total = _sum(node.inputs[0])
    if total is None or not _is_row(total.inputs[0], "exp") or total.inputs[0].owner is None:
        return None
    (scores,) = total.inputs[0].owner.inputs
    if _is_centred(scores) or not isinstance(total.op, Reduce):
        return None
    largest = _greatest(scores, total.op.axes)
    centred: Variable = exp(scores - _back(largest, total.op.axes, scores.ndim))
    stable: Variable = log(total.op(centred)) + largest
    return stable


def softmax(node: Apply) -> Variable | None:
    """Powers by their sum, with the largest score taken out of both."""
    powers, total = node.inputs
    if powers.owner is None:
        return None
    view = total.owner
    below = total
    while view is not None and isinstance(view.op, DimShuffle):
        below = view.inputs[0]
        view = below.owner
    summed = _sum(below)
    if summed is None or summed.inputs[0] is not powers or not isinstance(summed.op, Reduce):
        return None
    (scores,) = powers.owner.inputs
    axes = summed.op.axes
    back = _back(summed.out, axes, powers.ndim)
    if _is_centred(scores) or DimShuffle(tuple(range(back.ndim)))(total).type != back.type:
        return None
    if total.owner is None or total.owner.op != back.owner.op:  # type: ignore[union-attr]
        return None
    centred: Variable = exp(scores - _back(_greatest(scores, axes), axes, scores.ndim))
    stable: Variable = centred / _back(summed.op(centred), axes, scores.ndim)
    return stable


def log_of_mean(node: Apply) -> Variable | None:
    """The logarithm of a quotient of a sum of powers is a difference of logarithms."""
    quotient = node.inputs[0].owner
    assert quotient is not None
    total, count = quotient.inputs
    summed = _sum(total)
    if summed is None or not _is_row(summed.inputs[0], "exp"):
        return None
    apart: Variable = log(total) - log(count)
    return apart


def log_of_product(node: Apply) -> Variable | None:
    """The logarithm of a product of many is the sum of logarithms."""
    product = node.inputs[0].owner
    assert product is not None
    assert isinstance(product.op, Reduce)
    (v,) = product.inputs
    if product.op.combine is not mul or not NONNEGATIVE.fits(v) or product.op.dtype != v.dtype:
        return None
    total: Variable = Reduce(add, product.op.axes, v.dtype)(log(v))
    return total


def product_of_powers(node: Apply) -> Variable | None:
    """The product of powers of e is one power of the sum."""
    op, v = node.op, node.inputs[0]
    assert isinstance(op, Reduce)
    if op.combine is not mul or op.dtype != v.dtype or v.owner is None:
        return None
    (x,) = v.owner.inputs
    power: Variable = exp(Reduce(add, op.axes, op.dtype)(x))
    return power if x.dtype == v.dtype else None


def norm(node: Apply) -> Variable | None:
    """The norm of a vector, whose derivative at 0 is 0."""
    total = _sum(node.inputs[0])
    if total is None or not _is_row(total.inputs[0], "sqr"):
        return None
    return _rooted(total.out)  # type: ignore[no-any-return]


def variance(node: Apply) -> Variable | None:
    """The mean of squares less the square of the mean, as the mean square of differences."""
    mean_square, square_mean = (v.owner for v in node.inputs)
    if mean_square is None or square_mean is None:
        return None
    mean = square_mean.inputs[0].owner
    if mean is None or mean.op != mean_square.op or mean.inputs[1] is not mean_square.inputs[1]:
        return None
    squares, total = _sum(mean_square.inputs[0]), _sum(mean.inputs[0])
    if squares is None or total is None or squares.op != total.op:
        return None
    made = squares.inputs[0].owner
    if made is None or not _is_row(made.out, "sqr") or made.inputs[0] is not total.inputs[0]:
        return None
    assert isinstance(total.op, Reduce)
    x, count = total.inputs[0], mean.inputs[1]
    if total.op.dtype != x.dtype or count.dtype != x.dtype or mean.out.type != node.out.type:
        return None
    centred: Variable = x - _back(mean.out, total.op.axes, x.ndim)
    spread: Variable = total.op(sqr(centred)) / count
    return spread


def _is_centred(v: Variable) -> bool:
    """Whether an expression is a difference to a maximum held constant, as in softmax."""
    node = v.owner
    if node is None or row_of(v) is not sub:
        return False
    u = node.inputs[1]
    while u.owner is not None and isinstance(u.owner.op, DimShuffle):
        u = u.owner.inputs[0]
    if u.owner is not None and row_of(u) is switch:
        u = u.owner.inputs[2]
    return u.owner is not None and isinstance(u.owner.op, StopGradient | Reduce)


def _sum_of_powers(d: Draw) -> Variable:
    powers: Variable = exp(d("mn"))
    total: Variable = Reduce(add, (1,), powers.dtype)(powers)
    return total


def _softmax(d: Draw) -> Variable:
    powers: Variable = exp(d("mn"))
    total = build.insert_axes(Reduce(add, (1,), powers.dtype)(powers), (1,))
    return powers / total  # type: ignore[no-any-return]


def _variance(d: Draw) -> Variable:
    x = d("mn")
    count = build.cast(d.length("n"), x.dtype)
    total = Reduce(add, (1,), x.dtype)
    number = DimShuffle((None,))(count)
    found: Variable = total(sqr(x)) / number - sqr(total(x) / number)
    return found


RULES: list[AnyRule] = [
    *LOGARITHMS,
    *SIGMOIDS,
    *POWERS,
    OpRule("log_of_view", (log, log1p), log_of_view, "the logarithm of a softmax has a stable form",
           lambda d: log(DimShuffle((1, 0))(_softmax(d))), (*_VIEWS, _t["neg"])),
    OpRule("logsumexp", log, logsumexp, "exp of large scores overflows",
           lambda d: log(_sum_of_powers(d)), Reduce),
    OpRule("log_of_mean", log, log_of_mean, "the logarithm of a sum of powers has a stable form",
           lambda d: log(_sum_of_powers(d) / 3.0), true_div),
    OpRule("softmax", true_div, softmax, "exp of large scores overflows", _softmax, exp),
    OpRule("log_of_product", log, log_of_product, "products of many over- or underflow",
           lambda d: log(Reduce(mul, (1,), (v := abs(d("mn"))).dtype)(v)), Reduce),
    OpRule("product_of_powers", Reduce, product_of_powers, "one exp, and no 0 times infinity",
           lambda d: Reduce(mul, (1,), (v := exp(d("mn"))).dtype)(v), exp),
    OpRule("norm", sqrt, norm, "its gradient at 0 is 0, not 0 / 0",
           lambda d: sqrt(Reduce(add, (1,), (v := sqr(d("mn"))).dtype)(v)), Reduce),
    OpRule("variance", sub, variance, "of a large mean the difference loses all digits",
           _variance, true_div, assumes="a divisor that counts the summands"),
]  # fmt: skip
