"""Grouping: which values of one stage a single loop nest computes.

In go the values that loop nests compute; out come `Nest`s. Values that read the same memory belong
together, because then it is read once; so do independent small ones, because a kernel has a price
of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from symnet.scalar import Const, Expr, Load, walk
from symnet.values import LARGEST, Nest, Value

SMALL = 1 << 13
"""Points up to which independent nests of one stage are run by one kernel."""
MOST = 16
"""Values in one nest: more streams than that, and memory is no longer read in one pass."""


def nests(
    values: Sequence[Value],
    is_apart: Callable[[Value], bool],
    is_small: Callable[[str], bool],
    is_kept: Callable[[str], bool],
) -> list[Nest]:
    """Group values.

    Parameters
    ----------
    values
        Stored values with expressions, in topological order.
    is_apart
        Whether a value must be kept apart from others: flags, which every update waits for.
    is_small
        Whether a buffer is not worth being read once rather than twice.
    is_kept
        Whether a buffer outlives the call: it may be updated in place by a nest that nothing else
        reads it in.
    """
    sets = _Sets(values)
    first: dict[tuple[object, ...], Value] = {}
    for v in values:
        leading = v.shape[0] if v.shape else None
        for b in sorted(sets.reads[v]):
            key = v.stage, leading, is_apart(v), b
            if not is_small(b) and not sets.join(first.setdefault(key, v), v):
                first[key] = v  # that set is full
    open_: dict[tuple[int, bool], list[Value]] = {}
    for v in values:
        if sets.root(v) is v and sets.points[v] <= SMALL:
            hosts = open_.setdefault((v.stage, is_apart(v)), [])
            for u in hosts:
                if not any(map(is_kept, sets.reads[u] & sets.reads[v])) and sets.join(u, v):
                    break
            else:
                hosts.append(v)
                del hosts[:-4]  # the latest few: any search must end
    members: dict[Value, list[Value]] = {}
    for v in values:
        members.setdefault(sets.root(v), []).append(v)
    return [Nest(group, group[0].stage) for group in members.values()]


class _Sets:
    """Disjoint sets of values, each represented by its first."""

    def __init__(self, values: Iterable[Value]) -> None:
        self._parent: dict[Value, Value] = {}
        self.reads: dict[Value, frozenset[str]] = {}
        self.points: dict[Value, float] = {}
        self._count: dict[Value, int] = {}
        self._weight: dict[Value, int] = {}
        self._number: dict[Value, int] = {}
        for number, v in enumerate(values):
            assert v.expr is not None
            self._parent[v] = v
            self._number[v] = number
            self.reads[v] = frozenset(x.buffer for x in walk(v.expr) if isinstance(x, Load))
            self.points[v] = _points(v)
            self._count[v] = 1
            self._weight[v] = v.weight

    def root(self, v: Value) -> Value:
        """The first value of the set of `v`."""
        while (u := self._parent[v]) is not v:
            self._parent[v] = self._parent[u]
            v = u
        return v

    def join(self, u: Value, v: Value) -> bool:
        """Make one set of two, unless it would be too large."""
        u, v = sorted((self.root(u), self.root(v)), key=self._number.__getitem__)
        if u is v:
            return True
        count, weight = self._count[u] + self._count[v], self._weight[u] + self._weight[v]
        if count > MOST or weight > 2 * LARGEST:
            return False
        self._parent[v] = u
        self._count[u], self._weight[u] = count, weight
        self.reads[u] |= self.reads[v]
        self.points[u] += self.points[v]
        return True


def _points(value: Value) -> float:
    """Points of a value's iteration space, those of its reductions included."""
    inner = max((_size(x.extents) for x in value.reductions), default=1.0)
    return _size(value.shape) * inner


def _size(lengths: Iterable[Expr]) -> float:
    return math.prod(float(n.value) if isinstance(n, Const) else math.inf for n in lengths)
