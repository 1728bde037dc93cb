"""The machine code that all executables of the process share: the pool and the entry.

It is loaded when the first executable is, never unloaded, and kept in the cache on disk. Either
half may be missing on an unusual system; executables then do without.
"""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from functools import cache

from symnet_llvm import engine, entry, ir, objects, pool
from symnet_llvm.target import Target, host


@dataclass(frozen=True, slots=True)
class Support:
    """What there is.

    Attributes
    ----------
    pool
        The threads, or None where the system has no POSIX threads.
    entry
        The address of the entry from Python, or None where it cannot be relied on.
    """

    pool: pool.Pool | None
    entry: int | None


@cache
def support() -> Support:
    """Load the shared code, once."""
    target = host()
    team, door = None, None
    threads = _system(pool.IMPORTS)
    if threads is not None:
        loaded = _load("pool", pool.text(target.triple), threads, pool.EXPORTS, target)
        team = pool.Pool(loaded)
        engine.define("symnet_barrier", team.barrier)
        engine.define("symnet_clock", team.clock)
    python = entry.addresses()
    if python is not None:
        loaded = _load("entry", entry.text(), python, entry.EXPORTS, target)
        door = loaded.addresses["symnet_entry"]
    return Support(team, door)


def _system(names: tuple[str, ...]) -> dict[str, int] | None:
    """Addresses of functions of the system's library; None if one is missing."""
    if os.name != "posix":
        return None
    library = ctypes.CDLL(None)
    try:
        found = {name: ctypes.cast(getattr(library, name), ctypes.c_void_p).value for name in names}
    except AttributeError:
        return None
    return {name: address or 0 for name, address in found.items()}


def _load(
    name: str, text: str, imports: dict[str, int], exports: tuple[str, ...], target: Target
) -> engine.Loaded:
    for symbol, address in imports.items():
        engine.define(symbol, address)
    key = objects.key(name, repr(target), text)
    found = objects.load(key)
    if found is None:
        found = objects.Entry(engine.compile_object(ir.module([text], [], target), target), {})
        objects.store(key, found)
    return engine.load(found.code, exports, target).keep()
