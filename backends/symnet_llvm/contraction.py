"""Contractions: matrix products with fused prologue and epilogue.

In goes a `symnet.kernel.Contraction`, out comes one function. `symnet_llvm.tiling` decides how to
cut it; this module writes the loops over tiles around `symnet_llvm.microkernel`'s innermost ones.

Rows and columns are, from the plan on, those of the tiles: if the plan says `swapped`, it is the
transposed result that is computed and `rows` is the contraction's axis `n`.

However many parts share the work, the same tiles are computed by the same instructions: parts only
differ in the tiles they do. Within a sum the products are added in the order of k, in blocks and
chains whose lengths depend on the plan alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from symnet import dtypes
from symnet.axes import merged
from symnet.kernel import Contraction
from symnet.scalar import Symbol
from symnet_llvm import gather, packing, slabs, tiling
from symnet_llvm.borders import Skipping, arranged
from symnet_llvm.boxes import Box, boxes, runs
from symnet_llvm.expressions import Lanes
from symnet_llvm.frame import NANOSECONDS, Frame
from symnet_llvm.ir import MEMORY, Emitted, Value
from symnet_llvm.microkernel import ZERO, Stream, Vectors, add_lanes, inner_tile, outer_tile
from symnet_llvm.operands import Operand, Packed, read
from symnet_llvm.scaling import scaled
from symnet_llvm.target import Target


def emit_contraction(
    work: Contraction, name: str, target: Target, plan: tiling.Plan | None = None
) -> Emitted:
    """Write the function of a contraction.

    Parameters
    ----------
    work
        The contraction.
    name
        Name of the function.
    target
        The machine.
    plan
        How to cut it; chosen by the cost model unless given.
    """
    if plan is None:
        found = slabs.emit(work, name, target)
        if found is not None:
            return found
    return _Writer(work, name, target, plan).emit()


@dataclass(frozen=True, slots=True)
class _Band:
    """Tiles of one size that follow each other along an axis.

    Attributes
    ----------
    low, high
        The first and the one after the last.
    size
        Elements (or vectors) of a tile.
    valid
        Elements of a tile that exist; None if that has to be computed for each tile.
    condition
        An i1 that says whether there is such a tile, where the band is the tile at the edge.
    """

    low: Value
    high: Value
    size: int
    valid: Value | None
    condition: str | None = None


class _Writer(Frame):
    """Writes the function of one contraction."""

    def __init__(
        self, work: Contraction, name: str, target: Target, plan: tiling.Plan | None
    ) -> None:
        work = scaled(arranged(work))
        # Results may have fewer axes than the factors: the lines of an image follow each other.
        statements = work.epilogue
        lines, statements = merged(work.rows, statements)
        columns, statements = merged(work.columns, statements)
        super().__init__(work, name, target, statements)
        sides = [self.side(axes) for axes in (work.rows, work.columns)]
        results = [
            side if old == new else self.side(new)
            for side, old, new in zip(
                sides, (work.rows, work.columns), (lines, columns), strict=True
            )
        ]
        self.products = self.side(work.inner)
        self.inner = self.products.length
        factors = [
            read(x, side.symbols, self.products.symbols)
            for x, side in zip((work.left, work.right), sides, strict=True)
        ]
        several = any(len(axes) > 1 for axes in (work.rows, work.columns, work.inner))
        several = several or any(f.borders for f in factors)
        operands = [f.operand(self.facts, self.integer) for f in factors]
        row, column = (side.last for side in results)
        by_rows = self.epilogue.unit_stride(self.facts, row) and (
            sides[1].length == 1 or not self.epilogue.unit_stride(self.facts, column)
        )
        down, across, inner = (
            n if isinstance(n, int) else None
            for n in (sides[0].length, sides[1].length, self.inner)
        )
        line, axis = (column, row) if by_rows else (row, column)
        length = down if by_rows else across
        contiguous = (
            not several and length is not None and self.epilogue.contiguous(line, axis, length)
        )
        shape = tiling.Shape(
            down, across, inner,
            tiling.Factor(operands[0].order, operands[0].stride),
            tiling.Factor(operands[1].order, operands[1].stride),
            by_rows, self.epilogue.work, dtypes.itemsize(work.dtype), self.epilogue.updates,
            contiguous, several,
        )  # fmt: skip
        self.plan = plan or tiling.choose(shape, target)
        if self.plan.swapped:
            for pair in (factors, operands, sides, results):
                pair.reverse()
        self.factors, self.operands = factors, operands
        self.left, self.right = operands
        self.sides = sides
        self.results = results
        self.several = several
        self.rows, self.columns = (side.length for side in sides)

    # ---------------------------------------------------------------------------------- the head

    def emit(self) -> Emitted:
        """Write the whole function."""
        e, plan = self.e, self.plan
        height, width = plan.rows, plan.columns * (1 if plan.across else self.v.lanes)
        rows, columns = self.count(self.rows, height), self.count(self.columns, width)
        shared = rows if plan.split_rows else columns
        each = e.mul(self.batch.length, shared)
        splittable = not isinstance(each, int) or each > 1
        if 0 not in (self.rows, self.columns, self.batch.length):
            with self.batches(shared, splittable) as share:
                ranges = (share, (0, columns)) if plan.split_rows else ((0, rows), share)
                self.left, self.right = (
                    factor.located(found, self.v, self.pointers, self.integer)
                    for factor, found in zip(self.factors, self.operands, strict=True)
                )
                self.skipping = Skipping.of(self.sides[1], self.products, self.right.borders)
                (self._across if plan.across else self._outer)(*ranges)
        e.do("ret void")
        count = self.batch.length if isinstance(self.batch.length, int) else tiling.GUESS
        return Emitted(
            e.text(), frozenset(e.declarations), self.scratch,
            plan.cycles * NANOSECONDS * count, splittable,
        )  # fmt: skip

    # ----------------------------------------------------------------------------- loops of tiles

    @contextmanager
    def _blocks(
        self, low: Value, high: Value, step: int | None
    ) -> Iterator[tuple[Value, Value]]:
        """A loop over blocks of tiles; without a step there is one block."""
        known = isinstance(low, int) and isinstance(high, int)
        if step is None or (known and int(high) - int(low) <= step):
            yield low, high
            return
        with self.e.loop(low, high, step) as loop:
            yield loop.iv, self.e.minimum(self.e.add(loop.iv, step), high)

    def _bands(
        self, low: Value, high: Value, length: Value, size: int, packed: bool, unit: int
    ) -> list[_Band]:
        """Cut a range of tiles where their sizes change.

        `size` is in units of `unit` elements (1, or the lanes of a vector).
        """
        e = self.e
        each = size * unit
        if isinstance(length, int) and length % each == 0:
            return [_Band(low, high, size, each)]
        if packed or (unit > 1 and self.masked):
            return [_Band(low, high, size, None)]
        full = e.div(length, each)
        rest = e.sub(length, e.mul(full, each))
        bands = []
        if full != 0:
            bands.append(_Band(low, e.minimum(high, full), size, each))
        least = -(-rest // unit) if isinstance(rest, int) else size
        bands.append(_Band(full, e.add(full, 1), least, rest, e.less(full, high)))
        return bands

    @contextmanager
    def _over(self, band: _Band) -> Iterator[Value]:
        """A loop over the tiles of a band."""
        if band.condition is None:
            with self.e.loop(band.low, band.high) as loop:
                yield loop.iv
        elif band.condition == "true":
            yield band.low
        else:
            with self.e.when(band.condition):
                yield band.low

    def _rotated(self, index: Value, band: _Band) -> Value:
        """The row of tiles that a part does in a turn of the loop over a band of them.

        Where parts share the columns, two of them change the cache line in which their columns
        meet, in every row. They begin at different rows so as not to do it at the same time.
        """
        e, low, high = self.e, band.low, band.high
        known = isinstance(low, int) and isinstance(high, int)
        if self.plan.split_rows or not self.epilogue.updates or band.condition or not known:
            return index
        count = e.sub(high, low)
        later = e.add(index, e.div(e.mul("%part", count), "%parts"))
        return e.op(f"select i1 {e.less(later, high)}, i64 {later}, i64 {e.sub(later, count)}")

    def _outer(self, rows: tuple[Value, Value], columns: tuple[Value, Value]) -> None:
        """Tiles with vectors along the columns."""
        e, v, plan = self.e, self.v, self.plan
        width = plan.columns * v.lanes
        padded = -(-plan.rows // v.quad) * v.quad
        # A sum of unknown length is done in one go if there is nothing to be packed for it.
        single = not (plan.pack_left or plan.pack_right)
        if isinstance(self.inner, int):
            single = self.inner <= plan.inner_block
        left = right = sums = None
        room = plan.inner_block
        self.least = 0
        if isinstance(self.inner, int):
            self.least = self.inner if single else self.inner % room or room
        # A loop over blocks exists only for what is packed by blocks.
        row_step = plan.row_block if plan.pack_left or not single else None
        column_step = plan.column_block if plan.pack_right or not single else None
        count = self.count(self.rows, plan.rows)
        early = self._early(count, padded, single)
        if plan.pack_left:
            rows_ahead = count if early else plan.row_block
            assert isinstance(rows_ahead, int)
            ahead = self.inner if early and not single else room
            assert isinstance(ahead, int)
            left = self.reserve(rows_ahead * padded * ahead)
        if plan.pack_right:
            right = self.reserve(plan.column_block * width * room)
        if self.left.by_inner or self.right.by_inner:
            pitch = -(-room // v.lanes) * v.lanes
            self.strip = self.reserve(max(plan.rows, width) * pitch), pitch
        if not single:
            sums = self.reserve(plan.row_block * plan.rows * plan.column_block * width)
        self._reserve_tile(width)
        def pack_left(span: tuple[Value, Value], block: Box) -> Packed | None:
            if left is None:
                return None
            packed = Packed(left, padded, room, span[0])
            narrow = Vectors(e, v.dtype, self.target, v.quad)
            self._pack(narrow, packed, 0, plan.rows, span, block)
            return packed

        def packed_early(block: Box) -> Packed:
            """Where all rows of a block are, if they are packed ahead of everything."""
            assert left is not None
            before = e.mul(block.place(e, self.products), e.mul(count, padded))
            return Packed(v.at(left, before), padded, block.count, 0)

        def pack_right(span: tuple[Value, Value], block: Box) -> Packed | None:
            if right is None:
                return None
            packed = Packed(right, width, room, span[0])
            self._pack(v, packed, 1, width, span, block)
            return packed

        everything = Box.whole(self.products)
        if single:
            ready = pack_left(rows, everything) if early else None
            with self._blocks(*columns, column_step) as across:
                b = pack_right(across, everything)
                with self._blocks(*rows, None if early else row_step) as down:
                    a = ready if early else pack_left(down, everything)
                    self._tiles(down, across, a, b, everything, None)
            return
        assert sums is not None
        if early:
            narrow = Vectors(e, v.dtype, self.target, v.quad)
            with boxes(e, self.products, room) as block:
                self._pack(narrow, packed_early(block), 0, plan.rows, rows, block)
        with self._blocks(*columns, column_step) as across, self._blocks(*rows, row_step) as down:
            size = e.mul(e.sub(down[1], down[0]), plan.column_block * plan.rows * width)
            with e.loop(0, size, v.lanes) as loop:
                v.store(ZERO, v.at(sums, loop.iv))
            with boxes(e, self.products, room) as block:
                a = packed_early(block) if early else pack_left(down, block)
                b = pack_right(across, block)
                self._tiles(down, across, a, b, block, sums)
            self._finish_block(down, across, sums)

    def _early(self, count: Value, padded: int, single: bool) -> bool:
        """Whether all rows are packed once, not once for each block of columns."""
        if not self.plan.pack_left or not isinstance(count, int):
            return False
        if single:
            return count <= self.plan.row_block
        # All of a block of products at a time is what one axis of products is packed by.
        whole = self.several and isinstance(self.inner, int)
        return whole and count * padded * int(self.inner) * self.v.bytes <= tiling.STREAM

    def _pack(
        self, v: Vectors, packed: Packed, which: int, size: int, span: tuple[Value, Value],
        block: Box,
    ) -> None:  # fmt: skip
        """Pack the panels of some tiles of a factor, with vectors that divide them."""
        e, length = self.e, self.sides[which].length
        with e.loop(*span) as loop:
            first = e.mul(loop.iv, size)
            exact = isinstance(length, int) and length % size == 0
            lanes = size if exact else e.minimum(e.sub(length, first), size)
            place = packed.panel(v, loop.iv).pointer
            to = gather.Place(place, packed.width, first, lanes, size)
            if which == 1 and self.skipping:
                part, _ = self.skipping.within(e, block, first, lanes)
            else:
                part = block
            if self.several:
                factor, side = (self.left, self.right)[which], self.sides[which]
                gather.pack(v, self.values, factor, side, self.products, part, to)
            else:
                self._pack_panel(v, which, block, to)

    def _pack_panel(self, v: Vectors, which: int, block: Box, to: gather.Place) -> None:
        """Pack a panel of a factor with one axis of each kind."""
        e, values, factor = self.e, self.values, (self.left, self.right)[which]
        axis, inner = self.sides[which].last, self.products.last
        start, count, first, lanes = block.lows[0], block.count, to.first, to.count
        panel = packing.Panel(to.pointer, to.width, lanes, count, self.least)

        def value(
            axis: Symbol, base: Value, other: Symbol, low: Value
        ) -> Callable[[Value, Value, str], str]:
            def vector(lane: Value, step: Value, mask: str) -> str:
                place = Lanes(v.lanes, (mask,), axis, e.add(base, lane))
                with values.vectors(place):
                    values.bind(other, (e.add(low, step),))
                    (result,) = values.vector(factor.expression)
                return result

            return vector

        if factor.order == "along":
            packing.copy(v, factor.at(v, first, start), panel)
        elif factor.order == "inner":
            packing.transpose(v, factor.at(v, first, start), panel)
        elif factor.by_inner:
            # Computed along k, row by row, and then turned.
            strip, pitch = self.strip
            rows = packing.Panel(strip, pitch, count, lanes, 1)
            packing.compute(v, value(inner, start, axis, first), rows)
            packing.transpose(v, Stream(strip, pitch, 1), panel)
        else:
            packing.compute(v, value(axis, first, inner, start), panel)

    def _tiles(
        self, down: tuple[Value, Value], across: tuple[Value, Value], a: Packed | None,
        b: Packed | None, block: Box, partial: str | None,
    ) -> None:  # fmt: skip
        """All tiles of a block."""
        plan = self.plan
        high = self._bands(*down, self.rows, plan.rows, plan.pack_left, 1)
        wide = self._bands(*across, self.columns, plan.columns, plan.pack_right, self.v.lanes)

        def tile(i: Value, j: Value, x: _Band, y: _Band) -> None:
            self._tile((i, j), (x, y), (a, b), block, partial, (down[0], across[0]))

        if plan.rows_first:
            for x in high:
                with self._over(x) as i:
                    row = self._rotated(i, x)
                    for y in wide:
                        with self._over(y) as j:
                            tile(row, j, x, y)
        else:
            for y in wide:
                with self._over(y) as j:
                    for x in high:
                        with self._over(x) as i:
                            tile(i, j, x, y)

    # ---------------------------------------------------------------------------------- one tile

    def _tile(
        self, at: tuple[Value, Value], bands: tuple[_Band, _Band],
        packed: tuple[Packed | None, Packed | None], block: Box,
        partial: str | None, first: tuple[Value, Value],
    ) -> None:  # fmt: skip
        """Sum a tile's products, and store the results or (`partial`) the sums."""
        e, v, plan = self.e, self.v, self.plan
        high, wide = bands
        row, column = e.mul(at[0], plan.rows), e.mul(at[1], plan.columns * v.lanes)
        rows = self._valid(high, self.rows, row)
        columns = self._valid(wide, self.columns, column)
        masks = self._masks(columns, wide.size)
        a, b = packed
        if self.skipping:
            assert a is not None
            block, before = self.skipping.within(
                e, block, column, e.minimum(columns, wide.size * v.lanes)
            )
            a = replace(a, pointer=v.at(a.pointer, e.mul(before, a.width)))
        left = a.panel(v, at[0]) if a else self.left.at(v, row, block.lows[0])
        right = b.panel(v, at[1]) if b else self.right.at(v, column, block.lows[0])
        if plan.fetch:
            self._fetch((row, high.size), (column, wide.size))
        ahead = 0 if b else self._ahead(at, wide)
        sums = outer_tile(
            v, high.size, wide.size, left, right, block.count, None if b else masks, ahead
        )
        if partial is None:
            self._finish(sums, (row, rows), (column, columns), wide.size, masks)
            return
        place = self._partial(partial, at, first)
        for value, offset in zip(sums, self._places(high.size, wide.size), strict=True):
            there = v.at(place, offset)
            v.store(v.add(v.load(there), value), there)

    def _ahead(self, at: tuple[Value, Value], wide: _Band) -> Value:
        """How far from where a tile reads its unpacked columns others should be fetched."""
        e, plan = self.e, self.plan
        if not isinstance(self.rows, int) or plan.rows_first:
            return 0
        width = plan.columns * self.v.lanes
        # Where there is one row of tiles, all of them read elements that none has read before.
        last = -(-self.rows // plan.rows) - 1
        if last == 0:
            return 2 * width
        # Else the last tile of a column of them fetches what the next column's tiles will read, if
        # the same thread does these.
        later = e.less(e.add(at[1], 1), wide.high)
        if later == "false" or (isinstance(at[0], int) and at[0] != last):
            return 0
        ends = e.op(f"icmp eq i64 {at[0]}, {last}")
        return e.op(f"select i1 {e.op(f'and i1 {ends}, {later}')}, i64 {width}, i64 0")

    def _fetch(self, down: tuple[Value, int], across: tuple[Value, int]) -> None:
        """Ask for the memory that a tile's results go to."""
        e, v, values = self.e, self.v, self.values
        for store in self.epilogue.stores:
            for i in range(down[1]):
                with values.scope():
                    values.bind(self.results[0].last, (e.add(down[0], i),))
                    values.bind(self.results[1].last, (across[0],))
                    scalar = MEMORY[store.value.dtype]
                    place = e.gep(self.pointers[store.buffer], values.scalar(store.offset), scalar)
                width = across[1] * v.lanes
                # The last element may lie in a line of its own, as rows begin anywhere in a line.
                for j in (*range(0, width, v.lanes), width - 1):
                    e.intrinsic(
                        "llvm.prefetch.p0", "void", ("ptr", e.gep(place, j, scalar)),
                        ("i32", 1), ("i32", 3), ("i32", 1),
                    )  # fmt: skip

    def _places(self, rows: int, columns: int) -> list[int]:
        """Where the vectors of a tile of sums are in memory that holds a tile."""
        lanes = self.v.lanes
        return [
            i * self.plan.columns * lanes + j * lanes for i in range(rows) for j in range(columns)
        ]

    def _partial(self, partial: str, at: tuple[Value, Value], first: tuple[Value, Value]) -> str:
        """Where the sums of a tile are."""
        e, plan = self.e, self.plan
        index = e.add(
            e.mul(e.sub(at[0], first[0]), plan.column_block), e.sub(at[1], first[1])
        )
        return self.v.at(partial, e.mul(index, plan.rows * plan.columns * self.v.lanes))

    def _valid(self, band: _Band, length: Value, first: Value) -> Value:
        """How many elements of a tile exist."""
        if band.valid is not None:
            return band.valid
        return self.e.sub(length, first)

    def _masks(self, count: Value, vectors: int) -> list[str | None]:
        """For each vector of a tile the lanes that exist."""
        e, lanes = self.e, self.v.lanes
        # Where the tile at the edge has as many vectors, only its last one is ever cut.
        uncut = 0
        if isinstance(self.columns, int):
            uncut = self.columns % (self.plan.columns * lanes) // lanes
        masks: list[str | None] = []
        for j in range(vectors):
            rest = e.sub(count, j * lanes) if isinstance(count, int) or j >= uncut else lanes
            whole = isinstance(rest, int) and rest >= lanes
            masks.append(None if whole else e.mask(rest, lanes))
        return masks

    def _finish(
        self, sums: list[str], down: tuple[Value, Value], across: tuple[Value, Value],
        vectors: int, masks: list[str | None],
    ) -> None:  # fmt: skip
        """Run the epilogue on the sums of a tile."""
        v, plan = self.v, self.plan
        line, axis = (side.last for side in self.results)
        row, rows = down
        if plan.inline and isinstance(rows, int):
            lanes = Lanes(v.lanes, tuple(masks), axis, across[0])
            with self.epilogue.along(self.values, lanes, line):
                parts = [
                    (self.e.add(row, i), tuple(sums[i * vectors : (i + 1) * vectors]))
                    for i in range(rows)
                ]
                self.epilogue.run(self.values, line, parts)
            return
        height = len(sums) // vectors
        for value, o in zip(sums, self._places(height, vectors), strict=True):
            v.store(value, v.at(self.tile, o))
        self._lines(self.tile, down, across)

    def _lines(self, at: str, down: tuple[Value, Value], across: tuple[Value, Value]) -> None:
        """Run the epilogue on a tile of sums in memory."""
        e, plan, v = self.e, self.plan, self.v
        if self.several:
            self._runs(at, down, across)
            return
        bounded = [
            (axis, first, e.minimum(count, size))
            for axis, (first, count), size in (
                (self.results[0].last, down, plan.rows),
                (self.results[1].last, across, plan.columns * (1 if plan.across else v.lanes)),
            )
        ]
        lines, axis = bounded
        source = at, self.width
        if plan.flat:
            packing.interleave(v, Stream(at, self.width, 1), plan.rows, self.width, self.turned)
            (symbol, first, count), (other, _, _) = axis, lines
            self.epilogue.run_lines(
                v, self.values, (self.turned, 0), (symbol, first, 1),
                (other, 0, e.mul(count, plan.rows)), self.masked,
            )  # fmt: skip
            return
        if plan.by_rows:
            panel = packing.Panel(self.turned, self.pitch, plan.rows, self.width, self.width)
            packing.transpose(v, Stream(at, self.width, 1), panel)
            lines, axis = axis, lines
            source = self.turned, self.pitch
        self.epilogue.run_lines(v, self.values, source, lines, axis, self.masked)

    def _runs(self, at: str, down: tuple[Value, Value], across: tuple[Value, Value]) -> None:
        """The same where lines or columns have several axes."""
        e, v, values, (lines, columns) = self.e, self.v, self.values, self.results
        height = e.minimum(down[1], self.plan.rows)
        width = e.minimum(across[1], self.plan.columns * v.lanes)

        def tile(line: Value, lane: Value) -> tuple[str, int]:
            return v.at(at, e.add(e.mul(line, self.width), lane)), self.width

        with runs(e, columns, across[0], width) as run, values.scope():
            for symbol, i in zip(columns.symbols, run.outer, strict=False):
                values.bind(symbol, (i,))
            axis = columns.last, run.low, run.count
            if lines.single:
                self.epilogue.run_lines(
                    v, values, tile(0, run.lane), (lines.last, down[0], height), axis, self.masked
                )
            else:
                with e.loop(0, height) as loop, values.scope():
                    lines.bind(values, e.add(down[0], loop.iv))
                    low = values.scalar(lines.last)
                    self.epilogue.run_lines(
                        v, values, tile(loop.iv, run.lane), (lines.last, low, 1), axis, self.masked
                    )

    def _reserve_tile(self, width: int) -> None:
        """Memory for the sums of a tile with so many elements in a row, and for its transpose."""
        height = self.plan.rows
        if self.plan.flat:
            quads = -(-height // self.v.quad) * self.v.quad
            self.tile, self.width = self.reserve(quads * width), width
            self.turned = self.reserve(width * height + self.v.quad)
            return
        self.tile, self.width = self.reserve(height * width), width
        if self.plan.by_rows:
            self.pitch = -(-height // self.v.lanes) * self.v.lanes
            self.turned = self.reserve(width * self.pitch)

    def _finish_block(
        self, down: tuple[Value, Value], across: tuple[Value, Value], sums: str
    ) -> None:
        """Run the epilogue on sums that were accumulated in memory."""
        e, v, plan = self.e, self.v, self.plan
        width = plan.columns * v.lanes
        with e.loop(*down) as i, e.loop(*across) as j:
            row, column = e.mul(i.iv, plan.rows), e.mul(j.iv, width)
            place = self._partial(sums, (i.iv, j.iv), (down[0], across[0]))
            rows, columns = e.sub(self.rows, row), e.sub(self.columns, column)
            self._lines(place, (row, rows), (column, columns))

    # -------------------------------------------------------------------------- vectors along k

    def _across(self, rows: tuple[Value, Value], columns: tuple[Value, Value]) -> None:
        """Tiles with vectors along k."""
        e, v, plan = self.e, self.v, self.plan
        right, step = self._pack_across() if plan.pack_right else (self.right, v.lanes)
        pitch = -(-plan.columns // v.quad) * v.quad
        wide = self.reserve(plan.rows * pitch * v.lanes)
        self._reserve_tile(pitch)
        with e.loop(*rows) as i, e.loop(*columns) as j:
            row, column = e.mul(i.iv, plan.rows), e.mul(j.iv, plan.columns)
            a = self._pointers(self.left, row, plan.rows, self.rows)
            b = self._pointers(right, column, plan.columns, self.columns)
            ahead = e.mul(self.left.lane, 2 * plan.rows)
            sums = inner_tile(v, a, b, (v.lanes, step), self.inner, ahead)
            for index, value in enumerate(sums):
                r, c = divmod(index, plan.columns)
                v.store(value, v.at(wide, (r * pitch + c) * v.lanes))
            add_lanes(v, wide, self.tile, plan.rows * pitch)
            extent = e.sub(self.rows, row), e.sub(self.columns, column)
            self._lines(self.tile, (row, extent[0]), (column, extent[1]))

    def _pointers(self, factor: Operand, first: Value, count: int, length: Value) -> list[str]:
        """Where some rows of a factor begin; past the edge, where the last one does."""
        e = self.e
        exact = isinstance(length, int) and length % count == 0
        indices = [e.add(first, i) for i in range(count)]
        if not exact:
            indices = [e.minimum(i, e.sub(length, 1)) for i in indices]
        return [self.v.at(factor.pointer, e.mul(factor.lane, i)) for i in indices]

    def _pack_across(self) -> tuple[Operand, int]:
        """The right factor copied so that for each vector along k its columns follow each other."""
        e, v = self.e, self.v
        assert isinstance(self.columns, int)
        assert isinstance(self.inner, int)
        columns, inner = self.columns, self.inner
        vectors = -(-inner // v.lanes)
        place = self.reserve(vectors * columns * v.lanes)
        step = columns * v.lanes
        full = inner // v.lanes
        source = self.right

        def fill(index: Value, lanes: int) -> None:
            stream = source.at(v, 0, e.mul(index, v.lanes))
            panel = packing.Panel(v.at(place, e.mul(index, step)), v.lanes, lanes, columns, columns)
            packing.transpose(v, Stream(stream.pointer, source.step, source.lane), panel)

        if full:
            with e.loop(0, full) as loop:
                fill(loop.iv, v.lanes)
        if inner % v.lanes:
            fill(full, inner % v.lanes)
        return Operand(source.expression, "inner", place, (v.lanes,), (1,)), step
