"""Memory planning: where temporaries lie in the arena.

In go a program and its sizes; out come offsets, such that temporaries alive at the same time do
not overlap. First fit by decreasing size over liveness intervals.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from symnet import dtypes
from symnet.program import Program, outermost
from symnet.scalar.integer import evaluate_int

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector."""


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
    bytes_of = {
        b.name: _aligned(
            dtypes.itemsize(b.dtype) * math.prod(evaluate_int(n, sizes) for n in b.shape)
        )
        for b in temporaries
    }
    offsets: dict[str, int] = {}
    order = sorted(temporaries, key=lambda b: (-bytes_of[b.name], first[b.name]))
    # Start, end, first and last step of those that have a place, by start.
    placed = np.empty((4, len(order)), np.int64)
    for count, b in enumerate(order):
        begin, end, size = first[b.name], last[b.name], bytes_of[b.name]
        starts, stops, firsts, lasts = placed[:, :count]
        met = (firsts <= end) & (lasts >= begin)
        # The lowest gap: from where all before have ended to where the next one starts.
        ends = np.concatenate(([0], np.maximum.accumulate(stops[met])))
        gaps = np.flatnonzero(starts[met] - ends[:-1] >= size)
        place = int(ends[gaps[0]] if len(gaps) else ends[-1])
        offsets[b.name] = place
        at = int(np.searchsorted(starts, place))
        placed[:, at + 1 : count + 1] = placed[:, at:count]
        placed[:, at] = place, place + size, begin, end
    total = max((offsets[n] + bytes_of[n] for n in offsets), default=0)
    return offsets, total


def _aligned(size: int) -> int:
    return -(-max(size, 1) // ALIGNMENT) * ALIGNMENT
