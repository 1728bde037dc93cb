"""Functions whose lengths follow from data: right answers, few programs, all or nothing."""

from __future__ import annotations

import copy
import pickle
import shutil
import signal
import threading

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.op import Op
from symnet.types import TensorType
from symnet_cuda.emulator import EmulatedBackend
from tests.backends.cuda.test_functions import on

pytestmark = pytest.mark.usefixtures("device")

VECTORS = [
    np.array(v, "float32")
    for v in ([1, -2, 3, 0, 4], [1, 2, 3], [-1, -2, -3], [], [0], [5, -1, 5, 5, 2, 0, 0])
]


def graph(x):
    """Results of several stages, some of which follow from results of others."""
    places = T.flatnonzero(x > 0)
    kept = T.take(x, places)
    count = T.cast(T.switch(places.size > 0, T.sum(kept), 0), "int64")
    steps = T.arange(count)
    rows = T.reshape(T.repeat(steps, 2), (count, 2))
    return [
        (kept**2).sum(),
        kept * 2,
        steps,
        T.zeros((count, x.shape[0])) + x,
        rows.sum(axis=1),
        x[: T.cast(x.sum(), "int64")],
        T.compress(T.eq(steps % 2, 0), steps),
    ]


def masked(x, y):
    """Parts under masks, changed ones, and gradients through both."""
    high = T.outer(x, y)
    cost = (high[high > 1] ** 2).sum() + T.exp(-high[x > 0]).sum()
    changed = T.inc_subtensor(high[:, y > 1], y[y > 1] * 2)
    return [
        cost,
        *sn.grad(cost, [x, y]),
        changed,
        sn.grad(T.set_subtensor(changed[x < 0], 0).sum(), x),
        T.set_subtensor(high[high < 0], 0),
        high[x > 0, :-1].T,
        high[x > 0][:, y > 0],
        high[x > 0, T.argmax(y)],
    ]


def compare(mode):
    x = T.vector("x")
    f, reference = sn.function([x], graph(x), mode), sn.function([x], graph(x), "reference")
    for _ in range(2):
        for value in VECTORS:
            check(f(value), reference(value))
    y = T.vector("y")
    f, reference = (sn.function([x, y], masked(x, y), m) for m in (mode, "reference"))
    for value in VECTORS:
        for other in ([2.0, 0.5, 3.0], [-1.0], [0.5, 0.2]):
            check(f(value, other), reference(value, other))


def check(found, wanted):
    for got, want in zip(found, wanted, strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", [None, "FAST_COMPILE", "debug"])
def test_as_the_interpreter(mode):
    compare(mode)


def test_on_emulated_cuda():
    if shutil.which("g++") is None:
        pytest.skip("g++ is missing, which the CUDA emulator compiles with")
    with on(EmulatedBackend()):
        compare(None)
        check_updates()


def test_counts_that_vary_compile_once():
    """A length that follows from data is never taken for a constant."""
    x = T.vector("x")
    f = sn.function([x], [T.nonzero_values(x), T.nonzero_values(x).sum()])
    rng = np.random.default_rng(0)
    for count in (3, 0, 8, 5, 1):
        value = np.zeros(8, "float32")
        value[rng.permutation(8)[:count]] = 1
        values, total = f(value)
        assert len(values) == total == count
    assert len(f.programs) == 1


def test_values_that_vary_compile_twice():
    x = T.lvector("x")
    f = sn.function([x], T.zeros((x.max() + 1, 2)) + 1)
    for greatest in (4, 4, 7, 2, 9, 1):
        assert f(np.array([0, greatest, 1])).shape == (greatest + 1, 2)
    stages = {p.inputs for p in f.programs}
    assert len(stages) == 2
    assert len(f.programs) == 3  # what finds the greatest, once; what it decides about, twice


def test_what_was_heavy_is_computed_once():
    """A later stage is given what an earlier one has computed."""
    x, w = T.matrix("x"), sn.shared(np.eye(3, dtype="float32"), name="w")
    h = T.tanh(T.dot(x, w))
    f = sn.function([x], [T.nonzero_values(h > 0.5).sum(), h * 2], updates=[(w, w + 1)])
    value = np.array([[1, 0, 2], [0, 0, 0]], "float32")
    count, doubled = f(value)
    assert count == 2
    np.testing.assert_allclose(doubled, 2 * np.tanh(value), rtol=1e-6)
    assert sum("contraction" in str(p) for p in f.programs) == 1
    assert w.get_value()[0, 1] == 1


def test_a_stage_computes_no_more_than_is_needed_to_go_on():
    x, w = T.matrix("x"), sn.shared(np.ones((3, 3), "float32"), name="w")
    cost = T.sqr(T.dot(x, w)).sum()
    positive = T.nonzero_values(x).sum()
    f = sn.function([x], [cost, positive], updates=[(w, w - 0.1 * sn.grad(cost, w))])
    f(np.ones((2, 3), "float32"))
    assert len(f.programs) == 1
    assert f.stages[0].startswith("host flatnonzero(x)")


def check_updates():
    w = sn.shared(np.arange(5, dtype="float32"), name="w")
    v = sn.shared(np.zeros(0, "int64"), name="v")
    limit = T.scalar("limit")
    places = T.flatnonzero(w > limit)
    new = T.inc_subtensor(w[places], -T.take(w, places) / 2)
    f = sn.function([limit], w.sum(), updates=[(w, new), (v, places)])
    want = np.arange(5, dtype="float32")
    for k in (3.5, 1.0, 0.9, 100.0):
        assert f(k) == want.sum()
        chosen = np.flatnonzero(want > np.float32(k))
        want[chosen] /= 2
        np.testing.assert_array_equal(w.get_value(), want)
        np.testing.assert_array_equal(v.get_value(), chosen)


def test_updates_under_a_mask_and_of_other_lengths():
    check_updates()


def test_all_stages_see_old_values():
    w = sn.shared(np.array([1, 0, 2], "float32"), name="w")
    f = sn.function([], [T.flatnonzero(w), w.sum()], updates=[(w, w[::-1] - 1)])
    for _ in range(2):
        before = w.get_value()
        places, total = f()
        np.testing.assert_array_equal(places, np.flatnonzero(before))
        assert total == before.sum()
        np.testing.assert_array_equal(w.get_value(), before[::-1] - 1)


def test_an_error_in_any_stage_changes_nothing():
    w = sn.shared(np.zeros(4, "float32"), name="w")
    x, i = T.vector("x"), T.lvector("i")
    picked = T.take(w, i)
    kept = T.compress(T.eq(picked, 0), i)
    cost = T.dot(x, T.cast(kept, "float32"))
    f = sn.function([x, i], cost, updates=[(w, w + 1)])
    assert f([1, 1], [0, 3]) == 3
    w.set_value(np.zeros(4, "float32"))
    for arguments, error in ((([1, 1], [0, 4]), IndexError), (([1, 1, 1], [0, 3]), ValueError)):
        with pytest.raises(error):
            f(*arguments)
        assert not w.get_value().any()
    assert f([1, 1], [1, 2]) == 3


class Failing(Op):
    """Raises where its operand says so, and sends a signal."""

    length_from_data = True

    def infer_types(self, types, operands):
        return [TensorType("float32", (None,))]

    def perform(self, inputs):
        (x,) = inputs
        if x[0] < 0:
            signal.raise_signal(signal.SIGINT)
        if x[0] == 0:
            return [x.astype("float64")]
        return [x[: int(x[0])]]


def test_interrupts_and_wrong_results_between_stages():
    w = sn.shared(np.zeros(2, "float32"), name="w")
    x = T.vector("x")
    f = sn.function([x], Failing()(x).sum(), updates=[(w, w + x.sum())])
    assert f([2, 1, 1]) == 3
    for value, error in (([-1, 1], KeyboardInterrupt), ([0, 1], ValueError)):
        with pytest.raises(error):
            f(value)
        assert w.get_value().tolist() == [4, 4]
    assert f([1, 1]) == 1
    assert w.get_value().tolist() == [6, 6]


def test_results_are_arrays_of_their_own():
    w = sn.shared(np.array([1, 2], "float32"), name="w")
    x = T.vector("x")
    f = sn.function([x], [Failing()(x), x], updates=[(w, Failing()(w))])
    value = np.array([2, 3, 4], "float32")
    first, same = f(value)
    first += 1
    same += 1
    assert value.tolist() == [2, 3, 4]
    assert w.get_value().tolist() == [1]
    assert f(value)[0].tolist() == [2, 3]


def test_threads_lose_no_update():
    w = sn.shared(np.zeros(3, "int64"), name="w")
    x = T.vector("x")
    kept = T.nonzero_values(x)
    f = sn.function([x], kept.sum(), updates=[(w, w + kept.size)])
    wrong = []

    def work(number):
        rng = np.random.default_rng(number)
        for _ in range(50):
            value = rng.integers(0, 3, 10).astype("float32")
            if f(value) != value.sum():
                wrong.append(value)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    expected = sum(
        np.count_nonzero(rng.integers(0, 3, 10))
        for rng in map(np.random.default_rng, range(3))
        for _ in range(50)
    )
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    assert w.get_value().tolist() == [expected] * 3


def test_shape_errors_say_what_and_where():
    x, y = T.vector("x"), T.vector("y")
    f = sn.function([x, y], T.nonzero_values(x) + y)
    with pytest.raises(ValueError, match="Shapes: ") as caught:
        f([1, 0, 2], [1, 2, 3])
    assert "(2,)" in str(caught.value)
    assert "built at" in str(caught.value)


def test_profile_shows_the_stages():
    x = T.vector("x")
    f = sn.function([x], T.compress(T.exp(x) > 1, x).sum(), profile=True)
    f([1, -1, 2])
    assert "host flatnonzero(passed0)" in f.profile
    assert {s.kind for s in f.profile.steps} >= {"host call", "loops"}


def test_copies_pickles_and_hidden_state():
    x, s = T.vector("x"), T.vector("s")
    f = sn.function([sn.In(s, value=[0.0], update=T.nonzero_values(x)), x], s.sum() + x.sum())
    assert f(x=[1, 0, 2]) == 3
    assert f(x=[1, 1, 1]) == 6
    twin = f.copy()
    assert twin(x=[0, 0]) == 3
    g = sn.function([x], x[x > 0] * 2)
    for other in (g, pickle.loads(pickle.dumps(g)), copy.deepcopy(g)):
        assert other([1, -1, 3]).tolist() == [2, 6]


def test_an_entry_of_a_vector_decides_about_a_shape():
    shape = T.lvector("shape")
    f = sn.function([shape], T.ones((shape[0], shape[1])))
    for dims in ((2, 3), (2, 4), (0, 1), (5, 5)):
        assert f(np.array(dims)).shape == dims


def test_loops_over_what_is_under_a_mask():
    x = T.vector("x")
    zero = T.constant(np.float32(0))
    running, _ = sn.scan(lambda s, a: a + s * s, sequences=x[x > 0], outputs_info=zero)
    steps = T.cast(x.max(), "int64")
    doubled, _ = sn.scan(lambda a: 2 * a, outputs_info=x, n_steps=steps)
    outputs = [running, sn.grad(running[-1], x), doubled]
    f, reference = sn.function([x], outputs), sn.function([x], outputs, "reference")
    for value in ([1.0, -2.0, 3.0, 2.0], [2.0, 1.0], [3.0, -1.0, -1.0]):
        check(f(value), reference(value))


def test_a_mask_in_the_body_of_a_loop_is_refused_with_a_remedy():
    x = T.vector("x")
    with pytest.raises((TypeError, NotImplementedError), match=r"T\.switch"):
        sn.scan(lambda s: x[x > s].sum(), sequences=x)
    total, _ = sn.scan(
        lambda a: a + x[x > a].sum(), outputs_info=T.constant(np.float32(0)), n_steps=2
    )
    with pytest.raises(NotImplementedError, match=r"T\.switch"):
        sn.function([x], total)
