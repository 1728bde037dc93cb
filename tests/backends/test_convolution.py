"""Convolutions: NumPy, LLVM and CUDA agree, gradients and what is fused included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.config import config
from symnet.ops import convolve
from tests.backends.agreement import agree

rng = np.random.default_rng(3)

CASES = {
    "valid": ((1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1)),
    "same": ((1, 1), ((1, 1), (0, 1)), (1, 1), (1, 1)),
    "strided": ((2, 3), ((1, 2), (2, 1)), (1, 1), (2, 1)),
    "spread": ((1, 2), ((0, 3), (2, 2)), (2, 1), (1, 1)),
    "cropped": ((1, 1), ((-1, 2), (1, -2)), (1, 1), (1, 1)),
}


def tensors(dtype: str, static: bool) -> tuple[Any, Any, list[list[np.ndarray]]]:
    shapes = [((1, 4, 3, 9, 8), (1, 5, 3, 3, 2)), ((2, 2, 3, 12, 7), (2, 6, 3, 2, 3))]
    known = shapes[0] if static else ((None,) * 5,) * 2
    x, w = (T.TensorType(dtype, s)(name) for s, name in zip(known, "xw", strict=True))
    calls = [[rng.standard_normal(s).astype(dtype) for s in pair] for pair in shapes]
    return x, w, calls[:1] if static else calls


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("static", [True, False])
def test_values_and_gradients(case: str, static: bool) -> None:
    x, w, calls = tensors("float64", static)
    y = convolve(x, w, *CASES[case])
    gradients = sn.grad(T.sqr(T.tanh(y)).sum(), [x, w])
    agree([x, w], [y, *gradients], *calls, tolerance=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_what_follows_is_the_epilogue(case: str, device: str) -> None:
    x, w, calls = tensors("float32", True)
    b = T.fvector("b")
    y = T.tanh(2 * convolve(x, w, *CASES[case]) + b.dimshuffle("x", "x", 0, "x", "x"))
    f = sn.function([x, w, b], y)
    reference = sn.function([x, w, b], y, mode="reference")
    given = [*calls[0], rng.standard_normal(5).astype("float32")]
    np.testing.assert_allclose(f(*given), reference(*given), rtol=1e-4, atol=1e-5)
    assert len(f.programs[0].steps) == 1


def test_threads_do_not_change_a_bit() -> None:
    x, w = T.TensorType("float32", (None,) * 5)("x"), T.TensorType("float32", (None,) * 5)("w")
    y = convolve(x, w, (1, 1), ((2, 2), (2, 2)), (1, 1), (1, 1))
    outputs = [y, *sn.grad(T.sqr(y).sum(), [x, w])]
    given = [rng.standard_normal(s).astype("float32") for s in ((1, 9, 4, 20, 21), (1, 7, 4, 5, 5))]
    found = []
    for threads in (1, 2):
        with config.change(num_threads=threads):
            found.append(sn.function([x, w], outputs)(*given))
    for one, two in zip(*found, strict=True):
        assert one.tobytes() == two.tobytes()


def test_layers_of_maps_without_an_axis_for_groups() -> None:
    x, w, b = T.dtensor4("x"), T.dtensor4("w"), T.dvector("b")
    y = T.tanh(T.nnet.conv2d(x, w) + b.dimshuffle("x", 0, "x", "x"))
    z = T.nnet.relu(y) * T.exp(b).dimshuffle("x", 0, "x", "x")
    outputs = [y, z, *sn.grad(T.sqr(z).sum(), [x, w, b])]
    shapes = [((n, 2, 6, 5), (m, 2, 3, 2), (m,)) for n, m in ((3, 4), (1, 5), (4, 1))]
    calls = [[rng.standard_normal(s) for s in given] for given in shapes]
    agree([x, w, b], outputs, *calls, tolerance=1e-10)
