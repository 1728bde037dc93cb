import numpy as np
import pytest

import symnet.tensor as T
from symnet.config import config
from symnet.graph import Constant
from symnet.interpreter import evaluate
from symnet.ops import DimShuffle, Elemwise, apply_row
from symnet.scalar import rows
from tests.unit.ops.elements import check, check_gradients

R = rows()
rng = np.random.default_rng(1)


@pytest.mark.parametrize(
    ("shapes", "result"),
    [
        (((3, 4), (3, 4)), (3, 4)),
        (((3, 1), (1, 4)), (3, 4)),
        (((4,), (3, 4)), (3, 4)),
        (((), (2, 3)), (2, 3)),
        (((1, 1), (1, 1)), (1, 1)),
        (((0, 3), (1, 3)), (0, 3)),
        (((0,), ()), (0,)),
        (((), ()), ()),
    ],
)
def test_broadcasts(shapes, result):
    a, b = (rng.normal(size=s) for s in shapes)
    assert check(lambda x, y: R["mul"](x, y), a, b).shape == result
    np.testing.assert_array_equal(check(lambda x, y: x - y, a, b), a - b)
    check_gradients(lambda x, y: R["mul"](x, y), a, b)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("other", ["bool", "int16", "float32"])
def test_dtypes_are_numpys(dtype, other):
    a, b = np.arange(4).astype(dtype), np.arange(1, 5).astype(other)
    found = check(lambda x, y: x + y, a, b)
    assert found.dtype == (a + b).dtype
    np.testing.assert_array_equal(found, a + b)


@pytest.mark.parametrize(
    ("dtype", "number", "result"),
    [
        ("float32", 0.5, "float32"),
        ("float32", 2, "float32"),
        ("float64", 0.5, "float64"),
        ("int8", 3, "int8"),
        ("int32", 0.5, "float32"),
        ("int64", 0.5, "float32"),
        ("bool", 0.5, "float32"),
        ("bool", 1, "int64"),
        ("int32", True, "int32"),
    ],
)
def test_python_numbers_are_weak(dtype, number, result):
    x = T.TensorType(dtype, (None,))("x")
    assert (x * number).dtype == result
    assert (number * x).dtype == result


def test_numpy_numbers_keep_their_dtype():
    x = T.fvector("x")
    assert (x * np.float64(2)).dtype == "float64"
    assert (x + np.zeros(3, "float64")).dtype == "float64"


def test_default_float_of_an_integer():
    x = T.ivector("x")
    with config.change(floatX="float64"):
        assert (x * 0.5).dtype == "float64"
        assert (x / 2).dtype == "float64"
    assert (x / 2).dtype == "float32"


def test_condition_has_no_say_in_the_dtype():
    assert R["switch"](T.ivector(), T.fvector(), 0.5).dtype == "float32"
    assert R["switch"](T.fvector(), 1, 0).dtype == "int64"
    assert R["switch"](T.fvector(), 1, 0.5).dtype == "float32"
    assert R["switch"](T.bvector(), T.ivector(), 0.5).dtype == "float32"


def test_integer_that_does_not_fit():
    with pytest.raises(OverflowError, match="300 does not fit int8"):
        T.bvector() + 300


def test_numbers_become_constants_of_the_operands_ndim():
    node = (T.fmatrix() * 2).owner
    assert isinstance(node.inputs[1], Constant)
    assert node.inputs[1].type.shape == (1, 1)


def test_length_that_happens_to_be_1_does_not_broadcast():
    x, y = T.fvector("x"), T.fvector("y")
    with pytest.raises(ValueError, match="addbroadcast") as caught:
        evaluate([x + y], {x: np.zeros(1, "f"), y: np.zeros(3, "f")})
    assert "x: float32 (1,)" in "".join(caught.value.__notes__)
    assert "test_elementwise.py" in "".join(caught.value.__notes__)


def test_static_lengths_that_differ():
    with pytest.raises(TypeError, match=r"add: lengths of dimension 0 differ: float32\[3\], floa"):
        T.fvector(shape=(3,)) + T.fvector(shape=(4,))


def test_wrong_operands():
    with pytest.raises(TypeError, match="bitwise_and: bit operations need integers"):
        T.fvector() & T.ivector()
    with pytest.raises(TypeError, match="number of dimensions"):
        Elemwise(R["add"])(T.fvector(), T.fmatrix())
    with pytest.raises(TypeError, match="takes 2 operands"):
        apply_row(R["add"], [T.fvector()])


def test_operations_are_equal_by_value():
    assert Elemwise(R["add"]) == Elemwise(R["add"])
    assert hash(Elemwise(R["add"])) == hash(Elemwise(R["add"]))
    assert Elemwise(R["add"]) != Elemwise(R["mul"])
    assert DimShuffle((1, 0)) == DimShuffle((1, 0))


def test_gradient_of_float32_times_float64_is_float32():
    x, y = T.fvector("x"), T.dvector("y")
    g = T.grad((x * y).sum(), x)
    assert g.dtype == "float32"


@pytest.mark.parametrize(
    "fun",
    [
        lambda x, y: R["true_div"](x, y),
        lambda x, y: R["exp"](x) * R["tanh"](y),
        lambda x, y: R["switch"](R["gt"](x, 1.2), x * y, y),
        lambda x, y: R["maximum"](x, y),
        lambda x, y: R["pow"](x, y),
        lambda x, y: R["log"](x) / y + R["sqrt"](y),
    ],
)
def test_gradients(fun):
    check_gradients(fun, rng.uniform(0.5, 2, (3, 1)), rng.uniform(0.5, 2, (3, 2)))
