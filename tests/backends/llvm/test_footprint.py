"""The memory that a plan predicts is the memory that a call takes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet_llvm.state import Slot

SLACK = 64
"""Bytes by which an array is longer than asked for, so that it may begin on a cache line."""


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, "float32")


def perceptron() -> tuple[Any, list]:
    x, y = T.matrix("x"), T.ivector("y")
    layers = [(sn.shared(zeros(n, m)), sn.shared(zeros(m))) for n, m in ((300, 200), (200, 10))]
    h = x
    for W, b in layers:
        h = T.tanh(T.dot(h, W) + b)
    cost = T.nnet.categorical_crossentropy(T.nnet.softmax(h), y).mean()
    parameters = [p for layer in layers for p in layer]
    updates = [(p, p - g) for p, g in zip(parameters, T.grad(cost, parameters), strict=True)]
    arrays = [zeros(500, 300), np.zeros(500, "int32")]
    return sn.function([x, y], [cost, h], updates=updates), arrays


def convolutions() -> tuple[Any, list]:
    x, W = T.tensor4("x"), sn.shared(zeros(20, 3, 5, 5))
    maps = T.nnet.conv2d(x, W)
    cost = T.tanh(T.signal.pool.pool_2d(maps, (2, 2), ignore_border=True)).sum()
    f = sn.function([x], cost, updates=[(W, W - T.grad(cost, W))])
    return f, [zeros(200, 3, 28, 28)]


def constants() -> tuple[Any, list]:
    x = T.matrix("x")
    table = np.random.default_rng(0).random((400, 300)).astype("float32")
    y = T.exp(x + T.constant(table))
    return sn.function([x], [y, T.dot(y, y.T)]), [zeros(400, 300)]


def loop() -> tuple[Any, list]:
    x, W = T.matrix("x"), sn.shared(zeros(128, 128))
    h, _ = sn.scan(lambda row, h: T.tanh(row + T.dot(h, W)), x, T.zeros_like(x[0]))
    cost = T.sqr(h).sum()
    f = sn.function([x], cost, updates=[(W, W - T.grad(cost, W))])
    return f, [zeros(300, 128)]


def host_call() -> tuple[Any, list]:
    @sn.as_op([T.fmatrix], [T.fmatrix], infer_shape=lambda node, shapes: shapes)
    def moved(x: np.ndarray) -> np.ndarray:
        return x + 1

    x = T.matrix("x")
    return sn.function([x], T.exp(moved(T.exp(x))).sum()), [zeros(700, 300)]


@pytest.mark.parametrize("make", [perceptron, convolutions, constants, loop, host_call])
def test_predicted_bytes_are_measured(make: Callable[[], tuple[Any, Sequence]]) -> None:
    f, arrays = make()
    f(*arrays)
    instance = f.executables[0]._instance
    # Everything that a call needs is asked for again, constants aside.
    instance._arena = instance._scratch = np.empty(0, np.uint8)
    instance.words[Slot.STALE] = 1
    tracemalloc.start()
    results = f(*arrays)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    needed = f.executables[0].footprint()
    assert results is not None
    assert needed.total > 200_000
    assert needed.constants == sum(
        a.nbytes for name, a in instance.storage.items() if name.startswith("c")
    )
    fresh = needed.total - needed.constants
    assert 0 <= peak - fresh < 2 * SLACK + 20_000  # Python's own objects


def test_it_is_that_of_the_last_sizes() -> None:
    x = T.matrix("x")
    f = sn.function([x], T.exp(T.dot(x, x.T)).sum())
    found = []
    for n in (10, 20, 30):
        f(zeros(n, 4))
        found.append([e.footprint().arena for e in f.executables])
    assert found[0] == [448]
    assert found[1][1:] == [1600]
    assert found[2][1:] == [3648]
