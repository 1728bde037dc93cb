"""NVIDIA's compiler accepts what the emulator ran, and keeps it in registers."""

from __future__ import annotations

import pytest

from symnet.program import Program
from symnet_cuda import compiler
from symnet_cuda.codegen import generate
from tests.backends.cuda.cases import CASES
from tests.backends.cuda.test_rows import rows_program

pytestmark = pytest.mark.skipif(
    compiler.find_nvrtc() is None, reason="NVRTC is missing: pip install nvidia-cuda-nvrtc==13.0.*"
)


def check(program: Program) -> None:
    unit = generate(program)
    nvrtc = compiler.find_nvrtc()
    assert nvrtc is not None
    binary = nvrtc.compile(unit.source, "sm_90")
    assert binary.code.startswith(b"\x7fELF")
    assert set(binary.registers) == set(unit.signatures)
    assert binary.spills == 0, binary.log


def test_kernels() -> None:
    steps = tuple(case.program().steps[0] for case in CASES)
    check(Program("all", (), (), (), (), (), (), steps))


@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "float32", "float64"])
def test_rows(dtype: str) -> None:
    check(rows_program(dtype)[0])


def test_errors_show_the_source() -> None:
    nvrtc = compiler.find_nvrtc()
    assert nvrtc is not None
    with pytest.raises(compiler.CompilationError, match="nonsense"):
        nvrtc.compile("nonsense", "sm_90")
