"""The loop IR: what fused groups of operations lower to and all that backends see of arithmetic.

The grammar fits here::

    Kernel      = (params, ints, body)
    Stmt        = Loop(axis, extent, body)                    iterations are independent
                | Ordered(axis, extent, body, carried)        one iteration after the other
                | Reduce(axis, extent, accumulators, body)    iterations accumulate
                | Let(name, value)
                | Store(buffer, offset, value)
    Contraction = (params, ints, batch, rows, columns, inner, left, right, epilogue)

Expressions are `symnet.scalar` expressions. Buffers are flat and contiguous; an access is an
offset in elements, affine in the loop axes wherever the program is (a gather's is not). Axes,
integer parameters and bound values are `Symbol`. Names of buffers in loads and stores are those of
`params`. A kernel mentions no buffer of the program by name, so equal kernels compare equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from symnet.scalar import Expr, Load, ScalarOp, Symbol, show, walk


@dataclass(frozen=True, slots=True)
class Param:
    """A buffer a kernel works on. Distinct params never overlap in memory."""

    name: str
    dtype: str
    written: bool


@dataclass(frozen=True, slots=True)
class Let:
    """Binds the value of an expression to a name for the statements after it in its block."""

    symbol: Symbol
    value: Expr


@dataclass(frozen=True, slots=True)
class Store:
    """Writes one element."""

    buffer: str
    offset: Expr
    value: Expr


@dataclass(frozen=True, slots=True)
class Loop:
    """Runs the body for ``axis = 0 .. extent-1``, in any order or in parallel."""

    axis: Symbol
    extent: Expr
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Carried:
    """`symbol` is `first` in the first iteration, then what `following` was in the one before."""

    symbol: Symbol
    first: Expr
    following: Expr


@dataclass(frozen=True, slots=True)
class Ordered:
    """Runs the body for ``axis = 0 .. extent-1``, in this order.

    An iteration reads what those before it stored, and what they carried. Neither has a meaning
    after the loop.
    """

    axis: Symbol
    extent: Expr
    body: tuple[Stmt, ...]
    carried: tuple[Carried, ...] = ()


@dataclass(frozen=True, slots=True)
class Accumulator:
    """``symbol = combine(symbol, value)`` in every iteration, from `combine`'s identity.

    The order of combination is the backend's choice but must not depend on the number of threads.
    """

    symbol: Symbol
    combine: ScalarOp
    value: Expr


@dataclass(frozen=True, slots=True)
class Reduce:
    """Accumulates over ``axis = 0 .. extent-1``; binds each accumulator's symbol afterwards.

    `body` holds `Let` and nested `Reduce` statements that the accumulators' values use.
    """

    axis: Symbol
    extent: Expr
    accumulators: tuple[Accumulator, ...]
    body: tuple[Stmt, ...] = ()


Stmt = Let | Store | Loop | Ordered | Reduce


@dataclass(frozen=True, slots=True)
class Kernel:
    """A loop nest.

    Attributes
    ----------
    params
        The buffers it reads and writes.
    ints
        Integer parameters (int64 symbols): lengths and offsets not known at compile time.
    body
        The statements, run in order.
    read
        Names of the params that are read.
    """

    params: tuple[Param, ...]
    ints: tuple[Symbol, ...]
    body: tuple[Stmt, ...]
    read: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "read", frozenset(x.buffer for x in loads(self.body)))

    def __str__(self) -> str:
        lines = [_signature("kernel", self.params, self.ints)]
        for stmt in self.body:
            lines.extend(_lines(stmt, 1))
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of a contraction, and its length."""

    symbol: Symbol
    extent: Expr


BATCH, ROW, COLUMN, INNER = Symbol("b"), Symbol("m"), Symbol("n"), Symbol("k")
"""Axes of a contraction, where it has one of a kind."""


def accumulated(dtype: str) -> Symbol:
    """The name by which a contraction's epilogue knows the sum of products."""
    return Symbol("acc", dtype)


@dataclass(frozen=True, slots=True)
class Contraction:
    """``acc[b, m, n] = sum over k of left[b, m, k] * right[b, k, n]``, and what becomes of it.

    Each of `b`, `m`, `n` and `k` stands for the point of a box: for an axis or for several. A
    convolution's rows, for instance, are images, lines and places in a line.

    Attributes
    ----------
    params, ints
        As of a kernel.
    batch, rows, columns, inner
        Axes of `b`, `m`, `n` and `k`. Those of `b` may be none, of the others there is one at
        least.
    left, right
        The factors, expressions over (`b`, `m`, `k`) and (`b`, `k`, `n`): a plain load with an
        affine offset, or more (a prologue).
    epilogue
        `Let` and `Store` statements over `b`, `m`, `n` and `accumulated(dtype)`, run once for each
        sum.
    dtype
        The accumulator's dtype, also that of the factors.
    read
        Names of the params that are read.
    """

    params: tuple[Param, ...]
    ints: tuple[Symbol, ...]
    batch: tuple[Axis, ...]
    rows: tuple[Axis, ...]
    columns: tuple[Axis, ...]
    inner: tuple[Axis, ...]
    left: Expr
    right: Expr
    epilogue: tuple[Let | Store, ...]
    dtype: str
    read: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found = {x.buffer for x in walk(self.left, self.right) if isinstance(x, Load)}
        found.update(x.buffer for x in loads(self.epilogue))
        object.__setattr__(self, "read", frozenset(found))

    @property
    def outer(self) -> tuple[Axis, ...]:
        """The axes of the results."""
        return (*self.batch, *self.rows, *self.columns)

    def __str__(self) -> str:
        head = _signature("contraction", self.params, self.ints)
        outer, inner = (
            ", ".join(f"{a.symbol.name} < {show(a.extent)}" for a in axes)
            for axes in (self.outer, self.inner)
        )
        total = f"  for {outer}:\n    acc = sum {inner} of {show(self.left)} * {show(self.right)}"
        return "\n".join([head, total, *(line for s in self.epilogue for line in _lines(s, 2))])


def _signature(kind: str, params: tuple[Param, ...], ints: tuple[Symbol, ...]) -> str:
    listed = [f"{'out ' if p.written else ''}{p.name}: {p.dtype}" for p in params]
    return f"{kind}({', '.join(listed + [s.name for s in ints])})"


def _lines(stmt: Stmt, depth: int) -> Iterator[str]:
    pad = "  " * depth
    match stmt:
        case Let():
            yield f"{pad}{stmt.symbol.name} = {show(stmt.value)}"
        case Store():
            yield f"{pad}{stmt.buffer}[{show(stmt.offset)}] = {show(stmt.value)}"
        case Loop():
            yield f"{pad}for {stmt.axis.name} < {show(stmt.extent)}:"
            for inner in stmt.body:
                yield from _lines(inner, depth + 1)
        case Ordered():
            firsts = [f"{c.symbol.name} = {show(c.first)}" for c in stmt.carried]
            carrying = f" carrying {', '.join(firsts)}" if firsts else ""
            yield f"{pad}in order {stmt.axis.name} < {show(stmt.extent)}{carrying}:"
            for inner in stmt.body:
                yield from _lines(inner, depth + 1)
            for c in stmt.carried:
                yield f"{pad}  {c.symbol.name} = {show(c.following)}"
        case Reduce():
            yield f"{pad}reduce {stmt.axis.name} < {show(stmt.extent)}:"
            for inner in stmt.body:
                yield from _lines(inner, depth + 1)
            for a in stmt.accumulators:
                yield f"{pad}  {a.symbol.name} = {a.combine}({a.symbol.name}, {show(a.value)})"


def expressions(stmts: tuple[Stmt, ...]) -> Iterator[Expr]:
    """Every expression that stands in statements, nested ones included."""
    for stmt in stmts:
        match stmt:
            case Let():
                yield stmt.value
            case Store():
                yield stmt.offset
                yield stmt.value
            case Loop():
                yield stmt.extent
                yield from expressions(stmt.body)
            case Ordered():
                yield stmt.extent
                yield from (c.first for c in stmt.carried)
                yield from expressions(stmt.body)
                yield from (c.following for c in stmt.carried)
            case Reduce():
                yield stmt.extent
                yield from expressions(stmt.body)
                yield from (a.value for a in stmt.accumulators)


def loads(stmts: tuple[Stmt, ...]) -> Iterator[Load]:
    """Every distinct load in statements."""
    return (x for x in walk(*expressions(stmts)) if isinstance(x, Load))


def stores(stmts: Iterable[Stmt]) -> Iterator[Store]:
    """Every store in statements."""
    for stmt in stmts:
        match stmt:
            case Store():
                yield stmt
            case Loop() | Ordered():
                yield from stores(stmt.body)


def map_expressions(stmts: Iterable[Stmt], change: Callable[[Expr], Expr]) -> tuple[Stmt, ...]:
    """Statements with every expression in them changed."""
    new: list[Stmt] = []
    for s in stmts:
        match s:
            case Let():
                new.append(Let(s.symbol, change(s.value)))
            case Store():
                new.append(Store(s.buffer, change(s.offset), change(s.value)))
            case Loop():
                new.append(Loop(s.axis, change(s.extent), map_expressions(s.body, change)))
            case Ordered():
                carried = tuple(
                    Carried(c.symbol, change(c.first), change(c.following)) for c in s.carried
                )
                body = map_expressions(s.body, change)
                new.append(Ordered(s.axis, change(s.extent), body, carried))
            case Reduce():
                accumulators = tuple(
                    Accumulator(a.symbol, a.combine, change(a.value)) for a in s.accumulators
                )
                body = map_expressions(s.body, change)
                new.append(Reduce(s.axis, change(s.extent), accumulators, body))
    return tuple(new)


def bound_symbols(stmts: Iterable[Stmt]) -> dict[Symbol, tuple[Expr, ...]]:
    """Symbols that statements bind: for axes with the extents, one for each loop over it."""
    found: dict[Symbol, tuple[Expr, ...]] = {}

    def bind(symbol: Symbol, *extents: Expr) -> None:
        found[symbol] = (*found.get(symbol, ()), *extents)

    for s in stmts:
        match s:
            case Let():
                bind(s.symbol)
            case Loop():
                bind(s.axis, s.extent)
            case Ordered():
                bind(s.axis, s.extent)
                for c in s.carried:
                    bind(c.symbol)
            case Reduce():
                bind(s.axis, s.extent)
                for a in s.accumulators:
                    bind(a.symbol)
        if isinstance(s, Loop | Ordered | Reduce):
            for symbol, extents in bound_symbols(s.body).items():
                bind(symbol, *extents)
    return found


class MalformedKernel(Exception):
    """A kernel breaks a rule of the grammar; always a defect of the compiler."""


def verify(work: Kernel | Contraction) -> None:
    """Check that a kernel is well formed.

    Raises
    ------
    MalformedKernel
        If a symbol is used before it is bound, a buffer is not a param, a param is written without
        saying so, or a dtype is wrong.
    """
    params = {p.name: p for p in work.params}
    if len(params) != len(work.params):
        raise MalformedKernel(f"two params of one name in\n{work}")

    def check(x: Expr, bound: frozenset[Symbol]) -> None:
        for e in walk(x):
            if isinstance(e, Symbol) and e not in bound:
                raise MalformedKernel(f"{e.name} is not bound in {show(x)} of\n{work}")
            if isinstance(e, Load):
                if e.buffer not in params or params[e.buffer].dtype != e.dtype:
                    raise MalformedKernel(f"bad load {show(e)} ({e.dtype}) in\n{work}")
                if e.offset.dtype != "int64":
                    raise MalformedKernel(f"offset of {show(e)} is not int64 in\n{work}")

    def check_block(
        stmts: tuple[Stmt, ...], bound: frozenset[Symbol], storing: bool
    ) -> frozenset[Symbol]:
        for stmt in stmts:
            match stmt:
                case Let():
                    check(stmt.value, bound)
                    if stmt.symbol.dtype != stmt.value.dtype:
                        raise MalformedKernel(f"{stmt.symbol.name} has the wrong dtype in\n{work}")
                    bound |= {stmt.symbol}
                case Store():
                    check(stmt.offset, bound)
                    check(stmt.value, bound)
                    param = params.get(stmt.buffer)
                    if param is None or not param.written or param.dtype != stmt.value.dtype:
                        raise MalformedKernel(f"bad store to {stmt.buffer} in\n{work}")
                    if not storing:
                        raise MalformedKernel(f"store inside a reduction in\n{work}")
                case Loop():
                    check(stmt.extent, bound)
                    if not storing:
                        raise MalformedKernel(f"loop inside a reduction in\n{work}")
                    check_block(stmt.body, bound | {stmt.axis}, storing=True)
                case Ordered():
                    check(stmt.extent, bound)
                    if not storing:
                        raise MalformedKernel(f"ordered loop inside a reduction in\n{work}")
                    within = bound | {stmt.axis, *(c.symbol for c in stmt.carried)}
                    inner = check_block(stmt.body, within, storing=True)
                    for c in stmt.carried:
                        check(c.first, bound)
                        check(c.following, inner)
                        if not c.symbol.dtype == c.first.dtype == c.following.dtype:
                            raise MalformedKernel(f"bad carried {c.symbol.name} in\n{work}")
                case Reduce():
                    check(stmt.extent, bound)
                    inner = check_block(stmt.body, bound | {stmt.axis}, storing=False)
                    for a in stmt.accumulators:
                        check(a.value, inner)
                        if a.combine.identity is None or a.symbol.dtype != a.value.dtype:
                            raise MalformedKernel(f"bad accumulator {a.symbol.name} in\n{work}")
                    bound |= {a.symbol for a in stmt.accumulators}
        return bound

    ints = frozenset(work.ints)
    if isinstance(work, Kernel):
        check_block(work.body, ints, storing=True)
        return
    for axis in (*work.outer, *work.inner):
        check(axis.extent, ints)
    if not (work.rows and work.columns and work.inner):
        raise MalformedKernel(f"no rows, columns or products in\n{work}")
    batch, rows, columns, inner = (
        frozenset(a.symbol for a in axes)
        for axes in (work.batch, work.rows, work.columns, work.inner)
    )
    if len(batch | rows | columns | inner) != len((*work.outer, *work.inner)):
        raise MalformedKernel(f"two axes of one name in\n{work}")
    check(work.left, ints | batch | rows | inner)
    check(work.right, ints | batch | inner | columns)
    for factor in (work.left, work.right):
        if factor.dtype != work.dtype:
            raise MalformedKernel(f"factor {show(factor)} is not {work.dtype} in\n{work}")
    sums = frozenset((accumulated(work.dtype),))
    check_block(work.epilogue, ints | batch | rows | columns | sums, storing=True)
