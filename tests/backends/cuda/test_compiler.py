"""The cache of compiled code, and what is said where something is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from symnet.backend import BackendError
from symnet_cuda import compiler
from symnet_cuda.backend import CudaBackend
from symnet_cuda.compiler import Binary, Compiler


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a compiler that only remembers was given."""
    found: list[str] = []

    def run(source: str, architecture: str) -> Binary:
        found.append(source)
        return Binary(source.encode() * 2, f"made for {architecture}")

    monkeypatch.setenv("SYMNET_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiler, "find_compiler", lambda: Compiler("remembers 1", run))
    return found


def test_nothing_is_compiled_twice(compiled: list[str]) -> None:
    first = compiler.compile_unit("a", "sm_90")
    assert compiler.compile_unit("a", "sm_90") == first
    assert first == Binary(b"aa", "made for sm_90")
    compiler.compile_unit("a", "sm_100")
    compiler.compile_unit("b", "sm_90")
    compiler.compile_unit("a", "sm_90", keep=False)
    assert compiled == ["a", "a", "b", "a"]


@pytest.mark.parametrize("damage", [b"", b"{}\naa", None])
def test_damaged_entries_are_made_again(
    compiled: list[str], tmp_path: Path, damage: bytes | None
) -> None:
    want = compiler.compile_unit("a", "sm_90")
    (entry,) = (tmp_path / "cuda").iterdir()
    entry.write_bytes(entry.read_bytes()[:-1] if damage is None else damage)
    assert compiler.compile_unit("a", "sm_90") == want
    assert compiler.compile_unit("a", "sm_90") == want
    assert compiled == ["a", "a"]


def test_a_cache_that_cannot_be_written(
    compiled: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("")
    monkeypatch.setenv("SYMNET_CACHE_DIR", str(occupied))
    assert compiler.compile_unit("a", "sm_90").code == b"aa"


def test_what_to_install_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "find_compiler", lambda: None)
    with pytest.raises(BackendError, match=r"neither NVRTC nor nvcc.*pip install symnet\[cuda\]"):
        compiler.compile_unit("a", "sm_90")


def test_what_to_install_without_pycuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycuda", None)
    with pytest.raises(BackendError, match=r"pip install symnet\[cuda\].*toolkit"):
        CudaBackend()


@pytest.mark.skipif(compiler.find_nvcc() is None, reason="nvcc is not on PATH")
def test_nvcc_where_there_is_no_nvrtc() -> None:
    nvcc = compiler.find_nvcc()
    assert nvcc is not None
    binary = nvcc.compile('extern "C" __global__ void k(float* x) { x[0] = 1; }', "sm_90")
    assert binary.code.startswith(b"\x7fELF")
    assert binary.registers.keys() == {"k"}
    with pytest.raises(compiler.CompilationError, match="nonsense"):
        nvcc.compile("nonsense", "sm_90")
