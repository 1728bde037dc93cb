"""Basic indexing: parts of a tensor, and tensors with a part replaced or added to.

Positions and slices are those of `symnet.ops.slices`; `symnet.ops.advanced` takes positions from
integer tensors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Constant, Interner, Variable, ancestors
from symnet.op import (
    Array,
    ElementContext,
    Fault,
    Index,
    IndexedOp,
    Op,
    ShapeContext,
    Steps,
    constant,
)
from symnet.ops import advanced, build
from symnet.ops.slices import (
    IndexEntry,
    Point,
    Points,
    Range,
    Spec,
    broadcast_index,
    check_spec,
    check_update,
    element_axes,
    faults_of_points,
    index_operands,
    numpy_index,
    part_shape,
    points,
    require_fit,
    shape_axes,
)
from symnet.scalar import Const, Expr, cast, const, simplify
from symnet.scalar.primitives import eq, ge, lt, maximum, minimum, mul, switch
from symnet.types import TensorType


def subtensor(x: Variable, entries: Sequence[IndexEntry]) -> Variable:
    """Return ``x[entries]`` for integers, integer variables and slices."""
    spec, operands = index_operands(entries)
    if not spec:
        return x
    part: Variable = Subtensor(spec)(x, *operands)
    return part


def inc_subtensor(
    x: Variable, y: Variable, entries: Sequence[IndexEntry], set: bool = False
) -> Variable:
    """Return `x` with `y` added to ``x[entries]``, or put there (`set`)."""
    spec, operands = index_operands(entries)
    changed: Variable = IncSubtensor(spec, set)(x, y, *operands)
    return changed


def with_positions_from_data(
    outputs: Sequence[Variable], varying: Iterable[Variable]
) -> list[Variable]:
    """Return outputs that take positions depending on `varying` as data, checked when they are met.

    Other positions are known before anything is computed.
    """
    interner = Interner()
    depends = set(varying)
    new: dict[Variable, Variable] = {}
    for node in ancestors(outputs):
        op = node.op
        if isinstance(op, Subtensor | IncSubtensor) and Point() in op.spec:
            first = 1 if isinstance(op, Subtensor) else 2
            spec = _as_points(op.spec)
            if any(node.inputs[k] in depends for k in points(spec, first).values()):
                op = (
                    advanced.AdvancedSubtensor(spec)
                    if isinstance(op, Subtensor)
                    else advanced.AdvancedIncSubtensor(spec, 0, op.set)
                )
        if not depends.isdisjoint(node.inputs):
            depends.update(node.outputs)
        inputs = [new.get(v, v) for v in node.inputs]
        new.update(zip(node.outputs, interner.apply(op, inputs, like=node), strict=True))
    return [new.get(v, v) for v in outputs]


@dataclass(frozen=True, slots=True)
class Subtensor(IndexedOp):
    """A part of a tensor: positions and slices of its leading dimensions.

    Operands are the tensor, then the positions and bounds that the spec asks for.
    """

    spec: Spec

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        x = types[0]
        _check_basic(self, self.spec, x, types[1:])
        return [TensorType(x.dtype, part_shape(self.spec, x, operands[1:], self))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        axes = shape_axes(self.spec, node, context, 1)
        static = node.out.type.shape
        kept = [a.length for a in axes if a.kept]
        return [tuple(n if s is None else const(s) for n, s in zip(kept, static, strict=True))]

    def faults(self, node: Apply, context: ElementContext) -> Sequence[Fault]:
        return faults_of_points(self.spec, node, context, 1)

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        inner = iter(index)
        place: list[Expr] = []
        axes = element_axes(self.spec, node, context, 1)
        for axis, n in zip(axes, context.shape(0), strict=True):
            if not axis.kept:
                place.append(axis.first)
            elif axis.whole:
                place.append(next(inner))
            else:
                first = axis.first
                if not isinstance(axis.length, Const):
                    # A part without elements may begin outside, where a choice that does not take
                    # it looks all the same.
                    first = maximum(minimum(first, n - 1), const(0))
                place.append(simplify(first + next(inner) * axis.step))
        return context.read(0, tuple(place))

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        x, *bounds = node.inputs
        nothing: list[Variable | None] = [None] * len(bounds)
        if g is None:
            return [None, *nothing]
        if self._is_flip(bounds):
            return [self(g, *bounds), *nothing]
        return [IncSubtensor(self.spec, False)(build.zeros_like(x, g.dtype), g, *bounds), *nothing]

    def _is_flip(self, bounds: Sequence[Variable]) -> bool:
        """Whether dimensions are only reversed, which undoes itself and is its own transpose."""
        return all(entry in (Range(), Range(step=True)) for entry in self.spec) and all(
            isinstance(v, Constant) and v.data == -1 for v in bounds
        )

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        if not any(batched[1:]):
            return [Subtensor((Range(), *self.spec))(*operands)]
        if _varies_in_length(self.spec, batched[1:]):
            return None
        picked = advanced.AdvancedSubtensor(_as_points(self.spec))
        return picked.batch(picked.make_node(*node.inputs), operands, batched)

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, *bounds = inputs
        return [np.asarray(x[numpy_index(self.spec, bounds)])]


def _varies_in_length(spec: Spec, batched: Sequence[bool]) -> bool:
    """Whether a bound of a slice differs from row to row, and so the length of the slice may."""
    bounds = iter(batched)
    for entry in spec:
        if isinstance(entry, Range):
            given = [next(bounds) for known in (entry.start, entry.stop, entry.step) if known]
            if any(given):
                return True
        else:
            next(bounds)
    return False


@dataclass(frozen=True, slots=True)
class IncSubtensor(IndexedOp):
    """A tensor with something added to a part of it, or put there.

    Operands are the tensor, what to add (it broadcasts to the part), then the positions and bounds
    that the spec asks for.

    Parameters
    ----------
    spec
        As of `Subtensor`.
    set
        Whether the part is replaced.
    """

    spec: Spec
    set: bool

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        x, y = types[:2]
        _check_basic(self, self.spec, x, types[2:])
        part = TensorType(x.dtype, part_shape(self.spec, x, operands[2:], self))
        check_update(self, x, y, part)
        return [x]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        axes = shape_axes(self.spec, node, context, 2)
        require_fit(node.inputs[1], [a.length for a in axes if a.kept], context)
        return [context.shape(0)]

    def faults(self, node: Apply, context: ElementContext) -> Sequence[Fault]:
        return faults_of_points(self.spec, node, context, 2)

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        conditions: list[Expr] = []
        inner: list[Expr] = []
        lengths: list[Expr] = []
        for axis, i in zip(element_axes(self.spec, node, context, 2), index, strict=True):
            if not axis.kept:
                conditions.append(eq(i, axis.first))
            elif axis.whole:
                inner.append(i)
            else:
                offset = i - axis.first
                if axis.step != const(1):
                    conditions.append(eq(offset % axis.step, const(0)))
                    offset = offset // axis.step
                conditions += [ge(offset, const(0)), lt(offset, axis.length)]
                # Read even where the part is not: the position must stay inside.
                inner.append(maximum(minimum(offset, axis.length - 1), const(0)))
                lengths.append(axis.length)
        x, y = node.inputs[:2]
        old = context.read(0, index)
        if const(0) in lengths:
            return old
        unknown = [n for n in lengths if not isinstance(n, Const)]
        if unknown:
            # All reads of a value without elements go to one place.
            some = minimum(reduce(mul, unknown), const(1))
            inner = [i * some for i in inner]
        new = cast(context.read(1, broadcast_index(y, inner)), x.dtype)
        new = new if self.set else old + new
        inside: Expr | None = None
        for condition in conditions:
            inside = condition if inside is None else inside & condition
        return new if inside is None else switch(inside, new, old)

    def change(self, node: Apply, context: ElementContext) -> Steps | None:
        y, dtype = node.inputs[1], node.out.dtype
        axes = element_axes(self.spec, node, context, 2)

        def place(lane: Index, step: Index) -> Index:
            inner = iter(lane)
            return tuple(
                simplify(axis.first + next(inner) * axis.step) if axis.kept else axis.first
                for axis in axes
            )

        def value(lane: Index, step: Index, before: Expr) -> Expr:
            new = cast(context.read(1, broadcast_index(y, lane)), dtype)
            return new if self.set else before + new

        lengths = tuple(axis.length for axis in axes if axis.kept)
        return Steps(lengths, (), place, value, begins=True) if self.spec else None

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        _, y, *bounds = node.inputs
        nothing: list[Variable | None] = [None] * len(bounds)
        if g is None:
            return [None, None, *nothing]
        part = Subtensor(self.spec)(g, *bounds)
        gy = build.sum_to(part, y.type) if dtypes.is_float(y.dtype) else None
        gx = g
        if self.set:
            gx = IncSubtensor(self.spec, True)(g, constant(0, g.dtype), *bounds)
        return [gx, None if gy is None else build.cast(gy, y.dtype), *nothing]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        if _varies_in_length(self.spec, batched[2:]):
            return None
        if any(batched[2:]):
            changed = advanced.AdvancedIncSubtensor(_as_points(self.spec), 0, self.set)
            return changed.batch(changed.make_node(*node.inputs), operands, batched)
        x, y, *bounds = operands
        count = build.lengths(x if batched[0] else y)[0]
        if not batched[0]:
            x = build.repeat(x, count)
        if batched[1]:
            ndim = x.ndim - sum(isinstance(entry, Point) for entry in self.spec)
            y = build.insert_axes(y, tuple(range(1, ndim - y.ndim + 1)))
        return [IncSubtensor((Range(), *self.spec), self.set)(x, y, *bounds)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, y, *bounds = inputs
        changed = np.array(x)
        part = numpy_index(self.spec, bounds)
        with np.errstate(all="ignore"):
            if self.set:
                changed[part] = y
            else:
                changed[part] += y
        return [changed]

    def __str__(self) -> str:
        return "set_subtensor" if self.set else "inc_subtensor"


def _as_points(spec: Spec) -> Spec:
    """Return a spec that takes positions as tensors, which numbers are, too."""
    return tuple(Points() if isinstance(entry, Point) else entry for entry in spec)


def _check_basic(op: Op, spec: Spec, x: TensorType, types: Sequence[TensorType]) -> None:
    if Points() in spec:
        raise TypeError(f"{op} takes positions one by one; AdvancedSubtensor takes tensors of them")
    check_spec(op, spec, x, types)
