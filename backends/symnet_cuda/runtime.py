"""NVIDIA GPUs: pycuda for contexts, memory and launches, libcuda by ctypes for graphs.

This is the only module that imports pycuda, and only when a GPU is asked for. The context is the
device's primary one, which other libraries in the process share.

A `Gpu` has one stream; everything it is given runs in order. CUDA graphs, which pycuda does not
have, are recorded from that stream (``cuStreamBeginCapture`` and what follows it).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symnet.backend import BackendError, Machine
from symnet.config import config
from symnet_cuda import compiler
from symnet_cuda.codegen import Unit
from symnet_cuda.device import Array

_THREAD_LOCAL = 1  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL


class Gpu:
    """Implements `symnet_cuda.device.Device` on one GPU.

    Parameters
    ----------
    number
        Which of the GPUs, as CUDA counts them.

    Raises
    ------
    BackendError
        If pycuda, the driver or a GPU is missing.
    """

    def __init__(self, number: int = 0) -> None:
        self._driver: Any = _pycuda()
        try:
            self._driver.init()
            self._gpu = self._driver.Device(number)
        except self._driver.Error as error:
            raise BackendError(
                f"CUDA finds no GPU here ({error}); the CPU is device='cpu'"
            ) from None
        self._context = self._gpu.retain_primary_context()
        self._active = _Active(self._context, self._driver.Context.pop)
        self._graphs = _Graphs.find()
        major, minor = self._gpu.compute_capability()
        self.architecture = f"sm_{major}{minor}"
        with self.active():
            self._stream = self._driver.Stream()

    def active(self) -> _Active:
        """Keep other threads out, and the context current in this one."""
        return self._active

    def allocate(self, size: int) -> _GpuMemory:
        """Device memory."""
        return _GpuMemory(self, self._driver.mem_alloc(size))

    def host(self, size: int) -> Array:
        """Page-locked memory."""
        if not size:
            return np.empty(0, np.uint8)
        held: Array = self._driver.pagelocked_empty(size, np.uint8)
        return held

    def load(self, unit: Unit) -> Mapping[str, Any]:
        """Compile for this GPU and load."""
        binary = compiler.compile_unit(unit.source, self.architecture, keep=config.cache)
        if not unit.signatures:
            return {}
        module = self._driver.module_from_buffer(binary.code)
        kernels = {}
        for name, kinds in unit.signatures.items():
            kernels[name] = module.get_function(name)
            kernels[name].prepare("".join("P" if kind.endswith("*") else "q" for kind in kinds))
        return kernels

    def launch(
        self, kernel: Any, grid: tuple[int, int, int], threads: int, values: Sequence[int]
    ) -> None:
        """Queue a launch."""
        kernel.prepared_async_call(grid, (threads, 1, 1), self._stream, *values)

    def write(self, target: int, source: Array) -> None:
        """Queue a copy; from memory that is not page-locked it is done at once."""
        self._driver.memcpy_htod_async(target, source, self._stream)

    def read(self, target: Array, source: int) -> None:
        """Queue a copy; to memory that is not page-locked it is done at once."""
        self._driver.memcpy_dtoh_async(target, source, self._stream)

    def copy(self, target: int, source: int, size: int) -> None:
        """Queue a copy within the device."""
        self._driver.memcpy_dtod_async(target, source, size, self._stream)

    def clear(self, target: int, size: int) -> None:
        """Queue setting memory to zero."""
        self._driver.memset_d8_async(target, 0, size, self._stream)

    def synchronize(self) -> None:
        """Wait for the stream."""
        self._stream.synchronize()

    def record(self, work: Callable[[], None]) -> Callable[[], None] | None:
        """Record a CUDA graph; None where the driver cannot."""
        if self._graphs is None:
            return None
        return self._graphs.record(self._stream.handle, work)

    def describe(self) -> dict[str, str]:
        """Facts for people."""
        found = compiler.find_compiler()
        return {
            "device": self._gpu.name(),
            "architecture": self.architecture,
            "memory": f"{self._gpu.total_memory() / 2**30:.0f} GiB",
            "compiler": found.version.splitlines()[0] if found else "none",
            "graphs": "yes" if self._graphs else "no",
        }

    def machine(self) -> Machine:
        """Rates by clocks and widths; what is in the L2 cache is taken to come four times faster.

        A multiprocessor has 128 lanes since compute capability 8.6, 64 before, as listed under
        "arithmetic instructions" in NVIDIA's CUDA C++ Programming Guide.
        """
        get, known = self._gpu.get_attribute, self._driver.device_attribute
        lanes = 128 if self._gpu.compute_capability() >= (8, 6) else 64
        flops = 2e3 * lanes * get(known.MULTIPROCESSOR_COUNT) * get(known.CLOCK_RATE)
        # Two transfers in a cycle of the memory's clock.
        bytes_per_s = 2e3 * get(known.MEMORY_CLOCK_RATE) * get(known.GLOBAL_MEMORY_BUS_WIDTH) / 8
        return Machine(flops, bytes_per_s, 4 * bytes_per_s, get(known.L2_CACHE_SIZE))


class _Active:
    """A lock that also makes a context current; a class, for generators take microseconds."""

    def __init__(self, context: Any, pop: Callable[[], None]) -> None:
        self._lock = threading.RLock()
        self._context = context
        self._pop = pop

    def __enter__(self) -> None:
        self._lock.acquire()
        self._context.push()

    def __exit__(self, *details: object) -> None:
        self._pop()
        self._lock.release()


class _GpuMemory:
    """Device memory, given back with the context current whatever thread drops it."""

    def __init__(self, gpu: Gpu, allocation: Any) -> None:
        self.address = int(allocation)
        self._gpu = gpu
        self._allocation = allocation

    def __del__(self) -> None:
        # When the interpreter ends, the driver may be gone already, and the memory with it.
        with contextlib.suppress(Exception), self._gpu.active():
            self._allocation.free()


def _pycuda() -> Any:
    try:
        import pycuda.driver
    except ImportError as error:
        raise BackendError(f"CUDA needs pycuda ({error}): {compiler.REMEDY}") from None
    return pycuda.driver


class _Graphs:
    """CUDA graphs by ctypes."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        for name in (
            "cuStreamBeginCapture_v2",
            "cuStreamEndCapture",
            "cuGraphInstantiateWithFlags",
            "cuGraphLaunch",
            "cuGraphDestroy",
            "cuGraphExecDestroy",
        ):
            getattr(library, name).restype = ctypes.c_int

    @staticmethod
    def find() -> _Graphs | None:
        """Those of the driver; None if it has none."""
        try:
            return _Graphs(ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1"))
        except (OSError, AttributeError):
            return None

    def record(self, handle: int, work: Callable[[], None]) -> _Graph | None:
        """Record what `work` gives to a stream; None if something in it cannot be recorded."""
        library, stream = self._library, ctypes.c_void_p(handle)
        if library.cuStreamBeginCapture_v2(stream, _THREAD_LOCAL):
            return None
        graph = ctypes.c_void_p()
        try:
            work()
        except Exception:
            library.cuStreamEndCapture(stream, ctypes.byref(graph))
            return None  # run one by one, the work says itself what is wrong
        if library.cuStreamEndCapture(stream, ctypes.byref(graph)):
            return None
        instance = ctypes.c_void_p()
        failed = library.cuGraphInstantiateWithFlags(
            ctypes.byref(instance), graph, ctypes.c_ulonglong(0)
        )
        library.cuGraphDestroy(graph)
        return None if failed else _Graph(library, instance, stream)


class _Graph:
    """A recorded graph; calling it queues all of it."""

    def __init__(
        self, library: ctypes.CDLL, instance: ctypes.c_void_p, stream: ctypes.c_void_p
    ) -> None:
        self._library, self._instance, self._stream = library, instance, stream

    def __call__(self) -> None:
        code = self._library.cuGraphLaunch(self._instance, self._stream)
        if code:
            raise RuntimeError(f"cuGraphLaunch failed with error {code}")

    def __del__(self) -> None:
        self._library.cuGraphExecDestroy(self._instance)
