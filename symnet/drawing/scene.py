"""Scenes: what there is to draw of a graph, before anybody knows where.

A scene has nodes, edges between them and, for each way to group the nodes, the path of groups that
every node is in. How a node or a closed group looks, and what is said of it when it is asked for,
is its `Face`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Path = tuple[Any, ...]

_LETTER, _SMALL = 7.7, 6.3
"""Pixels that a letter takes in a title and below it."""
_LONGEST = 40
"""Letters of a title."""


@dataclass(slots=True)
class Chip:
    """A small mark on a face: something a node reads or writes that has no node of its own."""

    text: str
    kind: str

    @property
    def width(self) -> float:
        """Pixels."""
        return 10 + _SMALL * len(self.text)


@dataclass(slots=True)
class Face:
    """How a node or a closed group looks.

    Attributes
    ----------
    title, subtitle
        What stands on it.
    kind
        What decides about its colour.
    chips
        Marks on it.
    badge
        What stands in its corner: a time.
    heat
        Between 0 and 1: its share of all time.
    facts
        What is said of it when it is asked for.
    text
        Code that belongs to it.
    """

    title: str
    subtitle: str = ""
    kind: str = "other"
    chips: list[Chip] = field(default_factory=list)
    badge: str = ""
    heat: float = 0.0
    facts: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        self.title = shortened(self.title, _LONGEST)
        self.subtitle = shortened(self.subtitle, _LONGEST + 6)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in pixels."""
        badge = 14 + _SMALL * len(self.badge) if self.badge else 0
        chips = sum(c.width + 4 for c in self.chips)
        width = max(_LETTER * len(self.title) + badge, _SMALL * len(self.subtitle), chips) + 22
        height = 26 + 15 * bool(self.subtitle) + 22 * bool(self.chips)
        return round(max(width, 44.0), 1), float(height)


def shortened(text: str, length: int) -> str:
    """A text on one line, cut if it is too long."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


@dataclass(frozen=True, slots=True)
class Edge:
    """A value that one node makes and another one reads.

    Attributes
    ----------
    source, target
        Numbers of nodes.
    value
        Tells values apart.
    label
        What it is.
    """

    source: int
    target: int
    value: Hashable
    label: str


@dataclass(slots=True)
class Scene:
    """What there is to draw.

    Attributes
    ----------
    name, note
        What it shows, in a word and in a sentence.
    nodes
        Their faces; operands come before what reads them, but for loops.
    edges
        The values that pass from node to node.
    groupings
        For each way to group them the path of each node, from the outermost group.
    groups
        The faces of groups.
    """

    name: str
    note: str
    nodes: list[Face] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    groupings: dict[str, list[Path]] = field(default_factory=dict)
    groups: dict[Hashable, Face] = field(default_factory=dict)


def gathered(scene: Scene, paths: Sequence[Path]) -> list[int]:
    """An order of the nodes, operands first, in which those of one group follow each other.

    A node whose operands are done is next if it shares most of its path with the one before.
    """
    waits = [0] * len(scene.nodes)
    readers: list[list[int]] = [[] for _ in scene.nodes]
    for e in scene.edges:
        if e.source < e.target:
            waits[e.target] += 1
            readers[e.source].append(e.target)
    ready: dict[Path, dict[int, None]] = {}

    def put(n: int) -> None:
        ready.setdefault(paths[n], {})[n] = None

    for n, count in enumerate(waits):
        if not count:
            put(n)
    found: list[int] = []
    last: Path = ()
    while ready:
        # Of those that share most with the last one, what was built first.
        path = max(ready, key=lambda p: (_shared(p, last), -next(iter(ready[p]))))
        n = next(iter(ready[path]))
        del ready[path][n]
        if not ready[path]:
            del ready[path]
        found.append(n)
        last = path
        for r in readers[n]:
            waits[r] -= 1
            if not waits[r]:
                put(r)
    return found


def _shared(a: Path, b: Path) -> int:
    count = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        count += 1
    return count


def common_prefix(paths: Iterator[Path]) -> int:
    """How many groups, from the outermost, all paths have in common."""
    first = next(paths, ())
    length = len(first)
    for p in paths:
        length = min(length, _shared(first, p))
    return length


def cut(paths: Sequence[Path], deepest: int) -> list[Path]:
    """Paths without what they have in common, and of so many groups at most."""
    start = common_prefix(iter([p for p in paths if p]))
    return [p[start : start + deepest] for p in paths]
