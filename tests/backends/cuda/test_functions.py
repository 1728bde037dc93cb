"""Functions as users write them, compiled for CUDA and run by the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import symnet as sn
import symnet.tensor as T
from symnet import backend as backends
from symnet_cuda.emulator import EmulatedBackend
from tests.property.graphs import Drawn, graphs


@contextmanager
def on(backend: EmulatedBackend) -> Iterator[None]:
    """Let functions compile for `backend` while in a ``with`` block."""
    found, backends.get = backends.get, lambda name: backend  # type: ignore[assignment]
    try:
        yield
    finally:
        backends.get = found  # type: ignore[assignment]


def losses(mode: str, steps: int) -> list[np.ndarray]:
    """Train a perceptron on minibatches, of which the last is short; losses, then weights."""
    rng = np.random.default_rng(3)
    images = sn.shared(rng.standard_normal((50, 30)).astype("float32"))
    labels = sn.shared(rng.integers(0, 7, 50).astype("int32"))
    w = sn.shared((rng.standard_normal((30, 20)) * 0.2).astype("float32"))
    b = sn.shared(np.zeros(20, "float32"))
    v = sn.shared(np.zeros((20, 7), "float32"))
    i, x, y = T.lscalar("i"), T.matrix("x"), T.ivector("y")
    p = T.nnet.softmax(T.dot(T.tanh(T.dot(x, w) + b), v))
    cost = -T.mean(T.log(p)[T.arange(y.shape[0]), y]) + 0.01 * (w**2).sum()
    updates = [(s, s - 0.3 * g) for s, g in zip((w, b, v), sn.grad(cost, [w, b, v]), strict=True)]
    batch = slice(i * 16, (i + 1) * 16)
    f = sn.function(
        [i], cost, updates=updates, givens={x: images[batch], y: labels[batch]}, mode=mode
    )
    found = [f(k % 4) for k in range(steps)]
    return [*found, *(s.get_value() for s in (w, b, v))]


def test_training(emulated: EmulatedBackend) -> None:
    want = losses("reference", 10)
    with on(emulated):
        got = losses("default", 10)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


def run(drawn: Drawn, mode: str) -> list[np.ndarray]:
    before = [s.get_value() for s in drawn.shared]
    f = sn.function(
        drawn.inputs, drawn.outputs, updates=drawn.updates, mode=mode, on_unused_input="ignore"
    )
    results = [*f(*drawn.values), *f(*drawn.values), *f(*drawn.values)]
    results += [s.get_value() for s in drawn.shared]
    for s, value in zip(drawn.shared, before, strict=True):
        s.set_value(value)
    return results


@pytest.mark.parametrize("descending", [False, True])
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(drawn=graphs())
def test_random_graphs(descending: bool, drawn: Drawn) -> None:
    want = run(drawn, "reference")
    with on(EmulatedBackend(descending)):
        got = run(drawn, "default")
    for a, b in zip(got, want, strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
