"""Packing where rows, columns or products have several axes.

The places of a panel are cut into runs. Along a run, elements of a factor that is a plain load are
one distance apart, so a vector of them is one load; the box of products is walked by a loop for
each axis, which adds that axis's distance. Nothing is divided but where a run begins.

A factor may be zero outside of an array, as at the borders of an image. Borders become the first
lane and the one after the last that count, and the load is masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd

from symnet_llvm import packing
from symnet_llvm.boxes import Box, Run, Side, points, runs
from symnet_llvm.expressions import Expressions, Lanes
from symnet_llvm.ir import Value, iota, vector
from symnet_llvm.microkernel import ZERO, Stream, Vectors
from symnet_llvm.operands import Operand

FEW = 8
"""Runs that may meet in a vector for it to be filled at once."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a panel goes.

    Attributes
    ----------
    pointer, width
        Its memory, and how many places it has room for.
    first, count
        Its first place, and how many there are.
    multiple
        What `first` is a multiple of.
    """

    pointer: str
    width: int
    first: Value
    count: Value
    multiple: int


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
    most = _meeting(side.extents[-1], v.lanes, to.multiple)
    if most is not None and factor.order != "computed" and factor.lane == 1:
        _vectors(v, factor, side, box, to, most)
        return
    with runs(e, side, to.first, to.count) as run:
        if factor.order == "computed":
            _compute(v, values, factor, (side, inner), box, to, run)
        else:
            _pieces(v, factor, box, to, run)


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
        with points(e, box.counts) as (index, number):
            place = Lanes(v.lanes, (mask,), side.last, e.add(run.low, loop.iv))
            with values.vectors(place):
                for symbol, low, i in zip(inner.symbols, box.lows, index, strict=True):
                    values.bind(symbol, (e.add(low, i),))
                (result,) = values.vector(factor.expression)
            lane = e.add(run.lane, loop.iv)
            out = v.at(to.pointer, e.add(e.mul(number, to.width), lane))
            v.store(result, out, mask)


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
    with points(e, counts[:-1]) as (index, number):
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


@dataclass(frozen=True, slots=True)
class _Strand:
    """Lanes of a vector that one run fills.

    Attributes
    ----------
    pointer
        Where the element of the first lane is (or would be), at the first product.
    borders
        The borders' integers there.
    bounds
        The lanes.
    """

    pointer: str
    borders: tuple[Value, ...]
    bounds: _Bounds


def _strand(
    v: Vectors, factor: Operand, box: Box, index: tuple[Value, ...], bounds: _Bounds
) -> _Strand:
    """The lanes that begin at an index."""
    e = v.emitter

    def total(start: Value, lanes: tuple[Value, ...], steps: tuple[Value, ...]) -> Value:
        for i, distance in zip((*index, *box.lows), (*lanes, *steps), strict=True):
            start = e.add(start, e.mul(i, distance))
        return start

    offset = total(0, factor.lanes, factor.steps)
    # Not "inbounds": lanes that do not count may lie anywhere.
    pointer = e.op(f"getelementptr {v.scalar}, ptr {factor.pointer}, i64 {offset}")
    borders = tuple(total(b.rest, b.lanes, b.steps) for b in factor.borders)
    return _Strand(pointer, borders, bounds)


def _pieces(v: Vectors, factor: Operand, box: Box, to: Place, run: Run) -> None:
    """Fill the lanes of a run, a vector at a time."""
    e = v.emitter
    with e.loop(0, run.count, v.lanes) as piece:
        bounds = _Bounds(0, e.minimum(e.sub(run.count, piece.iv), v.lanes))
        index = (*run.outer, e.add(run.low, piece.iv))
        strand = _strand(v, factor, box, index, bounds)
        out = v.at(to.pointer, e.add(run.lane, piece.iv))
        _Walk(v, factor, box, to.width, _mask(v, bounds)).run([strand], out)


def _vectors(v: Vectors, factor: Operand, side: Side, box: Box, to: Place, most: int) -> None:
    """Fill a panel vector by vector, each from the runs that meet in it, `most` at the most."""
    e, length = v.emitter, side.extents[-1]
    outer = Side(side.symbols[:-1], side.extents[:-1], 0)
    with e.loop(0, to.width, v.lanes) as loop:
        first = e.add(to.first, loop.iv)
        end = e.minimum(e.sub(to.count, loop.iv), v.lanes)
        number = e.div(first, length)
        begin = e.sub(e.mul(number, length), first)
        strands = []
        for k in range(most):
            # Where the run would begin, counted from the first lane.
            start = e.add(begin, e.mul(k, length))
            low = e.maximum(start, 0) if k == 0 else start
            bounds = _Bounds(low, e.maximum(e.minimum(e.add(start, length), end), low))
            around = () if side.single else outer.point(e, e.add(number, k))
            index = (*around, e.sub(0, start))
            strands.append(_strand(v, factor, box, index, bounds))
        _Walk(v, factor, box, to.width, None).run(strands, v.at(to.pointer, loop.iv))


def _meeting(length: Value, lanes: int, multiple: int) -> int | None:
    """How many runs of a length meet in a vector at the most, if few do."""
    if not isinstance(length, int) or length < 1:
        return None
    places = range(0, length, gcd(length, lanes, multiple))
    most = max(1 - (length - lanes - at) // length for at in places)
    return most if most <= FEW else None


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
    """A walk through the box of products that fills a vector of lanes at each.

    Attributes
    ----------
    v, factor, box
        What writes instructions, what is read, and the products.
    width
        Distance of the vectors in the panel.
    inside
        The lanes to be written.
    """

    v: Vectors
    factor: Operand
    box: Box
    width: int
    inside: str | None

    def run(self, strands: list[_Strand], out: str) -> None:
        """Fill vectors from strands."""
        # Axes that borders depend on come first: inside of them, masks do not change.
        axes = range(len(self.box.counts))
        order = sorted(axes, key=lambda k: all(b.steps[k] == 0 for b in self.factor.borders))
        masks = [_mask(self.v, s.bounds) for s in strands]
        self._axis(order, 0, strands, masks, 0, 0, out)

    def _axis(
        self, order: Sequence[int], depth: int, strands: list[_Strand], masks: list[str | None],
        offset: Value, number: Value, out: str,
    ) -> None:  # fmt: skip
        """Walk along an axis, and all those inside of it."""
        e = self.v.emitter
        # A border counts from where all it depends on is known.
        known = [
            i
            for i, b in enumerate(self.factor.borders)
            if max((d + 1 for d, k in enumerate(order) if b.steps[k] != 0), default=0) == depth
        ]
        if known:
            strands = [self._cut(s, known) for s in strands]
            masks = [_mask(self.v, s.bounds) for s in strands]
        if depth == len(order):
            self._copy(strands, masks, offset, number, out)
            return
        axis = order[depth]
        count, step = self.box.counts[axis], self.factor.steps[axis]
        each: Value = 1
        for n in self.box.counts[axis + 1 :]:
            each = e.mul(each, n)
        with e.loop(0, count) as loop:
            moved = [
                replace(
                    s,
                    borders=tuple(
                        e.add(x, e.mul(loop.iv, b.steps[axis]))
                        for x, b in zip(s.borders, self.factor.borders, strict=True)
                    ),
                )
                for s in strands
            ]
            at = e.add(offset, e.mul(loop.iv, step)), e.add(number, e.mul(loop.iv, each))
            self._axis(order, depth + 1, moved, masks, *at, out)

    def _cut(self, strand: _Strand, known: list[int]) -> _Strand:
        """The lanes for which some borders' integers are not less than zero."""
        bounds = strand.bounds
        for i in known:
            bounds = self._within(bounds, self.factor.borders[i].lanes[-1], strand.borders[i])
        return replace(strand, bounds=bounds)

    def _within(self, bounds: _Bounds, lane: Value, value: Value) -> _Bounds:
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

    def _copy(
        self, strands: list[_Strand], masks: list[str | None], offset: Value, number: Value,
        out: str,
    ) -> None:  # fmt: skip
        v, e, lane = self.v, self.v.emitter, self.factor.lane
        value = ZERO
        for strand, mask in zip(strands, masks, strict=True):
            first = e.op(f"getelementptr {v.scalar}, ptr {strand.pointer}, i64 {offset}")
            if lane == 1:
                value = v.load_into(value, first, mask)
            else:
                type_ = vector("i64", v.lanes)
                distance = e.splat(str(lane), "i64", v.lanes)
                away = e.op(f"mul {type_} {iota('i64', v.lanes)}, {distance}")
                places = e.op(f"getelementptr {v.scalar}, ptr {first}, {type_} {away}")
                value = e.gather(places, v.dtype, v.lanes, mask)
        v.store(value, v.at(out, e.mul(number, self.width)), self.inside)
