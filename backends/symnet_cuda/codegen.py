"""Programs as CUDA C++: one compile unit for each program, one function for each launch.

In goes a `Program`; out comes a `Unit`: the text, and for every kernel and contraction of the
program the `Part` launches that carry it out. The text needs no header: it is plain CUDA C++,
which NVRTC compiles for the device and g++, with ``emulator.h`` before it, for the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass

from symnet.kernel import Contraction
from symnet.program import Launch, Program
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
    signatures
        For each function the C types of its parameters.
    """

    source: str
    parts: tuple[tuple[Part, ...], ...]
    signatures: dict[str, tuple[str, ...]]


def generate(program: Program) -> Unit:
    """Write the code of a program."""
    labels = {s.work: s.label for s in reversed(program.steps) if isinstance(s, Launch)}
    helpers = Helpers()
    functions: list[str] = []
    parts: list[tuple[Part, ...]] = []
    signatures: dict[str, tuple[str, ...]] = {}
    for number, work in enumerate(program.works):
        made: list[Part] = []
        name = f"k{number}"
        for function in (
            contract(work, name, helpers)
            if isinstance(work, Contraction)
            else nest(work, name, helpers)
        ):
            label = " ".join(labels[work].split())
            functions.append(f"// {label}\n{function.text}" if label else function.text)
            made.append(function.part)
            signatures[function.part.name] = function.signature
        parts.append(tuple(made))
    head = f"// {' '.join(program.name.split())}\n"
    return Unit("\n".join([head, *helpers.texts(), *functions]), tuple(parts), signatures)
