"""What the compiler did with a function: rewritten, fused, placed.

`explain` looks at a function when it is asked to. Nothing is recorded while functions are compiled:
the passes over the graph are run once more, and all else follows from the programs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from symnet.backend import Footprint, Machine
from symnet.cost import Cost, seconds, step_costs, total
from symnet.function import Function
from symnet.graph import Variable, ancestors
from symnet.memory import buffer_bytes
from symnet.origin import Origin, origins, places, why_on_host
from symnet.program import Branch, Copy, HostCall, Launch, Repeat
from symnet.scalar import show
from symnet.text import time_text
from symnet.versions import Version

_WIDTH = 100
_LISTED = 12
"""Temporaries whose place is told."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What a pass over the graph has left.

    Attributes
    ----------
    name
        The pass.
    operations
        How many operations there are now.
    rules
        How often each rule was applied, by name, the most frequent first.
    """

    name: str
    operations: int
    rules: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Part:
    """One program of a function, for some sizes.

    Attributes
    ----------
    version
        The program, its code and its sizes.
    steps
        What its steps do, and where they come from.
    costs
        What each of them takes: bytes and operations.
    at_best
        Seconds that these take at least on the machine at hand, for each step.
    footprint
        The memory that a call needs, and where temporaries lie in it.
    """

    version: Version
    steps: Sequence[Origin]
    costs: Sequence[Cost]
    at_best: Sequence[float]
    footprint: Footprint

    @property
    def hosted(self) -> list[tuple[Origin, str]]:
        """Its host calls, each with the reason why it is one."""
        return [
            (step, why_on_host(step.nodes[0]))
            for step in self.steps
            if isinstance(step.step, HostCall) and step.nodes
        ]

    @property
    def in_place(self) -> list[str]:
        """Shared variables whose new value is written over the old one by what computes it."""
        return sorted({b for s in self.steps if isinstance(s.step, Launch) for b in s.overwrites})

    @property
    def copied(self) -> list[str]:
        """Shared variables whose new value is computed aside, and copied."""
        return sorted({b for s in self.steps if isinstance(s.step, Copy) for b in s.overwrites})


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was done with a function; as text, all of it.

    Attributes
    ----------
    name
        The function's name.
    written
        How many operations it had as it was written.
    passes
        How the graph was rewritten.
    stages
        What a call does one after the other.
    parts
        The programs compiled so far.
    seconds
        Time spent compiling, by pass.
    """

    name: str
    written: int
    passes: Sequence[Rewritten]
    stages: Sequence[str]
    parts: Sequence[Part]
    seconds: Mapping[str, float]

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    __repr__ = __str__


def explain(f: Function) -> Explanation:
    """Say what the compiler did with a function.

    Which rules rewrote it; what was fused into which step, by names and lines of the user's code;
    which updates are in place; what runs in Python, and why.

    Parameters
    ----------
    f
        A compiled function. What its steps are is known once it has been called: sizes decide.

    Examples
    --------
    >>> import numpy as np, symnet as sn, symnet.tensor as T
    >>> x = T.vector("x")
    >>> w = sn.shared(np.ones(3, "float32"), name="w")
    >>> f = sn.function([x], T.log(1 + w * x).sum(), updates=[(w, w * 1 + x)], name="f")
    >>> explain(f).passes[0].rules
    {'log1p': 1, 'mul_one': 1}
    >>> y = f(np.ones(3, "float32"))
    >>> explain(f).parts[0].in_place
    ['w']
    """
    seen = [Rewritten(p.name, _count(p.outputs), _sorted(p.counts)) for p in f.passes()]
    parts = [_explained(v, f.machine) for v in f.versions]
    return Explanation(
        f.name, _count(f.written.results), seen, f.stages, parts, dict(f.compile_seconds)
    )


def _explained(version: Version, machine: Machine) -> Part:
    costs = step_costs(version.program, version.sizes)
    at_best = [seconds(c, machine) for c in costs]
    footprint = version.executable.footprint()
    return Part(version, origins(version.program), costs, at_best, footprint)


def _count(outputs: Sequence[Variable]) -> int:
    return sum(1 for _ in ancestors(outputs))


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


# -- as text -------------------------------------------------------------------------------------


def _lines(found: Explanation) -> Iterator[str]:
    yield found.name
    yield "=" * len(found.name)
    yield from _rewriting(found)
    if len(found.stages) > 1:
        yield ""
        yield "Stages: some lengths are known only once something has been computed"
        yield from (f"  {line}" for line in found.stages)
    if not found.parts:
        yield ""
        yield "Steps: none yet; the first call compiles the function for the sizes it is given"
    for number, part in enumerate(found.parts):
        yield ""
        yield from _part(part, number, len(found.parts))
    if found.seconds:
        yield ""
        spent = ", ".join(f"{name} {time_text(s)}" for name, s in found.seconds.items())
        yield f"Compiled in {time_text(sum(found.seconds.values()))}: {spent}"


def _rewriting(found: Explanation) -> Iterator[str]:
    width = max(len(p.name) for p in found.passes)
    yield "Rewriting: operations after each pass, and the rules that made the difference"
    yield f"  {'as written':<{width}}  {found.written:5}"
    for p in found.passes:
        rules = [f"{name} {n}" if n > 1 else name for name, n in p.rules.items()]
        head = f"  {p.name:<{width}}  {p.operations:5}  "
        yield from _wrapped(head, rules)


def _part(part: Part, number: int, count: int) -> Iterator[str]:
    program = part.version.program
    given = [program.buffer(name) for name in program.inputs]
    shapes = [f"{b.name}[{', '.join(show(n) for n in b.shape)}]" for b in given]
    title = f"Program {number + 1} of {count}" if count > 1 else "Program"
    yield from _wrapped(f"{title}({', '.join(shapes)}), {len(part.steps)} steps", [])
    for step, cost, at_best in zip(part.steps, part.costs, part.at_best, strict=True):
        yield from _step(step, cost, at_best)
    whole = total(part.costs)
    yield f"  all steps: {_cost(whole, sum(part.at_best))}"
    yield from _listed("  in place: ", part.in_place)
    yield from _listed("  computed aside, then copied: ", part.copied)
    yield from _memory(part)
    for step, reason in part.hosted:
        yield f"  host call, step {step.number}: {reason}"


def _memory(part: Part) -> Iterator[str]:
    needed, program, sizes = part.footprint, part.version.program, part.version.sizes
    size = {b.name: buffer_bytes(program, b.name, sizes) for b in program.buffers}
    kinds = {b.name: b.kind for b in program.buffers}
    temporary = [name for name, kind in kinds.items() if kind == "temporary"]
    shared = sum(size[name] for name, kind in kinds.items() if kind == "shared")
    apart = sum(size[name] for name in temporary)
    parts = [f"arena {_amount(needed.arena, 'B')}"]
    if temporary:
        parts[0] += f" for {len(temporary)} temporaries of {_amount(apart, 'B')} in all"
    others = {"threads": needed.scratch, "constants": needed.constants, "outputs": needed.outputs,
              "host calls": needed.calls, "shared variables": shared}  # fmt: skip
    parts += [f"{name} {_amount(n, 'B')}" for name, n in others.items() if n]
    yield from _wrapped("  memory: ", parts)
    placed = sorted(needed.offsets.items(), key=lambda item: (-size.get(item[0], 0), item[1]))
    listed = [f"{name} at {at} ({_amount(size[name], 'B')})" for name, at in placed[:_LISTED]]
    if len(placed) > _LISTED:
        listed.append(f"and {len(placed) - _LISTED} smaller ones")
    yield from _listed("  arena: ", listed)


def _step(found: Origin, cost: Cost, at_best: float) -> Iterator[str]:
    pad = "  " * (1 + len(found.inside))
    head = f"{pad}{found.number:2}  "
    if isinstance(found.step, Repeat | Branch):
        arms = ""
        if isinstance(found.step, Branch):
            middle = found.number + 1 + found.step.then
            arms = f" to step {middle - 1}, else from step {middle}"
        yield f"{head}{str(found.step).rstrip(':')}{arms}:"
        return
    yield from _wrapped(f"{head}{found.kind}: ", [found.summary])
    inner = " " * len(head)
    if not isinstance(found.step, Copy):
        yield from _listed(f"{inner}reads ", found.reads)
        yield from _listed(f"{inner}writes ", found.writes)
    named = [n for n in found.names if n not in found.writes]
    yield from _listed(f"{inner}named ", named)
    yield from _listed(f"{inner}from ", places(found.lines, 3))
    if not isinstance(found.step, HostCall):
        yield f"{inner}takes {_cost(cost, at_best)}"


def _cost(cost: Cost, at_best: float) -> str:
    moved, done = _amount(cost.moved, "B"), _amount(cost.operations, "op")
    return f"{moved} moved, {done}, {time_text(at_best)} at best"


def _amount(n: float, unit: str) -> str:
    """A number with three digits and its unit."""
    power = min(len(str(int(n))) - 1, 11) // 3
    return f"{n / 1000**power:.3g} {' kMG'[power].strip()}{unit}"


def _wrapped(head: str, parts: Sequence[str]) -> Iterator[str]:
    """`head`, then parts with commas between them, in lines that are not too long."""
    line, pad = head, " " * len(head)
    for number, part in enumerate(parts):
        text = part if number + 1 == len(parts) else f"{part}, "
        if len(line) + len(text.rstrip()) > _WIDTH and line.strip() and line not in (head, pad):
            yield line.rstrip()
            line = pad
        line += text
    yield line.rstrip()


def _listed(head: str, parts: Sequence[str]) -> Iterator[str]:
    """The same, or nothing if there is nothing to list."""
    if parts:
        yield from _wrapped(head, parts)
