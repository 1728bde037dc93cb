"""Partial results of reductions, in registers.

A reduction keeps several partial results, so that one combination need not wait for the one
before; in the end they are combined in a fixed order.
"""

from __future__ import annotations

from collections.abc import Sequence

from symnet.kernel import Accumulator
from symnet_llvm.ir import Emitter, const, register
from symnet_llvm.scalars import combiner, identity

Parts = list[tuple[str, ...] | None]
"""Partial results of one accumulator: for each copy its registers, None if nothing is in it."""


def flat(parts: Parts) -> list[str | None]:
    """Partial results of one register each."""
    return [p[0] if p else None for p in parts]


def like(shape: list[list[tuple[str, ...]]], registers: Sequence[str]) -> list[Parts]:
    """Registers in the nesting of `shape`."""
    left = iter(registers)
    return [[tuple(next(left) for _ in part) for part in parts] for parts in shape]


class Partials:
    """Partial results of one accumulator.

    There are `copies` of them, each of `units` registers of `width` lanes.
    """

    def __init__(
        self, f: Emitter, accumulator: Accumulator, width: int, units: int, copies: int
    ) -> None:
        dtype = accumulator.value.dtype
        self.accumulator = accumulator
        self.width = width
        self.scalar = register(dtype)
        self.type = register(dtype, width)
        self.start = const(identity(accumulator.combine, dtype), dtype, width)
        self.zero = (self.start,) * units
        self.combine = combiner(f, accumulator.combine, dtype, width)
        self.parts: Parts = [None] * copies

    def total(self) -> tuple[str, ...]:
        """All copies combined, by halves."""
        left = [p for p in self.parts if p is not None] or [self.zero]
        while len(left) > 1:
            half = (len(left) + 1) // 2
            pairs = [
                tuple(self.combine(x, y) for x, y in zip(a, b, strict=True))
                for a, b in zip(left[:half], left[half:], strict=False)
            ]
            left = pairs + left[len(pairs) : half]
        return left[0]
