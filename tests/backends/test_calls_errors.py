"""Calls that raise: what they say, and that they change nothing."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.op import Op

pytestmark = pytest.mark.usefixtures("device")

ROWS, FEATURES, CLASSES = 4, 5, 3


class Model:
    """A training step with many updates, all of which must be kept or none."""

    def __init__(self, mode=None):
        rng = np.random.default_rng(0)
        self.x, self.y = T.matrix("x"), T.lvector("y")
        self.w = sn.shared(rng.random((FEATURES, CLASSES), "float32"), name="w")
        self.b = sn.shared(np.zeros(CLASSES, "float32"), name="b")
        self.steps = sn.shared(0, name="steps")
        self.last = sn.shared(np.zeros((1, FEATURES), "float32"), name="last")
        self.shared = [self.w, self.b, self.steps, self.last]
        p = T.nnet.softmax(T.dot(self.x, self.w) + self.b)
        cost = -T.log(p)[T.arange(self.y.shape[0]), self.y].mean()
        gw, gb = sn.grad(cost, [self.w, self.b])
        updates = [
            (self.w, self.w - gw),
            (self.b, self.b - gb),
            (self.steps, self.steps + 1),
            (self.last, self.x),
        ]
        self.step = sn.function([self.x, self.y], cost, updates=updates, mode=mode, name="train")

    def values(self):
        return [s.get_value() for s in self.shared]

    def refuses(self, error, *args, match=None):
        before = self.values()
        with pytest.raises(error, match=match) as caught:
            self.step(*args)
        for s, old, new in zip(self.shared, before, self.values(), strict=True):
            np.testing.assert_array_equal(old, new, err_msg=s.name)
        return str(caught.value)


@pytest.fixture(params=[None, "reference", "debug", "FAST_COMPILE"])
def model(request):
    return Model(request.param)


def data(rows=ROWS, labels=(0, 2, 1, 2)):
    return np.ones((rows, FEATURES), "float32"), np.array(labels)


def test_nothing_changes_when_a_call_raises(model):
    x, y = data()
    narrow, single = x[:, :-1].copy(), x[0]
    for started in (False, True, True):
        model.refuses(ValueError, narrow, y)
        model.refuses((ValueError, IndexError), x, y[:-1])
        model.refuses(TypeError, single, y)
        model.refuses(TypeError, x.astype("float64"), y)
        model.refuses(TypeError, x, y + 0.5)
        model.refuses(TypeError, x)
        model.refuses(TypeError, x, y, y)
        for label in (CLASSES, -CLASSES - 1, 2**40, -(2**40)):
            for place in (0, ROWS - 1):
                wrong = y.copy()
                wrong[place] = label
                model.refuses(IndexError, x, wrong)
        before = model.values()
        model.step(x, y)
        assert model.steps.get_value() == before[2] + 1
        assert not np.array_equal(model.w.get_value(), before[0])
        assert started == (before[2] > 0)


def test_negative_labels_count_from_the_end():
    one, two = Model(), Model()
    x, y = data()
    for _ in range(3):
        assert one.step(x, y) == two.step(x, y - CLASSES)
    np.testing.assert_array_equal(one.w.get_value(), two.w.get_value())


def test_a_wrong_shape_says_where():
    model = Model()
    x, y = data()
    text = model.refuses(ValueError, x[:, :-1].copy(), y)
    assert "train()" in text
    assert "dot" in text
    assert "(4, 4)" in text
    assert "(5, 3)" in text
    assert __file__ in text
    assert "in __init__" in text


def test_a_length_that_happens_to_be_one_does_not_broadcast():
    x, y = T.matrices("x", "y")
    s = sn.shared(np.float32(0), name="s")
    f = sn.function([x, y], updates=[(s, (x + y).sum())], name="f")
    with pytest.raises(ValueError, match=r"f\(\)") as caught:
        f(np.ones((3, 4), "float32"), np.ones((1, 4), "float32"))
    text = str(caught.value)
    assert "(3, 4)" in text
    assert "(1, 4)" in text
    assert "broadcast" in text
    assert __file__ in text
    assert s.get_value() == 0


def test_an_index_out_of_range():
    table = sn.shared(np.arange(10, dtype="float32"), name="table")
    hits = sn.shared(0, name="hits")
    i = T.lscalar("i")
    f = sn.function([i], table[i], updates=[(hits, hits + 1)], name="look")
    assert [float(f(k)) for k in (0, 9, -1, -10)] == [0, 9, 9, 0]
    for k in (10, -11, 2**40, -(2**62)):
        with pytest.raises(IndexError, match=r"look\(\)") as caught:
            f(k)
        assert __file__ in str(caught.value)
    assert hits.get_value() == 4
    table.set_value(np.arange(20, dtype="float32"))
    assert f(15) == 15


def test_indices_out_of_range():
    table = sn.shared(np.arange(10, dtype="float32").reshape(5, 2), name="table")
    hits = sn.shared(0, name="hits")
    k = T.ivector("k")
    f = sn.function(
        [k], table[k], updates=[(hits, hits + 1), (table, T.inc_subtensor(table[k], 1))]
    )
    assert f([0, -1]).tolist() == [[0, 1], [8, 9]]
    before = table.get_value()
    for wrong in ([0, 5], [-6, 0], [2**31 - 1]):
        with pytest.raises(IndexError):
            f(wrong)
        np.testing.assert_array_equal(table.get_value(), before)
    assert hits.get_value() == 1


class Raising(Op):
    """Python code of the user's, which raises for values below zero."""

    def infer_types(self, types, operands):
        return [types[0]]

    def infer_shape(self, node, context):
        return [context.shape(0)]

    def perform(self, inputs):
        if (inputs[0] < 0).any():
            raise ArithmeticError("below zero")
        return [inputs[0] ** 0.5]


def test_python_code_that_raises():
    x = T.vector("x")
    a, b, c = (sn.shared(np.zeros(3, "float32"), name=n) for n in "abc")
    root = Raising()(x * 2)
    updates = [(a, a + x), (b, b + root), (c, Raising()(c + x))]
    f = sn.function([x], root.sum(), updates=updates)
    assert f([2, 2, 2]) == 6
    before = [s.get_value() for s in (a, b, c)]
    for values in ([2, 2, -1], [-1, 2, 2]):
        with pytest.raises(ArithmeticError, match="below zero"):
            f(values)
        for s, old in zip((a, b, c), before, strict=True):
            np.testing.assert_array_equal(s.get_value(), old)
    g = sn.function([x], updates=[(a, a + x), (c, Raising()(c - x))])
    with pytest.raises(ArithmeticError):
        g([100, 100, 100])
    np.testing.assert_array_equal(a.get_value(), before[0])
    assert f([2, 2, 2]) == 6


def test_more_memory_than_there_is():
    n = T.lscalar("n")
    s = sn.shared(np.float32(0), name="s")
    huge = T.alloc(np.float32(1), n, n)
    given = sn.function([n], huge, updates=[(s, s + 1)])
    kept = sn.function([n], T.dot(huge + s, T.ones((n,))).sum(), updates=[(s, s + 1)])
    for f in (given, kept):
        f(3)
        before = s.get_value()
        for _ in range(2):
            with pytest.raises((MemoryError, ValueError)):
                given(1 << 25)
        assert s.get_value() == before
        f(4)
    assert s.get_value() == 4


def test_debug_mode_undoes_what_it_finds_wrong(monkeypatch):
    model = Model("debug")
    x, y = data()
    model.step(x, y)
    module = sys.modules["symnet.function"]  # the name itself is the function's
    real = module.conclude

    def mistaken(name, labels, found, expected, *more):
        real(name, labels, found, [value + 1 for value in expected], *more)

    monkeypatch.setattr(module, "conclude", mistaken)
    text = model.refuses(AssertionError, x, y, match="differs from the interpreter's")
    assert "train()" in text
