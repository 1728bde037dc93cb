"""Indexing of all kinds, compiled: parts, gradients and changed tensors on every backend."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import symnet as sn
import symnet.tensor as T
from symnet.program import Copy, HostCall
from symnet_cuda.emulator import EmulatedBackend
from tests.backends.agreement import agree
from tests.backends.cuda.test_functions import on
from tests.lowered import kinds
from tests.property.indices import Indexed, indexed
from tests.unit.ops.elements import variables

QUICK = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@QUICK
@given(drawn=indexed())
def test_any_index(dtype: str, drawn: Indexed) -> None:
    x, y = drawn.x.astype(dtype), drawn.y.astype(dtype)
    inputs = variables([x, y, *drawn.arrays])
    rest = iter(inputs[2:])
    index = tuple(next(rest) if isinstance(e, np.ndarray) else e for e in drawn.index)
    part = inputs[0][index]
    added, put = T.inc_subtensor(part, T.tanh(inputs[1])), T.set_subtensor(part, inputs[1])
    cost = (T.sqr(part).sum() + T.sin(added).sum() + T.sqr(put).sum()).astype(dtype)
    outputs = [part, added, put, *sn.grad(cost, inputs[:2])]
    agree(inputs, outputs, (x, y, *drawn.arrays), tolerance=1e-12 if dtype == "float64" else 1e-5)


def test_integers_are_scattered() -> None:
    x, y, i = T.TensorType("int16", (None,))(), T.bvector(), T.ivector()
    outputs = [T.inc_subtensor(x[i], y), T.set_subtensor(x[i], y), x[i]]
    calls = [
        (np.arange(5, dtype="int16"), np.array([3, 4, 5], "int8"), np.array([1, 1, -1], "int32")),
        (np.arange(2, dtype="int16"), np.zeros(0, "int8"), np.zeros(0, "int32")),
    ]
    agree([x, y, i], outputs, *calls)


def test_order_is_kept() -> None:
    """Sums of numbers whose order matters are those of NumPy, bit by bit."""
    x, y, i = T.fmatrix(), T.fmatrix(), T.lvector()
    rng = np.random.default_rng(0)
    values = rng.standard_normal((500, 70)).astype("float32") * 10.0 ** rng.integers(
        -6, 6, (500, 1)
    )
    call = (np.zeros((3, 70), "float32"), values.astype("float32"), rng.integers(0, 3, 500))
    agree([x, y, i], [T.inc_subtensor(x[i], y)], call, tolerance=0)


def sparse_step(mode: str | None = None):
    rng = np.random.default_rng(1)
    table = rng.standard_normal((50, 8)).astype("float32")
    W = sn.shared(table, name="W")
    i, j = T.lvectors("i", "j")
    rows = W[i]
    cost = T.sqr(T.tanh(rows) + W[j]).sum()
    g = T.grad(cost, rows)
    new = T.inc_subtensor(T.inc_subtensor(rows, -0.1 * g)[j], 0.5 * W[j])
    return sn.function([i, j], cost, updates=[(W, new)], mode=mode), W, table


def test_a_sparse_update_is_in_place(device: str) -> None:
    step, W, table = sparse_step()
    i, j = np.array([3, 3, 7]), np.array([7, 0, -1])
    step(i, j)
    (program,) = step.programs
    assert not any(isinstance(s, (Copy, HostCall)) for s in program.steps)
    assert all(b.shape[0].value < 50 for b in program.buffers if b.kind == "temporary" and b.shape)
    expected = table.astype("float64")
    g = 2 * (np.tanh(expected[i]) + expected[j]) * (1 - np.tanh(expected[i]) ** 2)
    added = 0.5 * expected[j]
    np.add.at(expected, i, -0.1 * g)
    np.add.at(expected, j, added)
    np.testing.assert_allclose(W.get_value(), expected, rtol=1e-5)


def test_a_sparse_update_on_emulated_cuda() -> None:
    if shutil.which("g++") is None:
        pytest.skip("g++ is missing, which the CUDA emulator compiles with")
    i, j = np.array([3, 3, 7]), np.array([7, 0, -1])
    plain, W, _ = sparse_step("reference")
    plain(i, j)
    with on(EmulatedBackend()):
        step, V, table = sparse_step()
        step(i, j)
        with pytest.raises(IndexError, match="out of range"):
            step(i, j + 50)
        np.testing.assert_allclose(V.get_value(), W.get_value(), rtol=1e-5)
    assert not np.array_equal(W.get_value(), table)


@pytest.mark.parametrize("wrong", [50, -51])
def test_nothing_is_written_where_an_index_is_wrong(device: str, wrong: int) -> None:
    step, W, table = sparse_step()
    with pytest.raises(IndexError, match=r"out of range in dimension 0 of float32\[\?, \?\]"):
        step([1, wrong, 2], [0, 0, 0])
    np.testing.assert_array_equal(W.get_value(), table)


def test_what_is_begun_from(device: str) -> None:
    """Inputs, constants, products, results of host calls, and what others read too."""
    x, i = T.fmatrix("x"), T.lvector("i")
    rng = np.random.default_rng(2)
    X = rng.standard_normal((4, 4)).astype("float32")
    constant = T.as_tensor_variable(X)
    product, host, plain = T.dot(x, x), T.nlinalg.matrix_inverse(x), T.exp(x)
    changed = [T.inc_subtensor(v[i], 1) for v in (x, constant, product, host, plain)]
    again = T.inc_subtensor(changed[2][:, i], 2)
    shared = T.inc_subtensor(T.sqr(x)[i], T.sqr(x)[i])
    outputs = [*changed, again, shared, shared, plain, T.set_subtensor(T.zeros((5, 4))[i], 7)]
    f = sn.function([x, i], outputs)
    expected = sn.function([x, i], outputs, mode="reference")
    for found, want in zip(f(X, [1, 1, 3]), expected(X, [1, 1, 3]), strict=True):
        np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-5)


def test_updates_that_cannot_be_in_place(device: str) -> None:
    i = T.lvector("i")
    for make in (
        lambda a, b: [(a, T.inc_subtensor(b[i], 1)), (b, T.inc_subtensor(a[i], 2))],
        lambda a, b: [(a, T.inc_subtensor(a[i], a[i[::-1]])), (b, T.dot(a, a.T))],
        lambda a, b: [(a, T.inc_subtensor(a[i], a)), (b, a)],
        lambda a, b: [(a, T.inc_subtensor(a[i], 3)), (b, T.inc_subtensor(a[i], 3))],
        lambda a, b: [(a, T.inc_subtensor((a * 2)[i], 3)), (b, a + T.inc_subtensor(a[i], 3))],
    ):
        results = []
        for mode in ("reference", None):
            a = sn.shared(np.arange(9.0).reshape(3, 3), name="a")
            b = sn.shared(np.ones((3, 3)), name="b")
            f = sn.function([i], [a.sum()], updates=make(a, b), mode=mode)
            for _ in range(2):
                total = f([2, 0, 2])
            results.append([*total, a.get_value(), b.get_value()])
        for want, found in zip(*results, strict=True):
            np.testing.assert_allclose(found, want, rtol=1e-12)


def test_gradients_of_gathers_are_native(device: str) -> None:
    x, i, j = T.tensor3("x"), T.lvector("i"), T.lvector("j")
    f = sn.function([x, i, j], T.grad(T.sqr(x[i, :, j]).sum(), x))
    X = np.arange(24, dtype="float32").reshape(2, 3, 4)
    found = f(X, [1, 1, 0], [2, 2, 3])
    expected = np.zeros_like(X)
    np.add.at(expected, ([1, 1, 0], slice(None), [2, 2, 3]), 2 * X[[1, 1, 0], :, [2, 2, 3]])
    np.testing.assert_array_equal(found, expected)
    assert "host" not in kinds(f.programs[0])


def test_a_gradient_with_respect_to_the_table_is_added_to_its_rows(device: str) -> None:
    rng = np.random.default_rng(4)
    table = rng.standard_normal((50, 8))
    W, rate = sn.shared(table, name="W"), sn.shared(np.float64(0.1), name="rate")
    i, j = T.lvectors("i", "j")
    cost = T.sqr(T.tanh(W[i]) - W[j]).mean()
    norm = T.sqrt(T.sqr(T.grad(cost, W)).sum())
    for scale in (rate, 1 / (1 + norm)):
        new = W - scale * T.grad(cost, W)
        step = sn.function([i, j], cost, updates=[(W, new)])
        plain = sn.function([i, j], new, mode="reference")
        given = np.array([3, 3, 7]), np.array([7, 0, -1])
        expected = plain(*given)
        step(*given)
        np.testing.assert_allclose(W.get_value(), expected, rtol=1e-12)
        (program,) = step.programs
        assert "copy" not in kinds(program)
        if scale is rate:
            held = [b for b in program.buffers if b.kind == "temporary" and b.shape]
            assert max(b.shape[0].value for b in held) < 50


def test_rows_looked_up_in_a_loop_are_updated_alone(device: str) -> None:
    rng = np.random.default_rng(5)
    W, i, start = sn.shared(rng.standard_normal((50, 8)), name="W"), T.lvector("i"), T.dvector("h")
    states, _ = sn.scan(lambda k, h: T.tanh(W[k] + h), sequences=i, outputs_info=start)
    new = W - 0.1 * T.grad(T.sqr(states).sum(), W)
    step = sn.function([i, start], [], updates=[(W, new)])
    given = np.array([3, 3, 7, -1]), np.ones(8)
    expected = sn.function([i, start], new, mode="reference")(*given)
    step(*given)
    np.testing.assert_allclose(W.get_value(), expected, rtol=1e-12)
    (program,) = step.programs
    assert {"copy", "host"}.isdisjoint(kinds(program))
    held = [b for b in program.buffers if b.kind == "temporary" and b.shape]
    assert max(b.shape[0].value for b in held) < 50


IN_LOOPS = {
    "a part of the state": lambda k, h: T.tanh(h * h[k % 3]),
    "put": lambda k, h: T.set_subtensor(h[k % 3], h[0] + 1),
    "added": lambda k, h: T.inc_subtensor(h[k], h[k - 1]),
    "where it is largest": lambda k, h: T.set_subtensor(h[T.argmax(h)], -1 + h[1]),
}


@pytest.mark.parametrize("name", IN_LOOPS)
def test_positions_that_differ_from_step_to_step(device: str, name: str) -> None:
    i, start = T.lvector("i"), T.dvector("h")
    states, _ = sn.scan(IN_LOOPS[name], sequences=i, outputs_info=start)
    outputs = [states, T.grad(T.sqr(states).sum(), start)]
    given = np.array([1, 1, 0, 2]), np.array([0.1, 0.5, 0.2])
    found = sn.function([i, start], outputs)(*given)
    expected = sn.function([i, start], outputs, mode="reference")(*given)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    if name == "added":
        with pytest.raises(IndexError):
            sn.function([i, start], outputs)([0, 3], given[1])


def test_a_part_alone_is_changed_in_place(device: str) -> None:
    table = np.arange(40.0).reshape(10, 4)
    k, x = T.lscalar("k"), T.dvector("x")
    for make in (
        lambda W: T.inc_subtensor(W[[0, 1, 0]], W[[1, 0, 2]]),
        lambda W: T.set_subtensor(W[k], T.tanh(x)),
        lambda W: T.inc_subtensor(W[k::2, 1], 2.5),
        lambda W: T.inc_subtensor(W[T.argmax(x)], W[k] + W[:, :4].sum(0)),
        lambda W: T.set_subtensor(W[k, -1], x[0]),
        lambda W: T.set_subtensor(W[k:5], W[:5][::-1][k:5]),
    ):
        W = sn.shared(table, name="W")
        step = sn.function([k, x], W.sum(), updates=[(W, make(W))], on_unused_input="ignore")
        want = sn.function([k, x], make(W), mode="reference", on_unused_input="ignore")
        for at in (2, 3):
            expected = want(at, [0.5, 3, 1, 2])
            total = W.get_value().sum()
            np.testing.assert_allclose(step(at, [0.5, 3, 1, 2]), total)
            np.testing.assert_allclose(W.get_value(), expected, rtol=1e-12)
        assert not any(isinstance(s, Copy) for p in step.programs for s in p.steps)
