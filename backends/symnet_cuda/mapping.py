"""From a kernel's statements to launches, and from iterations to threads.

A kernel's statements run one after another over the whole device, and nothing but the end of a
launch makes all its blocks wait for each other. So a kernel becomes one or several *phases*, each
a launch. A phase has *points*, the iterations of a perfect nest of loops, and a body that runs at
each of them. A *team* of threads works on one point; in a `Team`'s layouts it is

- ``thread``: one thread, 256 points to a block: elementwise work;
- ``warp``: 32 threads that share out inner loops and combine sums by shuffles: short rows;
- ``block``: all threads of a block: long rows, and sums of everything;
- ``column``: the same lane of each of a block's warps, 32 points side by side: reductions along
  any axis but the last, where neighbouring threads read neighbouring columns.

Where there are too few points to fill the device, several blocks share a reduction (`splits`); the
last of them to finish combines what all have found. How work is divided depends on sizes alone,
never on the device or on timing, so results are reproducible bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from symnet.kernel import (
    Kernel,
    Let,
    Loop,
    Ordered,
    Reduce,
    Stmt,
    Store,
    expressions,
    loads,
    stores,
)
from symnet.scalar import TABLE, Const, Expr, Symbol, const, walk
from symnet.scalar.integer import NotAffineError, coefficient, simplify

Layout = Literal["thread", "warp", "block", "column"]
Axes = tuple[tuple[Symbol, Expr], ...]

_Nest = TypeVar("_Nest", Loop, Reduce)

WARP = 32
BLOCKS = 264
"""How many blocks a launch should have: twice the multiprocessors of a Hopper chip."""
_MANY_POINTS = 16384
_FEW_POINTS = 4096


@dataclass(frozen=True, slots=True)
class Team:
    """How threads share the points of a phase.

    Attributes
    ----------
    layout
        See the module's introduction.
    points
        Points of one block.
    size
        Threads that work on one point.
    splits
        How many blocks share the first reduction; None where that is always one.
    """

    layout: Layout
    points: int
    size: int
    splits: Expr | None = None

    @property
    def threads(self) -> int:
        """Threads of one block."""
        return self.points * self.size


@dataclass(frozen=True, slots=True)
class Phase:
    """One launch.

    Attributes
    ----------
    axes
        The loops whose iterations are the points, outermost first.
    body
        What runs at each point.
    team
        Who runs it.
    imports, exports
        Values that go from one phase to a later one, with their places in scratch memory.
    """

    axes: Axes
    body: tuple[Stmt, ...]
    team: Team
    imports: tuple[tuple[Symbol, int], ...] = ()
    exports: tuple[tuple[Symbol, int], ...] = ()

    @property
    def points(self) -> Expr:
        """How many points there are."""
        return product(self.axes)


def product(axes: Axes) -> Expr:
    """The number of iterations of a nest of loops."""
    total: Expr = const(1)
    for _, extent in axes:
        total = total * extent
    return simplify(total)


def ceiling(x: Expr, divisor: int) -> Expr:
    """``x / divisor`` rounded up."""
    return simplify((x + (divisor - 1)) // divisor)


def known(x: Expr) -> int | None:
    """The value of an integer expression if it is a constant."""
    simple = simplify(x)
    return int(simple.value) if isinstance(simple, Const) else None


def flat(stmt: _Nest) -> tuple[Axes, _Nest]:
    """A nest of loops, or of reductions of reductions, as its axes and the innermost statement.

    The innermost statement of a nest of reductions has the accumulators of the outermost.
    """
    axes: Axes = ((stmt.axis, stmt.extent),)
    while (inner := _inner(stmt, axes)) is not None:
        stmt = inner
        axes = (*axes, (stmt.axis, stmt.extent))
    return axes, stmt


def _inner(stmt: _Nest, axes: Axes) -> _Nest | None:
    """The loop that is all of the body of `stmt`, with the values bound before it moved into it."""
    lets, last = stmt.body[:-1], stmt.body[-1] if stmt.body else None
    if not (
        isinstance(last, type(stmt))
        and all(isinstance(x, Let) for x in lets)
        and not _mentions(last.extent, {s for s, _ in axes} | _bound(lets))
        and not _read(lets) & written(last.body)
    ):
        return None
    body = lets + last.body
    if isinstance(last, Loop):
        return replace(last, body=body)
    sums = {a.symbol: a for a in last.accumulators}
    accumulators = []
    for outer in stmt.accumulators if isinstance(stmt, Reduce) else ():
        part = sums.get(outer.value) if isinstance(outer.value, Symbol) else None
        if part is None or part.combine is not outer.combine:
            return None
        accumulators.append(replace(outer, value=part.value))
    return replace(last, body=body, accumulators=tuple(accumulators))


def _mentions(x: Expr, symbols: set[Symbol]) -> bool:
    return any(e in symbols for e in walk(x) if isinstance(e, Symbol))


def _read(stmts: Iterable[Stmt]) -> set[str]:
    return {x.buffer for x in loads(tuple(stmts))}


def written(stmts: Iterable[Stmt]) -> set[str]:
    """Names of the buffers that statements store to."""
    return {s.buffer for s in stores(stmts)}


# ------------------------------------------------------------------------------------ phases


def phases(kernel: Kernel) -> list[Phase]:
    """Divide a kernel into launches."""
    drafts = list(_drafts(kernel))
    slots: dict[Symbol, int] = {}
    made: dict[Symbol, int] = {}
    needs: list[list[Symbol]] = []
    for number, (_, body) in enumerate(drafts):
        needs.append([s for s in _free(body) if s in made])
        for s in needs[-1]:
            slots.setdefault(s, len(slots))
        made.update((s, number) for s in _results(body))
    return [
        Phase(
            axes,
            body,
            choose(axes, body),
            tuple((s, slots[s]) for s in needs[number]),
            tuple((s, slot) for s, slot in slots.items() if made[s] == number),
        )
        for number, (axes, body) in enumerate(drafts)
    ]


def _drafts(kernel: Kernel) -> Iterator[tuple[Axes, tuple[Stmt, ...]]]:
    """Axes and body of each phase; values computed once are repeated wherever they are needed."""
    changing = written(kernel.body)
    computed = _bound(kernel.body)
    repeatable: dict[Symbol, Let] = {}
    scalars: list[Stmt] = []  # statements of no loop, so far

    def complete(body: Sequence[Stmt]) -> tuple[Stmt, ...]:
        bound = _bound(body)
        lets: list[Let] = []
        missing = _free(body)
        while missing:
            s = missing.pop()
            if s in repeatable and s not in bound:
                bound.add(s)
                lets.append(repeatable[s])
                missing.extend(e for e in walk(repeatable[s].value) if isinstance(e, Symbol))
        order = list(repeatable)
        return (*sorted(lets, key=lambda x: order.index(x.symbol)), *body)

    def flush() -> Iterator[tuple[Axes, tuple[Stmt, ...]]]:
        # Values bound last are of no use here: whoever needs them repeats them.
        while scalars and isinstance(last := scalars[-1], Let) and last.symbol in repeatable:
            scalars.pop()
        if scalars:
            yield (), complete(scalars)
        scalars.clear()

    for stmt in kernel.body:
        match stmt:
            case Let():
                if not _read([stmt]) & changing:
                    repeatable[stmt.symbol] = stmt
                scalars.append(stmt)
            case Reduce():
                if any(isinstance(s, Reduce) and _long(s) for s in scalars) or (
                    _long(stmt) and any(not isinstance(s, Let) for s in scalars)
                ):
                    yield from flush()
                scalars.append(stmt)
            case Store() | Ordered():
                scalars.append(stmt)
            case Loop():
                axes, innermost = flat(stmt)
                points = known(product(axes))
                small = points is not None and points <= _FEW_POINTS
                if (small and any(isinstance(s, Reduce) for s in scalars)) or any(
                    _mentions(extent, computed) for _, extent in axes
                ):
                    scalars.append(stmt)
                    continue
                yield from flush()
                yield axes, complete(innermost.body)
    yield from flush()


def _long(stmt: Reduce) -> bool:
    """Whether a reduction may be long enough for several blocks."""
    length = known(product(flat(stmt)[0]))
    return length is None or length > _FEW_POINTS * 4


def _bound(stmts: Iterable[Stmt]) -> set[Symbol]:
    found: set[Symbol] = set()
    for stmt in stmts:
        match stmt:
            case Let():
                found.add(stmt.symbol)
            case Reduce():
                found |= {a.symbol for a in stmt.accumulators}
    return found


def _results(stmts: Iterable[Stmt]) -> Iterator[Symbol]:
    """Symbols of a phase's body that later phases may ask for."""
    for stmt in stmts:
        match stmt:
            case Let():
                yield stmt.symbol
            case Reduce():
                yield from (a.symbol for a in stmt.accumulators)


def _free(stmts: Sequence[Stmt]) -> list[Symbol]:
    """Symbols that statements use and do not bind, each once."""
    free: dict[Symbol, None] = {}

    def scan(stmts: Iterable[Stmt], bound: set[Symbol]) -> set[Symbol]:
        bound = set(bound)
        for stmt in stmts:
            match stmt:
                case Loop():
                    note([stmt.extent], bound)
                    scan(stmt.body, bound | {stmt.axis})
                case Ordered():
                    note([stmt.extent, *(c.first for c in stmt.carried)], bound)
                    inner = {stmt.axis, *(c.symbol for c in stmt.carried)}
                    inner = scan(stmt.body, bound | inner)
                    note([c.following for c in stmt.carried], inner)
                case Reduce():
                    note([stmt.extent], bound)
                    inner = scan(stmt.body, bound | {stmt.axis})
                    note([a.value for a in stmt.accumulators], inner)
                    bound |= {a.symbol for a in stmt.accumulators}
                case _:
                    note(expressions((stmt,)), bound)
                    if isinstance(stmt, Let):
                        bound.add(stmt.symbol)
        return bound

    def note(exprs: Iterable[Expr], bound: set[Symbol]) -> None:
        for x in walk(*exprs):
            if isinstance(x, Symbol) and x not in bound:
                free[x] = None

    scan(stmts, set())
    return list(free)


# ------------------------------------------------------------------------------------- teams


def choose(axes: Axes, body: tuple[Stmt, ...]) -> Team:
    """Pick the threads for a phase, by its sizes and by the strides of its accesses."""
    inner: list[tuple[Axes, Stmt]] = [flat(s) for s in body if isinstance(s, Loop)]
    inner += [flat(s) for s in body if isinstance(s, Reduce)]
    if not inner:
        return Team("thread", 256, 1) if axes else Team("thread", 1, 1)
    lengths = [known(product(a)) for a, _ in inner]
    length = None if None in lengths else max(n for n in lengths if n is not None)
    points = known(product(axes))
    many = points is not None and points >= _MANY_POINTS
    if axes and length is not None and length <= (16 if many else 4):
        return Team("thread", 256, 1)
    along = any(_moves_along(stmt, a[-1][0]) for a, stmt in inner)
    across = bool(axes) and any(_moves_along(stmt, axes[-1][0]) for _, stmt in inner)
    team = Team("block", 1, _block_size(length, bool(axes)))
    if across and not along:
        if points is not None and points >= 2 * _MANY_POINTS:
            return Team("thread", 256, 1)
        team = Team("column", WARP, 8 if length is not None and length <= 64 else 32)
    elif axes and length is not None and length <= 256:
        return Team("warp", 4, WARP)
    return replace(team, splits=_splits(axes, body, team))


def _block_size(length: int | None, shared: bool) -> int:
    if length is None:
        return 128 if shared else 1024
    if shared:
        return 128 if length < 2048 else 256
    size = WARP
    while size < min(length, 1024):
        size *= 2
    return size


def _moves_along(stmt: Stmt, axis: Symbol) -> bool:
    """Whether an access of a statement moves to the next element as `axis` moves on."""
    offsets = [*(x.offset for x in loads((stmt,))), *(s.offset for s in stores((stmt,)))]
    return unit_stride(offsets, axis)


def unit_stride(offsets: Iterable[Expr], axis: Symbol) -> bool:
    """Whether one of some offsets grows by one with `axis`."""
    for offset in offsets:
        try:
            if known(coefficient(offset, axis)) == 1:
                return True
        except NotAffineError:
            continue
    return False


def _splits(axes: Axes, body: tuple[Stmt, ...], team: Team) -> Expr | None:
    """How many blocks share the reduction a phase begins with."""
    work = [s for s in body if not isinstance(s, Let)]
    if not work or not isinstance(work[0], Reduce):
        return None
    if axes and any(isinstance(s, Loop | Ordered | Reduce) for s in work[1:]):
        return None  # the other blocks would stand idle through the rest of the rows
    tiles = ceiling(product(axes), team.points)
    if axes and team.layout == "block" and known(tiles) is None:
        return None
    length = product(flat(work[0])[0])
    count = TABLE["minimum"](
        TABLE["maximum"](BLOCKS // tiles, 1), TABLE["maximum"](length // (team.size * 4), 1)
    )
    return None if known(count) == 1 else simplify(count)
