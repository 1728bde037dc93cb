"""Choices: those whose outcome is known, those of no use, and when to choose element by element."""

from __future__ import annotations

from symnet.graph import Apply, Constant, Variable
from symnet.op import ContractionOp, LoopOp
from symnet.ops import build
from symnet.ops.choice import IfElse
from symnet.ops.contraction import Dot
from symnet.ops.elementwise import Elemwise
from symnet.ops.shape import Broadcast, DimShuffle, SpecifyShape
from symnet.rewriting.pattern import Draw
from symnet.rewriting.rule import AnyRule, OpRule
from symnet.scalar import TABLE

CHEAP = 4
"""Elementwise operations that are computed although their result may not be chosen."""

_switch = TABLE["switch"]


def known_arm(node: Apply) -> Variable | None:
    """A choice whose condition is a constant, or whose arms are the same."""
    condition, then, otherwise = node.inputs
    if then is otherwise:
        return then
    if not isinstance(condition, Constant):
        return None
    arm = then if condition.data else otherwise
    return arm if arm.broadcastable == node.out.broadcastable else None


def arm_of_negation(node: Apply) -> Variable | None:
    """``b if not c else a`` is ``a if c else b``."""
    condition, then, otherwise = node.inputs
    negated = condition.owner
    if negated is None or not isinstance(negated.op, Elemwise):
        return None
    if negated.op.scalar.name != "logical_not" or negated.inputs[0].dtype != "bool":
        return None
    chosen: Variable = IfElse()(negated.inputs[0], otherwise, then)
    return chosen


def arm_chosen_before(node: Apply) -> Variable | None:
    """A choice in an arm of a choice of the same condition."""
    condition, *arms = node.inputs
    found = [
        v.owner.inputs[k]
        if v.owner is not None and isinstance(v.owner.op, IfElse) and v.owner.inputs[0] is condition
        else v
        for k, v in enumerate(arms, 1)
    ]
    if found == arms:
        return None
    chosen: Variable = IfElse()(condition, *found)
    return chosen


def choice_of_elements(node: Apply) -> Variable | None:
    """A choice between arms that are at hand, or cost next to nothing, and have one shape."""
    condition, then, otherwise = node.inputs
    if _cost(then) + _cost(otherwise) > CHEAP or not _have_one_shape(then, otherwise):
        return None
    chosen: Variable = _switch(DimShuffle((None,) * then.ndim)(condition), then, otherwise)
    return chosen


def _cost(v: Variable, most: int = CHEAP + 1) -> int:
    """Operations between `v` and what is in memory, `most` if there are more or others."""
    node = v.owner
    if node is None or isinstance(v, Constant):
        return 0
    if isinstance(node.op, Broadcast):
        return _cost(node.inputs[0], most)
    if not isinstance(node.op, Elemwise) or node.op.scalar.expand is not None:
        return most
    cost = 1
    for x in node.inputs:
        cost += _cost(x, most - cost) if cost < most else 0
    return min(cost, most)


def _have_one_shape(a: Variable, b: Variable) -> bool:
    """Whether two cheap variables surely have one shape: known lengths, or those of one tensor."""
    if a.type.shape == b.type.shape and None not in a.type.shape:
        return True
    return not _shaped_like(a).isdisjoint(_shaped_like(b))


def _shaped_like(v: Variable) -> set[Variable]:
    """Variables in memory that a cheap one has the shape of."""
    node = v.owner
    if node is None or not isinstance(node.op, Elemwise):
        return {v}
    whole = [x for x in node.inputs if x.ndim == v.ndim and x.broadcastable == v.broadcastable]
    return set[Variable]().union(*map(_shaped_like, whole))


def choice_of_products(node: Apply) -> Variable | None:
    """A switch on one number, where one of the two is the result of a product or a loop."""
    condition, then, otherwise = node.inputs
    view = condition.owner
    if view is None or not isinstance(view.op, DimShuffle) or view.inputs[0].ndim:
        return None
    if view.inputs[0].dtype != "bool" or not any(map(_is_dear, (then, otherwise))):
        return None
    if any(x.type != node.out.type for x in (then, otherwise)) or True in node.out.broadcastable:
        return None
    # That both have one shape is still checked.
    same = SpecifyShape((None,) * then.ndim, tuple(range(then.ndim)))
    chosen: Variable = IfElse()(view.inputs[0], then, same(otherwise, *build.lengths(then)))
    return chosen


def _is_dear(v: Variable) -> bool:
    return v.owner is not None and isinstance(v.owner.op, ContractionOp | LoopOp)


def _choice_of_products(d: Draw) -> Variable:
    a, b = d("mk"), d("kn")
    condition = DimShuffle((None, None))(d("", "bool"))
    chosen: Variable = _switch(condition, Dot()(a, b), Dot()(-a, b))
    return chosen


RULES: list[AnyRule] = [
    OpRule("known_arm", IfElse, known_arm, "the other arm is never taken",
           lambda d: IfElse()(d.number("bool"), d("mn", "any"), d("mn", "any"))),
    OpRule("arm_of_negation", IfElse, arm_of_negation, "choices of one condition go together",
           lambda d: IfElse()(TABLE["logical_not"](d("", "bool")), d("mn"), d("kn")),
           TABLE["logical_not"]),
    OpRule("arm_chosen_before", IfElse, arm_chosen_before, "the outcome is known in the arm",
           lambda d: IfElse()(c := d("", "bool"), IfElse()(c, d("mn"), d("mn")), d("mn")),
           among=IfElse),
]  # fmt: skip
"""Choices of one condition."""

SPECIAL: list[AnyRule] = [
    OpRule("choice_of_elements", IfElse, choice_of_elements, "one loop without a branch",
           lambda d: IfElse()(d("", "bool"), x := d("mn"), x * 2)),
    OpRule("choice_of_products", _switch, choice_of_products, "what is not chosen is not computed",
           _choice_of_products, DimShuffle),
]  # fmt: skip
"""When to choose element by element, and when not to."""
