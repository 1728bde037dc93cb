"""Programs as CUDA C++: one compile unit for each program, one function for each launch.

In goes a `Program`; out comes a `Unit`: the text, and for every kernel and contraction of the
program the `Part` launches that carry it out. The text needs no header: it is plain CUDA C++,
which NVRTC compiles for the device and g++, with ``emulator.h`` before it, for the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass

from symnet.kernel import Contraction, Kernel
from symnet.program import Launch, Program
from symnet.scalar import Symbol, walk
from symnet_cuda.contraction import contract
from symnet_cuda.functions import Helpers, Part
from symnet_cuda.nests import nest


@dataclass(frozen=True, slots=True)
class Unit:
    """The code of a program.

    Attributes
    ----------
    source
        CUDA C++.
    parts
        For each of the program's works, in order, its launches.
    varying
        For each of the works the integers that its functions read from memory.
    signatures
        For each function the C types of its parameters.
    """

    source: str
    parts: tuple[tuple[Part, ...], ...]
    varying: tuple[frozenset[Symbol], ...]
    signatures: dict[str, tuple[str, ...]]


def generate(program: Program) -> Unit:
    """Write the code of a program."""
    labels = {s.work: s.label for s in reversed(program.steps) if isinstance(s, Launch)}
    varying = _varying(program)
    helpers = Helpers()
    functions: list[str] = []
    parts: list[tuple[Part, ...]] = []
    signatures: dict[str, tuple[str, ...]] = {}
    for number, work in enumerate(program.works):
        made: list[Part] = []
        name = f"k{number}"
        for function in (
            contract(work, name, helpers, varying[work])
            if isinstance(work, Contraction)
            else nest(work, name, helpers, varying[work])
        ):
            label = " ".join(labels[work].split())
            functions.append(f"// {label}\n{function.text}" if label else function.text)
            made.append(function.part)
            signatures[function.part.name] = function.signature
        parts.append(tuple(made))
    head = f"// {' '.join(program.name.split())}\n"
    return Unit(
        "\n".join([head, *helpers.texts(), *functions]),
        tuple(parts),
        tuple(frozenset(varying[work]) for work in program.works),
        signatures,
    )


def _varying(program: Program) -> dict[Kernel | Contraction, set[Symbol]]:
    """For each work the integers that depend on values of inputs, not on shapes alone."""
    values = {size.symbol for size in program.sizes if size.axis is None}
    for number in program.ints:
        if number.value is None and not values.isdisjoint(walk(number.expr)):
            values.add(number.symbol)
    found: dict[Kernel | Contraction, set[Symbol]] = {work: set() for work in program.works}
    for step in program.steps:
        if isinstance(step, Launch):
            for symbol, expr in zip(step.work.ints, step.ints, strict=True):
                if not values.isdisjoint(walk(expr)):
                    found[step.work].add(symbol)
    return found
