"""Packing where rows, columns or products have several axes.

The places of a panel are cut into runs. Along a run, elements of a factor that is a plain load are
one distance apart, so a vector of them is one load; the box of products is walked by a loop for
each axis, which adds that axis's distance. Nothing is divided but where a run begins.

A factor may be zero outside of an array, as at the borders of an image. Borders become the first
lane and the one after the last that count, and the load is masked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from symnet_llvm import packing
from symnet_llvm.boxes import Box, Run, Side, runs
from symnet_llvm.expressions import Expressions, Lanes
from symnet_llvm.ir import Emitter, Value, iota, vector
from symnet_llvm.microkernel import Stream, Vectors
from symnet_llvm.operands import Border, Operand


@dataclass(frozen=True, slots=True)
class Place:
    """Where a panel goes: its memory, its width, its first place and how many there are."""

    pointer: str
    width: int
    first: Value
    count: Value


def pack(
    v: Vectors, values: Expressions, factor: Operand, side: Side, inner: Side, box: Box, to: Place
) -> None:
    """Fill a panel.

    Parameters
    ----------
    v, values
        What writes instructions and expressions.
    factor
        The factor.
    side, inner
        Its axes of the result, and those of the products.
    box
        The products to pack.
    to
        The panel.
    """
    e = v.emitter
    plain = side.single and factor.order != "computed" and not factor.borders
    if plain and factor.step == 1 and factor.lane != 1:
        _transpose(v, factor, inner, box, to)
        return
    with runs(e, side, to.first, to.count) as run:
        if factor.order == "computed":
            _compute(v, values, factor, (side, inner), box, to, run)
        else:
            _load(v, factor, box, to, run)


def _compute(
    v: Vectors, values: Expressions, factor: Operand, sides: tuple[Side, Side], box: Box,
    to: Place, run: Run,
) -> None:  # fmt: skip
    """Fill the lanes of a run with an expression."""
    e, (side, inner) = v.emitter, sides
    with e.loop(0, run.count, v.lanes) as loop, values.scope():
        mask = e.mask(e.sub(run.count, loop.iv), v.lanes)
        for symbol, i in zip(side.symbols, run.outer, strict=False):
            values.bind(symbol, (i,))
        with _points(e, box.counts) as (index, number):
            place = Lanes(v.lanes, (mask,), side.last, e.add(run.low, loop.iv))
            with values.vectors(place):
                for symbol, low, i in zip(inner.symbols, box.lows, index, strict=True):
                    values.bind(symbol, (e.add(low, i),))
                (result,) = values.vector(factor.expression)
            lane = e.add(run.lane, loop.iv)
            out = v.at(to.pointer, e.add(e.mul(number, to.width), lane))
            v.store(result, out, mask)


@contextmanager
def _points(e: Emitter, counts: Sequence[Value]) -> Iterator[tuple[list[Value], Value]]:
    """A loop over the points of a box: their index and number in it."""
    index: list[Value] = []
    number: Value = 0
    with ExitStack() as stack:
        for count in counts:
            index.append(stack.enter_context(e.loop(0, count)).iv)
            number = e.add(e.mul(number, count), index[-1])
        yield index, number


def _transpose(v: Vectors, factor: Operand, inner: Side, box: Box, to: Place) -> None:
    """Fill a panel from a factor whose elements are one apart along the products."""
    e = v.emitter
    counts, steps = list(box.counts), list(factor.steps)
    start = e.mul(to.first, factor.lane)
    for low, distance in zip(box.lows, steps, strict=True):
        start = e.add(start, e.mul(low, distance))
    # Axes that follow each other without gaps are one.
    while len(counts) > 1 and isinstance(counts[-1], int):
        if counts[-1] != inner.extents[len(counts) - 1] or steps[-2] != counts[-1]:
            break
        length = counts.pop()
        counts[-1] = e.mul(counts[-1], length)
        steps.pop()
        steps[-1] = 1
    count = counts[-1]
    with _points(e, counts[:-1]) as (index, number):
        offset = start
        for i, distance in zip(index, steps, strict=False):
            offset = e.add(offset, e.mul(i, distance))
        out = v.at(to.pointer, e.mul(number, e.mul(count, to.width)))
        least = count if isinstance(count, int) else 1
        packing.transpose(
            v,
            Stream(v.at(factor.pointer, offset), factor.lane, 1),
            packing.Panel(out, to.width, to.count, count, least),
        )


@dataclass(frozen=True, slots=True)
class _Bounds:
    """The first lane that counts, and the one after the last."""

    low: Value
    high: Value


def _load(v: Vectors, factor: Operand, box: Box, to: Place, run: Run) -> None:
    """Fill the lanes of a run with what is loaded, a vector at a time."""
    e = v.emitter
    start: Value = 0
    for i, distance in zip((*run.outer, run.low), factor.lanes, strict=True):
        start = e.add(start, e.mul(i, distance))
    for low, distance in zip(box.lows, factor.steps, strict=True):
        start = e.add(start, e.mul(low, distance))
    borders = []
    for b in factor.borders:
        rest = b.rest
        for i, c in zip((*run.outer, run.low), b.lanes, strict=True):
            rest = e.add(rest, e.mul(i, c))
        for low, c in zip(box.lows, b.steps, strict=True):
            rest = e.add(rest, e.mul(low, c))
        borders.append(Border(b.lanes, b.steps, rest))
    with e.loop(0, run.count, v.lanes) as piece:
        offset = e.add(start, e.mul(piece.iv, factor.lane))
        out = v.at(to.pointer, e.add(run.lane, piece.iv))
        bounds = _Bounds(0, e.minimum(e.sub(run.count, piece.iv), v.lanes))
        own = [e.add(b.rest, e.mul(b.lanes[-1], piece.iv)) for b in borders]
        inside = _mask(v, bounds)
        _Walk(v, factor, borders, box, to.width, inside).axis(0, offset, own, bounds, 0, out)


def _mask(v: Vectors, bounds: _Bounds) -> str | None:
    """The lanes between bounds."""
    e, lanes = v.emitter, v.lanes
    low, high = bounds.low, bounds.high
    if low == 0:
        return None if high == lanes else e.mask(high, lanes)
    type_ = vector("i32", lanes)
    # lane - low < high - low, where numbers below zero are the greatest of all.
    bottom, count = (e.op(f"trunc i64 {x} to i32") for x in (low, e.sub(high, low)))
    numbers = e.op(f"sub {type_} {iota('i32', lanes)}, {e.splat(bottom, 'i32', lanes)}")
    return e.op(f"icmp ult {type_} {numbers}, {e.splat(count, 'i32', lanes)}")


@dataclass(frozen=True, slots=True)
class _Walk:
    """A walk through the box of products, with loads of one vector."""

    v: Vectors
    factor: Operand
    borders: list[Border]
    box: Box
    width: int
    inside: str | None

    def axis(
        self, depth: int, offset: Value, own: list[Value], bounds: _Bounds, number: Value, out: str
    ) -> None:
        """Walk along an axis, and all those inside of it."""
        e = self.v.emitter
        # A border counts from where all it depends on is known.
        for b, value in zip(self.borders, own, strict=True):
            last = max((k + 1 for k, c in enumerate(b.steps) if c != 0), default=0)
            if last == depth:
                bounds = self._cut(bounds, b.lanes[-1], value)
        if depth == len(self.box.counts):
            self._copy(offset, bounds, number, out)
            return
        count, step = self.box.counts[depth], self.factor.steps[depth]
        with e.loop(0, count) as loop:
            self.axis(
                depth + 1,
                e.add(offset, e.mul(loop.iv, step)),
                [
                    e.add(x, e.mul(loop.iv, b.steps[depth]))
                    for x, b in zip(own, self.borders, strict=True)
                ],
                bounds,
                e.add(e.mul(number, count), loop.iv),
                out,
            )

    def _cut(self, bounds: _Bounds, lane: Value, value: Value) -> _Bounds:
        """The bounds within which ``value + lane * i >= 0``."""
        e = self.v.emitter
        low, high = bounds.low, bounds.high
        assert isinstance(lane, int)
        if lane == 0:
            return _Bounds(low, e.op(f"select i1 {e.less(value, 0)}, i64 {low}, i64 {high}"))
        if lane > 0:
            first = e.div(e.add(e.maximum(e.sub(0, value), 0), lane - 1), lane)
            return _Bounds(e.minimum(e.maximum(first, low), high), high)
        end = e.div(e.maximum(e.sub(value, lane), 0), -lane)
        return _Bounds(low, e.maximum(e.minimum(end, high), low))

    def _copy(self, offset: Value, bounds: _Bounds, number: Value, out: str) -> None:
        v, e, factor = self.v, self.v.emitter, self.factor
        mask = self.inside if not self.borders else _mask(v, bounds)
        # Not "inbounds": lanes that do not count may lie anywhere.
        first = e.op(f"getelementptr {v.scalar}, ptr {factor.pointer}, i64 {offset}")
        if factor.lane == 1:
            value = v.load(first, mask)
        else:
            numbers = iota("i64", v.lanes)
            type_ = vector("i64", v.lanes)
            distance = e.splat(str(factor.lane), "i64", v.lanes)
            away = e.op(f"mul {type_} {numbers}, {distance}")
            places = e.op(f"getelementptr {v.scalar}, ptr {first}, {type_} {away}")
            value = e.gather(places, v.dtype, v.lanes, mask)
        v.store(value, v.at(out, e.mul(number, self.width)), self.inside)
