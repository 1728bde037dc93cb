"""What is not zero, distinct, repeated or counted, held to NumPy."""

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.gradient import verify_grad
from symnet.tensor.extra_ops import Unique

rng = np.random.default_rng(5)
ARRAYS = [
    rng.integers(0, 3, shape).astype("float32")
    for shape in [(5,), (3, 4), (2, 3, 4), (0,), (1,), (0, 3), (3, 0), (1, 1), (2, 1, 3)]
]
every = pytest.mark.parametrize("a", ARRAYS, ids=lambda a: str(a.shape))


def variable(a):
    return T.tensor("float32", (False,) * a.ndim, "x")


def same(found, want):
    assert found.shape == want.shape
    assert found.dtype == want.dtype
    np.testing.assert_array_equal(found, want)


@every
def test_nonzero(run, a):
    x = variable(a)
    for found, want in zip(run(list(x.nonzero()), x=a), np.nonzero(a), strict=True):
        same(found, want)
    same(run(T.nonzero(x, return_matrix=True), x=a), np.array(np.nonzero(a)))
    same(run(T.flatnonzero(x), x=a), np.flatnonzero(a))
    same(run(x.nonzero_values(), x=a), a[np.nonzero(a)])


def test_nonzero_of_all_none_and_booleans(run):
    x = T.matrix("x")
    for a in (np.ones((2, 3), "float32"), np.zeros((2, 3), "float32")):
        same(run(T.nonzero_values(x), x=a), a[np.nonzero(a)])
        same(run(T.flatnonzero(x > 0), x=a), np.flatnonzero(a))
    with pytest.raises(ValueError, match="one dimension"):
        T.nonzero(T.scalar())


@every
def test_unique(run, a):
    x = variable(a)
    got = run(T.unique(x, True, True, True), x=a)
    want = np.unique(a.ravel(), True, True, True)
    for found, expected in zip(got, want, strict=True):
        same(found, expected)
    same(run(T.unique(x), x=a), np.unique(a))
    for axis in range(a.ndim):
        if a.size:
            got = run(Unique(True, True, True, axis)(x), x=a)
            for found, expected in zip(got, np.unique(a, True, True, True, axis), strict=True):
                same(found, expected.reshape(-1) if expected.dtype == "int64" else expected)


def test_the_inverse_of_unique_has_the_length_of_what_it_is_of(run):
    x = T.vector("x")
    values, inverse = T.unique(x, return_inverse=True)
    a = np.array([3, 1, 3, 2], "float32")
    same(run(values[inverse] - x, x=a), np.zeros(4, "float32"))


@every
def test_compress(run, a):
    x, condition = variable(a), T.vector("c", dtype="bool")
    for axis in (None, *range(a.ndim)):
        n = a.size if axis is None else a.shape[axis]
        for c in (np.ones(n, bool), np.zeros(n, bool), rng.integers(0, 2, n).astype(bool)):
            for short in (c, c[: n // 2]):
                got = run(x.compress(condition, axis), x=a, c=short)
                same(got, np.compress(short, a, axis))


@every
def test_repeat(run, a):
    x, n, counts = variable(a), T.lscalar("n"), T.lvector("counts")
    for axis in (None, *range(a.ndim), -1):
        for k in (0, 1, 3):
            same(run(T.repeat(x, k, axis), x=a), np.repeat(a, k, axis))
            same(run(x.repeat(n, axis), x=a, n=k), np.repeat(a, k, axis))
            same(run(T.repeat(x, [k], axis), x=a), np.repeat(a, [k], axis))
        length = a.size if axis is None else a.shape[axis]
        many = rng.integers(0, 4, length)
        same(run(T.repeat(x, counts, axis), x=a, counts=many), np.repeat(a, many, axis))
    with pytest.raises(ValueError, match=r"negative|length"):
        run(T.repeat(x, counts), x=a, counts=np.full(a.size or 1, -1))


def test_repeat_takes_integers():
    with pytest.raises(TypeError, match="integer"):
        T.repeat(T.vector(), 1.5)
    with pytest.raises(TypeError, match="vector"):
        T.repeat(T.vector(), T.lmatrix())


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool"])
def test_bincount(run, dtype):
    x, w, m = T.vector("x", dtype=dtype), T.vector("w"), T.lscalar("m")
    for n in (0, 1, 6):
        a = rng.integers(0, 2 if dtype == "bool" else 5, n).astype(dtype)
        b = rng.standard_normal(n).astype("float32")
        plain = a.astype("int64")
        same(run(T.bincount(x), x=a), np.bincount(plain))
        same(run(T.bincount(x, minlength=7), x=a), np.bincount(plain, minlength=7))
        same(run(T.bincount(x, minlength=m), x=a, m=2), np.bincount(plain, minlength=2))
        got = run(T.bincount(x, w), x=a, w=b)
        np.testing.assert_allclose(got, np.bincount(plain, b), rtol=1e-6)
        assert got.dtype == "float32"


def test_bincount_refuses_what_cannot_be_counted(run):
    x, w = T.lvector("x"), T.vector("w")
    with pytest.raises(IndexError):
        run(T.bincount(x), x=[1, -1, 2])
    with pytest.raises(ValueError, match="length"):
        run(T.bincount(x, w), x=[1, 1, 2], w=[1, 2])
    with pytest.raises(TypeError, match="integers"):
        T.bincount(w)


C = np.array([True, False, True, True])
GRADIENTS = {
    "nonzero_values": lambda x: T.nonzero_values(x) ** 3,
    "compress": lambda x: T.compress(C[:3], x, 0) ** 3,
    "compress columns": lambda x: T.compress(C, x, 1) * x[:, :3],
    "repeat": lambda x: T.repeat(x, 2, 0) ** 3,
    "repeat by counts": lambda x: T.repeat(x, [1, 0, 2], 0) ** 3,
    "unique": lambda x: T.unique(x) ** 3,
    "bincount": lambda x: T.bincount([0, 2, 2], x[:, 1]) ** 3,
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_to_second_order(name):
    value = rng.permutation(12).reshape(3, 4) / 4 + 0.5
    f = GRADIENTS[name]
    verify_grad(f, [value])
    verify_grad(lambda x: sn.grad((f(x) ** 2).sum(), x), [value])
