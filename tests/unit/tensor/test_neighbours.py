import numpy as np
import pytest

import symnet.tensor as T
from symnet.gradient import verify_grad

rng = np.random.default_rng(6)
images2neibs = T.nnet.neighbours.images2neibs
neibs2images = T.nnet.neighbours.neibs2images


def listed(x, shape, step, mode):
    """Cut every neighbourhood out of images that were widened first."""
    if mode == "half":
        width = [(k // 2, k // 2) for k in shape]
    elif mode == "full":
        width = [(k - 1, k - 1) for k in shape]
    elif mode == "wrap_centered":
        width = [(k // 2, k // 2) for k in shape]
    else:
        width = [(0, 0), (0, 0)]
    filled = "wrap" if mode == "wrap_centered" else "constant"
    x = np.pad(x, [(0, 0), (0, 0), *width], filled)
    rows = []
    for image in x.reshape(-1, *x.shape[2:]):
        for i in range(0, x.shape[2] - shape[0] + 1, step[0]):
            for j in range(0, x.shape[3] - shape[1] + 1, step[1]):
                rows.append(image[i : i + shape[0], j : j + shape[1]].ravel())
    return np.array(rows)


@pytest.mark.parametrize(
    ("mode", "space", "shape", "step"),
    [
        ("valid", (4, 6), (2, 3), None),
        ("valid", (5, 7), (3, 3), (2, 1)),
        ("ignore_borders", (5, 7), (2, 2), None),
        ("ignore_borders", (6, 8), (3, 2), (2, 4)),
        ("half", (5, 7), (3, 3), (2, 3)),
        ("half", (4, 6), (2, 2), (2, 2)),
        ("full", (5, 6), (3, 2), (2, 3)),
        ("wrap_centered", (5, 6), (3, 3), (1, 2)),
        ("wrap_centered", (4, 4), (1, 3), None),
    ],
)
def test_images2neibs(run, mode, space, shape, step):
    a = rng.normal(size=(2, 3, *space))
    expected = listed(a, shape, step or shape, mode)
    for static in ((None,) * 4, a.shape):
        y = images2neibs(T.dtensor4("x", shape=static), shape, step, mode)
        np.testing.assert_array_equal(run(y, x=a), expected)
    verify_grad(lambda x: images2neibs(x, shape, step, mode), [a[:1, :1]], n_tests=1)


@pytest.mark.parametrize("mode", ["valid", "ignore_borders"])
def test_there_and_back(run, mode):
    a = rng.normal(size=(2, 3, 4, 7 if mode == "ignore_borders" else 6))
    x = T.dtensor4("x")
    neibs = images2neibs(x, (2, 3), mode=mode)
    expected = a.copy()
    expected[:, :, :, 6:] = 0
    for shape in (a.shape, x.shape):
        back = neibs2images(neibs, (2, 3), shape, mode)
        np.testing.assert_array_equal(run(back, x=a), expected)


def test_arrays_and_integers(run):
    a = np.arange(16, dtype="int32").reshape(1, 1, 4, 4)
    y = images2neibs(a, T.as_tensor_variable((2, 2)))
    assert run(y).tolist()[:2] == [[0, 1, 4, 5], [2, 3, 6, 7]]


def test_errors(run):
    x = T.dtensor4("x")
    a = np.zeros((1, 1, 5, 4))
    with pytest.raises(ValueError, match="windows do not end where the tensor does"):
        run(images2neibs(x, (2, 2)), x=a)
    with pytest.raises(ValueError, match="around pixels are odd"):
        images2neibs(x, (2, 3), mode="wrap_centered")
    with pytest.raises(ValueError, match="is none of valid"):
        images2neibs(x, (2, 3), mode="same")
    with pytest.raises(TypeError, match="four dimensions"):
        images2neibs(T.dmatrix(), (2, 3))
    with pytest.raises(ValueError, match="neib_step is two integers"):
        images2neibs(x, (2, 3), (0, 1))
    with pytest.raises(ValueError, match="the images do not follow"):
        neibs2images(T.dmatrix(), (2, 2), (1, 1, 4, 4), "half")
    with pytest.raises(TypeError, match="rows of a matrix"):
        neibs2images(x, (2, 2), (1, 1, 4, 4))
