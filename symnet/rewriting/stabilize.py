"""Stable forms: expressions that lose digits or overflow, written so that they do not.

These run before differentiation too, so that gradients are those of the stable forms.
"""

from __future__ import annotations

from symnet.graph import Apply, Variable
from symnet.ops import build
from symnet.ops.advanced import AdvancedSubtensor
from symnet.ops.elementwise import Elemwise
from symnet.ops.identity import StopGradient
from symnet.ops.indexing import Subtensor
from symnet.ops.reduce import Reduce
from symnet.ops.rows import PickRows
from symnet.ops.shape import DimShuffle, Reshape
from symnet.rewriting.pattern import FLOAT, Draw, Hole, row_of
from symnet.rewriting.rule import AnyRule, OpRule, Rule
from symnet.scalar import TABLE

x, y = Hole("x", FLOAT), Hole("y", FLOAT)
_t = TABLE
exp, expm1, log, log1p = _t["exp"], _t["expm1"], _t["log"], _t["log1p"]
sigmoid, softplus, maximum, add = _t["sigmoid"], _t["softplus"], _t["maximum"], _t["add"]

PATTERNS: list[AnyRule] = [
    Rule("log_softmax", log(exp(x) / y), x - log(y), "exp(x) may underflow to 0, x does not"),
    Rule("log_exp", log(exp(x)), x, "exp(x) may overflow, x does not"),
    Rule("log1p", log(1 + x), log1p(x), "1 + x loses the digits of a small x"),
    Rule("log1p_neg", log(1 - x), log1p(-x), "1 - x loses the digits of a small x"),
    Rule("expm1", exp(x) - 1, expm1(x), "the difference loses the digits of a small x"),
    Rule("softplus", log1p(exp(x)), softplus(x), "exp(x) may overflow"),
    Rule("log_sigmoid", log(sigmoid(x)), -softplus(-x), "sigmoid(x) may underflow to 0"),
    Rule("log1p_neg_sigmoid", log1p(-sigmoid(x)), -softplus(x), "sigmoid(x) may round to 1"),
    Rule("one_minus_sigmoid", 1 - sigmoid(x), sigmoid(-x), "sigmoid(x) may round to 1"),
    Rule("sigmoid", 1 / (1 + exp(-x)), sigmoid(x), "exp(-x) may overflow; one row instead of four"),
    Rule("sigmoid_quotient", exp(x) / (1 + exp(x)), sigmoid(x), "exp(x) may overflow"),
    Rule("sigmoid_neg", 1 / (1 + exp(x)), sigmoid(-x), "exp(x) may overflow"),
]  # fmt: skip


def log_of_view(node: Apply) -> Variable | None:
    """The logarithm of part of a softmax is part of the logarithm, which has a stable form."""
    op, v = node.op, node.inputs[0]
    if not isinstance(op, Elemwise) or op.scalar not in (log, log1p):
        return None
    views: list[Apply] = []
    negative = False
    while v.owner is not None:
        if isinstance(v.owner.op, _VIEWS):
            views.append(v.owner)
        elif _is_row(v, "neg") and not negative:
            negative = True
        else:
            break
        v = v.owner.inputs[0]
    if not views or not _has_stable_logarithm(v):
        return None
    moved: Variable = op.scalar(-v if negative else v)
    for view in reversed(views):
        moved = view.op(moved, *view.inputs[1:])
    return moved


_VIEWS = (AdvancedSubtensor, PickRows, DimShuffle, Subtensor, Reshape)


def _is_row(v: Variable, *names: str) -> bool:
    row = row_of(v)
    return row is not None and row.name in names


def _has_stable_logarithm(v: Variable) -> bool:
    """Whether another rule has something to say about the logarithm of a variable."""
    if v.owner is None:
        return False
    if isinstance(v.owner.op, Reduce):
        return v.owner.op.combine is add and _is_row(v.owner.inputs[0], "exp")
    if _is_row(v, "true_div"):
        return _is_row(v.owner.inputs[0], "exp")
    return _is_row(v, "sigmoid", "exp")


def logsumexp(node: Apply) -> Variable | None:
    """``log(sum(exp(x)))`` with the largest x taken out, so that nothing overflows."""
    op, v = node.op, node.inputs[0]
    if not isinstance(op, Elemwise) or op.scalar is not log:
        return None
    total = v.owner
    if total is None or not isinstance(total.op, Reduce) or total.op.combine is not add:
        return None
    inner = total.inputs[0].owner
    if inner is None or not isinstance(inner.op, Elemwise) or inner.op.scalar is not exp:
        return None
    scores = inner.inputs[0]
    if _is_centred(scores):
        return None
    axes = total.op.axes
    largest: Variable = StopGradient()(Reduce(maximum, axes, scores.dtype)(scores))
    # A row of infinities has itself as the largest: the difference would be NaN.
    finite: Variable = _t["switch"](_t["isinf"](largest), 0.0, largest)
    kept = iter(range(finite.ndim))
    order = tuple(None if a in axes else next(kept) for a in range(scores.ndim))
    centred: Variable = exp(scores - DimShuffle(order)(finite))
    stable: Variable = log(total.op(centred)) + finite
    return stable


def _is_centred(v: Variable) -> bool:
    """Whether an expression is a difference to a maximum held constant, as in softmax."""
    node = v.owner
    if node is None or not isinstance(node.op, Elemwise) or node.op.scalar.name != "sub":
        return False
    u = node.inputs[1]
    while u.owner is not None and isinstance(u.owner.op, DimShuffle):
        u = u.owner.inputs[0]
    if (
        u.owner is not None
        and isinstance(u.owner.op, Elemwise)
        and u.owner.op.scalar.name == "switch"
    ):
        u = u.owner.inputs[2]
    return u.owner is not None and isinstance(u.owner.op, StopGradient | Reduce)


def _sum_of_powers(d: Draw) -> Variable:
    powers: Variable = exp(d("mn"))
    total: Variable = Reduce(add, (1,), powers.dtype)(powers)
    return total


def _softmax(d: Draw) -> Variable:
    powers: Variable = exp(d("mn"))
    total = build.insert_axes(Reduce(add, (1,), powers.dtype)(powers), (1,))
    return powers / total  # type: ignore[no-any-return]


RULES: list[AnyRule] = [
    *PATTERNS,
    OpRule("log_of_view", (log, log1p), log_of_view, "the logarithm of a softmax has a stable form",
           lambda d: log(DimShuffle((1, 0))(_softmax(d))), (*_VIEWS, _t["neg"])),
    OpRule("logsumexp", log, logsumexp, "exp of large scores overflows",
           lambda d: log(_sum_of_powers(d)), Reduce),
]  # fmt: skip
