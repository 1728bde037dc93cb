"""Parts of tensors: parts of parts, of joined, of repeated and of changed tensors."""

from __future__ import annotations

from symnet.graph import Apply, Variable
from symnet.op import constant
from symnet.ops import build
from symnet.ops.elementwise import Elemwise
from symnet.ops.indexing import IncSubtensor, Subtensor, inc_subtensor, subtensor
from symnet.ops.joining import Join, Split
from symnet.ops.shape import Broadcast, MakeVector
from symnet.ops.slices import Range
from symnet.rewriting.pattern import fill_value, row_of
from symnet.rewriting.rule import AnyRule, OpRule
from symnet.scalar import TABLE

add = TABLE["add"]
Entry = Variable | slice


def entries_of(node: Apply, first: int) -> list[Entry]:
    """What stands between the brackets, one entry for each dimension of what is indexed.

    `first` is the number of the first operand that is a position or a bound.
    """
    operands = iter(node.inputs[first:])
    spec = node.op.spec  # type: ignore[attr-defined]
    found: list[Entry] = []
    for entry in spec:
        if isinstance(entry, Range):
            given = (entry.start, entry.stop, entry.step)
            found.append(slice(*(next(operands) if g else None for g in given)))
        else:
            found.append(next(operands))
    return found + [slice(None)] * (node.inputs[0].ndim - len(spec))


def number(bound: Variable | None) -> int | None:
    """A bound or position known at compile time."""
    value = None if bound is None else fill_value(bound)
    return None if value is None else int(value)


def whole(entry: Entry) -> bool:
    """Whether all of a dimension is taken."""
    return entry == slice(None)


def bounds(entry: Entry) -> tuple[int, int | None] | None:
    """Start and stop of a slice without steps, if they are known and count from the start."""
    if not isinstance(entry, slice) or entry.step is not None:
        return None
    start = 0 if entry.start is None else number(entry.start)
    stop = None if entry.stop is None else number(entry.stop)
    if start is None or start < 0 or (entry.stop is not None and (stop is None or stop < 0)):
        return None
    return start, stop


# -------------------------------------------------------------------------------- parts of parts


def all_of_it(node: Apply) -> Variable | None:
    """A slice as long as its dimension is all of it."""
    v = node.inputs[0]
    for axis, entry in enumerate(entries_of(node, 1)):
        known = bounds(entry)
        if known is None or known[0]:
            return None
        n = v.type.shape[axis]
        if known[1] is not None and (n is None or known[1] < n):
            return None
    return v


def merge_parts(node: Apply) -> Variable | None:
    """A part of a part is one part."""
    inner = node.inputs[0].owner
    assert inner is not None
    outer = iter(entries_of(node, 1))
    merged: list[Entry] = []
    for entry in entries_of(inner, 1):
        if not isinstance(entry, slice):
            merged.append(entry)
            continue
        found = merged_entry(entry, next(outer))
        if found is None:
            return None
        merged.append(found)
    return subtensor(inner.inputs[0], merged)


def merged_entry(inner: Entry, outer: Entry) -> Entry | None:
    """The entry that takes of a dimension what `outer` takes of what `inner` takes."""
    if whole(inner) or whole(outer):
        return outer if whole(inner) else inner
    if _is_reversal(inner) and _is_reversal(outer):
        return slice(None)
    taken = bounds(inner)
    if taken is None:
        return None
    start, stop = taken
    if not isinstance(outer, slice):
        at = number(outer)
        inside = at is not None and at >= 0 and (stop is None or start + at < stop)
        return constant(start + (at or 0), "int64") if inside else None
    wanted = bounds(outer)
    if wanted is None:
        return None
    ends = [n for n in (stop, None if wanted[1] is None else start + wanted[1]) if n is not None]
    return slice(start + wanted[0], min(ends) if ends else None)


def _is_reversal(entry: Entry) -> bool:
    return (
        isinstance(entry, slice)
        and entry.start is None
        and entry.stop is None
        and number(entry.step) == -1
    )


def part_of_function(node: Apply) -> Variable | None:
    """Of a function of one tensor only what is looked at needs to be computed.

    Of slices nobody says that they are less than what is needed anyway; of single positions it can
    be said.
    """
    v = node.inputs[0]
    row = row_of(v)
    if row is None or row.arity != 1 or v.owner is None:
        return None
    if not any(isinstance(entry, Variable) for entry in entries_of(node, 1)):
        return None
    part: Variable = row(node.op(v.owner.inputs[0], *node.inputs[1:]))
    return part


def part_of_broadcast(node: Apply) -> Variable | None:
    """A part of a number repeated is that number repeated."""
    inner = node.inputs[0].owner
    assert inner is not None
    value = inner.inputs[0]
    if value.ndim or not all(isinstance(entry, slice) for entry in entries_of(node, 1)):
        return None
    shape = node.out.type.shape
    if None in shape:
        return None
    repeated: Variable = Broadcast(len(shape))(value, *(constant(n, "int64") for n in shape))
    return repeated


def element_of_vector(node: Apply) -> Variable | None:
    """An entry of scalars put into a vector is that scalar; several make another vector."""
    vector = node.inputs[0].owner
    assert vector is not None
    (entry,) = entries_of(node, 1)
    scalars = vector.inputs
    if isinstance(entry, slice):
        if None in map(number, node.inputs[1:]):
            return None
        given = slice(number(entry.start), number(entry.stop), number(entry.step))
        part: Variable = MakeVector(node.out.dtype)(*scalars[given])
        return part
    at = number(entry)
    if at is None or not -len(scalars) <= at < len(scalars):
        return None
    return build.cast(scalars[at], node.out.dtype)


def part_of_join(node: Apply) -> Variable | None:
    """What lies within one of several joined tensors is a part of that one."""
    join = node.inputs[0].owner
    assert join is not None
    assert isinstance(join.op, Join)
    axis = join.op.axis
    entries = entries_of(node, 1)
    entry = entries[axis]
    if isinstance(entry, slice):
        taken = bounds(entry)
    else:
        at = number(entry)
        taken = None if at is None or at < 0 else (at, at + 1)
    if taken is None:
        return None
    start, stop = taken
    for piece in join.inputs:
        n = piece.type.shape[axis]
        if piece is join.inputs[-1] or (stop is not None and n is not None and stop <= n):
            whole_rest = stop is None or (n is not None and stop <= n)
            if not whole_rest:
                return None
            entries[axis] = slice(start or None, stop) if isinstance(entry, slice) else _at(start)
            return subtensor(piece, entries)
        if n is None or start < n:
            return None
        start, stop = start - n, None if stop is None else stop - n
    return None


def _at(position: int) -> Variable:
    return constant(position, "int64")


def part_of_changed(node: Apply) -> Variable | None:
    """Of a tensor with a part replaced, that part is what it was replaced with."""
    change = node.inputs[0].owner
    assert change is not None
    assert isinstance(change.op, IncSubtensor)
    x, y, *places = change.inputs
    if node.op != Subtensor(change.op.spec) or list(node.inputs[1:]) != places:
        return None
    if change.op.set:
        value = build.cast(y, x.dtype)
        return value if value.type == node.out.type and _is_fixed(node.out) else None
    return add(node.op(x, *places), y) if y.dtype == x.dtype else None


def _is_fixed(v: Variable) -> bool:
    return None not in v.type.shape


PARTS: list[AnyRule] = [
    OpRule("all_of_it", Subtensor, all_of_it, "nothing is left out",
           lambda d: subtensor(v := d("mn", "any", static=True), [slice(0, v.type.shape[0])])),
    OpRule("merge_parts", Subtensor, merge_parts, "one view instead of two",
           lambda d: d("mnk", "any")[1:, 0][:2, 1], Subtensor),
    OpRule("part_of_function", Subtensor, part_of_function, "what nobody reads is not computed",
           lambda d: TABLE["tanh"](d("mn"))[1:, 0], Elemwise),
    OpRule("part_of_broadcast", Subtensor, part_of_broadcast, "a number needs no memory",
           lambda d: subtensor(
               build.fill_like(d.number(), d("mn", static=True)), [slice(1, None)]), Broadcast),
    OpRule("element_of_vector", Subtensor, element_of_vector, "the scalars are at hand",
           lambda d: MakeVector("float64")(d(""), d(""))[1], MakeVector),
    OpRule("part_of_join", Subtensor, part_of_join, "nothing needs to be joined",
           lambda d: Join(0)(d("mn", static=True), d("kn", static=True))[:1], Join),
    OpRule("part_of_changed", Subtensor, part_of_changed, "the value is at hand",
           lambda d: _part_set(d("mn", "any", static=True), d("n", "any", static=True)),
           IncSubtensor),
]  # fmt: skip
"""Parts."""


def _part_set(x: Variable, y: Variable) -> Variable:
    return subtensor(inc_subtensor(x, y, [1], set=True), [1])


# -------------------------------------------------------------------------------------- changes


def _is_filled(v: Variable, value: float) -> bool:
    """Whether all of a variable is one number."""
    if v.owner is not None and isinstance(v.owner.op, Broadcast):
        v = v.owner.inputs[0]
    return fill_value(v) == value


def change_by_zero(node: Apply) -> Variable | None:
    """Adding zeros somewhere changes nothing."""
    x, y = node.inputs[:2]
    adds = isinstance(node.op, IncSubtensor) and not node.op.set
    return x if adds and _is_filled(y, 0) else None


def change_of_all(node: Apply) -> Variable | None:
    """Adding to all of a tensor is addition, and replacing all of it leaves nothing of it."""
    assert isinstance(node.op, IncSubtensor)
    x, y = node.inputs[:2]
    if not all(map(whole, entries_of(node, 2))) or x.dtype != y.dtype:
        return None
    if not node.op.set:
        return add(x, y)  # type: ignore[no-any-return]
    return build.fill_like(y, x)


def change_again(node: Apply) -> Variable | None:
    """What is done twice to one part is done once."""
    op, inner = node.op, node.inputs[0].owner
    assert isinstance(op, IncSubtensor)
    assert inner is not None
    assert isinstance(inner.op, IncSubtensor)
    x, y, *places = node.inputs
    base, old, *old_places = inner.inputs
    if inner.op.spec != op.spec or places != old_places:
        return None
    if op.set:
        part = Subtensor(op.spec)(x, *places)
        return op(base, y, *places) if y.type == part.type else None
    if y.type != old.type or y.dtype != x.dtype:
        return None
    changed: Variable = inner.op(base, old + y, *places)
    return changed


def part_put_back(node: Apply) -> Variable | None:
    """A part that is put where it was taken from changes nothing."""
    assert isinstance(node.op, IncSubtensor)
    x, y, *places = node.inputs
    taken = y.owner
    if not node.op.set or taken is None or taken.op != Subtensor(node.op.spec):
        return None
    return x if list(taken.inputs) == [x, *places] else None


CHANGES: list[AnyRule] = [
    OpRule("change_by_zero", IncSubtensor, change_by_zero, "nothing is added",
           lambda d: inc_subtensor(x := d("mn"), build.zeros_like(x[1]), [1])),
    OpRule("change_of_all", IncSubtensor, change_of_all, "elementwise, and no copy of what was",
           lambda d: IncSubtensor((Range(),), False)(d("mn"), d("1n"))),
    OpRule("change_again", IncSubtensor, change_again, "one copy instead of two",
           lambda d: inc_subtensor(inc_subtensor(d("mn"), y := d("n"), [1]), y * 2, [1]),
           IncSubtensor),
    OpRule("part_put_back", IncSubtensor, part_put_back, "it is there already",
           lambda d: inc_subtensor(x := d("mn", "any"), x[1], [1], set=True), among=Subtensor),
]  # fmt: skip
"""Tensors with a part changed."""

# ---------------------------------------------------------------------------------------- joins


def join_of_one(node: Apply) -> Variable | None:
    """One tensor joined to none is itself."""
    return node.inputs[0] if len(node.inputs) == 1 else None


def join_of_joins(node: Apply) -> Variable | None:
    """Joined tensors joined along the same dimension are joined at once."""
    pieces: list[Variable] = []
    for v in node.inputs:
        inner = v.owner
        pieces += inner.inputs if inner is not None and inner.op == node.op else [v]
    if len(pieces) == len(node.inputs):
        return None
    joined: Variable = node.op(*pieces)
    return joined


def join_with_nothing(node: Apply) -> Variable | None:
    """Tensors without elements add nothing."""
    assert isinstance(node.op, Join)
    axis = node.op.axis
    kept = [v for v in node.inputs if v.type.shape[axis] != 0]
    if not kept or len(kept) == len(node.inputs):
        return None
    joined: Variable = node.op(*kept)
    return joined if joined.type == node.out.type else None


def join_of_split(node: Apply) -> Variable | None:
    """All pieces of a tensor, joined in their order, are that tensor."""
    split = node.inputs[0].owner
    assert isinstance(node.op, Join)
    if split is None or split.op != Split(node.op.axis) or node.inputs != split.outputs:
        return None
    return split.inputs[0]


def join_of_parts(node: Apply) -> Variable | None:
    """What comes before a position and what comes after it, joined, is all there was."""
    assert isinstance(node.op, Join)
    if len(node.inputs) != 2:
        return None
    left, right = (v.owner for v in node.inputs)
    if left is None or right is None or left.inputs[0] is not right.inputs[0]:
        return None
    if not isinstance(left.op, Subtensor) or not isinstance(right.op, Subtensor):
        return None
    x, axis = left.inputs[0], node.op.axis
    if node.out.ndim != x.ndim:
        return None
    before, after = entries_of(left, 1), entries_of(right, 1)
    first, second = before.pop(axis), after.pop(axis)
    if not all(map(whole, [*before, *after])):
        return None
    assert isinstance(first, slice)
    assert isinstance(second, slice)
    cut = first.stop
    meets = first == slice(None, cut) and second == slice(cut, None)
    return x if meets and cut is not None else None


JOINS: list[AnyRule] = [
    OpRule("join_of_one", Join, join_of_one, "nothing is joined",
           lambda d: Join(0)(d("mn", "any"))),
    OpRule("join_of_joins", Join, join_of_joins, "one copy instead of two",
           lambda d: Join(0)(Join(0)(d("mn"), d("kn")), d("kn")), among=Join),
    OpRule("join_with_nothing", Join, join_with_nothing, "nothing is joined",
           lambda d: Join(0)(x := d("mn", static=True), x[2:1], x)),
    OpRule("join_of_split", Join, join_of_split, "the whole is at hand",
           lambda d: Join(0)(*Split(0)(d("mn", "any"), constant(1, "int64"), d.length("m") - 1)),
           Split),
    OpRule("join_of_parts", Join, join_of_parts, "the whole is at hand",
           lambda d: Join(0)(subtensor(x := d("mn"), [slice(None, cut := d.position())]),
                             subtensor(x, [slice(cut, None)])), Subtensor),
]  # fmt: skip
"""Tensors joined."""

RULES = [*PARTS, *CHANGES, *JOINS]
