"""Save or recompute: less memory, a little more time, the same results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.config import config
from symnet.cost import predicted_seconds
from symnet.inplace import in_place
from symnet.kernel import Accumulator, Kernel, Let, Loop, Param, Reduce, Store
from symnet.memory import plan
from symnet.modes import Mode
from symnet.program import Buffer, Copy, HostCall, Launch, Program, verify
from symnet.recompute import MOST, NOMINAL, recompute
from symnet.scalar import Load, Symbol, const, rows
from symnet.strips import in_strips
from tests.lowered import program_of

AT = Symbol("i0")


def arena(program: Program) -> int:
    return plan(in_place(program), {})[1]


def smaller(program: Program) -> Program:
    verify(program)
    found = recompute(program, {})
    verify(found)
    more = predicted_seconds(found, {}, NOMINAL) / predicted_seconds(program, {}, NOMINAL)
    assert more <= 1 + MOST + 1e-9
    return found


def perceptron(depth: int, width: int, batch: int) -> tuple[list, Any, list, list]:
    rng = np.random.default_rng(0)
    x, y = T.matrix("x"), T.matrix("y")
    weights = [
        sn.shared(rng.normal(0, width**-0.5, (width, width)).astype("float32"))
        for _ in range(depth)
    ]
    h = x
    for W in weights:
        h = T.tanh(T.dot(h, W))
    cost = T.sqr(h - y).mean()
    updates = [(W, W - 0.1 * g) for W, g in zip(weights, T.grad(cost, weights), strict=True)]
    arrays = [rng.random((batch, width)).astype("float32") for _ in "xy"]
    return [x, y], cost, updates, arrays


def test_of_a_deep_perceptron_every_other_layer_is_kept() -> None:
    inputs, cost, updates, arrays = perceptron(24, 64, 1000)
    made = program_of(inputs, cost, arrays, updates=updates)
    layer = 4 * 64 * 1000
    assert arena(made) >= 24 * layer
    assert arena(smaller(made)) <= 15 * layer


def test_where_that_takes_too_long_fewer_are_computed_again() -> None:
    inputs, cost, updates, arrays = perceptron(60, 32, 20)
    made = program_of(inputs, cost, arrays, updates=updates)
    assert arena(smaller(made)) <= 0.75 * arena(made)


def test_small_computes_what_fast_does() -> None:
    results = []
    for memory in ("fast", "small"):
        inputs, cost, updates, arrays = perceptron(8, 32, 500)
        with config.change(memory=memory):
            f = sn.function(inputs, cost, updates=updates)
        costs = [f(*arrays) for _ in range(3)]
        results.append([*costs, *(W.get_value() for W, _ in updates)])
        needed = f.executables[0].footprint().arena
        results[-1].append(needed)
    *fast, bytes_fast = results[0]
    *small, bytes_small = results[1]
    assert bytes_small < 0.8 * bytes_fast
    for a, b in zip(fast, small, strict=True):
        np.testing.assert_array_equal(a, b)


def lenet() -> Program:
    """The training step of ``tutorials/convolutional_mlp.py`` for 500 images, without momentum."""

    def weights(*shape: int) -> tuple[Any, Any]:
        return sn.shared(np.zeros(shape, "float32")), sn.shared(np.zeros(shape[0], "float32"))

    x, y = T.matrix("x"), T.ivector("y")
    layers = [weights(20, 1, 5, 5), weights(50, 20, 5, 5)]
    h = x.reshape((500, 1, 28, 28))
    for W, b in layers:
        pooled = T.signal.pool.pool_2d(T.nnet.conv2d(h, W), (2, 2), ignore_border=True)
        h = T.tanh(pooled + b.dimshuffle("x", 0, "x", "x"))
    dense = [weights(500, 800), weights(10, 500)]
    h = T.tanh(T.dot(h.flatten(2), dense[0][0].T) + dense[0][1])
    p = T.nnet.softmax(T.dot(h, dense[1][0].T) + dense[1][1])
    cost = -T.mean(T.log(p)[T.arange(y.shape[0]), y])
    parameters = [q for layer in (*layers, *dense) for q in layer]
    updates = [(q, q - 0.1 * g) for q, g in zip(parameters, T.grad(cost, parameters), strict=True)]
    arrays = [np.zeros((500, 784), "float32"), np.zeros(500, "int32")]
    return program_of([x, y], cost, arrays, updates=updates)


def test_memory_of_a_convolutional_network() -> None:
    made = lenet()
    fast = arena(made)
    small = plan(in_strips(in_place(smaller(made)), {}), {})[1]
    assert fast <= 49e6
    assert small <= 0.5 * fast


def test_a_loop_stays_one() -> None:
    x, W = T.matrix("x"), sn.shared(np.eye(16, dtype="float32") / 2)
    h, _ = sn.scan(lambda row, h: T.tanh(row + T.dot(h, W)), x, T.zeros_like(x[0]))
    cost = T.sqr(h).sum()
    results = []
    for memory in ("fast", "small"):
        W.set_value(np.eye(16, dtype="float32") / 2)
        f = sn.function([x], cost, updates=[(W, W - T.grad(cost, W))], mode=Mode(memory=memory))
        results.append([f(np.ones((20, 16), "float32")), W.get_value()])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


# -- programs by hand: x -> a -> (b), large a is read again at the end ----------------------


def kernel(source: str = "p0", target: str = "p1", factor: float = 2.0) -> Kernel:
    params = (Param(source, "float32", False), Param(target, "float32", True))
    body = (Loop(AT, const(1000), (Store(target, AT, Load(source, AT, "float32") * factor),)),)
    return Kernel(params, (), body)


def work(source: str, target: str, factor: float = 2.0) -> Launch:
    return Launch(kernel(factor=factor), (source, target))


def by_hand(*steps: Any, kinds: dict[str, str] | None = None, lengths: dict | None = None):
    kinds = {"x": "input", "o": "output", "w": "shared"} | (kinds or {})
    names = sorted({n for s in steps for n in s.reads | s.writes})
    length = dict.fromkeys(names, 1000) | (lengths or {})
    buffers = [
        Buffer(n, "float32", (const(length[n]),), kinds.get(n, "temporary")) for n in names
    ]
    return Program("f", (), (), (), tuple(buffers), ("x",), ("o",), steps)


BUSY = [HostCall("busy", None, ("big",), ("big2",)), HostCall("busy", None, ("big2",), ("s",))]
"""While both are there, most is alive."""
SIZES = {"big": 2000, "big2": 2000}


def around(first: Launch, *between: Any, last: str = "a") -> Program:
    """`a` is made, then much goes on, then `a` is read."""
    return by_hand(
        HostCall("start", None, ("x",), ("big",)), first, work(last, "t"),
        HostCall("use", None, ("t",), ()), *between, *BUSY,
        HostCall("end", None, ("s", last), ("o",)), lengths=SIZES,
    )  # fmt: skip


def places(program: Program, step: Kernel) -> list[int]:
    return [k for k, s in enumerate(program.steps) if isinstance(s, Launch) and s.work == step]


def test_it_is_made_again_right_before_it_is_read() -> None:
    first = work("x", "a", factor=3.0)
    found = recompute(around(first), {})
    assert places(found, first.work) == [1, len(found.steps) - 2]
    assert arena(found) < arena(around(first))


def test_what_has_been_overwritten_is_not_read_again() -> None:
    first = work("w", "a", factor=3.0)
    found = recompute(around(first, Copy("x", "w")), {})
    assert places(found, first.work) == [1]


def test_only_what_is_read_is_made_again() -> None:
    params = tuple(Param(f"p{k}", "float32", k > 0) for k in range(3))
    s0 = Symbol("s0", "float32")
    body = (
        Let(s0, Load("p0", AT, "float32") * 3.0), Store("p1", AT, s0), Store("p2", AT, s0 + 1.0)
    )  # fmt: skip
    both = Launch(Kernel(params, (), (Loop(AT, const(1000), body),)), ("x", "a", "b"))
    start, first, *others = around(both).steps
    used = HostCall("use", None, ("b",), ())
    found = recompute(by_hand(start, first, used, *others, lengths=SIZES), {})
    verify(found)
    again = [s for s in found.steps if isinstance(s, Launch) and "ar" in s.buffers]
    assert [s.buffers for s in again] == [("x", "ar")]
    assert len(again[0].work.body[0].body) == 2


def test_sums_keep_what_is_computed_beside_them() -> None:
    """How a sum is taken may depend on what else a step does, and must not change."""
    params = tuple(Param(f"p{k}", "float32", k > 0) for k in range(3))
    s0 = Symbol("s0", "float32")
    total = Reduce(
        Symbol("r0"), const(3), (Accumulator(s0, rows()["add"], Load("p0", AT, "float32")),)
    )
    body = (total, Store("p1", AT, s0), Store("p2", AT, s0 + 1.0))
    both = Launch(Kernel(params, (), (Loop(AT, const(1000), body),)), ("x", "a", "b"))
    start, first, *others = around(both).steps
    used = HostCall("use", None, ("b",), ())
    found = recompute(by_hand(start, first, used, *others, lengths=SIZES), {})
    verify(found)
    again = [s for s in found.steps if isinstance(s, Launch) and "ar" in s.buffers]
    assert [s.work for s in again] == [both.work]


@pytest.mark.parametrize("memory", ["fast", "small"])
def test_settings_decide(memory: str) -> None:
    x = T.vector("x")
    with config.change(memory=memory):
        f = sn.function([x], x + 1)
    assert f.maker.mode.memory == memory
    with pytest.raises(ValueError, match=r"config\.memory is one of fast, small"):
        config.memory = "tiny"
