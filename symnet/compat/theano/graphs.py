"""``theano.gof.graph``: questions about expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from symnet.graph import Apply, Constant, Interner, Variable, rebuild
from symnet.graph import ancestors as _nodes


def ancestors(
    variable_list: Iterable[Variable], blockers: Iterable[Variable] | None = None
) -> list[Variable]:
    """Return variables and all they depend on, each before what it is computed from.

    Parameters
    ----------
    variable_list
        Where to begin.
    blockers
        Variables behind which nothing is looked for.
    """
    stopped = set(blockers or ())
    found: dict[Variable, None] = {}
    stack = list(reversed(list(variable_list)))
    while stack:
        v = stack.pop()
        if v in found:
            continue
        found[v] = None
        if v.owner is not None and v not in stopped:
            stack.extend(reversed(v.owner.inputs))
    return list(found)


def inputs(
    variable_list: Iterable[Variable], blockers: Iterable[Variable] | None = None
) -> list[Variable]:
    """Return what nothing computes among the `ancestors`: inputs, constants, shared variables.

    Examples
    --------
    >>> from symnet.tensor import scalars
    >>> x, y = scalars("x", "y")
    >>> inputs([x + y * x])
    [x, y]
    """
    return [v for v in ancestors(variable_list, blockers) if v.owner is None]


def variables(i: Iterable[Variable], o: Iterable[Variable]) -> set[Variable]:
    """Return all variables between inputs `i` and outputs `o`, both included."""
    return {*i, *ancestors(o, blockers=i)}


def orphans(i: Iterable[Variable], o: Iterable[Variable]) -> set[Variable]:
    """Return what `o` depends on that neither follows from the inputs `i` nor is among them."""
    i = set(i)
    return {v for v in ancestors(o, blockers=i) if v.owner is None and v not in i}


def io_toposort(i: Iterable[Variable], o: Iterable[Variable]) -> list[Apply]:
    """Return the applications between inputs `i` and outputs `o`, operands first."""
    return list(_nodes(o, stop=set(i)))


def ops(i: Iterable[Variable], o: Iterable[Variable]) -> set[Apply]:
    """Return the applications between inputs `i` and outputs `o`."""
    return set(io_toposort(i, o))


def is_same_graph(var1: Variable, var2: Variable, givens: Any = None, debug: bool = False) -> bool:
    """Whether two variables are computed alike from the same inputs.

    Parameters
    ----------
    var1, var2
        The variables.
    givens
        Replacements made in both first, a dictionary or pairs.
    debug
        Theano's; without effect.

    Examples
    --------
    >>> from symnet.tensor import scalars
    >>> x, y = scalars("x", "y")
    >>> is_same_graph(x + y, x + y), is_same_graph(x + y, y + x)
    (True, False)
    >>> is_same_graph(x + 1, y + 1, givens={x: y})
    True
    """
    return equal_computations([var1], [var2], givens=dict(givens or {}))


def equal_computations(
    xs: Sequence[Variable],
    ys: Sequence[Variable],
    in_xs: Sequence[Variable] | None = None,
    in_ys: Sequence[Variable] | None = None,
    givens: Mapping[Variable, Variable] | None = None,
) -> bool:
    """Whether `xs` are computed from `in_xs` as `ys` are from `in_ys`, pair by pair.

    Parameters
    ----------
    xs, ys
        Variables to compare.
    in_xs, in_ys
        Inputs that correspond; all other leaves must be the same, or equal constants.
    givens
        Replacements made in both first.
    """
    if len(xs) != len(ys) or len(in_xs or ()) != len(in_ys or ()):
        return False
    given = dict(givens or {})
    pairs = list(zip(in_xs or (), in_ys or (), strict=True))
    if any(x.type != y.type for x, y in pairs):
        return False
    interner = Interner()
    left = rebuild(list(xs), given, interner)
    right = rebuild(list(ys), {**given, **{y: x for x, y in pairs}}, interner)
    return all(
        a is b or (isinstance(a, Constant) and isinstance(b, Constant) and a.key() == b.key())
        for a, b in zip(left, right, strict=True)
    )
