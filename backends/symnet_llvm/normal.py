"""Kernels brought to the form that code is generated from.

Expressions are expanded to what the backend has instructions for, loops of one iteration are
unrolled, and nests of loops that walk memory as one longer loop would are collapsed into it (a
matrix added to a matrix is one loop over all elements). In and out go statements of a kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from symnet.kernel import Accumulator, Carried, Let, Loop, Ordered, Reduce, Stmt, Store
from symnet.scalar import Const, Expr, Load, Symbol, rebuild, substitute, walk
from symnet.scalar.integer import NotAffineError, simplify, split
from symnet_llvm.analysis import bound
from symnet_llvm.expansion import lower

_ONE = Const(1, "int64")
_ZERO = Const(0, "int64")


def normalize(stmts: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    """Bring the body of a kernel to normal form."""
    done: dict[Expr, Expr] = {}
    expanded = _map_block(stmts, lambda x: lower(x, done))
    return _shaped(expanded)


def _shaped(stmts: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    return _one_axis(tuple(s for stmt in stmts for s in _shape(stmt)))


def _one_axis(stmts: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    """Loops of one known length beside each other with one axis, so that they share values."""
    axes: dict[Expr, Symbol] = {}
    found: list[Stmt] = []
    for stmt in stmts:
        if isinstance(stmt, Loop | Reduce) and isinstance(stmt.extent, Const):
            axis = axes.setdefault(stmt.extent, stmt.axis)
            if axis != stmt.axis and axis not in bound((stmt,)):
                stmt = _renamed(stmt, axis)
        found.append(stmt)
    return tuple(found)


def _renamed(stmt: Loop | Reduce, axis: Symbol) -> Stmt:
    old = stmt.axis
    changed = _map(stmt, lambda x: substitute(x, {old: axis}))
    assert isinstance(changed, Loop | Reduce)
    return replace(changed, axis=axis)


def _map_block(stmts: tuple[Stmt, ...], change: Callable[[Expr], Expr]) -> tuple[Stmt, ...]:
    """Statements with every expression changed."""
    return tuple(_map(stmt, change) for stmt in stmts)


def _map(stmt: Stmt, change: Callable[[Expr], Expr]) -> Stmt:
    match stmt:
        case Let():
            return Let(stmt.symbol, change(stmt.value))
        case Store():
            return Store(stmt.buffer, change(stmt.offset), change(stmt.value))
        case Loop():
            return Loop(stmt.axis, change(stmt.extent), _map_block(stmt.body, change))
        case Ordered():
            carried = tuple(
                Carried(c.symbol, change(c.first), change(c.following)) for c in stmt.carried
            )
            body = _map_block(stmt.body, change)
            return Ordered(stmt.axis, change(stmt.extent), body, carried)
        case Reduce():
            return Reduce(
                stmt.axis,
                change(stmt.extent),
                tuple(Accumulator(a.symbol, a.combine, change(a.value)) for a in stmt.accumulators),
                _map_block(stmt.body, change),
            )


def _shape(stmt: Stmt) -> tuple[Stmt, ...]:
    """A statement with the loops in it unrolled (of one iteration) or collapsed."""
    if not isinstance(stmt, Loop | Ordered | Reduce):
        return (stmt,)
    body = _shaped(stmt.body)
    if isinstance(stmt, Ordered):
        return (replace(stmt, body=body),)
    if isinstance(stmt, Loop):
        if stmt.extent == _ONE:
            return _map_block(body, lambda x: substitute(x, {stmt.axis: _ZERO}))
        return (_collapse_loop(Loop(stmt.axis, stmt.extent, body)),)
    if stmt.extent == _ONE:
        lets = tuple(Let(a.symbol, a.value) for a in stmt.accumulators)
        return _map_block(body + lets, lambda x: substitute(x, {stmt.axis: _ZERO}))
    return (_collapse_reduce(Reduce(stmt.axis, stmt.extent, stmt.accumulators, body)),)


def _collapse_loop(loop: Loop) -> Loop:
    if len(loop.body) != 1 or not isinstance(loop.body[0], Loop):
        return loop
    (inner,) = loop.body
    assert isinstance(inner, Loop)
    body = _along_one_axis(inner.body, loop.axis, inner.axis, inner.extent)
    if body is None:
        return loop
    return Loop(inner.axis, simplify(loop.extent * inner.extent), body)


def _collapse_reduce(reduce: Reduce) -> Reduce:
    if len(reduce.body) != 1 or not isinstance(reduce.body[0], Reduce):
        return reduce
    (inner,) = reduce.body
    assert isinstance(inner, Reduce)
    found = {a.symbol: a for a in inner.accumulators}
    pairs = [(a, found.get(a.value)) for a in reduce.accumulators if isinstance(a.value, Symbol)]
    if not len(pairs) == len(reduce.accumulators) == len(found):
        return reduce
    merged = [
        Accumulator(outer.symbol, outer.combine, each.value)
        for outer, each in pairs
        if each is not None and each.combine is outer.combine
    ]
    if len(merged) < len(pairs):
        return reduce
    whole = Reduce(inner.axis, inner.extent, tuple(merged), inner.body)
    body = _along_one_axis((whole,), reduce.axis, inner.axis, inner.extent)
    if body is None:
        return reduce
    (whole,) = body  # type: ignore[assignment]
    return Reduce(
        inner.axis, simplify(reduce.extent * inner.extent), whole.accumulators, whole.body
    )


def _along_one_axis(
    body: tuple[Stmt, ...], outer: Symbol, inner: Symbol, length: Expr
) -> tuple[Stmt, ...] | None:
    """`body` with `inner` running over ``outer * length + inner``; None if it must not."""
    if _mentions(body, {outer, inner}):
        return None

    def offset(x: Expr) -> Expr:
        coefficients, rest = split(x, [outer, inner])
        step = coefficients[inner]
        if coefficients[outer] != simplify(step * length):
            raise NotAffineError("the axes walk apart")
        return simplify(step * inner + rest)

    done: dict[Expr, Expr] = {}

    def change(root: Expr) -> Expr:
        for x in walk(root):
            if isinstance(x, Load):
                done[x] = Load(x.buffer, offset(x.offset), x.dtype)
            else:
                done[x] = rebuild(x, tuple(done[a] for a in x.args))
        return done[root]

    try:
        return tuple(_with_offsets(stmt, change, offset) for stmt in body)
    except NotAffineError:
        return None


def _with_offsets(
    stmt: Stmt, change: Callable[[Expr], Expr], offset: Callable[[Expr], Expr]
) -> Stmt:
    """A statement with its values changed by `change` and the places it stores to by `offset`."""
    match stmt:
        case Store():
            return Store(stmt.buffer, offset(stmt.offset), change(stmt.value))
        case Loop():
            body = tuple(_with_offsets(s, change, offset) for s in stmt.body)
            return Loop(stmt.axis, change(stmt.extent), body)
        case Ordered():
            changed = _map(stmt, change)
            assert isinstance(changed, Ordered)
            return replace(changed, body=tuple(_with_offsets(s, change, offset) for s in stmt.body))
    return _map(stmt, change)


def _mentions(stmts: tuple[Stmt, ...], axes: set[Symbol]) -> bool:
    """Whether one of the axes stands outside of all offsets."""
    for stmt in stmts:
        values: list[Expr] = []
        match stmt:
            case Let() | Store():
                values = [stmt.value]
            case Loop():
                values = [stmt.extent]
            case Reduce():
                values = [stmt.extent, *(a.value for a in stmt.accumulators)]
            case Ordered():
                values = [stmt.extent]
                values += (x for c in stmt.carried for x in (c.first, c.following))
        if isinstance(stmt, Loop | Ordered | Reduce) and _mentions(stmt.body, axes):
            return True
        seen: set[Expr] = set()
        while values:
            x = values.pop()
            if x in axes:
                return True
            if x not in seen and not isinstance(x, Load):
                seen.add(x)
                values.extend(x.args)
    return False
