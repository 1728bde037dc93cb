"""What stands between the brackets of an index, and which elements it means.

A *spec* says how the leading dimensions are indexed, one entry each: `Point` picks one position,
`Points` those that an integer tensor holds, `Range` is a slice. Positions and bounds are operands,
in the order of the entries; dimensions without an entry are taken whole. `index_operands` makes a
spec and its operands; `shape_axes` and `element_axes` say where the part begins, how far apart its
elements stand, and how many they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.op import Array, ElementContext, Fault, Index, Op, ShapeContext, constant
from symnet.ops import build, integers
from symnet.scalar import Const, Expr, cast, const, simplify
from symnet.scalar.primitives import ge, gt, logical_and, lt, maximum, minimum, neq, switch
from symnet.types import TensorType


@dataclass(frozen=True, slots=True)
class Point:
    """One position of a dimension, which goes away; an operand. Below 0 it counts from the end."""


@dataclass(frozen=True, slots=True)
class Points:
    """Positions of a dimension that an integer tensor holds, an operand (`symnet.ops.advanced`)."""


@dataclass(frozen=True, slots=True)
class Range:
    """A slice of a dimension; says which of its bounds are operands, in this order."""

    start: bool = False
    stop: bool = False
    step: bool = False


Entry = Point | Points | Range
Spec = tuple[Entry, ...]
IndexEntry = Any
"""An integer, an integer variable, or a slice whose bounds are integers of no dimensions."""


def index_operands(entries: Sequence[IndexEntry]) -> tuple[Spec, list[Variable]]:
    """Return the spec of an index, and its operands.

    Raises
    ------
    TypeError
        If an entry is not an integer, an integer variable or a slice of integers.
    """
    operands: list[Variable] = []

    def is_given(bound: Any, ndim: int = 0) -> bool:
        if bound is None:
            return False
        v = bound if isinstance(bound, Variable) else constant(bound)
        if v.ndim > ndim or v.dtype not in dtypes.INTEGER:
            raise TypeError(f"an index is an integer of no dimensions, got {bound!r} ({v.type})")
        operands.append(build.cast(v, "int64") if isinstance(v, Constant) else v)
        return True

    spec: list[Entry] = []
    for entry in entries:
        if isinstance(entry, slice):
            start, step = entry.start, entry.step
            step = None if isinstance(step, int) and step == 1 else step
            start = None if step is None and isinstance(start, int) and start == 0 else start
            spec.append(Range(is_given(start), is_given(entry.stop), is_given(step)))
        elif isinstance(entry, Variable) and entry.ndim and is_given(entry, entry.ndim):
            spec.append(Points())
        elif is_given(entry):
            spec.append(Point())
        else:
            raise TypeError("None is no index of an operation; DimShuffle makes new dimensions")
    while spec and spec[-1] == Range():
        spec.pop()
    return tuple(spec), operands


@dataclass(frozen=True, slots=True)
class Axis:
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
) -> list[Axis]:
    """Return how each dimension of lengths `dims` is taken; `operand` is the number of the first.

    The formulas are those of Python's slices (`slice.indices`).
    """
    axes: list[Axis] = []
    for entry, n in zip(_padded(spec, len(dims)), dims, strict=True):
        if isinstance(entry, Point):
            at = value(operand)
            operand += 1
            axes.append(Axis(False, _wrapped(at, n), const(1), const(1)))
        elif isinstance(entry, Points):
            operand += 1
            axes.append(Axis(False, const(0), const(1), const(1)))  # where is told by its reader
        elif entry == Range():
            axes.append(Axis(True, const(0), const(1), n, whole=True))
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


def _slice(start: Expr | None, stop: Expr | None, step: Expr, n: Expr) -> Axis:
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
    return Axis(True, simplify(first), step, simplify(maximum(count, zero)))


def numpy_index(spec: Spec, operands: Sequence[Array]) -> tuple[int | slice, ...]:
    """Return what NumPy takes between brackets; whole dimensions stand for `Points`."""
    found: list[int | slice] = []
    values = iter(operands)
    for entry in spec:
        match entry:
            case Point():
                found.append(int(next(values)))
            case Points():
                next(values)
                found.append(slice(None))
            case Range():
                given = (entry.start, entry.stop, entry.step)
                found.append(slice(*(int(next(values)) if g else None for g in given)))
    return tuple(found)


def check_spec(op: Op, spec: Spec, x: TensorType, types: Sequence[TensorType]) -> None:
    """Raise a `TypeError` if a spec does not fit `x`, or positions and bounds do not fit it."""
    if len(spec) > x.ndim:
        raise TypeError(f"{op}: {len(spec)} indices for {x}, which has {x.ndim} dimensions")
    count = sum(map(_operand_count, spec))
    if len(types) != count:
        raise TypeError(f"{op} takes {count} positions and bounds, got {len(types)}")
    arrays = set(points(spec, 0).values())
    for k, t in enumerate(types):
        if t.dtype not in dtypes.INTEGER:
            raise TypeError(f"{op}: indices are integers, got {t}; T.cast converts")
        if t.ndim and k not in arrays:
            raise TypeError(f"{op}: a position or bound is an integer of no dimensions, got {t}")


def part_shape(
    spec: Spec, x: TensorType, operands: Sequence[Variable], op: Op
) -> tuple[int | None, ...]:
    """Return the static shape of the part; `operands` are positions and bounds."""
    values = iter([v.data if isinstance(v, Constant) else None for v in operands])
    shape: list[int | None] = []
    for axis, (entry, n) in enumerate(zip(_padded(spec, x.ndim), x.shape, strict=True)):
        if isinstance(entry, Point | Points):
            at = next(values)
            for i in (at.min(), at.max()) if at is not None and at.size else ():
                if n is not None and not -n <= i < n:
                    raise IndexError(f"{op}: index {i} is out of range in dimension {axis} of {x}")
            continue
        given = (entry.start, entry.stop, entry.step)
        bounds = [_known(next(values)) if g else None for g in given]
        unknown = any(g and b is None for g, b in zip(given, bounds, strict=True))
        if bounds[2] == 0:
            raise ValueError(f"{op}: the step of a slice cannot be 0")
        if entry == Range():
            shape.append(n)
        else:
            known = None if unknown or n is None else len(range(*slice(*bounds).indices(n)))
            shape.append(known)
    return tuple(shape)


def _known(bound: Array | None) -> int | None:
    return None if bound is None else int(bound)


def _operand_count(entry: Entry) -> int:
    return entry.start + entry.stop + entry.step if isinstance(entry, Range) else 1


def _operands_of(spec: Spec, first: int) -> list[tuple[Entry, int]]:
    """Return each entry with the number of the operand after its own."""
    found: list[tuple[Entry, int]] = []
    for entry in spec:
        first += _operand_count(entry)
        found.append((entry, first))
    return found


def points(spec: Spec, first: int) -> dict[int, int]:
    """Return operands of the positions that tensors hold, by dimension; `first` is the first."""
    return {
        axis: after - 1
        for axis, (entry, after) in enumerate(_operands_of(spec, first))
        if isinstance(entry, Points)
    }


def _points_of_data(spec: Spec, node: Apply, first: int) -> dict[int, int]:
    """Return operands of the positions that are known only from data, by dimension."""
    return {
        axis: after - 1
        for axis, (entry, after) in enumerate(_operands_of(spec, first))
        if isinstance(entry, Point) and not integers.is_known(node.inputs[after - 1])
    }


def shape_axes(spec: Spec, node: Apply, context: ShapeContext, first: int) -> list[Axis]:
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
            require_room(dims[axis], const(1), context)
        elif isinstance(entry, Range) and entry.step:
            step = context.integer(after - 1)
            context.require(neq(step, const(0)), "the step of a slice is 0", ValueError)
    unknown = set(data.values())
    return _resolve(spec, dims, lambda k: const(0) if k in unknown else context.integer(k), first)


def element_axes(spec: Spec, node: Apply, context: ElementContext, first: int) -> list[Axis]:
    """Return how dimensions are taken; positions that come from data are forced inside."""
    dims = context.shape(0)
    data = _points_of_data(spec, node, first)
    unknown = set(data.values())
    axes = _resolve(spec, dims, lambda k: const(0) if k in unknown else context.integer(k), first)
    for axis, operand in data.items():
        at = cast(context.read(operand, ()), "int64")
        axes[axis] = replace(axes[axis], first=safe(at, dims[axis]))
    return axes


def outside(at: Expr, n: Expr) -> Expr:
    """Return whether a position is not one of a dimension of length `n`, from either end."""
    found: Expr = lt(at, -n) | ge(at, n)
    return found


def safe(at: Expr, n: Expr) -> Expr:
    """Return a position counted from the start, forced into the dimension."""
    found: Expr = maximum(minimum(switch(lt(at, const(0)), at + n, at), n - 1), const(0))
    return found


def faults_of_points(spec: Spec, node: Apply, context: ElementContext, first: int) -> list[Fault]:
    """Return what to check of positions that come from data."""
    dims = context.shape(0)
    faults = []
    for axis, operand in _points_of_data(spec, node, first).items():

        def broken(index: Index, operand: int = operand, n: Expr = dims[axis]) -> Expr:
            return outside(cast(context.read(operand, ()), "int64"), n)

        faults.append(Fault((), broken, f"{node.op}: index of dimension {axis} is out of range"))
    return faults


def require_room(length: Expr, count: Expr, context: ShapeContext) -> None:
    """Assume that `count` indices do not go to an empty dimension, where none is right.

    Every read can then be forced into the dimension.
    """
    context.require(gt(length, const(0)) | lt(count, const(1)), "an index to an empty dimension")


def check_update(op: Op, x: TensorType, y: TensorType, part: TensorType) -> None:
    """Raise a `TypeError` if a value of type `y` cannot go to a part of `x`."""
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


def require_fit(y: Variable, part: Sequence[Expr], context: ShapeContext) -> None:
    """Assume that operand 1, `y`, broadcasts to a part of lengths `part`."""
    for axis, static in enumerate(y.type.shape):
        if static != 1:
            context.require_equal(
                part[len(part) - y.ndim + axis],
                context.shape(1)[axis],
                f"dimension {axis} of the value does not fit the part it goes to",
            )


def broadcast_index(y: Variable, index: Sequence[Expr]) -> Index:
    """Return where the element of `y` for an index of what it broadcasts to stands."""
    own = index[len(index) - y.ndim :]
    return tuple(const(0) if n == 1 else i for n, i in zip(y.type.shape, own, strict=True))
