"""Canonical forms: one way of writing what can be written in several.

Elementwise algebra that holds for every floating point value (NaN and infinities included), views
of views, shapes of anything without computing it, and constants folded.
"""

from __future__ import annotations

import math

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.op import constant
from symnet.ops.elementwise import Elemwise
from symnet.ops.indexing import PlaceRows, Point, Subtensor
from symnet.ops.reduce import Reduce
from symnet.ops.shape import Broadcast, DimShuffle, MakeVector, Reshape, ShapeOf
from symnet.rewriting.pattern import AnyRule, Binding, Hole, OpRule, Rule, fill_value
from symnet.scalar import TABLE

x, y = Hole("x"), Hole("y")
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


ALGEBRA: list[AnyRule] = [
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
    if inner.op.scalar is not mul or not dtypes.is_float(v.dtype):
        return None
    for factor, rest in (inner.inputs, inner.inputs[::-1]):
        value = fill_value(factor)
        if (
            value is not None
            and rest.dtype == v.dtype
            and math.isfinite(value)
            and rest.type == v.type
        ):
            scaled: Variable = op(rest) * constant(np.full((1,) * node.out.ndim, value, v.dtype))
            return scaled
    return None


STRUCTURE: list[AnyRule] = [
    OpRule("fold_constants", object, fold_constants, "computed once, at compile time"),
    OpRule("merge_dimshuffles", DimShuffle, merge_dimshuffles, "one view instead of several"),
    OpRule("merge_reshapes", Reshape, merge_reshapes, "one view instead of several"),
    OpRule("merge_casts", Elemwise, merge_casts, "one conversion instead of several"),
    OpRule("shape_of_result", ShapeOf, shape_of_result, "a length needs no tensor computed"),
    OpRule("element_of_vector", Subtensor, element_of_vector, "the scalar is at hand"),
    OpRule("broadcast_of_nothing", Broadcast, broadcast_of_nothing, "the value is at hand"),
    OpRule("operand_without_broadcast", Elemwise, operand_without_broadcast, "rows do that"),
    OpRule("known_condition", Elemwise, known_condition, "the other branch is never taken"),
    OpRule("sum_of_placed_rows", Reduce, sum_of_placed_rows, "no matrix needs to be summed"),
    OpRule("sum_of_scaled", Reduce, sum_of_scaled, "one product instead of one for each element"),
]  # fmt: skip
"""Rules about shapes, views and constants."""

RULES = [*ALGEBRA, *STRUCTURE]
