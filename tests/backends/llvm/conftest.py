from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from symnet.kernel import Kernel, verify
from symnet_llvm import engine, ir
from symnet_llvm.codegen import emit_kernel
from symnet_llvm.target import Target, host

_LOADED = []  # machine code that ran must stay until the process ends


@pytest.fixture(scope="session", params=[16, 32, 64], ids=lambda n: f"{n}bytes")
def target(request: pytest.FixtureRequest) -> Target:
    if request.param > host().vector_bytes:
        pytest.skip("this machine's vectors are narrower")
    return host().narrowed(request.param)


def compile_kernel(work: Kernel, target: Target) -> Callable[..., None]:
    """A function of (memory, ints, part, parts)."""
    verify(work)
    emitted = emit_kernel(work, "kernel", target)
    text = emitted.text.replace("define internal", "define", 1)
    module = engine.Module(ir.module([text], emitted.declarations, target))
    loaded = engine.load([engine.compile_object(module, target)], ("kernel",), target)
    _LOADED.append(loaded)
    count = len(work.params) + len(work.ints) + 3
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * count)(loaded.addresses["kernel"])

    def run(
        memory: Mapping[str, np.ndarray],
        ints: Mapping[str, int] | None = None,
        part: int = 0,
        parts: int = 1,
    ) -> None:
        pointers = [memory[p.name].ctypes.data for p in work.params]
        for p in work.params:
            assert memory[p.name].dtype == p.dtype
        function(*pointers, *((ints or {})[s.name] for s in work.ints), part, parts, 0)

    run.emitted = emitted
    return run


@pytest.fixture(scope="session")
def compiled(target: Target) -> Callable[[Kernel], Callable[..., None]]:
    cache: dict[Kernel, Callable[..., None]] = {}

    def get(work: Kernel) -> Callable[..., None]:
        if work not in cache:
            cache[work] = compile_kernel(work, target)
        return cache[work]

    return get
