"""Save or recompute: which temporaries wait in memory, and which are made again when needed.

In go a program and the values of its integers; out comes one that needs less memory and somewhat
more time. Where much is alive at once, as between the two passes of a gradient, what is written
before and read after that moment either stays, which takes its bytes, or is computed again after
it, which takes time and whatever *that* needs. The best choice is a minimum cut of the graph of
steps and buffers: between what is there anyway (inputs, shared variables, constants) and what
reads later, every path is cut at a buffer that stays or at a step that runs again. The price of
time in bytes, the moment and how many products in a row may run again are tried out, for the
memory that a plan really needs is known only when it is made.

A step runs again with the same code on the same values, so results are the same to the last bit;
that matters where a maximum is compared with what it is the maximum of.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from symnet.backend import Machine
from symnet.cost import seconds, step_costs
from symnet.inplace import in_place
from symnet.kernel import Contraction, Kernel, Loop, Ordered, Reduce, Stmt, loads, stores
from symnet.memory import buffer_bytes, plan
from symnet.program import Launch, Program, Step, blocks, renamed
from symnet.strips import in_strips
from symnet.trimming import trimmed

MOST = 0.2
"""Share of a call's time, as the cost model has it, that may be spent on computing again."""
WORTH = 0.98
"""Share of the memory of before that is little enough to go on."""
ROUNDS = 4
"""Moments that are relieved one after the other."""
FEW = 200
"""Steps up to which all moments are tried, not only that at which most is alive."""
MOMENTS = 16
PRICES = (0.03, 0.1, 0.3, 1.0, 3.0)
"""Bytes that a second is worth, in bytes alive at the moment by seconds that may be spent."""
PERIODS = (0, 1, 2, 3, 4, -3, -4)
"""Of how many products in a row one stays, or, below 0, one does not; 0 forbids nothing, 1 all."""
EXACT = ("maximum", "minimum")
"""Reductions whose result does not depend on the order of what is combined."""
NOMINAL = Machine(100e9, 12e9, 60e9, 1 << 21)
"""A machine to compare steps on: what is compiled must not depend on what else runs here."""


def recompute(program: Program, sizes: Mapping[str, int]) -> Program:
    """Have steps run again where that saves memory, within a share of the time.

    Parameters
    ----------
    program
        The program, before results are put in place of others.
    sizes
        Values of its integers, by name.
    """
    graph = _Graph(program, sizes)
    left = MOST * sum(graph.seconds)
    least = _needed_bytes(program, sizes)
    for _ in range(ROUNDS):
        found = list(_improved(graph, left))
        best = min(found, key=lambda c: c.bytes, default=None)
        if best is None or best.bytes > WORTH * least:
            break
        # Among those that are about as good, the quickest.
        best = min((c for c in found if c.bytes <= best.bytes / WORTH), key=lambda c: c.seconds)
        left -= best.seconds
        program, least = best.program, best.bytes
        graph = _Graph(program, sizes)
    return program


def _needed_bytes(program: Program, sizes: Mapping[str, int]) -> int:
    return plan(in_strips(in_place(program), sizes), sizes)[1]


@dataclass(frozen=True, slots=True)
class _Choice:
    """A program, the bytes of its arena, and the time it takes more than that of before."""

    program: Program
    bytes: int
    seconds: float


def _improved(graph: _Graph, left: float) -> Iterator[_Choice]:
    """Programs in which something is computed again, for no more than the time that is left."""
    seen: set[tuple[int, frozenset[int]]] = set()
    for moment in graph.moments():
        alive = sum(graph.bytes[b] for b in graph.alive(moment))
        for price, period in itertools.product(PRICES, PERIODS):
            repeated = graph.cut(moment, price * alive / left, period) if left else frozenset()
            if not repeated or (moment, repeated) in seen:
                continue
            seen.add((moment, repeated))
            found = graph.repeating(moment, repeated)
            if found is not None and found[1] <= left:
                program, spent = found
                yield _Choice(program, _needed_bytes(program, graph.sizes), spent)


class _Graph:
    """The units of a program: steps, and repetitions and branches with all of theirs.

    Attributes
    ----------
    units
        Steps of each unit.
    bytes
        Of every temporary.
    seconds
        Of every unit, on the nominal machine.
    """

    def __init__(self, program: Program, sizes: Mapping[str, int]) -> None:
        self.program = program
        self.sizes = sizes
        self.units: list[list[Step]] = []
        self.seconds: list[float] = []
        costs = step_costs(program, sizes)
        for members in blocks(program.steps):
            self.units.append([program.steps[k] for k in members])
            self.seconds.append(sum(seconds(costs[k], NOMINAL) for k in members))
        self._reads = [frozenset[str]().union(*(s.reads for s in u)) for u in self.units]
        self._writes = [frozenset[str]().union(*(s.writes for s in u)) for u in self.units]
        self._writers: dict[str, list[int]] = {}
        self._readers: dict[str, list[int]] = {}
        for k in range(len(self.units)):
            for b in self._writes[k]:
                self._writers.setdefault(b, []).append(k)
            for b in self._reads[k]:
                self._readers.setdefault(b, []).append(k)
        temporaries = [b.name for b in program.buffers if b.kind == "temporary"]
        self.bytes = {b: buffer_bytes(program, b, sizes) for b in temporaries}
        self._again = [self._may_repeat(k) for k in range(len(self.units))]
        self._depth = self._depths()

    def _may_repeat(self, k: int) -> bool:
        """Whether a unit is one step that makes temporaries which are whole then."""
        unit = self.units[k]
        return (
            len(unit) == 1
            and isinstance(unit[0], Launch)
            and self._reads[k].isdisjoint(self._writes[k])
            and all(b in self.bytes and self._writers[b] == [k] for b in self._writes[k])
        )

    def _depths(self) -> list[int]:
        """Products on the longest way to each unit, its own included."""
        found: list[int] = []
        for k, unit in enumerate(self.units):
            before = (found[w] for b in self._reads[k] for w in self._writers.get(b, ()) if w < k)
            own = any(isinstance(s, Launch) and isinstance(s.work, Contraction) for s in unit)
            found.append(max(before, default=0) + own)
        return found

    def alive(self, moment: int) -> list[str]:
        """Temporaries that are written before a unit and read by it or later."""
        return [
            b
            for b, readers in self._readers.items()
            if b in self.bytes and self._writers[b][0] < moment <= readers[-1]
        ]

    def moments(self) -> list[int]:
        """Units before which to look at what is alive: first of all where that is most."""
        change = [0] * (len(self.units) + 2)
        for b, readers in self._readers.items():
            if b in self.bytes:
                change[self._writers[b][0] + 1] += self.bytes[b]
                change[readers[-1] + 1] -= self.bytes[b]
        held = list(itertools.accumulate(change))[: len(self.units)]
        most = max(held, default=0)
        high = [k for k, n in enumerate(held) if n >= WORTH * most]
        found = {high[0], high[-1]} if most else set()
        if most and len(self.units) <= FEW:
            step = max(1, len(self.units) // MOMENTS)
            found |= {k for k in range(step, len(self.units), step) if held[k] >= most / 4}
        return sorted(found)

    def cut(self, moment: int, price: float, period: int) -> frozenset[int]:
        """The units before a moment that are to run again after it.

        Parameters
        ----------
        moment
            Number of a unit.
        price
            Bytes that a second is worth.
        period
            Which products may run again: see `PERIODS`.
        """
        import networkx as nx  # its import takes a tenth of a second

        graph = nx.DiGraph()
        stack = self.alive(moment)
        for b in stack:
            graph.add_edge(b, "later")
        seen = set(stack)
        while stack:
            b = stack.pop()
            writers = [w for w in self._writers[b] if w < moment]
            k = writers[-1]
            graph.add_edge(k, b, capacity=self.bytes[b])
            if not self._again[k] or len(writers) > 1 or self._stays(k, period):
                graph.add_edge("there", k)
                continue
            graph.add_edge("there", k, capacity=math.ceil(price * self.seconds[k]))
            for source in self._reads[k]:
                if source in self.bytes:
                    graph.add_edge(source, k)
                    if source not in seen:
                        seen.add(source)
                        stack.append(source)
        if "there" not in graph or "later" not in graph:
            return frozenset()
        _, (_, later) = nx.minimum_cut(graph, "there", "later")
        return frozenset(x for x in later if isinstance(x, int))

    def _stays(self, k: int, period: int) -> bool:
        step = self.units[k][0]
        product = isinstance(step, Launch) and isinstance(step.work, Contraction)
        if not product or not period:
            return False
        chosen = self._depth[k] % abs(period) == 0
        return chosen if period > 0 else not chosen

    def repeating(self, moment: int, repeated: frozenset[int]) -> tuple[Program, float] | None:
        """The program in which some units run again, late, for what reads after a moment.

        Also the time that takes. None if one of them would read what has been overwritten.
        """
        names: dict[str, str] = {}
        steps: list[tuple[int, Step]] = []
        again: list[tuple[int, Step]] = []
        for k in range(moment, len(self.units)):
            for w in self._wanted(k, moment, repeated):
                if self._writes[w].isdisjoint(names):
                    if self._overwritten(w) < k:
                        return None
                    names.update((b, f"{b}r") for b in self._writes[w])
                    again.append((w, renamed(self.units[w][0], names)))
                    steps.append(again[-1])
            steps.extend((k, renamed(s, names)) for s in self.units[k])
        before = [(k, s) for k in range(moment) for s in self.units[k]]
        made = {k for k, _ in again}
        kept = _without_unread([*before, *steps], {*names, *names.values()})
        used = {b for s in kept for b in s.reads | s.writes}
        fresh = [
            replace(self.program.buffer(old), name=new) for old, new in names.items() if new in used
        ]
        gone = {old for old in names if old not in used}
        program = replace(
            self.program,
            buffers=tuple([b for b in self.program.buffers if b.name not in gone] + fresh),
            steps=tuple(kept),
            names={v: names[b] if b in gone else b for v, b in self.program.names.items()},
        )
        spent = sum(self.seconds[k] for k in made)
        spent -= sum(self.seconds[k] for k in made if self._writes[k] <= gone)
        return program, spent

    def _wanted(self, k: int, moment: int, repeated: frozenset[int]) -> list[int]:
        """Repeated units, in order, that a unit needs what they make of."""
        found: set[int] = set()
        stack = [k]
        while stack:
            for b in self._reads[stack.pop()]:
                writers = self._writers.get(b, ()) if b in self.bytes else ()
                w = writers[0] if len(writers) == 1 else moment
                if w < moment and w in repeated and w not in found:
                    found.add(w)
                    stack.append(w)
        return sorted(found)

    def _overwritten(self, k: int) -> int:
        """The first unit that writes over what unit `k` reads."""
        return min(
            (w for b in self._reads[k] for w in self._writers.get(b, ()) if w > k),
            default=len(self.units),
        )


def _without_unread(steps: Sequence[tuple[int, Step]], some: set[str]) -> list[Step]:
    """Steps without those that only make what nobody reads, as far as it is among `some`."""
    read: set[str] = set()
    kept: list[Step] = []
    for _, step in reversed(steps):
        unread = (step.writes & some) - read
        if unread and isinstance(step, Launch):
            if unread == step.writes:
                continue
            step = _trimmed(step, unread)
        kept.append(step)
        read |= step.reads
    return kept[::-1]


def _trimmed(step: Launch, unread: Iterable[str]) -> Launch:
    """A step without some of its results, if what is left is computed in the same order."""
    work = step.work
    if isinstance(work, Contraction) or _adds(work.body):
        return step
    names = {p.name for p, b in zip(work.params, step.buffers, strict=True) if b in unread}
    body = trimmed(work.body, lambda s, _: s.buffer in names)
    used = {x.buffer for x in loads(body)} | {x.buffer for x in stores(body)}
    places = [k for k, p in enumerate(work.params) if p.name in used]
    left = Kernel(tuple(work.params[k] for k in places), work.ints, body)
    return replace(step, work=left, buffers=tuple(step.buffers[k] for k in places))


def _adds(stmts: Sequence[Stmt]) -> bool:
    """Whether statements sum: how, may depend on what else they do."""
    for s in stmts:
        if isinstance(s, Reduce) and any(a.combine.name not in EXACT for a in s.accumulators):
            return True
        if isinstance(s, Loop | Ordered | Reduce) and _adds(s.body):
            return True
    return False
