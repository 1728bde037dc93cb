"""What a backend is: the protocol, and the registry of installed ones.

A backend turns a `Program` into an `Executable`. It sees programs, kernels and scalar expressions
and nothing above them. Backends are found through the entry-point group ``symnet.backends``, each
entry naming a module with a ``backend()`` function, so that one can come in a distribution of its
own. The module may have ``SOURCES``, too: see `sources`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from symnet.program import Program

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

Array = np.ndarray[Any, Any]

ALIASES = {"cpu": "llvm", "gpu": "cuda"}
"""Names users give to devices."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a device can do at best; `|` takes the better of two measurements.

    Attributes
    ----------
    flops_per_s
        Operations on float32 in a second; a multiply-add is two.
    bytes_per_s
        Bytes between it and its main memory in a second.
    cached_bytes_per_s, cache_bytes
        The same where all that is used fits `cache_bytes`.
    """

    flops_per_s: float
    bytes_per_s: float
    cached_bytes_per_s: float
    cache_bytes: int

    def __or__(self, other: Machine) -> Machine:
        return Machine(
            max(self.flops_per_s, other.flops_per_s),
            max(self.bytes_per_s, other.bytes_per_s),
            max(self.cached_bytes_per_s, other.cached_bytes_per_s),
            self.cache_bytes,
        )


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes of memory that a compiled program needs beside inputs, shared variables and its code.

    Attributes
    ----------
    arena
        Of all temporaries, as `symnet.memory.plan` lays them out.
    scratch
        Of the threads: pieces of factors in the order in which they are read, sums in progress.
    constants
        Of its constants.
    outputs
        Of what a call returns.
    calls
        Of the results that Python hands over at once in a host call; what an operation's own
        Python code needs meanwhile is not known.
    offsets
        Where each temporary begins in the arena, by buffer name, as far as the backend tells.
    """

    arena: int = 0
    scratch: int = 0
    constants: int = 0
    outputs: int = 0
    calls: int = 0
    offsets: Mapping[str, int] = field(default_factory=dict, compare=False)

    @property
    def total(self) -> int:
        """All of it."""
        return self.arena + self.scratch + self.constants + self.outputs + self.calls


class Executable(Protocol):
    """A compiled program.

    One that runs as a single native call may have an attribute ``entry``, a callable that is the
    executable without a detour: no signal handler of Python's runs before all that the program
    writes is written.
    """

    def bind(self, storage: Mapping[str, Any]) -> None:
        """Set the storage of the program's shared buffers, by buffer name.

        Called before the first call and again whenever a shared variable's storage is replaced.
        """
        ...

    def __call__(self, *inputs: object) -> Any:
        """Run, and return the list of outputs, fresh arrays.

        Runs only if every input is a NumPy array of exactly the declared dtype and number of
        dimensions, C-contiguous, aligned and in native byte order, if all of the program's checks
        hold, and if its specialised integers have their values. Otherwise returns
        `NotImplemented`, with nothing done.

        Raises
        ------
        IndexError
            If a guard fires; nothing has been written.
        """
        ...

    def source(self) -> str:
        """The generated code, for people."""
        ...

    def timings(self) -> Sequence[float]:
        """Seconds spent in each step since compilation, if compiled for profiling."""
        ...

    def footprint(self) -> Footprint:
        """The memory that a call needs, for the sizes of the last one."""
        ...


class Backend(Protocol):
    """Compiles programs for one kind of device and stores shared variables on it."""

    name: str

    def compile(self, program: Program, profile: bool = False) -> Executable:
        """Generate code for a program; `profile` makes it record the time of each step."""
        ...

    def upload(self, value: Array) -> Any:
        """Storage on the device that holds `value`.

        Where the device computes in the host's memory it may be the array itself, which the caller
        then leaves to it.
        """
        ...

    def download(self, storage: Any) -> Array:
        """A fresh array with what `storage` holds."""
        ...

    def describe(self) -> dict[str, str]:
        """Facts about the device for people: its name, vector width, threads."""
        ...

    def machine(self) -> Machine:
        """What the device can do at best, measured when first asked for."""
        ...


class BackendError(RuntimeError):
    """A backend is not there, or cannot work on this machine; the message says what to do."""


def _installed() -> EntryPoints:
    from importlib.metadata import entry_points  # a tenth of the time it takes to import symnet

    return entry_points(group="symnet.backends")


def available() -> list[str]:
    """Names of the installed backends."""
    return sorted(e.name for e in _installed())


def sources() -> dict[str, Callable[[Program], str]]:
    """What writes a program as code, by the kind of code.

    A backend's module says so in its ``SOURCES``. None of it needs the device to be there.
    """
    found: dict[str, Callable[[Program], str]] = {}
    for entry in _installed():
        found |= getattr(entry.load(), "SOURCES", {})
    return found


@cache
def get(name: str) -> Backend:
    """The backend of a name such as ``"llvm"``, ``"cpu"`` or ``"cuda"``.

    Raises
    ------
    BackendError
        If no such backend is installed or it cannot work here.
    """
    name = ALIASES.get(name, name)
    for entry in _installed():
        if entry.name == name:
            found: Backend = entry.load().backend()
            return found
    raise BackendError(f"no backend {name!r}; installed: {', '.join(available()) or 'none'}")
