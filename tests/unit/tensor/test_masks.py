"""Boolean masks between brackets, held to NumPy."""

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.gradient import verify_grad

rng = np.random.default_rng(9)
X = rng.standard_normal((3, 4, 5)).astype("float32")

NAMES = {"a": 1, "b": 1, "ab": 2, "bc": 2, "abc": 3}
# What stands between the brackets, given masks of the first dimension, of the second, of the first
# two, of the last two and of all three.
INDICES = {
    "a": lambda a, b, ab, bc, abc: a,
    "a, slice": lambda a, b, ab, bc, abc: (a, slice(1, 3)),
    "slice, b": lambda a, b, ab, bc, abc: (slice(None), b),
    "slice, b, slice": lambda a, b, ab, bc, abc: (slice(1, None), b, slice(None, None, -2)),
    "..., b, slice": lambda a, b, ab, bc, abc: (..., b, slice(None)),
    "ab": lambda a, b, ab, bc, abc: ab,
    "ab, slice": lambda a, b, ab, bc, abc: (ab, slice(1, 4)),
    "slice, bc": lambda a, b, ab, bc, abc: (slice(None, 2), bc),
    "..., bc": lambda a, b, ab, bc, abc: (..., bc),
    "abc": lambda a, b, ab, bc, abc: abc,
    "a, None": lambda a, b, ab, bc, abc: (a, None, slice(1, 3)),
    "None, a": lambda a, b, ab, bc, abc: (None, a),
    "a, number": lambda a, b, ab, bc, abc: (a, -1),
    "number, b": lambda a, b, ab, bc, abc: (1, b),
    "number, slice, mask of the last": lambda a, b, ab, bc, abc: (1, slice(None), bc[0]),
    "ab, array": lambda a, b, ab, bc, abc: (ab, np.array([2])),
    "a, slice, array": lambda a, b, ab, bc, abc: (a, slice(None), np.array([[1], [0]])),
}


def masks(kind):
    shapes = [(3,), (4,), (3, 4), (4, 5), (3, 4, 5)]
    if kind == "some":
        return [rng.random(s) < 0.5 for s in shapes]
    return [np.full(s, kind == "all") for s in shapes]


def symbolic():
    return [T.tensor("bool", (False,) * n, name) for name, n in NAMES.items()]


def named(values):
    return dict(zip(NAMES, values, strict=True))


every = pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)


@every
@pytest.mark.parametrize("kind", ["some", "none", "all"])
def test_part(run, index, kind):
    x, values = T.tensor3("x"), masks(kind)
    want = X[index(*values)]
    for given in (symbolic(), values):
        found = run(x[index(*given)], x=X, **named(values))
        assert found.shape == want.shape
        np.testing.assert_array_equal(found, want)


@every
@pytest.mark.parametrize("kind", ["some", "none", "all"])
def test_changed(run, index, kind):
    x, y, values = T.tensor3("x"), T.scalar("y"), masks(kind)
    part = x[index(*symbolic())]
    row = rng.standard_normal(X[index(*values)].shape[-1:]).astype("float32")
    full = rng.standard_normal(X[index(*values)].shape).astype("float32")
    whole = T.tensor("float32", (False,) * full.ndim, "whole")
    given = {"x": X, "y": 7.0, "whole": full, **named(values)}
    for new, value in ((7, 7), (y, 7), (whole, full), (T.constant(row[None]), row)):
        if new is not y and isinstance(new, T.TensorConstant) and part.ndim == 1:
            continue
        want = X.copy()
        want[index(*values)] = value
        np.testing.assert_array_equal(run(T.set_subtensor(part, new), **given), want)
        want = X.copy()
        want[index(*values)] += value
        np.testing.assert_allclose(run(T.inc_subtensor(part, new), **given), want, rtol=1e-6)


def test_scalars_under_a_mask_need_no_positions():
    x, m = T.matrix("x"), T.matrix("m", dtype="bool")
    for changed in (T.set_subtensor(x[m], 0), T.inc_subtensor(x[m[:, 0]], [[1.0]])):
        assert len(sn.function([x, m], changed).stages) == 1


def test_masks_of_no_dimensions(run):
    x, m = T.vector("x"), T.scalar("m", dtype="bool")
    for value in (True, False):
        want = np.arange(3.0)[np.array(value)]
        assert run(x[m], x=[0, 1, 2], m=value).shape == want.shape
        assert run(x[value], x=[0, 1, 2]).shape == want.shape
    assert run(T.set_subtensor(x[m], 5), x=[0, 1, 2], m=True).tolist() == [5, 5, 5]
    assert run(T.set_subtensor(x[m], 5), x=[0, 1, 2], m=False).tolist() == [0, 1, 2]


def test_lengths_are_held_to_those_of_the_mask(run):
    x, m = T.matrix("x"), T.vector("m", dtype="bool")
    for part in (x[m], T.set_subtensor(x[m], 1)):
        for wrong in (np.ones(1, bool), np.ones(4, bool)):
            with pytest.raises(ValueError, match="the mask has other lengths"):
                run(part, x=np.zeros((3, 2)), m=wrong)
    with pytest.raises(IndexError, match="does not fit"):
        T.matrix(shape=(3, 2))[np.ones(2, bool)]
    with pytest.raises(IndexError, match="3 indices"):
        x[np.ones((1, 1, 1), bool)]


A, B = np.array([True, False, True]), np.array([[True, False, True], [False, False, True]])
GRADIENTS = {
    "rows": lambda x, y: (x[A[:2]] ** 3).sum(axis=1),
    "elements": lambda x, y: x[B] ** 3,
    "columns": lambda x, y: x[:, A] ** 3,
    "data": lambda x, y: x[x > 0.6] ** 3,
    "beside an array": lambda x, y: x[A[:2], np.array([1])] ** 3,
    "put": lambda x, y: T.set_subtensor(x[B], y**2) ** 2,
    "added": lambda x, y: T.inc_subtensor(x[B], y**2) ** 2,
    "a scalar put": lambda x, y: T.set_subtensor(x[B], y[0] ** 2) ** 2,
    "a row put": lambda x, y: T.set_subtensor(x[A[:2]], y**2) ** 2,
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_to_second_order(name):
    f = GRADIENTS[name]
    x, y = rng.permutation(6).reshape(2, 3) / 4 + 0.25, rng.standard_normal(3)

    def first(x, y):
        return sn.grad((f(x, y) ** 2).sum(), x)

    verify_grad(f, [x, y])
    verify_grad(first, [x, y])
