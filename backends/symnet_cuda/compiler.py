"""From CUDA C++ to machine code: the cache on disk, NVRTC, or nvcc.

In goes a unit's source and an architecture such as ``"sm_90"``; out comes a `Binary`. No GPU and
no driver is needed. NVRTC is used through ctypes, from the wheel ``nvidia-cuda-nvrtc`` or from a
toolkit; where it is missing, ``nvcc`` does the same, slower.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path

from symnet import cache
from symnet.backend import BackendError

KIND = "cuda"
REMEDY = (
    "install symnet's CUDA extra, `pip install symnet[cuda]` (it builds pycuda, which needs an "
    "NVIDIA driver and the CUDA toolkit's headers)"
)


@dataclass(frozen=True, slots=True)
class Binary:
    """Machine code and what the compiler said of it."""

    code: bytes
    log: str

    @property
    def spills(self) -> int:
        """Bytes that registers were spilled to memory, over all functions."""
        found = re.findall(r"(\d+) bytes spill (?:stores|loads)", self.log)
        return sum(int(n) for n in found)

    @property
    def registers(self) -> dict[str, int]:
        """Registers of each function."""
        found = re.findall(r"entry function '(\w+)'.*?Used (\d+) registers", self.log, re.DOTALL)
        return {name: int(n) for name, n in found}


class CompilationError(RuntimeError):
    """The compiler refused generated code; always a defect of symnet."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """One way to compile: what identifies it, and how."""

    version: str
    compile: Callable[[str, str], Binary]


def compile_unit(source: str, architecture: str, keep: bool = True) -> Binary:
    """Compile a unit, or find it in the cache.

    Parameters
    ----------
    source
        CUDA C++.
    architecture
        Such as ``"sm_90"``.
    keep
        Whether to use the cache on disk.

    Raises
    ------
    BackendError
        If there is no compiler.
    """
    compiler = find_compiler()
    if compiler is None:
        raise BackendError(f"no CUDA compiler: neither NVRTC nor nvcc was found; {REMEDY}")
    text = "\0".join((source, architecture, compiler.version))
    key = hashlib.sha256(text.encode()).hexdigest()
    found = _load(key) if keep else None
    if found is None:
        found = compiler.compile(source, architecture)
        if keep:
            _store(key, found)
    return found


def _load(key: str) -> Binary | None:
    """An entry, if it is there and in good order."""
    payload = cache.load(KIND, key)
    if payload is None:
        return None
    log, _, code = payload.partition(b"\0")
    return Binary(code, log.decode())


def _store(key: str, binary: Binary) -> None:
    cache.store(KIND, key, binary.log.encode() + b"\0" + binary.code)


# ------------------------------------------------------------------------------- the compilers


@once
def find_compiler() -> Compiler | None:
    """NVRTC, else nvcc, else None."""
    return find_nvrtc() or find_nvcc()


@once
def find_nvrtc() -> Compiler | None:
    """The runtime compiler, as a shared library."""
    for path in _nvrtc_candidates():
        try:
            return _nvrtc(ctypes.CDLL(path))
        except (OSError, AttributeError):
            continue
    return None


def _nvrtc_candidates() -> Iterator[str]:
    spec = importlib.util.find_spec("nvidia")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(location).glob("*/lib/libnvrtc.so.*"), reverse=True):
            # It looks for its builtins by name only: they must be there already.
            for builtins in path.parent.glob("libnvrtc-builtins.so.*"):
                with contextlib.suppress(OSError):
                    ctypes.CDLL(str(builtins), mode=ctypes.RTLD_GLOBAL)
            yield str(path)
    roots = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda"]
    for root in filter(None, roots):
        yield from (str(p) for p in sorted(Path(root).glob("lib64/libnvrtc.so*")))
    found = ctypes.util.find_library("nvrtc")
    if found:
        yield found


def _nvrtc(library: ctypes.CDLL) -> Compiler:
    library.nvrtcGetErrorString.restype = ctypes.c_char_p
    major, minor = ctypes.c_int(), ctypes.c_int()
    library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))

    def text(program: ctypes.c_void_p, what: str) -> bytes:
        size = ctypes.c_size_t()
        getattr(library, f"nvrtcGet{what}Size")(program, ctypes.byref(size))
        content = ctypes.create_string_buffer(size.value)
        getattr(library, f"nvrtcGet{what}")(program, content)
        return content.raw

    def run(source: str, architecture: str) -> Binary:
        program = ctypes.c_void_p()
        options = [f"--gpu-architecture={architecture}", "--ptxas-options=-v", "--std=c++17"]
        arguments = (ctypes.c_char_p * len(options))(*(o.encode() for o in options))
        library.nvrtcCreateProgram(
            ctypes.byref(program), source.encode(), b"symnet.cu", 0, None, None
        )
        try:
            code = library.nvrtcCompileProgram(program, len(options), arguments)
            log = text(program, "ProgramLog").rstrip(b"\0").decode(errors="replace")
            if code:
                reason = library.nvrtcGetErrorString(code).decode()
                raise CompilationError(f"NVRTC: {reason}\n{log}\n{source}")
            return Binary(text(program, "CUBIN"), log)
        finally:
            library.nvrtcDestroyProgram(ctypes.byref(program))

    return Compiler(f"nvrtc {major.value}.{minor.value}", run)


@once
def find_nvcc() -> Compiler | None:
    """The toolkit's compiler, as a program on PATH."""
    path = shutil.which("nvcc")
    if path is None:
        return None
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None

    def run(source: str, architecture: str) -> Binary:
        with tempfile.TemporaryDirectory() as folder:
            unit, cubin = Path(folder, "symnet.cu"), Path(folder, "symnet.cubin")
            unit.write_text(source)
            options = [f"-arch={architecture}", "-cubin", "-std=c++17", "-Xptxas=-v"]
            done = subprocess.run(
                [path, *options, str(unit), "-o", str(cubin)],
                capture_output=True,
                text=True,
                check=False,
            )
            log = done.stdout + done.stderr
            if done.returncode:
                raise CompilationError(f"nvcc: {log}\n{source}")
            return Binary(cubin.read_bytes(), log)

    return Compiler(said.stdout.strip(), run)
