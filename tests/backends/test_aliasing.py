"""Arguments that lie in the memory of shared variables."""

from __future__ import annotations

import numpy as np

import symnet as sn
import symnet.tensor as T


def test_an_argument_in_the_memory_that_is_updated(device: str) -> None:
    W = sn.shared(np.arange(12, dtype="float32").reshape(3, 4), name="W")
    x = T.matrix("x")
    f = sn.function([x], x.sum(), updates=[(W, W + x.sum(axis=0))])
    for _ in range(2):
        old = W.get_value()
        assert f(W.get_value(borrow=True)) == old.sum()
        np.testing.assert_array_equal(W.get_value(), old + old.sum(axis=0))


def test_an_argument_that_overlaps_it_in_part(device: str) -> None:
    memory = np.zeros(1 << 19, "float32")
    W = sn.shared(memory[: 3 << 17], name="W", borrow=True)
    x = T.vector("x")
    f = sn.function([x], updates=[(W, W + x[:3].sum() + 1)])
    f(memory[2 << 17 :])
    f(memory[2 << 17 :])
    assert set(W.get_value().tolist()) in ({5.0}, {2.0})  # whether it is borrowed is not promised


def test_an_argument_in_memory_that_is_only_read(device: str) -> None:
    W = sn.shared(np.ones(5, "float32"), name="W")
    x = T.vector("x")
    f = sn.function([x], x + W)
    np.testing.assert_array_equal(f(W.get_value(borrow=True)), np.full(5, 2))
