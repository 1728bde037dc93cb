"""The CUDA backend without a GPU: the same source, compiled by g++ and run on the CPU.

`EmulatedBackend` is for tests. What the compiler and the run-time half of the backend do is all
exercised; only NVIDIA's compiler and driver are replaced. ``emulator.h`` says how.
"""

from __future__ import annotations

import ctypes
import hashlib
import math
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from symnet.backend import BackendError, Machine
from symnet.cache import directory, keep_file
from symnet.program import Program
from symnet_cuda.codegen import Unit
from symnet_cuda.compiler import KIND
from symnet_cuda.device import Array, Storage
from symnet_cuda.executable import CudaExecutable, download, upload

_HERE = Path(__file__).parent
_POISON = 0xFF  # NaN as a floating point number, -1 as an integer
_lock = threading.RLock()  # the emulator runs one kernel at a time


class EmulationError(RuntimeError):
    """A kernel did what a GPU would not survive: threads that wait for others in vain."""


class EmulatedBackend:
    """Implements `symnet.backend.Backend` on the CPU.

    Parameters
    ----------
    descending
        Whether threads and blocks run in descending instead of ascending order.
    """

    name = "cuda-emulated"

    def __init__(self, descending: bool = False) -> None:
        self.device = EmulatedGpu(descending)

    def compile(self, program: Program, profile: bool = False) -> CudaExecutable:
        """Generate code for a program."""
        return CudaExecutable(program, self.device, profile)

    def upload(self, value: Array) -> Storage:
        """Storage that holds a copy of `value`."""
        return upload(self.device, value)

    def download(self, storage: Any) -> Array:
        """A fresh array with what `storage` holds."""
        return download(self.device, storage)

    def describe(self) -> dict[str, str]:
        """Facts for people."""
        return self.device.describe()

    def machine(self) -> Machine:
        """No limits: an emulated device has no time of its own."""
        return Machine(math.inf, math.inf, math.inf, 0)


class _HostMemory:
    """Memory of the host that plays the device's."""

    def __init__(self, size: int) -> None:
        self.content = np.full(size + 256, _POISON, np.uint8)
        self.address = -(-self.content.ctypes.data // 256) * 256


class EmulatedGpu:
    """Implements `symnet_cuda.device.Device`."""

    def __init__(self, descending: bool = False) -> None:
        self.descending = descending
        self._recording: list[Callable[[], None]] | None = None

    def active(self) -> AbstractContextManager[Any]:
        """Keep other threads out."""
        return _lock

    def allocate(self, size: int) -> _HostMemory:
        """Poisoned memory."""
        return _HostMemory(size)

    def host(self, size: int) -> Array:
        """Bytes."""
        return np.full(size, _POISON, np.uint8)

    def load(self, unit: Unit) -> Mapping[str, Any]:
        """Compile with g++."""
        text = unit.source + "\n".join(_entry(n, s) for n, s in unit.signatures.items())
        path = _shared_object(text)
        _library()
        module = ctypes.CDLL(str(path))
        kernels = {name: getattr(module, f"run_{name}") for name in unit.signatures}
        for name, kernel in kernels.items():
            kernel.restype = ctypes.c_char_p
            kernel.kinds = unit.signatures[name]
        return kernels

    def launch(
        self, kernel: Any, grid: tuple[int, int, int], threads: int, values: Sequence[int]
    ) -> None:
        """Run a kernel."""
        if len(values) != len(kernel.kinds):
            raise EmulationError(f"a kernel takes {len(kernel.kinds)} values, got {len(values)}")
        shape = (ctypes.c_uint * 5)(*grid, threads, self.descending)
        held = (ctypes.c_longlong * len(values))(*values)
        start = ctypes.addressof(held)
        pointers = (ctypes.c_void_p * len(values))(*range(start, start + 8 * len(values), 8))

        def run() -> None:
            failure = kernel(shape, pointers)  # which point into `held`
            assert len(held) == len(pointers)
            if failure:
                raise EmulationError(failure.decode())

        self._queue(run)

    def write(self, target: int, source: Array) -> None:
        """Copy from the host."""
        self.copy(target, source.ctypes.data, source.nbytes)

    def read(self, target: Array, source: int) -> None:
        """Copy to the host."""
        self.copy(target.ctypes.data, source, target.nbytes)

    def copy(self, target: int, source: int, size: int) -> None:
        """Copy memory."""
        self._queue(lambda: ctypes.memmove(target, source, size))

    def clear(self, target: int, size: int) -> None:
        """Set memory to zero."""
        self._queue(lambda: ctypes.memset(target, 0, size))

    def synchronize(self) -> None:
        """Nothing to wait for; waiting while recording is as wrong as on a GPU."""
        if self._recording is not None:
            raise EmulationError("waited for the device while recording")

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Record what is queued, addresses and all."""
        recording: list[Callable[[], None]] = []
        self._recording = recording
        try:
            work()
        finally:
            self._recording = None

        def replay() -> None:
            for call in recording:
                call()

        return replay

    def _queue(self, call: Callable[[], Any]) -> None:
        if self._recording is not None:
            self._recording.append(call)
        else:
            call()

    def describe(self) -> dict[str, str]:
        """Facts for people."""
        return {"device": "emulated on the CPU"}


def _entry(name: str, kinds: Sequence[str]) -> str:
    """A function that takes a kernel's arguments as an array of pointers to them."""
    values = ", ".join(f"*({kind}*)values[{i}]" for i, kind in enumerate(kinds))
    return (
        f"static void call_{name}(void** values) {{ {name}({values}); }}\n"
        f'extern "C" const char* run_{name}(const unsigned* shape, void** values) {{\n'
        f"    return emulated_launch(shape, call_{name}, values, __start_emulated_shared,\n"
        f"                           __stop_emulated_shared);\n}}\n"
    )


@cache
def _library() -> ctypes.CDLL:
    """The part of the emulator that all units share."""
    path = _shared_object((_HERE / "emulator.cpp").read_text(), "-O2", "-x", "c++")
    return ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)


def _shared_object(source: str, *options: str) -> Path:
    """Compile C++ with the emulator's header before it, or find it in the cache."""
    header = (_HERE / "emulator.h").read_text()
    flags = ["-O1", "-std=c++17", "-fPIC", "-shared", "-w", "-U_FORTIFY_SOURCE"]
    flags += ["-ffp-contract=off", "-fno-strict-aliasing", "-fno-math-errno", *options]
    key = hashlib.sha256("\0".join((source, header, *flags)).encode()).hexdigest()
    path = directory(KIND) / "emulated" / f"{key}.so"
    if path.exists():
        return path
    compiler = shutil.which("g++")
    if compiler is None:
        raise BackendError("the CUDA emulator needs g++, which is not on PATH")
    with tempfile.TemporaryDirectory() as folder:
        unit, built = Path(folder, "unit.cpp"), Path(folder, "unit.so")
        unit.write_text(source)
        command = [compiler, *flags, "-include", str(_HERE / "emulator.h"), f"-I{_HERE}"]
        done = subprocess.run(
            [*command, str(unit), "-o", str(built)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise EmulationError(f"g++ refused generated code:\n{done.stderr}\n{source}")
        keep_file(path, built.read_bytes())
    return path
