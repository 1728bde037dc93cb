"""Tiles of memory, read and written by vectors that hold one column each.

In go the address of a tile's first element and how many of its rows count; registers of columns
come out, or go in. A row is read in chunks of 16 bytes; a vector is put together from chunks of
every fourth row (every second for 8-byte elements), and what remains to be transposed lies within
16 bytes, where shuffles are quickest. The last chunk of a row overlaps the one before.

Rows that do not count are read as the last one that does, which is there to be read. They are
written there, too, but before that row itself is.
"""

from __future__ import annotations

from symnet_llvm.ir import MEMORY, Emitter, Value, vector
from symnet_llvm.rows import Tile


class TileAccess:
    """Reads and writes one tile, for as many rows as a vector has lanes.

    Parameters
    ----------
    f
        The function being written.
    tile
        The tile.
    first
        Address of the first element of the first row.
    width
        Lanes of a vector.
    count
        How many rows count; None if all do.
    """

    def __init__(self, f: Emitter, tile: Tile, first: str, width: int, count: Value | None) -> None:
        self._f = f
        self._tile = tile
        self._scalar = MEMORY[tile.dtype]
        self._width = width
        self._align = 16 // tile.chunk
        self._rows = [self._row(first, r, count) for r in range(width)]
        length = len(tile.columns)
        self._starts = [*range(0, length - tile.chunk, tile.chunk), length - tile.chunk]

    def _row(self, first: str, r: int, count: Value | None) -> str:
        f, stride = self._f, self._tile.stride
        if count is None or r == 0:
            return f.gep(first, r * stride, self._scalar)
        return f.gep(first, f.mul(f.minimum(r, f.sub(count, 1)), stride), self._scalar)

    def read(self) -> list[str]:
        """The columns."""
        chunk, columns = self._tile.chunk, dict[int, str]()
        small = vector(self._scalar, chunk)
        for start in self._starts:
            pieces = [
                self._f.op(
                    f"load {small}, ptr {self._f.gep(row, start, self._scalar)}, "
                    f"align {self._align}"
                )
                for row in self._rows
            ]
            groups = [self._joined(pieces[r::chunk]) for r in range(chunk)]
            columns.update(enumerate(self._transposed(groups), start))
        return [columns[c] for c in range(len(columns))]

    def write(self, columns: list[str]) -> None:
        """Write the columns."""
        f, chunk = self._f, self._tile.chunk
        small = vector(self._scalar, chunk)
        for start in self._starts:
            groups = self._transposed(columns[start : start + chunk])
            for r in reversed(range(self._width)):
                block, which = divmod(r, chunk)
                lanes = range(block * chunk, (block + 1) * chunk)
                piece = self._shuffled(groups[which], groups[which], self._width, list(lanes))
                place = f.gep(self._rows[r], start, self._scalar)
                f.do(f"store {small} {piece}, ptr {place}, align {self._align}")

    def _shuffled(self, a: str, b: str, lanes: int, picks: list[int]) -> str:
        type_ = vector(self._scalar, lanes)
        chosen = ", ".join(f"i32 {p}" for p in picks)
        return self._f.op(
            f"shufflevector {type_} {a}, {type_} {b}, <{len(picks)} x i32> <{chosen}>"
        )

    def _joined(self, pieces: list[str]) -> str:
        """Short vectors one after the other in a long one."""
        lanes = self._tile.chunk
        while len(pieces) > 1:
            pairs = zip(pieces[::2], pieces[1::2], strict=True)
            pieces = [self._shuffled(a, b, lanes, list(range(2 * lanes))) for a, b in pairs]
            lanes *= 2
        return pieces[0]

    def _interleaved(self, a: str, b: str, size: int, high: bool) -> str:
        """Groups of `size` lanes of `a` and `b` in turn, from one half of each 16 bytes."""
        picks: list[int] = []
        chunk = self._tile.chunk
        for block in range(0, self._width, chunk):
            middle = block + (chunk // 2 if high else 0)
            for g in range(middle, middle + chunk // 2, size):
                picks += range(g, g + size)
                picks += range(self._width + g, self._width + g + size)
        return self._shuffled(a, b, self._width, picks)

    def _transposed(self, groups: list[str]) -> list[str]:
        """The matrices that vectors hold 16 bytes by 16 bytes, each transposed."""
        if self._tile.chunk == 2:
            a, b = groups
            return [self._interleaved(a, b, 1, high) for high in (False, True)]
        a, b, c, d = groups
        halves = [
            (self._interleaved(a, b, 1, high), self._interleaved(c, d, 1, high))
            for high in (False, True)
        ]
        return [self._interleaved(x, y, 2, high) for x, y in halves for high in (False, True)]
