"""The scene of a program: its steps, and in them the operations that were fused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from symnet.cost import Cost
from symnet.drawing.boxes import IN_ORDER
from symnet.drawing.expressions import TypeOf, chip_of, face_of, line_facts
from symnet.drawing.scene import Chip, Edge, Face, Path, Scene
from symnet.graph import Variable
from symnet.origin import Origin, place_text, why_on_host
from symnet.profile import Timed
from symnet.program import Branch, Guard, HostCall, Launch, Program, Repeat
from symnet.scalar import show
from symnet.text import time_text

_KINDS = {
    "contraction": "contraction",
    "loops": "elementwise",
    "in order": "indexing",
    "host call": "host",
    "copy": "view",
    "check": "view",
    "repeat": "loop",
    "branch": "loop",
}


class Timing:
    """What is known of the time of steps.

    Parameters
    ----------
    costs, at_best
        Bytes and operations of each step, and seconds that they take at least.
    measured
        What was measured, by number of the step.
    """

    def __init__(
        self, costs: Sequence[Cost], at_best: Sequence[float], measured: Mapping[int, Timed]
    ) -> None:
        self._costs, self._at_best, self._measured = costs, at_best, measured
        spent = [self.seconds(k) for k in range(len(costs))]
        self._whole = sum(spent) or 1.0

    def seconds(self, number: int) -> float:
        """Seconds of a step in a call: measured, else predicted."""
        found = self._measured.get(number)
        return found.measured if found is not None else self._at_best[number]

    def mark(self, number: int, face: Face) -> None:
        """Write the time of a step on its face."""
        cost, found = self._costs[number], self._measured.get(number)
        spent = self.seconds(number)
        face.heat = spent / self._whole
        face.badge = time_text(spent) if found is not None else f"≥ {time_text(spent)}"
        if found is not None:
            face.facts.append(("measured", f"{time_text(found.measured)} in a call"))
            face.facts.append(("share of all", f"{face.heat:.1%}"))
        face.facts.append(("at best", time_text(self._at_best[number])))
        if found is not None and found.share is not None:
            face.facts.append(("reached", f"{found.share:.0%} of what the machine can do"))
        moved = f"{cost.read / 1e6:.3f} MB read, {cost.written / 1e6:.3f} MB written"
        face.facts += [("moves", moved), ("computes", f"{cost.operations / 1e6:.3f} Mflop")]


def program_scene(
    name: str, note: str, program: Program, steps: Sequence[Origin], type_of: TypeOf, timing: Timing
) -> Scene:
    """The scene of a program: a group for each step, with its operations; see the module."""
    return _Steps(name, note, program, steps, type_of, timing).scene


class _Steps:
    def __init__(
        self,
        name: str,
        note: str,
        program: Program,
        steps: Sequence[Origin],
        type_of: TypeOf,
        timing: Timing,
    ) -> None:
        self.scene = Scene(name, note)
        self._program = program
        self._type_of = type_of
        self._timing = timing
        self._paths: list[Path] = []
        self._kept = {b.name for b in program.buffers if b.kind in ("shared", "output")}
        self._works = {work: f"k{k}" for k, work in enumerate(program.works)}
        # For each buffer the node that wrote it last; and who read it before anybody had.
        self._writers: dict[str, int] = {}
        self._early: list[tuple[str, int]] = []
        self._inputs(steps)
        for step in steps:
            if isinstance(step.step, Repeat | Branch):
                self.scene.groups[step.number] = self._face(step)
            else:
                self._step(step)
        for buffer, reader in self._early:
            self._edge(buffer, reader)  # of the turn before
        self.scene.groupings[IN_ORDER] = self._paths

    def _inputs(self, steps: Sequence[Origin]) -> None:
        read = {b for s in steps for b in s.step.reads}
        for name in self._program.inputs:
            if name in read:
                buffer = self._program.buffer(name)
                shape = f"{buffer.dtype}[{', '.join(show(n) for n in buffer.shape)}]"
                self._writers[name] = self._add(Face(name, shape, "input"), ())
                self.scene.nodes[-1].facts = [("input", str(buffer))]

    def _add(self, face: Face, path: Path) -> int:
        self.scene.nodes.append(face)
        self._paths.append(path)
        return len(self.scene.nodes) - 1

    def _edge(self, buffer: str, reader: int) -> None:
        writer = self._writers.get(buffer)
        if writer is not None and writer != reader:
            label = str(self._program.buffer(buffer))
            self.scene.edges.append(Edge(writer, reader, (buffer, writer), label))

    def _read(self, buffer: str, reader: int) -> None:
        """An edge from where a buffer was written, or a mark for what nothing here writes."""
        kind = self._program.buffer(buffer).kind
        if buffer in self._writers:
            self._edge(buffer, reader)
        elif kind in ("shared", "constant", "input"):
            self._mark(reader, Chip(buffer, kind))
        else:
            self._early.append((buffer, reader))

    def _mark(self, node: int, chip: Chip) -> None:
        chips = self.scene.nodes[node].chips
        if chip not in chips:
            chips.append(chip)

    def _face(self, found: Origin) -> Face:
        step = found.step
        face = Face(found.summary, kind=_KINDS[found.kind])
        face.subtitle = f"{found.number} · {found.kind}"
        if found.lines:
            face.subtitle += f" · {place_text(found.lines[0])}"
        face.facts = [("step", f"{found.number}, {found.kind}")]
        if not isinstance(step, Repeat | Branch):
            self._timing.mark(found.number, face)
        face.facts += [("reads", str(self._program.buffer(b))) for b in sorted(step.reads)]
        face.facts += [("writes", str(self._program.buffer(b))) for b in sorted(step.writes)]
        if found.overwrites:
            face.facts.append(("in place", ", ".join(found.overwrites)))
        if isinstance(step, HostCall) and found.nodes:
            face.facts.append(("host call", why_on_host(found.nodes[0])))
        if isinstance(step, Guard):
            face.facts.append(("message", step.message))
        built = dict.fromkeys(line_facts(line)[0] for line in found.lines)
        face.facts += list(built)[:4]
        if isinstance(step, Launch):
            face.text = f"{self._works[step.work]} = {step.work}"
        face.chips = [self._written_chip(b) for b in found.writes if b in self._kept]
        return face

    def _written_chip(self, buffer: str) -> Chip:
        return Chip(f"→ {buffer}", self._program.buffer(buffer).kind)

    def _step(self, found: Origin) -> None:
        step, face = found.step, self._face(found)
        path: Path = (*found.inside, found.number)
        names = self._program.names
        inside = {v for n in found.nodes for v in n.outputs}
        numbers: dict[Variable, int] = {}
        if len(found.nodes) <= 1:
            # One operation: the step is its node.
            number = self._add(face, path[:-1])
            for b in sorted(step.reads):
                self._read(b, number)
            self._wrote(step.writes, number)
            return
        self.scene.groups[found.number] = face
        read: set[str] = set()
        first = len(self.scene.nodes)
        for node in found.nodes:
            number = self._add(face_of(node, self._type_of), path)
            numbers.update(dict.fromkeys(node.outputs, number))
            for v in dict.fromkeys(node.inputs):
                buffer = names.get(v)
                if v in inside and v in numbers:
                    label = self._type_of(v)
                    self.scene.edges.append(Edge(numbers[v], number, v, label))
                elif buffer in step.reads and buffer is not None:
                    self._read(buffer, number)
                    read.add(buffer)
                elif v.owner is None:
                    self._mark(number, chip_of(v))
        # What no operation reads by itself: a view of it is read.
        for b in sorted(step.reads - read):
            self._read(b, first)
        self._wrote(step.writes, len(self.scene.nodes) - 1)
        for v, buffer in self._homes(found):
            if v in numbers:
                self._writers[buffer] = numbers[v]
                if buffer in self._kept:
                    self._mark(numbers[v], self._written_chip(buffer))

    def _homes(self, found: Origin) -> Iterator[tuple[Variable, str]]:
        """The buffers that a step stores its results to.

        What has no name there is a new value: these are stored in the order of their results.
        """
        names, left = self._program.names, []
        stored = [b for b in _in_order(found.step) if b in found.step.writes]
        for v in found.results:
            buffer = names.get(v)
            if buffer in stored and buffer is not None:
                stored.remove(buffer)
                yield v, buffer
            else:
                left.append(v)
        stored = [b for b in stored if b in self._kept]
        if len(left) == len(stored):
            yield from zip(left, stored, strict=True)

    def _wrote(self, buffers: frozenset[str], number: int) -> None:
        for b in buffers:
            self._writers[b] = number


def _in_order(step: object) -> tuple[str, ...]:
    """The buffers that a step is given, in order."""
    return step.buffers if isinstance(step, Launch) else ()
