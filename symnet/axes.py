"""Axes that always go together, and axes that are two.

The lines of an image and the places in a line go together where an image is read from end to end:
one axis, the place in the image, then does for both. The rows of all steps of a sequence, numbered
through, are two axes where the steps are read backwards: the step, and the row in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from symnet.kernel import Axis, Let, Store, expressions, map_expressions
from symnet.scalar import Call, Const, Expr, Load, Symbol, const, simplify, split, substitute, walk
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


def parted(
    found: Axes, stmts: tuple[Let | Store, ...], others: Iterable[Axis]
) -> tuple[Axes, tuple[Let | Store, ...]]:
    """Make two axes of one of which statements use quotient and remainder by a length.

    Offsets, which divide by nothing then, are sums of multiples of axes again.

    Parameters
    ----------
    found
        Axes, the outermost first.
    stmts
        Everything that uses them.
    others
        The other axes that statements use.

    Returns
    -------
    axes, stmts
        The axes, and statements over these.
    """
    if not any(map(_divides, walk(*expressions(stmts)))):
        return found, stmts
    lengths = {a.symbol.name: a.extent for a in (*found, *others)}
    ranges = {s: (0, int(n.value) - 1) for s, n in lengths.items() if isinstance(n, Const)}
    changed = map_expressions(stmts, lambda x: simplify(x, ranges))
    stmts = tuple(s for s in changed if isinstance(s, Let | Store))
    axes: list[Axis] = []
    for axis in found:
        length = _period(axis, stmts)
        if length is None:
            axes.append(axis)
            continue
        assert isinstance(axis.extent, Const)
        names = [Symbol(f"{axis.symbol.name}_{part}") for part in ("high", "low")]
        extents = const(int(axis.extent.value) // length), const(length)
        pair = [Axis(name, n) for name, n in zip(names, extents, strict=True)]
        high, low = names
        stmts = replaced(
            stmts, {axis.symbol // length: high, axis.symbol % length: low,
                    axis.symbol: high * length + low},
        )  # fmt: skip
        axes += pair
    return tuple(axes), stmts


def _divides(x: Expr) -> bool:
    return isinstance(x, Call) and x.op.name in ("int_div", "mod")


def _period(axis: Axis, stmts: tuple[Let | Store, ...]) -> int | None:
    """The one length that an axis is divided by, if it is so many times as long."""
    if not isinstance(axis.extent, Const):
        return None
    lengths = {
        int(x.operands[1].value)
        for x in walk(*expressions(stmts))
        if _divides(x)
        and isinstance(x, Call)
        and x.operands[0] == axis.symbol
        and isinstance(x.operands[1], Const)
    }
    if len(lengths) != 1:
        return None
    (length,) = lengths
    return length if length > 1 and int(axis.extent.value) % length == 0 else None


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
