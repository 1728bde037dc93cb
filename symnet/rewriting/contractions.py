"""Rules about products of matrices."""

from __future__ import annotations

from symnet.graph import Apply, Variable
from symnet.ops.contraction import BatchedDot, SummedDot
from symnet.ops.reduce import Reduce
from symnet.rewriting.pattern import AnyRule, OpRule
from symnet.scalar.primitives import add


def sum_of_batched_products(node: Apply) -> Variable | None:
    """The sum of a batch of products is one product: the batch is one more axis to sum over."""
    op, (v,) = node.op, node.inputs
    assert isinstance(op, Reduce)
    inner = v.owner
    if op.combine is not add or op.axes != (0,) or op.dtype != v.dtype:
        return None
    if inner is None or not isinstance(inner.op, BatchedDot):
        return None
    total: Variable = SummedDot()(*inner.inputs)
    return total


RULES: list[AnyRule] = [
    OpRule(
        "sum_of_batched_products", Reduce, sum_of_batched_products,
        "one product, and no batch in memory",
    ),
]  # fmt: skip
