"""Memory planning: where temporaries lie in the arena.

In go a program and its sizes; out come offsets, such that temporaries alive at the same time do
not overlap. Large ones are placed first, each in the lowest gap that it fits. If that needs more
than is alive at any time, two more plans are tried, in which those that are large for long come
first, each in the lowest gap or in the smallest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from symnet import dtypes
from symnet.program import Buffer, Program, outermost
from symnet.scalar import Const
from symnet.scalar.integer import evaluate_int

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector."""


def buffer_bytes(program: Program, name: str, sizes: Mapping[str, int]) -> int:
    """Bytes of a buffer, for some values of the program's base integers, by name."""
    b = program.buffer(name)
    return dtypes.itemsize(b.dtype) * math.prod(evaluate_int(n, sizes) for n in b.shape)


def constant_bytes(b: Buffer) -> int:
    """Bytes of a buffer whose lengths are constants, 0 of any other."""
    lengths = [n.value for n in b.shape if isinstance(n, Const)]
    return dtypes.itemsize(b.dtype) * math.prod(lengths) if len(lengths) == len(b.shape) else 0


def plan(program: Program, sizes: Mapping[str, int]) -> tuple[dict[str, int], int]:
    """Place every temporary.

    Parameters
    ----------
    program
        The program.
    sizes
        Values of its base integers, by name.

    Returns
    -------
    offsets, total
        Bytes from the start of the arena for every temporary, by name, and bytes of the arena.
    """
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    # What a repetition uses is alive in all of it.
    for k, step in zip(outermost(program.steps), program.steps, strict=True):
        for name in step.reads | step.writes:
            first.setdefault(name, k)
            last[name] = k
    temporaries = [b for b in program.buffers if b.kind == "temporary" and b.name in first]
    bytes_of = {b.name: _aligned(buffer_bytes(program, b.name, sizes)) for b in temporaries}
    lives = [_Life(b.name, bytes_of[b.name], first[b.name], last[b.name]) for b in temporaries]
    by_size = sorted(lives, key=lambda x: (-x.size, x.first))
    best = _fitted(by_size, smallest=False)
    least = _most_alive(lives)
    by_area = sorted(lives, key=lambda x: -x.size * (x.last - x.first + 1))
    for smallest in (False, True):
        if best[1] > least:
            best = min(best, _fitted(by_area, smallest), key=lambda found: found[1])
    return best


@dataclass(frozen=True, slots=True)
class _Life:
    """A temporary: its bytes, and the first and last step that use it."""

    name: str
    size: int
    first: int
    last: int


def _most_alive(lives: Sequence[_Life]) -> int:
    """The most bytes that are alive at once: less than that no arena can have."""
    changes = np.zeros(2 + max((x.last for x in lives), default=0), np.int64)
    for x in lives:
        changes[x.first] += x.size
        changes[x.last + 1] -= x.size
    return int(np.cumsum(changes).max())


def _fitted(lives: Sequence[_Life], smallest: bool) -> tuple[dict[str, int], int]:
    """Offsets of temporaries, placed in order, and the bytes of the arena.

    Each goes to the lowest gap that it fits, or to the `smallest`.
    """
    offsets: dict[str, int] = {}
    # Start, end, first and last step of those that have a place, by start.
    placed = np.empty((4, len(lives)), np.int64)
    for count, x in enumerate(lives):
        starts, stops, firsts, lasts = placed[:, :count]
        met = (firsts <= x.last) & (lasts >= x.first)
        # A gap is from where all before have ended to where the next one starts.
        ends = np.concatenate(([0], np.maximum.accumulate(stops[met])))
        rooms = starts[met] - ends[:-1]
        gaps = np.flatnonzero(rooms >= x.size)
        if len(gaps):
            gap = gaps[np.argmin(rooms[gaps])] if smallest else gaps[0]
            place = int(ends[gap])
        else:
            place = int(ends[-1])
        offsets[x.name] = place
        at = int(np.searchsorted(starts, place))
        placed[:, at + 1 : count + 1] = placed[:, at:count]
        placed[:, at] = place, place + x.size, x.first, x.last
    return offsets, int(placed[1].max(initial=0))


def _aligned(size: int) -> int:
    return -(-max(size, 1) // ALIGNMENT) * ALIGNMENT
