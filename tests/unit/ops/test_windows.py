import itertools

import numpy as np
import pytest

import symnet.tensor as T
from symnet.interpreter import evaluate
from symnet.ops import Overlay, Windows
from tests.unit.ops.elements import check, check_gradients

rng = np.random.default_rng(3)


def listed(x, counts, taps, stride, low, dilation, fill=0):
    """Look every tap of every window up."""
    fixed = x.ndim - len(taps)
    out = np.full((*x.shape[:fixed], *counts, *taps), fill, x.dtype)
    for t in np.ndindex(*counts):
        for i in np.ndindex(*taps):
            at = [a * s - p + b * d for a, s, p, b, d in zip(t, stride, low, i, dilation)]  # noqa: B905
            if all(0 <= a < n for a, n in zip(at, x.shape[fixed:], strict=True)):
                out[(..., *t, *i)] = x[(..., *at)]
    return out


ONE_DIMENSION = list(itertools.product((0, 1, 5), (0, 1, 3), (1, 2, 3), (1, 2, 4), (0, 2), (1, 2)))


@pytest.mark.parametrize(("n", "m", "k", "s", "low", "d"), ONE_DIMENSION)
def test_one_dimension(n, m, k, s, low, d):
    x = rng.normal(size=(2, n))
    op = Windows((k,), (s,), (low,), (d,), -1.0)
    expected = listed(x, (m,), (k,), (s,), (low,), (d,), -1.0)
    np.testing.assert_array_equal(check(lambda x: op(x, T.constant(m)), x), expected)
    y = rng.normal(size=(2, m, k))
    back = Overlay((k,), (s,), (low,), (d,))
    found = check(lambda y: back(y, T.constant(n)), y)
    # It is the transpose: the same inner products.
    np.testing.assert_allclose(
        (found * x).sum(), (listed(x, (m,), (k,), (s,), (low,), (d,)) * y).sum()
    )


@pytest.mark.parametrize(
    ("shape", "counts", "settings"),
    [
        ((2, 4, 6), (2, 3), ((2, 2), (2, 2), (0, 0), (1, 1))),
        ((1, 5, 4), (2, 3), ((3, 2), (2, 1), (1, 0), (1, 1))),
        ((5, 4), (2, 2), ((2, 3), (1, 2), (1, 2), (2, 1))),
        ((0, 4, 4), (2, 2), ((2, 2), (2, 2), (0, 0), (1, 1))),
        ((2, 3, 4, 2), (1, 2, 1), ((2, 2, 2), (1, 2, 1), (0, 0, 0), (1, 1, 1))),
        ((2, 0, 4), (1, 2), ((2, 2), (2, 2), (1, 0), (1, 1))),
    ],
)
def test_more_dimensions(shape, counts, settings):
    x = rng.normal(size=shape)
    op, back = Windows(*settings), Overlay(*settings)
    fixed = len(shape) - len(counts)

    def list_windows(x):
        return op(x, *map(T.constant, counts))

    def overlay(y):
        return back(y, *map(T.constant, shape[fixed:]))

    np.testing.assert_array_equal(check(list_windows, x), listed(x, counts, *settings))
    y = rng.normal(size=(*shape[:fixed], *counts, *settings[0]))
    total = check(overlay, y)
    np.testing.assert_allclose((total * x).sum(), (listed(x, counts, *settings) * y).sum())
    check_gradients(list_windows, x)
    check_gradients(overlay, y)


def test_lengths_that_are_inputs():
    op, back = Windows((2,), (2,), (0,), (1,), 9), Overlay((2,), (2,), (0,), (1,))
    x, n = T.ivector("x"), T.lscalar("n")
    given = {x: np.arange(5, dtype="int32"), n: np.asarray(3)}
    windows, total = evaluate([op(x, n), back(op(x, n), n)], given)
    assert windows.tolist() == [[0, 1], [2, 3], [4, 9]]
    assert total.tolist() == [0, 1, 2]
    with pytest.raises(IndexError, match="a length is negative"):
        evaluate([op(x, n)], given | {n: np.asarray(-1)})


def test_errors():
    x, n = T.matrix("x"), T.constant(2)
    with pytest.raises(TypeError, match="1 integers, got 2"):
        Windows((2,), (2,), (0,), (1,))(x, n, n)
    with pytest.raises(TypeError, match="fewer than 3 dimensions"):
        Windows((2,) * 3, (2,) * 3, (0,) * 3, (1,) * 3)(x, n, n, n)
    with pytest.raises(ValueError, match="do not match"):
        Windows((2,), (2, 2), (0,), (1,))(x, n)
    with pytest.raises(ValueError, match="at least 1"):
        Windows((2,), (0,), (0,), (1,))(x, n)
    with pytest.raises(TypeError, match="a length is negative"):
        Windows((2,), (2,), (0,), (1,))(x, T.constant(-1))
    with pytest.raises(TypeError, match="cannot be"):
        Overlay((2,), (2,), (0,), (1,))(T.vector(), n)
    with pytest.raises(TypeError, match="windows of"):
        Overlay((2,), (2,), (0,), (1,))(T.matrix(shape=(None, 3)), n)
    with pytest.raises(ValueError, match="another number of taps"):
        evaluate([Overlay((2,), (2,), (0,), (1,))(x, n)], {x: np.zeros((2, 3), "f")})
