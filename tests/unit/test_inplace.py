"""Results in place: where that is right, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.inplace import in_place, overwriting
from symnet.kernel import Accumulator, Kernel, Let, Loop, Param, Reduce, Stmt, Store, verify
from symnet.modes import Mode
from symnet.program import Buffer, Copy, HostCall, Launch, Program, Repeat
from symnet.program import verify as verify_program
from symnet.scalar import Expr, Load, Symbol, const, rows
from tests.lowered import kinds, program_of

AT, R = Symbol("i0"), Symbol("r0")


def load(buffer: str, offset: Expr) -> Load:
    return Load(buffer, offset, "float32")


def kernel(*body: Stmt, names: str = "ab") -> Kernel:
    params = tuple(Param(n, "float32", n != "a") for n in names)
    return Kernel(params, (), body)


def loop(*body: Stmt, axis: Symbol = AT, extent: int = 4) -> Loop:
    return Loop(axis, const(extent), body)


def doubled(at: Expr, to: Expr = AT) -> Kernel:
    return kernel(loop(Store("b", to, load("a", at) * 2.0)))


def test_the_same_element_may_be_written_over() -> None:
    made = overwriting(doubled(AT), "a", "b")
    assert made == Kernel(
        (Param("a", "float32", True),), (), (loop(Store("a", AT, load("a", AT) * 2.0)),)
    )


def test_offsets_are_compared_as_integers() -> None:
    assert overwriting(doubled(AT * 2 + AT, AT * 3), "a", "b") is not None


ELSEWHERE = {
    "another element": doubled(AT + 1),
    "reversed": doubled(const(3) - AT),
    "one for all": doubled(const(0)),
    "also outside of the loop": kernel(
        Let(Symbol("s0", "float32"), load("a", const(0))),
        loop(Store("b", AT, load("a", AT) + Symbol("s0", "float32"))),
    ),
    "also in a sum": kernel(
        Reduce(R, const(4), (Accumulator(Symbol("s0", "float32"), rows()["add"], load("a", R)),)),
        loop(Store("b", AT, load("a", AT) + Symbol("s0", "float32"))),
    ),
    "in another loop": kernel(
        loop(Store("b", AT, load("a", AT))), loop(Store("c", AT, load("a", AT))), names="abc"
    ),
    "after the store": kernel(
        loop(Store("b", AT, load("a", AT) * 2.0), Store("c", AT, load("a", AT))), names="abc"
    ),
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_what_is_read_elsewhere_may_not(case: str) -> None:
    verify(ELSEWHERE[case])
    assert overwriting(ELSEWHERE[case], "a", "b") is None


def test_each_piece_of_a_result_is_looked_at() -> None:
    def pieces(second: Expr) -> Kernel:
        return kernel(
            loop(Store("b", AT, load("a", AT) * 2.0)), loop(Store("b", AT + 4, load("a", second)))
        )

    moved = overwriting(pieces(AT + 4), "a", "b")
    assert moved is not None
    assert moved.body == (loop(Store("a", AT, load("a", AT) * 2.0)),)  # the other piece is there
    assert overwriting(pieces(AT), "a", "b") is None


def chain(*steps: Any, outputs: tuple[str, ...] = (), shapes: dict[str, tuple] | None = None):
    names = sorted({n for s in steps for n in s.reads | s.writes} - {"x"})
    shape = {n: (const(4),) for n in names} | (shapes or {})
    buffers = [Buffer("x", "float32", (const(4),), "input")]
    buffers += [
        Buffer(n, "float32", shape[n], "output" if n in outputs else "temporary") for n in names
    ]
    made = Program("f", (), (), (), tuple(buffers), ("x",), outputs, steps)
    verify_program(made)
    found = in_place(made)
    verify_program(found)
    return found


def twice(source: str, target: str) -> Launch:
    return Launch(doubled(AT), (source, target))


def test_a_chain_stays_in_one_buffer() -> None:
    made = chain(twice("x", "s"), twice("s", "t"), twice("t", "u"), twice("u", "o"), outputs="o")
    assert [s.buffers for s in made.steps] == [("x", "o"), ("o",), ("o",), ("o",)]
    assert [b.name for b in made.buffers] == ["x", "o"]


def test_what_is_read_later_keeps_its_place() -> None:
    made = chain(twice("x", "s"), twice("s", "t"), twice("s", "o"), outputs="o")
    assert [s.buffers for s in made.steps] == [("x", "o"), ("o", "t"), ("o",)]


def test_copies_that_move_nothing_go() -> None:
    made = chain(twice("x", "s"), Copy("s", "t"), twice("t", "o"), outputs="o")
    assert [s.buffers for s in made.steps] == [("x", "o"), ("o",)]


def test_python_sees_the_shapes_it_expects() -> None:
    call = HostCall("op", None, ("s",), ("t",))
    shapes = {"s": (const(2), const(2)), "u": (const(2), const(2))}
    steps = twice("x", "s"), call, twice("t", "u"), twice("u", "o")
    made = chain(*steps, outputs="o", shapes=shapes)
    assert made.steps[1].inputs == ("s",)
    assert made.steps[2].buffers == ("t", "o")


def test_repetitions_are_left_alone() -> None:
    made = chain(
        twice("x", "s"), Repeat(Symbol("t"), const(3), 1), twice("s", "t"), twice("t", "o"),
        outputs="o",
    )  # fmt: skip
    assert [s.buffers for s in made.steps if isinstance(s, Launch)] == [
        ("x", "s"), ("s", "o"), ("o",),
    ]  # fmt: skip


def test_the_gradient_of_a_pooled_map_lies_where_the_map_was() -> None:
    x, w = T.tensor4("x"), sn.shared(np.zeros((4, 3, 3, 3), "float32"))
    y = T.signal.pool.pool_2d(T.nnet.conv2d(x, w), (2, 2), ignore_border=True)
    cost = T.tanh(y).sum()
    arrays = [np.zeros((8, 3, 10, 10), "float32")]
    updates = [(w, w - T.grad(cost, w))]
    made = program_of([x], cost, arrays, updates=updates)
    found = in_place(made)
    large = [[b for b in p.buffers if b.kind == "temporary"] for p in (made, found)]
    assert len(large[1]) < len(large[0])


def test_a_map_is_returned_without_another_copy() -> None:
    x, w = T.tensor4("x"), T.tensor4("w")
    arrays = [np.zeros((8, 3, 10, 10), "float32"), np.zeros((4, 3, 3, 3), "float32")]
    made = program_of([x, w], T.nnet.conv2d(x, w), arrays)
    assert kinds(in_place(made)) == ["contraction"]


@pytest.mark.parametrize("fuse", [True, False])
def test_modes_turn_it_off(fuse: bool) -> None:
    state = sn.shared(np.arange(6.0).reshape(2, 3), name="state")
    x = T.dmatrix("x")
    mode = Mode().excluding("inplace", *([] if fuse else ["fusion"]))
    f = sn.function(
        [x], T.exp(T.dot(x, x.T)) + 1, updates=[(state, state * 2 + x)],
        mode=mode,
    )  # fmt: skip
    f(np.ones((2, 3)))
    made = f.programs[0]
    launches = [s for s in made.steps if isinstance(s, Launch)]
    assert not any(s.reads & s.writes for s in launches)
    assert not any(made.buffer(b).kind == "shared" for s in launches for b in s.writes)
    assert isinstance(made.steps[-1], Copy)
    np.testing.assert_array_equal(state.get_value(), np.arange(6.0).reshape(2, 3) * 2 + 1)
