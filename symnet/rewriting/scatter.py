"""Rules about tensors that are zero but for what is added at some places.

Gradients of embeddings and of sparse factors are such tensors. An update ``w - rate * gradient``
becomes one that touches the rows that vary, in place.
"""

from __future__ import annotations

from symnet.graph import Apply, Variable
from symnet.ops.advanced import AdvancedIncSubtensor
from symnet.ops.elementwise import Elemwise
from symnet.ops.shape import Broadcast, DimShuffle
from symnet.rewriting.pattern import AnyRule, OpRule, fill_value
from symnet.scalar import TABLE

add, sub, mul, neg = (TABLE[name] for name in ("add", "sub", "mul", "neg"))


def _scattered(v: Variable) -> Apply | None:
    """The application that adds something to zeros, if `v` is such a tensor."""
    node = v.owner
    if node is None or not isinstance(node.op, AdvancedIncSubtensor) or node.op.set:
        return None
    base = node.inputs[0]
    if base.owner is not None and isinstance(base.owner.op, Broadcast):
        base = base.owner.inputs[0]
    return node if fill_value(base) == 0 else None


def scale_of_scattered(node: Apply) -> Variable | None:
    """A factor or sign is applied to what is added, not to all the zeros."""
    op = node.op
    assert isinstance(op, Elemwise)
    for k, v in enumerate(node.inputs):
        scattered = _scattered(v)
        if scattered is None or v.type != node.out.type:
            continue
        zeros, values, *places = scattered.inputs
        if op.scalar is neg:
            scaled: Variable = -values
        else:
            factor = node.inputs[1 - k]
            if not all(factor.broadcastable) or factor.dtype != v.dtype:
                continue
            scaled = values * (DimShuffle(())(factor) if factor.ndim else factor)
        found: Variable = scattered.op(zeros, scaled, *places)
        return found
    return None


def sum_with_scattered(node: Apply) -> Variable | None:
    """What is to be added to zeros, and these to something, is added to that something."""
    op, (x, y) = node.op, node.inputs
    assert isinstance(op, Elemwise)
    for base, v in ((x, y), (y, x)):
        scattered = _scattered(v)
        if scattered is None or base.type != node.out.type or v.dtype != base.dtype:
            continue
        if v.broadcastable != base.broadcastable:
            continue
        if op.scalar is sub:
            if v is x:
                continue
            scattered_values: Variable = -scattered.inputs[1]
        else:
            scattered_values = scattered.inputs[1]
        found: Variable = scattered.op(base, scattered_values, *scattered.inputs[2:])
        return found
    return None


RULES: list[AnyRule] = [
    OpRule("scale_of_scattered", mul, scale_of_scattered, "zeros need no factor"),
    OpRule("neg_of_scattered", neg, scale_of_scattered, "zeros need no sign"),
    OpRule("add_scattered", add, sum_with_scattered, "nothing is added to most elements"),
    OpRule("sub_scattered", sub, sum_with_scattered, "nothing is taken from most elements"),
]
