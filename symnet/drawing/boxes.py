"""Boxes: the nodes of a scene, in their groups, with the edges cut where they cross a border.

A box has items: nodes, inner boxes, and *ports*, where a value comes in at its top or leaves at its
bottom. An edge from one box into another becomes a chain of links, each inside of one box: from a
node to its box's port, from box to box, from a port to a node. So every box can be laid out by
itself, whatever else is open or closed.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from symnet.drawing.scene import Path, Scene, gathered


@dataclass(slots=True, eq=False)
class Item:
    """Something that has a place in a box.

    Attributes
    ----------
    kind
        ``"node"``, ``"box"``, ``"in"`` and ``"out"`` for ports, ``"bend"`` for where a long link
        passes a row.
    node
        Its number in the scene, if it is a node.
    box
        The inner box, if it is one.
    """

    kind: str
    node: int = -1
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class End:
    """An end of a link: an item and, if that is a box, the port in it."""

    item: int
    port: int = -1


@dataclass(frozen=True, slots=True)
class Link:
    """A piece of an edge within a box.

    Attributes
    ----------
    source, target
        Its ends; the source stands higher.
    value
        The value that passes.
    label
        What it is.
    up
        Whether it passes from below: what the next turn of a loop reads.
    """

    source: End
    target: End
    value: Hashable
    label: str = field(compare=False)
    up: bool = False


@dataclass(slots=True, eq=False)
class Box:
    """A group of items.

    Attributes
    ----------
    key
        What the scene knows its face by; None for the outermost.
    items
        What is in it.
    rows
        Numbers of items, row by row, each from left to right (`symnet.drawing.layers`).
    links
        The links between them.
    """

    key: Hashable
    items: list[Item] = field(default_factory=list)
    rows: list[list[int]] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    def add(self, item: Item) -> int:
        """Add an item; returns its number."""
        self.items.append(item)
        return len(self.items) - 1

    def inner(self) -> Iterator[Box]:
        """The boxes in it."""
        return (x.box for x in self.items if x.box is not None)


def boxed(scene: Scene, grouping: str | None) -> Box:
    """The nodes of a scene in the boxes of a grouping, or all in one."""
    paths: Sequence[Path] = [()] * len(scene.nodes)
    order: Sequence[int] = range(len(scene.nodes))
    if grouping is not None:
        paths = scene.groupings[grouping]
        if grouping != IN_ORDER:
            order = gathered(scene, paths)
    return _Boxes(scene, order, paths).root


IN_ORDER = "step"
"""The grouping whose groups follow each other in the scene as it is."""


class _Boxes:
    def __init__(self, scene: Scene, order: Sequence[int], paths: Sequence[Path]) -> None:
        self.root = Box(None)
        self._groups = scene.groups
        # For each node the boxes around it, outermost first, with its number in each.
        self._ways: dict[int, list[tuple[Box, int]]] = {}
        self._ports: dict[tuple[int, str, Hashable], int] = {}
        self._links: set[tuple[int, Link]] = set()
        self._grow(_runs(order, paths))
        for e in scene.edges:
            self._connect(e.source, e.target, e.value, e.label)

    def _grow(self, runs: Mapping[int, Path]) -> None:
        """Put nodes into the boxes of their runs, but for those that say nothing."""
        members: dict[Path, int] = {}
        for path in runs.values():
            for k in range(1, len(path) + 1):
                members[path[:k]] = members.get(path[:k], 0) + 1
        boxes: dict[Path, list[tuple[Box, int]]] = {(): []}
        for n, path in runs.items():
            kept: Path = ()
            for k in range(1, len(path) + 1):
                count = members[path[:k]]
                # A group of one, or of the same nodes as the group in it, is left out; but a loop.
                alike = count == 1 or (k < len(path) and count == members[path[: k + 1]])
                if alike and self._groups[path[k - 1][0]].kind != "loop":
                    continue
                outer, kept = boxes[kept], path[:k]
                if kept not in boxes:
                    inner = Box(path[k - 1][0])
                    around = outer[-1][0] if outer else self.root
                    boxes[kept] = [*outer, (inner, around.add(Item("box", box=inner)))]
            way = boxes[kept]
            number = (way[-1][0] if way else self.root).add(Item("node", node=n))
            around_it = [self.root, *(b for b, _ in way)]
            self._ways[n] = list(zip(around_it, [*(k for _, k in way), number], strict=True))

    def _connect(self, source: int, target: int, value: Hashable, label: str) -> None:
        up, down = self._ways[source], self._ways[target]
        shared = 0
        while up[shared][0] is down[shared][0] and up[shared][1] == down[shared][1]:
            shared += 1
            if shared == min(len(up), len(down)):
                return  # to itself
        box = up[shared][0]
        begin = self._port(up[shared:], "out", value, label)
        end = self._port(down[shared:], "in", value, label)
        self._link(box, begin, end, value, label)

    def _port(self, way: Sequence[tuple[Box, int]], kind: str, value: Hashable, label: str) -> End:
        """The end of a link in the outermost box of a way, all links further in being made."""
        end = End(way[-1][1])
        for (inner, _), (_, number) in zip(reversed(way[1:]), reversed(way[:-1]), strict=True):
            key = id(inner), kind, value
            port = self._ports.get(key)
            if port is None:
                port = self._ports[key] = inner.add(Item(kind))
            ends = (End(port), end) if kind == "in" else (end, End(port))
            self._link(inner, *ends, value, label)
            end = End(number, port)
        return end

    def _link(self, box: Box, source: End, target: End, value: Hashable, label: str) -> None:
        ports = box.items[source.item].kind == "in" or box.items[target.item].kind == "out"
        up = source.item > target.item and not ports
        ends = (target, source) if up else (source, target)
        link = Link(*ends, value, label, up)
        if source.item != target.item and (id(box), link) not in self._links:
            self._links.add((id(box), link))
            box.links.append(link)


def _runs(order: Sequence[int], paths: Sequence[Path]) -> dict[int, Path]:
    """The groups of each node, in order, each with a number: it ends where another path begins.

    Where a part of a group comes a second time, the group does, too: it is that of a loop of the
    user's.
    """
    found: dict[int, Path] = {}
    open_: list[tuple[Hashable, int]] = []
    closed: list[set[Hashable]] = [set()]
    count = 0
    for n in order:
        path = paths[n]
        kept = 0
        while kept < min(len(path), len(open_)) and open_[kept][0] == path[kept]:
            kept += 1
        if 0 < kept < len(path) and path[kept] in closed[kept]:
            kept -= 1
        for key, _ in reversed(open_[kept:]):
            closed.pop()
            closed[-1].add(key)
        del open_[kept:]
        for key in path[kept:]:
            open_.append((key, count))
            closed.append(set())
            count += 1
        found[n] = tuple(open_)
    return found
