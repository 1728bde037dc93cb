"""Where the steps of a program come from: operations, names and lines of the user's.

In goes a `Program`; out comes an `Origin` for each of its steps. Everything is read off the graph
that the steps remember, when somebody asks.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from symnet.graph import Apply, SourceLine, Variable, ancestors
from symnet.kernel import Kernel, Ordered
from symnet.op import ChoiceOp, ContractionOp, IndexedOp, LoopOp, OrderedOp
from symnet.ops.elementwise import Elemwise
from symnet.ops.shape import Broadcast, DimShuffle, MakeVector, Reshape, ShapeOf, SpecifyShape
from symnet.program import Branch, Copy, Guard, HostCall, Launch, Program, Repeat, Step

_PLUMBING = (Broadcast, DimShuffle, MakeVector, Reshape, ShapeOf, SpecifyShape)
_NATIVE = (IndexedOp, ContractionOp, OrderedOp, ChoiceOp)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a step does, in the words of the graph.

    Attributes
    ----------
    number, step
        The step, and its place in the program.
    inside
        Numbers of the repetitions it belongs to, the outermost first.
    kind
        ``"contraction"``, ``"loops"``, ``"in order"``, ``"host call"``, ``"copy"``, ``"check"`` or
        ``"repeat"``.
    nodes
        The applications it computes, operands first.
    results
        The variables it puts into memory.
    reads, writes
        What it reads and writes, by the users' names where there are any.
    overwrites
        Shared variables that it writes over.
    """

    number: int
    step: Step
    inside: tuple[int, ...]
    kind: str
    nodes: tuple[Apply, ...]
    results: tuple[Variable, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    overwrites: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The operations, those that only look at things in another way left out."""
        match self.step:
            case Copy():
                return f"{self.reads[0]} to {self.writes[0]}"
            case Guard():
                return self.step.message.partition("\n")[0]
            case Repeat() | Branch():
                return str(self.step)
        return summary(self.nodes) or self.step.label

    @property
    def names(self) -> list[str]:
        """What the user calls what it computes."""
        made = (v.name for n in self.nodes for v in n.outputs)
        return list(dict.fromkeys(name for name in (*made, *self.overwrites) if name))

    @property
    def lines(self) -> list[SourceLine]:
        """The user's lines that its operations were built at, those of most operations first."""
        counts: dict[SourceLine, int] = {}
        for node in self.nodes:
            if node.line is not None:
                counts[node.line] = counts.get(node.line, 0) + (1 if is_plumbing(node) else 100)
        return sorted(counts, key=lambda line: -counts[line])


def places(lines: Iterable[SourceLine], count: int) -> list[str]:
    """The first of some lines of the user's code, shortly."""
    return list(dict.fromkeys(map(place_text, lines)))[:count]


def is_plumbing(node: Apply) -> bool:
    """Whether an operation moves no data and computes nothing: a view, a length, a cast."""
    op = node.op
    if isinstance(op, Elemwise):
        return op.scalar.name.startswith("cast_")
    return isinstance(op, _PLUMBING)


def summary(nodes: Iterable[Apply]) -> str:
    """The names of some operations, those of contractions first."""
    nodes = list(nodes)
    shown = [n for n in nodes if not is_plumbing(n)] or nodes
    shown.sort(key=lambda n: not isinstance(n.op, ContractionOp | LoopOp))
    counts: dict[str, int] = {}
    for node in shown:
        counts[_short(node)] = counts.get(_short(node), 0) + 1
    return ", ".join(name if n == 1 else f"{name} x{n}" for name, n in counts.items())


def _short(node: Apply) -> str:
    """An operation's name without its settings."""
    return str(node.op).partition("(")[0]


def origins(program: Program) -> list[Origin]:
    """Where each step of a program comes from."""
    return _Origins(program).all()


class _Origins:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._held: dict[str, list[Variable]] = {}
        for v, name in program.names.items():
            self._held.setdefault(name, []).append(v)
        results = [v for s in program.steps if isinstance(s, Launch | HostCall) for v in s.results]
        # No data is read to know a length.
        lengths = (n.out for n in ancestors(results) if isinstance(n.op, ShapeOf))
        self._lengths = dict.fromkeys(lengths, True)
        self._updated = {b.name for b in program.buffers if b.kind == "shared"}

    def all(self) -> list[Origin]:
        found: list[Origin] = []
        inside: list[tuple[int, int]] = []
        for number, step in enumerate(self._program.steps):
            inside = [(n, end) for n, end in inside if number < end]
            found.append(self._origin(number, step, tuple(n for n, _ in inside)))
            if isinstance(step, Repeat):
                inside.append((number, number + 1 + step.length))
            elif isinstance(step, Branch):
                inside.append((number, number + 1 + step.then + step.otherwise))
        return found

    def _origin(self, number: int, step: Step, inside: tuple[int, ...]) -> Origin:
        results = step.results if isinstance(step, Launch | HostCall) else ()
        return Origin(
            number,
            step,
            inside,
            _kind(step),
            tuple(self._computed(step, results)),
            tuple(results),
            tuple(self.shown(name) for name in _in_order(step, step.reads)),
            tuple(self.shown(name) for name in _in_order(step, step.writes)),
            tuple(sorted(step.writes & self._updated)),
        )

    def _computed(self, step: Step, results: Sequence[Variable]) -> Iterable[Apply]:
        """The applications between what a step reads and what it stores."""
        if isinstance(step, HostCall):
            return [results[0].owner] if results and results[0].owner is not None else []
        read = dict.fromkeys((v for name in step.reads for v in self._held.get(name, ())), True)
        for v in results:
            read.pop(v, None)
        return ancestors(results, stop=ChainMap(read, self._lengths))

    def shown(self, name: str) -> str:
        """A buffer by the name of the variable it holds, where the user gave it one."""
        if self._program.buffer(name).kind in ("temporary", "constant"):
            named = [v.name for v in self._held.get(name, ()) if v.name]
            if named:
                return f"{name} ({named[0]})"
        return name


def _in_order(step: Step, names: frozenset[str]) -> list[str]:
    """Names of buffers in the order in which a step is given them."""
    match step:
        case Launch():
            return [b for b in step.buffers if b in names]
        case HostCall():
            return [b for b in dict.fromkeys((*step.inputs, *step.outputs)) if b in names]
    return sorted(names)


def _kind(step: Step) -> str:
    match step:
        case Launch(work=Kernel(body=body)):
            ordered = any(isinstance(s, Ordered) for s in _statements(body))
            return "in order" if ordered else "loops"
        case HostCall():
            return "host call"
        case Copy():
            return "copy"
        case Guard():
            return "check"
        case Repeat():
            return "repeat"
        case Branch():
            return "branch"
    return "contraction"


def _statements(body: Iterable[object]) -> Iterable[object]:
    for stmt in body:
        yield stmt
        yield from _statements(getattr(stmt, "body", ()))


def why_on_host(node: Apply) -> str:
    """Why an operation runs in Python."""
    op = node.op
    if not isinstance(op, LoopOp):
        return f"{op} has no native code: its NumPy meaning runs"
    return f"the loop's steps call {summary(_foreign(op))}, which has no native code"


def _foreign(op: LoopOp) -> list[Apply]:
    """Operations without native code in the body of a loop, and in those of loops in it."""
    found: list[Apply] = []
    for n in ancestors(op.outputs):
        if isinstance(n.op, LoopOp):
            found += _foreign(n.op)
        elif not isinstance(n.op, _NATIVE):
            found.append(n)
    return found


def place_text(line: SourceLine) -> str:
    """A line of the user's code, shortly."""
    place = f"{line.file.rpartition('/')[2]}:{line.line}"
    return f"gradient of {place}" if line.gradient else place
