"""The function that computes and checks a program's integers at the start of every call.

In goes a program and its layout, out comes the IR of ``i64 prologue(ptr state)``. It reads lengths
and pointers of inputs and shared buffers and writes the numbers (`symnet_llvm.layout`). Its result
says whether the program holds for this call and whether memory must be laid out anew
(`symnet_llvm.state`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from symnet.program import Buffer, Program, Size
from symnet.scalar import Const, Expr, Symbol, walk
from symnet_llvm.expansion import lower
from symnet_llvm.expressions import Expressions
from symnet_llvm.ir import Emitter, Value
from symnet_llvm.layout import Layout
from symnet_llvm.scalars import convert
from symnet_llvm.state import MISMATCH, PREPARE, RUN, Slot

BLOCK = 32
"""Conditions checked in one block: the time LLVM takes grows faster than a block."""


def emit(program: Program, layout: Layout) -> Emitter:
    """Write the prologue."""
    return _Prologue(program, layout).write()


class _Prologue:
    def __init__(self, program: Program, layout: Layout) -> None:
        self.program = program
        self.layout = layout
        self.f = Emitter("prologue", ["ptr %state"], "i64")
        self.values = Expressions(self.f)
        self._conditions: list[str] = []
        self._tables: dict[Slot, str] = {}
        self._own: dict[str, dict[int, Symbol]] = {}
        for size in program.sizes:
            if size.axis is not None:
                self._own.setdefault(size.buffer, {})[size.axis] = size.symbol
        # Lengths that are compared with constants in any case.
        self._known = {i.expr: i.value for i in program.ints if i.value is not None}
        # Few of many integers would stay in registers: they are read where they are needed.
        self._many = len(program.sizes) > BLOCK
        self._bound: set[Symbol] = set()

    def write(self) -> Emitter:
        f, program = self.f, self.program
        for slot in (Slot.POINTERS, Slot.LENGTHS, Slot.NUMBERS):
            self._tables[slot] = f.op(f"load ptr, ptr {f.gep('%state', slot.value, 'i64')}")
        # Integers that are read from memory may be read only once the memory is known to be there.
        self._read_lengths([size for size in program.sizes if size.axis is not None])
        checked = [b for b in program.buffers if b.kind in ("input", "shared")]
        for buffer in checked:
            self._check_lengths(buffer, constant=True)
        read = [size for size in program.sizes if size.axis is None]
        for size in read:
            self._check_holds(size)
        if read:
            self._reject_unless_good()
        for size in read:
            self._bind(size.symbol, self._element(size))
        for derived in program.ints:
            value = self._scalar(derived.expr)
            if derived.value is not None:
                self._equal(value, derived.value)
                value = derived.value
            self._bind(derived.symbol, value)
        for check in program.checks:
            self._require(str(self._scalar(check.condition)))
        for buffer in checked:
            self._check_lengths(buffer, constant=False)
        self._reject_unless_good()
        self._write_numbers()
        self._end()
        return f

    def _scalar(self, x: Expr) -> Value:
        if self._many and isinstance(x, Symbol):
            return self._load(Slot.NUMBERS, self.layout.symbols[x])
        if self._many and not isinstance(x, Const):
            new = {s for s in walk(x) if isinstance(s, Symbol)} - self._bound
            for symbol in sorted(new, key=self.layout.symbols.__getitem__):
                value = self._load(Slot.NUMBERS, self.layout.symbols[symbol])
                self.values.bind(symbol, (value,))
            self._bound |= new
        return self.values.scalar(lower(x))

    def _word(self, table: Slot, index: int) -> str:
        return self.f.gep(self._tables[table], index, "i64")

    def _load(self, table: Slot, index: int) -> str:
        return self.f.op(f"load i64, ptr {self._word(table, index)}")

    def _store(self, value: Value, index: int) -> None:
        self.f.do(f"store i64 {value}, ptr {self._word(Slot.NUMBERS, index)}")

    def _bind(self, symbol: Symbol, value: Value) -> None:
        if not self._many:
            self.values.bind(symbol, (value,))
        self._store(value, self.layout.symbols[symbol])

    def _equal(self, value: Value, wanted: Value) -> None:
        self._require(self.f.op(f"icmp eq i64 {value}, {wanted}"))

    def _require(self, condition: str) -> None:
        self._conditions.append(condition)
        if len(self._conditions) == BLOCK:
            self._reject_unless_good()

    def _read_lengths(self, sizes: Sequence[Size]) -> None:
        """Note lengths of dimensions among the numbers."""
        if not self._many:
            for size in sizes:
                assert size.axis is not None
                self._bind(size.symbol, self._length(size.buffer, size.axis))
            return
        places = [
            (self.layout.lengths[size.buffer] + (size.axis or 0), self.layout.symbols[size.symbol])
            for size in sizes
        ]
        # Both are numbered in one order, so that what lies side by side can be copied at once.
        for _, group in groupby(places, lambda place: place[1] - place[0]):
            (first, number), *rest = group
            source, target = self._word(Slot.LENGTHS, first), self._word(Slot.NUMBERS, number)
            self.f.intrinsic(
                "llvm.memcpy.p0.p0.i64", "void",
                ("ptr", target), ("ptr", source), ("i64", 8 * (1 + len(rest))), ("i1", "false"),
            )  # fmt: skip

    def _length(self, buffer: str, axis: int) -> str:
        return self._load(Slot.LENGTHS, self.layout.lengths[buffer] + axis)

    def _check_lengths(self, buffer: Buffer, constant: bool) -> None:
        """Compare the lengths of an array with those that kernels will take it to have."""
        own = self._own.get(buffer.name, {})
        for axis, wanted in enumerate(buffer.shape):
            known = own.get(axis)
            if isinstance(wanted, Const):
                compared = known is not None and self._known.get(known) == wanted.value
            else:
                compared = wanted == known
            if isinstance(wanted, Const) == constant and not compared:
                self._equal(self._length(buffer.name, axis), self._scalar(wanted))

    def _check_holds(self, size: Size) -> None:
        """Check that an array has the element that a size is read from."""
        buffer = self.program.buffer(size.buffer)
        count: Value = 1
        for axis, n in enumerate(buffer.shape):
            length = int(n.value) if isinstance(n, Const) else self._length(buffer.name, axis)
            count = self.f.mul(count, length)
        if isinstance(count, int):
            assert count > size.offset, f"{size} is not in {buffer}"
        else:
            self._require(self.f.less(size.offset, count))

    def _element(self, size: Size) -> str:
        dtype = self.program.buffer(size.buffer).dtype
        word = self._word(Slot.POINTERS, self.layout.pointers[size.buffer])
        data = self.f.op(f"load ptr, ptr {word}")
        scalar = {"bool": "i8"}.get(dtype, dtype.removeprefix("u").replace("int", "i"))
        value = self.f.load(self.f.gep(data, size.offset, scalar), dtype)
        return convert(self.f, value, dtype, "int64", 1)

    def _reject_unless_good(self) -> None:
        """End the prologue here unless all conditions so far are true."""
        f = self.f
        if not self._conditions:
            return
        good, *rest = self._conditions
        for condition in rest:
            good = f.op(f"and i1 {good}, {condition}")
        proceed, reject = f.label(), f.label()
        f.do(f"br i1 {good}, label %{proceed}, label %{reject}")
        f.block(reject)
        f.do(f"ret i64 {MISMATCH}")
        f.block(proceed)
        self._conditions = []

    def _write_numbers(self) -> None:
        for x, index in self.layout.arguments.items():
            self._store(self._scalar(x), index)
        for name, start in self.layout.outputs.items():
            for axis, n in enumerate(self.program.buffer(name).shape):
                if not isinstance(n, Const):
                    self._store(self._scalar(n), start + axis)

    def _end(self) -> None:
        """Say whether memory must be laid out.

        A changed length is noted as staleness, which remains until the layout has succeeded.
        """
        f = self.f
        stale_at = f.gep("%state", Slot.STALE.value, "i64")
        stale = f.op(f"load i64, ptr {stale_at}")
        for x, index in self.layout.keys.items():
            now, before = self._scalar(x), self._load(Slot.NUMBERS, index)
            changed = f.op(f"icmp ne i64 {now}, {before}")
            stale = f.op(f"select i1 {changed}, i64 1, i64 {stale}")
            self._store(now, index)
        if self.layout.keys:
            f.do(f"store i64 {stale}, ptr {stale_at}")
        current = f.op(f"icmp eq i64 {stale}, 0")
        f.do(f"ret i64 {f.op(f'select i1 {current}, i64 {RUN}, i64 {PREPARE}')}")
