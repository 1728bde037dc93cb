from __future__ import annotations

import numpy as np
import pytest

from symnet.kernel import Accumulator, Kernel, Let, Loop, Param, Reduce, Stmt, Store
from symnet.scalar import Expr, Load, Symbol, cast, const
from symnet.scalar.table import TABLE as T
from symnet_llvm import rows
from symnet_llvm.analysis import Facts
from symnet_llvm.normal import normalize
from symnet_llvm.target import Target

i, j, n = Symbol("i"), Symbol("j"), Symbol("n")


def softmax(length: int, dtype: str, count: Expr, stride: int | None = None) -> Kernel:
    """p = softmax(x), l = its logarithm where y says, y in -length .. length - 1."""
    z = Load("x", i * (stride or length) + j, dtype) + Load("b", j, dtype)
    top, total, place = Symbol("top", dtype), Symbol("total", dtype), Symbol("place")
    y = cast(Load("y", i, "int32"), "int64")
    e = T["exp"](z - top)
    chosen = Load("x", i * (stride or length) + place, dtype) + Load("b", place, dtype)
    body: tuple[Stmt, ...] = (
        Reduce(j, const(length), (Accumulator(top, T["maximum"], z),)),
        Reduce(j, const(length), (Accumulator(total, T["add"], e),)),
        Let(place, T["switch"](T["lt"](y, 0), y + length, y)),
        Store("l", i, chosen - top - T["log"](total)),
        Loop(j, const(length), (Store("p", i * length + j, e / total),)),
    )
    names = [("x", dtype), ("b", dtype), ("y", "int32"), ("l", dtype), ("p", dtype)]
    params = tuple(Param(name, d, name in "lp") for name, d in names)
    ints = (count,) if isinstance(count, Symbol) else ()
    return Kernel(params, ints, (Loop(i, count, body),))


def memory(count: int, length: int, dtype: str, stride: int | None = None) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(count * length)
    size = (count - 1) * (stride or length) + length if count else 0
    return {
        "x": rng.normal(0, 3, size).astype(dtype),
        "b": rng.normal(0, 1, length).astype(dtype),
        "y": rng.integers(-length, length, count).astype("int32"),
        "l": np.zeros(count, dtype),
        "p": np.zeros((count, length), dtype),
    }


def check(m: dict[str, np.ndarray], count: int, length: int, stride: int | None = None) -> None:
    places = np.arange(count)[:, None] * (stride or length) + np.arange(length)
    z = m["x"].astype("float64")[places] + m["b"]
    e = np.exp(z - z.max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    tolerance = 3e-6 if m["x"].dtype == "float32" else 1e-13
    np.testing.assert_allclose(m["p"], p, rtol=tolerance)
    chosen = p[np.arange(count), m["y"]] if count else np.zeros(0)
    np.testing.assert_allclose(m["l"], np.log(chosen), rtol=tolerance, atol=tolerance)


def is_spread(work: Kernel, target: Target) -> bool:
    return bool(rows.spread(normalize(work.body), Facts(), target).tiles)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("length", [4, 5, 10, 13])
def test_softmax_of_short_rows(compiled, target: Target, length: int, dtype: str) -> None:
    work = softmax(length, dtype, n)
    if target.vector_bytes == 16:
        assert is_spread(work, target)
    run = compiled(work)
    for count in (0, 1, 2, 15, 16, 17, 64, 67):
        m = memory(count, length, dtype)
        run(m, {"n": count})
        check(m, count, length)


def test_known_numbers_of_rows(compiled, target: Target) -> None:
    for count in (64, 77):
        work = softmax(10, "float32", const(count))
        assert is_spread(work, target)
        m = memory(count, 10, "float32")
        compiled(work)(m)
        check(m, count, 10)


def test_rows_that_are_apart(compiled) -> None:
    m = memory(70, 6, "float32", stride=9)
    compiled(softmax(6, "float32", n, stride=9))(m, {"n": 70})
    check(m, 70, 6, stride=9)


def test_results_do_not_depend_on_parts(compiled) -> None:
    run = compiled(softmax(10, "float32", n))
    whole = memory(333, 10, "float32")
    run(whole, {"n": 333})
    for parts in (2, 3, 7):
        m = memory(333, 10, "float32")
        for part in range(parts):
            run(m, {"n": 333}, part, parts)
        np.testing.assert_array_equal(m["p"], whole["p"])
        np.testing.assert_array_equal(m["l"], whole["l"])


def test_nothing_beside_the_rows_is_written(compiled) -> None:
    run = compiled(softmax(10, "float32", n))
    for count in (1, 5, 16, 19):
        m = memory(count, 10, "float32")
        around = np.full(count * 10 + 64, 7, "float32")
        run(m | {"p": around[32:]}, {"n": count})
        assert (around[:32] == 7).all()
        assert (around[32 + count * 10 :] == 7).all()


def test_integers(compiled) -> None:
    """The range of each row of integers."""
    x = Load("x", i * 5 + j, "int32")
    least, most = Symbol("least", "int32"), Symbol("most", "int32")
    accumulators = (
        Accumulator(least, T["minimum"], x), Accumulator(most, T["maximum"], x),
    )  # fmt: skip
    body = (
        Reduce(j, const(5), accumulators),
        Loop(j, const(5), (Store("y", i * 5 + j, (x - least) * (most - x)),)),
    )
    params = (Param("x", "int32", False), Param("y", "int32", True))
    run = compiled(Kernel(params, (n,), (Loop(i, n, body),)))
    given = np.random.default_rng(0).integers(-99, 99, (71, 5)).astype("int32")
    y = np.zeros_like(given)
    run({"x": given, "y": y}, {"n": 71})
    low, high = given.min(1, keepdims=True), given.max(1, keepdims=True)
    np.testing.assert_array_equal(y, (given - low) * (high - given))


def test_rows_that_are_updated_in_place_stay_loops(compiled, target: Target) -> None:
    x = Load("x", i * 8 + j, "float32")
    total = Symbol("total", "float32")
    body = (
        Reduce(j, const(8), (Accumulator(total, T["add"], x),)),
        Loop(j, const(8), (Store("x", i * 8 + j, x / total),)),
    )
    work = Kernel((Param("x", "float32", True),), (), (Loop(i, const(100), body),))
    assert not is_spread(work, target)
    given = np.random.default_rng(0).random((100, 8), "float32") + 1
    x = given.copy()
    compiled(work)({"x": x})
    np.testing.assert_allclose(x, given / given.sum(1, keepdims=True), rtol=1e-6)


def test_few_rows_and_long_rows_stay_loops(target: Target) -> None:
    assert not is_spread(softmax(10, "float32", const(7)), target)
    assert not is_spread(softmax(40, "float32", n), target)
    assert not is_spread(softmax(3, "float32", n), target)


@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_transposed_reads_go_by_blocks(compiled, target: Target, dtype: str) -> None:
    for rows_, columns in ((20, 70), (48, 64), (100, 130)):
        x = Load("x", j * rows_ + i, dtype) + Load("y", i * columns + j, dtype)
        loop = Loop(i, const(rows_), (Loop(j, const(columns), (Store("z", i * columns + j, x),)),))
        params = tuple(Param(name, dtype, name == "z") for name in "xyz")
        work = Kernel(params, (), (loop,))
        assert is_spread(work, target)
        rng = np.random.default_rng(0)
        a = rng.integers(0, 99, (columns, rows_)).astype(dtype)
        b = rng.integers(0, 99, (rows_, columns)).astype(dtype)
        for parts in (1, 3):
            z = np.zeros_like(b)
            for part in range(parts):
                compiled(work)({"x": a, "y": b, "z": z}, None, part, parts)
            np.testing.assert_array_equal(z, a.T + b)
