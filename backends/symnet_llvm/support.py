"""The machine code that all executables of the process share: the pool and the entry.

It is loaded when the first executable is, never unloaded, and kept in the cache on disk. Either
half may be missing on an unusual system; executables then do without.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from dataclasses import dataclass

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


_LOCK = threading.Lock()
_CLOCK = ctypes.CFUNCTYPE(ctypes.c_int64)(time.perf_counter_ns)
"""What profiled code asks for the time where there is no pool."""
_loaded: list[Support] = []


def support(cached: bool = True) -> Support:
    """Load the shared code, once in a process.

    Parameters
    ----------
    cached
        Whether the cache on disk may be used.
    """
    with _LOCK:
        if not _loaded:
            _loaded.append(_make(host(), cached))
        return _loaded[0]


def _make(target: Target, cached: bool) -> Support:
    team, door = None, None
    threads = _system(pool.IMPORTS)
    if threads is not None:
        code = _code("pool", pool.text(target.triple), target, cached)
        team = pool.Pool(_load(code, threads, pool.EXPORTS, target))
        engine.define("symnet_barrier", team.barrier)
        engine.define("symnet_clock", team.clock)
    else:
        engine.define("symnet_clock", entry.address_of(_CLOCK))
    python = entry.addresses()
    if python is not None:
        code = _code("entry", entry.text(), target, cached)
        door = _load(code, python, entry.EXPORTS, target).addresses["symnet_entry"]
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


def _code(name: str, text: str, target: Target, cached: bool) -> bytes:
    key = objects.key(name, repr(target), text)
    found = objects.load(key) if cached else None
    if found is None:
        code = engine.compile_object(engine.Module(ir.module([text], [], target)), target)
        found = objects.Entry((code,), {})
        if cached:
            objects.store(key, found)
    (code,) = found.codes
    return code


def _load(
    code: bytes, imports: dict[str, int], exports: tuple[str, ...], target: Target
) -> engine.Loaded:
    for symbol, address in imports.items():
        engine.define(symbol, address)
    return engine.load([code], exports, target).keep()
