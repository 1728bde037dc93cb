"""Programs that run: their memory, and the ways to call them.

In goes a program with its code in memory; out comes an `Executable` as `symnet.backend` describes
it. Called natively, Python reaches the machine code through a builtin function
(`symnet_llvm.entry`). Programs with host calls, and all programs on systems where the native entry
cannot be relied on, are called through Python, with the same prologue and the same steps.

Callers see to it that no two calls of one executable run at once.
"""

from __future__ import annotations

import ctypes
import itertools
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np

from symnet.backend import Footprint
from symnet.memory import buffer_bytes, plan
from symnet.program import Guard, HostCall, Program
from symnet.scalar import Const
from symnet.scalar.integer import evaluate_int
from symnet_llvm import entry, state
from symnet_llvm.engine import Loaded
from symnet_llvm.layout import Facts, Layout, exports
from symnet_llvm.placement import by_phase
from symnet_llvm.state import Slot
from symnet_llvm.support import Support

Array = np.ndarray[Any, Any]

ALIGNMENT = 64
WORTH_RELEASING_NS = 5_000
"""Work from which other Python threads are let run meanwhile."""
_REMEMBERED = 1024
"""Memory layouts that are kept, for programs whose lengths vary."""

_PROLOGUE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
_REGION = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
_STEP = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)


def aligned(count: int) -> Array:
    """Return so many bytes that begin on a cache line."""
    memory = np.empty(count + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + count]


class Instance:
    """A program's state table, and all that the addresses in it point to.

    Parameters
    ----------
    program, layout, facts
        The program, where its numbers stand, and what running it takes.
    loaded
        Its code.
    support
        The code that all programs share.
    """

    def __init__(
        self, program: Program, layout: Layout, facts: Facts, loaded: Loaded, support: Support
    ) -> None:
        self.program = program
        self.layout = layout
        self.facts = facts
        self.support = support
        self.outputs = tuple(dict.fromkeys(program.outputs))
        self.storage: dict[str, Array] = {}
        self._loaded = loaded
        self._phased = by_phase(program, facts.phases)
        self._plans: dict[tuple[int, ...], tuple[dict[str, int], int]] = {}
        self._arena = aligned(0)
        self._scratch = aligned(0)
        self._buffers = {b.name: b for b in program.buffers}
        self._unbound = {b.name for b in program.buffers if b.kind == "shared"}
        touched = frozenset[str]().union(*(step.writes for step in program.steps))
        self._written = sorted(touched & self._unbound)
        self._kept: list[Any] = []
        self._lay_out_state()
        if support.pool is not None:
            support.pool.dependents.add(self)

    # -- the state table -------------------------------------------------------------------

    def _lay_out_state(self) -> None:
        layout, program = self.layout, self.program
        messages = [b"", *(s.message.encode() for s in program.steps if isinstance(s, Guard))]
        sizes = {
            Slot.POINTERS: layout.pointer_count,
            Slot.LENGTHS: layout.length_count,
            Slot.NUMBERS: layout.number_count,
            Slot.INPUTS: len(program.inputs) * state.INPUT_WORDS,
            Slot.OUTPUTS: len(self.outputs) * state.OUTPUT_WORDS,
            Slot.MESSAGES: len(messages),
            Slot.TIMES: len(program.steps),
            Slot.WRITTEN: 2 * len(self._written),
        }
        ends = list(itertools.accumulate(sizes.values(), initial=state.WORDS))
        self.words = np.zeros(ends[-1], np.int64)
        self.address = self.words.ctypes.data
        self._start = dict(zip(sizes, ends, strict=False))
        for slot, start in self._start.items():
            self.words[slot] = self.address + 8 * start
        tables = [
            self.words[start : start + size]
            for start, size in zip(ends, sizes.values(), strict=False)
        ]
        self.pointers, self.lengths, self.numbers, inputs, outputs, told, self.times = tables[:7]
        self._ranges = tables[7].reshape(-1, 2)
        texts = [ctypes.create_string_buffer(m) for m in messages]
        told[:] = [ctypes.addressof(t) for t in texts]
        self._kept.append(texts)
        prologue, *steps = (self._loaded.addresses[name] for name in exports(program))
        self.steps = steps
        pool, words = self.support.pool, self.words
        words[Slot.READY] = not self._unbound
        words[Slot.STALE] = 1
        words[Slot.PARTS] = 1
        words[Slot.RELEASE] = self.facts.cost_ns > WORTH_RELEASING_NS or self.facts.parts > 1
        words[Slot.PROLOGUE] = prologue
        words[Slot.STEP] = steps[0]
        words[Slot.REGION] = 0 if pool is None else pool.region
        words[Slot.INPUT_COUNT] = len(program.inputs)
        words[Slot.OUTPUT_COUNT] = len(self.outputs)
        words[Slot.PREPARE] = id(Instance.prepare)
        words[Slot.OWNER] = id(self)
        words[Slot.WRITTEN_COUNT] = len(self._written)
        words[Slot.NDARRAY] = id(np.ndarray)
        words[Slot.NOT_IMPLEMENTED] = id(NotImplemented)
        words[Slot.INDEX_ERROR] = id(IndexError)
        self.prologue = _PROLOGUE(prologue)
        self._describe_inputs(inputs)
        self._describe_outputs(outputs)
        for b in program.buffers:
            if b.kind == "constant":
                assert b.data is not None
                data = np.asarray(b.data, order="C")
                self.storage[b.name] = data
                self.pointers[layout.pointers[b.name]] = data.ctypes.data

    def _word_address(self, table: Slot, index: int) -> int:
        return self.address + 8 * (self._start[table] + index)

    def _describe_inputs(self, table: Array) -> None:
        for i, name in enumerate(self.program.inputs):
            b = self._buffers[name]
            dtype = np.dtype(b.dtype)
            self._kept.append(dtype)
            table[i * state.INPUT_WORDS : (i + 1) * state.INPUT_WORDS] = (
                id(dtype),
                *entry.type_numbers(b.dtype),
                len(b.shape),
                self._word_address(Slot.POINTERS, self.layout.pointers[name]),
                self._word_address(Slot.LENGTHS, self.layout.lengths[name]),
                dtype.itemsize,
            )

    def _describe_outputs(self, table: Array) -> None:
        for i, name in enumerate(self.outputs):
            b = self._buffers[name]
            start = self.layout.outputs[name]
            for axis, n in enumerate(b.shape):
                if isinstance(n, Const):
                    self.numbers[start + axis] = n.value
            table[i * state.OUTPUT_WORDS : (i + 1) * state.OUTPUT_WORDS] = (
                np.dtype(b.dtype).num,
                len(b.shape),
                self._word_address(Slot.NUMBERS, start),
                self._word_address(Slot.POINTERS, self.layout.pointers[name]),
            )

    # -- memory ----------------------------------------------------------------------------

    def bind(self, storage: Mapping[str, Any]) -> None:
        """Set the storage of shared buffers.

        Raises
        ------
        ValueError
            If an array is not like its buffer, or lies in memory of another one that is written.
        """
        for name in [b.name for b in self.program.buffers if b.kind == "shared"]:
            if name not in storage:
                continue
            b, array = self._buffers[name], storage[name]
            if not is_plain(array, np.dtype(b.dtype), len(b.shape)) or not array.flags.writeable:
                raise ValueError(f"the storage of {b} must be a plain writeable array like it")
            self.storage[name] = array
            self.pointers[self.layout.pointers[name]] = array.ctypes.data
            self._set_lengths(name, array)
            self._unbound.discard(name)
        self.words[Slot.READY] = 0
        if not self._unbound:
            self._note_written()
            self.words[Slot.READY] = 1

    def _note_written(self) -> None:
        """Note where the shared buffers lie that the program writes."""
        for k, name in enumerate(self._written):
            self._ranges[k] = _range(self.storage[name])
        self.words[Slot.WRITTEN_LOW] = self._ranges[:, 0].min(initial=np.iinfo(np.int64).max)
        self.words[Slot.WRITTEN_HIGH] = self._ranges[:, 1].max(initial=0)
        overlap = self._overlap()
        if overlap is not None:
            self._unbound.add(overlap[0])
            raise ValueError(
                f"{self.program.name}: the shared variables {overlap[0]} and {overlap[1]} share "
                "memory, and one of them is updated; make one of them without borrow"
            )

    def _overlap(self) -> tuple[str, str] | None:
        """Two shared buffers that share memory, the second of which is written."""
        written = set(self._written)
        names = [b.name for b in self.program.buffers if b.kind == "shared"]
        ranges = sorted((*_range(self.storage[name]), name) for name in names)
        # How far those looked at reach, and those of them that are written.
        reach, reach_written = (0, ""), (0, "")
        for low, high, name in ranges:
            if low == high:
                continue
            before = reach if name in written else reach_written
            if low < before[0]:
                other = before[1]
                return (name, other) if other in written else (other, name)
            reach = max(reach, (high, name))
            if name in written:
                reach_written = max(reach_written, (high, name))
        return None

    def _in_written(self, array: Array) -> bool:
        """Whether an array shares memory with a buffer that the program writes."""
        first, last = _range(array)
        if first == last:
            return False
        low, high = self._ranges[:, 0], self._ranges[:, 1]
        return bool(np.any((first < high) & (low < last)))

    def _set_lengths(self, name: str, array: Array) -> None:
        start = self.layout.lengths[name]
        self.lengths[start : start + array.ndim] = array.shape

    def prepare(self) -> None:
        """Make ready what the next run needs: temporaries, threads and their memory.

        Machine code calls this when the state is not ready or stale.

        Raises
        ------
        RuntimeError
            If shared buffers have no storage.
        """
        if self._unbound:
            names = ", ".join(sorted(self._unbound))
            raise RuntimeError(f"{self.program.name}: no storage bound for {names}")
        self._place_temporaries()
        pool, parts = self.support.pool, self.facts.parts
        if parts > 1 and (pool is None or not pool.grow(parts)):
            parts = 1
        wanted = parts * self.facts.scratch_bytes
        if len(self._scratch) < wanted:
            self._scratch = aligned(wanted)
        self.words[Slot.SCRATCH] = self._scratch.ctypes.data
        self.words[Slot.PARTS] = parts
        self.words[Slot.STALE] = 0

    def _plan(self) -> tuple[dict[str, int], int]:
        """Where temporaries lie for the sizes of the last call, and how many bytes that takes."""
        key = tuple(int(self.numbers[i]) for i in self.layout.keys.values())
        if key not in self._plans:
            if len(self._plans) >= _REMEMBERED:
                self._plans.clear()
            self._plans[key] = plan(self._phased, self.sizes())
        return self._plans[key]

    def _place_temporaries(self) -> None:
        offsets, total = self._plan()
        if len(self._arena) < total:
            self._arena = aligned(0)  # given back before more is asked for
            self._arena = aligned(total)
        base = self._arena.ctypes.data
        for name, offset in offsets.items():
            self.pointers[self.layout.pointers[name]] = base + offset

    def footprint(self) -> Footprint:
        """The memory that a call needs."""
        sizes = self.sizes()

        def size(names: Iterable[str]) -> int:
            return sum(buffer_bytes(self.program, name, sizes) for name in names)

        hosts = [s for s in self.program.steps if isinstance(s, HostCall)]
        fresh = [name for name in self.outputs if self._buffers[name].kind == "output"]
        offsets, arena = self._plan()
        return Footprint(
            arena=arena,
            scratch=int(self.words[Slot.PARTS]) * self.facts.scratch_bytes,
            constants=size(b.name for b in self.program.buffers if b.kind == "constant"),
            outputs=size(fresh),
            calls=max((size(s.outputs) for s in hosts), default=0),
            offsets=offsets,
        )

    def lose_threads(self) -> None:
        """Note that the pool has become empty."""
        self.words[Slot.STALE] = 1

    def sizes(self) -> dict[str, int]:
        """Values of the program's integers in the last call, by name."""
        return {s.name: int(self.numbers[i]) for s, i in self.layout.symbols.items()}

    # -- arrays, for calls through Python ---------------------------------------------------

    def accept(self, inputs: Sequence[object]) -> dict[str, Array] | None:
        """Take note of the inputs of a call and run the prologue; None if they do not fit."""
        if len(inputs) != len(self.program.inputs):
            return None
        taken: dict[str, Array] = {}
        for name, array in zip(self.program.inputs, inputs, strict=True):
            b = self._buffers[name]
            if not is_plain(array, np.dtype(b.dtype), len(b.shape)):
                return None
            self.pointers[self.layout.pointers[name]] = array.ctypes.data
            self._set_lengths(name, array)
            taken[name] = array
        if not self.words[Slot.READY]:
            self.prepare()
        if any(self._in_written(array) for array in taken.values()):
            return None
        status = self.prologue(self.address)
        if status == state.MISMATCH:
            return None
        if status == state.PREPARE:
            self.prepare()
        return taken

    def create(self) -> dict[str, Array]:
        """Fresh arrays for the outputs."""
        made: dict[str, Array] = {}
        for name in self.outputs:
            b = self._buffers[name]
            if b.kind != "output":
                continue
            start = self.layout.outputs[name]
            shape = tuple(self.numbers[start : start + len(b.shape)].tolist())
            made[name] = np.empty(shape, b.dtype)
            self.pointers[self.layout.pointers[name]] = made[name].ctypes.data
        return made

    def view(self, name: str, arrays: Mapping[str, Array], sizes: Mapping[str, int]) -> Array:
        """The array that a buffer is in the present call."""
        found = arrays.get(name)
        if found is None:
            found = self.storage.get(name)
        if found is not None:
            return found
        b = self._buffers[name]
        shape = tuple(evaluate_int(n, sizes) for n in b.shape)
        count = math.prod(shape) * np.dtype(b.dtype).itemsize
        start = int(self.pointers[self.layout.pointers[name]]) - self._arena.ctypes.data
        return self._arena[start : start + count].view(b.dtype).reshape(shape)


def _range(array: Array) -> tuple[int, int]:
    """Where a contiguous array begins and ends in memory."""
    start = array.ctypes.data
    return start, start + array.nbytes


def is_plain(array: object, dtype: np.dtype[Any], ndim: int) -> TypeGuard[Array]:
    """Whether machine code can work on an array as it is."""
    return (
        type(array) is np.ndarray
        and array.dtype == dtype
        and array.ndim == ndim
        and array.flags.c_contiguous
        and array.flags.aligned
    )


class Executable:
    """A compiled program (`symnet.backend.Executable`).

    Parameters
    ----------
    instance
        The program with its memory.
    text
        Generates the code again, for people.
    native
        Whether Python may call it through the native entry.

    Attributes
    ----------
    entry
        What calls the code: calling it is calling the executable, without a detour.
    """

    __slots__ = ("__weakref__", "_instance", "_text", "entry")

    def __init__(self, instance: Instance, text: Callable[[str], str], native: bool) -> None:
        self._instance = instance
        self._text = text
        program = instance.program
        plain = len(set(program.outputs)) == len(program.outputs) and all(
            program.buffer(name).kind == "output" for name in program.outputs
        )
        hosted = any(isinstance(step, HostCall) for step in program.steps)
        address = instance.support.entry
        self.entry: Callable[..., Any]
        if native and plain and not hosted and address is not None:
            self.entry = entry.builtin(address, instance.address, instance)
        else:
            self.entry = PythonCall(instance)

    def __call__(self, *inputs: object) -> Any:
        """Run; see `symnet.backend.Executable`."""
        return self.entry(*inputs)

    def bind(self, storage: Mapping[str, Any]) -> None:
        """Set the storage of the program's shared buffers, by buffer name.

        Raises
        ------
        ValueError
            If an array has another dtype or number of dimensions, or is not a plain contiguous,
            aligned and writeable array.
        """
        self._instance.bind(storage)

    def source(self) -> str:
        """The generated LLVM IR."""
        return self._text("ir")

    def assembly(self) -> str:
        """The generated machine code, in the processor's assembly language."""
        return self._text("assembly")

    def footprint(self) -> Footprint:
        """The memory that a call needs, for the sizes of the last one."""
        return self._instance.footprint()

    def timings(self) -> list[float]:
        """Seconds spent in each step since compilation, if compiled for profiling."""
        return [float(t) * 1e-9 for t in self._instance.times]


class PythonCall:
    """Calls a program's code from Python, host calls between its segments."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        pool = instance.support.pool
        self._region = None if pool is None else _REGION(pool.region)
        self._segments = instance.steps
        steps = instance.program.steps
        self._hosts = [(i, s) for i, s in enumerate(steps) if isinstance(s, HostCall)]
        self._guards = [s for s in steps if isinstance(s, Guard)]

    def __call__(self, *inputs: object) -> Any:
        """Run; see `symnet.backend.Executable`."""
        instance = self._instance
        arrays = instance.accept(inputs)
        if arrays is None:
            return NotImplemented
        arrays.update(instance.create())
        sizes = instance.sizes() if self._hosts else {}
        self._run(self._segments[0])
        for (i, step), segment in zip(self._hosts, self._segments[1:], strict=True):
            start = time.perf_counter_ns()
            self._host(step, arrays, sizes)
            instance.times[i] += time.perf_counter_ns() - start
            self._run(segment)
        return self._results(arrays)

    def _run(self, segment: int) -> None:
        instance = self._instance
        if self._region is None:
            code = _STEP(segment)(instance.address, 0, 1)
        else:
            code = self._region(segment, instance.address, int(instance.words[Slot.PARTS]))
        if code:
            raise IndexError(self._guards[code - 1].message)

    def _host(self, step: HostCall, arrays: Mapping[str, Array], sizes: Mapping[str, int]) -> None:
        operands = []
        for name in step.inputs:
            view = self._instance.view(name, arrays, sizes).view()
            view.flags.writeable = False
            operands.append(view)
        results = step.perform(operands)
        for name, result in zip(step.outputs, results, strict=True):
            if result is None:
                continue
            target = self._instance.view(name, arrays, sizes)
            value = np.asarray(result)
            if value.shape != target.shape:
                raise ValueError(
                    f"{step.label} returned an array of shape {value.shape} where "
                    f"{target.shape} was inferred"
                )
            np.copyto(target, value, casting="same_kind")

    def _results(self, arrays: Mapping[str, Array]) -> list[Array]:
        """The outputs; copies of what is not fresh or has been given already."""
        instance, given = self._instance, set[str]()
        results = []
        for name in instance.program.outputs:
            if name in given or name not in arrays or name in instance.program.inputs:
                results.append(instance.view(name, arrays, instance.sizes()).copy())
            else:
                results.append(arrays[name])
                given.add(name)
        return results
