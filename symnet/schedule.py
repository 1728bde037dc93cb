"""Scheduling: the order of steps, given what each reads and writes.

In-place updates are a matter of order: a step that overwrites a shared variable comes after every
step that reads the old value (`Draft.before`), and after every guard.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from symnet.program import Step

WORTH = 1 << 20
"""Bytes in use at a time from which on another order may be worth it."""


@dataclass(slots=True, eq=False)
class Draft:
    """A step to be: what it reads and writes, and what must come after it.

    Attributes
    ----------
    stage
        Steps of lower stages produce what those of higher stages read.
    reads, writes
        Names of buffers.
    step
        The step, once it is made; several for a loop.
    guard
        Whether it may end the call.
    before
        Drafts that must wait for this one although they read nothing it writes.
    """

    stage: int
    reads: frozenset[str]
    writes: frozenset[str]
    step: Step | Sequence[Step] | None = None
    guard: bool = False
    before: list[Draft] = field(default_factory=list)


class StepGraph:
    """What must come before what.

    Data edges go from the draft that writes a temporary or output to those that read it. A shared
    variable makes none: all its readers read the old value, and the draft that overwrites it is
    put after them by `Draft.before`.
    """

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self._drafts: list[Draft] = []
        self._readers: dict[str, list[Draft]] = {}
        self._guards: list[Draft] = []
        for d in drafts:
            self.add(d)

    def add(self, draft: Draft) -> None:
        """Add a step."""
        self._drafts.append(draft)
        for b in sorted(draft.reads):
            self._readers.setdefault(b, []).append(draft)
        if draft.guard:
            self._guards.append(draft)

    def readers(self, buffer: str) -> list[Draft]:
        """Drafts that must be done before a shared buffer is overwritten."""
        return [*self._readers.get(buffer, ()), *self._guards]

    def precedes(self, first: Draft, second: Draft) -> bool:
        """Whether `second` must come after `first`."""
        stack, seen = [first], {first}
        while stack:
            d = stack.pop()
            if d is second:
                return True
            for n in self._later(d):
                if n not in seen:
                    seen.add(n)
                    stack.append(n)
        return False

    def order(self, sizes: Mapping[str, int] | None = None) -> list[Draft]:
        """All drafts, each after what it waits for.

        Where there is a choice they go by stage, so that steps beside each other seldom wait for
        each other. Another order, in which what can go on goes on, is taken if much less memory
        is in use at a time, as where a sum has many large terms.

        Parameters
        ----------
        sizes
            Bytes of temporaries, by name.
        """
        by_stage = self._ordered(depth_first=False)
        if not sizes:
            return by_stage
        most = _most_alive(by_stage, sizes)
        if most < WORTH:
            return by_stage
        depth_first = self._ordered(depth_first=True)
        return depth_first if most - _most_alive(depth_first, sizes) >= most / 10 else by_stage

    def _ordered(self, depth_first: bool) -> list[Draft]:
        """All drafts by stage, or what has become possible last first."""
        waits = dict.fromkeys(self._drafts, 0)
        for d in self._drafts:
            for n in self._later(d):
                waits[n] += 1
        number = {d: k for k, d in enumerate(self._drafts)}
        ready = [(0, d.stage, number[d]) for d in self._drafts if not waits[d]]
        heapq.heapify(ready)
        found: list[Draft] = []
        while ready:
            d = self._drafts[heapq.heappop(ready)[2]]
            found.append(d)
            for n in self._later(d):
                waits[n] -= 1
                if not waits[n]:
                    since = -len(found) if depth_first else 0
                    heapq.heappush(ready, (since, n.stage, number[n]))
        if len(found) != len(self._drafts):
            raise AssertionError("the step graph has a cycle")
        return found

    def _later(self, d: Draft) -> list[Draft]:
        readers = (r for b in sorted(d.writes) for r in self._readers.get(b, ()) if r is not d)
        return [*d.before, *readers]


def _most_alive(order: Sequence[Draft], sizes: Mapping[str, int]) -> int:
    """The most bytes of temporaries that are in use at a time."""
    last = {b: k for k, d in enumerate(order) for b in d.reads | d.writes}
    ends: dict[int, int] = {}
    alive, most = 0, 0
    begun: set[str] = set()
    for k, d in enumerate(order):
        for b in (d.reads | d.writes) - begun:
            begun.add(b)
            size = sizes.get(b, 0)
            alive += size
            ends[last[b]] = ends.get(last[b], 0) + size
        most = max(most, alive)
        alive -= ends.get(k, 0)
    return most
