"""Views: variables that are another one read in another order.

A loop reads rows of its sequences wherever they are; a view of what is in memory needs no copy.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Protocol

from symnet.graph import Constant, Variable
from symnet.op import constant
from symnet.ops.indexing import Subtensor
from symnet.ops.shape import DimShuffle, Reshape
from symnet.scalar import Const, Expr

Dims = tuple[Expr, ...]


class Known(Protocol):
    """What is known of a graph's integers: constants where the program is specialised to them."""

    def shape(self, v: Variable) -> Dims:
        """Lengths of the dimensions of a variable."""
        ...

    def integer(self, v: Variable) -> Expr | None:
        """Value of an integer of no dimensions, or None."""
        ...


def base_of(v: Variable, held: Container[Variable], known: Known) -> Variable:
    """Return what a variable is a view of; itself if it is none, or is held in memory."""
    while v not in held and _settings(v, known) is not None:
        assert v.owner is not None
        v = v.owner.inputs[0]
    return v


def view_on(v: Variable, bases: Mapping[Variable, Variable], known: Known) -> Variable:
    """Return the same view as `v` of what stands for its base."""
    if v in bases:
        return bases[v]
    node, settings = v.owner, _settings(v, known)
    assert node is not None
    assert settings is not None
    seen: Variable = node.op(view_on(node.inputs[0], bases, known), *settings)
    return seen


def _settings(v: Variable, known: Known) -> list[Constant] | None:
    """The operands behind the first of what computes a view, in numbers; None if it is none."""
    node = v.owner
    if node is None or not isinstance(node.op, Reshape | Subtensor | DimShuffle):
        return None
    found: list[Constant] = []
    if isinstance(node.op, Reshape):
        values: list[Expr | None] = list(known.shape(v))
    else:
        values = [known.integer(x) for x in node.inputs[1:]]
    for n in values:
        if not isinstance(n, Const):
            return None
        found.append(constant(n.value, "int64"))
    return found
