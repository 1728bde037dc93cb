"""Small programs, written by hand."""

from __future__ import annotations

from collections.abc import Sequence

from symnet.kernel import Accumulator, Kernel, Loop, Param, Reduce, Stmt, Store
from symnet.program import Buffer, Check, Int, Kind, Launch, Program, Size, Step, verify
from symnet.scalar import TABLE, Expr, Load, Symbol, const

I, J = Symbol("i"), Symbol("j")  # noqa: E741, axes


def load(name: str, offset: Expr = I, dtype: str = "float32") -> Load:
    return Load(name, offset, dtype)


def buffer(name: str, kind: Kind, *shape: int | Expr, dtype: str = "float32") -> Buffer:
    lengths = tuple(n if isinstance(n, Expr) else const(n) for n in shape)
    return Buffer(name, dtype, lengths, kind)


def kernel(
    body: Sequence[Stmt], reads: str, writes: str, ints: Sequence[Symbol] = (), **dtypes: str
) -> Kernel:
    params = [Param(n, dtypes.get(n, "float32"), False) for n in reads.split()]
    params += [Param(n, dtypes.get(n, "float32"), True) for n in writes.split()]
    return Kernel(tuple(params), tuple(ints), tuple(body))


def elementwise(n: int | Expr, value: Expr, reads: str, writes: str, **more: object) -> Kernel:
    extent = n if isinstance(n, Expr) else const(n)
    body = [Loop(I, extent, (Store(writes.split()[0], I, value),))]
    return kernel(body, reads, writes, **more)  # type: ignore[arg-type]


def program(
    buffers: Sequence[Buffer],
    steps: Sequence[Step],
    sizes: Sequence[Size] = (),
    ints: Sequence[Int] = (),
    checks: Sequence[Check] = (),
    name: str = "f",
) -> Program:
    made = Program(
        name,
        tuple(sizes),
        tuple(ints),
        tuple(checks),
        tuple(buffers),
        tuple(b.name for b in buffers if b.kind == "input"),
        tuple(b.name for b in buffers if b.kind == "output"),
        tuple(steps),
    )
    verify(made)
    return made


def affine(n: int = 10) -> Program:
    """y = 2 x + 1."""
    k = elementwise(n, load("x") * 2.0 + 1.0, "x", "y")
    return program([buffer("x", "input", n), buffer("y", "output", n)], [Launch(k, ("x", "y"))])


def increment(n: int = 10) -> Program:
    """w += 1, w shared."""
    k = elementwise(n, load("w") + 1.0, "", "w")
    return program([buffer("w", "shared", n)], [Launch(k, ("w",))])


def symbolic() -> Program:
    """y = 2 t, t = x + 1, for any length."""
    n = Symbol("n")
    first = elementwise(n, load("x") + 1.0, "x", "t", ints=[n])
    second = elementwise(n, load("t") * 2.0, "t", "y", ints=[n])
    return program(
        [buffer("x", "input", n), buffer("t", "temporary", n), buffer("y", "output", n)],
        [Launch(first, ("x", "t"), (n,)), Launch(second, ("t", "y"), (n,))],
        sizes=[Size(n, "x", 0)],
    )


def chain(n: int, stages: int) -> Program:
    """Stages that each need all of the one before: a reversal, then a matrix's column sums.

    Small launches that depend on each other or on nothing stand between the large ones.
    """
    rows = 64
    exp, total = TABLE["exp"], Symbol("total", "float32")
    back = elementwise(n, exp(load("a", (n - 1) - I) * -0.25) + load("a") * 0.5, "a", "b")
    fold = kernel(
        [
            Loop(
                I,
                const(n // rows),
                (
                    Reduce(
                        J,
                        const(rows),
                        (Accumulator(total, TABLE["add"], load("a", J * (n // rows) + I)),),
                    ),
                    Store("s", I, total),
                ),
            )
        ],
        "a",
        "s",
    )
    small = elementwise(8, load("a") + load("c") * 2.0, "a", "c")
    buffers = [buffer("x", "input", n), buffer("w", "shared", 8)]
    steps: list[Step] = []
    last = "x"
    for k in range(stages):
        t, s = f"t{k}", f"s{k}"
        buffers += [buffer(t, "temporary", n), buffer(s, "temporary", n // rows)]
        steps += [
            Launch(back, (last, t)),
            Launch(fold, (t, s)),
            Launch(small, (s, "w")),
            Launch(small, (t, "w")),
        ]
        last = t
    buffers.append(buffer("y", "output", n))
    steps.append(Launch(back, (last, "y")))
    return program(buffers, steps, name="chain")
