import numpy as np
import pytest

import symnet.tensor as T

rng = np.random.default_rng(12)
SHAPES = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3,)),
    ((5, 2, 3), (3, 4)),
    ((3,), (5, 3, 4)),
    ((2, 3), (5, 3, 4)),
    ((2, 1, 3), (5, 3, 4)),
    ((), (2, 3)),
    ((2, 3), ()),
    ((0, 3), (3, 4)),
    ((2, 0), (0, 4)),
]


def _input(name, shape, dtype):
    return T.TensorType(dtype, (None,) * len(shape))(name)


@pytest.mark.parametrize(("left", "right"), SHAPES)
@pytest.mark.parametrize("dtypes", [("float32",) * 2, ("int32",) * 2, ("float32", "float64")])
def test_dot(run, left, right, dtypes):
    rng = np.random.RandomState(0)
    a = rng.randint(-4, 5, left).astype(dtypes[0])
    b = rng.randint(-4, 5, right).astype(dtypes[1])
    x, y = _input("x", left, dtypes[0]), _input("y", right, dtypes[1])
    expected = np.dot(a, b)
    for product in (T.dot(x, y), x.dot(y)):
        found = run(product, x=a, y=b)
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def test_dot_with_what_is_no_variable(run):
    x = T.vector("x")
    np.testing.assert_array_equal(run(T.dot(x, [[1.0], [2.0]]), x=[3, 4]), [11])
    np.testing.assert_array_equal(run(T.dot(2, x), x=[3, 4]), [6, 8])


def test_matmul(run):
    x, y = T.matrix("x"), T.vector("y")
    np.testing.assert_array_equal(run(x @ y, x=[[1, 2]], y=[3, 4]), [11])
    np.testing.assert_array_equal(run(np.ones((1, 2), "float32") @ y, y=[3, 4]), [7])
    with pytest.raises(ValueError, match=r"scalars are multiplied with \*"):
        x @ T.scalar()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((5, 2, 3), (5, 3, 4)),
        ((5, 2, 3), (1, 3, 4)),
        ((1, 2, 3), (5, 3, 4)),
        ((5, 2, 3), (3, 4)),
        ((2, 3), (5, 3, 4)),
        ((3,), (5, 3, 4)),
        ((5, 2, 3), (3,)),
        ((6, 1, 2, 3), (5, 3, 4)),
        ((6, 5, 2, 3), (1, 5, 3, 1)),
        ((0, 2, 3), (0, 3, 4)),
        ((5, 2, 0), (5, 0, 4)),
        ((1, 1, 1), (1, 1, 1)),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "int32", "bool"])
def test_matmul_over_leading_dimensions(run, left, right, dtype):
    a, b = (rng.integers(-4, 5, s).astype(dtype) for s in (left, right))
    for static in (False, True):
        x, y = (_known_ones(v, n, static) for v, n in ((a, "x"), (b, "y")))
        found = run(x @ y, x=a, y=b)
        expected = np.matmul(a, b)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def _known_ones(a, name, static=False):
    shape = tuple(n if static or n == 1 else None for n in a.shape)
    return T.TensorType(a.dtype, shape)(name)


@pytest.mark.parametrize(
    ("left", "right", "axes"),
    [
        ((2, 3, 4), (3, 4, 5), 2),
        ((2, 3), (4, 5), 0),
        ((2, 3, 4), (4, 3), [[1, 2], [1, 0]]),
        ((2, 3, 4), (4, 2, 6), [2, 0]),
        ((2, 3, 4), (4, 2, 6), ((0, -1), (1, 0))),
        ((2, 3), (2, 3), [[0, 1], [0, 1]]),
        ((3,), (3,), 1),
        ((2, 0), (0, 5), 1),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_tensordot(run, left, right, axes, dtype):
    a, b = (rng.integers(-4, 5, s).astype(dtype) for s in (left, right))
    x, y = _input("x", left, dtype), _input("y", right, dtype)
    found = run(T.tensordot(x, y, axes=axes), x=a, y=b)
    np.testing.assert_array_equal(found, np.tensordot(a, b, axes))


def test_axes_that_tensordot_refuses():
    x, y = T.tensor3(), T.matrix()
    with pytest.raises(ValueError, match="axes=3 is out of range"):
        T.tensordot(x, y, 3)
    with pytest.raises(ValueError, match="2 axes of x cannot go with 1 of y"):
        T.tensordot(x, y, [[0, 1], [0]])
    with pytest.raises(ValueError, match="a number or a pair"):
        T.tensordot(x, y, [1, 2, 3])
    with pytest.raises(ValueError, match="axis 2 is out of range"):
        T.tensordot(x, y, [0, 2])
    with pytest.raises(ValueError, match="names a dimension twice"):
        T.tensordot(x, y, [[0, 0], [0, 1]])
    with pytest.raises(ValueError, match="that of the batch"):
        T.batched_tensordot(x, y, [0, 1])


@pytest.mark.parametrize(
    ("left", "right", "notation"),
    [
        ((5, 2, 3), (5, 3, 4), "bmk,bkn->bmn"),
        ((5, 3), (5, 3, 4), "bk,bkn->bn"),
        ((5, 2, 3), (5, 3), "bmk,bk->bm"),
        ((5, 3), (5, 3), "bk,bk->b"),
        ((5,), (5, 3), "b,bk->bk"),
        ((5, 3, 2), (5,), "bkl,b->bkl"),
        ((5, 2, 3, 4), (5, 4, 6), "bmlk,bkn->bmln"),
        ((5, 2, 4), (5, 3, 4, 6), "bmk,blkn->bmln"),
        ((0, 2, 3), (0, 3, 4), "bmk,bkn->bmn"),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "int32"])
def test_batched_dot(run, left, right, notation, dtype):
    a, b = (rng.integers(-4, 5, s).astype(dtype) for s in (left, right))
    x, y = _input("x", left, dtype), _input("y", right, dtype)
    found = run(T.batched_dot(x, y), x=a, y=b)
    np.testing.assert_array_equal(found, np.einsum(notation, a, b))


def test_batched_tensordot(run):
    a, b = rng.normal(size=(5, 2, 3, 4)), rng.normal(size=(5, 3, 4, 6))
    x, y = _input("x", a.shape, "float64"), _input("y", b.shape, "float64")
    found = run(T.batched_tensordot(x, y, 2), x=a, y=b)
    np.testing.assert_allclose(found, np.einsum("bmij,bijn->bmn", a, b), rtol=1e-12)
    found = run(T.batched_tensordot(x, y, [[3, 2], [2, 1]]), x=a, y=b)
    np.testing.assert_allclose(found, np.einsum("bmij,bijn->bmn", a, b), rtol=1e-12)
    with pytest.raises(TypeError, match="whose first dimension is the batch"):
        T.batched_dot(x, T.scalar())


def test_inner_and_vdot(run):
    a, b = rng.normal(size=(2, 3)), rng.normal(size=(4, 3))
    x, y = T.dmatrices("x", "y")
    np.testing.assert_allclose(run(T.inner(x, y), x=a, y=b), np.inner(a, b), rtol=1e-12)
    np.testing.assert_allclose(run(T.inner(x, 2.0), x=a), 2 * a, rtol=1e-12)
    np.testing.assert_allclose(run(T.vdot(x, y), x=a, y=b[:2]), np.vdot(a, b[:2]), rtol=1e-12)


def test_outer(run):
    x, y = T.vectors("x", "y")
    np.testing.assert_array_equal(run(T.outer(x, y), x=[1, 2], y=[3, 4]), [[3, 4], [6, 8]])
    assert T.outer(T.matrix(), T.scalar()).broadcastable == (False, True)


def test_lengths_that_do_not_agree(run):
    with pytest.raises(TypeError, match=r"dot: the last dimension of x, .*\[\?, 3\], has length 3"):
        T.dot(T.matrix("x", shape=(None, 3)), T.matrix("y", shape=(4, None)))
    with pytest.raises(ValueError, match="columns of the first matrix do not match"):
        run(T.dot(T.matrix("x"), T.matrix("y")), x=[[1, 2]], y=[[1, 2]])


@pytest.mark.parametrize("options", [{}, {"bias": True}, {"ddof": 0}, {"rowvar": False}])
def test_cov(run, options):
    a, b = rng.normal(size=(3, 5)), rng.normal(size=(3, 5))
    x, y = T.dmatrices("x", "y")
    for given, arrays in (((x,), (a,)), ((x, y), (a, b))):
        found = run(T.cov(*given, **options), x=a, y=b)
        np.testing.assert_allclose(found, np.cov(*arrays, **options), rtol=1e-12)
    v = T.dvector("v")
    np.testing.assert_allclose(run(T.cov(v), v=a[0]), np.cov(a[0]), rtol=1e-12)
    with pytest.raises(ValueError, match="a vector or a matrix"):
        T.cov(T.tensor3())


def test_trace(run):
    x = T.dmatrix("x")
    a = rng.normal(size=(3, 3))
    np.testing.assert_allclose(run([x.trace(), T.trace(x)], x=a), [np.trace(a)] * 2, rtol=1e-12)
