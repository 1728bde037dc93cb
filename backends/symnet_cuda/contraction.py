"""Contractions: tiles of the result in registers, tiles of the factors in shared memory.

A block of 256 threads makes one tile of sums, each thread a small rectangle of it, stepping along
the inner dimension 16 at a time. Where the result has too few tiles to fill the device, several
blocks share the inner dimension of each, and the last to finish adds up what all have. Results
that are narrow or tiny, and outer products, are loop nests instead.

Where rows, columns or products have several axes, a tile is cut from their points in C order.

The factors are expressions, evaluated as their tiles are loaded; what becomes of a sum is an
expression too, evaluated from the registers it stands in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from symnet import dtypes
from symnet.axes import Axes
from symnet.kernel import (
    Accumulator,
    Contraction,
    Kernel,
    Let,
    Loop,
    Reduce,
    Stmt,
    Store,
    accumulated,
)
from symnet.scalar import TABLE, Expr, Load, Symbol, const, walk
from symnet.scalar.integer import simplify
from symnet_cuda import types
from symnet_cuda.functions import Helpers, Part, Written, function
from symnet_cuda.mapping import BLOCKS, ceiling, known, unit_stride
from symnet_cuda.nests import nest
from symnet_cuda.scalars import Expressions, combine
from symnet_cuda.text import PRODUCT, Names, Text, Writer

_STEP = 16
"""How much of the inner dimension is in shared memory at once."""
_SIDE = 16
"""A block's threads are this many by this many."""
_THREADS = _SIDE * _SIDE
_PAD = 4
"""Elements between rows of a shared tile, so that threads of a warp meet few bank conflicts."""
_MOST_SPLITS = 64


def contract(
    work: Contraction, name: str, helpers: Helpers, varying: Collection[Symbol] = ()
) -> Iterator[Written]:
    """Write the functions of a contraction; `varying` integers may change from call to call."""
    work = _lying(work)
    batch, rows, columns, inner = (
        known(length(axes)) for axes in (work.batch, work.rows, work.columns, work.inner)
    )
    narrow = any(n is not None and n <= 4 for n in (rows, columns, inner))
    results = known(length(work.outer))
    tiny = results is not None and results <= 1024
    if narrow or tiny:
        yield from nest(as_kernel(work), name, helpers, varying)
    else:
        tile = _tile(batch, rows, columns, work.dtype)
        yield _Tiled(work, name, helpers, varying, tile).write()


def length(axes: Axes) -> Expr:
    """How many points a box has."""
    total: Expr = const(1)
    for axis in axes:
        total = total * axis.extent
    return simplify(total)


def as_kernel(work: Contraction) -> Kernel:
    """The loop nest that means the same."""
    total = accumulated(work.dtype)
    *others, last = work.inner
    value = work.left * work.right
    body: tuple[Stmt, ...] = ()
    add = TABLE["add"]
    for number, axis in enumerate(reversed(others)):
        part = Symbol(f"part{number}", work.dtype)
        body = (Reduce(last.symbol, last.extent, (Accumulator(part, add, value),), body),)
        last, value = axis, part
    body = (
        Reduce(last.symbol, last.extent, (Accumulator(total, add, value),), body),
        *work.epilogue,
    )
    for axis in reversed(work.outer):
        body = (Loop(axis.symbol, axis.extent, body),)
    return Kernel(work.params, work.ints, body)


def _lying(work: Contraction) -> Contraction:
    """The same with results side by side along columns, if they are so along rows."""
    places = [s.offset for s in work.epilogue if isinstance(s, Store)]
    down, across = (unit_stride(places, axes[-1].symbol) for axes in (work.rows, work.columns))
    if across or not down:
        return work
    return replace(
        work, rows=work.columns, columns=work.rows, left=work.right, right=work.left
    )


@dataclass(frozen=True, slots=True)
class Tile:
    """How many rows and columns of sums a block makes."""

    rows: int
    columns: int


def _tile(batch: int | None, rows: int | None, columns: int | None, dtype: str) -> Tile:
    if rows is not None and columns is not None and dtypes.itemsize(dtype) <= 4:
        full = rows >= 128 and columns >= 128
        if full and (batch or 1) * (rows // 128) * (columns // 128) >= BLOCKS // 2:
            return Tile(128, 128)

    def side(count: int | None) -> int:
        return next((n for n in (16, 32) if count is not None and count <= n), 64)

    return Tile(side(rows), side(columns))


class _Tiled:
    """Writes the tiled kernel of one contraction."""

    def __init__(
        self,
        work: Contraction,
        name: str,
        helpers: Helpers,
        varying: Collection[Symbol],
        tile: Tile,
    ) -> None:
        self.work, self.name, self.helpers, self.tile = work, name, helpers, tile
        self.varying = varying
        self.type = types.register(work.dtype)
        self.zero = types.literal(0, work.dtype)
        self.down, self.across = tile.rows // _SIDE, tile.columns // _SIDE
        self.rows, self.columns, self.inner = map(length, (work.rows, work.columns, work.inner))
        self.tiles_across = ceiling(self.columns, tile.columns)
        self.tiles_each = simplify(ceiling(self.rows, tile.rows) * self.tiles_across)
        self.tiles = simplify(length(work.batch) * self.tiles_each)
        splits = TABLE["minimum"](BLOCKS // self.tiles, self.inner // (4 * _STEP))
        splits = TABLE["minimum"](TABLE["maximum"](splits, 1), _MOST_SPLITS)
        self.splits: Expr = simplify(splits)
        self.split = known(self.splits) != 1
        self.names = Names()
        self.names.reserve(_OWN_NAMES.split())
        self.names.reserve([name])
        self.writer = Writer()
        buffers = {p.name: self.names.fresh(p.name) for p in work.params}
        self.x = Expressions(self.writer, self.names, buffers)

    def write(self) -> Written:
        """The function and its launch."""
        work = self.work
        # One block at least: without it the compiler would rather spill than use many registers.
        bounds = f"{_THREADS}, 1"
        with function(self.x, self.name, bounds, work, self.varying, self.split) as kinds:
            self._body()
        size = self.tile.rows * self.tile.columns * dtypes.itemsize(work.dtype)
        slots = self.tiles * self.splits * -(-size // 8) if self.split else const(0)
        part = Part(
            self.name,
            (self.tiles, self.splits, const(1)),
            _THREADS,
            slots,
            self.tiles if self.split else const(0),
            self.split,
        )
        return Written(self.writer.text(), part, kinds)

    def _body(self) -> None:
        line, tile = self.writer.line, self.tile
        sizes = (self.rows, self.columns, self.inner, self.tiles_across)
        rows, columns, inner, tiles_across = (x.at(PRODUCT + 1) for x in self.x.write(*sizes))
        for name, length in (("left", tile.rows), ("right", tile.columns)):
            shape = f"[{_STEP}][{length + _PAD}]"
            line(f"__shared__ __align__(16) {self.type} {name}_tile{shape};")
        single = known(self.tiles_across) == 1
        number = "blockIdx.x"
        if self.work.batch:
            (tiles,) = (x.at(PRODUCT + 1) for x in self.x.write(self.tiles_each))
            batch, number = self._flat(self.work.batch, "batch"), "number"
            line(f"const long long {batch} = blockIdx.x / {tiles}, number = blockIdx.x % {tiles};")
            self._point(self.work.batch, batch)
        down = number if single else f"{number} / {tiles_across}"
        line(f"const long long first_row = {down} * {tile.rows}LL;")
        over = "0" if single else f"{number} % {tiles_across} * {tile.columns}LL"
        line(f"const long long first_column = {over};")
        line("// The sums of this thread, by their place in the tile.")
        line(f"const int row = threadIdx.x / {_SIDE} * {self.down};")
        line(f"const int column = threadIdx.x % {_SIDE} * {self.across};")
        line(f"{self.type} sum[{self.down}][{self.across}] = {{}};")
        if self.split:
            line("// gridDim.y blocks share the inner dimension.")
            line(f"const long long steps = ({inner} + {_STEP - 1}) / {_STEP};")
            line(f"const long long share = (steps + gridDim.y - 1) / gridDim.y * {_STEP};")
            line("const long long begin = blockIdx.y * share;")
            line(f"const long long end = begin + share < {inner} ? begin + share : {inner};")
        begin, end = ("begin", "end") if self.split else ("0", inner)
        with self.writer.block(f"for (long long base = {begin}; base < {end}; base += {_STEP})"):
            self._load("left", tile.rows, rows, end)
            self._load("right", tile.columns, columns, end)
            line("__syncthreads();")
            self._multiply()
            line("__syncthreads();")
        if self.split:
            self._combine_blocks()
        self._finish(rows, columns)

    def _load(self, side: str, length: int, limit: str, end: str) -> None:
        """Bring a tile of a factor into shared memory; threads side by side read side by side."""
        line, left = self.writer.line, side == "left"
        factor, outer = (
            (self.work.left, self.work.rows) if left else (self.work.right, self.work.columns)
        )
        step, width = _STEP, length
        offsets = [x.offset for x in walk(factor) if isinstance(x, Load)]
        along_inner = unit_stride(offsets, self.work.inner[-1].symbol) and not (
            len(outer) > 1 and unit_stride(offsets, outer[-1].symbol)
        )
        with (
            self.writer.block(f"for (int i = threadIdx.x; i < {step * width}; i += {_THREADS})"),
            self.x.scope(),
        ):
            inner, other = ("i % {0}", "i / {0}") if along_inner else ("i / {0}", "i % {0}")
            modulus = step if along_inner else width
            line(f"const int to_k = {inner.format(modulus)}, to = {other.format(modulus)};")
            o, k = self._flat(outer, "place"), self._flat(self.work.inner, "point")
            first = "first_row" if left else "first_column"
            line(f"const long long {o} = {first} + to, {k} = base + to_k;")
            line(f"{self.type} value = {self.zero};")
            with self.writer.block(f"if ({o} < {limit} && {k} < {end})"):
                self._point(outer, o)
                self._point(self.work.inner, k)
                (text,) = self.x.write(factor)
                line(f"value = {text.code};")
            line(f"{side}_tile[to_k][to] = value;")

    def _flat(self, axes: Axes, name: str) -> str:
        """The name of a place in a box: that of the axis if there is but one."""
        return self.x.bind_axis(axes[0].symbol) if len(axes) == 1 else self.names.fresh(name)

    def _point(self, axes: Axes, place: str) -> None:
        """Declare the axes of a box, given a place in it."""
        if len(axes) == 1:
            return
        extents = [x.at(PRODUCT + 1) for x in self.x.write(*(a.extent for a in axes))]
        # Division of 32-bit numbers is quicker by far.
        count = known(length(axes))
        kind, rest = "long long", place
        if count is not None and count < 1 << 31:
            kind, rest = "unsigned", self.names.fresh(f"{place}_rest")
            self.writer.line(f"unsigned {rest} = (unsigned){place};")
        else:
            rest = self.names.fresh(f"{place}_rest")
            self.writer.line(f"long long {rest} = {place};")
        for axis, extent in reversed(list(zip(axes, extents, strict=True))):
            name = self.x.bind_axis(axis.symbol)
            if axis is axes[0]:
                self.writer.line(f"const long long {name} = {rest};")
            else:
                divisor = f"({kind})({extent})" if kind == "unsigned" else extent
                self.writer.line(f"const long long {name} = {rest} % {divisor};")
                self.writer.line(f"{rest} /= {divisor};")

    def _multiply(self) -> None:
        line, dtype = self.writer.line, self.work.dtype
        product = combine(TABLE["mul"], [Text("a[i]"), Text("b[j]")], dtype)
        total = combine(TABLE["add"], [Text("sum[i][j]"), product], dtype)
        line("#pragma unroll")
        with self.writer.block(f"for (int k = 0; k < {_STEP}; ++k)"):
            line(f"{self.type} a[{self.down}], b[{self.across}];")
            line("#pragma unroll")
            line(f"for (int i = 0; i < {self.down}; ++i) a[i] = left_tile[k][row + i];")
            line("#pragma unroll")
            line(f"for (int j = 0; j < {self.across}; ++j) b[j] = right_tile[k][column + j];")
            with self._each():
                line(f"sum[i][j] = {total.code};")

    @contextmanager
    def _each(self) -> Iterator[None]:
        """Do what is written in a ``with`` block for each sum of the thread."""
        self.writer.line("#pragma unroll")
        with self.writer.block(f"for (int i = 0; i < {self.down}; ++i)"):
            self.writer.line("#pragma unroll")
            with self.writer.block(f"for (int j = 0; j < {self.across}; ++j)"):
                yield

    def _combine_blocks(self) -> None:
        line, size = self.writer.line, self.tile.rows * self.tile.columns
        total = combine(TABLE["add"], [Text("sum[i][j]"), Text("other")], self.work.dtype)
        place = f"(i * {self.across} + j) * {_THREADS}"
        with self.writer.block("if (gridDim.y > 1)"):
            line(
                f"{self.type}* const tile = ({self.type}*)scratch + "
                f"blockIdx.x * (long long)gridDim.y * {size} + threadIdx.x;"
            )
            with self._each():
                line(f"tile[blockIdx.y * {size} + {place}] = sum[i][j];")
            line(f"if (!{self.helpers.last_block()}(&counters[blockIdx.x])) return;")
            with self._each():
                line(f"sum[i][j] = {self.zero};")
            loop = "for (unsigned peer = 0; peer < gridDim.y; ++peer)"
            with self.writer.block(loop), self._each():
                line(f"const {self.type} other = tile[peer * {size} + {place}];")
                line(f"sum[i][j] = {total.code};")

    def _finish(self, rows: str, columns: str) -> None:
        line = self.writer.line
        with self._each(), self.x.scope():
            down, across = self.work.rows, self.work.columns
            m, n = self._flat(down, "place"), self._flat(across, "point")
            line(f"const long long {m} = first_row + row + i, {n} = first_column + column + j;")
            with self.writer.block(f"if ({m} < {rows} && {n} < {columns})"):
                self._point(down, m)
                self._point(across, n)
                self.x.declare(accumulated(self.work.dtype), Text("sum[i][j]"))
                for stmt in self.work.epilogue:
                    self.x.let(stmt) if isinstance(stmt, Let) else self.x.store(stmt)


_OWN_NAMES = """
    left_tile right_tile first_row first_column row column sum steps share begin end base
    i j a b to to_k value tile other peer batch number scratch counters
"""
