"""The emulator finds the mistakes it is there to find."""

from __future__ import annotations

import numpy as np
import pytest

from symnet_cuda.codegen import Unit
from symnet_cuda.emulator import EmulatedBackend, EmulationError

_HEAD = 'extern "C" __global__ void __launch_bounds__(64) k(const float* x, float* y) {'


def run(backend: EmulatedBackend, body: str) -> np.ndarray:
    """Run one block of 64 threads on the numbers from 0 to 63."""
    device = backend.device
    source = f"{_HEAD}\n{body}\n}}\n"
    unit = Unit(source, (), (), {"k": ("const float*", "float*")})
    x, y = backend.upload(np.arange(64, dtype="float32")), backend.upload(np.zeros(64, "float32"))
    with device.active():
        kernel = device.load(unit)["k"]
        device.launch(kernel, (1, 1, 1), 64, (x.memory.address, y.memory.address))
    return backend.download(y)


_NEIGHBOUR = """
    __shared__ float tile[64];
    const int i = threadIdx.x;
    tile[i] = x[i];
    {barrier}
    y[i] = tile[(i + {shift}) % 64];
"""


def test_a_barrier_makes_threads_meet(emulated: EmulatedBackend) -> None:
    got = run(emulated, _NEIGHBOUR.format(barrier="__syncthreads();", shift=32))
    np.testing.assert_array_equal(got, (np.arange(64) + 32) % 64)


@pytest.mark.parametrize("shift", [1, 63])
def test_a_missing_barrier_shows_in_one_order(shift: int) -> None:
    want = (np.arange(64) + shift) % 64
    results = [
        run(EmulatedBackend(descending), _NEIGHBOUR.format(barrier="", shift=shift))
        for descending in (False, True)
    ]
    assert any(not np.array_equal(got, want) for got in results)


def test_shared_memory_begins_as_nan(emulated: EmulatedBackend) -> None:
    body = "__shared__ float tile[64]; y[threadIdx.x] = tile[threadIdx.x];"
    assert np.isnan(run(emulated, body)).all()


def test_shuffles(emulated: EmulatedBackend) -> None:
    body = """
        float sum = x[threadIdx.x];
        for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
        y[threadIdx.x] = sum;
    """
    sums = np.arange(64).reshape(2, 32).sum(1)
    np.testing.assert_array_equal(run(emulated, body), np.repeat(sums, 32))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("if (threadIdx.x < 32) __syncthreads();", "do not reach"),
        (
            "if (threadIdx.x < 32) { __syncthreads(); }\nelse { __syncthreads(); }",
            "different barriers",
        ),
        ("if (threadIdx.x % 2) __syncwarp();", "lanes that will not come"),
    ],
)
def test_threads_that_wait_in_vain(emulated: EmulatedBackend, body: str, message: str) -> None:
    with pytest.raises(EmulationError, match=message):
        run(emulated, body)
    # And it goes on working.
    assert run(emulated, "y[threadIdx.x] = x[threadIdx.x];")[63] == 63


def test_source_that_does_not_compile(emulated: EmulatedBackend) -> None:
    with pytest.raises(EmulationError, match="refused"):
        run(emulated, "nonsense")
