"""NVIDIA's compiler accepts what the emulator ran, and keeps it in registers."""

from __future__ import annotations

import pytest

from symnet.program import Program
from symnet_cuda import compiler
from symnet_cuda.codegen import generate
from tests.backends.cuda.cases import CASES


@pytest.mark.skipif(
    compiler.find_nvrtc() is None, reason="NVRTC is missing: pip install nvidia-cuda-nvrtc==13.0.*"
)
def test_nvrtc_compiles_every_kernel_without_spills() -> None:
    steps = tuple(case.program().steps[0] for case in CASES)
    unit = generate(Program("all", (), (), (), (), (), (), steps))
    nvrtc = compiler.find_nvrtc()
    assert nvrtc is not None
    binary = nvrtc.compile(unit.source, "sm_90")
    assert binary.code.startswith(b"\x7fELF")
    assert set(binary.registers) == set(unit.signatures)
    assert binary.spills == 0, binary.log
