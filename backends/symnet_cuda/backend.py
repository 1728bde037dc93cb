"""The CUDA backend: compiles programs for an NVIDIA GPU and keeps shared variables on it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from symnet.backend import Machine
from symnet.program import Program
from symnet_cuda.codegen import generate
from symnet_cuda.device import Array, Storage
from symnet_cuda.executable import CudaExecutable, download, upload
from symnet_cuda.runtime import Gpu


class CudaBackend:
    """Implements `symnet.backend.Backend`.

    Parameters
    ----------
    number
        Which of the machine's GPUs.

    Raises
    ------
    BackendError
        If there is no GPU or something it needs; the message says what to install.
    """

    name = "cuda"

    def __init__(self, number: int = 0) -> None:
        self.device = Gpu(number)

    def compile(self, program: Program, profile: bool = False) -> CudaExecutable:
        """Generate code for a program; `profile` makes it record the time of each step."""
        return CudaExecutable(program, self.device, profile)

    def upload(self, value: Array) -> Storage:
        """Storage on the GPU that holds a copy of `value`."""
        with self.device.active():
            return upload(self.device, value)

    def download(self, storage: Any) -> Array:
        """A fresh array with what `storage` holds."""
        with self.device.active():
            return download(self.device, storage)

    def describe(self) -> dict[str, str]:
        """Facts about the GPU for people."""
        return self.device.describe()

    def machine(self) -> Machine:
        """What the GPU can do at best, by its clocks."""
        return self.device.machine()


SOURCES: dict[str, Callable[[Program], str]] = {"cuda": lambda program: generate(program).source}
"""What writes a program as code (`symnet.backend.sources`)."""


@cache
def backend() -> CudaBackend:
    """The backend on the first GPU; one for the process, whose functions share its memory."""
    return CudaBackend()
