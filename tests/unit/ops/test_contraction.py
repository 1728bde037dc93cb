import numpy as np
import pytest

import symnet.tensor as T
from symnet.interpreter import evaluate
from symnet.ops import BatchedDot, Dot
from tests.unit.ops.elements import check, check_gradients

rng = np.random.default_rng(5)


@pytest.mark.parametrize(("m", "k", "n"), [(2, 3, 4), (1, 3, 1), (2, 1, 3), (0, 2, 3), (2, 0, 3)])
def test_dot(m, k, n):
    a, b = rng.normal(size=(m, k)), rng.normal(size=(k, n))
    np.testing.assert_allclose(check(Dot(), a, b), a @ b)
    check_gradients(Dot(), a, b)
    assert check(Dot(), a.astype("f"), b.astype("f")).dtype == "float32"


def test_errors():
    x = T.fmatrix("x")
    with pytest.raises(TypeError, match="one floating point dtype"):
        Dot()(x, T.dmatrix())
    with pytest.raises(TypeError, match="one floating point dtype"):
        Dot()(T.imatrix(), T.imatrix())
    with pytest.raises(TypeError, match="multiplies matrices"):
        Dot()(x, T.fvector())
    with pytest.raises(TypeError, match="transpose"):
        Dot()(T.fmatrix(shape=(2, 3)), T.fmatrix(shape=(2, 3)))
    y = T.fmatrix("y")
    with pytest.raises(ValueError, match="do not match the rows of the second: 3 and 2"):
        evaluate([Dot()(x, y)], {x: np.zeros((2, 3), "f"), y: np.zeros((2, 3), "f")})


@pytest.mark.parametrize(
    ("b", "m", "k", "n"),
    [(2, 2, 3, 4), (1, 2, 2, 2), (3, 1, 3, 1), (2, 2, 1, 3), (0, 2, 3, 2), (2, 2, 0, 3)],
)
def test_batched_dot(b, m, k, n):
    x, y = rng.normal(size=(b, m, k)), rng.normal(size=(b, k, n))
    np.testing.assert_allclose(check(BatchedDot(), x, y), x @ y)
    check_gradients(BatchedDot(), x, y)
    assert check(BatchedDot(), x.astype("f"), y.astype("f")).dtype == "float32"


def test_batched_errors():
    x = T.ftensor3("x")
    with pytest.raises(TypeError, match="one floating point dtype"):
        BatchedDot()(x, T.dtensor3())
    with pytest.raises(TypeError, match="three dimensions each"):
        BatchedDot()(x, T.fmatrix())
    with pytest.raises(TypeError, match=r"dimshuffle\(0, 2, 1\)"):
        BatchedDot()(T.ftensor3(shape=(2, 2, 3)), T.ftensor3(shape=(2, 2, 3)))
    with pytest.raises(TypeError, match="holds 2 matrices but"):
        BatchedDot()(T.ftensor3(shape=(2, 2, 3)), T.ftensor3(shape=(3, 3, 3)))
    y = T.ftensor3("y")
    z = BatchedDot()(x, y)
    one, two = np.zeros((1, 2, 3), "f"), np.zeros((2, 2, 3), "f")
    with pytest.raises(ValueError, match="numbers of matrices do not match: 1 and 2"):
        evaluate([z], {x: one, y: two})
    with pytest.raises(ValueError, match="rows of the second: 3 and 2"):
        evaluate([z], {x: two, y: two})
