"""Statements without the stores that nobody needs, and without what only these needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symnet.kernel import Let, Loop, Reduce, Stmt, Store, expressions
from symnet.scalar import Expr, Symbol, walk


def trimmed(stmts: Sequence[Stmt], is_idle: Callable[[Store, Expr], bool]) -> tuple[Stmt, ...]:
    """Take stores out of statements.

    Parameters
    ----------
    stmts
        The statements of a block.
    is_idle
        Whether a store is to go, given what it stores: the value of a `Let` instead of its name.
    """
    bound = {s.symbol: s.value for s in stmts if isinstance(s, Let)}
    kept: list[Stmt] = []
    for s in stmts:
        match s:
            case Store(value=Symbol() as name) if is_idle(s, bound.get(name, name)):
                continue
            case Store() if is_idle(s, s.value):
                continue
            case Loop():
                s = Loop(s.axis, s.extent, trimmed(s.body, is_idle))
                if not s.body:
                    continue
        kept.append(s)
    return _needed(kept)


def _needed(stmts: Sequence[Stmt]) -> tuple[Stmt, ...]:
    """Statements without those that bind what none after them uses."""
    used: set[Expr] = set()
    kept: list[Stmt] = []
    for s in reversed(stmts):
        binds = [s.symbol] if isinstance(s, Let) else []
        if isinstance(s, Reduce):
            binds = [a.symbol for a in s.accumulators]
        if binds and used.isdisjoint(binds):
            continue
        kept.append(s)
        used.update(x for x in walk(*expressions((s,))) if isinstance(x, Symbol))
    return tuple(reversed(kept))
