"""Every row of the scalar table through code generator and emulator, on values at the edges."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from symnet import dtypes
from symnet.backend import Backend
from symnet.kernel import Kernel, Loop, Param, Store
from symnet.program import Buffer, Launch, Program
from symnet.scalar import TABLE, Call, Load, ScalarOp, Symbol, const, evaluate, expand
from symnet_cuda.emulator import EmulatedBackend
from symnet_cuda.scalars import NATIVE
from tests.backends.llvm.test_rows import operands, signatures

i = Symbol("i")
QUICK = ("bool", "int8", "int32", "int64", "uint8", "uint64", "float32", "float64")


def chosen(dtype: str) -> list[tuple[ScalarOp, tuple[str, ...], str]]:
    """The rows and the signatures whose first operand is of a dtype."""
    return [
        (row, sources, result)
        for row in TABLE.values()
        if row.name != "polygamma"  # which is for constants
        for sources, result in signatures(row).items()
        if sources[0] == dtype and (row.expand is None or dtype in QUICK)
    ]


def expected(row: ScalarOp, sources: tuple[str, ...], result: str, points: list) -> np.ndarray:
    symbols = tuple(Symbol(f"x{place}", d) for place, d in enumerate(sources))
    meaning = expand(Call(row, symbols, result), NATIVE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = evaluate(meaning, dict(zip(symbols, points, strict=True)))
    return np.broadcast_to(np.asarray(value, result), points[0].shape).copy()


@pytest.mark.parametrize("dtype", dtypes.ALL)
def test_rows(dtype: str) -> None:
    check_rows(EmulatedBackend(), dtype)


def rows_program(dtype: str) -> tuple[Program, list[tuple]]:
    """One program that applies all rows to constants; row, dtypes and operands of each output."""
    cases = [(row, s, r, operands(row, s)) for row, s, r in chosen(dtype)]
    buffers, steps = [], []
    for number, (row, sources, result, points) in enumerate(cases):
        length = const(len(points[0]))
        given = [Param(name, d, False) for name, d in zip("abc", sources, strict=False)]
        value = Call(row, tuple(Load(p.name, i, p.dtype) for p in given), result)
        params = (*given, Param("out", result, True))
        work = Kernel(params, (), (Loop(i, length, (Store("out", i, value),)),))
        names = tuple(f"{p.name}{number}" for p in params)
        for name, p, data in zip(names, params, [*points, None], strict=True):
            kind = "output" if data is None else "constant"
            buffers.append(Buffer(name, p.dtype, (length,), kind, data))
        steps.append(Launch(work, names, (), row.name))
    outputs = tuple(b.name for b in buffers if b.kind == "output")
    return Program("rows", (), (), (), tuple(buffers), (), outputs, tuple(steps)), cases


def check_rows(backend: Backend, dtype: str) -> None:
    """Compare all rows at once; also for a real GPU."""
    program, cases = rows_program(dtype)
    results = backend.compile(program)()
    for (row, sources, result, points), got in zip(cases, results, strict=True):
        want = expected(row, sources, result, points)
        if dtypes.is_float(result):
            # The library's functions and NumPy's differ in the last places.
            close = 0 if row.expand is None else 40 * np.finfo(result).eps
            tiny = 0 if row.expand is None else np.finfo(result).tiny
            if row.name == "logaddexp":  # of terms that may cancel
                tiny = close
            wrong = ~np.isclose(got, want, rtol=close, atol=tiny, equal_nan=True)
        else:
            wrong = got != want
        first = [p[wrong][:3] for p in points]
        assert not wrong.any(), f"{row}{sources}{first}: {got[wrong][:3]}, not {want[wrong][:3]}"
