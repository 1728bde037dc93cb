"""Temporaries in strips: steps that go through the rows of one are repeated over parts of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.kernel import Accumulator, Axis, Contraction, Kernel, Loop, Param, Reduce, Store
from symnet.modes import Mode
from symnet.program import Buffer, Copy, Guard, HostCall, Launch, Program, Repeat, verify
from symnet.scalar import Expr, Load, Symbol, const, rows, simplify
from symnet.strips import _Strips, in_strips
from tests.lowered import kinds

AT, TO, ROW = Symbol("i0"), Symbol("i1"), 64
ROWS = 40


def load(name: str, offset: Expr) -> Load:
    return Load(name, offset, "float32")


def kernel(*params: Param, body: Any) -> Kernel:
    inner = Loop(TO, const(ROW), (body,))
    return Kernel(params, (), (Loop(AT, const(ROWS), (inner,)),))


PLACE = AT * ROW + TO
P0, P1 = Param("p0", "float32", False), Param("p1", "float32", True)


def doubled(source: Expr = PLACE, target: Expr = PLACE) -> Kernel:
    return kernel(P0, P1, body=Store("p1", target, load("p0", source) * 2.0))


def program(*steps: Any) -> Program:
    """Steps that read an input x and shared w, write an output o, and large temporaries."""
    kind = {"x": "input", "o": "output", "w": "shared", "flag": "shared"}
    names = sorted({n for s in steps for n in s.reads | s.writes})
    buffers = tuple(
        Buffer(
            n, "int64" if n == "flag" else "float32",
            () if n == "flag" else (const(ROWS), const(ROW)), kind.get(n, "temporary"),
        )
        for n in names
    )  # fmt: skip
    made = Program("f", (), (), (), buffers, ("x",), ("o",), steps)
    verify(made)
    return made


def cut(*steps: Any) -> Program:
    found = in_strips(program(*steps), {})
    verify(found)
    return found


def test_what_goes_through_the_rows_is_repeated() -> None:
    made = cut(Launch(doubled(), ("x", "t")), Launch(doubled(), ("t", "o")))
    assert kinds(made) == ["repeat", "kernel", "kernel"]
    assert [n.value for n in made.buffer("t").shape] == [10, ROW]
    first, last = (str(s.work).splitlines()[1:] for s in made.steps[1:])
    strip = ["  for i0 < 10:", "    for i1 < 64:"]
    there, here = "(((i0 * 64) + i1) + (n0 * 64))", "((i0 * 64) + i1)"
    assert first == [*strip, f"      p1[{here}] = (p0[{there}] * 2.0)"]
    assert last == [*strip, f"      p1[{there}] = (p0[{here}] * 2.0)"]
    assert made.steps[1].ints == (simplify(made.steps[0].index * 10),)


def others(*between: Any) -> list[str]:
    return kinds(cut(Launch(doubled(), ("x", "t")), *between, Launch(doubled(), ("t", "o"))))


def test_what_stands_between_goes_out_of_the_way() -> None:
    assert others(Copy("x", "w")) == ["copy", "repeat", "kernel", "kernel"]
    assert others(Guard("flag", "no")) == ["guard", "repeat", "kernel", "kernel"]


def test_what_cannot_go_out_of_the_way_stays() -> None:
    call = HostCall("op", None, ("t",), ("s",))
    assert others(call) == ["kernel", "host", "kernel"]
    use = [Launch(doubled(), ("x", "t")), Copy("t", "s"), Launch(doubled(), ("t", "o"))]
    assert kinds(cut(*use, Copy("s", "w"))) == ["kernel", "copy", "kernel", "copy"]


@pytest.mark.parametrize(
    "source",
    [PLACE + 1, AT * ROW + TO * 2, TO * ROWS + AT, (const(ROWS - 1) - AT) * ROW + TO],
    ids=["the next one", "beyond the row", "transposed", "backwards"],
)
def test_what_reads_other_rows_needs_all(source: Expr) -> None:
    made = cut(Launch(doubled(), ("x", "t")), Launch(doubled(source), ("t", "o")))
    assert kinds(made) == ["kernel", "kernel"]


def test_a_sum_over_rows_in_a_nest_needs_all() -> None:
    s0, r0 = Symbol("s0", "float32"), Symbol("r0")
    total = Reduce(r0, const(ROWS), (Accumulator(s0, rows()["add"], load("p0", r0 * ROW + AT)),))
    column = Kernel((P0, P1), (), (Loop(AT, const(ROW), (total, Store("p1", AT, s0))),))
    made = cut(Launch(doubled(), ("x", "t")), Launch(column, ("t", "o")))
    assert kinds(made) == ["kernel", "kernel"]


def product(summed: bool, epilogue: Any = None) -> Contraction:
    """``p2 = p0 @ p1``, or ``p0.T @ p1``."""
    m, n, k = Symbol("m"), Symbol("n"), Symbol("k")
    acc = Symbol("acc", "float32")
    params = (P0, Param("p1", "float32", False), Param("p2", "float32", True))
    inner = ROWS if summed else ROW
    place = k * ROW + m if summed else m * ROW + k
    return Contraction(
        params, (), (), (Axis(m, const(ROW if summed else ROWS)),), (Axis(n, const(ROW)),),
        (Axis(k, const(inner)),), load("p0", place), load("p1", k * ROW + n),
        epilogue or (Store("p2", m * ROW + n, acc),), "float32",
    )  # fmt: skip


def test_the_rows_of_a_product() -> None:
    made = cut(Launch(product(False), ("x", "w", "t")), Launch(doubled(), ("t", "o")))
    assert kinds(made) == ["repeat", "contraction", "kernel"]
    assert made.steps[1].work.rows[0].extent == const(10)


M, N = Symbol("m"), Symbol("n")
SQUARED = (Store("p2", M * ROW + N, rows()["sqr"](Symbol("acc", "float32"))),)


@pytest.mark.parametrize("epilogue", [None, SQUARED], ids=["plain", "with an epilogue"])
def test_a_product_that_sums_over_rows_adds_up(epilogue: Any) -> None:
    summing = Launch(product(True, epilogue), ("t", "w", "s"))
    # The sums are larger than what is cut here.
    made = _Strips(program(Launch(doubled(), ("x", "t")), summing, Copy("s", "o")), "t").program()
    verify(made)
    assert kinds(made) == ["kernel", "repeat", "kernel", "contraction", "kernel", "copy"]
    assert made.steps[0].label == "zeros"
    added, last = (s.work for s in made.steps[3:5])
    assert added.inner[0].extent == const(10)
    assert "total" in added.read
    assert ("sqr(total" in str(last)) == (epilogue is not None)


def test_equal_products_are_cut_alike_or_not_at_all() -> None:
    """A maximum is compared with what it is the maximum of, when that is computed again."""
    once = Launch(product(False), ("x", "w", "t")), Launch(doubled(), ("t", "o"))
    again = Launch(product(False), ("x", "w", "u")), Launch(doubled(), ("u", "o"))
    assert kinds(cut(*once, *again)) == ["repeat", "contraction", "kernel"] * 2
    needs_all = Launch(product(False), ("x", "w", "u")), Launch(doubled(PLACE + 1), ("u", "o"))
    assert kinds(cut(*once, *needs_all)) == ["contraction", "kernel"] * 2


def test_a_convolution_in_strips_computes_what_it_did() -> None:
    rng = np.random.default_rng(0)
    x = T.tensor4("x")
    W = sn.shared(rng.normal(0, 0.1, (8, 1, 5, 5)).astype("float32"), name="W")
    V = sn.shared(rng.normal(0, 0.1, (8 * 144, 300)).astype("float32"), name="V")
    pooled = T.signal.pool.pool_2d(T.nnet.conv2d(x, W), (2, 2), ignore_border=True)
    cost = T.sqr(T.dot(T.tanh(pooled).flatten(2), V)).mean()
    updates = [(p, p - g) for p, g in zip((W, V), T.grad(cost, [W, V]), strict=True)]
    arrays = [rng.random((100, 1, 28, 28)).astype("float32")]
    starts, results, needed = [p.get_value() for p in (W, V)], [], []
    for memory in ("fast", "small"):
        for p, value in zip((W, V), starts, strict=True):
            p.set_value(value)
        f = sn.function([x], cost, updates=updates, mode=Mode(memory=memory))
        results.append([f(*arrays), W.get_value(), V.get_value()])
        needed.append(f.executables[0].footprint().arena)
    assert any(isinstance(s, Repeat) for s in f.programs[0].steps)
    assert needed[1] < 0.65 * needed[0]
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
