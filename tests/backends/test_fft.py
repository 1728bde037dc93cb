"""The example of Theano's documentation: the transform of a box, and a filter."""

from __future__ import annotations

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.tensor import fft

pytestmark = pytest.mark.usefixtures("device")


def test_transform_of_a_box():
    x = T.matrix("x", dtype="float64")
    f = sn.function([x], fft.rfft(x, norm="ortho"), mode="debug")
    box = np.zeros((1, 1024))
    box[:, 450:-450] = 1
    out = f(box)
    assert out.shape == (1, 513, 2)
    spectrum = np.asarray(out[0, :, 0] + 1j * out[0, :, 1])
    np.testing.assert_allclose(spectrum, np.fft.rfft(box[0], norm="ortho"), atol=1e-12)
    np.testing.assert_allclose(abs(spectrum[0]), 124 / 32)


def test_filter_and_its_gradient():
    x, w = T.matrix("x"), T.vector("w")
    spectrum = fft.rfft(x) * w[None, :, None]
    smooth = fft.irfft(spectrum)
    cost = T.sqr(smooth - x).sum()
    step = sn.function([x, w], [smooth, sn.grad(cost, w)], mode="debug")
    rng = np.random.default_rng(0)
    for rows in (1, 4, 2):
        values = rng.normal(size=(rows, 8)).astype("float32"), rng.random(5).astype("float32")
        found, slope = step(*values)
        expected = np.fft.irfft(np.fft.rfft(values[0]) * values[1])
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert slope.shape == (5,)
