"""Every row of the scalar table, compiled, against its NumPy meaning on values at the edges."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

from symnet import dtypes
from symnet.kernel import Kernel, Loop, Param, Store
from symnet.scalar import Call, Const, Load, ScalarOp, Symbol, evaluate, expand
from symnet.scalar.table import TABLE

i, n = Symbol("i"), Symbol("n")
PRIMITIVES = sorted(name for name, row in TABLE.items() if row.expand is None)
EXPANDED = sorted(
    name for name, row in TABLE.items() if row.expand is not None and name != "polygamma"
)


def samples(dtype: str) -> np.ndarray:
    """Values at the edges of a dtype and some between."""
    rng = np.random.default_rng(7)
    if dtype == "bool":
        return np.array([False, True])
    if dtypes.is_discrete(dtype):
        info = np.iinfo(dtype)
        edges = [info.min, info.min + 1, 0, 1, 2, 3, 7, info.max - 1, info.max]
        edges += [] if info.min == 0 else [-1, -2, -7]
        return np.array(edges + list(rng.integers(info.min, info.max, 5, dtype=dtype)), dtype)
    info = np.finfo(dtype)
    edges = [0.0, 0.3, 0.5, 1.0, 1.5, 2.5, 3.0, 100.7, np.inf, info.max, info.tiny]
    edges.append(float(info.smallest_subnormal) * 5)
    both = np.array([*edges, *(-np.array(edges)), np.nan])
    return np.concatenate([both, rng.standard_normal(9) * 3]).astype(dtype)


def signatures(row: ScalarOp):
    """The operand dtypes a row computes in."""
    found = {}
    for dtype in dtypes.ALL:
        given = (dtype,) * row.arity
        if row.name == "switch":
            given = ("bool", dtype, dtype)
        try:
            signature = row.rule(given)
        except TypeError:
            continue
        found[signature.operands] = signature.result
    return found


def operands(row: ScalarOp, sources: tuple[str, ...]) -> list[np.ndarray]:
    """All combinations of samples for which the row has a promised meaning."""
    points = [np.array(v) for v in zip(*itertools.product(*map(samples, sources)), strict=True)]
    points = [p.astype(d) for p, d in zip(points, sources, strict=True)]
    keep = np.ones(len(points[0]), bool)
    if row.name in ("quotient", "remainder"):
        x, y = points
        keep = y != 0
        if sources[0] in dtypes.SIGNED:
            keep &= ~((x == np.iinfo(sources[0]).min) & (y == -1))
    elif row.name == "fma":
        # NumPy has no fma; what stands in for it in the table is made for moderate operands.
        for p in points:
            keep &= (p == 0) | ((np.abs(p) > 1e-30) & (np.abs(p) < 1e30)) | ~np.isfinite(p)
    elif row.name in ("shl", "shr"):
        keep = (points[1] >= 0) & (points[1] < 8 * dtypes.itemsize(sources[0]))
    elif row.name.startswith("cast_") and dtypes.is_float(sources[0]):
        target = row.name.removeprefix("cast_")
        if target in dtypes.INTEGER:
            info = np.iinfo(target)
            keep = (points[0] > float(info.min) - 1) & (points[0] < float(info.max))
    return [p[keep] for p in points]


def kernel(row: ScalarOp, sources: tuple[str, ...], result: str) -> Kernel:
    names = "abc"[: row.arity]
    loads = tuple(Load(name, i, d) for name, d in zip(names, sources, strict=True))
    params = tuple(Param(name, d, False) for name, d in zip(names, sources, strict=True))
    body = Loop(i, n, (Store("out", i, Call(row, loads, result)),))
    return Kernel((*params, Param("out", result, True)), (n,), (body,))


def run(compiled, row, sources, result, points) -> np.ndarray:
    memory = dict(zip("abc", points, strict=False))
    memory["out"] = np.zeros(len(points[0]), result)
    compiled(kernel(row, sources, result))(memory, {"n": len(points[0])})
    return memory["out"]


def same(got: np.ndarray, want: np.ndarray, row: ScalarOp) -> np.ndarray:
    if not dtypes.is_float(got.dtype.name):
        return got == want
    bits = f"int{8 * got.itemsize}"
    equal = (got.view(bits) == want.view(bits)) | (np.isnan(got) & np.isnan(want))
    if row.name in ("minimum", "maximum"):
        equal |= got == want  # either zero will do
    return equal


@pytest.mark.parametrize("name", PRIMITIVES)
def test_primitives_are_exact(compiled, name):
    row = TABLE[name]
    for sources, result in signatures(row).items():
        points = operands(row, sources)
        want = np.broadcast_to(row.evaluate(*points), points[0].shape)
        got = run(compiled, row, sources, result, points)
        wrong = ~same(got, want.copy(), row)
        first = [p[wrong][:3] for p in points]
        assert not wrong.any(), f"{name}{sources}{first}: {got[wrong][:3]}, not {want[wrong][:3]}"


@pytest.mark.parametrize("name", EXPANDED)
def test_expansions_compile_to_what_numpy_makes_of_them(compiled, target, name):
    """The arithmetic of an expansion is compiled as it is written, but for fused products."""
    row = TABLE[name]
    for sources, result in signatures(row).items():
        if "8" in sources[0] and sources[0] not in ("int8", "uint8"):
            continue
        points = operands(row, sources)
        symbols = tuple(Symbol(f"x{at}", d) for at, d in enumerate(sources))
        meaning = expand(Call(row, symbols, result), frozenset())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            want = evaluate(meaning, dict(zip(symbols, points, strict=True)))
        want = np.broadcast_to(np.asarray(want, result), points[0].shape).copy()
        got = run(compiled, row, sources, result, points)
        wrong = ~same(got, want, row)
        if target.fused and dtypes.is_float(result):
            wrong &= ~np.isclose(got, want, rtol=4 * np.finfo(result).eps, atol=0, equal_nan=True)
        first = [p[wrong][:3] for p in points]
        assert not wrong.any(), f"{name}{sources}{first}: {got[wrong][:3]}, not {want[wrong][:3]}"


@pytest.mark.parametrize("order", [0, 1, 3])
def test_constant_operands_are_built_in(compiled, order):
    """An expansion may look at constants; polygamma's must."""
    row = TABLE["polygamma"]
    x = np.linspace(0.5, 20, 50)
    value = Call(row, (Const(order, "float64"), Load("a", i, "float64")), "float64")
    params = (Param("a", "float64", False), Param("out", "float64", True))
    work = Kernel(params, (n,), (Loop(i, n, (Store("out", i, value),)),))
    memory = {"a": x, "out": np.zeros(50)}
    compiled(work)(memory, {"n": 50})
    np.testing.assert_allclose(memory["out"], row.evaluate(float(order), x), rtol=1e-12)
