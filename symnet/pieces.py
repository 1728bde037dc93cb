"""Pieces: a range of indices that conditions cut becomes several, in each of which none is left.

An element of joined tensors is ``switch(i < 3, a[i], b[i - 3])``. Looking at `i` at every point
would cost the work of both operands and the vector instructions. In go the lengths and the
expression of an element; out come boxes that together make up the range, each with the expression
that holds there, over axes that start at 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from symnet.scalar import (
    Call,
    Const,
    Expr,
    Load,
    Symbol,
    const,
    rebuild,
    simplify,
    substitute,
    walk,
)
from symnet.scalar.integer import Range

MOST = 32
"""Pieces that a range is cut into; what would need more keeps its conditions."""
_CUTS = ("lt", "le", "eq", "neq")


@dataclass(frozen=True, slots=True)
class Piece:
    """A box of the indices of a value.

    Attributes
    ----------
    start
        Its first index, along each axis.
    shape
        Its lengths.
    expr
        The element at an index counted from `start`.
    """

    start: tuple[int, ...]
    shape: tuple[Expr, ...]
    expr: Expr


def pieces(shape: Sequence[Expr], expr: Expr, axes: Sequence[Symbol]) -> list[Piece]:
    """Cut a range along the axes whose length is known, where a choice depends on the index."""
    found = [Piece((0,) * len(shape), tuple(shape), expr)]
    for axis, n in enumerate(shape):
        if not isinstance(n, Const) or n == const(1):
            continue
        cut = [q for p in found for q in _along(p, axis, int(n.value), axes[axis])]
        if len(cut) <= MOST:
            found = cut
    return found


def _along(piece: Piece, axis: int, length: int, symbol: Symbol) -> list[Piece]:
    conditions = _conditions(piece.expr, symbol)
    places = {c for at in conditions.values() for c in at if 0 < c < length}
    if not places or len(places) >= MOST:
        return [piece]
    bounds = [0, *sorted(places), length]
    made: list[Piece] = []
    for first, end in pairwise(bounds):
        start = (*piece.start[:axis], first, *piece.start[axis + 1 :])
        shape = (*piece.shape[:axis], const(end - first), *piece.shape[axis + 1 :])
        held = {x: _holds(x, first) for x in conditions}
        made.append(Piece(start, shape, _within(piece.expr, symbol, first, end, held)))
    return made


def _conditions(expr: Expr, symbol: Symbol) -> dict[Expr, tuple[int, ...]]:
    """Return conditions of choices on an axis alone, with the places where they change."""
    choices = [x.operands[0] for x in walk(expr) if isinstance(x, Call) and x.op.name == "switch"]
    found: dict[Expr, tuple[int, ...]] = {}
    for x in walk(*choices):
        if isinstance(x, Call) and x.dtype == "bool" and x.operands[0].dtype == "int64":
            # A condition on data (a count, say) is no condition on an axis.
            on_axes = all(isinstance(y, Call | Const | Symbol) for y in walk(x))
            at = _cuts(simplify(x), symbol) if on_axes else ()
            if at:
                found[x] = at
    return found


def _cuts(condition: Expr, symbol: Symbol) -> tuple[int, ...]:
    """Return where a canonical condition changes; nothing if it is not on `symbol` and a number."""
    if not isinstance(condition, Call) or condition.op.name not in _CUTS:
        return ()
    a, b = condition.operands
    if condition.op.name in ("eq", "neq"):
        number = b if a == symbol else a if b == symbol else None
        return (int(number.value), int(number.value) + 1) if isinstance(number, Const) else ()
    strict = condition.op.name == "lt"
    if a == symbol and isinstance(b, Const):
        return (int(b.value) + (not strict),)
    if b == symbol and isinstance(a, Const):
        return (int(a.value) + strict,)
    return ()


def _holds(condition: Expr, at: int) -> Const:
    """Return whether a condition on one axis holds at a place of it."""
    symbols: list[Expr] = [x for x in walk(condition) if isinstance(x, Symbol)]
    found = simplify(substitute(condition, dict.fromkeys(symbols, const(at))))
    assert isinstance(found, Const)
    return found


def _within(expr: Expr, symbol: Symbol, first: int, end: int, held: Mapping[Expr, Const]) -> Expr:
    """Return the expression that holds from `first` to `end`, over an axis that starts at 0."""
    ranges: dict[str, Range] = {symbol.name: (0, end - first - 1)}
    done: dict[Expr, Expr] = dict(held)
    done[symbol] = const(first) if end - first == 1 else symbol + first
    for x in walk(expr):
        if x in done:
            continue
        new = rebuild(x, tuple(done[a] for a in x.args))
        if isinstance(new, Load):
            new = Load(new.buffer, simplify(new.offset, ranges), new.dtype)
        elif isinstance(new, Call):
            new = _decided(new)
        done[x] = new
    return done[expr]


def _decided(x: Call) -> Expr:
    """Return a choice, or a condition of several, without what is known of it."""
    if x.op.name == "switch" and isinstance(x.operands[0], Const):
        return x.operands[1 if x.operands[0].value else 2]
    if x.op.name in ("logical_and", "bitwise_and") and x.dtype == "bool":
        return _joined(x, absorbing=False)
    if x.op.name in ("logical_or", "bitwise_or") and x.dtype == "bool":
        return _joined(x, absorbing=True)
    return x


def _joined(x: Call, absorbing: bool) -> Expr:
    known = [a for a in x.operands if isinstance(a, Const)]
    others = [a for a in x.operands if not isinstance(a, Const)]
    if any(bool(a.value) is absorbing for a in known):
        return const(absorbing, "bool")
    return others[0] if len(others) == 1 else x if others else const(not absorbing, "bool")
