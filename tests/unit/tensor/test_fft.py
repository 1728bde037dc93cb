import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.ops.fourier import IRFFT, RFFT
from symnet.tensor.fft import irfft, rfft
from tests.unit.ops.elements import check, check_gradients

rng = np.random.default_rng(0)
SHAPES = [(2, 6), (3, 5), (1, 1), (2, 2), (2, 3, 4), (2, 4, 5), (1, 2, 3, 3), (0, 4)]
NORMS = {None: "backward", "ortho": "ortho", "no_norm": "forward"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_as_numpy(shape, norm, dtype):
    x = rng.normal(size=shape).astype(dtype)
    axes = range(1, x.ndim)
    rough = 1e-4 if dtype == "float32" else 1e-10
    found = check(lambda v: rfft(v, norm), x)
    spectrum = np.fft.rfftn(x, axes=axes, norm="ortho" if norm == "ortho" else None)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, np.stack([spectrum.real, spectrum.imag], -1), atol=rough)
    back = check(lambda v: irfft(v, norm, is_odd=shape[-1] % 2 == 1), found)
    expected = np.fft.irfftn(spectrum, x.shape[1:], axes, norm=NORMS[norm])
    assert back.dtype == dtype
    np.testing.assert_allclose(back, expected, atol=rough * 10)
    if norm != "no_norm":
        np.testing.assert_allclose(back, x, atol=rough)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("shape", [(2, 6), (1, 5), (2, 2, 4), (2, 3, 3)])
def test_gradients(shape, norm):
    x = rng.normal(size=shape)
    check_gradients(lambda v: T.sin(rfft(v, norm)), x)
    spectrum = rng.normal(size=(*shape[:-1], shape[-1] // 2 + 1, 2))
    check_gradients(lambda v: T.sin(irfft(v, norm, shape[-1] % 2 == 1)), spectrum)


def test_static_shapes():
    assert rfft(T.ftensor3(shape=(None, 3, 8))).type.shape == (None, 3, 5, 2)
    assert irfft(T.ftensor3(shape=(None, 5, 2))).type.shape == (None, 8)
    assert rfft(T.imatrix()).dtype == "float32"


def test_refused():
    with pytest.raises(TypeError, match=r"x\[None\]"):
        rfft(T.vector())
    with pytest.raises(TypeError, match="three dimensions"):
        irfft(T.matrix())
    with pytest.raises(TypeError, match="real and imaginary"):
        IRFFT()(T.ftensor3(shape=(None, 3, 3)), T.iscalar())
    with pytest.raises(TypeError, match="no dimensions"):
        IRFFT()(T.ftensor3(), T.ivector())
    with pytest.raises(TypeError, match="floating point"):
        RFFT()(T.imatrix())
    for wrong in ("backward", 1):
        with pytest.raises(ValueError, match="norm is None"):
            rfft(T.matrix(), wrong)
    with pytest.raises(ValueError, match="is_odd"):
        irfft(T.tensor3(), is_odd="yes")
    with pytest.raises(AttributeError, match="did you mean 'rfft'"):
        _ = T.fft.rffft


def test_lengths_that_do_not_fit():
    x = T.matrix("x")
    with pytest.raises(IndexError, match="cannot be transformed"):
        sn.function([x], rfft(x), mode="reference")(np.zeros((2, 0), "float32"))
    y = T.tensor3("y")
    with pytest.raises(ValueError, match="not one of two parts"):
        sn.function([y], irfft(y), mode="reference")(np.zeros((2, 2, 3), "float32"))
