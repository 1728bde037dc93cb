"""What a call accepts, and that the answer is right."""

from __future__ import annotations

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T

pytestmark = pytest.mark.usefixtures("device")

VALUES = np.arange(12, dtype="float32").reshape(3, 4)


class Labelled(np.ndarray):
    """A subclass, as users have them."""


def misaligned(value):
    memory = np.zeros(value.nbytes + 1, "uint8")[1:]
    shifted = memory.view(value.dtype).reshape(value.shape)
    shifted[...] = value
    assert not shifted.flags.aligned
    return shifted


def read_only(value):
    value = value.copy()
    value.flags.writeable = False
    return value


FORMS = {
    "plain": lambda v: v,
    "read only": read_only,
    "columns first": np.asfortranarray,
    "strided": lambda v: np.repeat(v, 2, axis=1)[:, ::2],
    "backwards": lambda v: v[::-1, ::-1].copy()[::-1, ::-1],
    "broadcast": lambda v: np.broadcast_to(v[:1], v.shape),
    "other bytes": lambda v: v.astype(v.dtype.newbyteorder()),
    "misaligned": misaligned,
    "subclass": lambda v: v.view(Labelled),
    "matrix": np.asmatrix,
    "half": lambda v: v.astype("float16"),
    "short": lambda v: v.astype("int16"),
    "long": lambda v: v.astype("int64"),
    "list": lambda v: v.tolist(),
    "rows": list,
    "tuple": lambda v: tuple(map(tuple, v)),
    "unmasked": lambda v: np.ma.masked_array(v).filled(),
}


@pytest.fixture(scope="module", params=[None, "debug"])
def mode(request):
    return request.param


@pytest.mark.filterwarnings("ignore:.*matrix:PendingDeprecationWarning")
def test_forms_of_one_value(mode):
    x = T.matrix("x")
    w = sn.shared(np.ones(4, "float32"), name="w")
    f = sn.function([x], [x * 2 + 1, T.dot(x, w)], mode=mode)
    for name, form in FORMS.items():
        value = form(VALUES)
        before = np.array(value, "float32")
        doubled, product = f(value)
        np.testing.assert_array_equal(doubled, before * 2 + 1, err_msg=name)
        np.testing.assert_array_equal(product, before.sum(1), err_msg=name)
        np.testing.assert_array_equal(np.array(value, "float32"), before)
    if mode is None:
        assert len(f.programs) == 1


SCALARS = [3, 3.0, True, np.float32(3), np.int8(3), np.array(3, "float32"), np.array(3)]


@pytest.mark.parametrize("value", SCALARS, ids=repr)
def test_numbers(value):
    x = T.scalar("x")
    found = sn.function([x], x * 2)(value)
    assert (found.shape, found.dtype, found) == ((), np.float32, 2 * float(value))


def test_integers():
    for dtype in ("int8", "uint8", "int32", "int64", "uint64"):
        n = T.scalar("n", dtype=dtype)
        f = sn.function([n], n, name="f")
        info = np.iinfo(dtype)
        for value in (0, 5, int(info.min), int(info.max), np.int64(7), np.uint8(7), np.array(7)):
            assert f(value) == value
            assert f(value).dtype == dtype
        for value in (int(info.min) - 1, int(info.max) + 1, 0.5, np.float64(1)):
            with pytest.raises(TypeError, match=r"f\(\): input n \(number 0\) needs"):
                f(value)


def test_booleans():
    b = T.vector("b", dtype="bool")
    f = sn.function([b], T.switch(b, 1, -1))
    assert f([True, False]).tolist() == f(np.array([1, 0])).tolist() == [1, -1]
    with pytest.raises(TypeError, match="needs bool"):
        f([1, 2])


WRONG = {
    "dimensions": (
        np.zeros(3, "float32"),
        TypeError,
        r"needs 2 dimensions, got 1 \(shape \(3,\)\)",
    ),
    "double": (np.zeros((1, 1)), TypeError, r"needs float32, got an array of float64"),
    "fraction": (np.full((1, 1), 2**25 + 1), TypeError, "needs float32, got an array of int64"),
    "complex": (np.zeros((1, 1), complex), TypeError, "needs float32, got an array of complex128"),
    "objects": (np.full((1, 1), None), TypeError, "needs float32, got an array of object"),
    "words": ([["a"]], TypeError, "needs float32, got list"),
    "ragged": ([[1], [1, 2]], TypeError, "cannot be made an array"),
    "nothing": (None, TypeError, "needs float32, got NoneType"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_convert(name):
    value, error, message = WRONG[name]
    x = T.matrix("x")
    s = sn.shared(np.float32(0), name="s")
    f = sn.function([x], updates=[(s, s + x.sum())], name="step")
    with pytest.raises(error, match=r"step\(\): input x \(number 0\) " + message):
        f(value)
    assert s.get_value() == 0
    f(np.ones((2, 2), "float32"))
    with pytest.raises(error, match=message):
        f(value)
    assert s.get_value() == 4


def test_a_type_that_says_a_length():
    x = T.row("x")
    f = sn.function([x], x + T.zeros((2, 3)), name="f")
    assert f([[1, 2, 3]]).shape == (2, 3)
    with pytest.raises(
        ValueError, match=r"f\(\): input x \(number 0\) has length 2 in dimension 0"
    ):
        f(np.ones((2, 3), "float32"))


def test_nothing_at_all():
    x = T.matrix("x")
    w = sn.shared(np.ones((4, 2), "float32"), name="w")
    s = sn.shared(np.float32(5), name="s")
    f = sn.function([x], [T.dot(x, w), x.sum(), x.prod(), x * 2], updates=[(s, s + x.sum())])
    for rows in (3, 0, 0, 7, 0):
        product, total, one, double = f(np.ones((rows, 4), "float32"))
        assert product.tolist() == [[4, 4]] * rows
        assert (total, one) == (4 * rows, 1)
        assert double.shape == (rows, 4)
    assert s.get_value() == 5 + 40
    v = T.vector("v")
    assert sn.function([v], v * 2)([]).shape == (0,)
    assert np.isnan(sn.function([v], v.mean())([]))
    with pytest.raises((ValueError, IndexError), match="empty"):
        sn.function([v], v.max())([])


def test_a_big_batch():
    x, y = T.matrix("x"), T.ivector("y")
    w = sn.shared(np.full((16, 3), 0.1, "float32"), name="w")
    p = T.nnet.softmax(T.dot(x, w))
    cost = T.nnet.categorical_crossentropy(p, y).mean()
    step = sn.function([x, y], cost, updates=[(w, w - sn.grad(cost, w))])
    rng = np.random.default_rng(0)
    for rows in (10, 200_000):
        data = rng.standard_normal((rows, 16)).astype("float32")
        labels = rng.integers(0, 3, rows, "int32")
        before = w.get_value()
        found = step(data, labels)
        z = data.astype("float64") @ before
        p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
        assert abs(found + np.log(p[np.arange(rows), labels]).mean()) < 1e-5
        d = (p - np.eye(3)[labels]) / rows
        np.testing.assert_allclose(w.get_value(), before - data.T @ d, atol=1e-5)


def test_nan_and_inf():
    x = T.matrix("x")
    outputs = [x.sum(0), x.max(1), T.nnet.softmax(x), T.maximum(x, 0), x > 0, T.isnan(x).any()]
    f = sn.function([x], outputs)
    data = np.array([[1, np.nan, 3], [np.inf, 0, 1], [-np.inf, 2, 3]], "float32")
    total, most, soft, positive, greater, any_nan = f(data)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(total, data.sum(0))
        np.testing.assert_array_equal(most, data.max(1))
        e = np.exp(data[2] - 3)
        np.testing.assert_allclose(soft[2], e / e.sum(), rtol=1e-6)
        assert np.isnan(soft[:2]).any(1).all()
        np.testing.assert_array_equal(positive, np.maximum(data, 0))
        np.testing.assert_array_equal(greater, data > 0)
        assert any_nan


def test_outputs_are_the_callers_own():
    x = T.vector("x")
    w = sn.shared(np.ones(3, "float32"), name="w")
    f = sn.function([x], [x, w, x + w, x + w, T.constant(np.float32([7]))])
    data = np.arange(3, dtype="float32")
    first = f(data)
    for k, a in enumerate(first):
        assert a.flags.writeable
        for b in [*first[:k], data, w.get_value(borrow=True)]:
            assert not np.shares_memory(a, b)
        a[...] = -1
    assert [a.tolist() for a in f(data)] == [[0, 1, 2], [1, 1, 1], [1, 2, 3], [1, 2, 3], [7]]


def test_kinds_of_outputs():
    x = T.vector("x")
    data = np.arange(3, dtype="float32")
    assert sn.function([x], {"a": x + 1, "b": x.sum()})(data)["b"] == 3
    single = sn.function([x], [x.sum()])
    assert (single(data), single(data)) == ([3], [3])
    s = sn.shared(0, name="n")
    silent = sn.function([x], updates=[(s, s + x.shape[0])])
    assert silent(data) == silent(data) == []
    assert s.get_value() == 6


def test_floatx():
    with sn.config.change(floatX="float64"):
        x = T.vector("x")
        s = sn.shared(0.0, name="s")
        f = sn.function([x], x / 3, updates=[(s, s + x.sum())])
    np.testing.assert_array_equal(f([0.1, 1e-300]), np.array([0.1, 1e-300]) / 3)
    f(np.array([0.1, 0.2]))
    f(np.float32([1, 2]))
    assert abs(s.get_value() - 3.4) < 1e-12


@pytest.mark.parametrize("mode", ["reference", "debug", "FAST_COMPILE", "FAST_RUN", None])
def test_modes(mode):
    x = T.matrix("x")
    w = sn.shared(np.ones((4, 2), "float32"), name="w")
    f = sn.function([x], T.tanh(T.dot(x, w)).sum(), updates=[(w, w * 2)], mode=mode)
    np.testing.assert_allclose(f(VALUES), np.tanh(VALUES.sum(1)).sum() * 2, rtol=1e-5)
    assert w.get_value().sum() == 16


def test_profile():
    x = T.matrix("x")
    f = sn.function([x], T.dot(x, x.T).sum(), profile=True)
    f(VALUES)
    assert "ms" in f.profile
    assert sn.function([x], x).profile.startswith("nothing was measured")
