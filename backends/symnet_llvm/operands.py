"""The two factors of a contraction: where their elements are.

In goes a factor's expression, out comes an `Operand`, which knows its strides if it is a plain
load; `Packed` is a copy of some of it in panels (see `symnet_llvm.packing`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from symnet.kernel import INNER
from symnet.scalar import Expr, Load, Symbol, walk
from symnet.scalar.integer import NotAffineError, split
from symnet_llvm.analysis import Facts
from symnet_llvm.expansion import lower
from symnet_llvm.ir import Value
from symnet_llvm.microkernel import Stream, Vectors
from symnet_llvm.tiling import Order


@dataclass(frozen=True, slots=True)
class Operand:
    """A factor.

    Attributes
    ----------
    expression
        What it is.
    axis
        Its axis of the result.
    order
        How it lies in memory.
    pointer, lane, step
        If it is a plain load: where it begins, and its strides along `axis` and k.
    by_inner
        If not: whether what it is computed from lies along k.
    """

    expression: Expr
    axis: Symbol
    order: Order
    pointer: str = ""
    lane: Value = 0
    step: Value = 0
    by_inner: bool = False

    @property
    def stride(self) -> int | None:
        """The greater of its strides where both are known."""
        if isinstance(self.lane, int) and isinstance(self.step, int):
            return max(abs(self.lane), abs(self.step))
        return None

    def at(self, v: Vectors, lane: Value, inner: Value) -> Stream:
        """The factor from an element on."""
        e = v.emitter
        offset = e.add(e.mul(lane, self.lane), e.mul(inner, self.step))
        return Stream(v.at(self.pointer, offset), self.lane, self.step)


@dataclass(frozen=True, slots=True)
class Packed:
    """A packed factor: where its panels begin, their width and the products they have room for."""

    pointer: str
    width: int
    inner: int
    first: Value

    def panel(self, v: Vectors, index: Value) -> Stream:
        """One panel."""
        e = v.emitter
        offset = e.mul(e.sub(index, self.first), self.width * self.inner)
        return Stream(v.at(self.pointer, offset), 1, self.width)


def read(
    x: Expr,
    axis: Symbol,
    v: Vectors,
    pointers: Mapping[str, str],
    facts: Facts,
    integer: Callable[[Expr], Value],
) -> Operand:
    """Find out where a factor lies.

    Parameters
    ----------
    x
        The factor.
    axis
        Its axis of the result.
    v, pointers, facts
        Vector instructions, the registers that point to buffers, and what is known of expressions.
    integer
        Writes the value of an integer expression.
    """
    if isinstance(x, Load):
        try:
            coefficients, rest = split(x.offset, [axis, INNER])
        except NotAffineError:
            return Operand(lower(x), axis, "computed")
        lane, step = integer(coefficients[axis]), integer(coefficients[INNER])
        order: Order = "along" if lane == 1 else "inner" if step == 1 else "strided"
        return Operand(x, axis, order, v.at(pointers[x.buffer], integer(rest)), lane, step)
    offsets = [y.offset for y in walk(x) if isinstance(y, Load)]
    along, inner = (all(facts.stride(o, a) in (0, 1) for o in offsets) for a in (axis, INNER))
    return Operand(lower(x), axis, "computed", by_inner=inner and not along)
