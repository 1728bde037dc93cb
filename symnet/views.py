"""Views: variables that are another one read in another order.

A loop reads rows of its sequences wherever they are; a view of what is in memory needs no copy.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping

from symnet.graph import Constant, Variable
from symnet.op import constant
from symnet.ops.indexing import Subtensor
from symnet.ops.shape import DimShuffle, Reshape
from symnet.scalar import Const, Expr

ShapeOf = Callable[[Variable], tuple[Expr, ...]]


def base_of(v: Variable, held: Container[Variable], shape: ShapeOf) -> Variable:
    """Return what a variable is a view of; itself if it is none, or is held in memory."""
    while v not in held and _is_view(v, shape):
        assert v.owner is not None
        v = v.owner.inputs[0]
    return v


def view_on(v: Variable, bases: Mapping[Variable, Variable], shape: ShapeOf) -> Variable:
    """Return the same view as `v` of what stands for its base."""
    if v in bases:
        return bases[v]
    node = v.owner
    assert node is not None
    inner = view_on(node.inputs[0], bases, shape)
    rest = list(node.inputs[1:])
    if isinstance(node.op, Reshape):
        rest = [constant(n.value, "int64") for n in shape(v) if isinstance(n, Const)]
    seen: Variable = node.op(inner, *rest)
    return seen


def _is_view(v: Variable, shape: ShapeOf) -> bool:
    node = v.owner
    if node is None:
        return False
    if isinstance(node.op, Reshape):
        return all(isinstance(n, Const) for n in shape(v))
    return isinstance(node.op, Subtensor | DimShuffle) and all(
        isinstance(x, Constant) for x in node.inputs[1:]
    )
