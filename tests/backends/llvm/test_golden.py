"""The LLVM IR of a few small kernels as it leaves the code generator, to be read in reviews."""

from __future__ import annotations

import pytest

from symnet.kernel import Accumulator, Kernel, Loop, Param, Reduce, Store
from symnet.scalar import Load, Symbol, const
from symnet.scalar.table import TABLE as T
from symnet_llvm import ir
from symnet_llvm.codegen import emit_kernel
from symnet_llvm.target import Target
from tests import ordered

i, j, n = Symbol("i"), Symbol("j"), Symbol("n")
F = "float32"
_TARGET = Target("x86-64-v3", "+avx2,+fma", "x86_64-unknown-linux-gnu", 32, 16)


def _elementwise() -> Kernel:
    value = Load("x", i, F) * Load("y", i, F) + 1.0
    params = (Param("x", F, False), Param("y", F, False), Param("z", F, True))
    return Kernel(params, (n,), (Loop(i, n, (Store("z", i, value),)),))


def _softmax() -> Kernel:
    z = Load("z", i * 100 + j, F)
    top, total = Symbol("top", F), Symbol("total", F)
    e = T["exp"](z - top)
    rows = (
        Reduce(j, const(100), (Accumulator(top, T["maximum"], z),)),
        Reduce(j, const(100), (Accumulator(total, T["add"], e),)),
        Loop(j, const(100), (Store("p", i * 100 + j, e / total),)),
    )
    params = (Param("z", F, False), Param("p", F, True))
    return Kernel(params, (), (Loop(i, const(600), rows),))


def _column_sums() -> Kernel:
    total = Symbol("total", F)
    x = Load("x", i * 500 + j, F)
    columns = (
        Reduce(i, const(20), (Accumulator(total, T["add"], x),)),
        Store("b", j, Load("b", j, F) - total * 0.1),
    )
    params = (Param("x", F, False), Param("b", F, True))
    return Kernel(params, (), (Loop(j, const(500), columns),))


def _scatter() -> Kernel:
    return ordered.scatter(n, 100)


@pytest.mark.parametrize("make", [_elementwise, _softmax, _column_sums, _scatter])
def test_ir(golden, make):
    work = make()
    emitted = emit_kernel(work, "kernel", _TARGET)
    # A kernel's own text: helpers follow the scalar table and are tested by value.
    own = sorted(d for d in emitted.declarations if d.startswith("declare"))
    comment = "".join(f"; {line}\n" for line in str(work).splitlines())
    golden(f"llvm/{make.__name__[1:]}.ll", comment + ir.module([emitted.text], own, _TARGET))
