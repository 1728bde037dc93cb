"""Memory planning: where temporaries lie in the arena.

In go a program and its sizes; out come offsets, such that temporaries alive at the same time do
not overlap. First fit by decreasing size over liveness intervals.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from symnet import dtypes
from symnet.program import Program
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
    for k, step in enumerate(program.steps):
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
    for b in sorted(temporaries, key=lambda b: (-bytes_of[b.name], first[b.name])):
        taken = sorted(
            (offsets[o], offsets[o] + bytes_of[o])
            for o in offsets
            if first[o] <= last[b.name] and first[b.name] <= last[o]
        )
        place = 0
        for start, end in taken:
            if start - place >= bytes_of[b.name]:
                break
            place = max(place, end)
        offsets[b.name] = place
    total = max((offsets[n] + bytes_of[n] for n in offsets), default=0)
    return offsets, total


def _aligned(size: int) -> int:
    return -(-max(size, 1) // ALIGNMENT) * ALIGNMENT
