"""The LLVM backend: programs to machine code for the processor at hand.

`backend` is what the entry point names. Settings reach the rest of the package from here as
arguments.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm
import numpy as np

from symnet.backend import Machine
from symnet.config import config
from symnet.program import Program
from symnet_llvm import engine, objects
from symnet_llvm.layout import Facts, Layout, exports
from symnet_llvm.pool import MOST, cores
from symnet_llvm.runtime import Array, Executable, Instance, aligned, is_plain
from symnet_llvm.support import support
from symnet_llvm.target import Target, host

if TYPE_CHECKING:
    from symnet_llvm.assembly import Assembly

NATIVE_VARIABLE = "SYMNET_LLVM_NATIVE"
"""Set to 0 in the environment, it makes all calls go through Python."""


class LLVMBackend:
    """Compiles for the processor (`symnet.backend.Backend`).

    Parameters
    ----------
    native
        Whether functions are called through the native entry where it works; None asks the
        environment.
    """

    name = "llvm"

    def __init__(self, native: bool | None = None) -> None:
        wanted = os.environ.get(NATIVE_VARIABLE, "1") != "0" if native is None else native
        self._native = wanted

    def compile(self, program: Program, profile: bool = False) -> Executable:
        """Generate code for a program; `profile` makes it record the time of each step."""
        target, shared = host(), support(config.cache)
        threads = 1 if shared.pool is None else _threads()
        layout = Layout.of(program)
        key = objects.key("program", program.hash(), repr(target), str(threads), str(profile))
        found = objects.load(key) if config.cache else None
        text = _Text(program, layout, target, threads, profile)
        if found is None:
            made = text.assembly()
            found = objects.Entry(
                tuple(engine.compile_object(m, target) for m in made.modules), asdict(made.facts)
            )
            if config.cache:
                objects.store(key, found)
        loaded = engine.load(found.codes, exports(program), target)
        facts = Facts(**found.facts)
        return Executable(Instance(program, layout, facts, loaded, shared), text, self._native)

    def upload(self, value: Array) -> Array:
        """`value` itself if code can work on it, else a copy on the boundary of a cache line."""
        plain = is_plain(value, value.dtype, value.ndim) and value.dtype.isnative
        if plain and value.flags.writeable:
            return value
        flat = aligned(value.nbytes).view(value.dtype.newbyteorder("="))
        copy: Array = flat.reshape(value.shape)
        copy[...] = value
        return copy

    def download(self, storage: Any) -> Array:
        """A fresh array with what `storage` holds."""
        return np.array(storage)

    def describe(self) -> dict[str, str]:
        """Facts about the processor for people."""
        target = host()
        known = ("avx512f", "avx512bf16", "avx2", "fma", "sse4.2", "neon", "sve")
        present = target.features.split(",")
        calls = self._native and support(config.cache).entry is not None
        return {
            "cpu": target.cpu,
            "features": " ".join(f for f in known if f"+{f}" in present),
            "vector": f"{target.vector_bytes} bytes",
            "threads": str(_threads()),
            "llvm": ".".join(map(str, llvm.llvm_version_info)),
            "calls": "native" if calls else "python",
        }

    def machine(self) -> Machine:
        """What the processor can do at best, on as many threads as functions have."""
        return _machine(_threads())


@cache
def _machine(threads: int) -> Machine:
    from symnet_llvm.peak import measure  # rarely asked for

    return measure(threads, tries=3)


class _Text:
    """Generates a program's code, and generates it again when somebody wants to read it."""

    def __init__(
        self, program: Program, layout: Layout, target: Target, threads: int, profile: bool
    ) -> None:
        self._arguments = (program, layout, target, threads, profile)

    def assembly(self) -> Assembly:
        """The program's modules."""
        # Late: a program that comes from the cache needs no code generator.
        from symnet_llvm.assembly import assemble

        return assemble(*self._arguments)

    def __call__(self, kind: str) -> str:
        made = self.assembly()
        if kind == "ir":
            return made.text
        return "\n".join(engine.assembly(m, self._arguments[2]) for m in made.modules)


def _written(kind: str) -> Callable[[Program], str]:
    def write(program: Program) -> str:
        threads = 1 if support(config.cache).pool is None else _threads()
        return _Text(program, Layout.of(program), host(), threads, profile=False)(kind)

    return write


SOURCES: dict[str, Callable[[Program], str]] = {
    "llvm": _written("ir"),
    "assembly": _written("assembly"),
}
"""What writes a program as code (`symnet.backend.sources`)."""


def _threads() -> int:
    return min(config.num_threads, MOST) if config.num_threads > 0 else cores()


def backend() -> LLVMBackend:
    """The LLVM backend."""
    return LLVMBackend()
