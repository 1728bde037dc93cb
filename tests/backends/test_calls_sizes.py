"""Sizes that vary from call to call: few programs, right answers."""

from __future__ import annotations

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T

pytestmark = pytest.mark.usefixtures("device")


def train(x, y, w, b):
    p = T.nnet.softmax(T.dot(T.tanh(x), w) + b)
    cost = -T.log(p)[T.arange(y.shape[0]), y].mean()
    gw, gb = sn.grad(cost, [w, b])
    return cost, [(w, w - 0.5 * gw), (b, b - 0.5 * gb)]


def parameters():
    rng = np.random.default_rng(3)
    w = sn.shared(rng.standard_normal((6, 3)).astype("float32"), name="w")
    return w, sn.shared(np.zeros(3, "float32"), name="b")


def test_sequences_of_twenty_lengths():
    rng = np.random.default_rng(0)
    x, y = T.matrix("x"), T.lvector("y")
    first, second = parameters(), parameters()
    cost, updates = train(x, y, *first)
    compiled = sn.function([x, y], cost, updates=updates)
    cost, updates = train(x, y, *second)
    reference = sn.function([x, y], cost, updates=updates, mode="reference")
    for n in rng.permutation(np.arange(1, 21)):
        data = rng.standard_normal((n, 6)).astype("float32"), rng.integers(0, 3, n)
        np.testing.assert_allclose(compiled(*data), reference(*data), rtol=1e-4)
    for s, t in zip(first, second, strict=True):
        np.testing.assert_allclose(s.get_value(), t.get_value(), rtol=1e-3, atol=1e-5)
    assert len(compiled.programs) == 2


def test_minibatches_with_a_last_partial_one():
    rng = np.random.default_rng(1)
    data = sn.shared(rng.standard_normal((50, 6)).astype("float32"), name="data")
    labels = sn.shared(rng.integers(0, 3, 50), name="labels")
    i, x, y = T.lscalar("i"), T.matrix("x"), T.lvector("y")
    size = 8
    batch = slice(i * size, (i + 1) * size)
    functions = []
    for mode in (None, "reference"):
        w, b = parameters()
        cost, updates = train(x, y, w, b)
        givens = {x: data[batch], y: labels[batch]}
        functions.append(sn.function([i], [cost, x.shape[0]], mode, updates, givens))
    for _ in range(2):
        for k in range(7):
            (found, n), (want, m) = (f(k) for f in functions)
            assert n == m == (8 if k < 6 else 2)
            assert abs(found - want) < 1e-4
    compiled = functions[0]
    assert len(compiled.programs) == 2


def test_whole_batches_stay_on_the_first_program():
    """The program of the first size is quicker than the one that takes any."""
    x = T.matrix("x")
    f = sn.function([x], (x * 2).sum(), profile=True)
    whole, part = np.ones((8, 4), "float32"), np.ones((3, 4), "float32")
    for _ in range(3):
        assert f(whole) == 64
        assert f(part) == 24
    before = [sum(e.timings()) for e in f.executables]
    f(whole)
    after = [sum(e.timings()) for e in f.executables]
    assert after[0] > before[0]
    assert after[1] == before[1]


def test_sizes_that_vary_one_after_the_other():
    a, b, c = T.matrices("a", "b", "c")
    f = sn.function([a, b, c], T.dot(T.dot(a, b), c).sum())
    sizes = [2, 3, 4, 5]
    ones = np.ones((9, 9), "float32")
    for axis in (0, 1, 2, 3):
        for n in (6, 7, 8):
            sizes[axis] = n
            i, j, k, m = sizes
            assert f(ones[:i, :j], ones[:j, :k], ones[:k, :m]) == i * j * k * m
    # Each size that begins to vary may cost a version, once.
    seconds = f.compile_seconds["compile"]
    for n in range(1, 9):
        assert f(ones[:n, :n], ones[:n, :n], ones[:n, :n]) == n**4
    assert f.compile_seconds["compile"] == seconds
    assert len(f.programs) == 2


def test_integers_that_decide_about_shapes():
    n, x = T.lscalar("n"), T.vector("x")
    f = sn.function([n, x], [x[:n], x[n:].sum(), T.arange(n), T.zeros((n, 2)).shape[0]])
    values = np.arange(6, dtype="float32")
    for k in (0, 1, 3, 6, 9, -2):
        head, rest, count, rows = f(k, values) if k >= 0 else (values[:k], values[k:].sum(), [], 0)
        np.testing.assert_array_equal(head, values[:k])
        assert rest == values[k:].sum()
        assert len(count) == rows == max(k, 0)
    assert len(f.programs) == 2


def test_lengths_that_are_negative():
    n, x = T.lscalar("n"), T.vector("x")
    count = T.cast(x.sum(), "int64")
    makers = {
        "zeros": lambda k: T.zeros((k, 2)).sum(),
        "full": lambda k: T.full((2, k), x[0]),
        "alloc": lambda k: T.alloc(x, k, x.shape[0]),
        "reshape": lambda k: T.reshape(x, (k, k)),
        "repeat": lambda k: T.repeat(x, k),
        "a length less two": lambda k: T.zeros(x.shape[0] - 2 + 0 * k),
    }
    for name, make in makers.items():
        for given, k in ((count, []), (n, [-1])):
            f = sn.function([x, n][: 1 + len(k)], make(given), on_unused_input="ignore")
            with pytest.raises(ValueError, match="a length is negative"):
                f([-1.0], *k)
        if name == "zeros":
            assert f([1.0], 0) == 0


def test_a_counter_that_chooses_the_batch():
    data = sn.shared(np.arange(10, dtype="float32"), name="data")
    i = sn.shared(0, name="i")
    f = sn.function([], data[i * 4 : (i + 1) * 4], updates=[(i, (i + 1) % 3)])
    for _ in range(2):
        assert f().tolist() == [0, 1, 2, 3]
        assert f().tolist() == [4, 5, 6, 7]
        assert f().tolist() == [8, 9]
    assert len(f.programs) == 2


def test_other_shapes_of_shared_variables():
    w = sn.shared(np.ones((3, 2), "float32"), name="w")
    x = T.matrix("x")
    f = sn.function([x], T.dot(x, w), updates=[(w, w + 1)])
    for n, m in ((3, 2), (4, 2), (4, 5), (3, 2), (1, 1), (6, 3)):
        w.set_value(np.ones((n, m), "float32"))
        for k in (1, 2):
            assert f(np.ones((2, n), "float32")).tolist() == [[n * k] * m] * 2
        with pytest.raises(ValueError, match="Shapes: "):
            f(np.ones((2, n + 1), "float32"))
        assert w.get_value()[0, 0] == 3
    assert len(f.programs) == 2


def test_more_sizes_than_are_kept_in_registers():
    """Lengths of many arguments, equal and different, constant and varying, integers among them."""
    count = 50
    xs = [T.vector(f"x{k}") for k in range(count)]
    n = T.lscalar("n")
    same = sum((x[1:] for x in xs[:20]), start=T.zeros(n))
    lengths = [x.shape[0] * (n + k) for k, x in enumerate(xs[20:])]
    f = sn.function([*xs, n], [same, *lengths, xs[7][:n], xs[30][-n:]])
    rng = np.random.default_rng(4)
    for common, greatest in ((3, 4), (3, 4), (5, 9), (2, 1), (6, 20)):
        sizes = [common + 1] * 20 + rng.integers(0, greatest + 1, count - 20).tolist()
        values = [rng.standard_normal(size).astype("float32") for size in sizes]
        total, *found, head, tail = f(*values, common)
        np.testing.assert_allclose(total, sum(v[1:] for v in values[:20]), rtol=1e-4, atol=1e-5)
        assert found == [size * (common + k) for k, size in enumerate(sizes[20:])]
        np.testing.assert_array_equal(head, values[7][:common])
        np.testing.assert_array_equal(tail, values[30][-common:])
        with pytest.raises(ValueError, match="Shapes"):
            f(*values[:3], values[3][:-1], *values[4:], common)
    assert len(f.programs) == 2
