"""Convolutions with images side by side in vectors.

Where there are many images, a vector may hold one place of as many of them as it has lanes. A
*slab* is a copy of such a block of images in that order. It is made once; all products of the block
read it, each tap at its own distance, and what lies beyond a border is not read at all. Compared
with panels of places (`symnet_llvm.gather`), nothing is copied once for every tap.

The sums of a line of places are turned back before the epilogue, which runs along the line.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from symnet.axes import Axes
from symnet.kernel import Axis, Contraction, Store
from symnet.scalar import Const, Expr
from symnet.scalar.integer import NotAffineError, split
from symnet_llvm import packing, tiling
from symnet_llvm.boxes import Box, points
from symnet_llvm.frame import NANOSECONDS, Frame
from symnet_llvm.gather import Place, pack
from symnet_llvm.ir import Emitted, Value
from symnet_llvm.microkernel import ZERO, Stream, Vectors
from symnet_llvm.operands import Border, Operand, read
from symnet_llvm.target import Target

LARGEST = 1 << 19
"""Bytes of a slab up to which it stays near."""
FULL = 0.8
"""Share of the lanes that must be filled."""
FEWEST = 64
"""Products of a sum from which on it costs little to turn sums back."""


@dataclass(frozen=True, slots=True)
class _Slab:
    """A convolution that can be done so.

    Attributes
    ----------
    work
        The contraction, with images as columns, of which they are the first axis, and taps that
        meet borders as the first of its products.
    image
        Distance of images.
    low, high
        The elements of an image that are read: from the factor's first one on, up to this one.
    """

    work: Contraction
    image: int
    low: int
    high: int


def emit(work: Contraction, name: str, target: Target) -> Emitted | None:
    """Write the function of a contraction, if it is a convolution of many images."""
    slab = _slab(work, target)
    return None if slab is None else _Writer(slab, name, target).emit()


# ------------------------------------------------------------------------------------ whether


def _slab(work: Contraction, target: Target) -> _Slab | None:
    """How to do a contraction with images side by side; None if it is not for that."""
    for turned in (False, True):
        lines, images = (work.rows, work.columns) if not turned else (work.columns, work.rows)
        if len(images) < 2 or len(lines) != 1:
            continue
        x, w = (work.right, work.left) if not turned else (work.left, work.right)
        found = _of_images(work, lines, images, (w, x), target)
        if found is not None:
            return found
    return None


def _of_images(
    work: Contraction, lines: Axes, images: Axes, factors: tuple[Expr, Expr], target: Target
) -> _Slab | None:
    taps = work.inner
    lengths = [a.extent for a in (*lines, *images, *taps)]
    if not all(isinstance(n, Const) and n.value > 0 for n in lengths):
        return None
    lanes = target.lanes(work.dtype)
    inner = tuple(a.symbol for a in taps)
    x = read(factors[1], tuple(a.symbol for a in images), inner)
    w = read(factors[0], tuple(a.symbol for a in lines), inner)
    if x.load is None or w.load is None or w.borders or not _along(work, images[-1]):
        return None
    found = _numbers(x.load.offset, (*images, *taps))
    known = [b for b in (_border(b, (*images, *taps)) for b in x.borders) if b is not None]
    if found is None or len(known) < len(x.borders):
        return None
    distances, _ = found
    for n, axis in enumerate(images[:-1]):
        blocks = -(-_length(axis) // lanes)
        if any(b[n] for b in known) or distances[n] <= 0 or _length(axis) < FULL * blocks * lanes:
            continue
        span = _span((*images, *taps), distances, known, n, len(images))
        if span is None or (span[1] - span[0]) * target.vector_bytes > LARGEST:
            continue
        count = _products(taps)
        if _length(lines[0]) < 4 or not FEWEST <= count <= tiling.STREAM // 8 // _length(lines[0]):
            continue
        met = [any(b[len(images) + k] for b in known) for k in range(len(taps))]
        order = [k for flag in (True, False) for k in range(len(taps)) if met[k] is flag]
        arranged = Contraction(
            work.params, work.ints, work.batch, lines, (axis, *images[:n], *images[n + 1 :]),
            tuple(taps[k] for k in order), factors[0], factors[1], work.epilogue, work.dtype,
        )  # fmt: skip
        return _Slab(arranged, distances[n], *span)
    return None


def _along(work: Contraction, axis: Axis) -> bool:
    """Whether results are stored one element apart along an axis."""
    for s in work.epilogue:
        if isinstance(s, Store):
            found = _numbers(s.offset, (axis,))
            if found is None or found[0] != [1]:
                return False
    return True


def _length(axis: Axis) -> int:
    assert isinstance(axis.extent, Const)
    return int(axis.extent.value)


def _products(taps: Axes) -> int:
    total = 1
    for a in taps:
        total *= _length(a)
    return total


def _numbers(x: Expr, axes: Axes) -> tuple[list[int], Expr] | None:
    """The coefficients of axes in an integer if they are known, and what is left."""
    try:
        coefficients, left = split(x, [a.symbol for a in axes])
    except NotAffineError:
        return None
    found = [int(c.value) for c in coefficients.values() if isinstance(c, Const)]
    return (found, left) if len(found) == len(axes) else None


def _border(x: Expr, axes: Axes) -> list[int] | None:
    """The same of a border, with what is left as the last number."""
    found = _numbers(x, axes)
    if found is None or not isinstance(found[1], Const):
        return None
    return [*found[0], int(found[1].value)]


def _span(
    axes: Axes, distances: list[int], borders: list[list[int]], image: int, outer: int
) -> tuple[int, int] | None:
    """The elements of an image that are read; None where borders are not of pairs of axes."""
    left = set(range(len(axes))) - {image}
    low = high = 0
    pairs: dict[tuple[int, ...], list[list[int]]] = {}
    for b in borders:
        pair = tuple(k for k in range(len(axes)) if b[k])
        if len(pair) != 2 or not pair[0] < outer <= pair[1]:
            return None
        pairs.setdefault(pair, []).append(b)
    for (i, k), found in pairs.items():
        if not {i, k} <= left:
            return None
        left -= {i, k}
        reached = [
            a * distances[i] + c * distances[k]
            for a, c in itertools.product(range(_length(axes[i])), range(_length(axes[k])))
            if all(a * b[i] + c * b[k] + b[-1] >= 0 for b in found)
        ]
        if not reached:
            return None
        low, high = low + min(reached), high + max(reached)
    for k in left:
        last = distances[k] * (_length(axes[k]) - 1)
        low, high = low + min(last, 0), high + max(last, 0)
    return low, high + 1


# ---------------------------------------------------------------------------------------- how


class _Writer(Frame):
    """Writes the function."""

    def __init__(self, slab: _Slab, name: str, target: Target) -> None:
        work = slab.work
        super().__init__(work, name, target, work.epilogue)
        self.slab = slab
        self.lines = self.side(work.rows)
        self.images = self.side(work.columns)
        self.products = self.side(work.inner)
        inner = self.products.symbols
        self.factors = [
            read(x, side.symbols, inner)
            for x, side in ((work.left, self.lines), (work.right, self.images))
        ]
        self.operands = [f.operand(self.facts, self.integer) for f in self.factors]
        most = target.registers - 6
        count = -(-_length(work.rows[0]) // most)
        self.height = -(-_length(work.rows[0]) // count)

    def emit(self) -> Emitted:
        """Write the whole function."""
        e, v = self.e, self.v
        rows, (images, *places) = self.lines.length, self.images.extents
        blocks = self.count(images, v.lanes)
        each = e.mul(self.batch.length, blocks)
        splittable = not isinstance(each, int) or each > 1
        if self.batch.length != 0:
            with self.batches(blocks, splittable) as share:
                self._blocks(share)
        e.do("ret void")
        cycles: float = 1.1
        for n in (rows, blocks, self.products.length, self.batch.length, *places):
            cycles *= n if isinstance(n, int) else tiling.GUESS
        return Emitted(
            e.text(), frozenset(e.declarations), self.scratch, cycles * NANOSECONDS, splittable
        )

    def _blocks(self, share: tuple[Value, Value]) -> None:
        """All blocks of images."""
        e, v, slab = self.e, self.v, self.slab
        w, x = (
            f.located(found, v, self.pointers, self.integer)
            for f, found in zip(self.factors, self.operands, strict=True)
        )
        size = slab.high - slab.low
        copy = self.reserve(size * v.lanes)
        self.pitch = -(-self._places // v.lanes) * v.lanes
        self.sums = self.reserve(self.height * self.pitch * v.lanes)
        self.turned = self.reserve(v.lanes * self.pitch)
        padded = -(-self.height // v.quad) * v.quad
        count = self.count(self.lines.length, self.height)
        assert isinstance(count, int)
        panels = self.reserve(count * padded * self._count)
        self._pack(w, panels, padded, count)
        with e.loop(*share) as block:
            first = e.mul(block.iv, v.lanes)
            images = e.minimum(e.sub(self.images.extents[0], first), v.lanes)
            start = v.at(x.pointer, e.add(e.mul(first, slab.image), slab.low))
            packing.transpose(
                v, Stream(start, slab.image, 1), packing.Panel(copy, v.lanes, images, size, size)
            )
            slab_ = v.at(copy, -slab.low * v.lanes)
            places = self.images.extents[1:-1]
            with points(e, places) as (index, _), e.loop(0, count) as tile:
                panel = v.at(panels, e.mul(tile.iv, padded * self._count))
                self._line(x, slab_, (panel, padded), index)
                self._finish(index, tile.iv, (first, images))

    @property
    def _places(self) -> int:
        """Places in a line."""
        length = self.images.extents[-1]
        assert isinstance(length, int)
        return length

    @property
    def _count(self) -> int:
        assert isinstance(self.products.length, int)
        return self.products.length

    def _pack(self, w: Operand, panels: str, width: int, count: int) -> None:
        """Copy the filters so that those of a tile follow each other."""
        e = self.e
        v = Vectors(e, self.v.dtype, self.target, self.v.quad)
        with e.loop(0, count) as loop:
            first = e.mul(loop.iv, self.height)
            here = e.minimum(e.sub(self.lines.length, first), self.height)
            place = v.at(panels, e.mul(loop.iv, width * self._count))
            to = Place(place, width, first, here, self.height)
            pack(v, self.values, w, self.lines, self.products, Box.whole(self.products), to)

    def _line(self, x: Operand, slab: str, panel: tuple[str, int], index: Sequence[Value]) -> None:
        """Sum the products of a line of places, for the filters of a tile."""
        e, v = self.e, self.v
        start: Value = 0
        for i, distance in zip(index, x.lanes[1:], strict=False):
            start = e.add(start, e.mul(i, distance))
        with e.loop(0, self._places) as loop:
            at = (*index, loop.iv)
            ranges = self._ranges(x.borders, at)
            offset = e.add(start, e.mul(loop.iv, x.lanes[-1]))
            sums = self._sum(0, ranges, [ZERO] * self.height, (slab, offset), (*panel, 0), x.steps)
            for i, value in enumerate(sums):
                place = e.add(e.mul(loop.iv, v.lanes), i * self.pitch * v.lanes)
                v.store(value, v.at(self.sums, place))

    def _ranges(self, borders: Sequence[Border], at: Sequence[Value]) -> list[tuple[Value, Value]]:
        """For each axis of the products those that do not lie beyond a border."""
        e = self.e
        ranges: list[tuple[Value, Value]] = [(0, n) for n in self.products.extents]
        for b in borders:
            value = b.rest
            for i, c in zip(at, b.lanes[1:], strict=True):
                value = e.add(value, e.mul(i, c))
            k = next(k for k, c in enumerate(b.steps) if c != 0)
            low, high = ranges[k]
            step = b.steps[k]
            assert isinstance(step, int)
            if step > 0:
                first = e.div(e.add(e.maximum(e.sub(0, value), 0), step - 1), step)
                ranges[k] = e.maximum(low, first), high
            else:
                end = e.div(e.maximum(e.sub(value, step), 0), -step)
                ranges[k] = low, e.minimum(high, end)
        return ranges

    def _sum(
        self, depth: int, ranges: list[tuple[Value, Value]], sums: list[str],
        slab: tuple[str, Value], panel: tuple[str, int, Value], steps: tuple[Value, ...],
    ) -> list[str]:  # fmt: skip
        """Add the products of an axis, and all those inside of it."""
        e, v = self.e, self.v
        if depth == len(ranges):
            vector = v.load(v.at(slab[0], e.mul(slab[1], v.lanes)))
            row = v.at(panel[0], e.mul(panel[2], panel[1]))
            return [
                v.multiply_add(v.broadcast(v.at(row, i)), vector, s) for i, s in enumerate(sums)
            ]
        each: Value = 1
        for n in self.products.extents[depth + 1 :]:
            each = e.mul(each, n)
        carried = [(v.type, s) for s in sums]
        with e.loop(*ranges[depth], 1, carried) as loop:
            loop.next = self._sum(
                depth + 1, ranges, list(loop.phis),
                (slab[0], e.add(slab[1], e.mul(loop.iv, steps[depth]))),
                (panel[0], panel[1], e.add(panel[2], e.mul(loop.iv, each))), steps,
            )  # fmt: skip
        return loop.out

    def _finish(self, index: Sequence[Value], tile: Value, images: tuple[Value, Value]) -> None:
        """Run the epilogue on the sums of a line of places."""
        e, v, values = self.e, self.v, self.values
        first = e.mul(tile, self.height)
        rows = e.minimum(e.sub(self.lines.length, first), self.height)
        image, *outer, place = self.images.symbols
        with e.loop(0, rows) as loop, values.scope():
            values.bind(self.lines.last, (e.add(first, loop.iv),))
            for symbol, i in zip(outer, index, strict=True):
                values.bind(symbol, (i,))
            line = v.at(self.sums, e.mul(loop.iv, self.pitch * v.lanes))
            panel = packing.Panel(self.turned, self.pitch, self._places, v.lanes, v.lanes)
            packing.transpose(v, Stream(line, v.lanes, 1), panel)
            self.epilogue.run_lines(
                v, values, (self.turned, self.pitch), (image, images[0], images[1]),
                (place, 0, self._places), self.masked,
            )  # fmt: skip
