"""A compiled program on a device: what happens at a call.

A call checks its inputs, reads the sizes off them, and finds the `_Frame` of those sizes: memory
laid out, integers computed, every command ready. Inputs and outputs pass through memory of the
host that the device can reach, at places that stay the same, so that a frame's commands can be
recorded once and then queued as one: the first call with a frame runs command by command, the
second records.

Guards and host calls stand between segments of commands; there the host waits for the device.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from symnet import dtypes, memory
from symnet.program import Copy, Guard, HostCall, Launch, Program
from symnet.scalar.integer import evaluate_int
from symnet_cuda.codegen import Unit, generate
from symnet_cuda.device import Array, Device, Memory, Storage
from symnet_cuda.functions import Part

_ALIGNMENT = 256
_FRAMES = 8
"""How many sizes of inputs a program remembers."""


@dataclass(slots=True)
class _Commands:
    """Device work without a wait in it; queued one by one, then as one."""

    steps: list[int] = field(default_factory=list)
    calls: list[Callable[[], None]] = field(default_factory=list)
    runs: int = 0
    recorded: Callable[[], None] | None = None

    def add(self, step: int, call: Callable[[], None]) -> None:
        self.steps.append(step)
        self.calls.append(call)

    def one_by_one(self) -> None:
        for call in self.calls:
            call()

    def queue(self, device: Device) -> None:
        self.runs += 1
        if self.runs == 2:
            self.recorded = device.record(self.one_by_one)
        (self.recorded or self.one_by_one)()


@dataclass(frozen=True, slots=True)
class _Pause:
    """Host work between segments: a guard or a host call."""

    step: int
    run: Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Launch:
    """A `Part` for known integers."""

    name: str
    grid: tuple[int, int, int]
    threads: int
    shared: bool
    slots: int
    counters: int

    @staticmethod
    def of(part: Part, values: Mapping[str, int]) -> _Launch:
        x, y, z, slots, counters = (
            evaluate_int(n, values) for n in (*part.grid, part.slots, part.counters)
        )
        return _Launch(part.name, (x, y, z), part.threads, part.shared, slots, counters)


@dataclass(slots=True)
class _Frame:
    """A program laid out for one set of sizes."""

    inputs: list[Array]
    outputs: list[Array]
    segments: list[_Commands | _Pause]
    waits: bool


class CudaExecutable:
    """Implements `symnet.backend.Executable`."""

    def __init__(self, program: Program, device: Device, profile: bool = False) -> None:
        self.program = program
        self._device = device
        self._unit: Unit = generate(program)
        self._buffers = {b.name: b for b in program.buffers}
        self._inputs = [self._buffers[name] for name in program.inputs]
        self._storage: dict[str, Storage] = {}
        self._frames: dict[tuple[int, ...], _Frame] = {}
        self._arena: Memory | None = None
        self._arena_size = 0
        self._host: Array = np.empty(0, np.uint8)
        self._counters: Memory | None = None
        self._counter_size = 0
        self._busy = False
        self._seconds = [0.0] * len(program.steps) if profile else None
        with device.active():
            self._kernels = device.load(self._unit)
            self._constants = {
                b.name: upload(device, np.asarray(b.data, b.dtype))
                for b in program.buffers
                if b.kind == "constant"
            }

    def source(self) -> str:
        """The CUDA C++."""
        return self._unit.source

    def timings(self) -> Sequence[float]:
        """Seconds spent in each step."""
        return list(self._seconds or ())

    def bind(self, storage: Mapping[str, Any]) -> None:
        """Set the storage of shared buffers."""
        with self._device.active():
            self._device.synchronize()
            if any(self._storage.get(name) is not s for name, s in storage.items()):
                self._frames.clear()
            self._storage.update(storage)

    def __call__(self, *inputs: object) -> Any:
        """Run; see `symnet.backend.Executable`."""
        if not self._accepts(inputs):
            return NotImplemented
        device = self._device
        with device.active():
            if self._busy:  # the last call may still be reading its inputs
                device.synchronize()
                self._busy = False
            key = self._sizes(inputs)
            frame = self._frames.get(key)
            if frame is None:
                values = self._integers(key)
                if values is None:
                    return NotImplemented
                frame = self._lay_out(values)
                while len(self._frames) >= _FRAMES:
                    self._frames.pop(next(iter(self._frames)))
                self._frames[key] = frame
            for place, value in zip(frame.inputs, inputs, strict=True):
                np.copyto(place, value)  # type: ignore[arg-type]
            self._busy = True
            self._run(frame)
            if frame.waits:
                device.synchronize()
                self._busy = False
            return [place.copy() for place in frame.outputs]

    def _run(self, frame: _Frame) -> None:
        for segment in frame.segments:
            if isinstance(segment, _Commands):
                if self._seconds is not None:
                    self._measure(segment)
                else:
                    segment.queue(self._device)
            else:
                start = time.perf_counter()
                self._device.synchronize()
                segment.run()
                if self._seconds is not None:
                    self._seconds[segment.step] += time.perf_counter() - start

    def _measure(self, commands: _Commands) -> None:
        """Run command by command, waiting for each."""
        assert self._seconds is not None
        self._device.synchronize()
        for step, call in zip(commands.steps, commands.calls, strict=True):
            start = time.perf_counter()
            call()
            self._device.synchronize()
            if step >= 0:
                self._seconds[step] += time.perf_counter() - start

    # ------------------------------------------------------------------------------ checks

    def _accepts(self, inputs: tuple[object, ...]) -> bool:
        if len(inputs) != len(self._inputs):
            return False
        for value, buffer in zip(inputs, self._inputs, strict=True):
            if not (
                isinstance(value, np.ndarray)
                and value.dtype == buffer.dtype
                and value.dtype.isnative
                and value.ndim == len(buffer.shape)
                and value.flags.c_contiguous
                and value.flags.aligned
            ):
                return False
        return True

    def _sizes(self, inputs: tuple[Any, ...]) -> tuple[int, ...]:
        """The base integers."""
        arrays = dict(zip(self.program.inputs, inputs, strict=True))
        found: list[int] = []
        for size in self.program.sizes:
            held = arrays.get(size.buffer)
            if held is None:
                held = self._storage[size.buffer]
            if size.axis is not None:
                found.append(held.shape[size.axis])
            else:
                values = download(self._device, held) if isinstance(held, Storage) else held
                found.append(int(values.reshape(-1)[size.offset]))
        return tuple(found)

    def _integers(self, sizes: tuple[int, ...]) -> dict[str, int] | None:
        """All integers by name; None if the program does not hold for these sizes."""
        program = self.program
        values = {s.symbol.name: n for s, n in zip(program.sizes, sizes, strict=True)}
        for number in program.ints:
            n = evaluate_int(number.expr, values)
            if number.value is not None and n != number.value:
                return None
            values[number.symbol.name] = n
        if not all(evaluate_int(check.condition, values) for check in program.checks):
            return None
        for buffer in program.buffers:
            if buffer.kind == "shared":
                shape = tuple(evaluate_int(n, values) for n in buffer.shape)
                if shape != self._storage[buffer.name].shape:
                    return None
        return values

    # ------------------------------------------------------------------------------ layout

    def _lay_out(self, values: dict[str, int]) -> _Frame:
        """Place every buffer and prepare every command."""
        program, device = self.program, self._device
        shapes = {b.name: tuple(evaluate_int(n, values) for n in b.shape) for b in program.buffers}
        sizes = {b.name: prod(shapes[b.name]) * dtypes.itemsize(b.dtype) for b in program.buffers}
        addresses = {name: s.memory.address for name, s in self._storage.items()}
        addresses |= {name: s.memory.address for name, s in self._constants.items()}

        launches = self._launches(values)
        slots = max((x.slots for of_step in launches.values() for x in of_step), default=0)
        slots = _aligned(slots)
        counters = max((x.counters for of_step in launches.values() for x in of_step), default=0)
        planned, arena = memory.plan(program, values)
        offsets = {name: slots * 8 + offset for name, offset in planned.items()}
        total = slots * 8 + _aligned(arena)
        for b in program.buffers:
            if b.name not in addresses and b.name not in offsets:
                offsets[b.name] = total
                total += _aligned(sizes[b.name])
        self._provide(total, counters)
        assert self._arena is not None
        assert self._counters is not None
        for name, offset in offsets.items():
            addresses[name] = self._arena.address + offset
        scratch = (self._arena.address, self._counters.address)

        crossing = dict.fromkeys([*program.inputs, *program.outputs])
        for step in program.steps:
            match step:
                case HostCall():
                    crossing |= dict.fromkeys((*step.inputs, *step.outputs))
                case Guard():
                    crossing[step.buffer] = None
        host = self._host_places(list(crossing), shapes, sizes)

        def write(name: str) -> Callable[[], None]:
            return lambda: device.write(addresses[name], host[name])

        def read(name: str) -> Callable[[], None]:
            return lambda: device.read(host[name], addresses[name])

        segments: list[_Commands | _Pause] = []
        current = _Commands()
        for name in program.inputs:
            if sizes[name]:
                current.add(-1, write(name))
        for number, step in enumerate(program.steps):
            match step:
                case Launch():
                    pointers = [addresses[name] for name in step.buffers]
                    integers = [evaluate_int(x, values) for x in step.ints]
                    for launch in launches[number]:
                        more = scratch if launch.shared else ()
                        given = (*pointers, *more, *integers)
                        current.add(number, self._call(launch, given))
                case Copy():
                    size = sizes[step.source]
                    places = addresses[step.target], addresses[step.source]
                    if size:
                        current.add(number, _copy(device, *places, size))
                case Guard():
                    current.add(number, read(step.buffer))
                    segments += [current, _Pause(number, _guard(step, host[step.buffer]))]
                    current = _Commands()
                case HostCall():
                    for name in step.inputs:
                        if sizes[name]:
                            current.add(number, read(name))
                    segments += [current, _Pause(number, _perform(step, host))]
                    current = _Commands()
                    for name in step.outputs:
                        if sizes[name]:
                            current.add(number, write(name))
        for name in program.outputs:
            if sizes[name]:
                current.add(-1, read(name))
        segments.append(current)
        return _Frame(
            [host[name] for name in program.inputs],
            [host[name] for name in program.outputs],
            [s for s in segments if isinstance(s, _Pause) or s.calls],
            bool(program.outputs),
        )

    def _launches(self, values: dict[str, int]) -> dict[int, list[_Launch]]:
        """The launches of each step that has any."""
        parts = dict(zip(self.program.works, self._unit.parts, strict=True))
        found: dict[int, list[_Launch]] = {}
        for number, step in enumerate(self.program.steps):
            if not isinstance(step, Launch):
                continue
            local = {
                symbol.name: evaluate_int(x, values)
                for symbol, x in zip(step.work.ints, step.ints, strict=True)
            }
            launches = (_Launch.of(part, local) for part in parts[step.work])
            found[number] = [launch for launch in launches if launch.grid[0] > 0]
        return found

    def _call(self, launch: _Launch, given: tuple[int, ...]) -> Callable[[], None]:
        device, kernel = self._device, self._kernels[launch.name]
        return lambda: device.launch(kernel, launch.grid, launch.threads, given)

    def _provide(self, size: int, counters: int) -> None:
        """Make sure of memory; frames that used what was there before are forgotten."""
        device = self._device
        if self._arena is None or size > self._arena_size:
            self._frames.clear()
            self._arena, self._arena_size = device.allocate(max(size, 1)), size
        if self._counters is None or counters > self._counter_size:
            self._frames.clear()
            self._counters = device.allocate(max(4 * counters, 4))
            self._counter_size = counters
            device.clear(self._counters.address, max(4 * counters, 4))

    def _host_places(
        self, names: list[str], shapes: dict[str, tuple[int, ...]], sizes: dict[str, int]
    ) -> dict[str, Array]:
        """Arrays on the host for all that crosses."""
        total = sum(_aligned(sizes[name]) for name in names)
        if total > self._host.size:
            self._frames.clear()
            self._host = self._device.host(total)
        places: dict[str, Array] = {}
        start = 0
        for name in names:
            part = self._host[start : start + sizes[name]]
            places[name] = part.view(self._buffers[name].dtype).reshape(shapes[name])
            start += _aligned(sizes[name])
        return places


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _copy(device: Device, target: int, source: int, size: int) -> Callable[[], None]:
    return lambda: device.copy(target, source, size)


def _guard(step: Guard, flag: Array) -> Callable[[], None]:
    def run() -> None:
        if flag.any():
            raise IndexError(step.message)

    return run


def _perform(step: HostCall, host: Mapping[str, Array]) -> Callable[[], None]:
    def run() -> None:
        results = step.perform(*(host[name].copy() for name in step.inputs))
        for name, value in zip(step.outputs, results, strict=True):
            np.copyto(host[name], value)

    return run


def upload(device: Device, value: Array) -> Storage:
    """Put a copy of an array on a device that is active."""
    value = np.asarray(value, order="C")
    shape = tuple(value.shape)
    memory = device.allocate(max(value.nbytes, 1))
    if value.nbytes:
        host = device.host(value.nbytes)
        host[:] = value.reshape(-1).view(np.uint8)
        device.write(memory.address, host)
        device.synchronize()
    return Storage(memory, value.dtype.name, shape)


def download(device: Device, storage: Storage) -> Array:
    """Return a fresh copy of what a storage on a device that is active holds."""
    host = device.host(storage.size)
    if storage.size:
        device.read(host, storage.memory.address)
    device.synchronize()
    # Memory of the caller's own: what the device can reach is scarce.
    return host.view(storage.dtype).reshape(storage.shape).copy()
