"""Contractions: tiles of the result in registers, tiles of the factors in shared memory.

A block of 256 threads makes one tile of sums, each thread a small rectangle of it, stepping along
the inner dimension 16 at a time. Where the result has too few tiles to fill the device, several
blocks share the inner dimension of each, and the last to finish adds up what all have. Results
that are narrow or tiny, and outer products, are loop nests instead.

The factors are expressions, evaluated as their tiles are loaded; what becomes of a sum is an
expression too, evaluated from the registers it stands in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from symnet import dtypes
from symnet.kernel import (
    COLUMN,
    INNER,
    ROW,
    Accumulator,
    Contraction,
    Kernel,
    Let,
    Loop,
    Reduce,
    accumulated,
)
from symnet.scalar import TABLE, Expr, Load, Symbol, const, walk
from symnet.scalar.integer import simplify
from symnet_cuda import types
from symnet_cuda.functions import Helpers, Part, Written, function
from symnet_cuda.mapping import BLOCKS, ceiling, known, unit_stride
from symnet_cuda.nests import nest
from symnet_cuda.scalars import Expressions, combine
from symnet_cuda.text import SUM, Names, Text, Writer

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
    rows, columns, inner = known(work.rows), known(work.columns), known(work.inner)
    narrow = any(n is not None and n <= 4 for n in (rows, columns, inner))
    tiny = rows is not None and columns is not None and rows * columns <= 1024
    if narrow or tiny:
        yield from nest(as_kernel(work), name, helpers, varying)
    else:
        tile = _tile(rows, columns, work.dtype)
        yield _Tiled(work, name, helpers, varying, tile).write()


def as_kernel(work: Contraction) -> Kernel:
    """The loop nest that means the same."""
    total = accumulated(work.dtype)
    dot = Reduce(INNER, work.inner, (Accumulator(total, TABLE["add"], work.left * work.right),))
    columns = Loop(COLUMN, work.columns, (dot, *work.epilogue))
    return Kernel(work.params, work.ints, (Loop(ROW, work.rows, (columns,)),))


@dataclass(frozen=True, slots=True)
class Tile:
    """How many rows and columns of sums a block makes."""

    rows: int
    columns: int


def _tile(rows: int | None, columns: int | None, dtype: str) -> Tile:
    if rows is not None and columns is not None and dtypes.itemsize(dtype) <= 4:
        full = rows >= 128 and columns >= 128
        if full and (rows // 128) * (columns // 128) >= BLOCKS // 2:
            return Tile(128, 128)

    def side(length: int | None) -> int:
        return next((n for n in (16, 32) if length is not None and length <= n), 64)

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
        self.tiles_across = ceiling(work.columns, tile.columns)
        self.tiles = simplify(ceiling(work.rows, tile.rows) * self.tiles_across)
        splits = TABLE["minimum"](BLOCKS // self.tiles, work.inner // (4 * _STEP))
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
        sizes = (self.work.rows, self.work.columns, self.work.inner, self.tiles_across)
        rows, columns, inner, tiles_across = (x.at(SUM + 1) for x in self.x.write(*sizes))
        for name, length in (("left", tile.rows), ("right", tile.columns)):
            shape = f"[{_STEP}][{length + _PAD}]"
            line(f"__shared__ __align__(16) {self.type} {name}_tile{shape};")
        single = known(self.tiles_across) == 1
        down = "blockIdx.x" if single else f"blockIdx.x / {tiles_across}"
        line(f"const long long first_row = {down} * {tile.rows}LL;")
        over = "0" if single else f"blockIdx.x % {tiles_across} * {tile.columns}LL"
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
        factor, outer = (self.work.left, ROW) if left else (self.work.right, COLUMN)
        step, width = _STEP, length
        along_inner = unit_stride((x.offset for x in walk(factor) if isinstance(x, Load)), INNER)
        with (
            self.writer.block(f"for (int i = threadIdx.x; i < {step * width}; i += {_THREADS})"),
            self.x.scope(),
        ):
            inner, other = ("i % {0}", "i / {0}") if along_inner else ("i / {0}", "i % {0}")
            modulus = step if along_inner else width
            line(f"const int to_k = {inner.format(modulus)}, to = {other.format(modulus)};")
            o, k = self.x.bind_axis(outer), self.x.bind_axis(INNER)
            first = "first_row" if left else "first_column"
            line(f"const long long {o} = {first} + to, {k} = base + to_k;")
            line(f"{self.type} value = {self.zero};")
            with self.writer.block(f"if ({o} < {limit} && {k} < {end})"):
                (text,) = self.x.write(factor)
                line(f"value = {text.code};")
            line(f"{side}_tile[to_k][to] = value;")

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
            m, n = self.x.bind_axis(ROW), self.x.bind_axis(COLUMN)
            line(f"const long long {m} = first_row + row + i, {n} = first_column + column + j;")
            with self.writer.block(f"if ({m} < {rows} && {n} < {columns})"):
                self.x.declare(accumulated(self.work.dtype), Text("sum[i][j]"))
                for stmt in self.work.epilogue:
                    self.x.let(stmt) if isinstance(stmt, Let) else self.x.store(stmt)


_OWN_NAMES = """
    left_tile right_tile first_row first_column row column sum steps share begin end base
    i j a b to to_k value tile other peer scratch counters
"""
