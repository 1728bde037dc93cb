"""Updates and givens: all at once, from the old values."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T

pytestmark = pytest.mark.usefixtures("device")


def floats(*values):
    return np.array(values, "float32")


@pytest.fixture(params=[None, "reference", "debug", "FAST_COMPILE"])
def mode(request):
    return request.param


def test_swap(mode):
    a, b = sn.shared(floats(1, 2), name="a"), sn.shared(floats(3, 4), name="b")
    f = sn.function([], [a, b, a + b], updates=[(a, b), (b, a)], mode=mode)
    assert [x.tolist() for x in f()] == [[1, 2], [3, 4], [4, 6]]
    assert (a.get_value().tolist(), b.get_value().tolist()) == ([3, 4], [1, 2])
    f()
    assert (a.get_value().tolist(), b.get_value().tolist()) == ([1, 2], [3, 4])


def test_a_round_of_three(mode):
    a, b, c = (sn.shared(floats(k, k), name=n) for k, n in enumerate("abc"))
    f = sn.function([], updates={a: b + 1, b: c + 1, c: a + 1}, mode=mode)
    f()
    f()
    assert [s.get_value()[0] for s in (a, b, c)] == [4, 2, 3]


def test_updates_read_old_values(mode):
    w, v, n = (
        sn.shared(np.eye(3, dtype="float32") * k, name=s) for k, s in ((1, "w"), (2, "v"), (3, "n"))
    )
    updates = [(w, w - 0.5 * v), (v, T.dot(v, w)), (n, w.T + v.sum())]
    f = sn.function([], [w.sum(), (w * v).sum()], updates=updates, mode=mode)
    rw, rv = w.get_value(), v.get_value()
    for _ in range(3):
        total, product = f()
        assert abs(total - rw.sum()) < 1e-4
        assert abs(product - (rw * rv).sum()) < 1e-4
        rw, rv, rn = rw - 0.5 * rv, rv @ rw, rw.T + rv.sum()
        for s, want in ((w, rw), (v, rv), (n, rn)):
            np.testing.assert_allclose(s.get_value(), want, atol=1e-4, rtol=1e-4)


def test_what_an_update_reads_elsewhere(mode):
    """New values that need other elements of the old ones than their own."""
    start = np.arange(12, dtype="float32").reshape(3, 4)
    sq = np.arange(16, dtype="float32").reshape(4, 4)
    cases = {
        "turned": (sq, lambda w: w.T),
        "reversed": (start, lambda w: w[::-1]),
        "shifted": (start, lambda w: T.set_subtensor(w[1:], w[:-1])),
        "centred": (start, lambda w: w - w.mean(0)),
        "product": (sq, lambda w: T.dot(w, w)),
        "normed": (start, lambda w: w / w.sum()),
        "broadcast": (start, lambda w: w * 0 + w[:1].sum(0)),
    }
    for name, (value, change) in cases.items():
        w = sn.shared(value, name="w")
        want = sn.function([], change(w), mode="reference")()
        old = sn.function([], w, updates=[(w, change(w))], mode=mode)()
        np.testing.assert_array_equal(old, value, err_msg=name)
        np.testing.assert_allclose(w.get_value(), want, rtol=1e-5, err_msg=name)


def test_new_values_of_all_kinds(mode):
    x = T.vector("x")
    names = ("constant", "given", "other", "itself", "number", "sum")
    s = {n: sn.shared(floats(1, 2), name=n) for n in names}
    s["number"] = sn.shared(np.float32(1), name="number")
    updates = {
        s["constant"]: T.constant(floats(8, 9)),
        s["given"]: x,
        s["other"]: s["given"],
        s["itself"]: s["itself"],
        s["number"]: 5,
        s["sum"]: s["other"] + s["constant"] + x,
    }
    f = sn.function([x], [x, s["given"]], updates=updates, mode=mode)
    data = floats(10, 20)
    given, old = f(data)
    assert (given.tolist(), old.tolist()) == ([10, 20], [1, 2])
    found = {n: v.get_value().tolist() for n, v in s.items()}
    assert found == {
        "constant": [8, 9],
        "given": [10, 20],
        "other": [1, 2],
        "itself": [1, 2],
        "number": 5,
        "sum": [12, 24],
    }
    data[:] = 0
    assert s["given"].get_value().tolist() == [10, 20]


def test_an_update_that_changes_the_shape(mode):
    x = T.vector("x")
    log = sn.shared(np.zeros(0, "float32"), name="log")
    count = sn.shared(0, name="count")
    f = sn.function(
        [x], [log, count], updates=[(log, T.concatenate([log, x])), (count, count + 1)], mode=mode
    )
    assert [x.tolist() for x in f([1])] == [[], 0]
    for k in range(2, 8):
        f([k, 10 * k])
    assert log.get_value().tolist() == [1, *(n for k in range(2, 8) for n in (k, 10 * k))]
    assert count.get_value() == 7
    assert len(f.programs) <= 2


def test_a_state_that_takes_the_shape_of_the_input(mode):
    x = T.matrix("x")
    last, sums = sn.shared(np.zeros((1, 2), "float32"), name="last"), sn.shared(floats(0, 0))
    f = sn.function([x], last, updates=[(last, x * 2), (sums, sums + x.sum(0))], mode=mode)
    previous = np.zeros((1, 2), "float32")
    for rows in (3, 3, 1, 4, 3, 3):
        data = np.full((rows, 2), rows, "float32")
        np.testing.assert_array_equal(f(data), previous)
        previous = data * 2
        np.testing.assert_array_equal(last.get_value(), previous)
    assert sums.get_value().tolist() == [53, 53]


def test_the_type_of_a_shared_variable_holds(mode):
    x = T.matrix("x")
    row = sn.shared(np.ones((1, 2), "float32"), name="row", broadcastable=(True, False))
    f = sn.function([x], updates=[(row, x * 2)], mode=mode)
    f([[3, 4, 5]])
    assert row.get_value().tolist() == [[6, 8, 10]]
    with pytest.raises(ValueError, match="update of row"):
        f([[1, 1], [1, 1]])
    assert row.get_value().tolist() == [[6, 8, 10]]


def test_givens(mode):
    x, y = T.matrix("x"), T.ivector("y")
    i = T.lscalar("i")
    data = sn.shared(np.arange(24, dtype="float32").reshape(8, 3), name="data")
    w = sn.shared(np.ones(3, "float32"), name="w")
    product = T.dot(x, w)
    f = sn.function(
        [i],
        [product, y],
        updates=[(w, w + x.sum(0) * 0)],
        givens={x: data[i * 2 : (i + 1) * 2], y: T.cast(i, "int32") + T.arange(2, dtype="int32")},
        mode=mode,
    )
    for k in range(4):
        p, labels = f(k)
        assert p.tolist() == [18 * k + 3, 18 * k + 12]
        assert labels.tolist() == [k, k + 1]
    assert sn.function([y], product, givens={product: y * 2.0}, mode=mode)([3]) == 6
    other = sn.shared(np.zeros(3, "float32"))
    h = sn.function([x], product, givens=[(w, other)], mode=mode)
    assert h(np.ones((2, 3), "float32")).tolist() == [0, 0]


def test_default_updates(mode):
    s = sn.shared(np.float32(1), name="s")
    s.default_update = s * 2
    x = T.scalar("x")
    f = sn.function([x], s + x, mode=mode)
    quiet = sn.function([x], s + x, no_default_updates=True, mode=mode)
    assert [float(f(0)), float(f(0)), float(quiet(0)), float(f(0))] == [1, 2, 4, 4]


def test_one_variable_for_two_functions(mode):
    s = sn.shared(np.zeros(4, "float32"), name="s")
    x = T.vector("x")
    add = sn.function([x], updates=[(s, s + x)], mode=mode)
    double = sn.function([], s, updates=[(s, s * 2)], mode=mode)
    ones = np.ones(4, "float32")
    for k in range(5):
        add(ones)
        assert double()[0] == 2 ** (k + 1) - 1
    s.set_value(np.zeros(2, "float32"))
    add(ones[:2])
    assert double().tolist() == [1, 1]
    with pytest.raises(ValueError, match="differ"):
        add(ones)
    assert s.get_value().tolist() == [2, 2]


def test_values_set_between_calls():
    s = sn.shared(np.zeros((2, 2), "float32"), name="s")
    x = T.matrix("x")
    f = sn.function([x], [s * 1, (s + x).sum()], updates=[(s, s + x)])
    for n in (2, 2, 3, 4, 5, 2, 7, 3):
        value = np.full((n, n), n, "float32")
        s.set_value(value)
        for k in range(3):
            old, total = f(np.ones((n, n), "float32"))
            assert old.tolist() == (value + k).tolist()
            assert total == n * n * (n + k + 1)
    assert len(f.programs) == 2
    mine = np.ones((2, 2), "float32")
    s.set_value(mine, borrow=True)
    f(mine.copy())
    assert s.get_value()[0, 0] == 2
    s.get_value(borrow=True)[...] = 9
    assert f(np.zeros((2, 2), "float32"))[0][0, 0] == 9


def test_a_data_set_is_in_memory_once(device):
    if device == "cuda":
        pytest.skip("its memory is not the host's")
    data = np.ones((1000, 300), "float32")
    d, i = sn.shared(data, name="data", borrow=True), T.lscalar("i")
    f = sn.function([i], d[i * 10 : (i + 1) * 10].sum())
    assert f(3) == 3000
    assert d.get_value(borrow=True) is data


def test_two_variables_never_have_one_memory():
    value = np.ones((1000, 300), "float32")
    a, b = sn.shared(value, borrow=True), sn.shared(value, borrow=True)
    c, d = sn.shared(value[:500], borrow=True), sn.shared(np.zeros_like(value))
    d.set_value(value, borrow=True)
    sn.function([], updates=[(a, a + b), (b, a * 3), (d, a - b)])()
    found = [float(s.get_value().max()) for s in (a, b, c, d)]
    assert found == [2, 3, 1, 0]


def test_an_argument_is_only_read(mode):
    x = T.vector("x")
    s = sn.shared(floats(1, 2, 3), name="s")
    f = sn.function([x], updates=[(s, x)], mode=mode)
    data = floats(4, 5, 6)
    f(data)
    sn.function([], updates=[(s, s * 0)], mode=mode)()
    assert data.tolist() == [4, 5, 6]
    assert f(s) == []


def test_a_function_outlives_its_variables():
    def build():
        x, w = T.vector("x"), sn.shared(floats(1, 2), name="w")
        gone.append(weakref.ref(w.container))
        return sn.function([x], (w * x).sum(), updates=[(w, w + x)])

    gone = []
    f = build()
    gc.collect()
    assert [float(f(floats(1, 1))), float(f(floats(1, 1)))] == [3, 5]
    del f
    gc.collect()
    assert gone[0]() is None


def test_variables_outlive_their_functions():
    w = sn.shared(floats(1, 2), name="w")
    f = sn.function([], updates=[(w, w * 2)])
    f()
    value = w.get_value(borrow=True)
    del f
    gc.collect()
    w.set_value([5, 6])
    assert value.tolist() == w.get_value().tolist() == [5, 6]


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
def test_twins(twin):
    x, s = T.vector("x"), sn.shared(floats(0, 0), name="s")
    f = sn.function([x], T.tanh(s).sum(), updates=[(s, s + x)])
    f([1, 1])
    g = twin(f)
    assert abs(g([0, 0]) - 2 * np.tanh(1)) < 1e-6
    g([5, 5])
    assert s.get_value().tolist() == [1, 1]
    other = sn.shared(floats(3), name="t")
    h = f.copy(swap={s: other})
    h([1])
    assert (s.get_value().tolist(), other.get_value().tolist()) == ([1, 1], [4])
    twice = f.copy()
    twice([1, 1])
    assert s.get_value().tolist() == [2, 2]


def test_hidden_state():
    x, total = T.vector("x"), T.vector("total")
    f = sn.function([x, sn.In(total, value=floats(0, 0), update=total + x)], total * 1)
    found = [f(floats(k, 1)).tolist() for k in range(4)]
    assert found == [[0, 0], [0, 1], [1, 2], [3, 3]]
    assert f(floats(1, 1), total=floats(7, 7)).tolist() == [7, 7]
    assert f["total"].tolist() == [8, 8]
