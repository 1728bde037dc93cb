"""Special forms: cheaper ways to compute what is already canonical and stable."""

from __future__ import annotations

from symnet.graph import Apply, Variable
from symnet.ops.elementwise import Elemwise
from symnet.ops.identity import ClipGradient, ScaleGradient, StopGradient
from symnet.rewriting.pattern import AnyRule, Binding, Hole, OpRule, Rule
from symnet.scalar import TABLE

x, y = Hole("x"), Hole("y")
_t = TABLE


def drop_gradient_mark(node: Apply) -> Variable | None:
    """What only differentiation looks at is gone once gradients are taken."""
    return node.inputs[0] if node.inputs[0].type == node.out.type else None


def _is_positive(bound: Binding) -> bool:
    """Whether every element of x is above zero whatever the operands."""
    node = bound[x].owner
    return node is not None and isinstance(node.op, Elemwise) and node.op.scalar.name == "exp"


RULES: list[AnyRule] = [
    Rule("mul_self", x * x, _t["sqr"](x), "one operand to load"),
    Rule("pow_three", x**3, _t["sqr"](x) * x, "two products instead of exp and log"),
    Rule("pow_four", x**4, _t["sqr"](_t["sqr"](x)), "two products instead of exp and log"),
    Rule("div_sqrt_self", x / _t["sqrt"](x), _t["sqrt"](x), "a division less", _is_positive),
    *(
        OpRule(f"drop_{mark.__name__}", mark, drop_gradient_mark, "gradients are taken already")
        for mark in (StopGradient, ClipGradient, ScaleGradient)
    ),
]  # fmt: skip
