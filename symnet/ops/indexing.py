"""Indexing: parts of a tensor, and tensors with a part replaced or added to.

A *spec* says how the leading dimensions are indexed, one entry each: `Point` picks one position,
`Range` is a slice. Positions and bounds are operands, in the order of the entries; dimensions
without an entry are taken whole. `index_operands` makes a spec of what stands between brackets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

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
    ShapeContext,
    constant,
)
from symnet.ops import build, integers
from symnet.scalar import Const, Expr, cast, const, simplify
from symnet.scalar.primitives import eq, ge, gt, logical_and, lt, maximum, minimum, mul, neq, switch
from symnet.types import TensorType


@dataclass(frozen=True, slots=True)
class Point:
    """One position of a dimension, which goes away; an operand. Below 0 it counts from the end."""


@dataclass(frozen=True, slots=True)
class Range:
    """A slice of a dimension; says which of its bounds are operands, in this order."""

    start: bool = False
    stop: bool = False
    step: bool = False


Spec = tuple[Point | Range, ...]
IndexEntry = Any
"""An integer, an integer variable of no dimensions, or a slice with such bounds."""


def index_operands(entries: Sequence[IndexEntry]) -> tuple[Spec, list[Variable]]:
    """Return the spec of an index, and its operands.

    Raises
    ------
    TypeError
        If an entry is not an integer, an integer variable of no dimensions or a slice of these.
    """
    operands: list[Variable] = []

    def is_given(bound: Any) -> bool:
        if bound is None:
            return False
        v = bound if isinstance(bound, Variable) else constant(bound)
        if v.ndim != 0 or v.dtype not in dtypes.INTEGER:
            raise TypeError(f"an index is an integer of no dimensions, got {bound!r} ({v.type})")
        operands.append(build.cast(v, "int64") if isinstance(v, Constant) else v)
        return True

    spec: list[Point | Range] = []
    for entry in entries:
        if isinstance(entry, slice):
            start, step = entry.start, entry.step
            step = None if isinstance(step, int) and step == 1 else step
            start = None if step is None and isinstance(start, int) and start == 0 else start
            spec.append(Range(is_given(start), is_given(entry.stop), is_given(step)))
        elif is_given(entry):
            spec.append(Point())
        else:
            raise TypeError("None is no index of an operation; DimShuffle makes new dimensions")
    while spec and spec[-1] == Range():
        spec.pop()
    return tuple(spec), operands


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
class _Axis:
    """How one dimension of the indexed tensor is taken.

    Attributes
    ----------
    kept
        Whether it is a dimension of the part.
    first, step, length
        Position of the part's first element, the distance of its elements, their number.
    whole
        Whether all of it is taken, in order.
    """

    kept: bool
    first: Expr
    step: Expr
    length: Expr
    whole: bool = False


def _padded(spec: Spec, ndim: int) -> Spec:
    return spec + (Range(),) * (ndim - len(spec))


def _resolve(
    spec: Spec, dims: Sequence[Expr], value: Callable[[int], Expr], operand: int
) -> list[_Axis]:
    """Return how each dimension of lengths `dims` is taken; `operand` is the number of the first.

    The formulas are those of Python's slices (`slice.indices`).
    """
    axes: list[_Axis] = []
    for entry, n in zip(_padded(spec, len(dims)), dims, strict=True):
        if isinstance(entry, Point):
            at = value(operand)
            operand += 1
            axes.append(_Axis(False, _wrapped(at, n), const(1), const(1)))
        elif entry == Range():
            axes.append(_Axis(True, const(0), const(1), n, whole=True))
        else:
            bounds: list[Expr | None] = []
            for given in (entry.start, entry.stop, entry.step):
                bounds.append(simplify(value(operand)) if given else None)
                operand += given
            start, stop, step = bounds
            axes.append(_slice(start, stop, const(1) if step is None else step, n))
    return axes


def _wrapped(at: Expr, n: Expr) -> Expr:
    """Return a position counted from the start."""
    if isinstance(at, Const):
        return at if at.value >= 0 else simplify(at + n)
    return simplify(switch(lt(at, const(0)), at + n, at))


def _slice(start: Expr | None, stop: Expr | None, step: Expr, n: Expr) -> _Axis:
    zero, one = const(0), const(1)
    forward = gt(step, zero)
    if isinstance(step, Const):
        up = step.value > 0
        low, high = (zero, n) if up else (const(-1), n - one)
    else:
        low, high = switch(forward, zero, const(-1)), switch(forward, n, n - one)

    def clamped(bound: Expr) -> Expr:
        above, below = minimum(bound, high), maximum(bound + n, low)
        if isinstance(bound, Const):
            return simplify(above if bound.value >= 0 else below)
        return simplify(switch(lt(bound, zero), below, above))

    def chosen(up: Expr, down: Expr) -> Expr:
        if isinstance(step, Const):
            return up if step.value > 0 else down
        return switch(forward, up, down)  # type: ignore[no-any-return]

    first = clamped(start) if start is not None else chosen(low, high)
    last = clamped(stop) if stop is not None else chosen(high, low)
    # Numbers of steps that fit, rounded up: upwards from first, or downwards.
    count = chosen((last - first + step - one) // step, (first - last - step - one) // -step)
    return _Axis(True, simplify(first), step, simplify(maximum(count, zero)))


def _numpy_index(spec: Spec, operands: Sequence[Array]) -> tuple[int | slice, ...]:
    """Return what NumPy takes between brackets."""
    values = iter([int(v) for v in operands])
    return tuple(
        next(values)
        if isinstance(entry, Point)
        else slice(*(next(values) if g else None for g in (entry.start, entry.stop, entry.step)))
        for entry in spec
    )


def _check_spec(op: Op, spec: Spec, x: TensorType, types: Sequence[TensorType]) -> None:
    if len(spec) > x.ndim:
        raise TypeError(f"{op}: {len(spec)} indices for {x}, which has {x.ndim} dimensions")
    count = sum(1 if isinstance(e, Point) else e.start + e.stop + e.step for e in spec)
    if len(types) != count:
        raise TypeError(f"{op} takes {count} positions and bounds, got {len(types)}")
    for t in types:
        if t.ndim != 0 or t.dtype not in dtypes.INTEGER:
            raise TypeError(f"{op}: a position or bound is an integer of no dimensions, got {t}")


def _part_shape(
    spec: Spec, x: TensorType, operands: Sequence[Variable], op: Op
) -> tuple[int | None, ...]:
    """Return the static shape of the part; `operands` are positions and bounds."""
    values = iter([int(v.data) if isinstance(v, Constant) else None for v in operands])
    shape: list[int | None] = []
    for axis, (entry, n) in enumerate(zip(_padded(spec, x.ndim), x.shape, strict=True)):
        if isinstance(entry, Point):
            at = next(values)
            if None not in (n, at) and not -n <= at < n:  # type: ignore[operator]
                raise IndexError(f"{op}: index {at} is out of range in dimension {axis} of {x}")
            continue
        given = (entry.start, entry.stop, entry.step)
        bounds = [next(values) if g else None for g in given]
        unknown = any(g and b is None for g, b in zip(given, bounds, strict=True))
        if bounds[2] == 0:
            raise ValueError(f"{op}: the step of a slice cannot be 0")
        if entry == Range():
            shape.append(n)
        else:
            known = None if unknown or n is None else len(range(*slice(*bounds).indices(n)))
            shape.append(known)
    return tuple(shape)


def _operands_of(spec: Spec, first: int) -> list[tuple[Point | Range, int]]:
    """Return each entry with the number of the operand after its own."""
    found: list[tuple[Point | Range, int]] = []
    for entry in spec:
        first += 1 if isinstance(entry, Point) else entry.start + entry.stop + entry.step
        found.append((entry, first))
    return found


def _points_of_data(spec: Spec, node: Apply, first: int) -> dict[int, int]:
    """Return operands of the positions that are known only from data, by dimension."""
    return {
        axis: after - 1
        for axis, (entry, after) in enumerate(_operands_of(spec, first))
        if isinstance(entry, Point) and not integers.is_known(node.inputs[after - 1])
    }


def _shape_axes(spec: Spec, node: Apply, context: ShapeContext, first: int) -> list[_Axis]:
    """Return how dimensions are taken, as far as shapes depend on it; assume what must hold."""
    dims = context.shape(0)
    data = _points_of_data(spec, node, first)
    for axis, (entry, after) in enumerate(_operands_of(spec, first)):
        if isinstance(entry, Point) and axis not in data:
            at, n = context.integer(after - 1), dims[axis]
            context.require(
                logical_and(ge(at, -n), lt(at, n)), f"index of dimension {axis} is out of range"
            )
        elif isinstance(entry, Point):
            _require_room(dims[axis], const(1), context)
        elif isinstance(entry, Range) and entry.step:
            context.require(neq(context.integer(after - 1), const(0)), "the step of a slice is 0")
    unknown = set(data.values())
    return _resolve(spec, dims, lambda k: const(0) if k in unknown else context.integer(k), first)


def _element_axes(spec: Spec, node: Apply, context: ElementContext, first: int) -> list[_Axis]:
    """Return how dimensions are taken; positions that come from data are forced inside."""
    dims = context.shape(0)
    data = _points_of_data(spec, node, first)
    unknown = set(data.values())
    axes = _resolve(spec, dims, lambda k: const(0) if k in unknown else context.integer(k), first)
    for axis, operand in data.items():
        at = cast(context.read(operand, ()), "int64")
        axes[axis] = replace(axes[axis], first=_safe(at, dims[axis]))
    return axes


def _outside(at: Expr, n: Expr) -> Expr:
    outside: Expr = lt(at, -n) | ge(at, n)
    return outside


def _safe(at: Expr, n: Expr) -> Expr:
    """Return a position counted from the start, forced into the dimension."""
    safe: Expr = maximum(minimum(switch(lt(at, const(0)), at + n, at), n - 1), const(0))
    return safe


def _faults_of_points(spec: Spec, node: Apply, context: ElementContext, first: int) -> list[Fault]:
    dims = context.shape(0)
    faults = []
    for axis, operand in _points_of_data(spec, node, first).items():

        def broken(index: Index, operand: int = operand, n: Expr = dims[axis]) -> Expr:
            return _outside(cast(context.read(operand, ()), "int64"), n)

        faults.append(Fault((), broken, f"{node.op}: index of dimension {axis} is out of range"))
    return faults


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
        _check_spec(self, self.spec, x, types[1:])
        return [TensorType(x.dtype, _part_shape(self.spec, x, operands[1:], self))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        axes = _shape_axes(self.spec, node, context, 1)
        static = node.out.type.shape
        kept = [a.length for a in axes if a.kept]
        return [tuple(n if s is None else const(s) for n, s in zip(kept, static, strict=True))]

    def faults(self, node: Apply, context: ElementContext) -> Sequence[Fault]:
        return _faults_of_points(self.spec, node, context, 1)

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        inner = iter(index)
        place: list[Expr] = []
        for axis in _element_axes(self.spec, node, context, 1):
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

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, *bounds = inputs
        return [np.asarray(x[_numpy_index(self.spec, bounds)])]


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
        _check_spec(self, self.spec, x, types[2:])
        part = TensorType(x.dtype, _part_shape(self.spec, x, operands[2:], self))
        _check_update(self, x, y, part)
        return [x]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        axes = _shape_axes(self.spec, node, context, 2)
        _require_fit(node.inputs[1], [a.length for a in axes if a.kept], context)
        return [context.shape(0)]

    def faults(self, node: Apply, context: ElementContext) -> Sequence[Fault]:
        return _faults_of_points(self.spec, node, context, 2)

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        conditions: list[Expr] = []
        inner: list[Expr] = []
        lengths: list[Expr] = []
        for axis, i in zip(_element_axes(self.spec, node, context, 2), index, strict=True):
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

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, y, *bounds = inputs
        changed = np.array(x)
        part = _numpy_index(self.spec, bounds)
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
        _require_room(columns, rows, context)
        static = node.out.type.shape[0]
        return [(rows if static is None else const(static),)]

    def faults(self, node: Apply, context: ElementContext) -> Sequence[Fault]:
        return [_column_fault(node, context, 1, context.shape(0)[1])]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        column = cast(context.read(1, index), "int64")
        return context.read(0, (index[0], _safe(column, context.shape(0)[1])))

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


def _require_room(length: Expr, count: Expr, context: ShapeContext) -> None:
    """Assume that `count` indices do not go to an empty dimension, where none is right.

    Every read can then be forced into the dimension.
    """
    context.require(gt(length, const(0)) | lt(count, const(1)), "an index to an empty dimension")


def _common(op: Op, a: int | None, b: int | None) -> int | None:
    if None not in (a, b) and a != b:
        raise TypeError(f"{op}: {a} rows, but {b} indices")
    return b if a is None else a


def _column_fault(node: Apply, context: ElementContext, operand: int, n: Expr) -> Fault:
    def broken(index: Index) -> Expr:
        return _outside(cast(context.read(operand, index), "int64"), n)

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
        _require_room(dims[self.axis], reduce(mul, index, const(1)), context)
        return [dims[: self.axis] + index + dims[self.axis + 1 :]]

    def faults(self, node: Apply, context: ElementContext) -> Sequence[Fault]:
        return [_column_fault(node, context, 1, context.shape(0)[self.axis])]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        behind = self.axis + node.inputs[1].ndim
        at = cast(context.read(1, index[self.axis : behind]), "int64")
        place = _safe(at, context.shape(0)[self.axis])
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
