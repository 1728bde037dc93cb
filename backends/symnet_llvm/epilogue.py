"""What becomes of the sums of a contraction: its `Let` and `Store` statements, in vectors.

In go the statements and registers (or memory) that hold sums of products; out comes code that runs
the statements along one axis of the result, a vector of neighbours at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from symnet.kernel import Let, Store, accumulated, loads
from symnet.scalar import Call, Const, Expr, Load, Symbol
from symnet.scalar.integer import NotAffineError, split
from symnet_llvm.analysis import Facts, stored, uses
from symnet_llvm.expansion import lower
from symnet_llvm.expressions import Expressions, Lanes
from symnet_llvm.ir import Value
from symnet_llvm.microkernel import Vectors
from symnet_llvm.tiling import CHEAP

CALL = 25
"""Operations that a row with a helper function of its own is taken to do."""
TOGETHER = 4
"""Short lines that are done at once; a power of two."""


class Epilogue:
    """The statements of a contraction.

    Parameters
    ----------
    statements
        Run once for each sum.
    dtype
        Of the sums.
    fused
        Whether the machine multiplies and adds in one instruction.
    """

    def __init__(self, statements: Sequence[Let | Store], dtype: str, fused: bool) -> None:
        done: dict[Expr, Expr] = {}
        self.statements = tuple(
            Let(s.symbol, lower(s.value, done))
            if isinstance(s, Let)
            else Store(s.buffer, lower(s.offset, done), lower(s.value, done))
            for s in statements
        )
        self.uses = uses(self.statements) if fused else {}
        self.sum = accumulated(dtype)
        self._independent = _independent(self.statements)

    @property
    def work(self) -> int:
        """Roughly how many operations are done for each sum."""
        seen: set[Expr] = set()
        stack = [s.value for s in self.statements]
        total = len(self.stores)
        while stack:
            x = stack.pop()
            if x in seen or not x.args:
                continue
            seen.add(x)
            if isinstance(x, Call):
                total += 1 if x.op.expand is None else CALL
                stack.extend(x.args)
            else:
                total += 1
        return total

    @property
    def stores(self) -> list[Store]:
        """The statements that store."""
        return [s for s in self.statements if isinstance(s, Store)]

    @property
    def updates(self) -> bool:
        """Whether elements are read from where results are stored."""
        places = {(s.buffer, s.offset) for s in self.stores}
        return any((x.buffer, x.offset) in places for x in loads(self.statements))

    def unit_stride(self, facts: Facts, axis: Symbol) -> bool:
        """Whether neighbours along an axis are stored side by side, by every store."""
        return all(facts.stride(s.offset, axis) == 1 for s in self.stores)

    def contiguous(self, line: Symbol, axis: Symbol, length: int) -> bool:
        """Whether all that is read and stored lies along `axis` and from line to line without gaps.

        The statements may then be run on many lines as if they were one.
        """
        axes = {line, axis}
        places = [s.offset for s in self.stores]
        stack: list[Expr] = [s.value for s in self.statements]
        while stack:
            x = stack.pop()
            if x in axes:
                return False
            if isinstance(x, Load):
                places.append(x.offset)
            else:
                stack.extend(x.args)
        strides = Const(length, "int64"), Const(1, "int64")
        for place in places:
            try:
                coefficients, _ = split(place, [line, axis])
            except NotAffineError:
                return False
            if (coefficients[line], coefficients[axis]) != strides:
                return False
        return True

    @contextmanager
    def along(self, values: Expressions, lanes: Lanes, line: Symbol) -> Iterator[None]:
        """A scope in which vectors lie along `lanes.axis`, with what all lines share loaded."""
        assert lanes.axis is not None
        written = stored(self.statements)
        fixed = frozenset((line, self.sum)) | {
            s.symbol for s in self.statements if isinstance(s, Let)
        }
        with values.vectors(lanes):
            for load in loads(self.statements):
                if load.buffer not in written and fixed.isdisjoint(values.facts.symbols(load)):
                    values.value(load)
            yield

    def run(
        self, values: Expressions, line: Symbol, sums: Sequence[tuple[Value, tuple[str, ...]]]
    ) -> None:
        """Run the statements for vectors of sums, within `along`.

        Parameters
        ----------
        values
            What writes expressions.
        line
            The axis that vectors do not lie along.
        sums
            Places on that axis, and the sums there.
        """
        delayed: list[tuple[Value, Store, tuple[str, ...]]] = []
        for at, registers in sums:
            with values.scope():
                values.bind(line, (at,))
                values.bind(self.sum, registers, varying=True)
                for s in self.statements:
                    if isinstance(s, Let):
                        values.bind(s.symbol, values.value(s.value), values.varies(s.value))
                        continue
                    assert values.lanes.axis is not None
                    if not values.varies(s.offset):
                        # There is one place to store to, so this axis has length one.
                        s = Store(s.buffer, s.offset + values.lanes.axis, s.value)
                    if self._independent:
                        delayed.append((at, s, values.vector(s.value)))
                    else:
                        values.store(s)
        # Stores come last: a short line's store keeps the load of the next line waiting, because
        # the machine looks at whole vectors when it asks whether the two overlap.
        for at, s, registers in delayed:
            with values.scope():
                values.bind(line, (at,))
                result = Symbol("result", s.value.dtype)
                values.bind(result, registers, varying=True)
                values.store(Store(s.buffer, s.offset, result))

    def run_lines(
        self,
        v: Vectors,
        values: Expressions,
        source: tuple[str, int],
        line: tuple[Symbol, Value, Value],
        axis: tuple[Symbol, Value, Value],
        masked: bool,
    ) -> None:
        """Run the statements for sums in memory.

        Parameters
        ----------
        v, values
            What writes instructions.
        source
            Where the sums are, and the distance from one line to the next.
        line, axis
            The axis from line to line and the one along lines: its symbol, where it starts and how
            many sums there are.
        masked
            Whether masks cost little, so that one copy of the code will do for all vectors.
        """
        e = v.emitter
        pointer, stride = source
        symbol, base, count = axis
        whole = count // v.lanes * v.lanes if isinstance(count, int) else None

        def vectors(low: Value, high: Value, places: list[Value], mask: bool) -> None:
            with e.loop(low, high, v.lanes) as loop:
                place = e.add(base, loop.iv)
                lanes = e.mask(e.sub(count, loop.iv), v.lanes) if mask else None
                sums = [
                    v.load(v.at(pointer, e.add(e.mul(at, stride), loop.iv))) for at in places
                ]
                with self.along(values, Lanes(v.lanes, (lanes,), symbol, place), line[0]):
                    self.run(
                        values, line[0],
                        [(e.add(line[1], at), (s,)) for at, s in zip(places, sums, strict=True)],
                    )  # fmt: skip

        def each(low: Value, high: Value, together: int) -> None:
            with e.loop(low, high, together) as loop:
                places = [e.add(loop.iv, i) for i in range(together)]
                if whole == count or masked:
                    vectors(0, count, places, mask=whole != count)
                elif whole is not None:
                    if whole:
                        vectors(0, whole, places, mask=False)
                    vectors(whole, whole + 1, places, mask=True)
                else:
                    full = e.round_down(count, v.lanes)
                    vectors(0, full, places, mask=False)
                    vectors(full, count, places, mask=True)

        # Lines of less than a vector are done together, for what `run` says of their stores.
        narrow = self.work <= CHEAP and isinstance(count, int) and count < v.lanes
        together = e.round_down(line[2], TOGETHER) if narrow else 0
        if together != 0:
            each(0, together, TOGETHER)
        if together != line[2]:
            each(together, line[2], 1)


def _independent(statements: Sequence[Let | Store]) -> bool:
    """Whether no statement reads what one before it stores."""
    written: set[str] = set()
    for s in statements:
        if any(load.buffer in written for load in loads((s,))):
            return False
        if isinstance(s, Store):
            written.add(s.buffer)
    return True
