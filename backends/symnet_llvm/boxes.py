"""Rows, columns and products of several axes: boxes of points, numbered in C order.

The tiles of a contraction are cut from those numbers. A *run* is what lies side by side in a box:
points that differ in the last axis only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from symnet.scalar import Symbol
from symnet_llvm.expressions import Expressions
from symnet_llvm.ir import Emitter, Value


@dataclass(frozen=True, slots=True)
class Side:
    """The axes of one kind.

    Attributes
    ----------
    symbols, extents
        The axes, the outermost first.
    length
        How many points there are.
    """

    symbols: tuple[Symbol, ...]
    extents: tuple[Value, ...]
    length: Value

    @staticmethod
    def of(e: Emitter, axes: Sequence[tuple[Symbol, Value]]) -> Side:
        """The side of some axes."""
        length: Value = 1
        for _, extent in axes:
            length = e.mul(length, extent)
        return Side(tuple(s for s, _ in axes), tuple(n for _, n in axes), length)

    @property
    def single(self) -> bool:
        """Whether there is but one axis."""
        return len(self.symbols) == 1

    @property
    def last(self) -> Symbol:
        """The axis along runs."""
        return self.symbols[-1]

    def point(self, e: Emitter, place: Value) -> list[Value]:
        """The index of a place."""
        index: list[Value] = []
        for extent in reversed(self.extents[1:]):
            rest = e.div(place, extent)
            index.append(e.sub(place, e.mul(rest, extent)))
            place = rest
        return [place, *reversed(index)]

    def bind(self, values: Expressions, place: Value) -> None:
        """Let the axes stand for a place."""
        for symbol, i in zip(self.symbols, self.point(values.f, place), strict=True):
            values.bind(symbol, (i,))


@dataclass(frozen=True, slots=True)
class Run:
    """Places side by side.

    Attributes
    ----------
    outer
        Index along all axes but the last.
    low
        Index of the first place along the last axis.
    lane
        How many places of the range it is cut from lie before it.
    count
        How many there are.
    """

    outer: tuple[Value, ...]
    low: Value
    lane: Value
    count: Value


@contextmanager
def runs(e: Emitter, side: Side, first: Value, count: Value) -> Iterator[Run]:
    """A loop over the runs of a range of places, of which there is one at least."""
    if side.single:
        yield Run((), first, 0, count)
        return
    length = side.extents[-1]
    outer = Side(side.symbols[:-1], side.extents[:-1], 0)
    end = e.add(first, count)
    low = e.div(first, length)
    high = e.div(e.add(end, e.sub(length, 1)), length)
    with e.loop(low, high, nonempty=True) as loop:
        begin = e.mul(loop.iv, length)
        start = e.maximum(begin, first)
        stop = e.minimum(e.add(begin, length), end)
        index = tuple(outer.point(e, loop.iv))
        yield Run(index, e.sub(start, begin), e.sub(start, first), e.sub(stop, start))


@dataclass(frozen=True, slots=True)
class Box:
    """Products that are summed in one go: a part of the box of all.

    Attributes
    ----------
    lows, counts
        For each axis where it begins and how long it is.
    count
        How many products there are.
    """

    lows: tuple[Value, ...]
    counts: tuple[Value, ...]
    count: Value

    @staticmethod
    def whole(side: Side) -> Box:
        """All products."""
        return Box((0,) * len(side.extents), side.extents, side.length)

    def place(self, e: Emitter, side: Side) -> Value:
        """The number of its first product among all."""
        place: Value = 0
        for low, extent in zip(self.lows, side.extents, strict=True):
            place = e.add(e.mul(place, extent), low)
        return place


@contextmanager
def boxes(e: Emitter, side: Side, room: int) -> Iterator[Box]:
    """A loop over boxes that have at most `room` products and cover all.

    Inner axes come first: outer ones are cut to pieces of length one where these fill the room.
    """
    steps: list[Value] = []
    left: Value = room
    for axis, extent in reversed(list(enumerate(side.extents))):
        # Of the outermost there may be less than a step.
        step = left if axis == 0 else e.maximum(e.minimum(extent, left), 1)
        steps.append(step)
        left = e.maximum(e.div(left, step), 1)
    lows: list[Value] = []
    counts: list[Value] = []
    count: Value = 1
    with ExitStack() as stack:
        for extent, step in zip(side.extents, reversed(steps), strict=True):
            loop = stack.enter_context(e.loop(0, extent, step))
            even = isinstance(extent, int) and isinstance(step, int) and extent % step == 0
            length = step if even else e.minimum(e.sub(extent, loop.iv), step)
            lows.append(loop.iv)
            counts.append(length)
            count = e.mul(count, length)
        yield Box(tuple(lows), tuple(counts), count)


@contextmanager
def points(e: Emitter, counts: Sequence[Value]) -> Iterator[tuple[list[Value], Value]]:
    """A loop over the points of a box: their index and number in it."""
    index: list[Value] = []
    number: Value = 0
    with ExitStack() as stack:
        for count in counts:
            index.append(stack.enter_context(e.loop(0, count)).iv)
            number = e.add(e.mul(number, count), index[-1])
        yield index, number
