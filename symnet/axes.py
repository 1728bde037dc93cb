"""Axes that always go together.

The lines of an image and the places in a line, say, where an image is read from end to end: one
axis, the place in the image, then does for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from symnet.kernel import Axis, Let, Store, expressions, map_expressions
from symnet.scalar import Expr, Load, Symbol, const, simplify, split, substitute, walk
from symnet.scalar.integer import NotAffineError

Axes = tuple[Axis, ...]


def merged(found: Axes, stmts: tuple[Let | Store, ...]) -> tuple[Axes, tuple[Let | Store, ...]]:
    """Make one axis of neighbours that statements only use as the place in a box of both.

    Parameters
    ----------
    found
        Axes, the outermost first.
    stmts
        Everything that uses them.

    Returns
    -------
    axes, stmts
        As many axes as are needed, under names of old ones, and statements over these.
    """
    for k in reversed(range(len(found) - 1)):
        outer, inner = found[k : k + 2]
        if _go_together(outer, inner, stmts):
            stmts = replaced(stmts, {outer.symbol: const(0)})
            one = Axis(inner.symbol, simplify(outer.extent * inner.extent))
            found = (*found[:k], one, *found[k + 2 :])
    return found, stmts


def replaced(
    stmts: tuple[Let | Store, ...], replacement: Mapping[Expr, Expr]
) -> tuple[Let | Store, ...]:
    """Statements with expressions replaced."""
    changed = map_expressions(stmts, lambda x: substitute(x, replacement))
    return tuple(s for s in changed if isinstance(s, Let | Store))


def _go_together(outer: Axis, inner: Axis, stmts: tuple[Let | Store, ...]) -> bool:
    """Whether the two only ever appear as the place in a box of both, in C order."""
    pair = (outer.symbol, inner.symbol)
    for offset in _offsets(stmts, pair):
        if offset is None:
            return False
        try:
            coefficients, _ = split(simplify(offset), pair)
        except NotAffineError:
            return False
        step = simplify(coefficients[inner.symbol] * inner.extent)
        if simplify(coefficients[outer.symbol]) != step:
            return False
    return True


def _offsets(stmts: tuple[Let | Store, ...], symbols: Iterable[Symbol]) -> Iterable[Expr | None]:
    """Every offset in statements; None if a symbol stands elsewhere."""
    wanted = set(symbols)
    stores = {s.offset for s in stmts if isinstance(s, Store)}
    yield from stores
    stack = [x for x in expressions(stmts) if x not in stores]
    seen: set[Expr] = set()
    while stack:
        x = stack.pop()
        if x in seen:
            continue
        seen.add(x)
        if isinstance(x, Load):
            yield x.offset
            stack.extend(y for y in walk(x.offset) if isinstance(y, Load))
        elif x in wanted:
            yield None
        else:
            stack.extend(x.args)
