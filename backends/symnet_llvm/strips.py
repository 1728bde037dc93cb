"""How a loop that runs in vectors goes through its range: stretches, and the masks of each.

In go the bounds of a loop and the plan's `Vectors`; out come the strips to write one after
another: whole vectors in lockstep first, then what is left, masked.
"""

from __future__ import annotations

from dataclasses import dataclass

from symnet_llvm.ir import Emitter, Value
from symnet_llvm.plan import Vectors


@dataclass(frozen=True, slots=True)
class Strip:
    """A stretch of a loop.

    Attributes
    ----------
    low, high
        Its bounds.
    units
        Vectors in lockstep.
    lanes
        Lanes of all units together that are in use in its only iteration; None if all are, in
        every iteration.
    masked
        Whether the lanes in use are to be computed (of one unit) from the distance to `high`.
    alone
        Whether it is the whole loop, and a single iteration.
    """

    low: Value
    high: Value
    units: int
    lanes: int | None = None
    masked: bool = False
    alone: bool = False

    def counts(self, f: Emitter, at: Value, width: int) -> tuple[Value | None, ...]:
        """Lanes in use of each unit, None for all, in the iteration that begins at `at`."""
        if self.masked:
            return (f.sub(self.high, at),)
        if self.lanes is None:
            return (None,) * self.units
        full = self.units - 1
        return (*(None,) * full, self.lanes - full * width)


def masks(f: Emitter, counts: tuple[Value | None, ...], width: int) -> tuple[str | None, ...]:
    """The mask of each unit, given the number of its lanes in use."""
    return tuple(None if count is None else f.mask(count, width) for count in counts)


def _single(low: int, high: int, width: int, alone: bool) -> Strip:
    """One iteration of as many vectors as it takes."""
    count = high - low
    lanes = count if count % width else None
    return Strip(low, high, -(-count // width), lanes, alone=alone)


def strips(f: Emitter, low: Value, high: Value, how: Vectors, even: bool = False) -> list[Strip]:
    """How a vector loop goes through its range; `even` if that is surely whole vectors."""
    width, units = how.width, how.units
    step = width * units
    if isinstance(low, int) and isinstance(high, int):
        count = high - low
        if count <= 0:
            return []
        if count <= step:
            return [_single(low, high, width, alone=True)]
        if how.masked and count % width:
            return [Strip(low, high, 1, masked=True)]
        middle = low + count // step * step
        found = [Strip(low, middle, units)]
        return found if middle == high else [*found, _single(middle, high, width, alone=False)]
    if even and units == 1:
        return [Strip(low, high, 1)]
    if how.masked and not even:
        return [Strip(low, high, 1, masked=True)]
    end = f.add(low, f.round_down(f.sub(high, low), step))
    return [Strip(low, end, units), Strip(end, high, 1, masked=not even)]
