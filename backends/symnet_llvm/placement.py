"""Which thread does what, and where the threads must wait for each other.

In goes a `Task` for each step of a program; out comes a `Placement`. All threads walk through the
steps in order. A step worth it is split among them, any other is one thread's. Between two
barriers lies a *phase*; within a phase no thread touches what another one writes.

The memory of temporaries is planned by phases, not by steps (`by_phase`): threads may be anywhere
within a phase, so buffers of one phase may not share memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symnet.program import HostCall, Program, outermost

EVERYONE = -1
"""The owner of a step in which every thread takes part."""

WORTH_A_THREAD_NS = 15_000
"""Work that each thread of a call must get: to wake a thread and to meet it costs about one µs."""
WORTH_SPLITTING_NS = 2_000
"""Time of a step from which splitting it pays: it brings a barrier with it."""
WORTH_SPLITTING_BETWEEN_NS = 500
"""The same of a step between two that are split: the barriers are there already."""


@dataclass(frozen=True, slots=True)
class Task:
    """What placing a step takes.

    Attributes
    ----------
    reads, writes
        Names of buffers.
    cost_ns
        Estimated time on one thread.
    shared
        Whether all threads take part: they run it in parts, or each needs to see its outcome.
    alone
        Whether nothing else may run meanwhile.
    last
        Whether what comes after it waits for it.
    """

    reads: frozenset[str]
    writes: frozenset[str]
    cost_ns: float = 0.0
    shared: bool = False
    alone: bool = False
    last: bool = False


@dataclass(frozen=True, slots=True)
class Placement:
    """How a program runs.

    Attributes
    ----------
    parts
        Threads it is made for; it also runs on one.
    owners
        The thread that runs each step, or `EVERYONE`.
    phases
        The phase of each step; a new one begins with a barrier.
    """

    parts: int
    owners: tuple[int, ...]
    phases: tuple[int, ...]


def worth_splitting(costs: Sequence[float | None]) -> list[bool]:
    """Which steps threads share, given their times; None are steps that all threads take part in.

    Examples
    --------
    >>> worth_splitting([18_000.0, 1_100.0, 19_000.0, 1_100.0, 1_100.0, None])
    [True, True, True, False, False, True]
    """
    shared = [cost is None or cost >= WORTH_SPLITTING_NS for cost in costs]
    between = zip(shared, costs[1:], shared[2:], strict=False)
    for i, (before, cost, after) in enumerate(list(between), start=1):
        if before and after and cost is not None:
            shared[i] = cost >= WORTH_SPLITTING_BETWEEN_NS
    return shared


def place(tasks: Sequence[Task], threads: int) -> Placement:
    """Decide how tasks run on at most `threads` threads.

    Examples
    --------
    >>> a, b, c = frozenset("a"), frozenset("b"), frozenset("c")
    >>> big = Task(a, b, 40_000.0, shared=True)
    >>> place([big, Task(a, c, 900.0), Task(b, a, 900.0)], threads=2)
    Placement(parts=2, owners=(-1, 0, 0), phases=(0, 0, 1))
    """
    total = sum(task.cost_ns for task in tasks)
    parts = max(1, min(threads, int(total / WORTH_A_THREAD_NS)))
    if parts == 1:
        return Placement(1, (0,) * len(tasks), tuple(range(len(tasks))))
    owners: list[int] = []
    phases: list[int] = []
    phase = _Phase(parts)
    number, ended = 0, False
    for task in tasks:
        owner = phase.owner(task)
        if owner is None or ended or (task.alone and owners):
            phase = _Phase(parts)
            number += 1
            owner = phase.owner(task)
            assert owner is not None
        owners.append(owner)
        phases.append(number)
        phase.add(task, owner)
        ended = task.alone or task.last
    return Placement(parts, tuple(owners), tuple(phases))


class _Phase:
    """What the threads did since the last barrier."""

    def __init__(self, parts: int) -> None:
        self._load = [0.0] * parts
        self._readers: dict[str, set[int]] = {}
        self._writers: dict[str, set[int]] = {}

    def owner(self, task: Task) -> int | None:
        """Who can run a task without a barrier before it; None if nobody can."""
        before: set[int] = set()
        for name in task.reads | task.writes:
            before |= self._writers.get(name, set())
        for name in task.writes:
            before |= self._readers.get(name, set())
        if task.shared:
            return None if before else EVERYONE
        if not before:
            return self._load.index(min(self._load))
        # One thread does its own steps in order.
        return before.pop() if len(before) == 1 and EVERYONE not in before else None

    def add(self, task: Task, owner: int) -> None:
        """Note a task."""
        for name in task.reads:
            self._readers.setdefault(name, set()).add(owner)
        for name in task.writes:
            self._writers.setdefault(name, set()).add(owner)
        if owner != EVERYONE:
            self._load[owner] += task.cost_ns


def by_phase(program: Program, phases: Sequence[int]) -> Program:
    """A program with one step for each phase, for planning memory only."""
    reads: dict[int, set[str]] = {}
    writes: dict[int, set[str]] = {}
    # A repetition is one phase as far as memory goes: its steps come again.
    own = [phases[i] for i in outermost(program.steps)]
    for step, phase in zip(program.steps, own, strict=True):
        reads.setdefault(phase, set()).update(step.reads)
        writes.setdefault(phase, set()).update(step.writes)
    steps = tuple(
        HostCall(f"phase {n}", None, tuple(sorted(reads[n])), tuple(sorted(writes[n])))
        for n in sorted(reads)
    )
    return replace(program, steps=steps)
