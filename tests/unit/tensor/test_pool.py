"""Pooling against its definition, window by window, and against torch where that is installed."""

import itertools
import math

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.gradient import grad, verify_grad

rng = np.random.default_rng(2)
pool_2d = T.signal.pool.pool_2d
pool_3d = T.signal.pool.pool_3d

MODES = ("max", "sum", "average_inc_pad", "average_exc_pad")


def count(n, k, s, ignore_border):
    """As many whole windows as fit, or as many as are needed to see everything."""
    if ignore_border:
        return max((n - k) // s + 1, 0)
    whole = 0 if n == 0 and s >= k else 1
    while (whole - 1) * s + (s if s >= k else k) < n:
        whole += 1
    return whole


def pooled(x, ws, ignore_border, stride, pad, mode):
    rank = len(ws)
    space = x.shape[x.ndim - rank :]
    counts = [count(n + 2 * p, k, s, ignore_border) for n, p, k, s in zip(space, pad, ws, stride)]  # noqa: B905
    out = np.empty((*x.shape[: x.ndim - rank], *counts))
    for place in np.ndindex(*counts):
        first = [t * s - p for t, s, p in zip(place, stride, pad, strict=True)]
        part = x[(..., *(slice(max(a, 0), a + k) for a, k in zip(first, ws, strict=True)))]
        axes = tuple(range(x.ndim - rank, x.ndim))
        if mode == "max":
            found = part.max(axes)
        elif mode == "sum":
            found = part.sum(axes)
        elif mode == "average_inc_pad" and ignore_border:
            found = part.sum(axes) / math.prod(ws)
        else:
            found = part.mean(axes)
        out[(..., *place)] = found
    return out


GRID = [
    (ws, ignore, stride, pad)
    for ws, stride, pad in itertools.product(
        [(2, 2), (3, 2)], [None, (1, 1), (2, 3), (4, 3)], [(0, 0), (1, 1)]
    )
    for ignore in ((True,) if any(pad) else (True, False))
]


@pytest.mark.parametrize(("ws", "ignore", "stride", "pad"), GRID)
@pytest.mark.parametrize("mode", MODES)
def test_pool_2d(run, ws, ignore, stride, pad, mode):
    for space in ((6, 6), (7, 5), (3, 8)):
        a = rng.normal(size=(2, 1, *space))
        expected = pooled(a, ws, ignore, stride or ws, pad, mode)
        for shape in ((None,) * 4, a.shape):
            x = T.dtensor4("x", shape=shape)
            y = pool_2d(x, ws, ignore, stride, pad, mode)
            np.testing.assert_allclose(run(y, x=a), expected, rtol=1e-12)
        assert y.type.shape == expected.shape
        assert T.signal.pool.Pool.out_shape(a.shape, ws, ignore, stride, pad) == [*expected.shape]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ignore", [True, False])
def test_pool_3d(run, mode, ignore):
    a = rng.normal(size=(2, 5, 6, 4))
    x = T.dtensor4("x")
    for ws, stride, pad in (
        ((2, 2, 2), (2, 2, 2), (0, 0, 0)),
        ((3, 2, 1), (2, 1, 1), (1, 0, 0) if ignore else (0, 0, 0)),
    ):
        y = pool_3d(x, ws, ignore, stride, pad, mode)
        expected = pooled(a, ws, ignore, stride, pad, mode)
        np.testing.assert_allclose(run(y, x=a), expected, rtol=1e-12)


@pytest.mark.parametrize(("ws", "ignore", "stride", "pad"), GRID[::2])
@pytest.mark.parametrize("mode", MODES)
def test_gradients_to_second_order(ws, ignore, stride, pad, mode):
    # Far from ties: a step of finite differences must not change what is greatest.
    a = rng.permutation(70).reshape(2, 7, 5) / 7.0

    def pool(x):
        return pool_2d(x, ws, ignore, stride, pad, mode)

    def slope(x):
        y = pool(x)
        return grad((y * y * y).sum(), x)

    verify_grad(pool, [a], n_tests=1, eps=1e-5)
    verify_grad(slope, [a], n_tests=1, eps=1e-5)


def test_every_greatest_element_gets_the_gradient(run):
    x = T.dmatrix("x")
    y = pool_2d(x, (2, 2), ignore_border=True)
    a = [[1, 1, 0], [1, 0, 9], [9, 9, 9]]
    assert run(grad((3 * y).sum(), x), x=a).tolist() == [[3, 3, 0], [3, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("mode", MODES)
def test_as_torch_does(run, mode):
    torch = pytest.importorskip("torch", reason="torch is an independent implementation")
    functional = torch.nn.functional
    a = rng.normal(size=(2, 3, 9, 8))
    x = T.dtensor4("x")
    for ws, stride, pad in itertools.product([(2, 2), (3, 3)], [(1, 1), (2, 3)], [(0, 0), (1, 1)]):
        v = torch.tensor(a, requires_grad=True)
        if mode == "max":
            expected = functional.max_pool2d(v, ws, stride, pad)
        else:
            included = mode != "average_exc_pad"
            expected = functional.avg_pool2d(v, ws, stride, pad, count_include_pad=included)
            expected = expected * math.prod(ws) if mode == "sum" else expected
        y = pool_2d(x, ws, True, stride, pad, mode)
        found, slope = run([y, grad((y * y).sum(), x)], x=a)
        np.testing.assert_allclose(found, expected.detach().numpy())
        (expected * expected).sum().backward()
        np.testing.assert_allclose(slope, v.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_compiled():
    for dtype in ("float32", "float64", "int32"):
        x = T.TensorType(dtype, (None,) * 3)("x")
        outputs = []
        for mode, (ignore, stride, pad) in itertools.product(
            MODES, [(True, None, (0, 0)), (False, (1, 3), (0, 0)), (True, (2, 1), (1, 0))]
        ):
            outputs.append(pool_2d(x, (3, 2), ignore, stride, pad, mode))
        if dtype != "int32":
            outputs += [grad((y * y).sum(), x) for y in outputs]
        f = sn.function([x], outputs)
        oracle = sn.function([x], outputs, mode="reference")
        for shape in ((2, 7, 5), (1, 4, 9), (0, 3, 4), (2, 3, 1)):
            a = (10 * rng.normal(size=shape)).astype(dtype)
            for found, expected in zip(f(a), oracle(a), strict=True):
                np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-5)
                assert found.dtype == expected.dtype


def test_names_from_before(run):
    a = rng.normal(size=(4, 6))
    x = T.dmatrix("x")
    expected = pooled(a, (2, 3), True, (1, 2), (1, 1), "sum")
    y = pool_2d(x, ds=(2, 3), ignore_border=True, st=(1, 2), padding=(1, 1), mode="sum")
    np.testing.assert_allclose(run(y, x=a), expected)
    y = T.signal.downsample.max_pool_2d(x, (2, 3), True, (1, 2), (1, 1), "sum")
    np.testing.assert_allclose(run(y, x=a), expected)
    y = T.signal.pool.Pool(True, "sum")(x, (2, 3), (1, 2), (1, 1))
    np.testing.assert_allclose(run(y, x=a), expected)
    with pytest.warns(UserWarning, match="ignore_border"):
        y = pool_2d(x, 2)
    np.testing.assert_allclose(run(y, x=a), pooled(a, (2, 2), False, (2, 2), (0, 0), "max"))


def test_max_pool_2d_same_size(run):
    x = T.dmatrix("x")
    a = [[1, 2, 5], [4, 3, 6], [7, 8, 9]]
    for pooled_size in (T.signal.pool, T.signal.downsample):
        y = pooled_size.max_pool_2d_same_size(x, (2, 2))
        assert run(y, x=a).tolist() == [[0, 0, 0], [4, 0, 0], [0, 0, 0]]


def test_dtypes(run):
    x = T.imatrix("x")
    a = np.arange(-12, 0).reshape(3, 4)
    for mode, dtype in zip(MODES, ("int32", "int32", "float32", "float32"), strict=True):
        y = pool_2d(x, (2, 2), False, mode=mode)
        found = run(y, x=a)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, pooled(a, (2, 2), False, (2, 2), (0, 0), mode))


def test_errors():
    x = T.matrix("x")
    with pytest.raises(ValueError, match="none of max, sum"):
        pool_2d(x, (2, 2), True, mode="mean")
    with pytest.raises(ValueError, match="ignore_border=True only"):
        pool_2d(x, (2, 2), False, pad=(1, 1))
    with pytest.raises(ValueError, match="is not less than the windows"):
        pool_2d(x, (2, 2), True, pad=(2, 0))
    with pytest.raises(ValueError, match="ws is 2 integers of at least 1"):
        pool_2d(x, (2, 0), True)
    with pytest.raises(ValueError, match="stride is 2 integers"):
        pool_2d(x, (2, 2), True, (1, 1, 1))
    with pytest.raises(ValueError, match="ws, must be given"):
        pool_2d(x, ignore_border=True)
    with pytest.raises(ValueError, match="ds is the old name of ws"):
        pool_2d(x, (2, 2), True, ds=(2, 2))
    with pytest.raises(TypeError, match="at least 3 dimensions"):
        pool_3d(x, (2, 2, 2), True)
    with pytest.raises(TypeError, match="booleans have no greatest"):
        pool_2d(T.TensorType("bool", (None, None))(), (2, 2), True)
