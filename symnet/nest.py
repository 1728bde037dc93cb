"""Loop nests: from expressions of output elements to statements of the loop IR.

In go roots, each an expression of its element at ``axes(ndim)`` over loads and `Reduction`s; out
come `Loop`, `Reduce`, `Let` and `Store` statements in which roots share loops and every reduction
stands at the outermost place where all it depends on is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from symnet.kernel import (
    Accumulator,
    Let,
    Loop,
    Reduce,
    Stmt,
    Store,
    expressions,
    map_expressions,
)
from symnet.pieces import pieces
from symnet.scalar import (
    Call,
    Const,
    Expr,
    Load,
    ScalarOp,
    Symbol,
    const,
    simplify,
    split,
    substitute,
    walk,
)
from symnet.scalar.integer import NotAffineError


@dataclass(frozen=True, slots=True, eq=False)
class Reduction(Expr):
    """`body` combined over ``symbols[k] = 0 .. extents[k]-1``."""

    combine: ScalarOp
    symbols: tuple[Symbol, ...]
    extents: tuple[Expr, ...]
    body: Expr
    dtype: str = field(init=False)
    _hash: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", self.body.dtype)
        key = hash((self.combine.name, self.symbols, self.extents, self.body))
        object.__setattr__(self, "_hash", key)

    @property
    def args(self) -> tuple[Expr, ...]:
        """The body, then the extents."""
        return (self.body, *self.extents)

    def with_args(self, args: tuple[Expr, ...]) -> Expr:
        """The same reduction of another body over other extents."""
        return (
            self if args == self.args else Reduction(self.combine, self.symbols, args[1:], args[0])
        )

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Reduction)
            and self._hash == other._hash
            and self.combine is other.combine
            and self.symbols == other.symbols
            and self.args == other.args
        )

    __hash__ = Expr.__hash__


def axes(ndim: int) -> tuple[Symbol, ...]:
    """The symbols that index an output of `ndim` dimensions."""
    return tuple(Symbol(f"i{k}") for k in range(ndim))


@dataclass(frozen=True, slots=True)
class Root:
    """What to compute: an element's expression, and where to store it.

    Attributes
    ----------
    buffers
        The buffers it goes to.
    shape
        Lengths of what is computed.
    expr
        The element at ``axes(ndim)``.
    start, whole
        Of a part of a value: the index of its first element, and the lengths of the value.
    base
        Where in the buffers the value begins.
    """

    buffers: tuple[str, ...]
    shape: tuple[Expr, ...]
    expr: Expr
    start: tuple[int, ...] = ()
    whole: tuple[Expr, ...] = ()
    base: Expr = field(default=const(0))

    def offset(self) -> Expr:
        """Where the element at ``axes(ndim)`` goes."""
        offset: Expr = const(0)
        start = self.start or (0,) * len(self.shape)
        for n, first, length, i in zip(
            self.whole or self.shape, start, self.shape, axes(len(start)), strict=True
        ):
            offset = offset * n + (const(first) if length == const(1) else i + first)
        return offset if self.base == const(0) else self.base + offset


def build(roots: Sequence[Root]) -> tuple[Stmt, ...]:
    """Statements that compute all roots, sharing loops over equal leading lengths."""
    cut = list(roots)
    # A row of a history is written, and others of its rows are read.
    written = {b for r in roots if r.base == const(0) for b in r.buffers}
    if not any(isinstance(x, Load) and x.buffer in written for x in walk(*(r.expr for r in roots))):
        # What is written in place must be read before, by all that share the loop.
        cut = [part for r in roots for part in _parts(r)]
    return tuple(collapse(s) for s in _Builder().block(cut, 0, {}, frozenset()))


def _parts(root: Root) -> list[Root]:
    found = pieces(root.shape, root.expr, axes(len(root.shape)))
    return [
        Root(root.buffers, p.shape, p.expr, p.start, root.shape, root.base) for p in found
    ]


class _Builder:
    def __init__(self) -> None:
        self._count = 0

    def fresh(self, dtype: str) -> Symbol:
        self._count += 1
        return Symbol(f"s{self._count - 1}", dtype)

    def block(
        self, roots: list[Root], depth: int, ready: dict[Expr, Expr], bound: frozenset[Symbol]
    ) -> list[Stmt]:
        """Statements inside the loops over the first `depth` axes."""
        ready = dict(ready)
        stmts = self.reductions([r.expr for r in roots], ready, bound)
        if stmts and depth:
            deeper = [r.expr for r in roots if len(r.shape) > depth]
            stmts.extend(self.invariants(deeper, ready, bound))
        here = [r for r in roots if len(r.shape) == depth]
        stores: list[Stmt] = []
        for root in here:
            value = substitute(root.expr, ready)
            if not isinstance(value, Const | Symbol):
                # All loads come before all stores: updates see the old values.
                name = self.fresh(value.dtype)
                stmts.append(Let(name, value))
                ready[root.expr] = value = name
            stores.extend(Store(b, root.offset(), value) for b in root.buffers)
        stmts.extend(stores)
        nested: dict[Expr, list[Root]] = {}
        for root in roots:
            if len(root.shape) > depth:
                nested.setdefault(root.shape[depth], []).append(root)
        axis = Symbol(f"i{depth}")
        for extent, inner in nested.items():
            body = self.block(inner, depth + 1, ready, bound | {axis})
            if extent == const(1):
                stmts.extend(body)
            else:
                stmts.append(Loop(axis, extent, tuple(body)))
        return stmts

    def invariants(
        self, exprs: Sequence[Expr], ready: dict[Expr, Expr], bound: frozenset[Symbol]
    ) -> list[Stmt]:
        """Statements for what inner loops would compute again and again; entered in `ready`."""
        closed = _Closed(bound)
        stmts: list[Stmt] = []
        order = list(walk(*exprs))
        computes: dict[Expr, bool] = {}
        for x in order:
            data = isinstance(x, Load | Reduction) or any(computes[a] for a in x.args)
            computes[x] = data
        wanted = {x for x in exprs if x not in ready}
        chosen: set[Expr] = set()
        for x in reversed(order):
            if x not in wanted:
                continue
            if isinstance(x, Call) and computes[x] and closed(x):
                chosen.add(x)
            else:
                wanted.update(a for a in x.args if a not in ready)
        for x in order:
            if x in chosen:
                value = substitute(x, ready)
                name = self.fresh(value.dtype)
                stmts.append(Let(name, value))
                ready[x] = name
        return stmts

    def reductions(
        self, exprs: Iterable[Expr], ready: dict[Expr, Expr], bound: frozenset[Symbol]
    ) -> list[Stmt]:
        """Statements for the reductions over `bound` axes only; enters them in `ready`."""
        levels: dict[tuple[int, tuple[Expr, ...]], list[Reduction]] = {}
        level_of: dict[Expr, int] = {}
        closed = _Closed(bound)
        for x in walk(*exprs):
            if not isinstance(x, Reduction) or x in ready or not closed(x):
                continue
            inner = [level_of[y] for y in walk(x) if y in level_of]
            level_of[x] = 1 + max(inner, default=0)
            levels.setdefault((level_of[x], x.extents), []).append(x)
        stmts: list[Stmt] = []
        for (_, extents), group in sorted(levels.items(), key=lambda item: item[0][0]):
            if bound:
                stmts.extend(self.invariants([x.body for x in group], ready, bound))
            symbols = group[0].symbols
            bodies = []
            for x in group:
                body = substitute(x.body, ready)
                bodies.append(substitute(body, dict(zip(x.symbols, symbols, strict=True))))
            stmt, results = self.reduce(
                [x.combine for x in group], bodies, symbols, extents, ready, bound
            )
            stmts.append(stmt)
            ready.update(zip(group, results, strict=True))
        return stmts

    def reduce(
        self,
        combines: list[ScalarOp],
        bodies: list[Expr],
        symbols: tuple[Symbol, ...],
        extents: tuple[Expr, ...],
        ready: dict[Expr, Expr],
        bound: frozenset[Symbol],
    ) -> tuple[Reduce, list[Symbol]]:
        """One statement for several reductions over the same box."""
        axis, *rest = symbols
        inside = bound | {axis}
        ready = dict(ready)
        body = self.reductions(bodies, ready, inside)
        bodies = [substitute(b, ready) for b in bodies]
        if rest:
            stmt, inner = self.reduce(combines, bodies, tuple(rest), extents[1:], ready, inside)
            body.append(stmt)
            bodies = list(inner)
        results = [self.fresh(b.dtype) for b in bodies]
        accumulators = tuple(
            Accumulator(s, c, b) for s, c, b in zip(results, combines, bodies, strict=True)
        )
        return Reduce(axis, extents[0], accumulators, tuple(body)), results


def is_reduction_axis(symbol: Symbol) -> bool:
    """Whether a symbol is an axis that something is reduced over: ``r5_0``."""
    return symbol.name[0] == "r" and symbol.name[1:].replace("_", "").isdigit()


def _is_axis(symbol: Symbol) -> bool:
    """Whether a symbol is a loop axis: ``i0`` of an output, or of a reduction."""
    return (symbol.name[0] == "i" and symbol.name[1:].isdigit()) or is_reduction_axis(symbol)


class _Closed:
    """Whether an expression depends on no loop axis but the bound ones."""

    def __init__(self, bound: frozenset[Symbol]) -> None:
        self._bound = bound
        self._free: dict[Expr, frozenset[Symbol]] = {}

    def __call__(self, root: Expr) -> bool:
        for x in walk(root):
            if x in self._free:
                continue
            free: frozenset[Symbol] = frozenset()
            if isinstance(x, Symbol) and x not in self._bound and _is_axis(x):
                free = frozenset((x,))
            for a in x.args:
                free |= self._free[a]
            if isinstance(x, Reduction):
                free -= set(x.symbols)
            self._free[x] = free
        return not self._free[root]


def collapse(stmt: Stmt) -> Stmt:
    """Make one loop of two nested ones that walk through memory as one would."""
    match stmt:
        case Loop():
            return _collapse_loop(Loop(stmt.axis, stmt.extent, tuple(map(collapse, stmt.body))))
        case Reduce(body=(Reduce() as inner,)):
            return _collapse_reduce(stmt, inner)
    return stmt


def _collapse_loop(outer: Loop) -> Loop:
    match outer.body:
        case (Loop() as inner,) if all(isinstance(s, Let | Store) for s in inner.body):
            merged = _merge_axes(outer.axis, inner.axis, inner.extent, inner.body)
            if merged is not None:
                return Loop(inner.axis, _times(outer.extent, inner.extent), merged)
    return outer


def _collapse_reduce(outer: Reduce, inner: Reduce) -> Reduce:
    within = collapse(inner)
    assert isinstance(within, Reduce)
    outer = Reduce(outer.axis, outer.extent, outer.accumulators, (within,))
    handed_on = [a.symbol for a in within.accumulators]
    if within.body or [a.value for a in outer.accumulators] != handed_on:
        return outer
    values = tuple(Let(a.symbol, a.value) for a in within.accumulators)
    merged = _merge_axes(outer.axis, within.axis, within.extent, values)
    if merged is None:
        return outer
    accumulators = tuple(
        Accumulator(a.symbol, a.combine, m.value)
        for a, m in zip(outer.accumulators, merged, strict=True)
        if isinstance(m, Let)
    )
    return Reduce(within.axis, _times(outer.extent, within.extent), accumulators)


def _times(a: Expr, b: Expr) -> Expr:
    return simplify(a * b)


def _merge_axes(
    outer: Symbol, inner: Symbol, extent: Expr, stmts: tuple[Stmt, ...]
) -> tuple[Stmt, ...] | None:
    """`stmts` with ``outer * extent + inner`` written `inner`, if they use no other combination."""
    pair = (outer, inner)
    replacement: dict[Expr, Expr] = {}
    offsets = {x.offset for x in walk(*expressions(stmts)) if isinstance(x, Load)}
    offsets |= {s.offset for s in stmts if isinstance(s, Store)}
    for offset in offsets:
        try:
            strides, _ = split(offset, pair)
        except NotAffineError:
            return None
        if strides[outer] != simplify(strides[inner] * extent):
            return None
        replacement[offset] = simplify(substitute(offset, {outer: const(0)}))
    # Cut the offsets out; what is left must not know the two axes.
    cut: dict[Expr, Expr] = {o: const(0) for o in offsets}
    for x in expressions(stmts):
        if any(y in pair for y in walk(substitute(x, cut))):
            return None
    return map_expressions(stmts, lambda x: substitute(x, replacement))
