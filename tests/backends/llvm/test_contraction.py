"""Contractions against NumPy in double precision: sizes, layouts, epilogues, machines, parts."""

import ctypes
import itertools
from dataclasses import dataclass, replace

import numpy as np
import pytest

from symnet.kernel import (
    COLUMN,
    INNER,
    ROW,
    Axis,
    Contraction,
    Let,
    Param,
    Store,
    accumulated,
    verify,
)
from symnet.scalar import TABLE, Const, Load, Symbol, const, evaluate
from symnet_llvm import engine, ir, scaling, tiling
from symnet_llvm.contraction import emit_contraction
from symnet_llvm.target import host

HOST = host()
TARGETS = [HOST.narrowed(n) for n in (16, 32, 64) if n <= HOST.vector_bytes]
SIZES = (0, 1, 2, 3, 7, 10, 16, 17, 20, 33, 64, 100)


@dataclass(frozen=True)
class Case:
    """A contraction of two matrices and what becomes of it."""

    rows: int
    columns: int
    inner: int
    left: str = "rows"  # which axis has neighbours side by side: "rows", "columns" or "neither"
    right: str = "rows"
    epilogue: str = "plain"
    dtype: str = "float32"
    symbolic: str = ""  # of "mnk"

    @property
    def lengths(self) -> dict[str, int]:
        return {"M": self.rows, "N": self.columns, "K": self.inner}

    def work(self) -> Contraction:
        m, n, k = (
            Symbol(s.upper()) if s in self.symbolic else const(x)
            for s, x in zip("mnk", (self.rows, self.columns, self.inner), strict=True)
        )
        left = self.factor("a", self.left, (ROW, self.rows), (INNER, self.inner))
        right = self.factor("b", self.right, (INNER, self.inner), (COLUMN, self.columns))
        acc = accumulated(self.dtype)
        written = {"c": self.dtype}
        read = {"a": self.dtype, "b": self.dtype}
        at = ROW * max(self.columns, 1) + COLUMN
        bias, scale = Load("bias", COLUMN, self.dtype), Load("scale", ROW, self.dtype)
        match self.epilogue:
            case "plain":
                epilogue = (Store("c", at, acc),)
            case "turned":
                epilogue = (Store("c", COLUMN * max(self.rows, 1) + ROW, acc * 2.0),)
            case "column":
                epilogue = (Store("c", ROW + 1, acc),)
            case "thin":
                epilogue = (Store("c", ROW * 2, acc), Store("d", const(0), acc))
                written["d"] = self.dtype
            case "scattered":
                epilogue = (Store("c", (ROW * max(self.columns, 1) + COLUMN) * 2 + 1, acc),)
            case "update":
                epilogue = (Store("c", at, Load("c", at, self.dtype) - acc * 0.25),)
            case "tanh":
                read["bias"] = self.dtype
                epilogue = (Store("c", at, TABLE["tanh"](acc + bias)),)
            case "two":
                read |= {"bias": self.dtype, "scale": self.dtype}
                written["d"] = "bool"
                value = Symbol("value", self.dtype)
                epilogue = (
                    Let(value, (acc + bias) * scale),
                    Store("c", at, TABLE["maximum"](value, Const(0.0, self.dtype))),
                    Store("d", at, value > 0.0),
                )
            case "position":
                where = TABLE["cast_" + self.dtype](ROW * 3 + COLUMN)
                epilogue = (Store("c", at, acc + where),)
        params = tuple(
            Param(name, dtype, name in written) for name, dtype in sorted((read | written).items())
        )
        ints = tuple(s for s in (m, n, k) if isinstance(s, Symbol))
        axes = [(Axis(s, n),) for s, n in zip((ROW, COLUMN, INNER), (m, n, k), strict=True)]
        return Contraction(params, ints, (), *axes, left, right, epilogue, self.dtype)

    def factor(self, buffer: str, layout: str, first: tuple, second: tuple):
        (i, rows), (j, columns) = first, second
        x = {
            "rows": i * (columns + 3) + j + 2,
            "columns": i + j * (rows + 1) + 5,
            "neither": i * (3 * columns + 1) + j * 3,
        }.get(layout)
        if x is not None:
            return Load(buffer, x, self.dtype)
        load = Load(buffer, i * columns + j, self.dtype)
        match layout:
            case "square":
                return load * load + 1.0
            case "shown":
                return TABLE["switch"](load > 0.0, load, 0.0)
            case "turned":
                return Load(buffer, j * rows + i, self.dtype) * 2.0
            case "indexed":
                return Load(buffer, (i * 7 + j) % (rows + 2), self.dtype)
            case "constant":
                return Load(buffer, const(1), self.dtype)
        raise AssertionError(layout)

    def memory(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        room = 3 * (max(self.rows, 1) + 4) * (max(self.inner, 1) + 4)
        side = 3 * (max(self.inner, 1) + 4) * (max(self.columns, 1) + 4)
        both = 2 * max(self.rows, 1) * max(self.columns, 1) + 2
        sizes = {"a": room, "b": side, "bias": self.columns + 1, "scale": self.rows + 1}
        return {
            p.name: (rng.random(sizes.get(p.name, both)) - 0.5).astype(p.dtype)
            for p in self.work().params
        }


def expected(case: Case, memory: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What NumPy makes of a case."""
    work = case.work()
    result = {name: array.copy() for name, array in memory.items()}
    m, n = np.meshgrid(np.arange(case.rows), np.arange(case.columns), indexing="ij")
    k = np.arange(case.inner)
    left = evaluate(work.left, {ROW: np.arange(case.rows)[:, None], INNER: k[None]}, memory)
    right = evaluate(work.right, {INNER: k[:, None], COLUMN: np.arange(case.columns)[None]}, memory)
    left = np.broadcast_to(left, (case.rows, case.inner)).astype("float64")
    right = np.broadcast_to(right, (case.inner, case.columns)).astype("float64")
    bound = {ROW: m, COLUMN: n, accumulated(case.dtype): (left @ right).astype(case.dtype)}
    for s in work.epilogue:
        if isinstance(s, Let):
            bound[s.symbol] = evaluate(s.value, bound, result)
        else:
            places = np.broadcast_to(evaluate(s.offset, bound), m.shape)
            result[s.buffer][places] = evaluate(s.value, bound, result)
    return result


class Native:
    """The compiled functions of some cases."""

    def __init__(self, cases, target, plans=None) -> None:
        functions, declarations, self.scratch = [], set(), []
        for i, case in enumerate(cases):
            work = case.work()
            verify(work)
            emitted = emit_contraction(work, f"f{i}", target, plans[i] if plans else None)
            parameters = [p.replace(" noalias", "") for p in
                          ir.signature(len(work.params), len(work.ints))]  # fmt: skip
            functions.append(emitted.text)
            functions.append(
                f"define void @go{i}({', '.join(parameters)}) {{\n"
                f"  call void @f{i}({', '.join(parameters)})\n  ret void\n}}"
            )
            declarations |= emitted.declarations
            self.scratch.append(emitted)
        module = engine.Module(ir.module(functions, declarations, target))
        names = tuple(f"go{i}" for i in range(len(cases)))
        self.code = engine.load([engine.compile_object(module, target)], names, target)
        self.cases = cases

    def run(self, index: int, memory: dict[str, np.ndarray], parts: int) -> dict[str, np.ndarray]:
        case, emitted = self.cases[index], self.scratch[index]
        work = case.work()
        result = {name: array.copy() for name, array in memory.items()}
        room = np.full(emitted.scratch_bytes + 64 + 4096, 0xFF, np.uint8)  # NaN
        skipped = -room.ctypes.data % 64
        scratch = room.ctypes.data + skipped
        call = ctypes.CFUNCTYPE(
            None, *[ctypes.c_void_p] * len(work.params), *[ctypes.c_int64] * len(work.ints),
            ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p,
        )(self.code.addresses[f"go{index}"])  # fmt: skip
        parts = parts if emitted.splittable else 1
        for part in range(parts):
            call(*(result[p.name].ctypes.data for p in work.params),
                 *(case.lengths[s.name] for s in work.ints), part, parts, scratch)  # fmt: skip
        assert (room[skipped + emitted.scratch_bytes :] == 0xFF).all(), "scratch is overrun"
        return result


def check(cases: list[Case], target, plans=None) -> None:
    rng = np.random.default_rng(0)
    native = Native(cases, target, plans)
    for i, case in enumerate(cases):
        memory = case.memory(rng)
        want = expected(case, memory)
        one = native.run(i, memory, 1)
        precision = np.finfo(case.dtype).eps * 4 * (case.inner + 8)
        for name, array in want.items():
            if array.dtype == bool:
                assert (array == one[name]).mean() > 0.98, (case, name)
            else:
                np.testing.assert_allclose(
                    one[name], array, rtol=precision, atol=precision, err_msg=f"{case} {name}"
                )
        for parts in (2, 3):
            shared = native.run(i, memory, parts)
            for name, array in one.items():
                assert array.tobytes() == shared[name].tobytes(), (case, name, parts)


def draw(count: int, seed: int, **fixed) -> list[Case]:
    """Random cases: every size and layout meets every other sooner or later."""
    rng = np.random.default_rng(seed)
    layouts = ("rows", "columns", "rows", "columns", "neither")
    epilogues = ("plain", "update", "tanh", "two", "turned", "scattered", "position")
    cases = []
    for _ in range(count):
        rows, columns, inner = (int(rng.choice(SIZES)) for _ in range(3))
        left, right = (str(rng.choice(layouts)) for _ in range(2))
        cases.append(replace(
            Case(rows, columns, inner, left, right, str(rng.choice(epilogues))), **fixed
        ))  # fmt: skip
    return cases


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: f"{t.vector_bytes}B")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sizes_layouts_and_epilogues(target, dtype):
    check(draw(40, 1, dtype=dtype), target)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: f"{t.vector_bytes}B")
def test_symbolic_lengths(target):
    drawn = [
        replace(case, symbolic=symbolic)
        for symbolic, seed in (("m", 2), ("n", 3), ("k", 4), ("mnk", 5))
        for case in draw(8, seed)
    ]
    check(drawn, target)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: f"{t.vector_bytes}B")
def test_factors_are_computed_where_they_are_expressions(target):
    layouts = ("square", "shown", "turned", "indexed", "constant", "rows")
    cases = [
        Case(20, 33, 17, left, right, epilogue, symbolic=symbolic)
        for (left, right), epilogue, symbolic in zip(
            itertools.product(layouts, layouts[::-1]),
            itertools.cycle(("plain", "update", "tanh", "turned", "two")),
            itertools.cycle(("", "m", "", "k", "n", "")),
        )
    ]
    check(cases, target)


def plans(case: Case, target) -> list[tiling.Plan]:
    """Every kind of plan that could be made for a case whose factors are plain loads."""
    found = []
    by_rows = case.epilogue == "turned"
    tall = 14 if target.registers == 32 else 6
    sizes = itertools.cycle(((tall, 2), (5, 1), (1, 3)))
    for swapped, pack_left, pack_right, split_rows, block in itertools.product(
        (False, True), (False, True), (False, True), (False, True), (1000, 16)
    ):
        right, along = (case.left, "columns") if swapped else (case.right, "rows")
        if right == along or pack_right:
            turned = by_rows != swapped
            inline = not turned and case.epilogue in ("plain", "update")
            found.append(tiling.Plan(
                swapped, False, *next(sizes), pack_left, pack_right, block, 2, 3, turned,
                inline, split_rows, split_rows, inline, False, 0,
            ))  # fmt: skip
    if case.left == "rows" and not by_rows:
        pack = case.right != "columns"
        found += [
            tiling.Plan(
                False, True, *size, False, pack, 0, 0, 0, *[False] * 3, True, *[False] * 2, 0
            )
            for size in ((2, 4), (1, 1), (3, 2))
        ]
    return found


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: f"{t.vector_bytes}B")
def test_every_plan_gives_the_same(target):
    for epilogue, left, right in (
        ("update", "rows", "rows"), ("tanh", "columns", "rows"), ("plain", "rows", "columns"),
        ("turned", "columns", "columns"),
    ):  # fmt: skip
        for symbolic in ("", "mnk")[: 1 + (left == right)]:
            case = Case(37, 71, 41, left, right, epilogue, symbolic=symbolic)
            chosen = [p for p in plans(case, target) if not symbolic or usable(p)]
            chosen = chosen if target is HOST else chosen[:: 1 + len(chosen) // 8]
            check([case] * len(chosen), target, chosen)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: f"{t.vector_bytes}B")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_short_lines_are_stored_as_one(target, dtype):
    cases = [
        Case(rows, short, inner, "columns", "rows", epilogue, dtype, symbolic)
        for rows, short in ((100, 10), (37, 3), (64, 4), (33, 1))
        for epilogue, inner, symbolic in (("update", 20, ""), ("plain", 50, "k"), ("tanh", 20, "m"))
    ]
    chosen = [
        tiling.Plan(
            True, False, case.columns, 2, False, False, 16, 1, 3, True, False, False, False, False,
            case.epilogue != "tanh", 0,
        )
        for case in cases
    ]  # fmt: skip
    check(cases, target, chosen)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: f"{t.vector_bytes}B")
def test_parts_begin_at_different_rows(target):
    cases = [Case(rows, 150, 20, "columns", "rows", "update") for rows in (4, 37, 40)]
    plan = tiling.Plan(
        False, False, 4, 1, False, False, 20, 1, 1, False, True, True, False, True, False, 0
    )
    check(cases, target, [plan] * len(cases))


def usable(plan: tiling.Plan) -> bool:
    """Whether a plan works without knowing the lengths."""
    return plan.pack_left and not (plan.across and plan.pack_right)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_factors_too_big_for_one_panel(dtype):
    cases = [
        Case(150, 300, 1100, "rows", "columns", "tanh", dtype),
        Case(150, 300, 1100, "columns", "rows", "update", dtype),
        Case(150, 300, 1100, "columns", "columns", "turned", dtype, "mnk"),
        Case(70, 1100, 300, "rows", "rows", "plain", dtype, "mnk"),
        Case(300, 10, 700, "rows", "rows", "two", dtype),
        Case(300, 10, 700, "columns", "rows", "update", dtype),
        Case(1, 1, 5000, "rows", "columns", "plain", dtype),
        Case(1, 1, 5000, "rows", "columns", "plain", dtype, "k"),
        Case(500, 1, 300, "rows", "columns", "tanh", dtype),
        Case(500, 1, 300, "columns", "rows", "plain", dtype),
        Case(1, 500, 300, "rows", "rows", "two", dtype),
        Case(12, 40, 5000, "columns", "rows", "plain", dtype),
        Case(500, 1, 30, "rows", "rows", "column", dtype),
        Case(500, 1, 30, "columns", "rows", "column", dtype, "m"),
        Case(1, 1, 30, "rows", "rows", "thin", dtype),
        Case(1, 1, 30, "rows", "columns", "thin", dtype),
    ]
    check(cases, HOST)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: f"{t.vector_bytes}B")
def test_infinities_stay_in_their_rows_and_columns(target):
    cases = [
        Case(m, n, k, left, right, "plain")
        for (m, n, k), left, right in itertools.product(
            ((7, 10, 37), (20, 33, 100), (33, 1, 17)), ("rows", "columns"), ("rows", "columns")
        )
    ]
    native = Native(cases, target)
    rng = np.random.default_rng(0)
    for i, case in enumerate(cases):
        memory = case.memory(rng)
        memory["a"][:] = 1
        memory["b"][:] = 1
        for row, k in ((1, 2), (case.rows - 1, case.inner - 1)):
            place = evaluate(case.work().left.offset, {ROW: row, INNER: k})
            memory["a"][place] = np.inf
        place = evaluate(case.work().right.offset, {INNER: case.inner - 1, COLUMN: 0})
        memory["b"][place] = np.nan
        got = native.run(i, memory, 1)["c"]
        np.testing.assert_array_equal(got, expected(case, memory)["c"], err_msg=str(case))


def test_scratch_memory_is_bounded_whatever_the_lengths():
    for left, right, dtype in itertools.product(
        ("rows", "columns"), ("rows", "columns", "square"), ("float32", "float64")
    ):
        work = Case(9, 9, 9, left, right, "tanh", dtype, "mnk").work()
        assert emit_contraction(work, "f", HOST).scratch_bytes < 16 << 20
    large = Case(3000, 3000, 30_000, "rows", "columns").work()
    assert emit_contraction(large, "f", HOST).scratch_bytes < 16 << 20


def test_a_constant_is_moved_into_a_factor_that_is_small_beside_the_result() -> None:
    work = Case(64, 20, 5, epilogue="update").work()
    moved = scaling.scaled(work)
    verify(moved)
    assert moved.right == TABLE["mul"](Const(-0.25, "float32"), work.right)
    (store,) = moved.epilogue
    assert isinstance(store, Store)
    assert store.value == Load("c", store.offset, "float32") + accumulated("float32")
    for kept in (
        Case(64, 20, 9, epilogue="update"),  # the factor is not that small
        Case(64, 20, 5, epilogue="turned"),  # there is nothing to add the multiple to
        Case(64, 20, 5, right="square", epilogue="update"),
        Case(64, 20, 5, epilogue="update", symbolic="m"),
    ):
        assert scaling.scaled(kept.work()) == kept.work()
