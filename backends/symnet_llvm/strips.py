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
    """A stretch of a loop: so many vectors in lockstep, and how the last ones are masked.

    `ragged` counts the lanes of all units that are in use, None if all are, or is -1 if that is
    to be computed (one unit) from the distance to `high`. `alone` means that the strip is the
    whole loop and a single iteration of it.
    """

    low: Value
    high: Value
    units: int
    ragged: int | None = None
    alone: bool = False


def strips(f: Emitter, low: Value, high: Value, how: Vectors, even: bool = False) -> list[Strip]:
    """How a vector loop goes through its range; `even` if that is surely whole vectors."""
    width, units = how.width, how.units
    step = width * units
    if isinstance(low, int) and isinstance(high, int):
        count = high - low
        if count <= 0:
            return []
        if count <= step:
            left = -(-count // width)
            return [Strip(low, high, left, None if count % width == 0 else count, True)]
        if how.masked and count % width:
            return [Strip(low, high, 1, -1)]
        middle = low + count // step * step
        strips = [Strip(low, middle, units)]
        rest = high - middle
        if rest:
            left = -(-rest // width)
            strips.append(Strip(middle, high, left, None if rest % width == 0 else rest))
        return strips
    if even and units == 1:
        return [Strip(low, high, 1)]
    if how.masked and not even:
        return [Strip(low, high, 1, -1)]
    middle_ = f.add(low, f.round_down(f.sub(high, low), step))
    return [Strip(low, middle_, units), Strip(middle_, high, 1, None if even else -1)]


def masks(f: Emitter, strip: Strip, at: Value, width: int) -> tuple[str | None, ...]:
    if strip.ragged is None:
        return (None,) * strip.units
    if strip.ragged == -1:
        return (f.mask(f.sub(strip.high, at), width),)
    last = strip.ragged - (strip.units - 1) * width
    return (None,) * (strip.units - 1) + (f.mask(last, width),)
