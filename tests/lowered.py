"""Programs of functions, lowered without a backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import symnet as sn
from symnet.kernel import Contraction
from symnet.lowering import lower
from symnet.program import Branch, Copy, Guard, HostCall, Launch, Program, Repeat, verify
from symnet.specialise import Specialisation


def program_of(
    inputs: Sequence[Any], outputs: Any, arrays: Sequence[Any] = (), **options: Any
) -> Program:
    """The program of `sn.function(inputs, outputs, **options)` for a call with `arrays`."""
    f = sn.function(inputs, outputs, **options)
    frozen, shapes = f._compiled.frozen, f._compiled.shapes
    held = {frozen.names[v]: np.asarray(a) for v, a in zip(frozen.inputs, arrays, strict=True)}
    held |= {frozen.names[v]: v.container for v in frozen.shared}
    values = {}
    for size in shapes.sizes.values():
        source = held[size.buffer]
        values[size.symbol.name] = (
            int(source.reshape(-1)[size.offset]) if size.axis is None else source.shape[size.axis]
        )
    program = lower(frozen, Specialisation(shapes, values))
    verify(program)
    return program


def kinds(program: Program) -> list[str]:
    """What the steps of a program are."""
    return [kind(s) for s in program.steps]


def kind(step: Any) -> str:
    """What a step is, in a word."""
    match step:
        case Launch():
            return "contraction" if isinstance(step.work, Contraction) else "kernel"
        case Guard():
            return "guard"
        case Copy():
            return "copy"
        case HostCall():
            return "host"
        case Repeat():
            return "repeat"
        case Branch():
            return "branch"
    raise TypeError(step)
