"""Constants computed at compile time, and conversions that convert nothing."""

from __future__ import annotations

import numpy as np

from symnet.config import config
from symnet.graph import Apply, Constant, Variable
from symnet.op import constant
from symnet.ops import build
from symnet.ops.shape import Broadcast
from symnet.rewriting.pattern import BOOL, Hole, fill_value
from symnet.rewriting.rule import AnyRule, OpRule, Rule
from symnet.scalar import TABLE

x, y, b = Hole("x"), Hole("y"), Hole("b", BOOL)
switch = TABLE["switch"]
CASTS = tuple(row for name, row in TABLE.items() if name.startswith("cast_"))


def fold_constants(node: Apply) -> Variable | None:
    """Compute what follows from constants alone."""
    if not all(isinstance(v, Constant) for v in node.inputs) or len(node.outputs) != 1:
        return None
    if isinstance(node.op, Broadcast):
        return None  # a repeated number is better kept as a number
    values = [v.data for v in node.inputs if isinstance(v, Constant)]
    if any(a.size > config.max_constant_size for a in values):
        return None
    with np.errstate(all="ignore"):
        (found,) = node.op.perform(values)
    small = found.size <= config.max_constant_size
    return constant(found, node.out.dtype) if small else None


def merge_casts(node: Apply) -> Variable | None:
    """A conversion after one that lost nothing is one conversion."""
    (v,) = node.inputs
    assert v.owner is not None
    (source,) = v.owner.inputs
    lossless = np.can_cast(source.dtype, v.dtype, "safe")
    return build.cast(source, node.out.dtype) if lossless else None


def cast_of_same(node: Apply) -> Variable | None:
    """A conversion to the dtype that is there is none."""
    return node.inputs[0] if node.inputs[0].dtype == node.out.dtype else None


def known_condition(node: Apply) -> Variable | None:
    """A selection whose condition is a constant is the branch it selects."""
    truth = fill_value(node.inputs[0])
    if truth is None:
        return None
    return build.cast(node.inputs[1 if truth else 2], node.out.dtype)


RULES: list[AnyRule] = [
    OpRule("fold_constants", object, fold_constants, "computed once, at compile time",
           lambda d: d("mn", "any") + TABLE["neg"](d.number(ndim=2)), Constant),
    OpRule("merge_casts", CASTS, merge_casts, "one conversion instead of several",
           lambda d: build.cast(build.cast(d("mn", "bool"), "int32"), "float64"), CASTS),
    OpRule("cast_of_same", CASTS, cast_of_same, "nothing is converted",
           lambda d: _same(d("mn", "any"))),
    OpRule("known_condition", switch, known_condition, "the other branch is never taken",
           lambda d: switch(d.number("bool", 2), d("mn", "any"), d("m1", "any")), Constant),
    Rule("switch_same", switch(y, x, x), x, "both branches are one"),
    Rule("switch_of_bool", switch(b, 1, 0), b, "the condition, converted, is the answer"),
    Rule("identity", TABLE["identity"](x), x, "nothing is computed"),
]  # fmt: skip
"""Constants and conversions."""


def _same(v: Variable) -> Variable:
    made: Variable = TABLE[f"cast_{v.dtype}"](v)
    return made
