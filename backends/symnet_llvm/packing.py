"""Copies of a factor's pieces in the order in which the innermost loops read them.

A *panel* holds, for each k in turn, `width` neighbours along the axis of the result (a multiple of
the vector's lanes). Packing pays where a factor's own order is bad for the loops: it has no unit
stride along the vectors, its rows lie pages apart, or it is an expression yet to be evaluated.

Lanes past the edge of the factor are filled with anything: they lead to sums that nobody stores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from symnet_llvm.ir import Value, vector
from symnet_llvm.microkernel import Stream, Vectors

AHEAD = 4
"""Rows that are fetched before they are copied."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel to be filled.

    Attributes
    ----------
    pointer
        Where it begins.
    width
        Neighbours it has room for at each k.
    lanes
        How many of them the factor has; at least 1.
    inner
        Values of k.
    least
        How many of those there are in any case.
    """

    pointer: str
    width: int
    lanes: Value
    inner: Value
    least: int


def copy(v: Vectors, source: Stream, panel: Panel) -> None:
    """Fill a panel from a factor whose neighbours are one element apart."""
    e = v.emitter
    masks: list[str | None] = []
    for first in range(0, panel.width, v.lanes):
        left = e.sub(panel.lanes, first)
        whole = isinstance(left, int) and left >= v.lanes
        masks.append(None if whole else e.mask(left, v.lanes))
    with e.loop(0, panel.inner) as loop:
        row = v.at(source.pointer, e.mul(loop.iv, source.step))
        out = v.at(panel.pointer, e.mul(loop.iv, panel.width))
        for i in range(len(masks)):
            # Rows may lie pages apart, where no machine looks ahead by itself.
            later = v.at(row, e.add(e.mul(source.step, AHEAD), i * v.lanes))
            kind = (("i32", 0), ("i32", 3), ("i32", 1))  # to be read, all caches, data
            e.intrinsic("llvm.prefetch.p0", "void", ("ptr", later), *kind)
        for i, mask in enumerate(masks):
            v.store(v.load(v.at(row, i * v.lanes), mask), v.at(out, i * v.lanes))


def transpose(v: Vectors, source: Stream, panel: Panel) -> None:
    """Fill a panel from a factor whose elements are one apart along k."""
    e, quad = v.emitter, v.quad
    short = vector(v.scalar, quad)
    last = e.sub(panel.lanes, 1)

    def group(first: Value) -> None:
        """Fill `lanes` neighbours: 128 bits of each, transposed while in registers."""
        rows: list[str | None] = []
        for lane in range(v.lanes):
            at = e.add(first, lane)
            if isinstance(at, int) and isinstance(last, int) and at > last:
                rows.append(None)
                continue
            whole = isinstance(last, int) and last + 1 >= panel.width
            at = at if whole else e.minimum(at, last)
            rows.append(v.at(source.pointer, e.mul(source.lane, at)))
        out = v.at(panel.pointer, first)

        def square(k: Value) -> None:
            gathered = []
            for r in range(quad):
                pieces = [
                    "zeroinitializer" if row is None else e.load(v.at(row, k), v.dtype, quad)
                    for row in rows[r::quad]
                ]
                gathered.append(_concatenated(v, pieces, short))
            for j, column in enumerate(v.transpose(gathered)):
                v.store(column, v.at(out, e.mul(e.add(k, j), panel.width)))

        # The last square overlaps the one before it.
        end = e.sub(panel.inner, quad)
        exact = isinstance(panel.inner, int) and panel.inner % quad == 0
        with e.loop(0, panel.inner, quad, nonempty=True) as loop:
            square(loop.iv if exact else e.minimum(loop.iv, end))

    def groups() -> None:
        with e.loop(0, panel.width, v.lanes) as loop:
            group(loop.iv)

    def elements() -> None:
        """Fill the panel one by one: there are not enough values of k for a square."""
        with e.loop(0, panel.inner) as k, e.loop(0, panel.lanes) as lane:
            at = e.add(e.mul(lane.iv, source.lane), k.iv)
            element = e.load(v.at(source.pointer, at), v.dtype)
            to = e.add(e.mul(k.iv, panel.width), lane.iv)
            e.store(element, v.at(panel.pointer, to), v.dtype)

    if panel.least >= quad:
        groups()
    elif isinstance(panel.inner, int):
        elements()
    else:
        with e.when(e.less(quad - 1, panel.inner)):
            groups()
        with e.when(e.less(panel.inner, quad)):
            elements()


def interleave(v: Vectors, source: Stream, rows: int, width: int, target: str) -> None:
    """Store a few rows so that element after element of all of them follow each other.

    Parameters
    ----------
    v
        Vector instructions.
    source
        The rows, of which there must be room for a multiple of `quad`.
    rows, width
        How many there are, and their length: a multiple of the vector's lanes.
    target
        Where they go; a little more is written, up to `quad` elements.
    """
    e, quad = v.emitter, v.quad
    groups = -(-rows // quad)
    # What the last group writes too much, others write over.
    with e.loop(0, groups) as group, e.loop(0, width, v.lanes) as loop:
        first = e.mul(e.sub(groups - 1, group.iv), quad)
        place = v.at(source.pointer, e.add(e.mul(first, source.lane), loop.iv))
        vectors = [v.load(v.at(place, e.mul(source.lane, i))) for i in range(quad)]
        to = v.at(target, e.add(e.mul(loop.iv, rows), first))
        turned = v.transpose(vectors)
        for piece in range(v.lanes // quad):
            for i, value in enumerate(turned):
                at = v.at(to, (piece * quad + i) * rows)
                e.store(v.piece(value, piece), at, v.dtype, quad)


def compute(v: Vectors, value: Callable[[Value, Value, str], str], panel: Panel) -> None:
    """Fill a panel with a vector expression.

    Parameters
    ----------
    v
        Vector instructions.
    value
        Writes the vector of elements from a lane on, at a k, of the lanes in a mask.
    panel
        The panel.
    """
    e = v.emitter
    with e.loop(0, panel.inner) as k, e.loop(0, panel.width, v.lanes) as first:
        mask = e.mask(e.sub(panel.lanes, first.iv), v.lanes)
        to = e.add(e.mul(k.iv, panel.width), first.iv)
        v.store(value(first.iv, k.iv, mask), v.at(panel.pointer, to))


def _concatenated(v: Vectors, pieces: list[str], short: str) -> str:
    """Vectors of 128 bits side by side."""
    e, length = v.emitter, v.quad
    while len(pieces) > 1:
        type_, length = vector(v.scalar, length), length * 2
        picks = ", ".join(f"i32 {i}" for i in range(length))
        pieces = [
            e.op(f"shufflevector {type_} {a}, {type_} {b}, <{length} x i32> <{picks}>")
            for a, b in zip(pieces[::2], pieces[1::2], strict=True)
        ]
    return pieces[0]
