"""Canonical forms: one way of writing what can be written in several.

Elementwise algebra that holds for every floating point value (NaN and infinities included, the sign
of a zero aside), constants brought together, views of views, shapes of anything without computing
it, and constants folded.
"""

from __future__ import annotations

import math

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.op import constant
from symnet.ops.elementwise import Elemwise
from symnet.ops.indexing import Subtensor
from symnet.ops.reduce import Reduce
from symnet.ops.rows import PlaceRows
from symnet.ops.shape import Broadcast, DimShuffle, MakeVector, Reshape, ShapeOf
from symnet.ops.slices import Point
from symnet.rewriting.pattern import AnyRule, Binding, Fill, Hole, OpRule, Rule, fill_value
from symnet.scalar import TABLE, cast_to

x, y = Hole("x"), Hole("y")
c, d = Fill("c"), Fill("d")
_t = TABLE
add, sub, mul, neg = _t["add"], _t["sub"], _t["mul"], _t["neg"]
true_div, power, sqr, switch = _t["true_div"], _t["pow"], _t["sqr"], _t["switch"]


def _is_never_negative(bound: Binding) -> bool:
    """Whether no element of x is below zero, by the row that computes it."""
    node = bound[x].owner
    names = ("sqr", "abs", "exp", "sigmoid", "sqrt")
    return node is not None and isinstance(node.op, Elemwise) and node.op.scalar.name in names


def _is_floating(bound: Binding) -> bool:
    return dtypes.is_float(bound[x].dtype)


def _one_dtype(bound: Binding) -> bool:
    """Whether merging constants changes no dtype on the way."""
    return len({v.dtype for v in bound.values()}) == 1


def _is_tame(bound: Binding) -> bool:
    """Whether constants are floats whose products and quotients are ordinary numbers."""
    if not _one_dtype(bound) or not _is_floating(bound):
        return False
    sizes = [abs(float(fill_value(v) or 0.0)) for h, v in bound.items() if isinstance(h, Fill)]
    info = np.finfo(bound[x].dtype)
    low, high = float(info.tiny) ** 0.5, float(info.max) ** 0.5
    return all(low < n < high for n in sizes)


def _is_power_of_two(bound: Binding) -> bool:
    """Whether c has an exact reciprocal."""
    return _is_tame(bound) and math.frexp(abs(fill_value(bound[c]) or 0.0))[0] == 0.5


def _spans(bound: Binding) -> bool:
    """Whether y has every dimension of x, so that dividing by it is not done again and again."""
    return bound[x].dtype == bound[y].dtype and all(
        wide or not narrow
        for wide, narrow in zip(bound[x].broadcastable, bound[y].broadcastable, strict=True)
    )


ALGEBRA: list[AnyRule] = [
    Rule("add_zero", x + 0, x, "the identity of add"),
    Rule("zero_sub", 0 - x, -x, "a sign flip needs no constant"),
    Rule("sub_zero", x - 0, x, "a difference to nothing"),
    Rule("mul_one", x * 1, x, "the identity of mul"),
    Rule("div_one", x / 1, x, "the identity of true_div"),
    Rule("mul_minus_one", x * -1, -x, "a sign flip is cheaper than a product"),
    Rule("neg_neg", neg(neg(x)), x, "signs cancel"),
    Rule("neg_sub", -(x - y), y - x, "one operation instead of two"),
    Rule("sub_neg", x - (-y), x + y, "one operation instead of two"),
    Rule("add_neg", x + (-y), x - y, "one operation instead of two"),
    Rule("mul_neg_neg", (-x) * (-y), x * y, "signs cancel"),
    Rule("div_neg_neg", (-x) / (-y), x / y, "signs cancel"),
    Rule("abs_neg", abs(-x), abs(x), "the sign does not matter"),
    Rule("abs_abs", abs(abs(x)), abs(x), "the inner one has done it"),
    Rule("sqr_neg", sqr(-x), sqr(x), "the sign does not matter"),
    Rule("mul_inverse", x * (1 / y), x / y, "one operation instead of two", _spans),
    Rule("pow_one", x**1, x, "the first power"),
    Rule("pow_two", x**2, sqr(x), "a product instead of exp and log"),
    Rule("pow_half", x**0.5, _t["sqrt"](x), "instead of exp and log", _is_never_negative),
    Rule("pow_minus_one", x**-1, 1 / x, "instead of exp and log", _is_floating),
    Rule("switch_same", switch(y, x, x), x, "both branches are one"),
    Rule("not_not", _t["logical_not"](_t["logical_not"](x)), x, "negations cancel"),
    Rule("maximum_same", _t["maximum"](x, x), x, "of two equal values either will do"),
    Rule("minimum_same", _t["minimum"](x, x), x, "of two equal values either will do"),
]  # fmt: skip
"""Elementwise algebra."""

_outward = "signs move outwards, where they cancel"
_once = "one operation instead of two: the constants meet at compile time"

CONSTANTS: list[AnyRule] = [
    Rule("neg_constant", -(c * x), -c * x, "the constant takes the sign", _one_dtype),
    Rule("neg_quotient", -(x / c), x / -c, "the constant takes the sign", _one_dtype),
    Rule("neg_reciprocal", -(c / x), -c / x, "the constant takes the sign", _one_dtype),
    Rule("mul_neg", (-x) * y, -(x * y), _outward, _is_floating),
    Rule("neg_div", (-x) / y, -(x / y), _outward, _is_floating),
    Rule("div_neg", x / (-y), -(x / y), _outward, _is_floating),
    Rule("mul_mul", c * (d * x), (c * d) * x, _once, _is_tame),
    Rule("mul_div", c * (x / d), (c / d) * x, _once, _is_tame),
    Rule("mul_reciprocal", c * (d / x), (c * d) / x, _once, _is_tame),
    Rule("div_mul", (c * x) / d, (c / d) * x, _once, _is_tame),
    Rule("div_div", (x / c) / d, x / (c * d), _once, _is_tame),
    Rule("add_add", c + (d + x), (c + d) + x, _once, _one_dtype),
    Rule("add_sub", c + (x - d), (c - d) + x, _once, _one_dtype),
    Rule("add_rsub", c + (d - x), (c + d) - x, _once, _one_dtype),
    Rule("sub_add", (d + x) - c, (d - c) + x, _once, _one_dtype),
    Rule("sub_sub", (x - d) - c, x - (c + d), _once, _one_dtype),
    Rule("rsub_add", c - (d + x), (c - d) - x, _once, _one_dtype),
    Rule("rsub_sub", c - (x - d), (c + d) - x, _once, _one_dtype),
    Rule("rsub_rsub", c - (d - x), (c - d) + x, _once, _one_dtype),
    Rule("div_power_of_two", x / c, x * (1 / c), "exact, and quicker than a division",
         _is_power_of_two),
]  # fmt: skip
"""Constants brought together."""

FOLDED_SIZE = 1 << 12
"""Elements up to which a result is kept as a constant rather than computed at every call."""


def fold_constants(node: Apply) -> Variable | None:
    """Compute what follows from constants alone."""
    if not node.inputs or not all(isinstance(v, Constant) for v in node.inputs):
        return None
    if isinstance(node.op, Broadcast) or len(node.outputs) != 1:
        return None  # a repeated number is better kept as a number
    if any(v.data.size > FOLDED_SIZE for v in node.inputs if isinstance(v, Constant)):
        return None
    with np.errstate(all="ignore"):
        (value,) = node.op.perform([v.data for v in node.inputs if isinstance(v, Constant)])
    return constant(value, node.out.dtype) if value.size <= FOLDED_SIZE else None


def merge_dimshuffles(node: Apply) -> Variable | None:
    """A view of a view is one view; a view that changes nothing is none."""
    op, (v,) = node.op, node.inputs
    assert isinstance(op, DimShuffle)
    if op.order == tuple(range(v.ndim)):
        return v
    inner = v.owner
    if inner is not None and isinstance(inner.op, DimShuffle):
        order = tuple(None if a is None else inner.op.order[a] for a in op.order)
        merged: Variable = DimShuffle(order)(inner.inputs[0])
        return merged
    return None


def neg_of_view(node: Apply) -> Variable | None:
    """A sign moves outwards through a view."""
    op, inner = node.op, node.inputs[0].owner
    assert isinstance(op, DimShuffle)
    if inner is None or not isinstance(inner.op, Elemwise) or inner.op.scalar is not neg:
        return None
    negated: Variable = -op(inner.inputs[0])
    return negated


def merge_reshapes(node: Apply) -> Variable | None:
    """Only the last of several reshapes counts."""
    v, *lengths = node.inputs
    if (
        v.owner is not None
        and isinstance(v.owner.op, Reshape)
        and -1 not in map(fill_value, lengths)
    ):
        merged: Variable = Reshape(node.out.ndim)(v.owner.inputs[0], *lengths)
        return merged
    return None


def merge_casts(node: Apply) -> Variable | None:
    """A conversion to the same dtype, or after one that lost nothing, is superfluous."""
    op, v = node.op, node.inputs[0]
    if not isinstance(op, Elemwise) or not op.scalar.name.startswith("cast_"):
        return None
    if v.dtype == node.out.dtype:
        return v
    inner = v.owner
    if (
        inner is None
        or not isinstance(inner.op, Elemwise)
        or not inner.op.scalar.name.startswith("cast_")
    ):
        return None
    source = inner.inputs[0]
    if not np.can_cast(source.dtype, v.dtype, "safe"):
        return None
    merged: Variable = op.scalar(source)
    return merged


def shape_of_result(node: Apply) -> Variable | None:
    """The length of a result told by the lengths of operands."""
    op, (v,) = node.op, node.inputs
    assert isinstance(op, ShapeOf)
    static = v.type.shape[op.axis]
    if static is not None:
        return constant(static, "int64")
    owner = v.owner
    if owner is None:
        return None
    found: Variable | None = None
    match owner.op:
        case Elemwise():
            for u in owner.inputs:
                if u.type.shape[op.axis] != 1:
                    found = ShapeOf(op.axis)(u)
                    break
        case DimShuffle(order=order):
            source = order[op.axis]
            if source is not None:
                found = ShapeOf(source)(owner.inputs[0])
        case Reduce(axes=axes):
            kept = [a for a in range(owner.inputs[0].ndim) if a not in axes]
            found = ShapeOf(kept[op.axis])(owner.inputs[0])
        case Broadcast():
            found = owner.inputs[1 + op.axis]
            found = TABLE["cast_int64"](found) if found.dtype != "int64" else found
    return found


def element_of_vector(node: Apply) -> Variable | None:
    """An entry of scalars put into a vector is that scalar."""
    op, v = node.op, node.inputs[0]
    if v.owner is None or not isinstance(v.owner.op, MakeVector):
        return None
    assert isinstance(op, Subtensor)
    if len(op.spec) != 1 or not isinstance(op.spec[0], Point):
        return None
    at = fill_value(node.inputs[1])
    count = len(v.owner.inputs)
    if at is None or not -count <= at < count:
        return None
    entry = v.owner.inputs[int(at)]
    return entry if entry.dtype == v.dtype else TABLE[f"cast_{v.dtype}"](entry)


def broadcast_of_nothing(node: Apply) -> Variable | None:
    """Repeating a value to the shape it has changes nothing."""
    v = node.inputs[0]
    if v.type == node.out.type and None not in v.type.shape:
        return v
    inner = v.owner
    if inner is not None and isinstance(inner.op, Broadcast):
        merged: Variable = Broadcast(node.out.ndim)(inner.inputs[0], *node.inputs[1:])
        return merged if merged.type == node.out.type else None
    return None


def operand_without_broadcast(node: Apply) -> Variable | None:
    """An operand repeated to the shape the other ones have need not be repeated."""
    op = node.op
    assert isinstance(op, Elemwise)
    for k, v in enumerate(node.inputs):
        if v.owner is None or not isinstance(v.owner.op, Broadcast):
            continue
        value = v.owner.inputs[0]
        order = (*(None,) * (v.ndim - value.ndim), *range(value.ndim))
        padded = value if value.ndim == v.ndim else DimShuffle(order)(value)
        others = [u for j, u in enumerate(node.inputs) if j != k]
        if all(
            n != 1 or v.type.shape[axis] == 1 or any(u.type.shape[axis] != 1 for u in others)
            for axis, n in enumerate(padded.type.shape)
        ):
            found: Variable = op(*node.inputs[:k], padded, *node.inputs[k + 1 :])
            return found
    return None


def known_condition(node: Apply) -> Variable | None:
    """A selection whose condition is a constant is the branch it selects."""
    op = node.op
    if not isinstance(op, Elemwise) or op.scalar is not switch:
        return None
    truth = fill_value(node.inputs[0])
    if truth is None:
        return None
    chosen = node.inputs[1 if truth else 2]
    return chosen if chosen.dtype == node.out.dtype else TABLE[f"cast_{node.out.dtype}"](chosen)


def sum_of_placed_rows(node: Apply) -> Variable | None:
    """Each row of `PlaceRows` has one element that is not zero, which therefore is its sum."""
    op, (v,) = node.op, node.inputs
    assert isinstance(op, Reduce)
    if (
        op.combine is add
        and op.axes == (1,)
        and v.owner is not None
        and isinstance(v.owner.op, PlaceRows)
    ):
        return v.owner.inputs[0]
    return None


def sum_of_scaled(node: Apply) -> Variable | None:
    """A constant factor is applied once, after the sum."""
    op, (v,) = node.op, node.inputs
    assert isinstance(op, Reduce)
    inner = v.owner
    if op.combine is not add or inner is None or not isinstance(inner.op, Elemwise):
        return None
    if inner.op.scalar is neg:
        negated: Variable = -op(inner.inputs[0])
        return negated
    scalar = inner.op.scalar
    if scalar not in (mul, true_div) or not dtypes.is_float(v.dtype):
        return None
    for rest, factor in (inner.inputs, inner.inputs[::-1])[: 2 if scalar is mul else 1]:
        value = fill_value(factor)
        if value and math.isfinite(value) and rest.type == v.type:
            number = constant(np.full((1,) * node.out.ndim, value, v.dtype))
            scaled: Variable = scalar(op(rest), number)
            return scaled
    return None


def reduce_view(node: Apply) -> Variable | None:
    """Of dimensions moved or inserted by a view, those below it are reduced."""
    op, (v,) = node.op, node.inputs
    assert isinstance(op, Reduce)
    view = v.owner
    if view is None or not isinstance(view.op, DimShuffle):
        return None
    order, x = view.op.order, view.inputs[0]
    kept = [a for k, a in enumerate(order) if k not in op.axes]
    gone = tuple(a for a in range(x.ndim) if a not in kept)
    left = [a for a in range(x.ndim) if a in kept]
    below = Reduce(op.combine, gone, op.dtype)(x) if gone else cast_to(op.dtype)(x)
    places = tuple(None if a is None else left.index(a) for a in kept)
    found: Variable = DimShuffle(places)(below)
    return found


def merge_reductions(node: Apply) -> Variable | None:
    """A reduction of a reduction in the same way is one over the dimensions of both."""
    op, (v,) = node.op, node.inputs
    assert isinstance(op, Reduce)
    inner = v.owner
    if inner is None or not isinstance(inner.op, Reduce):
        return None
    if inner.op.combine is not op.combine or inner.op.dtype != op.dtype:
        return None
    x = inner.inputs[0]
    left = [a for a in range(x.ndim) if a not in inner.op.axes]
    axes = tuple(sorted({*inner.op.axes, *(left[a] for a in op.axes)}))
    found: Variable = Reduce(op.combine, axes, op.dtype)(x)
    return found


STRUCTURE: list[AnyRule] = [
    OpRule("fold_constants", object, fold_constants, "computed once, at compile time"),
    OpRule("merge_dimshuffles", DimShuffle, merge_dimshuffles, "one view instead of several"),
    OpRule("neg_of_view", DimShuffle, neg_of_view, _outward),
    OpRule("merge_reshapes", Reshape, merge_reshapes, "one view instead of several"),
    OpRule("merge_casts", Elemwise, merge_casts, "one conversion instead of several"),
    OpRule("shape_of_result", ShapeOf, shape_of_result, "a length needs no tensor computed"),
    OpRule("element_of_vector", Subtensor, element_of_vector, "the scalar is at hand"),
    OpRule("broadcast_of_nothing", Broadcast, broadcast_of_nothing, "the value is at hand"),
    OpRule("operand_without_broadcast", Elemwise, operand_without_broadcast, "rows do that"),
    OpRule("known_condition", Elemwise, known_condition, "the other branch is never taken"),
    OpRule("sum_of_placed_rows", Reduce, sum_of_placed_rows, "no matrix needs to be summed"),
    OpRule("reduce_view", Reduce, reduce_view, "the dimensions need not be moved first"),
    OpRule("merge_reductions", Reduce, merge_reductions, "one pass instead of two"),
    OpRule("sum_of_scaled", Reduce, sum_of_scaled, "one product instead of one for each element"),
]  # fmt: skip
"""Rules about shapes, views and constants."""

RULES = [*ALGEBRA, *CONSTANTS, *STRUCTURE]
