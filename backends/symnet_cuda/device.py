"""What an executable needs of a machine: memory, copies, launches, and waiting.

`runtime.Gpu` is the real one; `emulator.EmulatedGpu` runs the same code on the CPU. All work goes
to one queue and is done in the order in which it was given. Addresses are integers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np

from symnet import dtypes
from symnet_cuda.codegen import Unit

Array = np.ndarray[Any, Any]


class Memory(Protocol):
    """A piece of the device's memory, which returns when this object goes."""

    address: int


Kernel = Any
"""Whatever a device launches."""


class Device(Protocol):
    """A machine that runs units."""

    def active(self) -> AbstractContextManager[Any]:
        """Keep other threads from the device; every other method is called within this."""
        ...

    def allocate(self, size: int) -> Memory:
        """Device memory of some bytes, aligned to 256."""
        ...

    def host(self, size: int) -> Array:
        """Bytes on the host that copies need not stage, so that they can be recorded."""
        ...

    def load(self, unit: Unit) -> Mapping[str, Kernel]:
        """Compile a unit; its functions by name."""
        ...

    def launch(
        self, kernel: Kernel, grid: tuple[int, int, int], threads: int, values: Sequence[int]
    ) -> None:
        """Queue a launch; `values` are addresses and integers."""
        ...

    def write(self, target: int, source: Array) -> None:
        """Queue a copy from the host; `source` stays as it is until the device is done."""
        ...

    def read(self, target: Array, source: int) -> None:
        """Queue a copy to the host."""
        ...

    def copy(self, target: int, source: int, size: int) -> None:
        """Queue a copy within the device."""
        ...

    def clear(self, target: int, size: int) -> None:
        """Queue setting memory to zero."""
        ...

    def synchronize(self) -> None:
        """Wait until all that was queued is done."""
        ...

    def record(self, work: Callable[[], None]) -> Callable[[], None] | None:
        """Record what `work` queues, without doing it, as something that queues it all at once.

        None if that cannot be done here.
        """
        ...

    def describe(self) -> dict[str, str]:
        """Facts for people."""
        ...


@dataclass(frozen=True, slots=True)
class Storage:
    """An array on the device."""

    memory: Memory
    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes."""
        return prod(self.shape) * dtypes.itemsize(self.dtype)
