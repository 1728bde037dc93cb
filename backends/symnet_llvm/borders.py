"""Products that are zero because they lie beyond a border, and are left out.

Where images are widened by zeros, as for the gradient of a convolution, many products of the lines
near the border are zero. If tiles are cut line by line, all products of a tap that lies beyond the
border for every line of a tile can be skipped: `arranged` puts the axis of lines and the axis of
taps that it meets first, so that what remains for a tile is one range of products, which
`Skipping` finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symnet.axes import Axes
from symnet.kernel import Contraction
from symnet.scalar import Const, Expr
from symnet.scalar.integer import split
from symnet_llvm.boxes import Box, Side
from symnet_llvm.ir import Emitter, Value
from symnet_llvm.operands import Border, Factor, read

MOST = 0.85
"""Share of products up to which it is worth while to look for the others."""


def arranged(work: Contraction) -> Contraction:
    """A contraction with its axes in the order in which most products can be left out."""
    inner = tuple(a.symbol for a in work.inner)
    best, found = MOST, work
    for x, axes in ((work.left, work.rows), (work.right, work.columns)):
        factor = read(x, tuple(a.symbol for a in axes), inner)
        for i, line in enumerate(axes[:-1]):
            for k, tap in enumerate(work.inner):
                share = _share(factor, axes, work.inner, i, k)
                if share < best:
                    best = share
                    lines = (line, *axes[:i], *axes[i + 1 :])
                    taps = (tap, *work.inner[:k], *work.inner[k + 1 :])
                    found = (
                        replace(work, inner=taps, rows=lines)
                        if axes is work.rows
                        else replace(work, inner=taps, columns=lines)
                    )
    return found


def _share(factor: Factor, lines: Axes, taps: Axes, line: int, tap: int) -> float:
    """How many of the pairs of a line and a tap lie within the borders that are about just them."""
    lengths = lines[line].extent, taps[tap].extent
    if not all(isinstance(n, Const) for n in lengths):
        return 1.0
    conditions = []
    for x in factor.borders:
        coefficients, rest = split(x, [a.symbol for a in (*lines, *taps)])
        numbers = [_number(c) for c in coefficients.values()]
        if None in numbers or not isinstance(rest, Const):
            continue
        a, b = numbers[line], numbers[len(lines) + tap]
        if a and b and sum(n != 0 for n in numbers) == 2:
            conditions.append((a, b, int(rest.value)))
    rows, columns = (int(n.value) for n in lengths if isinstance(n, Const))
    if not conditions or rows * columns == 0:
        return 1.0
    inside = sum(
        all(a * i + b * k + c >= 0 for a, b, c in conditions)
        for i in range(rows)
        for k in range(columns)
    )
    return inside / (rows * columns)


def _number(x: Expr) -> int | None:
    return int(x.value) if isinstance(x, Const) else None


@dataclass(frozen=True, slots=True)
class Skipping:
    """The borders that decide which products of a tile are not all zero.

    Attributes
    ----------
    side, inner
        The places that tiles are cut from, and the products.
    borders
        Borders that depend on the first axis of each alone.
    """

    side: Side
    inner: Side
    borders: tuple[Border, ...]

    @staticmethod
    def of(side: Side, inner: Side, borders: Sequence[Border]) -> Skipping | None:
        """What can be skipped, if anything can."""
        found = tuple(
            b
            for b in borders
            if isinstance(b.lanes[0], int)
            and isinstance(b.steps[0], int)
            and b.lanes[0] * b.steps[0] != 0
            and not any(c != 0 for c in (*b.lanes[1:], *b.steps[1:]))
        )
        return Skipping(side, inner, found) if found and not side.single else None

    def within(self, e: Emitter, box: Box, first: Value, count: Value) -> tuple[Box, Value]:
        """The part of a box that some places need, and how many products lie before it."""
        each: Value = 1
        for extent in self.side.extents[1:]:
            each = e.mul(each, extent)
        top = e.div(first, each)
        bottom = e.div(e.sub(e.add(first, count), 1), each)
        low, high = box.lows[0], e.add(box.lows[0], box.counts[0])
        for b in self.borders:
            lane, step = b.lanes[0], b.steps[0]
            assert isinstance(lane, int)
            assert isinstance(step, int)
            # The most that any of the places has to offer to this border.
            most = e.add(e.mul(bottom if lane > 0 else top, lane), b.rest)
            if step > 0:
                least = e.div(e.add(e.maximum(e.sub(0, most), 0), step - 1), step)
                low = e.maximum(low, least)
            else:
                high = e.minimum(high, e.div(e.maximum(e.sub(most, step), 0), -step))
        low = e.minimum(low, e.add(box.lows[0], box.counts[0]))
        length = e.maximum(e.sub(high, low), 0)
        rest: Value = 1
        for n in box.counts[1:]:
            rest = e.mul(rest, n)
        part = Box((low, *box.lows[1:]), (length, *box.counts[1:]), e.mul(length, rest))
        return part, e.mul(e.sub(low, box.lows[0]), rest)
