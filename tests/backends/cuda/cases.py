"""Kernels and contractions built by hand, that between them use every way of mapping threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from symnet.kernel import (
    COLUMN,
    INNER,
    ROW,
    Accumulator,
    Axis,
    Contraction,
    Kernel,
    Let,
    Loop,
    Param,
    Reduce,
    Stmt,
    Store,
    accumulated,
)
from symnet.program import Buffer, Launch, Program, Size
from symnet.scalar import TABLE, Const, Expr, Load, Symbol, cast, const
from tests import ordered
from tests.backends.convolutions import Convolution

i, j, k, n, m = (Symbol(name) for name in "ijknm")
F, D = "float32", "float64"


@dataclass(frozen=True)
class Case:
    """A kernel, the lengths of its buffers and the values of its integers."""

    name: str
    work: Kernel | Contraction
    lengths: Mapping[str, int]
    ints: Mapping[str, int] = field(default_factory=dict)
    tolerance: float = 2e-6

    def memory(self) -> dict[str, np.ndarray]:
        """Random arrays; integers are small, for they may be indices."""
        rng = np.random.default_rng(len(self.name))
        found = {}
        for p in self.work.params:
            length = self.lengths[p.name]
            if p.dtype == "bool":
                found[p.name] = rng.random(length) < 0.5
            elif p.dtype.startswith("float"):
                found[p.name] = rng.standard_normal(length).astype(p.dtype)
            else:
                found[p.name] = rng.integers(0, 10, length).astype(p.dtype)
        return found

    def program(self) -> Program:
        """A program of one launch, on shared buffers named as the params."""
        work = self.work
        buffers = [
            Buffer(p.name, p.dtype, (const(self.lengths[p.name]),), "shared") for p in work.params
        ]
        if work.ints:
            buffers.append(Buffer("ints", "int64", (const(len(work.ints)),), "input"))
        return Program(
            self.name,
            tuple(Size(s, "ints", None, number) for number, s in enumerate(work.ints)),
            (),
            (),
            tuple(buffers),
            ("ints",) if work.ints else (),
            (),
            (Launch(work, tuple(p.name for p in work.params), work.ints, self.name),),
        )


def params(text: str) -> tuple[Param, ...]:
    """Params from text such as ``"x:float32 y:int64 =z:float32"``; ``=`` marks the written ones."""
    found = []
    for word in text.split():
        name, dtype = word.lstrip("=").split(":")
        found.append(Param(name, dtype, word.startswith("=")))
    return tuple(found)


def kernel(text: str, *body: Stmt, ints: tuple[Symbol, ...] = ()) -> Kernel:
    return Kernel(params(text), ints, body)


def loop(axis: Symbol, extent: Expr | int, *body: Stmt) -> Loop:
    return Loop(axis, extent if isinstance(extent, Expr) else const(extent), body)


def reduce(axis: Symbol, extent: Expr | int, sums: Mapping[str, tuple[str, Expr]], *body) -> Reduce:
    """`sums` gives for each name the row that combines, and the value."""
    accumulators = tuple(
        Accumulator(Symbol(name, value.dtype), TABLE[row], value)
        for name, (row, value) in sums.items()
    )
    return Reduce(axis, extent if isinstance(extent, Expr) else const(extent), accumulators, body)


def load(buffer: str, offset: Expr | int, dtype: str = F) -> Load:
    return Load(buffer, offset if isinstance(offset, Expr) else const(offset), dtype)


def store(buffer: str, offset: Expr | int, value: Expr) -> Store:
    return Store(buffer, offset if isinstance(offset, Expr) else const(offset), value)


def softmax(rows: Expr | int, columns: Expr | int, axis: str = "rows") -> tuple[Stmt, ...]:
    """Softmax of a matrix along its rows or its columns, and the log-probability of a label."""
    top, total = Symbol("top", F), Symbol("total", F)
    width = columns if isinstance(columns, Expr) else const(columns)
    outer, inner = (i, j) if axis == "rows" else (j, i)
    lengths = (rows, columns) if axis == "rows" else (columns, rows)
    x = load("x", i * width + j)
    e = TABLE["exp"](x - top)
    return (
        loop(
            outer,
            lengths[0],
            reduce(inner, lengths[1], {"top": ("maximum", x)}),
            reduce(inner, lengths[1], {"total": ("add", e)}),
            loop(inner, lengths[1], store("y", i * width + j, e / total)),
        ),
    )


def picked(rows: int, columns: int) -> Kernel:
    """Cross-entropy of softmax rows with labels, and whether a label is out of range."""
    top, total = Symbol("top", F), Symbol("total", F)
    x, label, index = load("x", i * columns + j), load("label", i, "int64"), Symbol("index")
    inside = TABLE["logical_and"](label >= 0, label < columns)
    return kernel(
        "x:float32 label:int64 =loss:float32 =flag:int64",
        loop(
            i,
            rows,
            Let(index, TABLE["clip"](label, 0, columns - 1)),
            reduce(j, columns, {"top": ("maximum", x)}),
            reduce(j, columns, {"total": ("add", TABLE["exp"](x - top))}),
            store("loss", i, TABLE["log"](total) + top - load("x", i * columns + index)),
        ),
        reduce(i, rows, {"bad": ("maximum", cast(~inside, "int64"))}),
        store("flag", 0, Symbol("bad")),
    )


def _elementwise() -> list[Case]:
    x, y = load("x", i), load("y", i)
    a, b = load("a", i * 10 + j, "int64"), load("b", j * 60 + i, "int32")
    flags = load("p", i, "bool")
    return [
        Case(
            "tail",
            kernel("x:float32 y:float32 =z:float32", loop(i, 1003, store("z", i, x * y + 1.0))),
            {"x": 1003, "y": 1003, "z": 1003},
        ),
        Case(
            "symbolic tail",
            kernel("x:float32 =z:float32", loop(i, n, store("z", i, TABLE["tanh"](x))), ints=(n,)),
            {"x": 700, "z": 700},
            {"n": 700},
        ),
        Case(
            "nothing",
            kernel("x:float32 =z:float32", loop(i, n, store("z", i, x)), ints=(n,)),
            {"x": 5, "z": 5},
            {"n": 0},
        ),
        Case(
            "transposed integers",
            kernel(
                "a:int64 b:int32 =c:int64",
                loop(i, 60, loop(j, 10, store("c", i * 10 + j, a * b // 3 - (a << 2) % 7))),
            ),
            {"a": 600, "b": 600, "c": 600},
        ),
        Case(
            "booleans",
            kernel(
                "p:bool x:float32 =q:bool =r:float64",
                loop(
                    i,
                    300,
                    store("q", i, TABLE["logical_or"](~flags, x > 0.5)),
                    store("r", i, cast(TABLE["switch"](flags, x, -x), D)),
                ),
            ),
            {"p": 300, "x": 300, "q": 300, "r": 300},
        ),
        Case(
            "reversed and divided",
            kernel(
                "x:float32 =z:float32",
                loop(i, n * 4, store("z", i, load("x", (n * 4 - 1 - i) // 4 * 2 + i % 2))),
                ints=(n,),
            ),
            {"x": 200, "z": 200},
            {"n": 50},
        ),
        Case(
            "hoisted value",
            kernel(
                "x:float32 y:float32 =z:float32",
                loop(
                    i,
                    7,
                    Let(Symbol("v", F), TABLE["exp"](load("y", i))),
                    loop(j, 130, store("z", i * 130 + j, load("x", i * 130 + j) * Symbol("v", F))),
                ),
            ),
            {"x": 910, "y": 7, "z": 910},
        ),
        Case(
            "in place, two stores",
            kernel(
                "g:float32 =v:float32 =w:float32",
                loop(
                    i,
                    n,
                    Let(Symbol("s", F), load("v", i) * 0.9 - load("g", i) * 0.1),
                    store("v", i, Symbol("s", F)),
                    store("w", i, load("w", i) + Symbol("s", F)),
                ),
                ints=(n,),
            ),
            {"g": 333, "v": 333, "w": 333},
            {"n": 333},
        ),
        Case(
            "wrapping",
            kernel(
                "a:int8 b:uint8 =c:int8 =d:uint8",
                loop(
                    i,
                    100,
                    store("c", i, load("a", i, "int8") * Const(100, "int8")),
                    store("d", i, load("b", i, "uint8") - Const(7, "uint8")),
                ),
            ),
            {"a": 100, "b": 100, "c": 100, "d": 100},
        ),
    ]


def _rows() -> list[Case]:
    best, where = Symbol("best", F), Symbol("where")
    xy = {"x": 6000, "y": 6000}
    text = "x:float32 =y:float32"

    def argmax(rows: int, columns: int) -> Kernel:
        x = load("x", i * columns + j)
        candidate = TABLE["switch"](TABLE["eq"](x, best), j, Const(columns, "int64"))
        return kernel(
            "x:float32 =at:int64",
            loop(
                i,
                rows,
                reduce(j, columns, {"best": ("maximum", x)}),
                reduce(j, columns, {"where": ("minimum", candidate)}),
                store("at", i, where),
            ),
        )

    chained = kernel(
        "x:float32 =t:float32 =y:float32",
        loop(
            i,
            5,
            loop(j, 300, store("t", i * 300 + j, load("x", i * 300 + j) * 2.0)),
            reduce(j, 300, {"s": ("add", load("t", i * 300 + 299 - j))}),
            loop(
                j,
                300,
                store("y", i * 300 + j, load("t", i * 300 + (j + 1) % 300) + Symbol("s", F)),
            ),
            loop(j, 300, store("t", i * 300 + j, load("y", i * 300 + 299 - j))),
        ),
    )
    return [
        Case("short rows", kernel(text, *softmax(600, 10)), xy),
        Case("tiny rows", kernel(text, *softmax(1500, 4)), xy),
        Case("rows of a warp", kernel(text, *softmax(61, 97)), {"x": 5917, "y": 5917}),
        Case("long rows", kernel(text, *softmax(3, 2000)), xy, {}, 1e-5),
        Case("symbolic rows", kernel(text, *softmax(n, m), ints=(n, m)), xy, {"n": 20, "m": 300}),
        Case("softmax of columns", kernel(text, *softmax(60, 100, "columns")), xy),
        Case(
            "symbolic columns",
            kernel(text, *softmax(n, m, "columns"), ints=(n, m)),
            xy,
            {"n": 75, "m": 80},
        ),
        Case("picked", picked(60, 10), {"x": 600, "label": 60, "loss": 60, "flag": 1}),
        Case("argmax of short rows", argmax(60, 10), {"x": 600, "at": 60}),
        Case("argmax of long rows", argmax(3, 1000), {"x": 3000, "at": 3}),
        Case("chained within rows", chained, {"x": 1500, "t": 1500, "y": 1500}, {}, 1e-5),
    ]


def _sums() -> list[Case]:
    s = Symbol("s", F)
    text = "x:float32 =y:float32"

    def columns(rows: Expr | int, count: int) -> Kernel:
        value = load("x", i * count + j)
        body = loop(j, count, reduce(i, rows, {"s": ("add", value)}), store("y", j, s * 0.5))
        return kernel(text, body, ints=(n,) if isinstance(rows, Expr) else ())

    def everything(length: Expr | int) -> Kernel:
        total = reduce(i, length, {"s": ("add", load("x", i)), "p": ("maximum", load("x", i))})
        body = total, store("y", 0, s), store("y", 1, Symbol("p", F))
        return kernel(text, *body, ints=(n,) if isinstance(length, Expr) else ())

    def normalised(length: Expr | int) -> Kernel:
        top, total = Symbol("top", F), Symbol("total", F)
        e = TABLE["exp"](load("x", i) - top)
        return kernel(
            text,
            reduce(i, length, {"top": ("maximum", load("x", i))}),
            reduce(i, length, {"total": ("add", e)}),
            Let(Symbol("inverse", F), 1.0 / total),
            loop(i, length, store("y", i, e * Symbol("inverse", F))),
            ints=(n,) if isinstance(length, Expr) else (),
        )

    x3 = load("x", (i * 8 + j) * 16 + k)
    nested = kernel(
        text,
        reduce(
            i,
            5,
            {"s": ("add", Symbol("a", F))},
            reduce(j, 8, {"a": ("add", Symbol("b", F))}, reduce(k, 16, {"b": ("add", x3)})),
        ),
        store("y", 0, s),
    )
    mixed = kernel(
        text,
        loop(
            i,
            5,
            reduce(
                j,
                8,
                {"s": ("maximum", Symbol("b", F))},
                reduce(k, 16, {"b": ("add", x3)}),
            ),
            store("y", i, s),
        ),
    )
    middle = kernel(
        text,
        loop(i, 5, loop(k, 16, reduce(j, 8, {"s": ("add", x3)}), store("y", i * 16 + k, s))),
    )
    booleans = kernel(
        "p:bool =q:bool",
        loop(
            i,
            6,
            reduce(
                j,
                50,
                {
                    "all": ("logical_and", load("p", i * 50 + j, "bool")),
                    "any": ("logical_or", load("p", i * 50 + j, "bool")),
                },
            ),
            store("q", i, Symbol("all", "bool")),
            store("q", i + 6, Symbol("any", "bool")),
        ),
    )
    small = kernel(
        "a:int8 =b:int8 =c:uint8",
        reduce(i, 1000, {"s": ("add", load("a", i, "int8"))}),
        reduce(i, 1000, {"t": ("minimum", cast(load("a", i, "int8"), "uint8"))}),
        store("b", 0, Symbol("s", "int8")),
        store("c", 0, Symbol("t", "uint8")),
    )
    gathered = kernel(
        "x:float32 a:int64 =y:float32",
        reduce(i, 500, {"s": ("add", load("x", load("a", i, "int64") * 50 + i % 50))}),
        store("y", 0, s),
    )
    doubles = kernel(
        "x:float64 =y:float64",
        reduce(i, 40000, {"s": ("add", load("x", i, D) * load("x", i, D))}),
        store("y", 0, TABLE["sqrt"](Symbol("s", D))),
    )
    return [
        Case("few columns", columns(600, 10), {"x": 6000, "y": 10}, {}, 1e-4),
        Case("many columns", columns(20, 500), {"x": 10000, "y": 500}, {}, 1e-5),
        Case("symbolic rows of columns", columns(n, 33), {"x": 9900, "y": 33}, {"n": 300}, 1e-4),
        Case("empty columns", columns(n, 33), {"x": 9900, "y": 33}, {"n": 0}),
        Case("short sum", everything(77), {"x": 77, "y": 2}, {}, 1e-5),
        Case("long sum", everything(50000), {"x": 50000, "y": 2}, {}, 1e-4),
        Case("symbolic sum", everything(n), {"x": 20000, "y": 2}, {"n": 20000}, 1e-4),
        Case("sum of one", everything(n), {"x": 20000, "y": 2}, {"n": 1}),
        Case("short normalised", normalised(100), {"x": 100, "y": 100}),
        Case("long normalised", normalised(30000), {"x": 30000, "y": 30000}, {}, 1e-5),
        Case("normalised", normalised(n), {"x": 9000, "y": 9000}, {"n": 9000}, 1e-5),
        Case("nested sum", nested, {"x": 640, "y": 1}, {}, 1e-4),
        Case("maximum of sums", mixed, {"x": 640, "y": 5}, {}, 1e-5),
        Case("sum along the middle", middle, {"x": 640, "y": 80}, {}, 1e-5),
        Case("all and any", booleans, {"p": 300, "q": 12}),
        Case("small integers", small, {"a": 1000, "b": 1, "c": 1}),
        Case("gathered", gathered, {"x": 500, "a": 500, "y": 1}, {}, 1e-5),
        Case("norm", doubles, {"x": 40000, "y": 1}, {}, 1e-12),
    ]


def contraction(
    lengths: tuple[Expr | int, Expr | int, Expr | int],
    left: Expr,
    right: Expr,
    *epilogue: Let | Store,
    text: str = "x:float32 w:float32 =y:float32",
    ints: tuple[Symbol, ...] = (),
    dtype: str = F,
) -> Contraction:
    sizes = [e if isinstance(e, Expr) else const(e) for e in lengths]
    axes = [(Axis(s, n),) for s, n in zip((ROW, COLUMN, INNER), sizes, strict=True)]
    return Contraction(params(text), ints, (), *axes, left, right, epilogue, dtype)


def _contractions() -> list[Case]:
    acc = accumulated(F)

    def plain(rows: int, columns: int, inner: int, transposes: str) -> Case:
        left = ROW * inner + INNER if transposes[0] == "n" else INNER * rows + ROW
        right = INNER * columns + COLUMN if transposes[1] == "n" else COLUMN * inner + INNER
        return Case(
            f"{rows}x{columns}x{inner} {transposes}",
            contraction(
                (rows, columns, inner),
                load("x", left),
                load("w", right),
                store("y", ROW * columns + COLUMN, acc),
            ),
            {"x": rows * inner, "w": columns * inner, "y": rows * columns},
            {},
            2e-5,
        )

    a, b, c = Symbol("a"), Symbol("b"), Symbol("c")
    hidden = contraction(
        (a, b, c),
        load("x", ROW * c + INNER),
        load("w", INNER * b + COLUMN),
        Let(Symbol("h", F), TABLE["tanh"](acc + load("bias", COLUMN))),
        store("y", ROW * b + COLUMN, Symbol("h", F)),
        store("d", ROW * b + COLUMN, 1.0 - Symbol("h", F) * Symbol("h", F)),
        text="x:float32 w:float32 bias:float32 =y:float32 =d:float32",
        ints=(a, b, c),
    )
    update = contraction(
        (70, 90, 130),
        load("x", INNER * 70 + ROW) * 2.0,
        load("g", INNER * 90 + COLUMN) * load("s", INNER),
        store("w", ROW * 90 + COLUMN, load("w", ROW * 90 + COLUMN) - 0.1 * acc),
        text="x:float32 g:float32 s:float32 =w:float32",
    )
    whole = contraction(
        (40, 50, 60),
        load("x", ROW * 60 + INNER, "int32"),
        load("w", INNER * 50 + COLUMN, "int32"),
        store("y", ROW * 50 + COLUMN, accumulated("int32")),
        text="x:int32 w:int32 =y:int32",
        dtype="int32",
    )
    double = contraction(
        (33, 65, 129),
        load("x", ROW * 129 + INNER, D),
        load("w", INNER * 65 + COLUMN, D),
        store("y", ROW * 65 + COLUMN, accumulated(D)),
        text="x:float64 w:float64 =y:float64",
        dtype=D,
    )
    logical = contraction(
        (40, 50, 6),
        load("x", ROW * 6 + INNER, "bool"),
        load("w", INNER * 50 + COLUMN, "bool"),
        store("y", ROW * 50 + COLUMN, accumulated("bool")),
        text="x:bool w:bool =y:bool",
        dtype="bool",
    )
    sizes = {"x": 50 * 100, "w": 100 * 70, "bias": 70, "y": 50 * 70, "d": 50 * 70}
    return [
        *(plain(65, 70, 83, t) for t in ("nn", "nt", "tn", "tt")),
        plain(128, 64, 16, "nn"),
        plain(20, 500, 784, "nn"),
        plain(300, 10, 784, "nn"),
        plain(100, 12, 90, "tn"),
        plain(60, 10, 17, "nn"),
        plain(200, 1, 300, "nn"),
        plain(1, 200, 300, "nn"),
        plain(30, 40, 1, "nn"),
        plain(64, 64, 0, "nn"),
        Case("symbolic hidden layer", hidden, sizes, {"a": 50, "b": 70, "c": 100}, 2e-5),
        Case("no rows", hidden, sizes, {"a": 0, "b": 70, "c": 100}),
        Case("update", update, {"x": 9100, "g": 11700, "s": 130, "w": 6300}, {}, 2e-5),
        Case("integers", whole, {"x": 2400, "w": 3000, "y": 2000}),
        Case("doubles", double, {"x": 33 * 129, "w": 129 * 65, "y": 33 * 65}, {}, 1e-12),
        Case("logical product", logical, {"x": 240, "w": 300, "y": 2000}),
    ]


def _ordered() -> list[Case]:
    return [Case(*case) for case in ordered.CASES]


def _several_axes() -> list[Case]:
    plain = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)}
    same = plain | {"padding": (1, 1), "missing": 1}
    drawn = {
        "convolution": Convolution(1, 3, 4, 20, (9, 8), (3, 3), **plain),
        "padded convolution": Convolution(1, 3, 4, 20, (9, 8), (3, 3), **same, epilogue="bias"),
        "long convolution": Convolution(1, 2, 70, 40, (6, 6), (3, 3), **same, epilogue="update"),
        "groups": Convolution(3, 2, 5, 18, (7,), (4,), (2,), (1,), (3,), 0, "place"),
        "volumes": Convolution(2, 2, 2, 18, (4, 5, 3), (2, 3, 2), (1, 2, 1), (0, 1, 0), (1, 1, 2)),
        "convolution, symbolic": Convolution(2, 3, 4, 20, (9, 8), (3, 3), **plain, symbolic=True),
        "filters side by side": Convolution(
            1, 3, 4, 20, (9, 8), (3, 3), **plain, epilogue="turned", swapped=True
        ),
    }
    return [
        Case(name, c.work(), c.sizes, c.lengths if c.symbolic else {}, 2e-5)
        for name, c in drawn.items()
    ]


CASES = [
    *_elementwise(),
    *_rows(),
    *_sums(),
    *_ordered(),
    *_contractions(),
    *_several_axes(),
]
