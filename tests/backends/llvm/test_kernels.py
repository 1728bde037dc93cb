"""Kernels built by hand, compiled for several vector widths and compared with NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from symnet import dtypes
from symnet.kernel import Accumulator, Kernel, Let, Loop, Param, Reduce, Store, verify
from symnet.scalar import Call, Const, Load, ScalarOp, Symbol, cast, const
from symnet.scalar.table import TABLE as T
from symnet_llvm import ir
from symnet_llvm.target import host
from tests import ordered
from tests.backends.llvm.conftest import compile_kernel
from tests.kernel_interpreter import interpret

i, j, k, n = Symbol("i"), Symbol("j"), Symbol("k"), Symbol("n")
F = "float32"


def kernel(params: str, *body, ints=()) -> Kernel:
    """A kernel; `params` reads like ``"x:float32 y:int64 out z:float32"``."""
    found, written = [], False
    for word in params.split():
        if word == "out":
            written = True
        else:
            name, dtype = word.split(":")
            found.append(Param(name, dtype, written))
            written = False
    return Kernel(tuple(found), tuple(ints), tuple(body))


def loop(axis, extent, *body) -> Loop:
    return Loop(axis, extent if not isinstance(extent, int) else const(extent), tuple(body))


def reduce(axis, extent, name, op, value, *body) -> Reduce:
    extent = extent if not isinstance(extent, int) else const(extent)
    accumulator = Accumulator(Symbol(name, value.dtype), T[op], value)
    return Reduce(axis, extent, (accumulator,), tuple(body))


def memory_for(work: Kernel, sizes, seed=0):
    """Random arrays; integers are small, so that they may be indices."""
    rng = np.random.default_rng(seed)
    memory = {}
    for p in work.params:
        size = sizes[p.name]
        if dtypes.is_float(p.dtype):
            memory[p.name] = rng.standard_normal(size).astype(p.dtype)
        elif p.dtype == "bool":
            memory[p.name] = rng.random(size) < 0.5
        else:
            memory[p.name] = rng.integers(0, 10, size).astype(p.dtype)
    return memory


def check(compiled, work, sizes, ints=None, rtol=2e-6, parts=(1, 2, 3), seed=0):
    """Compare with NumPy, and the results of several parts bit by bit with those of one."""
    run = compiled(work)
    start = memory_for(work, sizes, seed)
    want = {name: a.copy() for name, a in start.items()}
    interpret(work, want, ints)
    first = None
    for count in parts:
        got = {name: a.copy() for name, a in start.items()}
        if count > 1 and not run.emitted.splittable:
            continue
        for part in range(count):
            run(got, ints, part, count)
        for p in work.params:
            np.testing.assert_allclose(
                got[p.name], want[p.name], rtol=rtol, atol=rtol, err_msg=f"{p.name}, {count} parts"
            )
            if not dtypes.is_float(p.dtype):
                np.testing.assert_array_equal(got[p.name], want[p.name])
        if first is None:
            first = got
        for name, a in got.items():
            assert a.tobytes() == first[name].tobytes(), f"{name} depends on the parts"
    return first


def lengths(compiled_for) -> list[int]:
    width = compiled_for.lanes(F)
    return [*range(2 * width + 2), 4 * width, 5 * width + 3, 9 * width + 1]


def test_vector_add_of_every_length(compiled, target):
    x, y = Load("x", i, F), Load("y", i, F)
    work = kernel("x:float32 y:float32 out z:float32", loop(i, n, Store("z", i, x + y)), ints=[n])
    for length in lengths(target):
        size = max(length, 1)
        sizes = {"x": size, "y": size, "z": size}
        check(compiled, work, sizes, {"n": length}, rtol=0)


def test_tails_leave_what_follows_alone(compiled, target):
    work = kernel("x:float32 out z:float32", loop(i, n, Store("z", i, Load("x", i, F))), ints=[n])
    run = compiled(work)
    for length in lengths(target):
        x, z = np.ones(length + 100, F), np.zeros(length + 100, F)
        run({"x": x, "z": z}, {"n": length})
        assert z.sum() == length
        assert not z[length:].any()


@pytest.mark.parametrize("length", [1, 3, 10, 16, 33, 100, 600])
def test_constant_lengths(compiled, length):
    x = Load("x", i, F)
    work = kernel("x:float32 out z:float32", loop(i, length, Store("z", i, T["tanh"](x * 2.0))))
    check(compiled, work, {"x": length, "z": length}, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fused_elementwise(compiled, dtype):
    x, y = Load("x", i, dtype), Load("y", i, dtype)
    value = T["tanh"](x * y + 1.0) * T["exp"](-x) + T["maximum"](x, y)
    work = kernel(f"x:{dtype} y:{dtype} out z:{dtype}", loop(i, n, Store("z", i, value)), ints=[n])
    for length in (1, 7, 100):
        sizes = {"x": length, "y": length, "z": length}
        check(compiled, work, sizes, {"n": length}, rtol=1e-5 if dtype == F else 1e-13)


def test_matrix_plus_row_and_column(compiled):
    for rows, columns in ((5, 7), (600, 10), (3, 100), (40, 33)):
        value = Load("x", i * columns + j, F) + Load("r", j, F) * Load("c", i, F)
        body = loop(i, rows, loop(j, columns, Store("z", i * columns + j, value)))
        work = kernel("x:float32 r:float32 c:float32 out z:float32", body)
        size = rows * columns
        check(compiled, work, {"x": size, "z": size, "r": columns, "c": rows})


def test_nests_collapse(compiled, target):
    value = Load("x", i * 12 + j * 3 + k, F) + 1.0
    nest = loop(i, 8, loop(j, 4, loop(k, 3, Store("z", i * 12 + j * 3 + k, value))))
    work = kernel("x:float32 out z:float32", nest)
    check(compiled, work, {"x": 96, "z": 96})
    assert "phi" not in compiled(work).emitted.text or target.lanes(F) * 4 < 96


@pytest.mark.parametrize(("rows", "columns"), [(600, 10), (7, 1), (5, 16), (4, 500), (9, 37)])
def test_softmax_with_picked_label(compiled, rows, columns):
    z = Load("z", i * columns + j, F)
    top, total = Symbol("top", F), Symbol("total", F)
    e = T["exp"](z - top)
    y = cast(Load("y", i, "int32"), "int64")
    picked = Load("z", i * columns + T["minimum"](y, columns - 1), F) - top
    p = e / total - cast(T["eq"](j, y), F)
    body = loop(
        i,
        rows,
        reduce(j, columns, "top", "maximum", z),
        reduce(j, columns, "total", "add", e),
        Store("loss", i, T["log"](total) - picked),
        loop(j, columns, Store("g", i * columns + j, p / float(rows))),
    )
    work = kernel("z:float32 y:int32 out loss:float32 out g:float32", body)
    size = rows * columns
    check(compiled, work, {"z": size, "g": size, "loss": rows, "y": rows}, rtol=1e-5)


@pytest.mark.parametrize(("rows", "columns"), [(600, 10), (33, 500), (5, 3), (0, 4), (7, 64)])
def test_column_sums(compiled, rows, columns):
    total = Symbol("s", F)
    body = loop(
        j,
        columns,
        reduce(i, rows, "s", "add", Load("x", i * columns + j, F)),
        Store("b", j, Load("b", j, F) - total * 0.5),
    )
    work = kernel("x:float32 out b:float32", body)
    check(compiled, work, {"x": max(1, rows * columns), "b": columns}, rtol=2e-4)


def test_column_sums_of_unknown_size(compiled):
    m = Symbol("m")
    body = loop(
        j, m, reduce(i, n, "s", "add", Load("x", i * m + j, F)), Store("b", j, Symbol("s", F))
    )
    work = kernel("x:float32 out b:float32", body, ints=[n, m])
    for rows, columns in ((1, 1), (50, 100), (3, 17), (0, 9), (9, 0), (6, 400)):
        sizes = {"x": max(1, rows * columns), "b": max(1, columns)}
        check(compiled, work, sizes, {"n": rows, "m": columns}, rtol=1e-5)


@pytest.mark.parametrize("op", ["add", "mul", "maximum", "minimum"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint16", "int32", "int64"])
def test_full_reductions(compiled, op, dtype):
    work = kernel(
        f"x:{dtype} out s:{dtype}",
        reduce(i, n, "t", op, Load("x", i, dtype)),
        Store("s", const(0), Symbol("t", dtype)),
        ints=[n],
    )
    run = compiled(work)
    assert not run.emitted.splittable
    for length in (0, 1, 2, 15, 16, 17, 63, 64, 65, 200, 1000):
        check(compiled, work, {"x": max(1, length), "s": 1}, {"n": length}, rtol=1e-4)


@pytest.mark.parametrize("op", ["logical_and", "logical_or", "logical_xor", "add", "maximum"])
def test_boolean_reductions(compiled, op):
    x = Load("x", i * 33 + j, "bool")
    body = loop(i, 20, reduce(j, 33, "t", op, x), Store("s", i, Symbol("t", "bool")))
    work = kernel("x:bool out s:bool", body)
    check(compiled, work, {"x": 660, "s": 20})


def test_sum_of_squares_is_fused(compiled, target):
    x = Load("x", i, F)
    work = kernel(
        "x:float32 out s:float32",
        reduce(i, n, "t", "add", x * x),
        Store("s", const(0), Symbol("t", F)),
        ints=[n],
    )
    for length in (5, 1000):
        check(compiled, work, {"x": length, "s": 1}, {"n": length}, rtol=1e-5)
    assert ("llvm.fma" in compiled(work).emitted.text) == target.fused


def test_nested_reductions(compiled):
    s, t = Symbol("s", F), Symbol("t", F)
    body = loop(
        i,
        3,
        reduce(
            j, 5, "s", "add", t * t, reduce(k, 20, "t", "add", Load("x", i * 100 + j * 20 + k, F))
        ),
        Store("z", i, s),
    )
    work = kernel("x:float32 out z:float32", body)
    check(compiled, work, {"x": 300, "z": 3}, rtol=1e-5)


def test_pooling_windows(compiled):
    """A small reduction inside of a vectorised loop, read with stride 2."""
    offset = (i * 2 + k) * 40 + j * 2 + n
    inner = Reduce(n, const(2), (Accumulator(Symbol("t", F), T["maximum"], Load("x", offset, F)),))
    body = loop(
        i,
        20,
        loop(
            j,
            20,
            reduce(k, 2, "s", "maximum", Symbol("t", F), inner),
            Store("z", i * 20 + j, Symbol("s", F)),
        ),
    )
    work = kernel("x:float32 out z:float32", body)
    check(compiled, work, {"x": 1600, "z": 400}, rtol=0)


def test_transposed_read(compiled):
    for rows, columns in ((30, 50), (16, 16), (3, 70)):
        value = T["exp"](Load("x", j * rows + i, F))
        work = kernel(
            "x:float32 out z:float32",
            loop(i, rows, loop(j, columns, Store("z", i * columns + j, value))),
        )
        size = rows * columns
        check(compiled, work, {"x": size, "z": size})


def test_transposed_write(compiled):
    value = T["exp"](Load("x", i * 50 + j, F))
    work = kernel(
        "x:float32 out z:float32", loop(i, 30, loop(j, 50, Store("z", j * 30 + i, value)))
    )
    check(compiled, work, {"x": 1500, "z": 1500})


def test_reversed_and_strided_reads(compiled):
    value = Load("x", const(99) - i, F) + Load("x", i * 2, F) * Load("x", i * n, F)
    work = kernel("x:float32 out z:float32", loop(i, 50, Store("z", i, value)), ints=[n])
    check(compiled, work, {"x": 100, "z": 50}, {"n": 2})


@pytest.mark.parametrize("index", ["int32", "int64", "uint8"])
def test_gather(compiled, index):
    at = cast(Load("at", i, index), "int64")
    work = kernel(
        f"x:float32 at:{index} out z:float32",
        loop(i, n, Store("z", i, T["exp"](Load("x", at * 3 + 1, F)))),
        ints=[n],
    )
    for length in (1, 20, 50):
        check(compiled, work, {"x": 40, "at": length, "z": length}, {"n": length})


def test_rows_gathered(compiled):
    at = cast(Load("at", i, "int32"), "int64")
    body = loop(i, 20, loop(j, 37, Store("z", i * 37 + j, Load("x", at * 37 + j, F))))
    work = kernel("x:float32 at:int32 out z:float32", body)
    check(compiled, work, {"x": 370, "at": 20, "z": 740}, rtol=0)


@pytest.mark.parametrize("op", ["eq", "neq", "lt", "le", "gt", "ge"])
def test_axis_compared_with_data(compiled, op):
    y = cast(Load("y", i, "int32"), "int64")
    value = cast(T[op](j, y), F) * 2.0 + cast(T[op](y, j + 3), F)
    work = kernel("y:int32 out z:float32", loop(i, 11, loop(j, 45, Store("z", i * 45 + j, value))))
    check(compiled, work, {"y": 11, "z": 495}, rtol=0)


def test_axis_compared_with_dims(compiled):
    value = T["switch"](T["lt"](i, n - 5), Load("x", T["minimum"](i, 9), F), cast(i, F))
    work = kernel("x:float32 out z:float32", loop(i, n, Store("z", i, value)), ints=[n])
    for length in (1, 5, 6, 50):
        check(compiled, work, {"x": 10, "z": length}, {"n": length}, rtol=0)


def test_division_of_indices(compiled):
    value = Load("x", (i // 7) * 8 + i % 5, F) + cast(i // n, F)
    work = kernel("x:float32 out z:float32", loop(i, 64, Store("z", i, value)), ints=[n])
    check(compiled, work, {"x": 80, "z": 64}, {"n": 3}, rtol=0)


def test_mixed_widths(compiled):
    x = Load("x", i, "float64")
    value = cast(x, F) * cast(Load("c", i, "int8"), F) + cast(Load("b", i, "bool"), F)
    work = kernel(
        "x:float64 c:int8 b:bool out z:float32 out m:bool out w:int64",
        loop(
            i,
            n,
            Store("z", i, value),
            Store("m", i, T["gt"](x, 0.5)),
            Store("w", i, cast(Load("c", i, "int8"), "int64") * 3 - i),
        ),
        ints=[n],
    )
    for length in (1, 9, 77):
        sizes = dict.fromkeys("xcbzmw", length)
        check(compiled, work, sizes, {"n": length})


def test_in_place_update_and_order_of_statements(compiled):
    """A load after a store to the same element sees what was stored."""
    w = Load("w", i, F)
    work = kernel(
        "g:float32 out w:float32 out z:float32",
        loop(
            i,
            100,
            Let(Symbol("old", F), w),
            Store("w", i, w - Load("g", i, F) * 0.1),
            Store("z", i, w + Symbol("old", F)),
        ),
    )
    check(compiled, work, {"g": 100, "w": 100, "z": 100})


def test_statements_beside_each_other(compiled):
    total = Symbol("t", F)
    work = kernel(
        "x:float32 out y:float32 out z:float32 out s:float32",
        Let(Symbol("first", F), Load("x", const(0), F)),
        loop(i, 1000, Store("y", i, Load("x", i, F) * Symbol("first", F))),
        loop(j, 300, Store("z", j, Load("x", j, F) + 1.0)),
        reduce(k, 10, "t", "add", Load("x", k, F)),
        Store("s", const(0), total),
    )
    assert compiled(work).emitted.splittable
    check(compiled, work, {"x": 1000, "y": 1000, "z": 300, "s": 1}, rtol=1e-5)


def test_dependent_statements_are_not_divided(compiled):
    work = kernel(
        "x:float32 out y:float32 out z:float32",
        loop(i, 1000, Store("y", i, Load("x", i, F) + 1.0)),
        loop(j, 1000, Store("z", j, Load("y", const(999) - j, F))),
    )
    assert not compiled(work).emitted.splittable
    check(compiled, work, dict.fromkeys("xyz", 1000))


def test_reduction_used_by_a_loop(compiled):
    work = kernel(
        "x:float32 out y:float32",
        reduce(k, 1000, "t", "add", Load("x", k, F)),
        loop(i, 1000, Store("y", i, Load("x", i, F) / Symbol("t", F))),
    )
    check(compiled, work, {"x": 1000, "y": 1000}, rtol=1e-3)


def test_scalars(compiled):
    work = kernel(
        "x:float32 out y:float32", Store("y", const(0), T["tanh"](Load("x", const(0), F)))
    )
    check(compiled, work, {"x": 1, "y": 1})


def test_empty_loops_touch_nothing(compiled):
    body = loop(
        i, n, loop(j, 40, Store("y", i * 40 + j, Load("x", i, F) * Load("x", n * 1000000, F)))
    )
    work = kernel("x:float32 out y:float32", body, ints=[n])
    run = compiled(work)
    memory = {"x": np.ones(1, F), "y": np.ones(1, F)}
    run(memory, {"n": 0})
    assert memory["y"][0] == 1


def test_switch_between_constants_of_an_unused_axis(compiled):
    work = kernel("out y:float32", loop(i, 50, Store("y", i, Const(3.0, F))))
    check(compiled, work, {"y": 50})


def test_user_row(compiled):
    mish = ScalarOp(
        "mish!", 1, dtypes.floating, lambda x: x * np.tanh(np.log1p(np.exp(x))),
        expand=lambda x: x * T["tanh"](T["softplus"](x)),
    )  # fmt: skip
    x = Load("x", i, F)
    work = kernel("x:float32 out y:float32", loop(i, 50, Store("y", i, Call(mish, (x,), F))))
    check(compiled, work, {"x": 50, "y": 50}, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["bool", "int8", "float32", "float64"])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 16, 33, 150])
def test_backwards(compiled, dtype: str, count: int) -> None:
    n, i = Symbol("n"), Symbol("i")
    params = (Param("x", dtype, False), Param("y", dtype, True), Param("z", dtype, True))
    stores = (
        Store("y", i, Load("x", n - 1 - i, dtype)),
        Store("z", n - 1 - i, Load("x", i, dtype)),
    )
    given = np.random.default_rng(0).integers(0, 9, count).astype(dtype)
    around = {name: np.ones(count + 128, dtype) for name in "xyz"}
    memory = {name: a[64 : 64 + count] for name, a in around.items()}
    memory["x"][:] = given
    for store in stores:
        compiled(Kernel(params, (n,), (Loop(i, n, (store,)),)))(memory, {"n": count})
    for name in "yz":
        np.testing.assert_array_equal(memory[name], given[::-1])
        assert around[name][:64].all()
        assert around[name][64 + count :].all()


@pytest.mark.parametrize("case", ordered.CASES, ids=lambda case: case[0])
def test_loops_in_order(compiled, case):
    _, work, sizes, ints = case
    verify(work)
    check(compiled, work, sizes, ints)


def test_helpers_are_called_where_inlining_would_be_all_the_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    value = x = Load("x", i, F)
    for _ in range(8):
        value = T["tanh"](value) + x
    work = kernel("x:float32 out y:float32", loop(i, 37, Store("y", i, value)))
    texts, found = [], []
    for sites in (ir.SITES, 4):
        monkeypatch.setattr(ir, "SITES", sites)
        memory = {"x": np.linspace(-2, 2, 37, dtype=F), "y": np.empty(37, F)}
        run = compile_kernel(work, host())
        texts.append(ir.module([run.emitted.text], run.emitted.declarations, host()))
        run(memory)
        found.append(memory["y"])
    assert "alwaysinline" in texts[0]
    assert "noinline" in texts[1]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6)
