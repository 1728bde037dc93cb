"""The cost model: bytes and operations of steps whose costs are known."""

from __future__ import annotations

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.backend import Machine
from symnet.cost import Cost, predicted_seconds, seconds, step_costs, total
from symnet.memory import buffer_bytes
from symnet.program import Buffer, Copy, HostCall, Program, Repeat
from symnet.scalar import Symbol, const
from tests.lowered import program_of

MACHINE = Machine(100e9, 10e9, 100e9, 1 << 20)


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, "float32")


def cost_of(inputs: list, outputs: object, *arrays: np.ndarray) -> Cost:
    return total(step_costs(program_of(inputs, outputs, arrays)))


def test_an_elementwise_step_reads_and_writes_once() -> None:
    x, y = T.matrix("x"), T.matrix("y")
    found = cost_of([x, y], x * y + x, zeros(30, 40), zeros(30, 40))
    assert found == Cost(2 * 4800, 4800, 2 * 1200)


def test_a_broadcast_operand_counts_what_it_holds() -> None:
    x, b = T.matrix("x"), T.vector("b")
    assert cost_of([x, b], x + b, zeros(30, 40), zeros(40)) == Cost(4800 + 160, 4800, 1200)


def test_rows_count_as_many_operations_as_their_expansion() -> None:
    x = T.vector("x")
    one, tanh = (cost_of([x], y, zeros(100)).operations for y in (x + 1, T.tanh(x)))
    assert one == 100
    assert tanh > 500


def test_a_product_of_matrices() -> None:
    x, w = T.matrix("x"), T.matrix("w")
    found = cost_of([x, w], T.dot(x, w), zeros(20, 30), zeros(30, 40))
    assert found == Cost(4 * (600 + 1200), 4 * 800, 2 * 20 * 30 * 40)


def test_an_epilogue_is_part_of_the_product() -> None:
    x, w = T.matrix("x"), T.matrix("w")
    found = cost_of([x, w], T.dot(x, w) + 1, zeros(20, 30), zeros(30, 40))
    assert found.operations == (2 * 30 + 1) * 800


def test_windows_of_a_convolution_overlap() -> None:
    x, w = T.tensor4("x"), T.tensor4("w")
    made = program_of([x, w], T.nnet.conv2d(x, w), [zeros(8, 3, 10, 10), zeros(4, 3, 3, 3)])
    found = step_costs(made)[0]
    assert found.read == 4 * (8 * 300 + 4 * 27)
    assert found.operations == 2 * 8 * 4 * 64 * 27


def test_products_with_zeros_beyond_the_border_are_not_counted() -> None:
    x, w = T.tensor4("x"), T.tensor4("w")
    y = T.nnet.conv2d(x, w, border_mode="full")
    found = cost_of([x, w], y, zeros(8, 3, 10, 10), zeros(4, 3, 3, 3))
    assert found.operations == 2 * 8 * 4 * 3 * 100 * 9


def test_a_reduction_counts_its_terms() -> None:
    x = T.matrix("x")
    assert cost_of([x], T.sqr(x).sum(axis=0), zeros(30, 40)) == Cost(4800, 160, 2400)


def test_float64_is_wide() -> None:
    x = T.dvector("x")
    found = cost_of([x], x + 1, np.zeros(10))
    assert found == Cost(80, 80, 10, width=8)
    assert seconds(Cost(0, 0, 100, 8), MACHINE) == 2 * seconds(Cost(0, 0, 100, 4), MACHINE)


def test_time_is_that_of_bytes_or_of_operations() -> None:
    assert seconds(Cost(10**9, 10**9, 1), MACHINE) == pytest.approx(0.2)
    assert seconds(Cost(1000, 0, 1), MACHINE) == pytest.approx(1e-8)
    assert seconds(Cost(1, 1, 10**9), MACHINE) == pytest.approx(0.01)


def test_steps_in_repetitions_count_as_often_as_they_run() -> None:
    n = Symbol("n")
    buffers = tuple(Buffer(b, "float32", (n,), "temporary") for b in "abc")
    steps = (
        Repeat(Symbol("t"), const(5), 3),
        Copy("a", "b"),
        Repeat(Symbol("u"), Symbol("t") + 3, 1),
        Copy("b", "c"),
        HostCall("op", None, ("a",), ("b", "c")),
    )
    made = Program("f", (), (), (), buffers, (), (), steps)
    costs = step_costs(made, {"n": 10})
    assert [c.moved for c in costs] == [0, 5 * 80, 0, 5 * 7 * 80, 120]
    assert buffer_bytes(made, "a", {"n": 10}) == 40
    assert predicted_seconds(made, {"n": 10}, MACHINE) == sum(seconds(c, MACHINE) for c in costs)


def test_unknown_lengths_are_asked_for() -> None:
    buffers = tuple(Buffer(b, "float32", (Symbol("n"),), "temporary") for b in "ab")
    made = Program("f", (), (), (), buffers, (), (), (Copy("a", "b"),))
    with pytest.raises(KeyError, match="n"):
        step_costs(made)


def test_every_backend_knows_its_machine() -> None:
    machine = sn.backend.get("cpu").machine()
    assert machine is sn.backend.get("cpu").machine()
    assert machine.flops_per_s > 1e9
    assert machine.bytes_per_s > 1e8
    assert machine.cached_bytes_per_s > 1e8
