"""Special forms: cheaper ways to compute what is already canonical and stable."""

from __future__ import annotations

from symnet.graph import Apply, Variable
from symnet.ops.identity import ClipGradient, ScaleGradient, StopGradient
from symnet.rewriting.pattern import FLOAT, NONNEGATIVE, POSITIVE, Hole
from symnet.rewriting.rule import AnyRule, OpRule, Rule
from symnet.scalar import TABLE

x, p, q = Hole("x"), Hole("p", POSITIVE), Hole("q", NONNEGATIVE)
f = Hole("f", FLOAT)
sqr, sqrt, eq, switch = (TABLE[n] for n in ("sqr", "sqrt", "eq", "switch"))


def drop_gradient_mark(node: Apply) -> Variable | None:
    """What only differentiation looks at is gone once gradients are taken."""
    return node.inputs[0] if node.inputs[0].type == node.out.type else None


_instead = "two products instead of exp and log"

RULES: list[AnyRule] = [
    Rule("pow_three", x**3, sqr(x) * x, _instead),
    Rule("pow_four", x**4, sqr(sqr(x)), _instead),
    Rule("div_sqrt_self", p / sqrt(p), sqrt(p), "a division less",
         assumes="neither zero nor infinity"),
    Rule("root_without_guard", switch(eq(f, 0), 0, sqrt(switch(eq(f, 0), 1, f))), sqrt(f),
         "only gradients, which are taken already, look at what guards a norm"),
    *(
        OpRule(f"drop_{mark.__name__}", mark, drop_gradient_mark, "gradients are taken already",
               example)
        for mark, example in (
            (StopGradient, lambda d: StopGradient()(d("mn", "any"))),
            (ClipGradient, lambda d: ClipGradient(-1, 1)(d("mn", "any"))),
            (ScaleGradient, lambda d: ScaleGradient(2)(d("mn", "any"))),
        )
    ),
]  # fmt: skip
