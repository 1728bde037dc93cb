import numpy as np
import pytest
from scipy import ndimage

import symnet as sn
import symnet.tensor as T
from symnet.gradient import grad, verify_grad

rng = np.random.default_rng(12)


def sampled(img, theta, high, wide, mode):
    """Map the grid, then let scipy interpolate between pixels."""
    y, x = np.meshgrid(np.linspace(-1, 1, high), np.linspace(-1, 1, wide), indexing="ij")
    grid = np.stack([x, y, np.ones_like(x)])
    out = np.empty((*img.shape[:2], high, wide))
    for b, c in np.ndindex(*img.shape[:2]):
        u, v = np.einsum("ij,jhw->ihw", theta[b], grid)
        rows, columns = img.shape[2:]
        at = [(v + 1) * (rows - 1) / 2, (u + 1) * (columns - 1) / 2]
        out[b, c] = ndimage.map_coordinates(img[b, c], at, order=1, mode=mode)
    return out


@pytest.mark.parametrize(("border", "mode"), [("nearest", "nearest"), ("zeros", "grid-constant")])
@pytest.mark.parametrize("scale", [(1, 1), (2, 0.5)])
def test_spatial_transformer(run, border, mode, scale):
    a = rng.normal(size=(3, 2, 6, 5))
    theta = np.array([[1, 0, 0], [0, 1, 0]]) + 0.4 * rng.normal(size=(3, 2, 3))
    x, t = T.dtensor4("x"), T.dtensor3("t")
    y = T.nnet.spatial_transformer(x, t, scale[1], scale[0], border)
    expected = sampled(a, theta, 6 * scale[0], int(5 * scale[1]), mode)
    np.testing.assert_allclose(run(y, x=a, t=theta), expected, rtol=1e-9, atol=1e-12)
    verify_grad(
        lambda x, t: T.nnet.spatial_transformer(x, t, border_mode=border),
        [a[:1, :1, :3, :4], theta[:1]],
        n_tests=1,
        eps=1e-7,
    )


def test_identity_changes_nothing(run):
    a = rng.normal(size=(2, 1, 3, 4)).astype("f")
    theta = np.tile(np.eye(2, 3, dtype="f"), (2, 1, 1))
    y = T.nnet.spatial_transformer(T.ftensor4("x"), T.ftensor3("t"))
    found = run(y, x=a, t=theta)
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, a, rtol=1e-5)
    assert run(y, x=a[:, :, :1], t=theta).shape == (2, 1, 1, 4)


def test_spatial_transformer_refuses():
    x, t = T.dtensor4(), T.dtensor3()
    with pytest.raises(ValueError, match='neither "nearest" nor "zeros"'):
        T.nnet.spatial_transformer(x, t, border_mode="wrap")
    with pytest.raises(TypeError, match=r"maps \(batch, 2, 3\)"):
        T.nnet.spatial_transformer(x, T.dmatrix())
    with pytest.raises(ValueError, match="greater than 0"):
        T.nnet.spatial_transformer(x, t, 0)


@pytest.mark.parametrize("n", [1, 3, 5])
def test_local_response_normalization(run, n):
    a = rng.normal(size=(2, 6, 3, 4))
    around = np.zeros_like(a)
    for c in range(6):
        around[:, c] = (a[:, max(c - n // 2, 0) : c + n // 2 + 1] ** 2).sum(1)
    expected = a / (1.5 + 0.1 * around) ** 0.6
    x = T.dtensor4("x")
    y = T.nnet.local_response_normalization(x, 1.5, n, 0.1, 0.6)
    np.testing.assert_allclose(run(y, x=a), expected)

    def slope(x):
        y = T.nnet.local_response_normalization(x, 1.5, n, 0.1, 0.6)
        return grad((y * y).sum(), x)

    verify_grad(slope, [a[:1, :, :1, :2]], n_tests=1)
    f = sn.function([x], [y, grad(y.sum(), x)])
    np.testing.assert_allclose(f(a)[0], expected)


def test_local_response_normalization_refuses():
    with pytest.raises(ValueError, match="an odd number of channels"):
        T.nnet.local_response_normalization(T.tensor4(), n=4)
    with pytest.raises(TypeError, match="no channels"):
        T.nnet.local_response_normalization(T.vector())
