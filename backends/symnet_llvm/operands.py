"""The two factors of a contraction: where their elements are.

In go a factor's expression and axes, out comes an `Operand`, which knows its distances along every
axis if it is a plain load; `Packed` is a copy of some of it in panels (see `symnet_llvm.packing`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from symnet.scalar import TABLE, Call, Const, Expr, Load, Symbol, simplify, substitute, walk
from symnet.scalar.integer import NotAffineError, split
from symnet_llvm.analysis import Facts
from symnet_llvm.expansion import lower
from symnet_llvm.ir import Value
from symnet_llvm.microkernel import Stream, Vectors
from symnet_llvm.tiling import Order

Integer = Callable[[Expr], Value]
"""Writes the value of an integer expression."""


@dataclass(frozen=True, slots=True)
class Border:
    """A condition under which a factor is not zero: ``sum of coefficients * axes + rest >= 0``."""

    lanes: tuple[Value, ...]
    steps: tuple[Value, ...]
    rest: Value


@dataclass(frozen=True, slots=True)
class Operand:
    """A factor.

    Attributes
    ----------
    expression
        What it is.
    order
        How it lies in memory.
    pointer, lanes, steps
        If it is a plain load: where it begins, and its distances along its axes of the result and
        along those of the products.
    by_inner
        If not: whether what it is computed from lies along the products.
    borders
        Of a plain load: all must hold, or it is zero and not to be loaded.
    """

    expression: Expr
    order: Order
    pointer: str = ""
    lanes: tuple[Value, ...] = (0,)
    steps: tuple[Value, ...] = (0,)
    by_inner: bool = False
    borders: tuple[Border, ...] = ()

    @property
    def lane(self) -> Value:
        """Distance of neighbours along the last axis of the result."""
        return self.lanes[-1]

    @property
    def step(self) -> Value:
        """Distance of neighbours along the last axis of the products."""
        return self.steps[-1]

    @property
    def stride(self) -> int | None:
        """The greater of its strides where both are known."""
        if isinstance(self.lane, int) and isinstance(self.step, int):
            return max(abs(self.lane), abs(self.step))
        return None

    def at(self, v: Vectors, lane: Value, inner: Value) -> Stream:
        """The factor from an element on, where it has one axis of each kind."""
        e = v.emitter
        offset = e.add(e.mul(lane, self.lane), e.mul(inner, self.step))
        return Stream(v.at(self.pointer, offset), self.lane, self.step)


@dataclass(frozen=True, slots=True)
class Packed:
    """A packed factor: where its panels begin, their width and the products they have room for."""

    pointer: str
    width: int
    inner: Value
    first: Value

    def panel(self, v: Vectors, index: Value) -> Stream:
        """One panel."""
        e = v.emitter
        offset = e.mul(e.sub(index, self.first), e.mul(self.width, self.inner))
        return Stream(v.at(self.pointer, offset), 1, self.width)


@dataclass(frozen=True, slots=True)
class Factor:
    """A factor as it stands in the contraction, whatever the batch.

    Attributes
    ----------
    expression
        What it is.
    load
        The one element it reads, at an affine offset.
    borders
        Integers, affine too; it is zero where one is less than zero.
    rows, inner
        Its axes of the result and those of the products.
    """

    expression: Expr
    load: Load | None
    borders: tuple[Expr, ...]
    rows: tuple[Symbol, ...]
    inner: tuple[Symbol, ...]

    def operand(self, facts: Facts, integer: Integer) -> Operand:
        """How it lies in memory; `located` says where."""
        if self.load is None:
            offsets = [y.offset for y in walk(self.expression) if isinstance(y, Load)]
            along, inner = (
                all(facts.stride(o, axes[-1]) in (0, 1) for o in offsets)
                for axes in (self.rows, self.inner)
            )
            return Operand(lower(self.expression), "computed", by_inner=inner and not along)
        lanes, steps, _ = self._distances(self.load.offset, integer)
        if any(not isinstance(self._distances(x, integer)[0][-1], int) for x in self.borders):
            return Operand(lower(self.expression), "computed")
        several = len(self.rows) > 1 or len(self.inner) > 1 or self.borders
        order: Order = "along" if lanes[-1] == 1 else "inner" if steps[-1] == 1 else "strided"
        return Operand(self.expression, "gathered" if several else order, "", lanes, steps)

    def located(self, found: Operand, v: Vectors, pointers: Mapping[str, str], integer: Integer,
        ) -> Operand:  # fmt: skip
        """The operand with all that may depend on the batch."""
        if self.load is None or found.order == "computed":
            return found
        _, rest = split(self.load.offset, self._axes)
        pointer = v.at(pointers[self.load.buffer], integer(rest))
        borders = []
        for x in self.borders:
            lanes, steps, constant = self._distances(x, integer)
            borders.append(Border(lanes, steps, integer(constant)))
        return replace(found, pointer=pointer, borders=tuple(borders))

    @property
    def _axes(self) -> tuple[Symbol, ...]:
        return self.rows + self.inner

    def _distances(
        self, x: Expr, integer: Integer
    ) -> tuple[tuple[Value, ...], tuple[Value, ...], Expr]:
        coefficients, rest = split(x, self._axes)
        lanes = tuple(integer(coefficients[s]) for s in self.rows)
        return lanes, tuple(integer(coefficients[s]) for s in self.inner), rest


def read(x: Expr, rows: Sequence[Symbol], inner: Sequence[Symbol]) -> Factor:
    """Find out what a factor reads, and where it is zero.

    Parameters
    ----------
    x
        The factor.
    rows, inner
        Its axes of the result, and those of the products.
    """
    axes = (*rows, *inner)
    load, borders = _bordered(x)
    if load is not None and all(_affine(y, axes) for y in (load.offset, *borders)):
        return Factor(x, load, borders, tuple(rows), tuple(inner))
    return Factor(x, None, (), tuple(rows), tuple(inner))


def _affine(x: Expr, axes: Sequence[Symbol]) -> bool:
    try:
        coefficients, _ = split(x, axes)
    except NotAffineError:
        return False
    return not any(isinstance(y, Load) for c in coefficients.values() for y in walk(c))


def _bordered(x: Expr) -> tuple[Load | None, tuple[Expr, ...]]:
    """A load, and what must not be less than zero for it to count."""
    if isinstance(x, Load):
        return x, ()
    if not isinstance(x, Call) or x.op.name != "switch":
        return None, ()
    condition, load, zero = x.operands
    borders = list(_nonnegative(simplify(condition)))
    if not isinstance(load, Load) or not isinstance(zero, Const) or zero.value != 0:
        return None, ()
    found = [b for b in borders if b is not None]
    if len(found) < len(borders):
        return None, ()
    # Where the conditions hold, what keeps the offset within bounds elsewhere does nothing.
    known = set(found)
    offset = load.offset
    while True:
        for y in walk(offset):
            plain = _unclamped(y, known)
            if plain is not None:
                offset = simplify(substitute(offset, {y: plain}))
                break
        else:
            return Load(load.buffer, offset, load.dtype), tuple(found)


def _nonnegative(condition: Expr) -> Iterator[Expr | None]:
    """Integers that are all zero or above where a condition holds; None for what cannot be told."""
    if not isinstance(condition, Call):
        yield None
    elif condition.op.name == "logical_and":
        for a in condition.operands:
            yield from _nonnegative(a)
    elif condition.op.name in ("le", "lt") and condition.operands[0].dtype == "int64":
        low, high = condition.operands
        yield simplify(high - low if condition.op.name == "le" else high - low - 1)
    else:
        yield None


def _unclamped(x: Expr, known: set[Expr]) -> Expr | None:
    """The operand that a minimum or maximum surely is."""
    if not isinstance(x, Call) or x.op not in (TABLE["minimum"], TABLE["maximum"]):
        return None
    a, b = x.operands
    for chosen, other in ((a, b), (b, a)):
        difference = other - chosen if x.op is TABLE["minimum"] else chosen - other
        if simplify(difference) in known:
            return chosen
    return None
