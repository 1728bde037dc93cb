"""Kernels through code generator and emulator, compared with their meaning by NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symnet.backend import Backend
from symnet.kernel import Contraction, verify
from symnet_cuda.contraction import as_kernel
from symnet_cuda.emulator import EmulatedBackend
from tests.backends.cuda.cases import CASES, Case
from tests.kernel_interpreter import interpret


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_same_as_numpy(case: Case, emulated: EmulatedBackend) -> None:
    verify(case.work)
    for name, held in check_case(emulated, case).items():
        first = held.memory.address - held.memory.content.ctypes.data
        outside = np.delete(held.memory.content, slice(first, first + held.size))
        assert (outside == 0xFF).all(), f"written outside {name}"


def check_case(backend: Backend, case: Case) -> dict[str, Any]:
    """Compare a case with NumPy, also on a real GPU; the storage of its buffers afterwards."""
    start = case.memory()
    want = {name: value.copy() for name, value in start.items()}
    work = case.work
    interpret(as_kernel(work) if isinstance(work, Contraction) else work, want, case.ints)

    run = backend.compile(case.program())
    ints = [np.array([case.ints[s.name] for s in work.ints])] if work.ints else []
    storage = {name: backend.upload(value) for name, value in start.items()}
    run.bind(storage)
    assert run(*ints) == []
    for name, held in storage.items():
        got = backend.download(held)
        scale = max(1.0, np.abs(want[name]).max(initial=0)) if got.dtype.kind == "f" else 1
        np.testing.assert_allclose(
            got, want[name], case.tolerance, case.tolerance * scale, err_msg=run.source()
        )
    return storage
