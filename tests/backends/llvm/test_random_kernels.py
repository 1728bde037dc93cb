"""Random kernels, compiled, against NumPy: scopes, hoisting and strides in all combinations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from symnet.kernel import (
    Accumulator,
    Carried,
    Kernel,
    Let,
    Loop,
    Ordered,
    Param,
    Reduce,
    Store,
    verify,
)
from symnet.scalar import Call, Const, Expr, Load, Symbol, cast, const
from symnet.scalar.table import TABLE as T
from tests.kernel_interpreter import interpret

F = "float32"
N = Symbol("n")
AXES = [Symbol(name) for name in "ijkl"]


@st.composite
def offsets(draw, axes) -> Expr:
    """An affine offset, now and then through an index in memory."""
    x: Expr = const(draw(st.integers(0, 5)))
    for axis in axes:
        step = draw(st.sampled_from([0, 0, 1, 1, 2, 7]))
        x = x + axis * step if step else x
    if draw(st.integers(0, 4)) == 0:
        x = cast(Load("at", x, "int32"), "int64") + draw(st.sampled_from([*axes, const(1)]))
    return x


@st.composite
def values(draw, axes, names, depth=3) -> Expr:
    """A float32 expression of loads, axes and bound names."""
    kind = draw(st.integers(0, 7)) if depth else draw(st.integers(0, 2))
    if kind == 0 and names:
        return draw(st.sampled_from(names))
    if kind <= 1:
        return Load(draw(st.sampled_from("xy")), draw(offsets(axes)), F)
    if kind == 2:
        leaf = [Const(0.5, F), *(cast(a, F) for a in axes)]
        return draw(st.sampled_from(leaf))
    a, b = draw(values(axes, names, depth - 1)), draw(values(axes, names, depth - 1))
    if kind == 3 and axes:
        index = cast(Load("at", draw(offsets(axes[:1])), "int32"), "int64")
        op = draw(st.sampled_from(["eq", "lt", "ge"]))
        return T["switch"](T[op](draw(st.sampled_from(axes)), index), a, b)
    if kind == 4:
        return T["tanh"](a)
    op = draw(st.sampled_from(["add", "sub", "mul", "maximum", "minimum"]))
    return Call(T[op], (a, b), F)


@st.composite
def blocks(draw, axes, names, sizes, place, storing=True):
    """Statements, and the offset at which each iteration of the loops around may store."""
    stmts = []
    names = list(names)
    for at in range(draw(st.integers(1, 3))):
        name = Symbol(f"v{len(axes)}{at}{'s' if storing else 'r'}", F)
        kind = draw(st.integers(0, 3))
        if kind == 0:
            stmts.append(Let(name, draw(values(axes, names))))
            names.append(name)
        elif kind == 1 and len(axes) < len(AXES):
            axis = AXES[len(axes)]
            inner, bound = draw(blocks([*axes, axis], names, sizes, place, storing=False))
            op = T[draw(st.sampled_from(["add", "maximum", "minimum"]))]
            value = draw(values([*axes, axis], bound, 2))
            extent = draw(st.sampled_from([const(3), const(17), N]))
            stmts.append(Reduce(axis, extent, (Accumulator(name, op, value),), tuple(inner)))
            names.append(name)
        elif storing and kind == 2 and len(axes) < 2:
            axis = AXES[len(axes)]
            extent = draw(st.sampled_from([const(1), const(5), const(40), N]))
            so_far = Symbol(f"c{len(axes)}{at}", F)
            ordered = draw(st.booleans())
            known = [*names, so_far] if ordered else names
            inner, bound = draw(blocks([*axes, axis], known, sizes, place * 70 + axis))
            if ordered:
                first = draw(values(axes, names, 1))
                carried = Carried(so_far, first, draw(values([*axes, axis], bound, 2)) * 0.5)
                stmts.append(Ordered(axis, extent, tuple(inner), (carried,)))
            else:
                stmts.append(Loop(axis, extent, tuple(inner)))
        elif storing:
            buffer = f"z{len(sizes)}"
            sizes.append(buffer)
            stmts.append(Store(buffer, place, draw(values(axes, names))))
    return stmts, names


@st.composite
def kernels(draw) -> Kernel:
    outputs: list[str] = []
    body, _ = draw(blocks([], [], outputs, const(0)))
    params = [Param("x", F, False), Param("y", F, False), Param("at", "int32", False)]
    work = Kernel((*params, *(Param(z, F, True) for z in outputs)), (N,), tuple(body))
    verify(work)
    return work


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(work=kernels(), extent=st.sampled_from([0, 1, 2, 15, 16, 33, 67]))
def test_random_kernels(compiled, work, extent):
    run = compiled(work)
    rng = np.random.default_rng(0)
    start = {name: rng.standard_normal(2000).astype(F) for name in "xy"}
    start["at"] = rng.integers(0, 20, 2000).astype("int32")
    for p in work.params[3:]:
        start[p.name] = np.zeros(70 * 70, F)
    want = {name: a.copy() for name, a in start.items()}
    with np.errstate(all="ignore"):
        interpret(work, want, {"n": extent})
    results = []
    for parts in (1, 3) if run.emitted.splittable else (1,):
        got = {name: a.copy() for name, a in start.items()}
        for part in range(parts):
            run(got, {"n": extent}, part, parts)
        results.append(got)
        for p in work.params[3:]:
            scale = np.abs(want[p.name][np.isfinite(want[p.name])]).max(initial=1)
            np.testing.assert_allclose(
                got[p.name], want[p.name], rtol=1e-3, atol=1e-4 * scale, err_msg=str(work)
            )
    for p in work.params[3:]:
        assert results[0][p.name].tobytes() == results[-1][p.name].tobytes(), str(work)


def test_the_interpreter_itself():
    i = AXES[0]
    body = (
        Reduce(i, const(4), (Accumulator(Symbol("s", F), T["add"], Load("x", i, F)),)),
        Loop(i, const(2), (Store("z", i, Symbol("s", F) + Load("x", i, F)),)),
    )
    work = Kernel((Param("x", F, False), Param("z", F, True)), (), body)
    memory = {"x": np.arange(4, dtype=F), "z": np.zeros(2, F)}
    interpret(work, memory)
    assert memory["z"].tolist() == [6, 7]
    assert pytest.approx(memory["x"]) == [0, 1, 2, 3]
