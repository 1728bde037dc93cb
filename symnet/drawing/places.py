"""Places: where the items of a box stand, given which boxes are open.

Rows follow each other from top to bottom. In a row every item wants to be below or above the middle
of its neighbours, the straighter for long links; of all places that keep the order and the gaps,
the nearest in the sense of least squares is found by pooling adjacent violators. The page does
the same in the browser, where boxes are opened and closed (``page.js``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from symnet.drawing.boxes import Box, End
from symnet.drawing.scene import Scene

GAP, ROW, PAD, HEAD, PORT = 20.0, 34.0, 14.0, 24.0, 8.0
_SWEEPS = 8


@dataclass(slots=True)
class Place:
    """A rectangle: left, top, width, height, and what is in it if it is an open box."""

    x: float
    y: float
    width: float
    height: float
    inner: Layout | None = None

    @property
    def middle(self) -> float:
        """Where it is in its row."""
        return self.x + self.width / 2


@dataclass(slots=True)
class Layout:
    """Places of the items of a box, relative to it, and its size."""

    box: Box
    places: list[Place] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0

    def at(self, end: End) -> float:
        """Where a link ends, from the left."""
        place = self.places[end.item]
        if place.inner is not None and end.port >= 0:
            return place.x + place.inner.places[end.port].middle
        return place.middle


def lay_out(scene: Scene, box: Box, is_open: Callable[[Box], bool]) -> Layout:
    """Place everything in a box; it is itself open."""
    found = Layout(box)
    for item in box.items:
        inner = None
        width, height = PORT, 0.0
        if item.kind == "node":
            width, height = scene.nodes[item.node].size
        elif item.box is not None:
            if is_open(item.box):
                inner = lay_out(scene, item.box, is_open)
                width, height = inner.width, inner.height
            else:
                width, height = scene.groups[item.box.key].size
        found.places.append(Place(0.0, 0.0, width, height, inner))
    _columns(found)
    _rows(found, HEAD if box.key is not None else 0.0)
    if box.key is not None:
        width, _ = scene.groups[box.key].size
        found.width = max(found.width, width)
    return found


def _columns(found: Layout) -> None:
    box, places = found.box, found.places
    above: list[list[tuple[End, End]]] = [[] for _ in places]
    below: list[list[tuple[End, End]]] = [[] for _ in places]
    for link in box.links:
        below[link.source.item].append((link.source, link.target))
        above[link.target.item].append((link.target, link.source))
    for row in box.rows:
        x = 0.0
        for n in row:
            places[n].x = x
            x += places[n].width + GAP
    for sweep in range(_SWEEPS):
        downward = sweep % 2 == 0
        for row in box.rows if downward else box.rows[::-1]:
            wishes, weights = [], []
            for n in row:
                near = above[n] if downward else below[n]
                if sweep >= _SWEEPS - 2:
                    near = above[n] + below[n]
                wish, weight = _wish(found, n, near)
                wishes.append(wish)
                weights.append(weight)
            _put(found, row, wishes, weights)
    left = min((p.x for p in places), default=0.0)
    for p in places:
        p.x += PAD - left
    found.width = max((p.x + p.width for p in places), default=0.0) + PAD


def _wish(found: Layout, n: int, near: Sequence[tuple[End, End]]) -> tuple[float, float]:
    """Where the middle of an item would like to be, and how much."""
    place, items = found.places[n], found.box.items
    if not near:
        return place.middle, 0.01
    total = weight = 0.0
    for own, other in near:
        bends = (items[n].kind == "bend") + (items[other.item].kind == "bend")
        w = (1.0, 3.0, 8.0)[bends]
        total += w * (found.at(other) - (found.at(own) - place.middle))
        weight += w
    return total / weight, weight


def _put(
    found: Layout, row: Sequence[int], wishes: Sequence[float], weights: Sequence[float]
) -> None:
    """Place a row as near to its wishes as its order and the gaps allow."""
    offsets, offset = [], 0.0
    for k, n in enumerate(row):
        if k:
            offset += (found.places[row[k - 1]].width + found.places[n].width) / 2 + GAP
        offsets.append(offset)
    pools: list[tuple[float, float, int]] = []  # mean, weight, count
    for wish, weight, offset in zip(wishes, weights, offsets, strict=True):
        pools.append((wish - offset, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (m1, w1, c1), (m2, w2, c2) = pools[-2:]
            pools[-2:] = [((m1 * w1 + m2 * w2) / (w1 + w2), w1 + w2, c1 + c2)]
    means = [mean for mean, _, count in pools for _ in range(count)]
    for n, mean, offset in zip(row, means, offsets, strict=True):
        found.places[n].x = mean + offset - found.places[n].width / 2


def _rows(found: Layout, head: float) -> None:
    y = head
    kinds = [x.kind for x in found.box.items]
    for number, row in enumerate(found.box.rows):
        height = max((found.places[n].height for n in row), default=0.0)
        ports = any(kinds[n] in ("in", "out") for n in row)
        y += 0.0 if ports and number == 0 else PAD if number == 0 else ROW
        for n in row:
            place = found.places[n]
            place.y = y + (height - place.height) / 2
            if kinds[n] == "bend":
                place.y, place.height = y, height
        y += height
    last = found.box.rows[-1] if found.box.rows else []
    found.height = y + (0.0 if any(kinds[n] == "out" for n in last) else PAD)
