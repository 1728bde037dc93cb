"""Which loops of a kernel run in vectors, how wide and how many at a time, and what it will cost.

In go the normalised statements of a kernel; out comes a `Plan`. At most one axis on each path
from the root to a leaf runs in vectors: an innermost one whose accesses are next to each other in
memory, or an outer one when what is inside walks through memory in long strides (the sum of each
column: vectors of columns, the sum inside). A rough count of operations decides.

The plan depends on the kernel and the target only, never on the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, field

from symnet import dtypes, kernel
from symnet.kernel import Let, Loop, Ordered, Reduce, Stmt, Store, stores
from symnet.scalar import Call, Const, Expr, Load, Symbol, walk
from symnet_llvm.analysis import Facts, bound
from symnet_llvm.target import Target

GUESS = 256
"""Iterations of a loop whose extent is not known."""

_NS = 0.15
"""Nanoseconds of a simple operation, among others that run beside it."""

_GATHER = 4
"""Cost of each lane of a load or store whose lanes are apart."""

_TILED = 6
"""Cost of a load or store of a column of a tile."""

_COSTS = {"true_div": 6, "sqrt": 8, "quotient": 20, "remainder": 20, "maximum": 3, "minimum": 3}
_LARGE = 48

_LIGHT, _MEDIUM = 12, 40
"""Operations of a body up to which four vectors, and two, run in lockstep."""

_HEAVY = 200
"""Operations of a body from which one copy of it has to do."""

_SMALL = 16384
"""Iterations of a loop up to which compiling it matters more than running it."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """How a loop runs in vectors.

    Attributes
    ----------
    width
        Lanes of a vector.
    units
        Vectors in lockstep.
    masked
        Whether all iterations are masked, if the extent is ragged: half the code where a body is
        long, for a tenth of its time.
    """

    width: int
    units: int
    masked: bool


@dataclass(slots=True)
class Plan:
    """What was decided.

    Attributes
    ----------
    vectors
        For the identity of a `Loop` or `Reduce` statement how it runs in vectors.
    costs
        For each statement at the top the operations it takes.
    """

    vectors: dict[int, Vectors] = field(default_factory=dict)
    costs: list[float] = field(default_factory=list)

    @property
    def cost_ns(self) -> float:
        """Rough time of the kernel on one thread."""
        return sum(self.costs) * _NS


def size(extent: Expr) -> int:
    """Iterations of a loop, guessed if not known."""
    return int(extent.value) if isinstance(extent, Const) else GUESS


def lanes(stmts: Iterable[Stmt], target: Target) -> int:
    """Lanes in which to compute statements.

    One register holds as many of the widest floating point numbers at hand, or, where there are
    none, of the widest values in memory; integers that only count do not matter, nor does what is
    the same in all iterations.
    """
    stmts = tuple(stmts)
    axes = bound(stmts)
    found: set[str] = set()
    floats: set[str] = set()
    for root in kernel.expressions(stmts):
        for x in walk(root):
            if dtypes.is_float(x.dtype):
                floats.add(x.dtype)
            elif isinstance(x, Load) and not axes.isdisjoint(walk(x.offset)):
                found.add(x.dtype)
    found |= {s.value.dtype for s in stores(stmts)}
    widest = max((dtypes.itemsize(d) for d in floats or found), default=8)
    return target.vector_bytes // widest


class _Counter:
    """Counts operations."""

    def __init__(self, facts: Facts, target: Target, tiled: Set[tuple[str, Expr]]) -> None:
        self.facts = facts
        self.target = target
        self.tiled = tiled

    def expressions(
        self, roots: Iterable[Expr], local: frozenset[Symbol], axis: Symbol | None, width: int
    ) -> float:
        """Operations of what depends on `local`; the rest is computed outside, once."""
        cost = 0.0
        seen: set[Expr] = set()
        stack = list(roots)
        while stack:
            x = stack.pop()
            if x in seen or local.isdisjoint(self.facts.symbols(x)):
                continue
            seen.add(x)
            if isinstance(x, Load):
                cost += self.access(x.buffer, x.offset, x.dtype, axis, width)
                if self.facts.buffers(x.offset):
                    stack.append(x.offset)
            elif isinstance(x, Call):
                cost += self._call(x) * self._registers(x.dtype, width)
                stack.extend(x.operands)
        return cost

    def _call(self, x: Call) -> float:
        return _COSTS.get(x.op.name, 1) if x.op.expand is None else _LARGE

    def _registers(self, dtype: str, width: int) -> int:
        return max(1, dtypes.itemsize(dtype) * width // self.target.vector_bytes)

    def access(
        self, buffer: str, offset: Expr, dtype: str, axis: Symbol | None, width: int
    ) -> float:
        """Operations of a load or store."""
        if axis is None or width == 1:
            return 1
        if (buffer, offset) in self.tiled:
            return _TILED
        stride = self.facts.stride(offset, axis)
        if stride == 0:
            return 1
        if stride == -1:
            return 2 * self._registers(dtype, width)
        return self._registers(dtype, width) if stride == 1 else _GATHER * width

    def block(
        self, stmts: tuple[Stmt, ...], local: frozenset[Symbol], axis: Symbol | None, width: int
    ) -> float:
        """Operations of running statements once, `width` iterations of `axis` at a time."""
        roots: list[Expr] = []
        cost = 0.0
        for stmt in stmts:
            match stmt:
                case Let():
                    roots.append(stmt.value)
                    local |= {stmt.symbol}
                case Store():
                    roots.append(stmt.value)
                    if self.facts.buffers(stmt.offset):
                        roots.append(stmt.offset)
                    dtype = stmt.value.dtype
                    cost += self.access(stmt.buffer, stmt.offset, dtype, axis, width)
                case Loop():
                    inner = frozenset((stmt.axis,))
                    cost += size(stmt.extent) * (1 + self.block(stmt.body, inner, axis, width))
                case Ordered():
                    inner = bound((stmt,))
                    each = self.block(stmt.body, inner, axis, width)
                    each += self.carried(stmt, inner, axis, width)
                    cost += size(stmt.extent) * (1 + each)
                case Reduce():
                    inner = frozenset((stmt.axis,)) | bound(stmt.body)
                    each = self.block(stmt.body, inner, axis, width)
                    each += self.accumulators(stmt, inner, axis, width)
                    cost += size(stmt.extent) * (1 + each)
                    local |= {a.symbol for a in stmt.accumulators}
        return cost + self.expressions(roots, local, axis, width)

    def carried(
        self, stmt: Ordered, local: frozenset[Symbol], axis: Symbol | None, width: int
    ) -> float:
        """Operations of what one iteration hands to the next."""
        return self.expressions([c.following for c in stmt.carried], local, axis, width)

    def accumulators(
        self, stmt: Reduce, local: frozenset[Symbol], axis: Symbol | None, width: int
    ) -> float:
        """Operations of one iteration's values and their combination."""
        combining = sum(
            _COSTS.get(a.combine.name, 1) * self._registers(a.value.dtype, width)
            for a in stmt.accumulators
        )
        values = [a.value for a in stmt.accumulators]
        return combining + self.expressions(values, local, axis, width)


def _units(weight: float, extent: Expr, width: int, nested: bool) -> int:
    units = 4 if weight <= _LIGHT or nested else 2 if weight <= _MEDIUM else 1
    if isinstance(extent, Const):
        whole = -(-int(extent.value) // width)
        # A short loop is a straight line of code, and shares its values with those beside it.
        units = whole if whole <= 2 else min(units, whole)
    return units


def make(
    stmts: tuple[Stmt, ...],
    facts: Facts,
    target: Target,
    tiled: Set[tuple[str, Expr]] = frozenset(),
) -> Plan:
    """Decide how the statements of a kernel run; `tiled` are places in tiles."""
    counter = _Counter(facts, target, tiled)

    def loop(stmt: Loop | Reduce) -> tuple[float, dict[int, Vectors]]:
        local = frozenset((stmt.axis,)) | bound(stmt.body)
        reducing = isinstance(stmt, Reduce)
        inside, marks = block(stmt.body, local)
        if isinstance(stmt, Reduce):
            inside += counter.accumulators(stmt, local, None, 1)
        serial = size(stmt.extent) * (1 + inside)
        width = lanes((stmt,), target)
        if width == 1 or (isinstance(stmt.extent, Const) and stmt.extent.value < 2):
            return serial, marks
        weight = counter.block(stmt.body, local, stmt.axis, width)
        after = 0.0
        if isinstance(stmt, Reduce):
            weight += counter.accumulators(stmt, local, stmt.axis, width)
            after = 4.0 * width.bit_length() * len(stmt.accumulators)
        vectors = -(-size(stmt.extent) // width) * (1 + weight) + after
        if vectors > serial:
            return serial, marks
        nested = not reducing and any(isinstance(s, Loop | Ordered | Reduce) for s in stmt.body)
        units = _units(weight, stmt.extent, width, nested)
        small = weight > _HEAVY or (isinstance(stmt.extent, Const) and stmt.extent.value <= _SMALL)
        masked = units == 1 and not nested and small and target.vector_bytes >= 64
        return vectors, {id(stmt): Vectors(width, units, masked)}

    def block(
        stmts: tuple[Stmt, ...], local: frozenset[Symbol]
    ) -> tuple[float, dict[int, Vectors]]:
        cost, marks = 0.0, dict[int, Vectors]()
        plain: list[Let | Store] = []
        for stmt in stmts:
            if isinstance(stmt, Loop | Reduce):
                more, inner = loop(stmt)
                cost += more
                marks |= inner
            elif isinstance(stmt, Ordered):
                within = bound((stmt,))
                each, inner = block(stmt.body, within)
                each += counter.carried(stmt, within, None, 1)
                cost += size(stmt.extent) * (1 + each)
                marks |= inner
            else:
                plain.append(stmt)
        return cost + counter.block(tuple(plain), local, None, 1), marks

    plan = Plan()
    for stmt in stmts:
        cost, marks = block((stmt,), bound(stmts))
        plan.costs.append(cost)
        plan.vectors |= marks
    return plan
