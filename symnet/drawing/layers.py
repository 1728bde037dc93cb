"""Layers: which row of a box every item stands in, and in which order, so that few links cross.

K. Sugiyama, S. Tagawa, M. Toda, *Methods for visual understanding of hierarchical system
structures*, IEEE Transactions on Systems, Man and Cybernetics 11, 1981: rows by the longest way,
bends where a link passes a row, and sweeps that put every item near the middle of its neighbours.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Hashable, Sequence
from itertools import pairwise

from symnet.drawing.boxes import Box, End, Item, Link

_SWEEPS = 12
_MANY = 3000
"""Links from which on fewer sweeps must do."""


def arrange(box: Box) -> None:
    """Give a box and all in it their rows."""
    stack = [box]
    while stack:
        b = stack.pop()
        _bend(b, _ranks(b))
        _order(b)
        stack.extend(b.inner())


def _ranks(box: Box) -> list[int]:
    """The row of each item."""
    kinds = [x.kind for x in box.items]
    incoming: list[list[int]] = [[] for _ in kinds]
    outgoing: list[list[int]] = [[] for _ in kinds]
    for link in box.links:
        incoming[link.target.item].append(link.source.item)
        outgoing[link.source.item].append(link.target.item)
    first = 1 if "in" in kinds else 0
    ranks = [0 if kind == "in" else first for kind in kinds]
    inner = [n for n, kind in enumerate(kinds) if kind in ("node", "box")]
    for n in inner:  # operands stand before what reads them
        ranks[n] = max((ranks[m] + 1 for m in incoming[n]), default=first)
    for n in reversed(inner):
        # What reads nothing stands just above who reads it.
        after = [ranks[m] for m in outgoing[n] if kinds[m] != "out"]
        if after and all(kinds[m] == "in" for m in incoming[n]):
            ranks[n] = max(ranks[n], min(after) - 1)
    last = max((ranks[n] for n in inner), default=0) + 1
    return [last if kind == "out" else r for kind, r in zip(kinds, ranks, strict=True)]


def _bend(box: Box, ranks: list[int]) -> None:
    """Cut links into pieces from row to row.

    The links of one value share their way down, and so do those between the same two items.
    """
    bends: dict[tuple[Hashable, int], int] = {}
    pieces: dict[Link, None] = {}
    between: dict[tuple[int, int], set[Hashable]] = {}
    for link in box.links:
        between.setdefault((link.source.item, link.target.item), set()).add(link.value)
    for link in box.links:
        before = link.source
        ends = link.source.item, link.target.item
        way: Hashable = ends if len(between[ends]) > 1 else (link.source, link.value)
        for rank in range(ranks[link.source.item] + 1, ranks[link.target.item]):
            number = bends.get((way, rank))
            if number is None:
                number = bends[way, rank] = box.add(Item("bend"))
                ranks.append(rank)
            pieces[Link(before, End(number), link.value, link.label, link.up)] = None
            before = End(number)
        pieces[Link(before, link.target, link.value, link.label, link.up)] = None
    box.links = list(pieces)
    box.rows = [[] for _ in range(max(ranks, default=-1) + 1)]
    for number, rank in enumerate(ranks):
        box.rows[rank].append(number)


def _order(box: Box) -> None:
    above: dict[int, list[int]] = {}
    below: dict[int, list[int]] = {}
    for link in box.links:
        below.setdefault(link.source.item, []).append(link.target.item)
        above.setdefault(link.target.item, []).append(link.source.item)
    best, fewest = [list(row) for row in box.rows], _crossings(box.rows, below)
    for sweep in range(_SWEEPS if len(box.links) < _MANY else 4):
        if not fewest:
            break
        downward = sweep % 2 == 0
        rows = box.rows if downward else box.rows[::-1]
        neighbours = above if downward else below
        for fixed, row in pairwise(rows):
            place = {n: k for k, n in enumerate(fixed)}
            _sort(row, neighbours, place)
        count = _crossings(box.rows, below)
        if count < fewest:
            best, fewest = [list(row) for row in box.rows], count
    box.rows = best


def _sort(row: list[int], neighbours: dict[int, list[int]], place: dict[int, int]) -> None:
    """Sort a row by the middle of neighbours; what has none stays where it is."""
    middle: dict[int, float] = {}
    for k, n in enumerate(row):
        near = [place[m] for m in neighbours.get(n, ()) if m in place]
        middle[n] = sum(near) / len(near) if near else k * len(place) / max(len(row), 1)
    row.sort(key=middle.__getitem__)


def _crossings(rows: Sequence[Sequence[int]], below: dict[int, list[int]]) -> int:
    """How many links cross."""
    count = 0
    for upper, lower in pairwise(rows):
        place = {n: k for k, n in enumerate(lower)}
        seen: list[int] = []
        for n in upper:
            ends = sorted(place[m] for m in below.get(n, ()))
            count += sum(len(seen) - bisect_right(seen, e) for e in ends)
            for e in ends:
                insort(seen, e)
    return count
