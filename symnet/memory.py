"""Memory planning: where temporaries lie in the arena.

In go a program and its sizes; out come offsets, such that temporaries alive at the same time do
not overlap. First fit by decreasing size over liveness intervals.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Mapping

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
    placed: list[tuple[int, int, str]] = []  # start, end and name, by start
    for b in sorted(temporaries, key=lambda b: (-bytes_of[b.name], first[b.name])):
        begin, end, size = first[b.name], last[b.name], bytes_of[b.name]
        place = 0
        for start, stop, other in placed:
            if start - place >= size:
                break
            if stop > place and first[other] <= end and begin <= last[other]:
                place = stop
        offsets[b.name] = place
        insort(placed, (place, place + size, b.name))
    total = max((offsets[n] + bytes_of[n] for n in offsets), default=0)
    return offsets, total


def _aligned(size: int) -> int:
    return -(-max(size, 1) // ALIGNMENT) * ALIGNMENT
