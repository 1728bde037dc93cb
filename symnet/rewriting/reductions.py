"""Reductions: of reductions, of views, of what is repeated, with what is common taken out."""

from __future__ import annotations

import math

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Variable
from symnet.op import constant
from symnet.ops import build
from symnet.ops.reduce import Argmax, Reduce
from symnet.ops.rows import PlaceRows
from symnet.ops.shape import Broadcast, DimShuffle, Reshape, ShapeOf
from symnet.rewriting.functions import INCREASING
from symnet.rewriting.pattern import fill_value, row_of
from symnet.rewriting.rule import AnyRule, OpRule
from symnet.scalar import TABLE, ScalarOp, cast_to

add, mul, neg, true_div = (TABLE[n] for n in ("add", "mul", "neg", "true_div"))
both, either, no = (TABLE[f"logical_{n}"] for n in ("and", "or", "not"))
maximum, minimum = TABLE["maximum"], TABLE["minimum"]


def of(node: Apply, *rows: ScalarOp) -> Reduce | None:
    """The operation of a node that reduces with one of some rows."""
    op = node.op
    return op if isinstance(op, Reduce) and op.combine in rows else None


def _made(v: Variable) -> Apply:
    assert v.owner is not None
    return v.owner


def sum_of_placed_rows(node: Apply) -> Variable | None:
    """Each row of `PlaceRows` has one element that is not zero, which therefore is its sum."""
    op = of(node, add)
    return _made(node.inputs[0]).inputs[0] if op is not None and op.axes == (1,) else None


def sum_of_neg(node: Apply) -> Variable | None:
    """The sum of negated values is the negated sum."""
    op, (v,) = of(node, add), node.inputs
    if op is None or op.dtype != v.dtype:
        return None
    negated: Variable = -op(_made(v).inputs[0])
    return negated


def sum_of_scaled(node: Apply) -> Variable | None:
    """A constant factor is applied once, after the sum."""
    op, (v,) = of(node, add), node.inputs
    if op is None or not dtypes.is_float(v.dtype):
        return None
    inner, scalar = _made(v), row_of(v)
    for rest, factor in (inner.inputs, inner.inputs[::-1])[: 2 if scalar is mul else 1]:
        value = fill_value(factor)
        if scalar is not None and value and math.isfinite(value) and rest.type == v.type:
            number = constant(np.full((1,) * node.out.ndim, value, v.dtype))
            scaled: Variable = scalar(op(rest), number)
            return scaled
    return None


def sum_of_common_factor(node: Apply) -> Variable | None:
    """A factor that all summands share is applied once, after the sum."""
    op, (v,) = of(node, add), node.inputs
    if op is None or op.dtype != v.dtype or not dtypes.is_float(v.dtype):
        return None
    inner, scalar = _made(v), row_of(v)
    for rest, factor in (inner.inputs, inner.inputs[::-1])[: 2 if scalar is mul else 1]:
        shared = all(factor.type.shape[a] == 1 for a in op.axes)
        if scalar is not None and shared and rest.dtype == factor.dtype and rest.type == v.type:
            kept = tuple(a for a in range(v.ndim) if a not in op.axes)
            scaled: Variable = scalar(op(rest), DimShuffle(kept)(factor))
            return scaled
    return None


def reduce_view(node: Apply) -> Variable | None:
    """Of dimensions moved or inserted by a view, those below it are reduced."""
    op, view = node.op, _made(node.inputs[0])
    assert isinstance(op, Reduce)
    assert isinstance(view.op, DimShuffle)
    order, x = view.op.order, view.inputs[0]
    kept = [a for k, a in enumerate(order) if k not in op.axes]
    gone = tuple(a for a in range(x.ndim) if a not in kept)
    left = [a for a in range(x.ndim) if a in kept]
    below = Reduce(op.combine, gone, op.dtype)(x) if gone else cast_to(op.dtype)(x)
    places = tuple(None if a is None else left.index(a) for a in kept)
    found: Variable = DimShuffle(places)(below)
    return found


def reduce_reshape(node: Apply) -> Variable | None:
    """What becomes one number may have had any shape."""
    op, x = node.op, _made(node.inputs[0]).inputs[0]
    assert isinstance(op, Reduce)
    if node.out.ndim or not x.ndim:
        return None
    found: Variable = Reduce(op.combine, tuple(range(x.ndim)), op.dtype)(x)
    return found


def merge_reductions(node: Apply) -> Variable | None:
    """A reduction of a reduction in the same way is one over the dimensions of both."""
    op, inner = node.op, _made(node.inputs[0])
    assert isinstance(op, Reduce)
    assert isinstance(inner.op, Reduce)
    if inner.op.combine is not op.combine or inner.op.dtype != op.dtype:
        return None
    x = inner.inputs[0]
    left = [a for a in range(x.ndim) if a not in inner.op.axes]
    axes = tuple(sorted({*inner.op.axes, *(left[a] for a in op.axes)}))
    found: Variable = Reduce(op.combine, axes, op.dtype)(x)
    return found


def reduce_single(node: Apply) -> Variable | None:
    """One element combined with nothing is itself."""
    op, (v,) = node.op, node.inputs
    assert isinstance(op, Reduce)
    single = [a for a in op.axes if v.type.shape[a] == 1]
    if not single:
        return None
    kept = [a for a in range(v.ndim) if a not in single]
    dropped = DimShuffle(tuple(kept))(v)
    axes = tuple(kept.index(a) for a in op.axes if a not in single)
    return Reduce(op.combine, axes, op.dtype)(dropped) if axes else build.cast(dropped, op.dtype)


def reduce_broadcast(node: Apply) -> Variable | None:
    """Equal elements need not be gone through one by one."""
    op, (v,) = node.op, node.inputs
    assert isinstance(op, Reduce)
    value, *lengths = _made(v).inputs
    padding = v.ndim - value.ndim
    repeated = [a for a in op.axes if a < padding or value.type.shape[a - padding] == 1]
    if not repeated or op.dtype != v.dtype:
        return None
    if not all(v.type.shape[a] is not None or _is_length(lengths[a]) for a in repeated):
        return None  # it may be negative, which must be told
    count: Variable = constant(1, "int64")
    for a in repeated:
        count = count * lengths[a]
    if op.combine is add and dtypes.is_float(op.dtype):
        scale = build.cast(count, op.dtype)
    elif op.combine in (maximum, minimum) and 0 not in v.type.shape and None not in v.type.shape:
        scale = None
    else:
        return None
    order = tuple(a - padding for a in range(padding, v.ndim) if a not in repeated)
    kept = [a for a in range(v.ndim) if a not in repeated]
    left = [lengths[a] for a in kept]
    once = DimShuffle(order)(value)
    once = once * scale if scale is not None else once
    filled = Broadcast(len(left))(once, *left) if left else once
    axes = tuple(kept.index(a) for a in op.axes if a not in repeated)
    found: Variable = Reduce(op.combine, axes, op.dtype)(filled) if axes else filled
    return found


def _is_length(v: Variable) -> bool:
    """Whether an integer is how long something is."""
    while v.owner is not None and row_of(v) is cast_to(v.dtype):
        (v,) = v.owner.inputs
    return v.owner is not None and isinstance(v.owner.op, ShapeOf)


def extremum_of_neg(node: Apply) -> Variable | None:
    """The greatest of negated values is the least one, negated."""
    op, (v,) = of(node, maximum, minimum), node.inputs
    if op is None or not dtypes.is_float(v.dtype):
        return None
    other = minimum if op.combine is maximum else maximum
    negated: Variable = -Reduce(other, op.axes, op.dtype)(_made(v).inputs[0])
    return negated


def extremum_of_increasing(node: Apply) -> Variable | None:
    """The extremum of values of an increasing function is its value at the extremum."""
    op, (v,) = of(node, maximum, minimum), node.inputs
    row, x = row_of(v), _made(v).inputs[0]
    if op is None or row is None or x.dtype != v.dtype:
        return None
    found: Variable = row(op(x))
    return found


def all_of_not(node: Apply) -> Variable | None:
    """None holds where not any does; not all hold where any does not."""
    op = of(node, both, either)
    if op is None:
        return None
    x = _made(node.inputs[0]).inputs[0]
    other = either if op.combine is both else both
    found: Variable = no(Reduce(other, op.axes, "bool")(x))
    return found


def argmax_of_increasing(node: Apply) -> Variable | None:
    """An increasing function does not change where the extremum is."""
    (x,) = _made(node.inputs[0]).inputs
    found: Variable = node.op(x)
    return found if dtypes.is_float(x.dtype) else None


def argmax_of_neg(node: Apply) -> Variable | None:
    """The greatest of negated values stands where the least one does."""
    op, (x,) = node.op, _made(node.inputs[0]).inputs
    assert isinstance(op, Argmax)
    other = minimum if op.combine is maximum else maximum
    found: Variable = Argmax(op.axis, other)(x)
    return found if dtypes.is_float(x.dtype) else None


def argmax_of_quotient(node: Apply) -> Variable | None:
    """Where the greatest probability of a softmax is, is the greatest score."""
    op, quotient = node.op, _made(node.inputs[0])
    assert isinstance(op, Argmax)
    scores, total = quotient.inputs
    if row_of(scores) is not TABLE["exp"] or total.type.shape[op.axis] != 1:
        return None
    summed = total.owner
    while summed is not None and isinstance(summed.op, DimShuffle):
        summed = summed.inputs[0].owner
    if summed is None or of(summed, add) is None or summed.inputs[0] is not scores:
        return None
    found: Variable = op(scores)
    return found if scores.type == node.inputs[0].type else None


def argmax_of_shifted(node: Apply) -> Variable | None:
    """What all elements share does not change where the extremum is."""
    op, (v,) = node.op, node.inputs
    assert isinstance(op, Argmax)
    x, shift = _made(v).inputs
    if shift.type.shape[op.axis] != 1 or x.type != v.type or not dtypes.is_float(v.dtype):
        return None
    found: Variable = op(x)
    return found


_one_pass = "one pass instead of two"
_once_only = "one operation instead of one for each element"
_EXACT = "no ties that rounding makes, and finite operands"
_STRICT = tuple(row for row in INCREASING if row.name not in ("rint", "floor", "ceil", "trunc"))

RULES: list[AnyRule] = [
    OpRule("sum_of_placed_rows", Reduce, sum_of_placed_rows, "no matrix needs to be summed",
           lambda d: Reduce(add, (1,), (v := d("m", static=False)).dtype)(
               PlaceRows()(v, d.indices("m"), constant(4, "int64"))), PlaceRows),
    OpRule("sum_of_neg", Reduce, sum_of_neg, _once_only,
           lambda d: Reduce(add, (1,), (v := d("mn")).dtype)(-v), neg),
    OpRule("sum_of_scaled", Reduce, sum_of_scaled, _once_only,
           lambda d: Reduce(add, (1,), (v := d("mn")).dtype)(v * d.number(ndim=2)),
           (mul, true_div)),
    OpRule("sum_of_common_factor", Reduce, sum_of_common_factor, _once_only,
           lambda d: Reduce(add, (1,), (v := d("mn")).dtype)(v * d("m1")), (mul, true_div),
           assumes="finite operands"),
    OpRule("reduce_view", Reduce, reduce_view, "the dimensions need not be moved first",
           lambda d: Reduce(add, (0, 2), (v := d("mn")).dtype)(DimShuffle((1, None, 0))(v)),
           DimShuffle),
    OpRule("reduce_reshape", Reduce, reduce_reshape, "one view less",
           lambda d: Reduce(add, (0,), (v := d("mn")).dtype)(
               Reshape(1)(v, build.length_of_all(v))), Reshape),
    OpRule("merge_reductions", Reduce, merge_reductions, _one_pass,
           lambda d: Reduce(add, (0,), (v := d("mnk")).dtype)(Reduce(add, (1,), v.dtype)(v)),
           Reduce),
    OpRule("reduce_single", Reduce, reduce_single, "nothing to combine",
           lambda d: Reduce(mul, (0, 1), (v := d("m1n")).dtype)(v)),
    OpRule("reduce_broadcast", Reduce, reduce_broadcast, _once_only,
           lambda d: Reduce(add, (0,), (v := d("1n")).dtype)(build.fill_like(v, d("mn"))),
           Broadcast, assumes="finite operands"),
    OpRule("extremum_of_neg", Reduce, extremum_of_neg, _once_only,
           lambda d: Reduce(maximum, (1,), (v := d("mn")).dtype)(-v), neg),
    OpRule("extremum_of_increasing_elements", Reduce, extremum_of_increasing, _once_only,
           lambda d: Reduce(maximum, (1,), (v := d("mn")).dtype)(TABLE["exp"](v)), INCREASING),
    OpRule("all_of_not", Reduce, all_of_not, _once_only,
           lambda d: Reduce(both, (1,), "bool")(no(d("mn", "bool"))), no),
    OpRule("argmax_of_increasing", Argmax, argmax_of_increasing, _once_only,
           lambda d: Argmax(1)(TABLE["tanh"](d("mn"))), _STRICT, assumes=_EXACT),
    OpRule("argmax_of_neg", Argmax, argmax_of_neg, _once_only,
           lambda d: Argmax(1)(-d("mn")), neg),
    OpRule("argmax_of_softmax", Argmax, argmax_of_quotient, "no sum is needed",
           lambda d: Argmax(1)((v := TABLE["exp"](d("mn"))) / build.insert_axes(
               Reduce(add, (1,), v.dtype)(v), (1,))), true_div, assumes=_EXACT),
    OpRule("argmax_of_shifted", Argmax, argmax_of_shifted, _once_only,
           lambda d: Argmax(1)(d("mn") - d("m1")), TABLE["sub"], assumes=_EXACT),
]  # fmt: skip
"""Reductions, and where extrema are."""
