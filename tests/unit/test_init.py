"""Initial weights: moments, structure, dtype, seeds."""

import numpy as np
import pytest

import symnet as sn
from symnet.nn import init


@pytest.mark.parametrize(
    ("draw", "variance"),
    [
        (init.glorot_uniform, lambda i, o, r: 2 / ((i + o) * r)),
        (init.glorot_normal, lambda i, o, r: 2 / ((i + o) * r)),
        (init.he_uniform, lambda i, o, r: 2 / (i * r)),
        (init.he_normal, lambda i, o, r: 2 / (i * r)),
    ],
)
def test_variance_follows_fans(draw, variance):
    dense = draw((400, 100), seed=3)
    filters = draw((100, 80, 3, 2), seed=3)  # outputs first
    assert np.var(dense) == pytest.approx(variance(400, 100, 1), rel=0.03)
    assert np.var(filters) == pytest.approx(variance(80, 100, 6), rel=0.03)
    np.testing.assert_allclose(draw((4, 3), seed=3, gain=2) / draw((4, 3), seed=3, gain=1), 2)
    with pytest.raises(ValueError, match="two dimensions"):
        draw((3,), seed=3)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (6, 2, 2)])
def test_orthogonal(shape):
    w = init.orthogonal(shape, seed=1, gain=2.0).reshape(shape[0], -1)
    small = w @ w.T if w.shape[0] < w.shape[1] else w.T @ w
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-5)


def test_sparse():
    w = init.sparse((200, 300), seed=1, std=0.5)
    np.testing.assert_array_equal(np.count_nonzero(w, axis=0), 15)
    assert w[w != 0].std() == pytest.approx(0.5, rel=0.05)
    assert np.count_nonzero(init.sparse((4, 3), seed=1)) == 12
    with pytest.raises(ValueError, match="matrices"):
        init.sparse((3,), seed=1)


def test_dtype_and_seeds():
    seeded = [
        init.uniform,
        init.normal,
        init.glorot_uniform,
        init.glorot_normal,
        init.he_uniform,
        init.he_normal,
        init.orthogonal,
        init.sparse,
    ]
    for floatX in ("float32", "float64"):
        with sn.config.change(floatX=floatX):
            assert init.constant((2,), 3).dtype == floatX
            for draw in seeded:
                a = draw((6, 4), 5)
                assert a.dtype == floatX
                np.testing.assert_array_equal(a, draw((6, 4), np.random.default_rng(5)))
                assert not np.array_equal(a, draw((6, 4), 6))
