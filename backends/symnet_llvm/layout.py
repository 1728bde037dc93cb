"""Where a program's pointers, lengths and integers stand in its state table.

What code that is loaded from the cache needs to run: `Layout` and the segments are derived from the
program alone, `Facts` are kept beside the code.

The integers (`numbers`) are, in this order: the values of the program's sizes; of its derived
integers; of other integers that launches and copies need; the lengths of the outputs,
one output after the other; and the lengths of temporaries that are not constant, by which a changed
memory layout is noticed.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from symnet.program import Copy, HostCall, Launch, Program, Repeat
from symnet.scalar import Const, Expr, Symbol, walk


@dataclass(frozen=True, slots=True)
class Layout:
    """Indices into the tables.

    Attributes
    ----------
    pointers
        Index of every buffer's pointer.
    lengths
        Index of the first length of every input and shared buffer.
    symbols
        Index of every size's and derived integer's value.
    arguments
        Index of every other integer that launches and copies need.
    outputs
        Index of the first length of every output.
    keys
        Index of every length of temporaries that is not constant.
    pointer_count, length_count, number_count
        Lengths of the tables.
    """

    pointers: dict[str, int]
    lengths: dict[str, int]
    symbols: dict[Symbol, int]
    arguments: dict[Expr, int]
    outputs: dict[str, int]
    keys: dict[Expr, int]
    pointer_count: int
    length_count: int
    number_count: int

    @staticmethod
    def of(program: Program) -> Layout:
        """The layout of a program."""
        pointers = {b.name: i for i, b in enumerate(program.buffers)}
        lengths: dict[str, int] = {}
        length = 0
        for b in program.buffers:
            if b.kind in ("input", "shared"):
                lengths[b.name] = length
                length += len(b.shape)
        number = itertools.count()
        symbols = {size.symbol: next(number) for size in program.sizes}
        symbols |= {derived.symbol: next(number) for derived in program.ints}
        arguments: dict[Expr, int] = {}
        counting = {step.index for step in program.steps if isinstance(step, Repeat)}
        for step in program.steps:
            given: tuple[Expr, ...] = ()
            if isinstance(step, Launch):
                # What changes with a repetition is computed in it.
                given = tuple(x for x in step.ints if counting.isdisjoint(walk(x)))
            elif isinstance(step, Repeat):
                given = (step.count,)
            elif isinstance(step, Copy):
                given = program.buffers[pointers[step.source]].shape
            for x in given:
                if not isinstance(x, Const) and x not in symbols and x not in arguments:
                    arguments[x] = next(number)
        outputs: dict[str, int] = {}
        keys: dict[Expr, int] = {}
        for name in program.outputs:
            shape = program.buffers[pointers[name]].shape
            if name not in outputs:
                places = [next(number) for _ in shape]
                outputs[name] = places[0] if places else 0
        for b in program.buffers:
            for n in b.shape if b.kind == "temporary" else ():
                if not isinstance(n, Const) and n not in keys:
                    keys[n] = next(number)
        return Layout(
            pointers, lengths, symbols, arguments, outputs, keys,
            len(pointers), length, next(number),
        )  # fmt: skip

    def place(self, x: Expr) -> int:
        """Index of the value of an integer that a launch or copy needs and that varies."""
        return self.symbols[x] if isinstance(x, Symbol) else self.arguments[x]


@dataclass(frozen=True, slots=True)
class Facts:
    """What running a program takes beside its code.

    Attributes
    ----------
    parts
        Threads the code is made for.
    phases
        The phase of each step, for planning memory.
    scratch_bytes
        Memory of its own that each thread needs.
    cost_ns
        Estimated work of a call.
    """

    parts: int
    phases: tuple[int, ...]
    scratch_bytes: int
    cost_ns: float


def segments(program: Program) -> list[list[int]]:
    """Indices of the steps between host calls; one list more than there are host calls."""
    found: list[list[int]] = [[]]
    for i, step in enumerate(program.steps):
        if isinstance(step, HostCall):
            found.append([])
        else:
            found[-1].append(i)
    return found


def exports(program: Program) -> tuple[str, ...]:
    """Names under which the prologue and the segments are found in the object file."""
    return ("symnet_prologue", *(f"symnet_step{i}" for i in range(len(segments(program)))))
