"""The emulator in two orders of threads, and one shared object for all hand-built kernels."""

from __future__ import annotations

import shutil

import pytest

from symnet_cuda.emulator import EmulatedBackend


@pytest.fixture(scope="session", params=[False, True], ids=["ascending", "descending"])
def emulated(request: pytest.FixtureRequest) -> EmulatedBackend:
    if shutil.which("g++") is None:
        pytest.skip("g++ is missing, which the CUDA emulator compiles with")
    return EmulatedBackend(descending=request.param)
