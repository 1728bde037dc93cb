"""Costs: how many bytes a program's steps move, how many operations they do, how long that takes.

In go a program and the values of its integers; out comes a `Cost` for each step::

    costs = step_costs(program, sizes)     # one for each of program.steps
    total(costs)                           # of a whole call
    seconds(costs[3], machine)             # predicted, of one step
    predicted_seconds(program, sizes, machine)

where `machine` is what ``symnet.backend.get(device).machine()`` knows of the device, and `sizes`
are the values of base and derived integers by name, of which those are needed that lengths depend
on: none if all lengths are constants.

Bytes are what has to pass between a step and memory at least: each element that it reads or writes
counts once, however often its loops come back to it. Operations are those of the scalar table's
primitives, a row that is none counting as many as its expansion has; arithmetic on positions is
free. A product and the sum it goes into are two operations. Python's work in host calls is not
known and counts as none.

The model is a roofline: time is that of the bytes or that of the operations, whichever is longer.
It knows no latencies, so small steps take longer than it says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from symnet import dtypes
from symnet.backend import Machine
from symnet.kernel import (
    Axis,
    Contraction,
    Kernel,
    Let,
    Loop,
    Ordered,
    Reduce,
    Stmt,
    Store,
    expressions,
)
from symnet.memory import buffer_bytes
from symnet.program import Branch, Copy, Guard, HostCall, Launch, Program, Repeat, Step
from symnet.scalar import (
    Call,
    Const,
    Expr,
    Load,
    NotAffineError,
    ScalarOp,
    Symbol,
    cast,
    evaluate,
    evaluate_int,
    expand,
    split,
    walk,
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step takes at least.

    Attributes
    ----------
    read, written
        Bytes.
    operations
        Operations on data; a product and the sum it goes into are two.
    width
        Bytes of the widest floating point number it computes with.
    """

    read: int = 0
    written: int = 0
    operations: int = 0
    width: int = 4

    @property
    def moved(self) -> int:
        """Bytes read and written."""
        return self.read + self.written

    def times(self, count: int) -> Cost:
        """The cost of doing it again and again."""
        return Cost(self.read * count, self.written * count, self.operations * count, self.width)

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.read + other.read,
            self.written + other.written,
            self.operations + other.operations,
            max(self.width, other.width),
        )


def step_costs(program: Program, sizes: Mapping[str, int] | None = None) -> tuple[Cost, ...]:
    """The cost of each step of a program, of all repetitions if it stands in some.

    Of a branch the steps of both arms have their cost, although one arm alone is run.

    Examples
    --------
    >>> import numpy as np, symnet as sn, symnet.tensor as T
    >>> x = T.vector("x")
    >>> f = sn.function([x], T.sqr(x) + 1)
    >>> y = f(np.zeros(1000, "float32"))
    >>> step_costs(f.programs[0])
    (Cost(read=4000, written=4000, operations=2000, width=4),)
    """
    known = dict(sizes or {})
    known.update((i.symbol.name, i.value) for i in program.ints if i.value is not None)
    found: list[Cost] = []
    inside: list[tuple[int, int]] = []
    for i, step in enumerate(program.steps):
        while inside and i >= inside[-1][0]:
            inside.pop()
        count = inside[-1][1] if inside else 1
        found.append(_step(step, program, known).times(count))
        if isinstance(step, Repeat):
            # What its inner lengths depend on at most is those of the last repetition.
            repeated = _integer(step.count, known)
            known[step.index.name] = max(repeated - 1, 0)
            inside.append((i + 1 + step.length, count * repeated))
    return tuple(found)


def total(costs: Iterable[Cost]) -> Cost:
    """The sum of costs."""
    return sum(costs, Cost())


def seconds(cost: Cost, machine: Machine) -> float:
    """The time that a step takes at least: that of its bytes or of its operations.

    Where a step's bytes fit the caches, they are taken to be there.
    """
    cached = cost.moved <= machine.cache_bytes
    rate = machine.cached_bytes_per_s if cached else machine.bytes_per_s
    return max(cost.moved / rate, cost.operations * cost.width / 4 / machine.flops_per_s)


def predicted_seconds(
    program: Program, sizes: Mapping[str, int] | None, machine: Machine
) -> float:
    """The time that a call of a program takes at least, without the price of calling."""
    return sum(seconds(c, machine) for c in step_costs(program, sizes))


def _step(step: Step, program: Program, sizes: Mapping[str, int]) -> Cost:
    match step:
        case Launch():
            return _launch(step, program, sizes)
        case Copy():
            size = buffer_bytes(program, step.source, sizes)
            return Cost(size, size)
        case HostCall():
            read, written = (
                sum(buffer_bytes(program, b, sizes) for b in names)
                for names in (step.inputs, step.outputs)
            )
            return Cost(read, written)
        case Guard():
            return Cost(buffer_bytes(program, step.buffer, sizes))
        case Branch():
            return Cost(buffer_bytes(program, step.flag, sizes))
        case Repeat():
            return Cost()


def _integer(x: Expr, sizes: Mapping[str, int]) -> int:
    return int(x.value) if isinstance(x, Const) else evaluate_int(x, sizes)


def _launch(step: Launch, program: Program, sizes: Mapping[str, int]) -> Cost:
    work = step.work
    capacity = {
        p.name: buffer_bytes(program, b, sizes)
        for p, b in zip(work.params, step.buffers, strict=True)
    }
    known = {s.name: _or_zero(x, sizes) for s, x in zip(work.ints, step.ints, strict=True)}
    found = _Counter(known)
    if isinstance(work, Kernel):
        found.block(work.body, {}, 1)
    else:
        found.contraction(work)
    return Cost(
        _moved(found.loads, capacity), _moved(found.stores, capacity),
        found.operations, _width(work),
    )  # fmt: skip


def _or_zero(x: Expr, sizes: Mapping[str, int]) -> int:
    """The value of an integer; 0 for where in a buffer something begins, if that is not known."""
    try:
        return _integer(x, sizes)
    except KeyError:
        return 0


def _width(work: Kernel | Contraction) -> int:
    if isinstance(work, Contraction):
        return dtypes.itemsize(work.dtype)
    floats = {x.dtype for x in walk(*expressions(work.body)) if dtypes.is_float(x.dtype)}
    return max(map(dtypes.itemsize, floats), default=4)


@dataclass(frozen=True, slots=True)
class _Access:
    """A load or store in loops.

    Attributes
    ----------
    buffer, itemsize
        What of.
    strides
        Elements from one iteration to the next, by extent, for loops its offset is affine in; None
        if it is not affine.
    count
        Iterations of the loops that its offset depends on.
    start
        Its offset in the first iteration.
    """

    buffer: str
    itemsize: int
    strides: tuple[tuple[int, int], ...] | None
    count: int
    start: int


def _moved(accesses: Sequence[_Access], capacity: Mapping[str, int]) -> int:
    """Bytes that accesses touch, none counted twice."""
    alike: dict[tuple[str, tuple[tuple[int, int], ...] | None], set[_Access]] = {}
    for a in accesses:
        alike.setdefault((a.buffer, a.strides), set()).add(a)
    touched: dict[str, int] = {}
    for (buffer, strides), group in alike.items():
        count = sum(a.count for a in group)
        if strides is not None:
            starts = [a.start for a in group]
            reach = 1 + max(starts) - min(starts) + sum((n - 1) * s for n, s in strides)
            count = min(count, reach)
        size = next(iter(group)).itemsize
        touched[buffer] = touched.get(buffer, 0) + count * size
    return sum(min(size, capacity[b]) for b, size in touched.items())


class _Counter:
    """Walks through the loops of a kernel and notes what they do."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._sizes = sizes
        self.loads: list[_Access] = []
        self.stores: list[_Access] = []
        self.operations = 0

    def block(self, stmts: Sequence[Stmt], loops: Mapping[Symbol, int], times: int) -> None:
        """Note what statements do that run so many `times`, once for each point of `loops`."""
        values: list[Expr] = []
        for s in stmts:
            match s:
                case Let():
                    values.append(s.value)
                case Store():
                    values.append(s.value)
                    self.stores.append(self._access(s.buffer, s.offset, s.value.dtype, loops))
                    if any(isinstance(x, Load) for x in walk(s.offset)):
                        values.append(s.offset)
                case Loop() | Ordered() | Reduce():
                    self._loop(s, loops, times)
        self._expressions(values, loops, times)

    def _loop(self, s: Loop | Ordered | Reduce, loops: Mapping[Symbol, int], times: int) -> None:
        extent = max(_integer(s.extent, self._bounds(loops)), 0)
        inner = {**loops, s.axis: extent}
        self.block(s.body, inner, times * extent)
        if isinstance(s, Reduce):
            self._expressions([a.value for a in s.accumulators], inner, times * extent)
            self.operations += times * extent * sum(
                _operations(a.combine, (a.value.dtype,) * 2) for a in s.accumulators
            )  # fmt: skip
        elif isinstance(s, Ordered):
            self._expressions([c.following for c in s.carried], inner, times * extent)

    def _bounds(self, loops: Mapping[Symbol, int]) -> dict[str, int]:
        """What the length of an inner loop may depend on; loops stand at their beginning."""
        return {**self._sizes, **{s.name: 0 for s in loops}}

    def contraction(self, work: Contraction) -> None:
        """Note what a contraction does."""
        lengths = {a.symbol: _integer(a.extent, self._sizes) for a in (*work.outer, *work.inner)}

        def points(axes: Sequence[Axis]) -> int:
            return math.prod(lengths[a.symbol] for a in axes)

        for factor, axes in ((work.left, work.rows), (work.right, work.columns)):
            own = {a.symbol: lengths[a.symbol] for a in (*work.batch, *axes, *work.inner)}
            self._expressions([factor], own, math.prod(own.values()), within=True)
        results = points(work.outer)
        share = _share(work.left, lengths) * _share(work.right, lengths)
        self.operations += round(2 * results * points(work.inner) * share)
        self.block(work.epilogue, {a.symbol: lengths[a.symbol] for a in work.outer}, results)

    def _expressions(
        self, roots: Sequence[Expr], loops: Mapping[Symbol, int], times: int, within: bool = False
    ) -> None:
        """Note loads and operations; `within` says that conditions only tell zeros from data."""
        on_data: set[Expr] = set()
        for x in walk(*roots):
            if isinstance(x, Load):
                on_data.add(x)
                self.loads.append(self._access(x.buffer, x.offset, x.dtype, loops))
            elif isinstance(x, Symbol):
                # Bound by a statement before: not an axis, nor a length.
                if x not in loops and x.name not in self._sizes:
                    on_data.add(x)
            elif isinstance(x, Call) and any(a in on_data for a in x.operands):
                on_data.add(x)
                if not (within and x.op.name == "switch"):
                    self.operations += times * _operations(x.op, tuple(a.dtype for a in x.operands))

    def _access(
        self, buffer: str, offset: Expr, dtype: str, loops: Mapping[Symbol, int]
    ) -> _Access:
        named = {x for x in walk(offset) if isinstance(x, Symbol)}
        used = [s for s in loops if s in named]
        count = math.prod(loops[s] for s in used)
        size = dtypes.itemsize(dtype)
        if any(isinstance(x, Load) for x in walk(offset)):
            return _Access(buffer, size, None, math.prod(loops.values()), 0)
        try:
            strides, rest = split(offset, used)
            steps = [(loops[s], abs(_integer(strides[s], self._sizes))) for s in used]
            start = _or_zero(rest, self._sizes)
            return _Access(buffer, size, tuple(sorted(steps)), count, start)
        except (NotAffineError, KeyError):
            return _Access(buffer, size, None, count, 0)


@cache
def _operations(op: ScalarOp, operands: tuple[str, ...]) -> int:
    """Primitive operations that a row takes; conversions are free."""
    if op.name.startswith("cast"):
        return 0
    if op.expand is None:
        return 1
    symbols = [Symbol(f"a{k}", d) for k, d in enumerate(operands)]
    body = expand(cast(op.expand(*symbols), op.rule(operands).result), frozenset())
    return sum(isinstance(x, Call) and not x.op.name.startswith("cast") for x in walk(body))


def _share(factor: Expr, lengths: Mapping[Symbol, int]) -> float:
    """The share of a contraction's terms in which a factor is not beyond a border, where it is 0.

    The condition is a conjunction of comparisons; those that have no axis in common are counted
    apart.
    """
    match factor:
        case Call(operands=(condition, _, Const(value=0))) if factor.op.name == "switch":
            pass
        case _:
            return 1.0
    groups: list[tuple[set[Symbol], list[Expr]]] = []
    for x in _conjuncts(condition):
        axes = {s for s in walk(x) if isinstance(s, Symbol)}
        if not axes <= lengths.keys() or any(isinstance(y, Load) for y in walk(x)):
            return 1.0
        met = [g for g in groups if g[0] & axes]
        groups = [g for g in groups if not g[0] & axes]
        groups.append((axes.union(*(g[0] for g in met)), [x, *(y for g in met for y in g[1])]))
    return math.prod(_frequency(axes, found, lengths) for axes, found in groups)


def _conjuncts(x: Expr) -> list[Expr]:
    if isinstance(x, Call) and x.op.name in ("logical_and", "bitwise_and"):
        return [y for a in x.operands for y in _conjuncts(a)]
    return [x]


def _frequency(axes: set[Symbol], found: Sequence[Expr], lengths: Mapping[Symbol, int]) -> float:
    """How often conditions hold, all of them, over the points of some axes."""
    order = sorted(axes, key=lambda s: s.name)
    grids = np.meshgrid(*(np.arange(lengths[s]) for s in order), indexing="ij", sparse=True)
    values: dict[Expr, object] = dict(zip(order, grids, strict=True))
    holds = np.array(True)
    for x in found:
        holds = holds & evaluate(x, values)
    shape = tuple(lengths[s] for s in order)
    return float(np.broadcast_to(holds, shape).mean()) if math.prod(shape) else 1.0
