"""A compiled program on a device: what happens at a call.

A call checks its inputs, reads the base integers off them, and finds the `Frame` that is laid out
for them; then it puts inputs in place, runs the frame's segments, and takes the outputs. What the
integers come to is remembered, so that only a call with new ones computes anything in Python.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symnet.backend import Footprint
from symnet.program import Program
from symnet.scalar.integer import evaluate_int
from symnet_cuda.codegen import generate
from symnet_cuda.device import Array, Device, Storage
from symnet_cuda.frame import Commands, Frame, Sizes, Workspace, lay_out

_FRAMES = 8
"""How many layouts a program remembers."""
_CALLS = 1 << 16
"""For how many shapes and values of inputs it remembers what the integers come to."""


@dataclass(slots=True, eq=False)
class _Layout:
    """Sizes, and their frame while it is valid."""

    sizes: Sizes
    frame: Frame | None = None


class CudaExecutable:
    """Implements `symnet.backend.Executable`."""

    def __init__(self, program: Program, device: Device, profile: bool = False) -> None:
        self.program = program
        self._device = device
        self._unit = generate(program)
        buffers = {b.name: b for b in program.buffers}
        self._inputs = [
            (np.dtype(buffers[name].dtype), len(buffers[name].shape)) for name in program.inputs
        ]
        self._sources = {name: place for place, name in enumerate(program.inputs)}
        self._storage: dict[str, Storage] = {}
        self._layouts: dict[Sizes, _Layout] = {}
        self._calls: dict[Any, tuple[_Layout, Array] | None] = {}
        self._elements = [(s.buffer, s.offset) for s in program.sizes if s.axis is None]
        self._busy = False
        self._seconds = [0.0] * len(program.steps) if profile else None
        with device.active():
            self._workspace = Workspace(device)
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

    def footprint(self) -> Footprint:
        """The memory that calls have needed so far; outputs and what Python handles are in it."""
        constants = sum(b.data.nbytes for b in self.program.buffers if b.data is not None)
        return Footprint(arena=self._workspace.arena_size, constants=constants)

    def bind(self, storage: Mapping[str, Any]) -> None:
        """Set the storage of shared buffers.

        Raises
        ------
        ValueError
            If a storage is not of the buffer's dtype and number of dimensions.
        """
        for buffer in self.program.buffers:
            held = storage.get(buffer.name)
            if held is None or buffer.kind != "shared":
                continue
            if held.dtype != buffer.dtype or len(held.shape) != len(buffer.shape):
                raise ValueError(f"storage {held.dtype}{list(held.shape)} does not fit {buffer}")
        with self._device.active():
            if any(self._storage.get(name) is not s for name, s in storage.items()):
                self._device.synchronize()  # what is replaced may be in use
                self._layouts.clear()
                self._calls.clear()
            self._storage.update(storage)

    def __call__(self, *inputs: Any) -> Any:
        """Run; see `symnet.backend.Executable`."""
        if not self._accepts(inputs):
            return NotImplemented
        device = self._device
        with device.active():
            if self._busy:  # the last call may still be reading its inputs
                device.synchronize()
                self._busy = False
            key = (tuple([x.shape for x in inputs]), self._read_values(inputs))
            if key not in self._calls:
                if len(self._calls) >= _CALLS:
                    self._calls.clear()
                self._calls[key] = self._evaluate(inputs)
            found = self._calls[key]
            if found is None:
                return NotImplemented
            layout, varying = found
            frame = layout.frame or self._lay_out(layout)
            np.copyto(frame.integers, varying)
            for place, value in zip(frame.inputs, inputs, strict=True):
                if place is not None:
                    np.copyto(place, value)
            self._busy = True
            self._run(frame)
            if not frame.outputs:
                return []
            device.synchronize()
            self._busy = False
            return [place.copy() for place in frame.outputs]

    # ------------------------------------------------------------------------------ checks

    def _accepts(self, inputs: tuple[object, ...]) -> bool:
        return len(inputs) == len(self._inputs) and all(
            type(value) is np.ndarray
            and value.dtype == dtype
            and value.dtype.isnative
            and value.ndim == ndim
            and value.flags.c_contiguous
            and value.flags.aligned
            for value, (dtype, ndim) in zip(inputs, self._inputs, strict=True)
        )

    def _read_values(self, inputs: tuple[Array, ...]) -> tuple[int | None, ...]:
        """The base integers that are elements of buffers; None for one that is not there."""
        found: list[int | None] = []
        for name, offset in self._elements:
            place = self._sources.get(name)
            held = download(self._device, self._held(name)) if place is None else inputs[place]
            inside = offset < held.size
            found.append(int(held.reshape(-1)[offset]) if inside else None)
        return tuple(found)

    def _held(self, name: str) -> Storage:
        if name not in self._storage:
            raise RuntimeError(f"no storage bound for {name}")
        return self._storage[name]

    def _evaluate(self, inputs: tuple[Array, ...]) -> tuple[_Layout, Array] | None:
        """What the integers come to; None if the program does not hold for them."""
        program = self.program
        shapes = dict(zip(program.inputs, (x.shape for x in inputs), strict=True))
        for buffer in program.buffers:
            if buffer.kind == "shared":
                shapes[buffer.name] = self._held(buffer.name).shape
        elements = iter(self._read_values(inputs))
        values: dict[str, int] = {}
        for size in program.sizes:
            n = next(elements) if size.axis is None else shapes[size.buffer][size.axis]
            if n is None:
                return None
            values[size.symbol.name] = n
        for number in program.ints:
            n = evaluate_int(number.expr, values)
            if number.value is not None and n != number.value:
                return None
            values[number.symbol.name] = n
        if not all(evaluate_int(check.condition, values) for check in program.checks):
            return None
        for buffer in program.buffers:
            found = shapes.get(buffer.name)
            if found is not None and found != tuple(evaluate_int(n, values) for n in buffer.shape):
                return None
        sizes = Sizes.of(program, self._unit, values)
        layout = self._layouts.setdefault(sizes, _Layout(sizes))
        return layout, np.array(sizes.varying, np.int64)

    # --------------------------------------------------------------------------------- run

    def _lay_out(self, layout: _Layout) -> Frame:
        resident = {name: s.memory.address for name, s in self._storage.items()}
        resident |= {name: s.memory.address for name, s in self._constants.items()}
        frame, moved = lay_out(
            self.program, self._unit, layout.sizes, self._workspace, self._kernels, resident
        )
        others = [x for x in self._layouts.values() if x.frame is not None]
        if moved or len(others) >= _FRAMES:
            for other in others:
                other.frame = None
        layout.frame = frame
        return frame

    def _run(self, frame: Frame) -> None:
        number = 0
        while number < len(frame.segments):
            segment = frame.segments[number]
            number += 1
            if not isinstance(segment, Commands):
                self._device.synchronize()
                start = time.perf_counter()
                if segment.run():
                    number = segment.to
                if self._seconds is not None:
                    self._seconds[segment.step] += time.perf_counter() - start
            elif self._seconds is not None:
                self._measure(segment, self._seconds)
            else:
                segment.queue(self._device)

    def _measure(self, commands: Commands, seconds: list[float]) -> None:
        """Run command by command, waiting for each."""
        self._device.synchronize()
        for step, action in zip(commands.steps, commands.actions, strict=True):
            start = time.perf_counter()
            action()
            self._device.synchronize()
            if step >= 0:
                seconds[step] += time.perf_counter() - start


def upload(device: Device, value: Array) -> Storage:
    """Put a copy of an array on a device that is active."""
    value = np.asarray(value, order="C")
    memory = device.allocate(value.nbytes or 1)
    if value.nbytes:
        device.write(memory.address, value)
        device.synchronize()
    return Storage(memory, value.dtype.name, tuple(value.shape))


def download(device: Device, storage: Storage) -> Array:
    """Return a fresh copy of what a storage on a device that is active holds."""
    value = np.empty(storage.shape, storage.dtype)
    if value.nbytes:
        device.read(value, storage.memory.address)
    device.synchronize()
    return value
