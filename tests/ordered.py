"""Kernels with loops whose iterations follow each other, for the tests of code generators."""

from __future__ import annotations

from collections.abc import Mapping

from symnet.kernel import Accumulator as Sum
from symnet.kernel import Carried, Kernel, Let, Loop, Ordered, Param, Reduce, Stmt, Store
from symnet.scalar import TABLE, Expr, Load, Symbol, cast, const

F = "float32"
i, j, k, n = Symbol("i"), Symbol("j"), Symbol("k"), Symbol("n")
Sizes = Mapping[str, int]


def _params(*names: str) -> tuple[Param, ...]:
    """Params ``x``, read or (``=x``) written; those named ``at`` hold integers."""
    return tuple(
        Param(name.strip("="), "int64" if name == "at" else F, "=" in name) for name in names
    )


def scatter(points: Expr, width: int) -> Kernel:
    """Rows added to the rows of a table that ``at`` names."""
    place = Load("at", k, "int64") * width + i
    added = Load("x", place, F) + Load("y", k * width + i, F)
    body: Stmt = Ordered(k, points, (Store("x", place, added),))
    ints = (points,) if isinstance(points, Symbol) else ()
    return Kernel(_params("=x", "y", "at"), ints, (Loop(i, const(width), (body,)),))


def histogram(points: int) -> Kernel:
    """Numbers added to those that ``at`` names, twice, without any other loop."""
    place = Load("at", k + j * points, "int64")
    added = Load("x", place, F) + Load("y", k, F)
    inner = Ordered(k, const(points), (Store("x", place, added),))
    return Kernel(_params("=x", "y", "at"), (), (Ordered(j, const(2), (inner,)),))


def cumulated(rows: Expr, length: Expr, stride: int, along: int) -> Kernel:
    """Sums and products so far, and how many: three values carried on."""
    s, p, c = Symbol("s", F), Symbol("p", F), Symbol("c", "int64")
    x = Load("y", i * stride + k * along, F)
    total, product = Symbol("total", F), Symbol("product", F)
    walk = Ordered(
        k,
        length,
        (
            Let(total, s + x),
            Let(product, p * (x + 0.5)),
            Store("x", i * stride + k * along, total / cast(c + 1, F) + product),
        ),
        (
            Carried(s, const(0, F), total),
            Carried(p, Load("y", i * stride, F), product),
            Carried(c, const(0), c + 1),
        ),
    )
    ints = tuple(e for e in (rows, length) if isinstance(e, Symbol))
    return Kernel(_params("=x", "y"), ints, (Loop(i, rows, (walk,)),))


def swapped() -> Kernel:
    """Two values that change places: both are carried on at once."""
    a, b = Symbol("a", F), Symbol("b", F)
    walk = Ordered(
        k,
        const(9),
        (Store("x", k, a),),
        (Carried(a, const(1, F), b), Carried(b, const(2, F), a)),
    )
    return Kernel(_params("=x"), (), (walk,))


def normalised() -> Kernel:
    """Ordered loops between other statements, and over what a reduction inside of them finds."""
    s = Symbol("s", F)
    total = Reduce(j, const(20), (Sum(s, TABLE["add"], Load("x", j, F)),))
    last = Store("x", k, Load("x", TABLE["maximum"](k - 1, 0), F) + Symbol("t", F))
    inner = Reduce(j, const(3), (Sum(Symbol("t", F), TABLE["add"], Load("y", k + j, F)),))
    return Kernel(
        _params("=x", "y", "=z"),
        (),
        (
            Ordered(k, const(20), (inner, last)),
            total,
            Loop(i, const(20), (Store("z", i, Load("x", i, F) / s),)),
        ),
    )


CASES: list[tuple[str, Kernel, Sizes, Mapping[str, int]]] = [
    ("scatter", scatter(const(50), 100), {"x": 1000, "y": 5000, "at": 50}, {}),
    ("symbolic scatter", scatter(n, 33), {"x": 330, "y": 1650, "at": 50}, {"n": 50}),
    ("empty scatter", scatter(n, 33), {"x": 330, "y": 1650, "at": 50}, {"n": 0}),
    ("narrow scatter", scatter(const(50), 3), {"x": 30, "y": 150, "at": 50}, {}),
    ("histogram", histogram(40), {"x": 10, "y": 40, "at": 80}, {}),
    ("cumulated rows", cumulated(const(7), const(6), 6, 1), {"x": 42, "y": 42}, {}),
    ("cumulated columns", cumulated(const(70), const(6), 1, 70), {"x": 420, "y": 420}, {}),
    ("symbolic columns", cumulated(n, j, 1, 70), {"x": 420, "y": 420}, {"n": 70, "j": 6}),
    ("swapped", swapped(), {"x": 9}, {}),
    ("normalised", normalised(), {"x": 20, "y": 30, "z": 20}, {}),
]
"""Name, kernel, lengths of its buffers, values of its integers."""
