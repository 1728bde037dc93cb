"""A program laid out for one set of sizes: memory in place, commands ready to be queued.

All that crosses between host and device in every call lies together, inputs and integers in one
block, outputs in another, at places that stay the same: each block is one copy, and the commands of
a frame can be recorded once and then queued as one. Guards and host calls stand between segments
of commands; there the host waits for the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from math import prod
from typing import TypeAlias

import numpy as np

from symnet import dtypes, memory
from symnet.program import Branch, Copy, Guard, HostCall, Launch, Program, Repeat
from symnet.scalar.integer import evaluate_int
from symnet_cuda.codegen import Unit
from symnet_cuda.device import Array, Device, Kernel, Memory
from symnet_cuda.functions import Part

_ALIGNMENT = 256
Action: TypeAlias = Callable[[], None]


@dataclass(slots=True)
class Commands:
    """Device work without a wait in it; queued one by one, from the second time on as one.

    Attributes
    ----------
    steps
        For each command the step it belongs to, -1 for none.
    actions
        The commands.
    """

    steps: list[int] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    _runs: int = 0
    _recorded: Action | None = None

    def add(self, step: int, action: Action) -> None:
        """Add a command."""
        self.steps.append(step)
        self.actions.append(action)

    def one_by_one(self) -> None:
        """Queue every command."""
        for action in self.actions:
            action()

    def queue(self, device: Device) -> None:
        """Queue the commands in the quickest way."""
        if not self.actions:
            return
        self._runs += 1
        if self._runs == 2:
            self._recorded = device.record(self.one_by_one)
        (self._recorded or self.one_by_one)()


@dataclass(slots=True)
class Pause:
    """Host work between segments: a guard, a host call, or what decides where to go on.

    Attributes
    ----------
    step
        The step it belongs to.
    run
        The work; whether to skip what comes before segment `to`.
    to
        Number of a segment.
    """

    step: int
    run: Callable[[], bool]
    to: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """See the module's introduction.

    Attributes
    ----------
    integers
        Where the host puts the integers that vary, before the segments run.
    inputs
        Where it puts inputs; None for one that no step reads.
    outputs
        Where it finds outputs, after they have run.
    segments
        The work.
    """

    integers: Array
    inputs: list[Array | None]
    outputs: list[Array]
    segments: list[Commands | Pause]


@dataclass(frozen=True, slots=True)
class LaunchShape:
    """A `Part` for known integers."""

    name: str
    grid: tuple[int, int, int]
    threads: int
    shared: bool
    slots: int
    counters: int

    @staticmethod
    def of(part: Part, values: Mapping[str, int]) -> LaunchShape:
        """The part's launch for some values of its integers."""
        x, y, z, slots, counters = (
            evaluate_int(n, values) for n in (*part.grid, part.slots, part.counters)
        )
        return LaunchShape(part.name, (x, y, z), part.threads, part.shared, slots, counters)


class Place(Enum):
    """What a number in an order of steps stands for: the step, or a place behind parts of it."""

    STEP = auto()
    TURN = auto()
    OTHERWISE = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Sizes:
    """Everything about a call that a frame depends on, and the integers that vary beside it.

    Attributes
    ----------
    order
        The steps to run, those of repetitions as often as they come, and where the host decides
        how to go on.
    shapes
        Of every buffer.
    launches
        For each time that a step launches, its launches and the integers they take as they are.
    offsets
        Of every temporary, in the arena whose size is `arena`.
    varying
        The integers that the functions read from memory, one after another; not compared.
    """

    order: tuple[tuple[int, Place], ...]
    shapes: tuple[tuple[int, ...], ...]
    launches: tuple[tuple[int, tuple[LaunchShape, ...], tuple[int, ...]], ...]
    offsets: tuple[tuple[str, int], ...]
    arena: int
    varying: tuple[int, ...] = field(compare=False)

    @staticmethod
    def of(program: Program, unit: Unit, values: Mapping[str, int]) -> Sizes:
        """Evaluate a program's integers, of which `values` has those with names."""
        shapes = tuple(tuple(evaluate_int(n, values) for n in b.shape) for b in program.buffers)
        works = dict(zip(program.works, zip(unit.parts, unit.varying, strict=True), strict=True))
        launches, varying = [], []
        order = tuple(unrolled(program, values))
        for number, place, counted in order:
            step = program.steps[number]
            if isinstance(step, Launch) and place is Place.STEP:
                parts, moving = works[step.work]
                given = [evaluate_int(x, counted) for x in step.ints]
                named = dict(zip((s.name for s in step.work.ints), given, strict=True))
                shaped = (LaunchShape.of(part, named) for part in parts)
                launched = tuple(shape for shape in shaped if shape.grid[0] > 0)
                pairs = list(zip(step.work.ints, given, strict=True))
                launches.append((number, launched, tuple(n for s, n in pairs if s not in moving)))
                varying += [n for s, n in pairs if s in moving]
        offsets, arena = memory.plan(program, values)
        places = tuple((number, place) for number, place, _ in order)
        return Sizes(places, shapes, tuple(launches), tuple(offsets.items()), arena, tuple(varying))


def unrolled(
    program: Program, values: Mapping[str, int], first: int = 0, end: int | None = None
) -> Iterator[tuple[int, Place, Mapping[str, int]]]:
    """The steps of a program as they come, with the values of integers, counters among them.

    A frame is for known sizes, so a repetition is so many commands, queued as one like the rest.
    """
    end = len(program.steps) if end is None else end
    number = first
    while number < end:
        own, step = number, program.steps[number]
        number += 1
        match step:
            case Repeat():
                if step.until is not None:
                    yield own, Place.STEP, values
                for count in range(evaluate_int(step.count, values)):
                    counted = {**values, step.index.name: count}
                    yield from unrolled(program, counted, number, number + step.length)
                    if step.until is not None:
                        yield own, Place.TURN, values
                number += step.length
                if step.until is not None:
                    yield own, Place.END, values
            case Branch():
                middle = number + step.then
                yield own, Place.STEP, values
                yield from unrolled(program, values, number, middle)
                number = middle + step.otherwise
                yield own, Place.OTHERWISE, values
                yield from unrolled(program, values, middle, number)
                yield own, Place.END, values
            case _:
                yield own, Place.STEP, values


@dataclass(slots=True)
class Workspace:
    """Memory that the frames of one program use in turn; grows as they need more."""

    device: Device
    arena: Memory | None = None
    arena_size: int = 0
    counters: Memory | None = None
    counters_size: int = 0
    host: Array = field(default_factory=lambda: np.empty(0, np.uint8))

    def reserve(self, arena: int, counters: int, host: int) -> tuple[int, int, bool]:
        """Make sure of memory.

        Returns
        -------
        arena, counters
            Addresses.
        moved
            Whether something lies elsewhere than before, so that earlier frames are void.
        """
        moved = False
        if self.arena is None or arena > self.arena_size:
            self.arena, self.arena_size, moved = self.device.allocate(arena or 1), arena, True
        if self.counters is None or counters > self.counters_size:
            self.counters = self.device.allocate(4 * counters or 4)
            self.counters_size, moved = counters, True
            self.device.clear(self.counters.address, 4 * counters or 4)
        if host > self.host.size:
            self.host, moved = self.device.host(host), True
        return self.arena.address, self.counters.address, moved


class _Block:
    """Buffers side by side that cross together, at the same distances on host and device."""

    def __init__(self) -> None:
        self.places: dict[str, tuple[int, int]] = {}
        self.size = 0

    def add(self, name: str, size: int) -> None:
        if name not in self.places:
            self.places[name] = self.size, size
            self.size += aligned(size)


def lay_out(
    program: Program,
    unit: Unit,
    sizes: Sizes,
    workspace: Workspace,
    kernels: Mapping[str, Kernel],
    resident: Mapping[str, int],
) -> tuple[Frame, bool]:
    """Place every buffer and prepare every command.

    Parameters
    ----------
    program, unit, sizes
        What to lay out.
    workspace
        Whence memory comes.
    kernels
        The unit's functions as the device launches them.
    resident
        Addresses of shared buffers and constants.

    Returns
    -------
    frame, moved
        The frame, and whether earlier frames are void.
    """
    device = workspace.device
    buffers = {b.name: b for b in program.buffers}
    shapes = dict(zip(buffers, sizes.shapes, strict=True))
    nbytes = {b.name: prod(shapes[b.name]) * dtypes.itemsize(b.dtype) for b in program.buffers}
    everything = [shape for _, shaped, _ in sizes.launches for shape in shaped]

    # What crosses: a block in, a block out, and the rest one by one in the middle of the call.
    used = set(program.outputs).union(*(step.reads for step in program.steps))
    incoming, outgoing, between = _Block(), _Block(), _Block()
    incoming.add(_INTEGERS, 8 * len(sizes.varying))
    for name in program.inputs:
        if name in used:
            incoming.add(name, nbytes[name])
    for name in program.outputs:
        if buffers[name].kind == "output":
            outgoing.add(name, nbytes[name])
    for name in (*program.outputs, *_crossing(program.steps)):
        if name not in incoming.places and name not in outgoing.places:
            between.add(name, nbytes[name])

    scratch = aligned(8 * max((shape.slots for shape in everything), default=0))
    counters = max((shape.counters for shape in everything), default=0)
    start_in = scratch + aligned(sizes.arena)
    start_out = start_in + incoming.size
    total = start_out + outgoing.size
    rest = [b.name for b in program.buffers if b.kind in ("temporary", "output")]
    offsets = {name: scratch + offset for name, offset in sizes.offsets}
    offsets |= {name: start_in + place for name, (place, _) in incoming.places.items()}
    offsets |= {name: start_out + place for name, (place, _) in outgoing.places.items()}
    for name in rest:
        if name not in offsets:
            offsets[name], total = total, total + aligned(nbytes[name])
    host_size = incoming.size + outgoing.size + between.size
    arena, counting, moved = workspace.reserve(total, counters, host_size)
    addresses = {**resident, **{name: arena + offset for name, offset in offsets.items()}}

    host: dict[str, Array] = {}
    base = 0
    for block in (incoming, outgoing, between):
        for name, (place, size) in block.places.items():
            content = workspace.host[base + place : base + place + size]
            dtype = buffers[name].dtype if name in buffers else "int64"
            host[name] = content.view(dtype).reshape(shapes.get(name, (-1,)))
        base += block.size

    segments: list[Commands | Pause] = []
    current = Commands()
    if incoming.size:
        whole = workspace.host[: incoming.size]
        current.add(-1, _write(device, arena + start_in, whole))
    table = arena + start_in + incoming.places[_INTEGERS][0]
    varying = dict(zip(program.works, unit.varying, strict=True))
    launches = iter(sizes.launches)
    open_: list[list[Pause]] = []  # where to go on is not known yet
    for number, part in sizes.order:
        step = program.steps[number]
        if part is Place.TURN and isinstance(step, Repeat) and step.until is not None:
            current.add(number, _read(device, host[step.until], addresses[step.until]))
            open_[-1].append(Pause(number, _is_true(host[step.until])))
            segments += [current, open_[-1][-1]]
            current = Commands()
            continue
        if part is not Place.STEP:
            segments.append(current)
            current = Commands()
            leaving = open_.pop()
            if part is Place.OTHERWISE:
                open_.append([Pause(number, lambda: True)])
                segments += open_[-1]
            for pause in leaving:
                pause.to = len(segments)
            continue
        match step:
            case Branch():
                current.add(number, _read(device, host[step.flag], addresses[step.flag]))
                open_.append([Pause(number, _is_false(host[step.flag]))])
                segments += [current, *open_[-1]]
                current = Commands()
            case Repeat():
                open_.append([])
            case Launch():
                pointers = [addresses[name] for name in step.buffers]
                _, shaped, given = next(launches)
                behind = len(varying[step.work])
                for shape in shaped:
                    values = [*pointers, *((arena, counting) if shape.shared else ()), *given]
                    values += [table] if behind else []
                    current.add(number, _launch(device, kernels[shape.name], shape, values))
                table += 8 * behind
            case Copy():
                places = addresses[step.target], addresses[step.source]
                if nbytes[step.source]:
                    current.add(number, _copy(device, *places, nbytes[step.source]))
            case Guard():
                current.add(number, _read(device, host[step.buffer], addresses[step.buffer]))
                segments += [current, Pause(number, _guard(step, host[step.buffer]))]
                current = Commands()
            case HostCall():
                for name in step.inputs:
                    if nbytes[name]:
                        current.add(number, _read(device, host[name], addresses[name]))
                segments += [current, Pause(number, _perform(step, host))]
                current = Commands()
                for name in step.outputs:
                    if nbytes[name]:
                        current.add(number, _write(device, addresses[name], host[name]))
    if outgoing.size:
        whole = workspace.host[incoming.size : incoming.size + outgoing.size]
        current.add(-1, _read(device, whole, arena + start_out))
    for name in dict.fromkeys(program.outputs):
        if name in between.places and nbytes[name]:
            current.add(-1, _read(device, host[name], addresses[name]))
    segments.append(current)
    frame = Frame(
        host[_INTEGERS],
        [host[name] if name in used else None for name in program.inputs],
        [host[name] for name in program.outputs],
        segments,
    )
    return frame, moved


_INTEGERS = "integers that vary"
"""Their name among the buffers of a block; no buffer has blanks in its name."""


def aligned(size: int) -> int:
    """`size` rounded up to where the next buffer may begin."""
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _crossing(steps: Iterable[object]) -> dict[str, None]:
    """Names of buffers that cross in the middle of a call."""
    found: dict[str, None] = {}
    for step in steps:
        match step:
            case HostCall():
                found |= dict.fromkeys((*step.inputs, *step.outputs))
            case Guard():
                found[step.buffer] = None
            case Branch():
                found[step.flag] = None
            case Repeat(until=str(flag)):
                found[flag] = None
    return found


def _launch(device: Device, kernel: Kernel, shape: LaunchShape, values: list[int]) -> Action:
    given = tuple(values)
    return lambda: device.launch(kernel, shape.grid, shape.threads, given)


def _write(device: Device, target: int, source: Array) -> Action:
    return lambda: device.write(target, source)


def _read(device: Device, target: Array, source: int) -> Action:
    return lambda: device.read(target, source)


def _copy(device: Device, target: int, source: int, size: int) -> Action:
    return lambda: device.copy(target, source, size)


def _is_true(flag: Array) -> Callable[[], bool]:
    return lambda: bool(flag)


def _is_false(flag: Array) -> Callable[[], bool]:
    return lambda: not flag


def _guard(step: Guard, flag: Array) -> Callable[[], bool]:
    def run() -> bool:
        if flag.any():
            raise IndexError(step.message)
        return False

    return run


def _perform(step: HostCall, host: Mapping[str, Array]) -> Callable[[], bool]:
    def run() -> bool:
        arrays = [host[name].copy() for name in step.inputs]
        for array in arrays:
            array.flags.writeable = False
        for name, result in zip(step.outputs, step.perform(arrays), strict=True):
            if result is None:
                continue
            value = np.asarray(result)
            if value.shape != host[name].shape:
                wanted = host[name].shape
                raise ValueError(
                    f"{step.label} returned an array of shape {value.shape}, not {wanted}"
                )
            np.copyto(host[name], value)
        return False

    return run
