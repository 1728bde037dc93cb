"""Versions: one closed graph, compiled for the sizes that turn up.

In goes a `Frozen` graph whose lengths all follow from its inputs. `Versions.run` takes arrays for
these inputs, checks what the graph assumes of their sizes, finds or compiles the program for them,
and runs it.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symnet import backend as backends
from symnet.backend import Array, Executable
from symnet.decisions import allowed
from symnet.graph import Variable
from symnet.inplace import in_place
from symnet.interrupts import Deferred
from symnet.lowering import Frozen, lower
from symnet.program import Program, Size
from symnet.scalar import Expr
from symnet.scalar.integer import evaluate_int
from symnet.shapes import Shapes
from symnet.shared import SharedVariable
from symnet.specialise import Specialisation


@dataclass(frozen=True, slots=True)
class Manner:
    """How a graph is compiled.

    Attributes
    ----------
    device
        Where it runs.
    fuse
        Whether operations are fused into common loops.
    inplace
        Whether steps write over what nobody reads any more, updates over the old values.
    profile
        Whether the time of each step is measured.
    debug
        Whether each step of each call is compared with the interpreter.
    finite
        Whether it is an error then if a step makes NaN or an infinity of finite numbers.
    memory
        ``"small"`` if something may be computed again to save memory, else ``"fast"``.
    """

    device: str
    fuse: bool = True
    inplace: bool = True
    profile: bool = False
    debug: bool = False
    finite: bool = False
    memory: str = "fast"


class PassTimes(dict[str, float]):
    """Seconds spent in the passes of compilation, by pass."""

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the time spent within, unless it ends in an exception.

        Meanwhile nobody looks for garbage: passes make many objects, nearly all of which stay, and
        going through them over and over would take a tenth of the time.
        """
        start = time.perf_counter()
        collecting = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if collecting:
                gc.enable()
        self[name] = self.get(name, 0.0) + time.perf_counter() - start


@dataclass(slots=True)
class Version:
    """A program compiled for some sizes.

    Attributes
    ----------
    dims
        What it is specialised to.
    program
        What it does.
    executable
        Its code.
    resized
        Shared variables whose new value may have another shape; they come after the outputs.
    profiled
        Whether it is compiled for profiling.
    calls, seconds
        How often it ran and how long that took in all, if it is.
    """

    dims: Specialisation
    program: Program
    executable: Executable
    resized: tuple[SharedVariable, ...]
    profiled: bool = False
    calls: int = 0
    seconds: float = 0.0

    def entry(self) -> Callable[..., Any]:
        """What a call calls: all it updates is updated, or nothing is."""
        run = entry_of(self.executable, self.resized)
        return _Counted(self, run) if self.profiled else run

    @property
    def sizes(self) -> dict[str, int]:
        """Values of the program's integers, by name, in the call it was compiled for."""
        found = dict(self.dims.values)
        for number in self.program.ints:
            found[number.symbol.name] = evaluate_int(number.expr, found)
        return found


class _Counted:
    """Calls a program and notes how often, and how long that took."""

    __slots__ = ("_run", "_version")

    def __init__(self, version: Version, run: Callable[..., Any]) -> None:
        self._version = version
        self._run = run

    def __call__(self, *args: object) -> Any:
        start = time.perf_counter()
        results = self._run(*args)
        if results is not NotImplemented:
            self._version.seconds += time.perf_counter() - start
            self._version.calls += 1
        return results


def entry_of(executable: Executable, resized: Sequence[SharedVariable] = ()) -> Callable[..., Any]:
    """What a call calls: all that an executable updates is updated, or nothing is."""
    native: Callable[..., Any] | None = getattr(executable, "entry", None)
    return _Whole(executable, resized) if native is None or resized else native


class _Whole:
    """Calls an executable that is not done in one native call, with signals kept out."""

    __slots__ = ("_executable", "_resized")

    def __init__(self, executable: Executable, resized: Sequence[SharedVariable]) -> None:
        self._executable = executable
        self._resized = resized

    def __call__(self, *args: object) -> Any:
        with Deferred():
            results = self._executable(*args)
            if results is NotImplemented or not self._resized:
                return results
            count = len(results) - len(self._resized)
            for shared, value in zip(self._resized, results[count:], strict=True):
                shared.container.adopt(value)
            return results[:count]


class Versions:
    """A graph and its programs: one for the sizes of the first call, one for all others.

    Parameters
    ----------
    frozen
        The graph.
    shapes
        The analysis of its results.
    manner
        How it is compiled.
    times
        Where the time spent compiling is noted.
    varying
        Lengths that are never taken for constants.
    keep
        Told of every program that serves later processes as well.

    Attributes
    ----------
    entry, other
        Callables that run the first and the second program, or return `NotImplemented` where that
        is not for the arrays at hand.
    """

    def __init__(
        self,
        frozen: Frozen,
        shapes: Shapes,
        manner: Manner,
        times: PassTimes,
        varying: frozenset[Expr] = frozenset(),
        keep: Callable[[Program], None] | None = None,
    ) -> None:
        self.frozen = frozen
        self.shapes = shapes
        self.entry: Callable[..., Any] = not_ready
        self.other: Callable[..., Any] = not_ready
        self._manner = manner
        self._times = times
        self._varying = varying
        self._keep = keep
        self._versions: list[Version] = []
        for shared, value in frozen.updates:
            shapes.require_type(value, shared.type, f"the update of {shared!r}")
        for shared in shared_among(frozen.shared):
            shared.container.watch(self)

    @property
    def versions(self) -> list[Version]:
        """What has been compiled so far."""
        return self._versions

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """Run the version for these arrays, compiled if there is none.

        Raises
        ------
        ValueError, IndexError
            If the sizes break what the graph assumes.
        """
        for entry in (self.entry, self.other):
            results: Any = entry(*arrays)
            if results is not NotImplemented:
                return list(results)
        version = self.version_for(arrays)
        self._get_ready()
        results = version.entry()(*arrays)
        if results is NotImplemented:
            # An argument may lie in the memory of a shared variable that is updated.
            results = version.entry()(*(np.array(a) for a in arrays))
        if results is NotImplemented:
            raise AssertionError(
                f"{self.frozen.name} was compiled for these sizes and refused to run"
            )
        return list(results)

    def storage_replaced(self) -> None:
        """Called by a storage whose handle has become stale."""
        self.entry = self.other = not_ready

    def _get_ready(self) -> None:
        """Give all versions the shared variables' memory as it is now."""
        storage = shared_memory(self.frozen, self._manner.device)
        for version in self._versions:
            version.executable.bind(storage)
        # The first version first: it knows its sizes, the other one takes any.
        first, *rest = self._versions
        self.entry = first.entry()
        self.other = rest[0].entry() if rest else not_ready

    def version_for(self, arrays: Sequence[Array]) -> Version:
        """The version for the sizes of some arrays, compiled if there is none."""
        return self.version_at(base_integers(self.shapes.sizes.values(), self.frozen, arrays))

    def version_at(self, values: Mapping[str, int]) -> Version:
        """The version for some base integers, by name, compiled if there is none."""
        for check in self.shapes.checks:
            if not evaluate_int(check.condition, values):
                shown = [evaluate_int(x, values) for x in check.values]
                error = IndexError if check.error == "IndexError" else ValueError
                raise error(f"{self.frozen.name}(): {check.message.format(*shown)}")
        symbolic = self._varying
        for version in self._versions:
            changed = version.dims.changed(values)
            if not changed:
                return version
            symbolic |= changed | version.dims.symbolic
        version = self._compile(Specialisation(self.shapes, values, symbolic))
        # The first version stays for the sizes it was made for; one more serves all others.
        self._versions = [*self._versions[:1], version]
        return version

    def _compile(self, dims: Specialisation) -> Version:
        with self._times.measure("lower"):
            program, resized = self._lowered(dims)
            small = self._manner.memory == "small"
            if small:
                from symnet.recompute import recompute  # few ask for it

                program = recompute(program, dims.integers)
            if self._manner.inplace:
                program = in_place(program, _may_overwrite(program))
            if small:
                from symnet.strips import in_strips

                program = in_strips(program, dims.integers)
        with self._times.measure("compile"):
            target = backends.get(self._manner.device)
            executable = target.compile(program, self._manner.profile)
        if self._keep is not None and not resized:
            self._keep(program)
        return Version(dims, program, executable, resized, self._manner.profile)

    def _lowered(self, dims: Specialisation) -> tuple[Program, tuple[SharedVariable, ...]]:
        """The program for some sizes, and shared variables whose new values are outputs of it."""
        frozen = self.frozen
        resized = [(s, v) for s, v in frozen.updates if dims.shape(s) != dims.shape(v)]
        if resized:
            moved = {s for s, _ in resized}
            frozen = replace(
                frozen,
                outputs=(*frozen.outputs, *(v for _, v in resized)),
                updates=tuple((s, v) for s, v in frozen.updates if s not in moved),
            )
        program = lower(frozen, dims, self._manner.fuse, self._manner.inplace)
        return program, tuple(shared_among(s for s, _ in resized))


def _may_overwrite(program: Program) -> Callable[[str], bool]:
    """Ask whether a result may be written over what nobody reads any more."""
    variables = {buffer: v for v, buffer in program.names.items()}

    def ask(buffer: str) -> bool:
        v = variables.get(buffer)
        reason = "it is written over what nobody reads any more"
        return v is None or allowed("in place", buffer, reason, v)

    return ask


def base_integers(sizes: Iterable[Size], frozen: Frozen, arrays: Sequence[Array]) -> dict[str, int]:
    """Values of the lengths and integers that all sizes of a call follow from, by name."""
    names = frozen.names
    given = {names[v]: a for v, a in zip(frozen.inputs, arrays, strict=True)}
    held = {names[v]: v.container for v in shared_among(frozen.shared)}
    found = {}
    for size in sizes:
        if size.axis is not None:
            source = given.get(size.buffer)
            shape = held[size.buffer].shape if source is None else source.shape
            found[size.symbol.name] = shape[size.axis]
        else:
            array = given.get(size.buffer)
            array = held[size.buffer].host() if array is None else array
            found[size.symbol.name] = int(array.reshape(-1)[size.offset])
    return found


def shared_memory(frozen: Frozen, device: str) -> dict[str, Any]:
    """The memory of a graph's shared variables on a device, by buffer name."""
    target = backends.get(device)
    with Deferred():  # once for all of them, where moving one would do it as well
        return {frozen.names[v]: v.container.on(target) for v in shared_among(frozen.shared)}


def shared_among(variables: Iterable[Variable]) -> list[SharedVariable]:
    """Those of some variables that are shared."""
    return [v for v in variables if isinstance(v, SharedVariable)]


def not_ready(*args: Any) -> Any:
    """Stands for a program that is not there."""
    return NotImplemented
