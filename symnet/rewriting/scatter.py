"""Rules about tensors that are zero but for what is added at some places.

Gradients of embeddings and of sparse factors are such tensors. Where all of one is added to what is
in memory, as in ``w - 0.1 * gradient``, the zeros need not exist: the update touches what varies,
in place.
"""

from __future__ import annotations

from dataclasses import dataclass

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.op import IndexedOp, constant
from symnet.ops import build
from symnet.ops.advanced import AdvancedIncSubtensor
from symnet.ops.elementwise import Elemwise
from symnet.ops.reduce import Reduce
from symnet.ops.shape import Broadcast, DimShuffle
from symnet.ops.slices import Points, Spec, points
from symnet.rewriting.pattern import Draw, fill_value
from symnet.rewriting.rule import AnyRule, OpRule
from symnet.scalar import TABLE

add, sub, mul, neg, true_div = (TABLE[n] for n in ("add", "sub", "mul", "neg", "true_div"))


@dataclass(frozen=True, slots=True)
class _Addition:
    """What is added somewhere, and the numbers it is multiplied with and divided by."""

    node: Apply
    negative: bool
    factors: tuple[Variable, ...]
    divisors: tuple[Variable, ...]

    def to(self, x: Variable) -> Variable:
        """Return `x` with it added."""
        _, y, *positions = self.node.inputs
        for number in self.factors:
            y = mul(y, _scalar(number))
        for number in self.divisors:
            y = true_div(y, _scalar(number))
        y = build.cast(neg(y) if self.negative else y, x.dtype)
        changed: Variable = self.node.op(x, y, *positions)
        return changed


def sum_with_scattered(node: Apply) -> Variable | None:
    """Multiples of what is added to zeros, and these to something, are added to that something."""
    op = node.op
    assert isinstance(op, Elemwise)
    pairs = [node.inputs, node.inputs[::-1]] if op.scalar is add else [node.inputs]
    for x, term in pairs:
        if _is_in_memory(x) and x.type == node.out.type:
            additions = _additions(term, op.scalar is sub)
            if additions:
                for addition in additions:
                    x = addition.to(x)
                return x
    return None


def _is_in_memory(x: Variable) -> bool:
    """Whether a variable is surely stored; what is not is best computed with the sum itself."""
    if x.owner is None:
        return not isinstance(x, Constant)
    return not isinstance(x.owner.op, IndexedOp)


_MOST = 16
"""Additions in one update: any search must end."""


def _additions(root: Variable, negative: bool) -> list[_Addition] | None:
    """What a variable is the sum of; None if it is not made of additions to zeros alone."""
    found: list[_Addition] = []
    waiting: list[tuple[Variable, bool, tuple[Variable, ...], tuple[Variable, ...]]] = [
        (root, negative, (), ())
    ]
    while waiting:
        v, negative, factors, divisors = waiting.pop()
        if _is_zero(v):
            continue
        if v.owner is None or len(found) + len(waiting) > _MOST:
            return None
        op, operands = v.owner.op, v.owner.inputs
        if isinstance(op, AdvancedIncSubtensor):
            if op.set or not dtypes.is_float(operands[1].dtype):
                return None
            found.append(_Addition(v.owner, negative, factors, divisors))
            waiting.append((operands[0], negative, factors, divisors))
            continue
        if not isinstance(op, Elemwise):
            return None
        if op.scalar is neg:
            waiting.append((operands[0], not negative, factors, divisors))
        elif op.scalar in (add, sub):
            if any(u.type.shape != v.type.shape for u in operands):
                return None
            waiting.append((operands[1], negative != (op.scalar is sub), factors, divisors))
            waiting.append((operands[0], negative, factors, divisors))
        elif op.scalar is true_div and _is_number(operands[1]):
            waiting.append((operands[0], negative, factors, (*divisors, operands[1])))
        elif op.scalar is mul and any(map(_is_number, operands)):
            number, rest = operands if _is_number(operands[0]) else operands[::-1]
            waiting.append((rest, negative, (*factors, number), divisors))
        else:
            return None
    return found


def _is_number(v: Variable) -> bool:
    """Whether a variable has one element, which all elements of its partner meet."""
    return all(v.broadcastable)


def _scalar(v: Variable) -> Variable:
    number: Variable = DimShuffle(())(v) if v.ndim else v
    return number


def _is_zero(v: Variable) -> bool:
    if v.owner is not None and isinstance(v.owner.op, Broadcast):
        v = v.owner.inputs[0]
    return fill_value(v) == 0


def sum_of_scattered(node: Apply) -> Variable | None:
    """What is summed along a dimension is added to zeros without it."""
    op, (v,) = node.op, node.inputs
    assert isinstance(op, Reduce)
    inner = v.owner
    if op.combine is not add or op.dtype != v.dtype or inner is None:
        return None
    if not isinstance(inner.op, AdvancedIncSubtensor) or inner.op.set:
        return None
    base, y, *positions = inner.inputs
    spec = inner.op.spec
    summed = {axis: k for axis, k in points(spec, 0).items() if axis in op.axes}
    kept = [positions[k] for axis, k in points(spec, 0).items() if axis not in op.axes]
    if len(summed) < len(op.axes) or not _is_zero(base):
        return None
    # What is left must say by itself how many points there are.
    rank = max(positions[k].ndim for k in points(spec, 0).values())
    if not any(v.ndim == rank and not any(v.broadcastable) for v in kept):
        return None
    shape = [n for axis, n in enumerate(build.lengths(base)) if axis not in summed]
    zeros = Broadcast(len(shape))(constant(0, base.dtype), *shape)
    entries = tuple(e for axis, e in enumerate(spec) if axis not in summed)
    rest = [p for k, p in enumerate(positions) if k not in summed.values()]
    found: Variable = AdvancedIncSubtensor(entries, inner.op.axis)(zeros, y, *rest)
    return found


_ROWS = (Points(),)


def _scattered(d: Draw, spec: Spec = _ROWS) -> Variable:
    """Something added to zeros, at positions that a tensor holds."""
    zeros = build.zeros_like(d("mn"))
    positions = [d.indices("k") for _ in spec]
    added = d("kn" if len(spec) == 1 else "k")
    placed: Variable = AdvancedIncSubtensor(spec)(zeros, added, *positions)
    return placed


_MADE = (AdvancedIncSubtensor, add, sub, mul, neg, true_div)

RULES: list[AnyRule] = [
    OpRule("add_scattered", add, sum_with_scattered, "nothing is added to most elements",
           lambda d: d("mn") + _scattered(d), among=_MADE),
    OpRule("sub_scattered", sub, sum_with_scattered, "nothing is taken from most elements",
           lambda d: d("mn") - _scattered(d) * 0.5, among=_MADE),
    OpRule("sum_of_scattered", Reduce, sum_of_scattered, "as many zeros less as were summed",
           lambda d: Reduce(add, (1,), (s := _scattered(d, (Points(), Points()))).dtype)(s),
           AdvancedIncSubtensor),
]  # fmt: skip
