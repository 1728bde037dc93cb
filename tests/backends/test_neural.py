"""Layers of networks: NumPy, LLVM and CUDA agree, with first and second derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from tests.backends.agreement import agree

rng = np.random.default_rng(17)
nnet, pool_2d = T.nnet, T.signal.pool.pool_2d

Layer = Callable[[Any, Any], Any]

LAYERS: dict[str, tuple[Layer, list[tuple[Any, Any]]]] = {
    "convolution": (
        lambda x, w: nnet.conv2d(x, w, border_mode="half", subsample=(2, 1)),
        [((2, 3, 5, 6), (4, 3, 3, 2)), ((1, 1, 4, 4), (1, 1, 3, 3)), ((0, 2, 4, 4), (3, 2, 1, 1))],
    ),
    "groups and dilation": (
        lambda x, w: nnet.conv2d(x, w, border_mode=1, filter_dilation=(2, 1), num_groups=2),
        [((2, 4, 5, 6), (4, 2, 2, 3)), ((3, 2, 3, 4), (2, 1, 2, 1))],
    ),
    "transposed": (
        lambda x, w: nnet.conv2d_transpose(
            x, w, (None, None, 2 * x.shape[2], 2 * x.shape[3]), None, (1, 1), (2, 2)
        ),
        [((2, 3, 4, 3), (3, 2, 4, 4)), ((1, 1, 1, 2), (1, 1, 4, 4))],
    ),
    "a layer of LeNet": (
        lambda x, w: T.tanh(pool_2d(nnet.conv2d(x, w), (2, 2), ignore_border=True)),
        [((2, 3, 7, 8), (4, 3, 2, 3)), ((1, 1, 4, 5), (2, 1, 3, 2))],
    ),
    "pooling": (
        lambda x, w: (
            w[0, 0, 0, 0] * pool_2d(x, (3, 2), False, (2, 1))
            - pool_2d(x, (3, 2), False, (2, 1), mode="average_exc_pad")
        ),
        [((2, 3, 5, 6), (1, 1, 1, 1)), ((1, 1, 4, 1), (2, 1, 1, 1))],
    ),
    "padded pooling": (
        lambda x, w: (
            pool_2d(x * w[0, 0, 0, 0], (3, 3), True, (2, 3), (1, 1))
            + pool_2d(x, (3, 3), True, (2, 3), (1, 1), "average_inc_pad")
        ),
        [((2, 3, 5, 6), (1, 1, 1, 1)), ((1, 0, 4, 3), (1, 1, 1, 1))],
    ),
    "batch normalization": (
        lambda x, w: nnet.bn.batch_normalization_train(
            x, w[0, :, 0, 0], w[0, :, 0, 0], "spatial", 1e-2
        )[0],
        [((3, 2, 2, 3), (1, 2, 1, 1)), ((2, 1, 4, 1), (1, 1, 1, 1))],
    ),
    "local response": (
        lambda x, w: nnet.local_response_normalization(x * w[0, 0, 0, 0], 1, 3, 0.5, 0.75),
        [((2, 5, 2, 3), (1, 1, 1, 1)), ((1, 1, 2, 2), (1, 1, 1, 1))],
    ),
    "neighbourhoods": (
        lambda x, w: (
            w[0, 0, 0, 0] * nnet.neighbours.images2neibs(x, (3, 3), (1, 2), "wrap_centered")
        ),
        [((2, 1, 4, 5), (1, 1, 1, 1)), ((1, 2, 3, 3), (1, 1, 1, 1))],
    ),
    "upsampling": (
        lambda x, w: nnet.bilinear_upsampling(x, 3) * w[0, 0, 0, 0],
        # A number of channels that is not known, too, makes long work for the compiler.
        [((2, 1, 3, 4), (1, 1, 1, 1)), ((1, 1, 2, 3), (1, 1, 1, 1))],
    ),
    "spatial transformer": (
        lambda x, w: nnet.spatial_transformer(x, w[0], 1, 2),
        [((2, 1, 3, 4), (1, 2, 2, 3)), ((1, 2, 4, 3), (1, 1, 2, 3))],
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_values_and_gradients(name: str) -> None:
    layer, shapes = LAYERS[name]
    x, w = T.ftensor4("x"), T.ftensor4("w")
    y = layer(x, w)
    slopes = sn.grad(T.sqr(y).sum(), [x, w], disconnected_inputs="ignore")
    calls = [[rng.normal(size=s).astype("f") for s in pair] for pair in shapes]
    agree([x, w], [y, *slopes], *calls, tolerance=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYERS)
def test_second_derivatives(name: str) -> None:
    layer, shapes = LAYERS[name]
    x, w = T.dtensor4("x"), T.dtensor4("w")
    slopes = sn.grad(T.sqr(layer(x, w)).sum(), [x, w], disconnected_inputs="ignore")
    total = T.sqr(slopes[0]).sum() + T.sqr(slopes[1]).sum()
    calls = [[rng.normal(size=s) for s in pair] for pair in shapes[:1]]
    agree([x, w], sn.grad(total, [x, w]), *calls, tolerance=1e-7)
