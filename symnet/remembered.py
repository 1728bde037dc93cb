"""Functions remembered from earlier processes: programs on disk, by the graph they came from.

Rewriting, fusing and lowering a deep network takes most of the time until its first step, and in
the next process all of it would end in the same program. So the programs of a graph are kept under
its digest. `Remembered` runs them without looking at the graph; only for what none of them was
made for (other sizes, an error to report, somebody who wants to see what was compiled) is the graph
compiled after all.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from symnet import backend as backends
from symnet import cache as disk
from symnet.backend import Array, Executable
from symnet.config import config
from symnet.decisions import is_recording
from symnet.digest import NoDigestError, digest
from symnet.lowering import Frozen
from symnet.program import HostCall, Program
from symnet.rewriting import PHASES, Rule
from symnet.scalar import evaluate_int
from symnet.stages import Staged
from symnet.versions import (
    Manner,
    PassTimes,
    Version,
    Versions,
    base_integers,
    entry_of,
    not_ready,
    shared_among,
    shared_memory,
)

KIND = "programs"
MOST = 4
"""Programs kept of one graph."""
LARGEST = 16 << 20
"""Bytes of a program, constants included, from which on it is not kept."""


class Record:
    """What is known on disk of one graph.

    Parameters
    ----------
    key
        What it is found by.

    Attributes
    ----------
    programs
        Its programs, latest first.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self.programs: list[Program] = []
        found = disk.load(KIND, key)
        if found is not None:
            self.programs = pickle.loads(found)

    def add(self, program: Program) -> None:
        """Keep a program, if it can be kept: one that calls Python cannot."""
        if any(isinstance(step, HostCall) for step in program.steps):
            return
        self.programs = [program.bare(), *self.programs][:MOST]
        try:
            content = pickle.dumps(self.programs, protocol=pickle.HIGHEST_PROTOCOL)
        except RecursionError:  # an expression that is thousands of operations deep
            return
        if len(content) <= LARGEST:
            disk.store(KIND, self._key, content)


def record_of(frozen: Frozen, manner: Manner, exclude: frozenset[str]) -> Record | None:
    """The record of a graph compiled in some manner; None if it cannot have one."""
    if not config.cache or manner.profile or manner.debug or is_recording():
        return None
    leaves = [*frozen.inputs, *frozen.shared]
    places = {v: k for k, v in enumerate(leaves)}
    updated = [places[s] for s, _ in frozen.updates]
    names = [frozen.names[v] for v in leaves]
    policy = (config.floatX, config.max_constant_size, manner.memory)
    settings = (manner.device, manner.fuse, manner.inplace, sorted(exclude), policy)
    try:
        found = digest(
            frozen.results, leaves, frozen.name, len(frozen.inputs), updated, names, settings,
            _compiler(), _rules(),
        )  # fmt: skip
    except NoDigestError:
        return None
    return Record(found)


class Remembered:
    """Runs the programs of a record, and compiles the graph where these do not serve.

    Parameters
    ----------
    frozen
        The graph.
    record
        What is known of it.
    manner, times
        As of `Versions`.
    prepare
        Makes the graph ready to be compiled.

    Attributes
    ----------
    entry, other
        As of `Versions`.
    """

    def __init__(
        self,
        frozen: Frozen,
        record: Record,
        manner: Manner,
        times: PassTimes,
        prepare: Callable[[], Versions | Staged],
    ) -> None:
        self.entry: Callable[..., Any] = not_ready
        self.other: Callable[..., Any] = not_ready
        self._frozen = frozen
        self._programs = list(record.programs)
        self._manner = manner
        self._times = times
        self._prepare = prepare
        self._compiled: Versions | Staged | None = None
        self._running: Executable | None = None
        self._sizes: dict[str, int] = {}
        for shared in shared_among(frozen.shared):
            shared.container.watch(self)

    @property
    def versions(self) -> list[Version]:
        """What runs, compiled from the graph so that it can say where it came from."""
        compiled = self.compiled
        if isinstance(compiled, Versions) and self._running and not compiled.versions:
            compiled.version_at(self._sizes)
        return compiled.versions

    @property
    def compiled(self) -> Versions | Staged:
        """The graph, ready to be compiled."""
        if self._compiled is None:
            self._compiled = self._prepare()
        return self._compiled

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """Run a program for these arrays.

        Raises
        ------
        ValueError, IndexError
            If the sizes break what the graph assumes.
        """
        if self._compiled is None:
            results = self._recall(arrays)
            if results is not NotImplemented:
                return list(results)
        found = self.compiled.run(arrays)
        self.entry, self.other = self.compiled.entry, self.compiled.other
        return found

    def storage_replaced(self) -> None:
        """Called by a storage whose handle has become stale."""
        self.entry = self.other = not_ready

    def _recall(self, arrays: Sequence[Array]) -> Any:
        """Run the program that is there for these arrays, if one is."""
        if self._running is None:
            with self._times.measure("recall"):
                self._running = self._search(arrays)
        if self._running is None:
            return NotImplemented
        storage = shared_memory(self._frozen, self._manner.device)
        self._running.bind(storage)
        self.entry = entry_of(self._running)
        return self.entry(*arrays)

    def _search(self, arrays: Sequence[Array]) -> Executable | None:
        """The code of the first program that holds for the sizes of some arrays."""
        for program in self._programs:
            sizes = base_integers(program.sizes, self._frozen, arrays)
            bound = all(
                i.value is None or evaluate_int(i.expr, sizes) == i.value for i in program.ints
            )
            if bound and all(evaluate_int(c.condition, sizes) for c in program.checks):
                self._sizes = sizes
                return backends.get(self._manner.device).compile(program)
        return None


@cache
def _compiler() -> str:
    """What identifies the compiler: the state of its sources and of what they build on."""
    found = [repr((np.__version__, disk.MAGIC))]
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        state = path.stat()
        found.append(f"{path} {state.st_size} {state.st_mtime_ns}")
    return hashlib.sha256("\n".join(found).encode()).hexdigest()


def _rules() -> str:
    """The rules there are now; a table may have been given more."""
    return " ".join(
        f"{rule.name} {rule.pattern} {rule.replacement}"
        if isinstance(rule, Rule)
        else f"{rule.name} {rule.function.__module__}.{rule.function.__qualname__}"
        for table in PHASES.values()
        for rule in table
    )
