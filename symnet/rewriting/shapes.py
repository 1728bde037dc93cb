"""Shapes: views of views, lengths of anything without computing it, values repeated in vain."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence

from symnet.graph import Apply, Variable
from symnet.op import constant
from symnet.ops import build
from symnet.ops.advanced import AdvancedIncSubtensor
from symnet.ops.contraction import BatchedDot, Dot, SummedDot
from symnet.ops.elementwise import Elemwise
from symnet.ops.identity import ClipGradient, ScaleGradient, StopGradient
from symnet.ops.indexing import IncSubtensor, Subtensor
from symnet.ops.joining import Join
from symnet.ops.reduce import Argmax, Reduce
from symnet.ops.shape import Broadcast, DimShuffle, Reshape, ShapeOf, SpecifyShape
from symnet.ops.slices import Range
from symnet.rewriting.pattern import fill_value, row_of
from symnet.rewriting.rule import AnyRule, OpRule
from symnet.scalar import TABLE, Const, Expr, Symbol, const, simplify

add, mul, neg, true_div = (TABLE[name] for name in ("add", "mul", "neg", "true_div"))

# --------------------------------------------------------------------------------------- views


def same_dimshuffle(node: Apply) -> Variable | None:
    """A view that changes nothing is none."""
    (v,) = node.inputs
    assert isinstance(node.op, DimShuffle)
    return v if node.op.order == tuple(range(v.ndim)) else None


def merge_dimshuffles(node: Apply) -> Variable | None:
    """A view of a view is one view."""
    op, inner = node.op, node.inputs[0].owner
    assert isinstance(op, DimShuffle)
    assert inner is not None
    assert isinstance(inner.op, DimShuffle)
    order = tuple(None if a is None else inner.op.order[a] for a in op.order)
    merged: Variable = DimShuffle(order)(inner.inputs[0])
    return merged


def neg_of_view(node: Apply) -> Variable | None:
    """A sign moves outwards through a view."""
    (v,) = node.inputs
    assert v.owner is not None
    negated: Variable = -node.op(v.owner.inputs[0])
    return negated


def scale_of_view(node: Apply) -> Variable | None:
    """A number that scales all elements moves outwards through a view that repeats none."""
    v, row = node.inputs[0], row_of(node.inputs[0])
    assert v.owner is not None
    assert row is not None
    if isinstance(node.op, DimShuffle) and (None in node.op.order or node.out.ndim != v.ndim):
        return None
    for rest, number in (v.owner.inputs, v.owner.inputs[::-1])[: 2 if row is mul else 1]:
        if all(number.broadcastable) and not all(rest.broadcastable) and rest.type == v.type:
            scale = DimShuffle(())(number) if number.ndim else number
            scaled: Variable = row(node.op(rest, *node.inputs[1:]), scale)
            return scaled
    return None


def merge_reshapes(node: Apply) -> Variable | None:
    """Only the last of several reshapes counts."""
    v, *lengths = node.inputs
    if v.owner is None or not isinstance(v.owner.op, Reshape) or -1 in map(fill_value, lengths):
        return None
    merged: Variable = Reshape(node.out.ndim)(v.owner.inputs[0], *lengths)
    return merged


def reshape_to_same(node: Apply) -> Variable | None:
    """A reshape to the shape that is there is none."""
    v, *lengths = node.inputs
    return v if len(lengths) == v.ndim and _are_lengths(lengths, v, range(v.ndim)) else None


def reshape_of_ones(node: Apply) -> Variable | None:
    """A reshape that puts in or drops lengths of 1 alone moves no element."""
    v, *lengths = node.inputs
    old = [axis for axis, n in enumerate(v.type.shape) if n != 1]
    new = [k for k, n in enumerate(lengths) if fill_value(n) != 1]
    if len(old) != len(new) or len(lengths) == v.ndim:
        return None
    if not _are_lengths([lengths[k] for k in new], v, old):
        return None
    places = dict(zip(new, old, strict=True))
    view: Variable = DimShuffle(tuple(places.get(k) for k in range(len(lengths))))(v)
    return view


def reshape_of_dimshuffle(node: Apply) -> Variable | None:
    """Lengths of 1 put in by a view make no difference to what is reshaped."""
    v, *lengths = node.inputs
    inner = v.owner
    if inner is None or not isinstance(inner.op, DimShuffle) or -1 in map(fill_value, lengths):
        return None
    kept = [a for a in inner.op.order if a is not None]
    if kept != sorted(kept):
        return None
    merged: Variable = Reshape(len(lengths))(inner.inputs[0], *lengths)
    return merged


def _are_lengths(lengths: Sequence[Variable], v: Variable, axes: Iterable[int]) -> bool:
    """Whether variables are surely the lengths of dimensions, one of them perhaps left open."""
    others = [n for n, axis in zip(lengths, axes, strict=True) if not _is_length(n, v, axis)]
    return not others or (len(others) == 1 and fill_value(others[0]) == -1)


def _is_length(n: Variable, v: Variable, axis: int) -> bool:
    static = v.type.shape[axis]
    if static is not None and fill_value(n) == static:
        return True
    node = n.owner
    return node is not None and node.op == ShapeOf(axis) and node.inputs[0] is v


def known_shape(node: Apply) -> Variable | None:
    """What a type says of a shape need not be checked."""
    return node.inputs[0] if node.inputs[0].type == node.out.type and node.nin == 1 else None


VIEWS: list[AnyRule] = [
    OpRule("same_dimshuffle", DimShuffle, same_dimshuffle, "nothing moves",
           lambda d: DimShuffle((0, 1))(d("mn", "any"))),
    OpRule("merge_dimshuffles", DimShuffle, merge_dimshuffles, "one view instead of several",
           lambda d: DimShuffle((1, None, 0))(DimShuffle((1, 0))(d("mn", "any"))), DimShuffle),
    OpRule("neg_of_view", DimShuffle, neg_of_view, "signs move outwards, where they cancel",
           lambda d: DimShuffle((1, None, 0))(-d("mn", "any")), neg),
    OpRule("scale_of_view", (DimShuffle, Reshape), scale_of_view,
           "scales move outwards, where products take them along",
           lambda d: DimShuffle((1, 0))(d("mn") * d("11")), (mul, true_div)),
    OpRule("merge_reshapes", Reshape, merge_reshapes, "one view instead of several",
           lambda d: _flat(_flat(d("mn", "any"))), Reshape),
    OpRule("reshape_to_same", Reshape, reshape_to_same, "no element moves",
           lambda d: _shaped_as(v := d("mn", "any"), v)),
    OpRule("reshape_of_ones", Reshape, reshape_of_ones, "views move dimensions more freely",
           lambda d: Reshape(2)(v := d("m1n", "any"), build.lengths(v)[0], build.lengths(v)[2])),
    OpRule("reshape_of_dimshuffle", Reshape, reshape_of_dimshuffle, "one view instead of two",
           lambda d: _flat(DimShuffle((0, None, 1))(d("mn", "any"))), DimShuffle),
    OpRule("known_shape", SpecifyShape, known_shape, "the type says so",
           lambda d: SpecifyShape((None, None))(d("mn", "any"))),
]  # fmt: skip
"""Views of views."""


def _flat(v: Variable) -> Variable:
    made: Variable = Reshape(1)(v, build.length_of_all(v))
    return made


def _shaped_as(v: Variable, like: Variable) -> Variable:
    made: Variable = Reshape(like.ndim)(v, *build.lengths(like))
    return made


# ------------------------------------------------------------------------------------- lengths


def static_length(node: Apply) -> Variable | None:
    """A length that the type knows is a number."""
    assert isinstance(node.op, ShapeOf)
    static = node.inputs[0].type.shape[node.op.axis]
    return None if static is None else constant(static, "int64")


def _of(node: Apply) -> tuple[int, Apply]:
    """Which dimension a length is of, and what makes the tensor."""
    owner = node.inputs[0].owner
    assert isinstance(node.op, ShapeOf)
    assert owner is not None
    return node.op.axis, owner


def _length(v: Variable, axis: int) -> Variable:
    return build.lengths(v)[axis]


class _Doubts:
    """A `ShapeContext` that tells whether a call might find something wrong with lengths."""

    def __init__(self, node: Apply) -> None:
        self.any = False
        self._inputs = node.inputs

    def shape(self, operand: int) -> tuple[Expr, ...]:
        v = self._inputs[operand]
        first = self._inputs.index(v)
        return tuple(
            Symbol(f"{first}.{axis}") if n is None else const(n)
            for axis, n in enumerate(v.type.shape)
        )

    def integer(self, operand: int) -> Expr:
        v = self._inputs[operand]
        known = fill_value(v)
        return Symbol(f"{self._inputs.index(v)}") if known is None else const(int(known))

    def same(self, left: Expr, right: Expr) -> bool:
        return simplify(left) == simplify(right)

    def require_equal(self, left: Expr, right: Expr, what: str) -> Expr:
        self.any |= not self.same(left, right)
        return left

    def require(self, condition: Expr, what: str, error: type[Exception] = IndexError) -> None:
        found = simplify(condition)
        self.any |= not (isinstance(found, Const) and bool(found.value))


def _surely(rule: Callable[[Apply], Variable | None]) -> Callable[[Apply], Variable | None]:
    """A rule that leaves a length alone where asking for it checks others: they must agree."""

    @functools.wraps(rule)
    def found(node: Apply) -> Variable | None:
        _, made = _of(node)
        doubts = _Doubts(made)
        if not made.op.length_from_data:
            made.op.infer_shape(made, doubts)
        return None if doubts.any else rule(node)

    return found


@_surely
def length_of_elementwise(node: Apply) -> Variable | None:
    """Elementwise results are as long as operands that do not broadcast."""
    axis, made = _of(node)
    wide = next((v for v in made.inputs if v.type.shape[axis] != 1), None)
    return None if wide is None else _length(wide, axis)


@_surely
def length_of_dimshuffle(node: Apply) -> Variable | None:
    """A moved dimension is as long as it was."""
    axis, made = _of(node)
    assert isinstance(made.op, DimShuffle)
    source = made.op.order[axis]
    return None if source is None else _length(made.inputs[0], source)


@_surely
def length_of_reduction(node: Apply) -> Variable | None:
    """What is not reduced stays as long as it was."""
    axis, made = _of(node)
    (v,) = made.inputs
    gone = made.op.axes if isinstance(made.op, Reduce) else (getattr(made.op, "axis", None),)
    return _length(v, [a for a in range(v.ndim) if a not in gone][axis])


@_surely
def length_of_broadcast(node: Apply) -> Variable | None:
    """A value is repeated to the lengths that it is given."""
    axis, made = _of(node)
    return build.cast(made.inputs[1 + axis], "int64")


@_surely
def length_of_operand(node: Apply) -> Variable | None:
    """What changes elements alone changes no length."""
    axis, made = _of(node)
    return _length(made.inputs[0], axis)


@_surely
def length_of_part(node: Apply) -> Variable | None:
    """Dimensions of which all is taken stay as long as they were."""
    axis, made = _of(node)
    assert isinstance(made.op, Subtensor)
    v = made.inputs[0]
    spec = (*made.op.spec, *(Range(),) * (v.ndim - len(made.op.spec)))
    kept = [a for a, entry in enumerate(spec) if isinstance(entry, Range)]
    return _length(v, kept[axis]) if spec[kept[axis]] == Range() else None


@_surely
def length_of_product(node: Apply) -> Variable | None:
    """A product has the rows of its left factor and the columns of its right one."""
    axis, made = _of(node)
    a, b = made.inputs
    last = node.inputs[0].ndim - 1
    if axis == last:
        return _length(b, b.ndim - 1)
    return _length(a, axis + (1 if isinstance(made.op, SummedDot) else 0))


@_surely
def length_of_join(node: Apply) -> Variable | None:
    """Joined tensors are together as long as each of them, summed; beside, as long as one."""
    axis, made = _of(node)
    assert isinstance(made.op, Join)
    if axis != made.op.axis:
        return _length(made.inputs[0], axis)
    return _total([_length(v, axis) for v in made.inputs])


def _total(lengths: Sequence[Variable]) -> Variable:
    total = lengths[0]
    for n in lengths[1:]:
        total = add(total, n)
    return total


def _twice(v: Variable) -> Variable:
    joined: Variable = Join(0)(v, v)
    return joined


_at_hand = "a length needs no tensor computed"
_SAME_SHAPE = (IncSubtensor, AdvancedIncSubtensor, StopGradient, ClipGradient, ScaleGradient)

LENGTHS: list[AnyRule] = [
    OpRule("static_length", ShapeOf, static_length, "known at compile time",
           lambda d: ShapeOf(1)(d("mn", static=True))),
    OpRule("length_of_elementwise", ShapeOf, length_of_elementwise, _at_hand,
           lambda d: ShapeOf(0)(d("11") * d("mn", static=False)), Elemwise),
    OpRule("length_of_dimshuffle", ShapeOf, length_of_dimshuffle, _at_hand,
           lambda d: ShapeOf(0)(DimShuffle((1, 0))(d("mn", static=False))), DimShuffle),
    OpRule("length_of_reduction", ShapeOf, length_of_reduction, _at_hand,
           lambda d: ShapeOf(1)(Reduce(add, (1,), "float64")(d("mnk", static=False))),
           (Reduce, Argmax)),
    OpRule("length_of_broadcast", ShapeOf, length_of_broadcast, _at_hand,
           lambda d: ShapeOf(1)(build.fill_like(d.number(), d("mn", static=False))), Broadcast),
    OpRule("length_of_part", ShapeOf, length_of_part, _at_hand,
           lambda d: ShapeOf(0)(d("mnk", static=False)[:, 1:]), Subtensor),
    OpRule("length_of_changed", ShapeOf, length_of_operand, _at_hand,
           lambda d: ShapeOf(0)(StopGradient()(d("mn", static=False))), _SAME_SHAPE),
    OpRule("length_of_product", ShapeOf, length_of_product, _at_hand,
           lambda d: ShapeOf(1)(Dot()(d("m1", static=False), d("1n", static=False))),
           (Dot, BatchedDot, SummedDot)),
    OpRule("length_of_join", ShapeOf, length_of_join, _at_hand,
           lambda d: ShapeOf(0)(_twice(d("mn", static=False))), Join),
]  # fmt: skip
"""Lengths of anything."""

# ---------------------------------------------------------------------------------- repetitions


def broadcast_to_same(node: Apply) -> Variable | None:
    """Repeating a value to the shape it has changes nothing."""
    v = node.inputs[0]
    return v if v.type == node.out.type and None not in v.type.shape else None


def merge_broadcasts(node: Apply) -> Variable | None:
    """What is repeated twice is repeated to the second shape."""
    inner = node.inputs[0].owner
    assert inner is not None
    merged: Variable = Broadcast(node.out.ndim)(inner.inputs[0], *node.inputs[1:])
    return merged if merged.broadcastable == node.out.broadcastable else None


def broadcast_of_padded(node: Apply) -> Variable | None:
    """Repeating a value puts dimensions in front by itself."""
    inner = node.inputs[0].owner
    assert inner is not None
    assert isinstance(inner.op, DimShuffle)
    (v,) = inner.inputs
    padding = (None,) * (len(inner.op.order) - v.ndim)
    if inner.op.order != (*padding, *range(v.ndim)):
        return None
    repeated: Variable = Broadcast(node.out.ndim)(v, *node.inputs[1:])
    return repeated


def dimshuffle_of_broadcast(node: Apply) -> Variable | None:
    """One number repeated looks the same from all sides."""
    inner = node.inputs[0].owner
    assert isinstance(node.op, DimShuffle)
    assert inner is not None
    value, *lengths = inner.inputs
    if value.ndim:
        return None
    one = constant(1, "int64")
    moved = [one if a is None else lengths[a] for a in node.op.order]
    repeated: Variable = Broadcast(len(moved))(value, *moved)
    return repeated


def reshape_of_broadcast(node: Apply) -> Variable | None:
    """One number repeated looks the same in every shape."""
    v, *lengths = node.inputs
    if v.owner is None or not isinstance(v.owner.op, Broadcast) or v.owner.inputs[0].ndim:
        return None
    if any(fill_value(n) == -1 for n in lengths) or None in v.type.shape:
        return None  # what the lengths must multiply to is to be checked
    repeated: Variable = Broadcast(len(lengths))(v.owner.inputs[0], *lengths)
    return repeated


def operand_without_broadcast(node: Apply) -> Variable | None:
    """An operand repeated to the shape the other ones have need not be repeated."""
    for k, v in enumerate(node.inputs):
        if v.owner is None or not isinstance(v.owner.op, Broadcast):
            continue
        value = v.owner.inputs[0]
        order = (*(None,) * (v.ndim - value.ndim), *range(value.ndim))
        padded = value if value.ndim == v.ndim else DimShuffle(order)(value)
        others = [u for j, u in enumerate(node.inputs) if j != k]
        if all(
            n != 1 or v.type.shape[axis] == 1 or any(u.type.shape[axis] != 1 for u in others)
            for axis, n in enumerate(padded.type.shape)
        ):
            found: Variable = node.op(*node.inputs[:k], padded, *node.inputs[k + 1 :])
            return found
    return None


def second_operand(node: Apply) -> Variable | None:
    """What is only there for its shape is not computed."""
    x, y = node.inputs
    spans = all(m == 1 or n != 1 for m, n in zip(x.type.shape, y.type.shape, strict=True))
    return y if spans else None


REPETITIONS: list[AnyRule] = [
    OpRule("broadcast_to_same", Broadcast, broadcast_to_same, "the value is at hand",
           lambda d: Broadcast(2)(v := d("mn", "any", static=True), *build.lengths(v))),
    OpRule("merge_broadcasts", Broadcast, merge_broadcasts, "once is enough",
           lambda d: build.fill_like(build.fill_like(d.number(), d("1n", static=True)), d("mn")),
           Broadcast),
    OpRule("broadcast_of_padded", Broadcast, broadcast_of_padded, "one view instead of two",
           lambda d: build.fill_like(DimShuffle((None, 0))(d("n", "any")), d("mn")), DimShuffle),
    OpRule("dimshuffle_of_broadcast", DimShuffle, dimshuffle_of_broadcast, "one view less",
           lambda d: DimShuffle((1, None, 0))(build.fill_like(d("", "any"), d("mn"))), Broadcast),
    OpRule("reshape_of_broadcast", Reshape, reshape_of_broadcast, "one view less",
           lambda d: _flat(build.fill_like(d("", "any"), d("mn", static=True))), Broadcast),
    OpRule("operand_without_broadcast", Elemwise, operand_without_broadcast, "rows do that",
           lambda d: d("mn") * build.fill_like(d("1n"), d("mn")), among=Broadcast),
    OpRule("second_operand", TABLE["second"], second_operand, "a shape needs nothing computed",
           lambda d: TABLE["second"](d("m1", "any"), d("mn", "any"))),
]  # fmt: skip
"""Values repeated."""

RULES = [*VIEWS, *LENGTHS, *REPETITIONS]
