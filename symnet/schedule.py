"""Scheduling: the order of steps, given what each reads and writes.

In-place updates are a matter of order: a step that overwrites a shared variable comes after every
step that reads the old value (`Draft.before`), and after every guard.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

from symnet.program import Step


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

    def order(self) -> list[Draft]:
        """All drafts, each after what it waits for; by stage where there is a choice."""
        waits = dict.fromkeys(self._drafts, 0)
        for d in self._drafts:
            for n in self._later(d):
                waits[n] += 1
        number = {d: k for k, d in enumerate(self._drafts)}
        ready = [(d.stage, number[d]) for d in self._drafts if not waits[d]]
        heapq.heapify(ready)
        found: list[Draft] = []
        while ready:
            d = self._drafts[heapq.heappop(ready)[1]]
            found.append(d)
            for n in self._later(d):
                waits[n] -= 1
                if not waits[n]:
                    heapq.heappush(ready, (n.stage, number[n]))
        if len(found) != len(self._drafts):
            raise AssertionError("the step graph has a cycle")
        return found

    def _later(self, d: Draft) -> list[Draft]:
        readers = (r for b in sorted(d.writes) for r in self._readers.get(b, ()) if r is not d)
        return [*d.before, *readers]
