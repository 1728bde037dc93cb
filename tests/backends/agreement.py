"""Expressions computed in every way there is: NumPy, LLVM, and CUDA on the emulator."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

import symnet as sn
from symnet import backend
from symnet.config import config
from symnet_cuda.emulator import EmulatedBackend


@contextmanager
def emulation() -> Iterator[None]:
    """Within, functions are compiled for CUDA and run on the emulator, which needs g++."""
    get = backend.get
    backend.get = lambda name: EmulatedBackend()  # type: ignore[assignment]
    try:
        yield
    finally:
        backend.get = get


def agree(
    inputs: Sequence[Any], outputs: Sequence[Any], *calls: Sequence[Any], tolerance: float = 1e-12
) -> list[Any]:
    """Hold every backend to the interpreter in calls that follow each other.

    The second call with other lengths runs code whose lengths are not constants.

    Returns
    -------
    list
        What the interpreter found in the last call.
    """
    reference = sn.function(inputs, outputs, mode="reference", on_unused_input="ignore")
    expected = [reference(*values) for values in calls]
    with config.change(device="llvm"):
        _hold(sn.function(inputs, outputs, on_unused_input="ignore"), calls, expected, tolerance)
    if shutil.which("g++") is not None:
        with emulation():
            emulated = sn.function(inputs, outputs, on_unused_input="ignore")
            _hold(emulated, calls, expected, tolerance)
    return expected[-1]


def _hold(f: Any, calls: Sequence[Sequence[Any]], expected: Any, tolerance: float) -> None:
    for values, wanted in zip(calls, expected, strict=True):
        for number, (found, want) in enumerate(zip(f(*values), wanted, strict=True)):
            what = f"output {number} of shapes {[np.shape(v) for v in values]}"
            assert found.dtype == want.dtype, what
            assert found.shape == want.shape, what
            np.testing.assert_allclose(found, want, rtol=tolerance, atol=tolerance, err_msg=what)
