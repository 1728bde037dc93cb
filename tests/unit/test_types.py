"""Types make inputs and judge values."""

import numpy as np
import pytest

import symnet.tensor as T


def test_names_with_a_letter_are_types():
    assert T.imatrix == T.TensorType("int32", (False, False))
    assert T.imatrix("a").type == T.imatrix
    assert T.fmatrix("a", shape=(None, 3)).type == T.TensorType("float32", (None, 3))
    with pytest.raises(TypeError, match="name of a variable"):
        T.imatrix(3)


@pytest.mark.parametrize(
    ("data", "settings"),
    [
        ([[1, 2.5]], {}),
        (np.ones((1, 2), "float32"), {"strict": True}),
        (np.ones((1, 2), "int16"), {}),
        (np.ones((1, 2)), {"allow_downcast": True}),
    ],
)
def test_values_are_converted(data, settings):
    found = T.fmatrix.filter(data, **settings)
    assert found.dtype == "float32"
    np.testing.assert_array_equal(found, data)


@pytest.mark.parametrize(
    ("data", "settings"),
    [
        (np.ones((1, 2)), {}),
        ([[1.0]], {"allow_downcast": False}),
        ([[1]], {"strict": True}),
        (np.ones((1, 2), "int16"), {"strict": True}),
        (np.ones(2, "float32"), {}),
    ],
)
def test_values_are_refused(data, settings):
    with pytest.raises(TypeError, match="is no float32"):
        T.fmatrix.filter(data, **settings)


def test_valid_values():
    assert T.fvector.is_valid_value(np.ones(2, "float32"))
    assert not T.fvector.is_valid_value(np.ones(2))
    assert not T.fvector.is_valid_value([1.0])
