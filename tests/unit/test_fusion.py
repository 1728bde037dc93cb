"""What is computed together, shown by printed programs in `tests/golden/programs`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.kernel import Kernel
from symnet.memory import plan
from symnet.program import Launch, Program, verify
from tests.lowered import kinds, program_of

Golden = Callable[[str, str], None]


def shared(name: str, *shape: int, dtype: str = "float32") -> Any:
    return sn.shared(np.zeros(shape, dtype), name=name)


def step(params: list[Any], cost: Any, **options: Any) -> dict[str, Any]:
    """Plain gradient descent."""
    grads = sn.grad(cost, params)
    return {"updates": [(p, p - 0.1 * g) for p, g in zip(params, grads, strict=True)], **options}


def minibatch(x: Any, y: Any, index: Any) -> dict[Any, Any]:
    """Inputs taken from data in shared variables, as in the tutorials."""
    data, labels = shared("data", 1000, 784), shared("labels", 1000, dtype="int32")
    rows = slice(index * 20, (index + 1) * 20)
    return {x: data[rows], y: labels[rows]}


def negative_log_likelihood(scores: Any, y: Any) -> Any:
    return -T.mean(T.log(T.nnet.softmax(scores))[T.arange(y.shape[0]), y])


def logistic_regression() -> Program:
    x, y, index = T.matrix("x"), T.ivector("y"), T.lscalar("index")
    w, b = shared("w", 784, 10), shared("b", 10)
    cost = negative_log_likelihood(T.dot(x, w) + b, y)
    return program_of([index], cost, [0], **step([w, b], cost, givens=minibatch(x, y, index)))


def multilayer_perceptron() -> Program:
    x, y, index = T.matrix("x"), T.ivector("y"), T.lscalar("index")
    w, b, v, c = shared("w", 784, 500), shared("b", 500), shared("v", 500, 10), shared("c", 10)
    hidden = T.tanh(T.dot(x, w) + b)
    cost = negative_log_likelihood(T.dot(hidden, v) + c, y)
    cost += 1e-4 * (T.sum(w**2) + T.sum(v**2))
    return program_of([index], cost, [0], **step([w, b, v, c], cost, givens=minibatch(x, y, index)))


def test_logistic_regression(golden: Golden) -> None:
    program = logistic_regression()
    golden("programs/logistic_regression.txt", str(program))
    # Scores; the check of labels; softmax, cost and its gradient by rows; W; b and the mean cost.
    assert kinds(program) == [
        "contraction",
        "kernel",
        "kernel",
        "guard",
        "contraction",
        "kernel",
    ]
    update = next(s for s in program.steps if "w" in s.writes)
    assert "w" in update.reads
    assert not any(b.kind == "temporary" and len(b.shape) == 2 for b in program.buffers[:-4])


def test_multilayer_perceptron(golden: Golden) -> None:
    program = multilayer_perceptron()
    golden("programs/multilayer_perceptron.txt", str(program))
    assert kinds(program).count("contraction") == 5
    assert "copy" not in kinds(program)
    updated = {b for s in program.steps for b in s.writes}
    assert {"w", "b", "v", "c"} <= updated


def test_elementwise_chain_is_one_kernel(golden: Golden) -> None:
    x, y = T.matrix("x"), T.matrix("y")
    z = T.tanh(2 * x + 1) * T.exp(-y) + x
    ones = np.ones((20, 30), "float32")
    program = program_of([x, y], [z, T.sqr(z)], [ones, ones])
    golden("programs/elementwise.txt", str(program))
    assert kinds(program) == ["kernel"]


def test_column_sum_and_update_are_one_kernel(golden: Golden) -> None:
    x, b = T.matrix("x"), shared("b", 30)
    program = program_of(
        [x], None, [np.ones((20, 30), "float32")], updates=[(b, b - 0.1 * T.sum(x, axis=0))]
    )
    golden("programs/column_sum.txt", str(program))
    assert kinds(program) == ["kernel"]
    assert not [v for v in program.buffers if v.kind == "temporary"]


def test_variance_of_rows_is_one_kernel(golden: Golden) -> None:
    x = T.matrix("x")
    program = program_of([x], T.var(x, axis=1), [np.ones((20, 30), "float32")])
    golden("programs/variance.txt", str(program))
    assert kinds(program) == ["kernel"]


def test_views_are_never_copied(golden: Golden) -> None:
    x, w = T.matrix("x"), T.matrix("w")
    product = T.tanh(T.dot(x.T, w[::-1, 2:12]))
    program = program_of(
        [x, w], product, [np.ones((20, 30), "float32"), np.ones((20, 40), "float32")]
    )
    golden("programs/views.txt", str(program))
    assert kinds(program) == ["contraction"]


def test_a_factor_is_stored_once_whatever_order_it_is_read_in() -> None:
    x, y = T.fmatrix("x"), T.fmatrix("y")
    h = x + 2
    program = program_of([x, y], [T.dot(h, y), T.dot(h.T, y)], [np.ones((4, 4), "float32")] * 2)
    assert kinds(program) == ["kernel", "contraction", "contraction"]
    assert [b.kind for b in program.buffers].count("temporary") == 1


def test_a_long_reduction_is_shared_out() -> None:
    x = T.matrix("x")
    program = program_of([x], T.sum(T.sqr(x)), [np.ones((1000, 700), "float32")])
    assert kinds(program) == ["kernel", "kernel"]
    (parts,) = [b for b in program.buffers if b.kind == "temporary"]
    assert 16 <= parts.shape[0].value <= 64


def test_what_does_not_vary_with_a_column_is_computed_once_for_a_row() -> None:
    x, y = T.matrix("x"), T.vector("y")
    z = x / T.sum(x, axis=1, keepdims=True) * T.exp(y)[:, None]
    program = program_of([x, y], z, [np.ones((20, 30), "float32"), np.ones(20, "float32")])
    (work,) = program.works
    assert isinstance(work, Kernel)
    (rows,) = work.body
    assert "exp" not in str(rows.body[-1].body)


def test_small_independent_sums_are_one_kernel() -> None:
    v = [T.vector(f"v{k}_") for k in range(5)]
    sums = [T.sum(T.sqr(u)) for u in v]
    arrays = [np.ones(10 + k, "float32") for k in range(5)]
    assert kinds(program_of(v, sums, arrays)) == ["kernel"]
    arrays = [np.ones(50_000 + k, "float32") for k in range(5)]
    assert kinds(program_of(v, sums, arrays)) == ["kernel"] * 5


def test_layers_that_are_alike_are_compiled_once() -> None:
    x = T.matrix("x")
    params: list[Any] = []
    h = x
    for k in range(12):
        params += [shared(f"w{k}_", 16, 16), shared(f"b{k}_", 16)]
        h = T.tanh(T.dot(h, params[-2]) + params[-1])
    cost = T.mean(T.sqr(h))
    program = program_of([x], cost, [np.ones((20, 16), "float32")], **step(params, cost))
    assert len(program.steps) >= 4 * 12 - 2
    assert len(program.works) <= 10


def chain(length: int) -> tuple[Any, list[Any]]:
    x = y = T.matrix("x")
    for k in range(length // 2):
        y = T.tanh(y) + (k % 7 + 0.5)
    return x, [y]


def branches(length: int) -> tuple[Any, list[Any]]:
    x = T.matrix("x")
    total = x
    for k in range(length // 4):
        total = total + T.tanh(x * (k + 0.5)) + k
    return x, [total]


def deepening(length: int) -> tuple[Any, list[Any]]:
    x = y = T.matrix("x")
    for _ in range(length // 4):
        y = T.tanh(y) + T.mean(y, axis=1, keepdims=True)
    return x, [y]


def doubling(length: int) -> tuple[Any, list[Any]]:
    x = y = T.matrix("x")
    for k in range(length // 4):
        y = (y + k) * T.tanh(y)
    return x, [y, T.sum(y)]


@pytest.mark.parametrize("build", [chain, branches, deepening, doubling])
def test_ten_thousand_nodes(build: Callable[[int], tuple[Any, list[Any]]]) -> None:
    x, outputs = build(10_000)
    start = time.process_time()
    program = program_of([x], outputs, [np.ones((20, 30), "float32")])
    program.hash()
    plan(program, {"x.0": 20, "x.1": 30})
    assert time.process_time() - start < 20  # a few seconds; four times as much beside others


def test_nothing_is_fused_on_request() -> None:
    x = T.matrix("x")
    f = sn.function([x], T.tanh(x) * 2 + 1, mode=sn.modes.Mode().excluding("fusion"))
    f(np.ones((2, 3), "float32"))
    (program,) = f.programs
    verify(program)
    assert sum(isinstance(s, Launch) for s in program.steps) == 3


@pytest.mark.parametrize("images", [1, 8])
def test_what_is_done_to_a_map_is_its_epilogue(images: int) -> None:
    """The map has an axis for groups; what users see of it has none."""
    x, w, b = T.tensor4("x"), T.tensor4("w"), T.vector("b")
    y = T.nnet.relu(T.nnet.conv2d(x, w) + b.dimshuffle("x", 0, "x", "x"))
    arrays = [np.zeros(s, "float32") for s in ((images, 3, 10, 10), (4, 3, 3, 3), (4,))]
    assert kinds(program_of([x, w, b], [y, T.exp(y)], arrays)) == ["contraction"]
