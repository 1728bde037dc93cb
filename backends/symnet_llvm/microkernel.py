"""The innermost loops of a contraction: register tiles and the shuffles around them.

In go an `Emitter`, where the factors lie (`Stream`) and the size of a tile; out come the registers
that hold the tile's sums. Two kinds of tile exist. An *outer* tile has vectors along one axis of
the result and adds, for each k, the product of a broadcast element and a vector of elements. An
*inner* tile has vectors along k and adds its lanes up at the end; it serves results that are too
narrow to fill vectors.

The order in which an element's products are summed does not depend on its place in the tile, nor
on the size of the tile, so tiles may be cut differently without changing a bit of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from symnet_llvm.ir import BYTES, MEMORY, Emitter, Value, suffix, vector
from symnet_llvm.target import Target

T = TypeVar("T")

ZERO = "zeroinitializer"


@dataclass(frozen=True, slots=True)
class Stream:
    """A factor as an innermost loop walks it, in elements.

    Attributes
    ----------
    pointer
        Its element at lane 0 and k = 0.
    lane
        Distance of neighbours along the axis of the result.
    step
        Distance of neighbours along k.
    """

    pointer: str
    lane: Value
    step: Value


class Vectors:
    """Vector instructions for one dtype, written by an emitter.

    Parameters
    ----------
    emitter
        Where they are written.
    dtype
        Of the elements; float32 or float64.
    target
        The machine.
    lanes
        Elements of a vector; as many as the machine's hold unless given.
    """

    def __init__(
        self, emitter: Emitter, dtype: str, target: Target, lanes: int | None = None
    ) -> None:
        self.emitter = emitter
        self.dtype = dtype
        self.scalar = MEMORY[dtype]
        self.bytes = BYTES[self.scalar]
        self.lanes = lanes or target.lanes(dtype)
        self.quad = min(16 // self.bytes, self.lanes)
        self.type = vector(self.scalar, self.lanes)
        self.fused = target.fused

    def at(self, pointer: str, offset: Value) -> str:
        """The address of an element."""
        return self.emitter.gep(pointer, offset, self.scalar)

    def load(self, pointer: str, mask: str | None = None) -> str:
        """A vector of consecutive elements."""
        return self.emitter.load(pointer, self.dtype, self.lanes, mask)

    def load_into(self, value: str, pointer: str, mask: str | None) -> str:
        """A vector with those of its lanes that are in a mask loaded."""
        if mask is None:
            return self.load(pointer)
        e, t = self.emitter, self.type
        return e.intrinsic(
            f"llvm.masked.load.{suffix(t)}.p0", t,
            ("ptr", pointer), ("i32", self.bytes), (vector("i1", self.lanes), mask), (t, value),
        )  # fmt: skip

    def store(self, value: str, pointer: str, mask: str | None = None) -> None:
        """Store a vector to consecutive elements."""
        self.emitter.store(value, pointer, self.dtype, self.lanes, mask)

    def fetch(self, pointer: str) -> None:
        """Ask for memory that will be read soon.

        It is to come into the second cache only: what is on the way into the nearest one takes up
        the few places that loads wait in.
        """
        kind = (("i32", 0), ("i32", 2), ("i32", 1))  # to be read, not the nearest cache, data
        self.emitter.intrinsic("llvm.prefetch.p0", "void", ("ptr", pointer), *kind)

    def broadcast(self, pointer: str) -> str:
        """An element in all lanes."""
        element = self.emitter.load(pointer, self.dtype)
        return self.emitter.splat(element, self.scalar, self.lanes)

    def multiply_add(self, a: str, b: str, c: str) -> str:
        """``a * b + c``, rounded once where the machine can."""
        e, t = self.emitter, self.type
        if self.fused:
            name = f"llvm.fma.v{self.lanes}f{self.bytes * 8}"
            return e.intrinsic(name, t, (t, a), (t, b), (t, c))
        return e.op(f"fadd {t} {e.op(f'fmul {t} {a}, {b}')}, {c}")

    def add(self, a: str, b: str) -> str:
        """``a + b``."""
        return self.emitter.op(f"fadd {self.type} {a}, {b}")

    def shuffle(self, a: str, b: str, picks: Sequence[int]) -> str:
        """Lanes of two vectors, those of the second numbered on from the first's."""
        listed = ", ".join(f"i32 {p}" for p in picks)
        return self.emitter.op(
            f"shufflevector {self.type} {a}, {self.type} {b}, <{len(picks)} x i32> <{listed}>"
        )

    def piece(self, value: str, index: int) -> str:
        """One of the 128-bit pieces of a vector."""
        if self.lanes == self.quad:
            return value
        return self.shuffle(value, "poison", range(index * self.quad, (index + 1) * self.quad))

    def transpose(self, rows: Sequence[str]) -> list[str]:
        """Transpose within each 128-bit piece.

        Piece `p` of result `j` holds element `j` of piece `p` of each of the `quad` vectors.
        """
        n, half = self.quad, self.quad // 2

        def zipped(a: str, b: str, low: bool, pairs: int) -> str:
            picks = []
            for piece in range(0, self.lanes, n):
                first = piece + (0 if low else half)
                for i in range(0, half, pairs):
                    for source in (0, self.lanes):
                        picks += [source + first + i + p for p in range(pairs)]
            return self.shuffle(a, b, picks)

        if n == 2:
            a, b = rows
            return [zipped(a, b, True, 1), zipped(a, b, False, 1)]
        a, b, c, d = rows
        ab = [zipped(a, b, True, 1), zipped(a, b, False, 1)]
        cd = [zipped(c, d, True, 1), zipped(c, d, False, 1)]
        return [zipped(x, y, low, 2) for x, y in zip(ab, cd, strict=True) for low in (True, False)]


def unrolling(sums: int) -> int:
    """How many values of k one turn of an innermost loop handles, for a tile of so many sums.

    A power of two. Big tiles keep the machine busy without; code for them is costly to compile.
    """
    return 1 if sums > 16 else 2 if sums >= 6 else 4


def chaining(sums: int) -> int:
    """Into how many partial sums each sum is split, so that additions need not wait for each other.

    An addition takes four cycles and up to two begin in each.
    """
    return 1 if sums >= 6 else 2 if sums >= 4 else 4


def outer_tile(
    v: Vectors,
    rows: int,
    columns: int,
    left: Stream,
    right: Stream,
    inner: Value,
    masks: Sequence[str | None] | None = None,
    ahead: Value = 0,
) -> list[str]:
    """Sum the products of a tile of `rows` elements by `columns` vectors.

    Parameters
    ----------
    v
        Vector instructions.
    rows, columns
        Size of the tile.
    left
        The factor whose elements are broadcast.
    right
        The factor that is loaded as vectors; its lanes are one element apart.
    inner
        How many products each sum has.
    masks
        For each vector which lanes of `right` may be read; all of them unless given.
    ahead
        Distance to the elements of `right` that a later tile reads first, to be fetched meanwhile;
        0 if none is.

    Returns
    -------
    sums
        ``rows * columns`` vectors, row by row.
    """
    e = v.emitter
    size = rows * columns
    unroll, chains = unrolling(size), chaining(size)
    sums = [ZERO] * (size * chains)
    down = [e.mul(left.lane, i) for i in range(rows)]
    masks = masks or [None] * columns

    def products(sums: list[str], a: str, b: str, count: int) -> list[str]:
        for k in range(count):
            across = [
                v.load(v.at(b, e.add(e.mul(right.step, k), j * v.lanes)), masks[j])
                for j in range(columns)
            ]
            if ahead != 0:
                for j in range(columns):
                    v.fetch(v.at(b, e.add(e.mul(right.step, k), e.add(ahead, j * v.lanes))))
            for i in range(rows):
                element = v.broadcast(v.at(a, e.add(e.mul(left.step, k), down[i])))
                for j in range(columns):
                    at = k % chains * size + i * columns + j
                    sums[at] = v.multiply_add(element, across[j], sums[at])
        return sums

    def turns(low: Value, high: Value, step: int, sums: list[str]) -> list[str]:
        with e.loop(low, high, step, [(v.type, s) for s in sums]) as loop:
            a = v.at(left.pointer, e.mul(loop.iv, left.step))
            b = v.at(right.pointer, e.mul(loop.iv, right.step))
            loop.next = products(list(loop.phis), a, b, step)
        return loop.out

    whole = e.round_down(inner, unroll)
    if whole != 0:
        sums = turns(0, whole, unroll, sums)
    if isinstance(inner, int) and isinstance(whole, int):
        if inner > whole:
            a = v.at(left.pointer, e.mul(whole, left.step))
            b = v.at(right.pointer, e.mul(whole, right.step))
            sums = products(sums, a, b, inner - whole)
    elif unroll > 1:
        sums = turns(whole, inner, 1, sums)
    return _joined(v, sums, size)


def inner_tile(
    v: Vectors,
    rows: Sequence[str],
    columns: Sequence[str],
    steps: tuple[Value, Value],
    inner: Value,
    ahead: Value = 0,
) -> list[str]:
    """Sum the products of some rows and some columns, with vectors along k.

    Parameters
    ----------
    v
        Vector instructions.
    rows, columns
        Where each row of the left factor and each column of the right one begins.
    steps
        From one vector of a row (of a column) to the next, in elements.
    inner
        How many products each sum has.
    ahead
        Distance from a row to one that a later tile reads, to be fetched meanwhile; 0 if none is.

    Returns
    -------
    sums
        ``len(rows) * len(columns)`` vectors, row by row, whose lanes add up to the sums.
    """
    e = v.emitter
    size = len(rows) * len(columns)
    unroll, chains = unrolling(size), chaining(size)
    sums = [ZERO] * (size * chains)

    def products(sums: list[str], at: Value, count: int, mask: str | None) -> list[str]:
        for turn in range(count):
            vector_ = e.add(at, turn)
            a, b = (e.mul(vector_, s) for s in steps)
            across = [v.load(v.at(p, b), mask) for p in columns]
            for i, p in enumerate(rows):
                down = v.load(v.at(p, a), mask)
                if ahead != 0 and mask is None:
                    v.fetch(v.at(p, e.add(a, ahead)))
                for j in range(len(columns)):
                    to = turn % chains * size + i * len(columns) + j
                    sums[to] = v.multiply_add(down, across[j], sums[to])
        return sums

    def turns(low: Value, high: Value, step: int, sums: list[str]) -> list[str]:
        with e.loop(low, high, step, [(v.type, s) for s in sums]) as loop:
            loop.next = products(list(loop.phis), loop.iv, step, None)
        return loop.out

    vectors = e.div(inner, v.lanes)
    whole = e.round_down(vectors, unroll)
    if whole != 0:
        sums = turns(0, whole, unroll, sums)
    if unroll > 1 and whole != vectors:
        sums = turns(whole, vectors, 1, sums)
    rest = e.sub(inner, e.mul(vectors, v.lanes))
    if rest != 0:
        # Masked lanes are zero in both factors, so that no infinity meets the zero of another.
        sums = products(sums, vectors, 1, e.mask(rest, v.lanes))
    return _joined(v, sums, size)


def add_lanes(v: Vectors, source: str, target: str, count: int) -> None:
    """Add up the lanes of each of some vectors in memory.

    Parameters
    ----------
    v
        Vector instructions.
    source
        Where the vectors are.
    target
        Where the totals go, one after the other.
    count
        How many vectors; a multiple of `quad`.
    """
    e = v.emitter
    short = vector(v.scalar, v.quad)
    with e.loop(0, count, v.quad) as loop:
        vectors = v.at(source, e.mul(loop.iv, v.lanes))
        pieces = v.transpose([v.load(v.at(vectors, i * v.lanes)) for i in range(v.quad)])
        (wide,) = _paired(pieces, v.add)
        (total,) = _paired(
            [v.piece(wide, p) for p in range(v.lanes // v.quad)],
            lambda a, b: e.op(f"fadd {short} {a}, {b}"),
        )
        e.store(total, v.at(target, loop.iv), v.dtype, v.quad)


def _joined(v: Vectors, sums: list[str], size: int) -> list[str]:
    """Add up the chains of each sum."""
    chains = [sums[i : i + size] for i in range(0, len(sums), size)]
    (joined,) = _paired(chains, lambda a, b: [v.add(x, y) for x, y in zip(a, b, strict=True)])
    return joined


def _paired(values: list[T], add: Callable[[T, T], T]) -> list[T]:
    """Add up a power of two of values, by pairs."""
    while len(values) > 1:
        half = len(values) // 2
        values = [add(a, b) for a, b in zip(values[:half], values[half:], strict=True)]
    return values
