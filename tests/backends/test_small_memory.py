"""Programs that compute some things again and others in strips, on every backend."""

from __future__ import annotations

import numpy as np

import symnet as sn
import symnet.tensor as T
from symnet.config import config
from symnet.program import Repeat
from tests.backends.agreement import agree


def test_gradients_of_pooled_maps() -> None:
    rng = np.random.default_rng(0)
    x, W, V = T.dtensor4("x"), T.dtensor4("W"), T.dmatrix("V")
    pooled = T.signal.pool.pool_2d(T.nnet.conv2d(x, W), (2, 2), ignore_border=True)
    cost = T.sqr(T.dot(T.tanh(pooled).flatten(2), V)).mean()
    values = [rng.normal(size=shape) for shape in ((20, 1, 12, 12), (4, 1, 5, 5), (64, 30))]
    outputs = [cost, *T.grad(cost, [W, V])]
    with config.change(memory="small"):
        agree([x, W, V], outputs, values)
        f = sn.function([x, W, V], outputs)
    f(*values)
    assert any(isinstance(s, Repeat) for s in f.programs[0].steps)


def test_second_derivatives_of_layers() -> None:
    rng = np.random.default_rng(0)
    x, W, v = T.dmatrix("x"), T.dmatrix("W"), T.dmatrix("v")
    h = x
    for _ in range(6):
        h = T.tanh(T.dot(h, W))
    cost = T.sqr(h).sum()
    g = T.grad(cost, W)
    values = [rng.normal(size=shape) / 3 for shape in ((40, 9), (9, 9), (9, 9))]
    with config.change(memory="small"):
        agree([x, W, v], [cost, g, T.grad((g * v).sum(), W)], values, tolerance=1e-10)


def test_loops_with_gradients() -> None:
    rng = np.random.default_rng(0)
    x, W = T.dmatrix("x"), T.dmatrix("W")
    h, _ = sn.scan(lambda row, h: T.tanh(row + T.dot(h, W)), x, T.zeros_like(x[0]))
    cost = T.sqr(h).sum() + T.exp(T.dot(T.tanh(x), W)).sum()
    values = [rng.normal(size=shape) / 3 for shape in ((12, 5), (5, 5))]
    with config.change(memory="small"):
        agree([x, W], [cost, T.grad(cost, W)], values)
