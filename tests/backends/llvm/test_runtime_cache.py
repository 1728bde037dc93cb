from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from symnet import cache, dtypes
from symnet.config import config
from symnet.program import Launch, Program
from symnet.scalar import ScalarOp
from symnet_llvm import assembly, engine, objects
from symnet_llvm.backend import LLVMBackend
from tests.backends.llvm.programs import affine, buffer, elementwise, load, program


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    LLVMBackend().compile(affine(3))  # the shared code is not what is tested here
    monkeypatch.setenv("SYMNET_CACHE_DIR", str(tmp_path))
    return tmp_path / "llvm"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that were compiled."""
    texts: list[str] = []
    real = engine.compile_object

    def spy(module: engine.Module, target: object) -> bytes:
        texts.append(module.text)
        return real(module, target)

    monkeypatch.setattr(engine, "compile_object", spy)
    return texts


def check(p: Program, n: int = 10) -> None:
    x = np.arange(n, dtype="float32")
    np.testing.assert_array_equal(LLVMBackend().compile(p)(x)[0], x * 2 + 1)


def test_second_compilation_is_a_hit(
    compiled: list[str], directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(affine())
    assert len(compiled) == len(list(directory.iterdir())) == 1
    # Nothing is generated again, let alone compiled.
    monkeypatch.setattr(assembly, "emit_work", None)
    check(affine())
    assert len(compiled) == 1


def test_what_the_key_depends_on(compiled: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    backend = LLVMBackend()
    backend.compile(affine())
    backend.compile(affine(11))
    assert len(compiled) == 2
    backend.compile(affine(), profile=True)
    assert len(compiled) == 3
    with config.change(num_threads=1):
        backend.compile(affine())
    with config.change(num_threads=2):
        backend.compile(affine())
    assert len(compiled) in (4, 5)  # one of them may be what is used by default


def test_cache_off(compiled: list[str], directory: Path) -> None:
    with config.change(cache=False):
        check(affine())
        check(affine())
    assert len(compiled) == 2
    assert not directory.exists()


@pytest.mark.parametrize("keep", [0, 1, 30, 52, 60, -1])
def test_truncated_entries_are_rebuilt(compiled: list[str], directory: Path, keep: int) -> None:
    check(affine())
    (entry,) = directory.iterdir()
    whole = entry.read_bytes()
    entry.write_bytes(whole[:keep])
    check(affine())
    assert len(compiled) == 2
    assert len(entry.read_bytes()) == len(whole)
    check(affine())
    assert len(compiled) == 2


def test_corrupted_entries_are_rebuilt(compiled: list[str], directory: Path) -> None:
    check(affine())
    (entry,) = directory.iterdir()
    whole = entry.read_bytes()
    for place in (0, 20, 60, len(whole) // 2, len(whole) - 1):
        damaged = bytearray(whole)
        damaged[place] ^= 0x40
        entry.write_bytes(bytes(damaged))
        check(affine())
    assert len(compiled) == 6


def test_an_unusable_directory(
    compiled: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("not a directory")
    monkeypatch.setenv("SYMNET_CACHE_DIR", str(file))
    check(affine())
    check(affine())
    assert len(compiled) == 2


def test_the_directory_is_private(directory: Path) -> None:
    check(affine())
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_old_entries_make_room(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory.mkdir(parents=True)
    for k in range(10):
        (directory / f"old{k}").write_bytes(b"x" * 100)
        os.utime(directory / f"old{k}", (k, k))
    monkeypatch.setattr(cache, "LIMIT", 900)
    entry = objects.Entry((b"code", b"more"), {"a": 1})
    objects.store("new", entry)
    assert sorted(p.name for p in directory.iterdir()) == ["new", "old6", "old7", "old8", "old9"]
    assert objects.load("new") == entry


def test_users_rows_are_in_the_key(compiled: list[str]) -> None:
    def using(factor: float) -> Program:
        row = ScalarOp("mine", 1, dtypes.floating, np.exp, expand=lambda x: x * factor)
        k = elementwise(10, row(load("x")), "x", "y")
        return program(
            [buffer("x", "input", 10), buffer("y", "output", 10)], [Launch(k, ("x", "y"))]
        )

    x = np.arange(10, dtype="float32")
    for factor in (2.0, 3.0, 2.0):
        assert LLVMBackend().compile(using(factor))(x)[0].tolist() == (x * factor).tolist()
    assert len(compiled) == 2


SCRIPT = """
import sys
import numpy as np
sys.path.insert(0, {root!r})
from symnet_llvm.backend import LLVMBackend
from tests.backends.llvm.programs import affine
for n in range(1, 6):
    x = np.arange(n, dtype="float32")
    assert (LLVMBackend().compile(affine(n))(x)[0] == x * 2 + 1).all()
print("generated" if "symnet_llvm.codegen" in sys.modules else "found")
"""


def test_processes_share_the_directory(directory: Path) -> None:
    root = str(Path(__file__).parents[3])
    command = [sys.executable, "-c", SCRIPT.format(root=root)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in running:
        out, error = process.communicate(timeout=100)
        assert out in ("generated\n", "found\n"), error
    names = [p.name for p in directory.iterdir()]
    assert len(names) == 5 + 2  # the pool and the entry
    assert not [n for n in names if n.startswith("new-")]
    # What is in the cache needs no code generator, not even its import.
    assert subprocess.run(command, capture_output=True, text=True).stdout == "found\n"
