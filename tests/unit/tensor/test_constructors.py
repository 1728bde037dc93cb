import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet import dtypes
from symnet.config import config


@pytest.mark.parametrize(("code", "dtype"), dtypes.codes().items())
def test_prefix_says_the_dtype(code, dtype):
    for kind, ndim in [("scalar", 0), ("vector", 1), ("matrix", 2), ("tensor3", 3), ("tensor5", 5)]:
        x = getattr(T, code + kind)("x")
        assert (x.dtype, x.ndim, x.name) == (dtype, ndim, "x")


def test_default_dtype_is_that_of_the_moment():
    assert T.matrix().dtype == config.floatX
    with config.change(floatX="float64"):
        assert T.matrix().dtype == "float64"
        assert T.zeros((2,)).dtype == "float64"


def test_row_and_col_broadcast():
    assert T.row().broadcastable == (True, False)
    assert T.col("c", "float64").type == T.TensorType("float64", (False, True))


def test_static_lengths():
    x = T.matrix("x", shape=(None, 784))
    assert x.type.shape == (None, 784)
    assert T.row(shape=(None, 5)).type.shape == (1, 5)
    with pytest.raises(ValueError, match=r"shape \(3,\) is not one of the type"):
        T.matrix(shape=(3,))
    with pytest.raises(ValueError, match="not one of the type"):
        T.row(shape=(2, 5))


def test_plurals_take_names_or_a_number():
    a, b = T.matrices("a", "b")
    assert (a.name, b.name, b.ndim) == ("a", "b", 2)
    assert len(T.dscalars(3)) == 3
    assert [v.dtype for v in T.ivectors("i", "j")] == ["int32", "int32"]
    assert T.vectors("x", "y", dtype="int8")[1].dtype == "int8"


def test_a_name_is_a_string():
    with pytest.raises(TypeError, match="name of a variable is a string"):
        T.matrix(np.zeros((2, 2)))


def test_types_make_variables():
    kind = T.TensorType("float32", (False, True))
    x = kind("x")
    assert isinstance(x, T.TensorVariable)
    assert (x.name, x.broadcastable) == ("x", (False, True))
    assert T.TensorType("int32", (None, 3)).shape == (None, 3)
    assert T.TensorType(dtype="floatX", broadcastable=[True]) == T.TensorType("float32", (1,))
    assert kind.clone(dtype="int8") == T.TensorType("int8", (None, 1))
    assert x.clone().type == x.type
    with pytest.raises(TypeError, match="symnet has no dtype complex64"):
        T.TensorType("complex64", ())
    with pytest.raises(TypeError, match="a length in a type"):
        T.TensorType("float32", (-1,))


def test_tensor_makes_any_type():
    assert T.tensor("int8", (False,) * 6).ndim == 6
    assert T.tensor(shape=(2, None), name="t").type.shape == (2, None)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (True, "bool"),
        (3, "int64"),
        (2.5, "float32"),
        (np.float64(2.5), "float64"),
        ([1.0, 2.0], "float32"),
        ([np.float64(1)], "float64"),
        ([[1, 2], [3, 4]], "int64"),
        (np.zeros(2, ">f4"), "float32"),
    ],
)
def test_dtype_of_constants(value, dtype):
    c = T.constant(value)
    assert c.dtype == dtype
    np.testing.assert_array_equal(c.data, value)
    assert c.data.dtype.isnative


def test_constants_are_tensors():
    c = T.constant([[1.0, 2.0]], name="c", ndim=3)
    assert (c.name, c.type.shape) == ("c", (1, 1, 2))
    assert isinstance(c, T.TensorVariable)
    assert c.sum().ndim == 0
    with pytest.raises(ValueError, match="read-only"):
        c.data[0] = 1
    assert T.constant(1, dtype="int8").dtype == "int8"


@pytest.mark.parametrize("value", [None, "text", object(), 1j, [1, "a"], np.float16(1), {}])
def test_what_is_no_tensor(value):
    with pytest.raises(TypeError, match=r"cannot make a tensor of|no dtype"):
        T.as_tensor_variable(value)


def test_ragged_lists():
    with pytest.raises(TypeError, match="inhomogeneous"):
        T.constant([[1, 2], [3]])


def test_a_constant_of_a_variable():
    with pytest.raises(TypeError, match="has no value yet"):
        T.constant([T.scalar("x"), 1])


def test_as_tensor_variable(run):
    x = T.matrix("x")
    assert T.as_tensor_variable(x) is x
    assert T.as_tensor_variable(x.sum().owner).ndim == 0
    assert T.as_tensor_variable(x, ndim=3).broadcastable == (True, False, False)
    assert T.as_tensor_variable(T.row(), ndim=1).ndim == 1
    with pytest.raises(ValueError, match="cannot be taken as a tensor of ndim=1"):
        T.as_tensor_variable(x, ndim=1)
    listed = T.as_tensor_variable([[T.scalar("a"), 1], [2, T.scalar("b")]])
    np.testing.assert_array_equal(run(listed, a=5, b=6), [[5, 1], [2, 6]])


def test_filled_tensors(run):
    x, n = T.matrix("x"), T.iscalar("n")
    np.testing.assert_array_equal(run(T.zeros((2, n)), n=3), np.zeros((2, 3)))
    np.testing.assert_array_equal(run(T.ones(n, "int8"), n=2), np.ones(2, "int8"))
    np.testing.assert_array_equal(run(T.full((n, 2), 7.5), n=1), [[7.5, 7.5]])
    np.testing.assert_array_equal(run(T.zeros_like(x), x=[[1, 2]]), [[0, 0]])
    found = run(T.ones_like(x, dtype="int32"), x=[[1, 2]])
    assert found.dtype == "int32"
    np.testing.assert_array_equal(run(T.fill(x, 3), x=[[1, 2]]), [[3, 3]])
    np.testing.assert_array_equal(run(x.fill(T.vector("v")), x=[[1, 2]], v=[8, 9]), [[8, 9]])
    assert T.zeros(x.shape).ndim == 2
    assert T.zeros((2, 3)).type.shape == (2, 3)
    assert T.zeros(()).ndim == 0


def test_alloc(run):
    n = T.lscalar("n")
    v = T.vector("v")
    np.testing.assert_array_equal(run(T.alloc(v, n, 2), v=[1, 2], n=2), [[1, 2], [1, 2]])
    np.testing.assert_array_equal(run(T.alloc(1, 2, n), n=1), [[1], [1]])
    np.testing.assert_array_equal(run(T.broadcast_to(v, (n, 2)), v=[1, 2], n=1), [[1, 2]])
    with pytest.raises(ValueError, match="2 dimensions does not fit a shape of 1"):
        T.alloc(T.matrix(), 3)
    with pytest.raises(ValueError, match="negative"):
        T.zeros((-1, 2))
    with pytest.raises(TypeError, match="must be an integer of no dimensions"):
        T.zeros((2.5,))
    with pytest.raises(TypeError, match="must be an integer of no dimensions"):
        T.zeros((T.scalar("x"),))


def test_arange(run):
    n = T.iscalar("n")
    np.testing.assert_array_equal(run(T.arange(n), n=4), [0, 1, 2, 3])
    np.testing.assert_array_equal(run(T.arange(1, n, 2, dtype="int8"), n=6), [1, 3, 5])
    np.testing.assert_array_equal(run(T.arange(n, 0, -1), n=3), [3, 2, 1])
    assert T.arange(5).type == T.TensorType("int64", (5,))
    assert T.arange(n).dtype == "int64"
    np.testing.assert_array_equal(T.arange(0.5, 2).data, [0.5, 1.5])
    with pytest.raises(TypeError, match="integer of no dimensions"):
        T.arange(T.lvector("x"))


def test_eye(run):
    n = T.iscalar("n")
    np.testing.assert_array_equal(run(T.eye(n), n=3), np.eye(3))
    np.testing.assert_array_equal(run(T.eye(2, n, 1, "int32"), n=4), np.eye(2, 4, 1))
    np.testing.assert_array_equal(run(T.eye(4, k=-2)), np.eye(4, k=-2))
    np.testing.assert_array_equal(run(T.identity_like(T.matrix("x")), x=[[1, 2]]), [[1, 0]])


def test_a_typo_names_the_nearest():
    with pytest.raises(AttributeError, match="did you mean 'matrix'"):
        T.matirx  # noqa: B018
    with pytest.raises(AttributeError, match=r"symnet.tensor.nnet has no 'sofmax'.*'softmax'"):
        T.nnet.sofmax  # noqa: B018
    assert not hasattr(T, "nothing_like_anything_else")


def test_more_dimensions_and_prefixes():
    assert T.tensor6().ndim == 6
    assert [v.ndim for v in T.itensor7s(2)] == [7, 7]
    assert T.wcol().dtype == "int16"
    assert T.TensorType("float64", (True, False), name="mine")("x").broadcastable == (True, False)
    for name in ("zmatrix", "cvectors", "ztensor3", "ccol"):
        with pytest.raises(NotImplementedError, match=f"{name}: symnet has no complex numbers"):
            getattr(T, name)("x")


def test_empty(run):
    x = T.matrix("x")
    assert run(T.empty((2, 3), "int8")).shape == (2, 3)
    assert run(T.empty_like(x), x=np.ones((2, 3))).dtype == "float32"


@pytest.mark.parametrize("m", [-1, 0, 1, 2, 5, 8])
def test_bartlett(run, m):
    n = T.lscalar("n")
    for given in (m, n):
        found = run(T.bartlett(given), n=m)
        assert found.dtype == "float64"
        np.testing.assert_allclose(found, np.bartlett(m), atol=1e-15)


def test_what_is_known_beforehand():
    x = T.matrix("x")
    assert T.get_scalar_constant_value(T.constant([[2]]) * 3) == 6
    assert T.get_vector_length(x.shape) == 2
    for unknown in (T.scalar(), T.constant([1, 2])):
        with pytest.raises(T.NotScalarConstantError, match="no number known beforehand"):
            T.get_scalar_constant_value(unknown)
    with pytest.raises(ValueError, match="no vector of a length known"):
        T.get_vector_length(T.vector())


def test_classes_by_their_old_names():
    assert isinstance(sn.shared(np.zeros(2)), T.TensorSharedVariable)
    assert not isinstance(T.vector(), T.TensorSharedVariable)


@pytest.mark.parametrize("ends", [(0, 1, 0.25), (0.5, 3, 1), (2, 0.1, -0.3), (1, 0, 0.5)])
def test_range_of_fractions(ends):
    a, b, s = T.dscalars("a", "b", "s")
    f = sn.function([a, b, s], T.arange(a, b, s))
    np.testing.assert_allclose(f(*ends), np.arange(*map(float, ends)), rtol=1e-14)
    x = T.fscalar("x")
    assert T.arange(x).dtype == "float32"
    np.testing.assert_array_equal(T.arange(x).eval({x: 2.5}), [0, 1, 2])
    with pytest.raises(TypeError, match="has no dimensions"):
        T.arange(T.dvector())
    with pytest.raises(ValueError, match="the step cannot be 0"):
        T.arange(a, b, 0.0)
