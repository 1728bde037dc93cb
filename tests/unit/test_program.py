from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from symnet import dtypes
from symnet.kernel import Accumulator, Kernel, Loop, Param, Reduce, Store
from symnet.program import Buffer, Check, Guard, Launch, Program, Size, verify
from symnet.scalar import TABLE, Expr, Load, ScalarOp, Symbol, cast, const


def made(
    name: str = "f",
    variable: str = "x",
    dim: str = "n",
    label: str = "",
    message: str = "too short",
    value: Expr | None = None,
    combine: ScalarOp = TABLE["add"],
) -> Program:
    """s = sum of 2 x, y = a value, and a check."""
    n, i, total = Symbol(dim), Symbol("i"), Symbol("total", "float32")
    x = Load("p0", i, "float32")
    sums = Reduce(i, n, (Accumulator(total, combine, x),))
    loop = Loop(i, n, (Store("p1", i, x * 2.0 if value is None else value),))
    params = (Param("p0", "float32", False), Param("p1", "float32", True))
    work = Kernel(
        (*params, Param("p2", "float32", True)), (n,), (sums, Store("p2", n - n, total), loop)
    )
    program = Program(
        name,
        (Size(n, variable, 0),),
        (),
        (Check(TABLE["gt"](n, 3), message),),
        (
            Buffer(variable, "float32", (n,), "input"),
            Buffer("y", "float32", (n,), "output"),
            Buffer("s", "float32", (), "output"),
            Buffer("flag", "int64", (), "constant", np.zeros((), "int64")),
        ),
        (variable,),
        ("y", "s"),
        (Guard("flag", message), Launch(work, (variable, "y", "s"), (n,), label)),
    )
    verify(program)
    return program


def test_names_labels_and_messages_do_not_matter_to_the_hash() -> None:
    same = {
        made().hash(),
        made(name="g").hash(),
        made(variable="data").hash(),
        made(dim="length").hash(),
        made(label="here").hash(),
        made(message="line 12").hash(),
    }
    assert len(same) == 1


def row(factor: float, name: str = "mine") -> ScalarOp:
    return ScalarOp(
        name, 2, dtypes.floating, np.add, expand=lambda x, y: x + y * factor, identity=0
    )


def test_what_the_hash_depends_on() -> None:
    x, i = Load("p0", Symbol("i"), "float32"), Symbol("i")
    programs = [
        made(),
        made(value=x * 3.0),
        made(value=x * -0.0),
        made(value=x * 0.0),
        made(value=x + x),
        made(combine=TABLE["maximum"]),
        made(combine=row(1.0)),
        made(combine=row(2.0)),
        made(value=row(1.0)(x, x)),
        made(value=row(2.0)(x, x)),
        made(value=cast(TABLE["gt"](const(1, "int8"), cast(i, "int8")), "float32")),
        made(value=cast(TABLE["gt"](const(1, "int64"), cast(i, "int64")), "float32")),
        made(value=cast(const(1), "float32")),
        replace(made(), steps=made().steps[1:]),
        replace(made(), outputs=("s", "y")),
        replace(made(), checks=()),
    ]
    assert len({p.hash() for p in programs}) == len(programs)


@pytest.mark.parametrize("use", ["combine", "value"])
def test_equal_rows_of_users_have_equal_hashes(use: str) -> None:
    x = Load("p0", Symbol("i"), "float32")
    if use == "combine":
        assert made(combine=row(1.0)).hash() == made(combine=row(1.0)).hash()
    else:
        assert made(value=row(1.0)(x, x)).hash() == made(value=row(1.0)(x, x)).hash()
