"""What every function of a contraction begins with: its integers, its batch, its share of work.

In go a contraction and the statements of its epilogue; out comes a `Frame`, with which the loops
over tiles are written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from symnet.axes import Axes
from symnet.kernel import Contraction, Let, Store
from symnet.scalar import Expr
from symnet.scalar.integer import simplify
from symnet_llvm.analysis import Facts
from symnet_llvm.boxes import Side
from symnet_llvm.epilogue import Epilogue
from symnet_llvm.expansion import lower
from symnet_llvm.expressions import Expressions
from symnet_llvm.ir import Emitter, Value, signature
from symnet_llvm.microkernel import Vectors
from symnet_llvm.target import Target

ALIGNMENT = 64
FEW = 1 << 20
"""Tiles of which 32-bit numbers can count any share."""
NANOSECONDS = 0.24
"""What a cycle of the cost model takes: it is a little pessimistic."""


class Frame:
    """The function of a contraction, its head written.

    Parameters
    ----------
    work, name, target
        The contraction, the function's name and the machine.
    statements
        The epilogue.

    Attributes
    ----------
    e, v, values
        What writes instructions, vectors and expressions.
    pointers
        The registers that point to buffers.
    batch
        The axes of the batch.
    masked
        Whether masks cost little.
    scratch
        Bytes of memory reserved.
    """

    def __init__(
        self, work: Contraction, name: str, target: Target, statements: Sequence[Let | Store]
    ) -> None:
        self.target = target
        self.e = e = Emitter(name, signature(len(work.params), len(work.ints)))
        self.v = Vectors(e, work.dtype, target)
        self.epilogue = Epilogue(statements, work.dtype, target.fused)
        self.facts = Facts()
        self.pointers = {p.name: f"%p{i}" for i, p in enumerate(work.params)}
        self.values = Expressions(e, self.pointers, self.epilogue.uses, self.facts)
        for i, symbol in enumerate(work.ints):
            self.values.bind(symbol, (f"%n{i}",))
        self.batch = self.side(work.batch)
        self.masked = target.vector_bytes == 64
        self.scratch = 0

    def side(self, axes: Axes) -> Side:
        """Axes with their lengths in registers."""
        return Side.of(self.e, [(a.symbol, self.integer(a.extent)) for a in axes])

    def integer(self, x: Expr) -> Value:
        """An integer in a register."""
        return self.values.scalar(lower(simplify(x)))

    def count(self, length: Value, size: int) -> Value:
        """Tiles that cover a length."""
        return self.e.div(self.e.add(length, size - 1), size)

    def share(self, count: Value) -> tuple[Value, Value]:
        """The tiles that are this part's."""
        e = self.e
        if not isinstance(count, int) or count > FEW:
            bounds = [e.div(e.mul(p, count), "%parts") for p in ("%part", e.add("%part", 1))]
            return bounds[0], bounds[1]
        # Division of 64-bit numbers is slow, also to compile.
        part, parts = (e.op(f"trunc i64 {p} to i32") for p in ("%part", "%parts"))
        narrow = part, e.op(f"add i32 {part}, 1")
        tiles = [e.op(f"udiv i32 {e.op(f'mul i32 {p}, {count}')}, {parts}") for p in narrow]
        return e.op(f"zext i32 {tiles[0]} to i64"), e.op(f"zext i32 {tiles[1]} to i64")

    @contextmanager
    def batches(self, tiles: Value, splittable: bool) -> Iterator[tuple[Value, Value]]:
        """A loop over the batch, with the tiles that are this part's; parts share all of them."""
        e, count = self.e, self.batch.length
        if not self.batch.symbols:
            yield self.share(tiles) if splittable else (0, tiles)
            return
        low, high = self.share(e.mul(count, tiles)) if splittable else (0, 1)
        divisor = e.maximum(tiles, 1)
        first, last = e.div(low, divisor), e.div(e.add(high, e.sub(divisor, 1)), divisor)
        with e.loop(first, last) as loop, self.values.scope():
            self.batch.bind(self.values, loop.iv)
            begin = e.mul(loop.iv, tiles)
            yield (
                e.maximum(e.sub(low, begin), 0),
                e.minimum(e.sub(high, begin), tiles),
            )

    def reserve(self, elements: int) -> str:
        """Scratch memory."""
        place = self.v.at("%scratch", self.scratch // self.v.bytes)
        self.scratch += -(-elements * self.v.bytes // ALIGNMENT) * ALIGNMENT
        return place
