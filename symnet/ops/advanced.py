"""Indexing by integer tensors: elements picked from a tensor, put into one or added to one.

The tensors of positions broadcast together, and their dimensions stand side by side in the part;
so do numbers, which beside tensors are tensors of no dimensions. Where NumPy places them is for
the caller to say (`axis`): it depends on what stood between the brackets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.op import (
    Array,
    ElementContext,
    Fault,
    Index,
    IndexedOp,
    Op,
    OrderedOp,
    ShapeContext,
    Steps,
    constant,
)
from symnet.ops import build, constructors, shape
from symnet.ops.slices import (
    Point,
    Points,
    Range,
    Spec,
    broadcast_index,
    check_spec,
    check_update,
    element_axes,
    numpy_index,
    outside,
    part_shape,
    points,
    require_fit,
    require_room,
    safe,
    shape_axes,
)
from symnet.scalar import Const, Expr, cast, const, simplify
from symnet.scalar.primitives import eq, gt, mul, switch
from symnet.types import Shape, TensorType


@dataclass(frozen=True, slots=True)
class AdvancedSubtensor(IndexedOp):
    """Elements of a tensor picked by integer tensors.

    Operands are the tensor, then the positions and bounds that the spec asks for.

    Parameters
    ----------
    spec
        `Points` and slices of leading dimensions.
    axis
        Where the dimensions of the positions stand in the part: behind so many of its others.
    """

    spec: Spec
    axis: int = 0

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        return [_part_type(self, self.spec, self.axis, types[0], operands[1:])]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        return [_part_lengths(self.spec, self.axis, node, context, 1)]

    def faults(self, node: Apply, context: ElementContext) -> Sequence[Fault]:
        return _faults(self.spec, node, context, 1)

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        picked, kept = _split(index, self.axis, _rank(self.spec, node.inputs[1:]))
        return context.read(0, _place(self.spec, node, context, 1, picked, kept))

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        x, *positions = node.inputs
        nothing: list[Variable | None] = [None] * len(positions)
        if g is None:
            return [None, *nothing]
        add = AdvancedIncSubtensor(self.spec, self.axis)
        return [add(build.zeros_like(x, g.dtype), g, *positions), *nothing]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        x, *positions = operands
        arrays = points(self.spec, 0)
        if any(f and k not in arrays.values() for k, f in enumerate(batched[1:])):
            return None
        if not any(batched[1:]):
            return [AdvancedSubtensor((Range(), *self.spec), self.axis + 1)(x, *positions)]
        rank = _rank(self.spec, node.inputs[1:])
        spec, positions = _rows_of_points(self.spec, rank, positions, batched[1:], batched[0])
        part: Variable = AdvancedSubtensor(spec, self.axis)(x, *positions)
        order = [a for a in range(part.ndim) if a != self.axis]
        found: Variable = shape.DimShuffle((self.axis, *order))(part)
        return [found]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, *positions = inputs
        moved, arrays = _front(self.spec, x, positions)
        part = moved[tuple(np.broadcast_arrays(*arrays))]
        return [_moved_back(part, self.axis, np.broadcast(*arrays).ndim)]


@dataclass(frozen=True, slots=True)
class AdvancedIncSubtensor(OrderedOp):
    """A tensor with something added to elements picked by integer tensors, or put there.

    Operands are the tensor, what to add (it broadcasts to what `AdvancedSubtensor` would give),
    then the positions and bounds that the spec asks for. An element that is picked several times is
    added to several times; of what is put there, the last stays.

    Parameters
    ----------
    spec, axis
        As of `AdvancedSubtensor`.
    set
        Whether the elements are replaced.
    """

    spec: Spec
    axis: int = 0
    set: bool = False

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        x, y = types[:2]
        check_update(self, x, y, _part_type(self, self.spec, self.axis, x, operands[2:]))
        return [x]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        part = _part_lengths(self.spec, self.axis, node, context, 2)
        require_fit(node.inputs[1], part, context)
        return [context.shape(0)]

    def faults(self, node: Apply, context: ElementContext) -> Sequence[Fault]:
        return _faults(self.spec, node, context, 2)

    def steps(self, node: Apply, context: ElementContext) -> Steps:
        y, dtype = node.inputs[1], node.out.dtype

        def place(lane: Index, step: Index) -> Index:
            return _place(self.spec, node, context, 2, step, lane)

        def value(lane: Index, step: Index, before: Expr) -> Expr:
            part = (*lane[: self.axis], *step, *lane[self.axis :])
            new = cast(context.read(1, broadcast_index(y, part)), dtype)
            return new if self.set else before + new

        kept = [a.length for a in element_axes(self.spec, node, context, 2) if a.kept]
        picked = _picked_lengths(self.spec, node, context, 2)
        return Steps(tuple(kept), picked, place, value, begins=True)

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        _, y, *positions = node.inputs
        nothing: list[Variable | None] = [None] * len(positions)
        if g is None:
            return [None, None, *nothing]
        gx, gy = g, None
        if self.set:
            gx = AdvancedIncSubtensor(self.spec, self.axis, True)(
                g, constant(0, g.dtype), *positions
            )
        if dtypes.is_float(y.dtype):
            part: Variable = AdvancedSubtensor(self.spec, self.axis)(g, *positions)
            stays = self._stays(node) if self.set else None
            if stays is not None:
                part = switch(stays, part, 0)
            gy = build.cast(build.sum_to(part, y.type), y.dtype)
        return [gx, gy, *nothing]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        x, y, *positions = operands
        arrays = points(self.spec, 0)
        if any(f and k not in arrays.values() for k, f in enumerate(batched[2:])):
            return None
        if not batched[0]:
            first = next(v for v, f in zip(operands, batched, strict=True) if f)
            x = build.repeat(x, build.lengths(first)[0])
        rank = _rank(self.spec, node.inputs[2:])
        ndim = x.ndim - 1 - len(arrays) + rank
        y = build.insert_axes(y, tuple(range(batched[1], ndim + batched[1] - y.ndim + batched[1])))
        if not any(batched[2:]):
            op = AdvancedIncSubtensor((Range(), *self.spec), self.axis + 1, self.set)
            return [op(x, y, *positions)]
        spec, positions = _rows_of_points(self.spec, rank, positions, batched[2:], True)
        rest: list[int | None] = list(range(batched[1], y.ndim))
        rest[self.axis : self.axis] = [0 if batched[1] else None]
        y = shape.DimShuffle(tuple(rest))(y)
        return [AdvancedIncSubtensor(spec, self.axis, self.set)(x, y, *positions)]

    def _stays(self, node: Apply) -> Variable | None:
        """Whether what each point puts stays; None if no two points are known to meet."""
        x, _, *positions = node.inputs
        axes = points(self.spec, 0)
        arrays = [positions[k] for k in axes.values()]
        if _are_distinct(arrays):
            return None
        spec = (Points(),) * len(arrays)
        sizes = build.lengths(x)
        zero = constant(0, "int64")
        board = shape.Broadcast(len(arrays))(zero, *(sizes[axis] for axis in axes))
        counts = build.lengths(AdvancedSubtensor(spec)(board, *arrays))
        total = reduce(mul, counts, constant(1, "int64"))
        numbers = constructors.ARange("int64")(zero, total, constant(1, "int64"))
        numbers = shape.Reshape(len(counts))(numbers, *counts)
        board = AdvancedIncSubtensor(spec, 0, True)(board, numbers, *arrays)
        last = eq(AdvancedSubtensor(spec)(board, *arrays), numbers)
        behind = x.ndim - len(arrays) - self.axis
        order = (*(None,) * self.axis, *range(len(counts)), *(None,) * behind)
        found: Variable = shape.DimShuffle(order)(last)
        return found

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, y, *positions = inputs
        changed = np.array(x)
        moved, arrays = _front(self.spec, changed, positions)
        box = np.broadcast(*arrays)
        part = (*box.shape, *moved.shape[len(arrays) :])
        into = tuple(range(self.axis, self.axis + box.ndim))
        natural = _moved_back(np.empty(part, "bool"), self.axis, box.ndim).shape
        value = np.moveaxis(np.broadcast_to(y, natural), into, range(box.ndim))
        # As lists of points, so that their order is the one that counts.
        value = value.reshape(box.size, *part[box.ndim :])
        flat = tuple(np.broadcast_to(a, box.shape).ravel() for a in arrays)
        with np.errstate(all="ignore"):
            if self.set:
                moved[flat] = value
            else:
                np.add.at(moved, flat, value)
        return [changed]

    def __str__(self) -> str:
        return "advanced_set_subtensor" if self.set else "advanced_inc_subtensor"


def _rows_of_points(
    spec: Spec, rank: int, positions: Sequence[Variable], batched: Sequence[bool], of_batch: bool
) -> tuple[Spec, list[Variable]]:
    """Return the spec and the positions for rows of positions, in a batch or in one tensor.

    The dimension of the rows stands before the `rank` others of the positions.
    """
    many = [
        build.insert_axes(v, tuple(range(1, rank + 2 - v.ndim))) if f else v
        for v, f in zip(positions, batched, strict=True)
    ]
    if not of_batch:
        return spec, many
    first = next(v for v, f in zip(positions, batched, strict=True) if f)
    zero, one = constant(0, "int64"), constant(1, "int64")
    rows = constructors.ARange("int64")(zero, build.lengths(first)[0], one)
    return (Points(), *spec), [build.insert_axes(rows, tuple(range(1, rank + 1))), *many]


# ---------------------------------------------------------------------- types and lengths


def _part_type(
    op: Op, spec: Spec, axis: int, x: TensorType, positions: Sequence[Variable]
) -> TensorType:
    if Point() in spec or Points() not in spec:
        raise TypeError(f"{op} takes positions as integer tensors, and slices; Subtensor does else")
    check_spec(op, spec, x, [v.type for v in positions])
    kept = part_shape(spec, x, positions, op)
    if not 0 <= axis <= len(kept):
        raise TypeError(f"{op}: of {x} there are {len(kept)} dimensions besides, not {axis}")
    return TensorType(x.dtype, kept[:axis] + _common(op, spec, positions) + kept[axis:])


def _common(op: Op, spec: Spec, positions: Sequence[Variable]) -> Shape:
    """Return the static shape that the tensors of positions broadcast to."""
    types = [positions[k].type for k in points(spec, 0).values()]
    lengths: list[int | None] = []
    for back in range(max(t.ndim for t in types), 0, -1):
        found = {t.shape[-back] for t in types if t.ndim >= back} - {1}
        known = found - {None}
        if len(known) > 1:
            listed = ", ".join(map(str, types))
            raise IndexError(f"{op}: arrays of indices do not broadcast together: {listed}")
        lengths.append(known.pop() if known else None if found else 1)
    return tuple(lengths)


def _rank(spec: Spec, positions: Sequence[Variable]) -> int:
    """Return how many dimensions of the part come from the positions."""
    return max(positions[k].ndim for k in points(spec, 0).values())


def _part_lengths(
    spec: Spec, axis: int, node: Apply, context: ShapeContext, first: int
) -> tuple[Expr, ...]:
    """Return the lengths of the part, whose positions and bounds are operands from `first` on."""
    kept = [a.length for a in shape_axes(spec, node, context, first) if a.kept]
    picked = _picked_lengths(spec, node, context, first, context.require_equal)
    dims = context.shape(0)
    for indexed in points(spec, first):
        require_room(dims[indexed], reduce(mul, picked, const(1)), context)
    lengths = (*kept[:axis], *picked, *kept[axis:])
    static = _part_type(node.op, spec, axis, node.inputs[0].type, node.inputs[first:]).shape
    return tuple(n if s is None else const(s) for n, s in zip(lengths, static, strict=True))


_DIFFERENT = (
    "arrays of indices have different lengths; only one known to be 1 broadcasts (T.addbroadcast)"
)


def _picked_lengths(
    spec: Spec,
    node: Apply,
    context: ShapeContext | ElementContext,
    first: int,
    agree: Callable[[Expr, Expr, str], Expr] = lambda a, b, what: a,
) -> tuple[Expr, ...]:
    """Return the lengths that positions broadcast to; `agree` is told which are the same."""
    lengths: list[Expr] = []
    operands = points(spec, first).values()
    for back in range(_rank(spec, node.inputs[first:]), 0, -1):
        found = [
            context.shape(k)[-back]
            for k in operands
            if node.inputs[k].ndim >= back and node.inputs[k].type.shape[-back] != 1
        ]
        lengths.append(reduce(lambda a, b: agree(a, b, _DIFFERENT), found) if found else const(1))
    return tuple(lengths)


# ---------------------------------------------------------------------- elements


def _split(index: Index, axis: int, rank: int) -> tuple[Index, Index]:
    """Return an index of the part as one of the positions and one of the rest."""
    behind = axis + rank
    return index[axis:behind], index[:axis] + index[behind:]


def _place(
    spec: Spec, node: Apply, context: ElementContext, first: int, picked: Index, kept: Index
) -> Index:
    """Return where in operand 0 an element of the part stands; surely inside of it."""
    dims = context.shape(0)
    operands = points(spec, first)
    inner = iter(kept)
    place: list[Expr] = []
    for axis, taken in enumerate(element_axes(spec, node, context, first)):
        if axis in operands:
            k = operands[axis]
            at = cast(context.read(k, broadcast_index(node.inputs[k], picked)), "int64")
            place.append(safe(at, dims[axis]))
        else:
            i = next(inner)
            place.append(i if taken.whole else simplify(taken.first + i * taken.step))
    return tuple(place)


def _faults(spec: Spec, node: Apply, context: ElementContext, first: int) -> list[Fault]:
    dims = context.shape(0)
    x = node.inputs[0].type
    operands = points(spec, first)
    lengths = [n for k in operands.values() for n in context.shape(k)]
    faults = []
    for axis, k in operands.items():
        # Positions that are broadcast to nothing pick nothing.
        others = [n for n in lengths if not isinstance(n, Const) or n.value == 0]
        others = [n for n in others if n not in context.shape(k)]

        def broken(
            index: Index, k: int = k, n: Expr = dims[axis], others: list[Expr] = others
        ) -> Expr:
            found = outside(cast(context.read(k, index), "int64"), n)
            return reduce(lambda a, b: a & gt(b, const(0)), others, found)

        message = f"{node.op}: an index is out of range in dimension {axis} of {x}"
        faults.append(Fault(tuple(context.shape(k)), broken, message))
    return faults


# ---------------------------------------------------------------------- NumPy


def _front(spec: Spec, x: Array, positions: Sequence[Array]) -> tuple[Array, list[Array]]:
    """Return a view of `x`, sliced, with the dimensions that are picked from in front."""
    view = x[numpy_index(spec, positions)]
    axes = points(spec, 0)
    return np.moveaxis(view, list(axes), range(len(axes))), [positions[k] for k in axes.values()]


def _moved_back(part: Array, axis: int, rank: int) -> Array:
    """Return a part with its first `rank` dimensions behind `axis` others."""
    return np.moveaxis(part, range(rank), range(axis, axis + rank))


def _are_distinct(arrays: Sequence[Variable]) -> bool:
    """Return whether positions are known beforehand, and are all different."""
    known = [v.data for v in arrays if isinstance(v, Constant)]
    if len(known) < len(arrays) or any(a.size and a.min() < 0 for a in known):
        return all(v.ndim == 0 for v in arrays)
    listed = np.stack([a.ravel() for a in np.broadcast_arrays(*known)])
    return bool(np.unique(listed, axis=1).shape == listed.shape)
