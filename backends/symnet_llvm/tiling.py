"""How a contraction is cut into tiles: a small cost model.

In go the sizes, how the two factors lie in memory and along which axis results are stored; out
comes a `Plan`. Lengths that are symbolic are guessed for the purpose of choosing; the code that
follows a plan is right for all lengths.

Costs are in cycles of a core that begins one vector multiply-add in each. What the model has to get
right is which of several plans is best, not how long it takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from symnet_llvm.target import Target

Order = Literal["along", "inner", "strided", "computed", "gathered"]
"""How a factor lies: one element apart along its axis of the result, along k, neither; or not a
plain load, so that it must be computed into scratch memory first; or along several axes, so that
it must be gathered there."""

GUESS = 256
"""Length assumed of a symbolic axis."""

INNER_BLOCK = 512
"""Products that are summed in one go where there are a great many."""
SCRATCH = 1 << 20
"""Most bytes of a packed block of the right factor, read once for each row of tiles."""
STREAM = 1 << 21
"""Most bytes of a packed block of the left factor, read from end to end."""
PANEL = 1 << 17
"""Bytes of the right factor that stay near while a column of tiles is done."""
FAR = 1 << 19
"""Bytes above which a factor is better read from a packed copy."""
CHEAP = 6
"""Operations up to which an epilogue may be written out for each vector of a tile."""
MANY = 64
"""Rows for which it is worth while to copy such a factor."""
EFFORT = 1200
"""Cycles that a plan must save for each piece of code that others do without."""
SHARED = 50_000
"""Products from which on there should be work for more than one thread."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a contraction.

    Attributes
    ----------
    order
        How it lies in memory.
    stride
        Its greater stride in elements, where that is known.
    """

    order: Order
    stride: int | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """A contraction as far as the choice of tiles depends on it.

    Attributes
    ----------
    rows, columns, inner
        Lengths of the axes; None where symbolic.
    left, right
        The factors.
    by_rows
        Whether results are one element apart along rows rather than along columns.
    work
        Number of operations the epilogue does for each result.
    itemsize
        Bytes of an element.
    updates
        Whether the epilogue reads the results of before.
    contiguous
        Whether its lines follow each other in memory without gaps.
    several
        Whether rows, columns or products have several axes.
    """

    rows: int | None
    columns: int | None
    inner: int | None
    left: Factor
    right: Factor
    by_rows: bool
    work: int
    itemsize: int
    updates: bool
    contiguous: bool = False
    several: bool = False

    def swapped(self) -> Shape:
        """The same for the transposed result."""
        return Shape(
            self.columns, self.rows, self.inner, self.right, self.left, not self.by_rows,
            self.work, self.itemsize, self.updates, self.contiguous, self.several,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """How to go about a contraction.

    Rows and columns are those of the result or, if `swapped`, of its transpose: columns is the axis
    along which tiles have vectors.

    Attributes
    ----------
    swapped
        Whether the transposed result is computed.
    across
        Whether tiles have vectors along k.
    rows, columns
        Size of a tile: elements by vectors, or elements by elements if `across`.
    pack_left, pack_right
        Whether a factor is copied first.
    inner_block, row_block, column_block
        How much is packed at a time: values of k, tiles, tiles.
    by_rows
        Whether results are stored along (possibly swapped) rows.
    inline
        Whether the epilogue is cheap enough to be repeated for each vector of a tile.
    rows_first
        Whether the inner loop over tiles runs along a row of them.
    split_rows
        Whether parts share the rows rather than the columns.
    fetch
        Whether what the epilogue changes is fetched before a tile is begun.
    flat
        Whether results, stored along rows, are stored as one line for each tile.
    cycles
        What it costs.
    """

    swapped: bool
    across: bool
    rows: int
    columns: int
    pack_left: bool
    pack_right: bool
    inner_block: int
    row_block: int
    column_block: int
    by_rows: bool
    inline: bool
    rows_first: bool
    split_rows: bool
    fetch: bool
    flat: bool
    cycles: float


def choose(shape: Shape, target: Target) -> Plan:
    """The cheapest plan.

    Parameters
    ----------
    shape
        The contraction.
    target
        The machine.
    """
    lanes = target.vector_bytes // shape.itemsize
    plans = [
        plan
        for swapped in (False, True)
        for style in (_outer, _across)
        for plan in style(shape.swapped() if swapped else shape, swapped, lanes, target.registers)
    ]
    return min(plans, key=lambda p: p.cycles)


def _tiles(count: int, size: int) -> int:
    return -(-count // size)


def _outer(shape: Shape, swapped: bool, lanes: int, registers: int) -> Iterator[Plan]:
    """Plans with vectors along the columns."""
    rows, columns, inner = _lengths(shape)
    left, right = shape.left, shape.right
    size = columns * inner * shape.itemsize
    vectors = _tiles(columns, lanes)
    # Rows whose distance is a multiple of a page compete for the same lines of the cache.
    pages = left.stride is None or left.stride * shape.itemsize % 2048 == 0
    crowded = left.order == "inner" and pages and inner > 64
    # Streams of few elements from each of many rows are not what caches foresee.
    large = shape.inner is not None and rows * inner * shape.itemsize > FAR
    if shape.several and shape.by_rows:
        return
    pack_left = (
        left.order == "computed" or shape.rows is None or ((crowded or large) and vectors >= 8)
    )
    fetch = shape.updates and inner < 256 and rows * columns * shape.itemsize > 2 * FAR
    pack_right = right.order != "along" or (size > FAR and (shape.rows or 0) >= MANY)
    if shape.several:
        pack_left, pack_right, fetch = True, True, False
    cost = 0.0
    if pack_left:
        cost += rows * inner * 1.5 * _packing(left.order, lanes)
    if pack_right:
        cost += columns * inner * _packing(right.order, lanes)
    # An epilogue that is long is written once, in a loop, and sums reach it through memory; so do
    # sums that have to be turned.
    short = shape.work <= CHEAP and not shape.by_rows and not shape.several
    inner_block = _block(shape, pack_left or pack_right)
    cost += EFFORT * (pack_left + pack_right + 2 * shape.by_rows)
    for n in range(1, min(vectors, 8) + 1):
        for m in range(1, min(rows, 30) + 1):
            if m * n + n + 1 > registers or (n > 4 and m > 1):
                break
            high, low = divmod(rows, m)
            tall = high * _turn(m, n, m == rows)
            if low:
                tall += _turn(m if pack_left else low, n)
            down, across = _tiles(rows, m), _tiles(vectors, n)
            flat = shape.by_rows and shape.contiguous and down == 1
            finish = _finish(shape, m, n, lanes, False, flat)
            inline = short and finish > 0.02 * inner * m * n
            if inline:
                finish = _finish(shape, m, n, lanes, True)
            total = cost + inner * tall * across + down * across * (20 + finish)
            if n * lanes * inner_block * shape.itemsize > PANEL and down > 8:
                total += inner * down * across * n  # its panel comes from afar again and again
            total += EFFORT * m * n * (2 if inline else 1) / 30
            if low and not pack_left:
                total += EFFORT + 0.05 * total  # code for the tiles at the edge
            if columns % (n * lanes) and not pack_right and lanes * shape.itemsize < 64:
                total += EFFORT + 0.02 * total
            if down * across == 1 and rows * columns * inner > SHARED:
                total *= 1.2
            if shape.columns is None:
                total *= 1.1  # the last vector may be nearly empty
            yield Plan(
                swapped, False, m, n, pack_left, pack_right,
                inner_block,
                max(1, min(down, STREAM // (m * inner_block * shape.itemsize))),
                1 if shape.several and rows * inner * shape.itemsize <= STREAM
                else max(1, min(across, SCRATCH // (n * lanes * inner_block * shape.itemsize))),
                shape.by_rows, inline,
                rows_first=size <= 1 << 16,
                split_rows=across == 1 or (across < 4 and down > across),
                fetch=fetch, flat=flat, cycles=total,
            )  # fmt: skip


def _across(shape: Shape, swapped: bool, lanes: int, registers: int) -> Iterator[Plan]:
    """Plans with vectors along k."""
    if shape.by_rows or shape.several or shape.left.order != "inner":
        return
    pack_right = shape.right.order != "inner"
    if pack_right and (
        shape.right.order != "along" or shape.columns is None or shape.inner is None
    ):
        return
    rows, columns, inner = _lengths(shape)
    size = columns * inner * shape.itemsize
    if pack_right and size > FAR:
        return
    cost = columns * inner * _packing("inner", lanes) if pack_right else 0.0
    steps = inner / lanes + 1
    for n in range(1, min(columns, 16) + 1):
        for m in range(1, min(rows, 8) + 1):
            if m * n + m + 1 > registers:
                break
            down, across = _tiles(rows, m), _tiles(columns, n)
            # Few rows leave little time between asking for one and its use.
            turn = max(m * n, m + n, 4) + 0.1 * (m + n) + 4 / m
            finish = 40 + m * _tiles(n, 4) * 16 + _finish(shape, m, _tiles(n, lanes), lanes, False)
            # The whole right factor passes by again for each further row of tiles.
            traffic = (down - 1) * size / (1 << 20 if size < 1 << 15 else 32 if size < FAR else 8)
            total = EFFORT * (1 + pack_right) + cost + traffic + down * across * (
                steps * turn + finish
            )
            if down * across == 1 and rows * columns * inner > SHARED:
                total *= 1.2
            yield Plan(
                swapped, True, m, n, False, pack_right, inner, down, across,
                False, False, False, split_rows=down >= across, fetch=False, flat=False,
                cycles=total,
            )  # fmt: skip


def _finish(
    shape: Shape, rows: int, columns: int, lanes: int, inline: bool, flat: bool = False
) -> float:
    """Cycles for the epilogue of a tile, of vectors."""
    vectors = rows * columns
    if inline:
        return vectors * (1 + 0.5 * shape.work)
    if flat:
        return columns * lanes * _tiles(rows, 4) * 1.5 + vectors * (4 + 0.5 * shape.work)
    if shape.by_rows:
        lines, vectors = columns * lanes, columns * lanes * _tiles(rows, lanes)
        return vectors * 8 + lines * 10 + vectors * 0.5 * shape.work
    return vectors * (4 + 0.5 * shape.work) + rows * 5


def _lengths(shape: Shape) -> tuple[int, int, int]:
    """Lengths to reckon with."""
    rows, columns, inner = (
        GUESS if n is None else max(n, 1) for n in (shape.rows, shape.columns, shape.inner)
    )
    return rows, columns, inner


def _turn(rows: int, columns: int, alone: bool = False) -> float:
    """Cycles for one value of k in a tile.

    A machine that begins two multiplications in a cycle also loads two vectors in one. Loads count
    for a little in any case, as they may miss the nearest cache; for less where the tile is the
    only one in its column, so that its vectors are fetched ahead, and where an element is used
    once, so that multiplications themselves load it.
    """
    if alone and columns == 1:
        return max(1.1 * rows, 8) + 0.56
    return max(rows * columns, rows + columns, 8) + 0.25 * rows + 0.06 * columns + 0.5


def _packing(order: Order, lanes: int) -> float:
    """Cycles to copy an element."""
    gathered = 4 / lanes
    return {
        "along": 3 / lanes, "inner": 6 / lanes, "strided": 2.0, "computed": 3.0,
        "gathered": gathered,
    }[order]  # fmt: skip


def _block(shape: Shape, packed: bool) -> int:
    """How many products are summed in one go."""
    if shape.inner is None:
        return INNER_BLOCK
    if shape.inner <= (2 if packed else 8) * INNER_BLOCK:
        return max(shape.inner, 1)
    # Also without packing: sums of shorter sums have smaller errors.
    count = _tiles(shape.inner, INNER_BLOCK)
    return _tiles(_tiles(shape.inner, count), 16) * 16
