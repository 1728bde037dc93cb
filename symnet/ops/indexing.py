"""Indexing: parts of a tensor, and tensors with a part replaced or added to.

`Subtensor` and `IncSubtensor` take positions and slices (`symnet.ops.slices`); `PickRows`,
`PlaceRows` and the advanced ones take positions from an integer tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.op import Array, ElementContext, Fault, Index, IndexedOp, Op, ShapeContext, constant
from symnet.ops import build
from symnet.ops.slices import (
    IndexEntry,
    Point,
    Range,
    Spec,
    check_spec,
    element_axes,
    faults_of_points,
    index_operands,
    numpy_index,
    outside,
    part_shape,
    require_room,
    safe,
    shape_axes,
)
from symnet.scalar import Const, Expr, cast, const, simplify
from symnet.scalar.primitives import eq, ge, lt, maximum, minimum, mul, switch
from symnet.types import TensorType

__all__ = [
    "AdvancedIncSubtensor",
    "AdvancedSubtensor",
    "IncSubtensor",
    "PickRows",
    "PlaceRows",
    "Point",
    "Range",
    "Subtensor",
    "inc_subtensor",
    "index_operands",
    "subtensor",
]


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
        check_spec(self, self.spec, x, types[1:])
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
        for axis in element_axes(self.spec, node, context, 1):
            if not axis.kept:
                place.append(axis.first)
            else:
                i = next(inner)
                place.append(i if axis.whole else simplify(axis.first + i * axis.step))
        return context.read(0, tuple(place))

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        x, *bounds = node.inputs
        nothing: list[Variable | None] = [None] * len(bounds)
        if g is None:
            return [None, *nothing]
        return [IncSubtensor(self.spec, False)(build.zeros_like(x, g.dtype), g, *bounds), *nothing]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        return None if any(batched[1:]) else [Subtensor((Range(), *self.spec))(*operands)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, *bounds = inputs
        return [np.asarray(x[numpy_index(self.spec, bounds)])]


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
        check_spec(self, self.spec, x, types[2:])
        part = TensorType(x.dtype, part_shape(self.spec, x, operands[2:], self))
        _check_update(self, x, y, part)
        return [x]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        axes = shape_axes(self.spec, node, context, 2)
        _require_fit(node.inputs[1], [a.length for a in axes if a.kept], context)
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
        new = cast(context.read(1, _broadcast_index(y, inner)), x.dtype)
        new = new if self.set else old + new
        inside: Expr | None = None
        for condition in conditions:
            inside = condition if inside is None else inside & condition
        return new if inside is None else switch(inside, new, old)

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
        x, y, *bounds = operands
        if any(batched[2:]):
            return None
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


def _check_update(op: Op, x: TensorType, y: TensorType, part: TensorType) -> None:
    if dtypes.promote(x.dtype, y.dtype) != x.dtype:
        raise TypeError(
            f"{op}: a value of {y} does not go into {x} without loss; cast it with "
            f'T.cast(value, "{x.dtype}")'
        )
    dims = part.shape[part.ndim - y.ndim :] if y.ndim <= part.ndim else None
    if dims is None or any(
        None not in (n, m) and n not in (1, m) for n, m in zip(y.shape, dims, strict=True)
    ):
        raise TypeError(f"{op}: a value of {y} does not fit the part {part} of {x}")


def _require_fit(y: Variable, part: Sequence[Expr], context: ShapeContext) -> None:
    """Assume that operand 1, `y`, broadcasts to a part of lengths `part`."""
    for axis, static in enumerate(y.type.shape):
        if static != 1:
            context.require_equal(
                part[len(part) - y.ndim + axis],
                context.shape(1)[axis],
                f"dimension {axis} of the value does not fit the part it goes to",
            )


def _broadcast_index(y: Variable, index: Sequence[Expr]) -> Index:
    """Return where the element of `y` for an index of the part stands."""
    own = index[len(index) - y.ndim :]
    return tuple(const(0) if n == 1 else i for n, i in zip(y.type.shape, own, strict=True))


@dataclass(frozen=True, slots=True)
class PickRows(IndexedOp):
    """One element of each row of a matrix: ``x[arange(n), y]`` for an integer vector `y`."""

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        x, y = types
        if (x.ndim, y.ndim) != (2, 1) or y.dtype not in dtypes.INTEGER:
            raise TypeError(f"{self} takes a matrix and an integer vector, got {x} and {y}")
        return [TensorType(x.dtype, (_common(self, x.shape[0], y.shape[0]),))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        rows = context.require_equal(
            context.shape(0)[0], context.shape(1)[0], "as many indices as rows are needed"
        )
        columns = context.shape(0)[1]
        require_room(columns, rows, context)
        static = node.out.type.shape[0]
        return [(rows if static is None else const(static),)]

    def faults(self, node: Apply, context: ElementContext) -> Sequence[Fault]:
        return [_column_fault(node, context, 1, context.shape(0)[1])]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        column = cast(context.read(1, index), "int64")
        return context.read(0, (index[0], safe(column, context.shape(0)[1])))

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        x, y = node.inputs
        return [None if g is None else PlaceRows()(g, y, build.lengths(x)[1]), None]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, y = inputs
        return [x[np.arange(len(x)), y]]


@dataclass(frozen=True, slots=True)
class PlaceRows(IndexedOp):
    """A matrix of zeros but for one element in each row: the transpose of `PickRows`.

    Operands are the vector of these elements, the integer vector of their columns, and the number
    of columns.
    """

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        g, y, columns = types
        if (g.ndim, y.ndim, columns.ndim) != (1, 1, 0) or not (
            y.dtype in dtypes.INTEGER and columns.dtype in dtypes.INTEGER
        ):
            raise TypeError(
                f"{self} takes a vector, an integer vector and a number of columns, got {g}, {y} "
                f"and {columns}"
            )
        count = operands[2]
        known = int(count.data) if isinstance(count, Constant) else None
        return [TensorType(g.dtype, (_common(self, g.shape[0], y.shape[0]), known))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        rows = context.require_equal(
            context.shape(0)[0], context.shape(1)[0], "as many columns as values are needed"
        )
        dims = zip(node.out.type.shape, (rows, context.integer(2)), strict=True)
        return [tuple(n if static is None else const(static) for static, n in dims)]

    def faults(self, node: Apply, context: ElementContext) -> Sequence[Fault]:
        return [_column_fault(node, context, 1, context.integer(2))]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        i, j = index
        column = cast(context.read(1, (i,)), "int64")
        here = eq(j, switch(lt(column, const(0)), column + context.integer(2), column))
        g = context.read(0, (i,))
        return switch(here, g, const(0, g.dtype))  # type: ignore[no-any-return]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        return [None if g is None else PickRows()(g, node.inputs[1]), None, None]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        g, y, columns = inputs
        placed = np.zeros((len(g), int(columns)), g.dtype)
        placed[np.arange(len(g)), y] = g
        return [placed]


def _common(op: Op, a: int | None, b: int | None) -> int | None:
    if None not in (a, b) and a != b:
        raise TypeError(f"{op}: {a} rows, but {b} indices")
    return b if a is None else a


def _column_fault(node: Apply, context: ElementContext, operand: int, n: Expr) -> Fault:
    def broken(index: Index) -> Expr:
        return outside(cast(context.read(operand, index), "int64"), n)

    message = f"{node.op}: an index is out of range of the columns"
    return Fault(tuple(context.shape(operand)), broken, message)


@dataclass(frozen=True, slots=True)
class AdvancedSubtensor(IndexedOp):
    """Slices of a tensor picked by an integer tensor, whose dimensions stand for `axis`.

    Operands are the tensor and the indices.
    """

    axis: int = 0

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        x, index = types
        _check_take(self, self.axis, x, index)
        return [TensorType(x.dtype, x.shape[: self.axis] + index.shape + x.shape[self.axis + 1 :])]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        dims, index = context.shape(0), context.shape(1)
        require_room(dims[self.axis], reduce(mul, index, const(1)), context)
        return [dims[: self.axis] + index + dims[self.axis + 1 :]]

    def faults(self, node: Apply, context: ElementContext) -> Sequence[Fault]:
        return [_column_fault(node, context, 1, context.shape(0)[self.axis])]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        behind = self.axis + node.inputs[1].ndim
        at = cast(context.read(1, index[self.axis : behind]), "int64")
        place = safe(at, context.shape(0)[self.axis])
        return context.read(0, (*index[: self.axis], place, *index[behind:]))

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        x, index = node.inputs
        if g is None:
            return [None, None]
        return [AdvancedIncSubtensor(self.axis)(build.zeros_like(x, g.dtype), g, index), None]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, index = inputs
        return [np.asarray(np.take(x, index, self.axis))]


@dataclass(frozen=True, slots=True)
class AdvancedIncSubtensor(Op):
    """A tensor with something added to slices picked by an integer tensor, or put there.

    Operands are the tensor, what to add (it broadcasts to what `AdvancedSubtensor` would give) and
    the indices. An index that stands twice is added to twice; of what is put, the last stays.

    Parameters
    ----------
    axis
        The dimension that is indexed.
    set
        Whether the slices are replaced.
    """

    axis: int = 0
    set: bool = False

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        x, y, index = types
        _check_take(self, self.axis, x, index)
        part = x.shape[: self.axis] + index.shape + x.shape[self.axis + 1 :]
        _check_update(self, x, y, TensorType(x.dtype, part))
        return [x]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        dims = context.shape(0)
        part = dims[: self.axis] + context.shape(2) + dims[self.axis + 1 :]
        _require_fit(node.inputs[1], part, context)
        return [dims]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        _, y, index = node.inputs
        if g is None:
            return [None, None, None]
        gy: Variable | None = None
        if dtypes.is_float(y.dtype):
            part = AdvancedSubtensor(self.axis)(g, index)
            gy = build.cast(build.sum_to(part, y.type), y.dtype)
        gx = AdvancedIncSubtensor(self.axis, True)(g, constant(0, g.dtype), index)
        return [gx if self.set else g, gy, None]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, y, index = inputs
        changed = np.array(x)
        # A view with the axis in front; what goes there has the axes of the index in its place.
        moved = np.moveaxis(changed, self.axis, 0)
        whole = x.shape[: self.axis] + index.shape + x.shape[self.axis + 1 :]
        into = range(self.axis, self.axis + index.ndim)
        value = np.moveaxis(np.broadcast_to(y, whole), into, range(index.ndim))
        if self.set:
            moved[index] = value
        else:
            np.add.at(moved, index, value)
        return [changed]


def _check_take(op: Op, axis: int, x: TensorType, index: TensorType) -> None:
    if not 0 <= axis < x.ndim:
        raise TypeError(f"{op}: {x} has no dimension {axis}")
    if index.dtype not in dtypes.INTEGER:
        raise TypeError(f"{op}: indices are integers, got {index}; T.cast converts")
