"""One example or more of every operation: what the walks over all operations go through.

An example is one line in `EXAMPLES`: an operation, and a function from some sizes to its operands.
`f(*shape)` is a floating point operand (the walks also run with other dtypes in its place),
`i(*shape, below=n)` a tensor of integers, `b(*shape)` of booleans, a Python integer a length or
position. The walks take the sizes 3, 4, 2, 5 ... and then each of them 0 and 1 in turn.
"""

from __future__ import annotations

import inspect
import itertools
import pkgutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np

import symnet
from symnet.custom import FunctionOp, PyOp
from symnet.op import ChoiceOp, ContractionOp, IndexedOp, LoopOp, Op, OrderedOp
from symnet.ops import (
    AdvancedIncSubtensor,
    AdvancedSubtensor,
    ARange,
    Argmax,
    Broadcast,
    ClipGradient,
    CumOp,
    Diagonal,
    DimShuffle,
    Dot,
    Elemwise,
    IfElse,
    IncSubtensor,
    MakeVector,
    PickRows,
    PlaceDiagonal,
    PlaceRows,
    Point,
    Points,
    Range,
    Recurrence,
    Reduce,
    Reshape,
    ScaleGradient,
    ShapeOf,
    SpecifyShape,
    StopGradient,
    Subtensor,
)
from symnet.ops.batched import Batched, HostBatched, Row
from symnet.ops.bounds import InBounds
from symnet.ops.contraction import BatchedDot, SummedDot
from symnet.ops.convolution import Convolve
from symnet.ops.ctc import Ctc, CtcCurvature
from symnet.ops.fourier import IRFFT, RFFT
from symnet.ops.joining import Join, Split
from symnet.ops.linalg import (
    QR,
    SVD,
    Cholesky,
    Det,
    Eig,
    Eigh,
    Expm,
    Lstsq,
    MatrixInverse,
    MatrixPinv,
    SLogDet,
    Solve,
)
from symnet.ops.positions import Distinct, FlatNonzero, RepeatedPositions, _Positions
from symnet.ops.printing import Print
from symnet.ops.random import Drawn, Philox
from symnet.ops.sort import Argsort, ArgTopK, SearchSorted, Sort
from symnet.ops.sparse import CompressedDot, LineNumbers, LineStarts
from symnet.ops.special import Special
from symnet.ops.stepping import RowAt
from symnet.ops.windows import Overlay, Windows
from symnet.reverse import _Held
from symnet.scalar import TABLE
from symnet.scanning.op import Scan
from symnet.subgraph import OpFromGraph
from symnet.types import TensorType

Array = np.ndarray[Any, Any]
SIZES = (3, 4, 2, 5, 6, 7)


@dataclass(frozen=True)
class Example:
    """An operation with operands.

    Attributes
    ----------
    op
        The operation.
    operands
        Makes them from sizes.
    ints
        Whether integers may stand for floating point numbers.
    smooth
        Whether its vjp is its derivative, to second order: not of what is there to change
        gradients, nor of derivatives that end themselves.
    static
        Whether lengths must be known.
    rolls
        Whether operands stay valid if their numbers change places.
    typed
        Makes the operation for operands of a dtype, where it has one of its own.
    """

    op: Op
    operands: Callable[..., tuple[Any, ...]]
    ints: bool = True
    smooth: bool = True
    static: bool = False
    rolls: bool = True
    typed: Callable[[str], Op] | None = None

    def sizes(self) -> Iterator[tuple[int, ...]]:
        """Sizes: ordinary ones first, then each of them 0 and 1."""
        usual = SIZES[: len(inspect.signature(self.operands).parameters)]
        yield usual
        for k, n in itertools.product(range(len(usual)), (0, 1)):
            yield (*usual[:k], n, *usual[k + 1 :])

    def arrays(self, sizes: tuple[int, ...] | None = None, dtype: str = "float64") -> list[Array]:
        """Operands, floating point ones in another dtype."""
        rng.bit_generator.state = _STATE
        found = [np.asarray(a) for a in self.operands(*(sizes or next(self.sizes())))]
        if np.dtype(dtype).kind in "iu":
            found = [np.round(3 * a) if a.dtype.kind == "f" else a for a in found]
        return [a.astype(dtype) if a.dtype.kind == "f" else a for a in found]

    def of(self, dtype: str) -> Op:
        """The operation for operands of another floating point (or integer) dtype."""
        if self.typed is not None:
            return self.typed(dtype)
        named = getattr(self.op, "dtype", None) == "float64"
        return replace(self.op, dtype=dtype) if named else self.op  # type: ignore[type-var]

    def __str__(self) -> str:
        return f"{type(self.op).__name__}-{self.op}"


rng = np.random.default_rng(11)
_STATE = rng.bit_generator.state


def f(*shape: int) -> Array:
    return rng.uniform(0.3, 1.7, shape) * rng.choice([-1, 1], shape)


def i(*shape: int, below: int) -> Array:
    return rng.integers(0, max(below, 1), shape)


def b(*shape: int) -> Array:
    return rng.integers(0, 2, shape).astype(bool)


def u(*shape: int) -> Array:
    """Words of random bits, such as the state of a stream."""
    return rng.integers(0, 2**32, shape).astype("uint64")


def p(n: int) -> Array:
    """A positive definite matrix whose eigenvalues differ, not quite symmetric."""
    small = rng.uniform(-0.3, 0.3, (n, n))
    return np.diag(np.arange(1.0, n + 1)) + 0.2 * small @ small.T + 1e-3 * small


def row(name: str) -> Elemwise:
    return Elemwise(TABLE[name])


def total(name: str, *axes: int, dtype: str = "float64") -> Reduce:
    return Reduce(TABLE[name], axes, dtype)


def scan(dtype: str) -> Scan:
    """A loop with a sequence, a state of two steps back, a constant and another output."""
    x, near, far, c = (TensorType(dtype, (None,)).make_variable(name) for name in "xyzc")
    new = near * x + far * c
    return Scan((x, near, far, c), (new, new * x), 1, ((1, 2),))


EXAMPLES = [
    Example(ARange("int64"), lambda n: (1, n + 1, 1)),
    Example(AdvancedIncSubtensor((Points(),)), lambda n, m: (f(n, m), f(5, m), i(5, below=n))),
    Example(AdvancedIncSubtensor((Range(), Points(), Points()), 1),
            lambda n, m: (f(n, m, 2), f(n, 1, 3), i(5, 1, below=m), i(3, below=2))),
    Example(AdvancedIncSubtensor((Points(), Points()), set=True),
            lambda n, m: (f(n, m, 2), f(5, 2), i(5, below=n), i(below=m))),
    Example(AdvancedSubtensor((Points(),)), lambda n, m: (f(n, m), i(5, below=n))),
    Example(AdvancedSubtensor((Range(step=True), Points(), Points()), 1),
            lambda n, m: (f(n, m, 2), -1, i(2, 3, below=m), i(3, below=2))),
    Example(ArgTopK(1), lambda n, m: (f(n, m), 1)),
    Example(ArgTopK(0), lambda n, m: (f(n, m), -1)),
    Example(Argmax(1), lambda n, m: (f(n, m),)),
    Example(Argsort(1, "stable"), lambda n, m: (f(n, m),)),
    Example(Batched(Subtensor((Point(),)), (True, True)), lambda n, m: (f(n, m), i(n, below=m))),
    Example(Batched(row("mul"), (True, False)), lambda n, m: (f(n, m), f(m))),
    Example(SummedDot(), lambda n, m, k: (f(n, m, k), f(n, k, 2)), ints=False),
    Example(RowAt(1), lambda n, m: (f(n + 2, m), 0)),
    Example(BatchedDot(), lambda n, m, k: (f(n, m, k), f(n, k, 2)), ints=False),
    Example(Broadcast(2), lambda n, m: (f(m), n, m)),
    Example(Cholesky(), lambda n: (p(n),), ints=False),
    Example(ClipGradient(-1, 1), lambda n: (f(n),), smooth=False),
    Example(CompressedDot(),
            lambda n, m, k: (f(2 * n), i(2 * n, below=m), 2 * np.arange(n + 1), m, f(m, k)),
            rolls=False),
    Example(CompressedDot(),
            lambda n, m: (f(2 * n), i(2 * n, below=m), 2 * np.arange(n + 1), m, f(m)),
            rolls=False),
    Example(
        Convolve((1, 2), ((0, 0), (1, 2)), (1, 1), (1, 1)),
        lambda n, c: (f(1, n, c, 4, 5), f(1, 2, c, 2, 3)),
        ints=False,
    ),
    Example(Ctc(), lambda n: (f(4, n, 3), i(n, 2, below=3), i(n, below=5)),
            ints=False, smooth=False),
    Example(CtcCurvature(),
            lambda n: (f(4, n, 3), i(n, 2, below=3), i(n, below=5), f(4, n, 3)),
            ints=False, smooth=False),
    Example(Det(), lambda n: (p(n),), ints=False),
    Example(CumOp(0), lambda n, m: (f(n, m),)),
    Example(CumOp(-1, "mul"), lambda n, m: (f(n, m),)),
    Example(CumOp(), lambda n: (f(n),)),
    Example(Diagonal(-1), lambda n, m: (f(n, m),)),
    Example(DimShuffle((1, None, 0)), lambda n, m: (f(n, m),)),
    Example(Distinct(), lambda n: (f(n),)),
    Example(Distinct(), lambda n, m: (b(n, m),)),
    Example(Dot(), lambda n, m, k: (f(n, m), f(m, k)), ints=False),
    Example(Eig(), lambda n: (p(n),), ints=False),
    Example(Eigh("U"), lambda n: (p(n),), ints=False),
    Example(row("mul"), lambda n, m: (f(n, m), f(n, m))),
    Example(row("mul"), lambda n, m: (f(n, 1), f(1, m))),
    Example(Drawn("gaps", lambda g, ps, n: ps[0] + g.normal(size=n), 1, 1, "float64"),
            lambda n: (u(2), f(n), n), smooth=False),
    Example(FlatNonzero(), lambda n, m: (b(n, m),)),
    Example(FlatNonzero(), lambda n: (f(n),)),
    Example(Expm(), lambda n: (p(n) / n,), ints=False),
    Example(HostBatched(AdvancedIncSubtensor((Points(),)), (True, False, True)),
            lambda n, m: (f(n, m), f(3), i(n, 3, below=m))),
    Example(IRFFT(), lambda n, m, k: (f(n, m, k // 2 + 1, 2), k), ints=False),
    Example(IfElse(), lambda n, m: (b(), f(n, m), f(n, m)), rolls=False),
    Example(IncSubtensor((Range(True, True), Point()), False),
            lambda n, m: (f(n, m), f(1), 1, 2, 0)),
    Example(IncSubtensor((Point(),), True), lambda n, m: (f(n, m), f(m), -1)),
    Example(Join(1), lambda n, m, k: (f(n, m), f(n, k), f(n, 1))),
    Example(Join(0), lambda n: (f(n),)),
    Example(LineNumbers(), lambda n: (2 * np.arange(n + 1), i(2 * n, below=n)),
            rolls=False),
    Example(LineStarts(), lambda n, m: (np.sort(i(n, below=m)), m), rolls=False),
    Example(Lstsq(), lambda n, m: (f(n + m, m), f(n + m, 2)), ints=False),
    Example(InBounds("i"), lambda n, m: (i(n, m, below=6), 6), smooth=False),
    Example(Join(0), lambda n, m, k: (f(n, k), f(m, k), f(n, k))),
    Example(Join(1), lambda n, m, k: (f(n, m), f(n, k))),
    Example(MakeVector("float64"), lambda: (f(), f(), f())),
    Example(MatrixInverse(), lambda n: (p(n),), ints=False),
    Example(MatrixPinv(), lambda n, m: (f(n, m),), ints=False),
    Example(Overlay((2,), (1,), (1,), (2,)), lambda n, m: (f(n, m, 2), m + 1)),
    Example(Overlay((2, 3), (2, 1), (0, 1), (1, 1)), lambda n, m: (f(n, 2, m, 2, 3), 4, m)),
    Example(Philox(2, 3), lambda n, m: (u(2), n, m)),
    Example(PickRows(), lambda n, m: (f(n, m), i(n, below=m))),
    Example(PlaceDiagonal(1), lambda n: (f(2, n), n, n + 1)),
    Example(PlaceRows(), lambda n, m: (f(n), i(n, below=m), m)),
    Example(Print("x", (), lambda op, value: None), lambda n: (f(n),)),
    Example(QR(), lambda n, m: (f(n, m),), ints=False),
    Example(RFFT(), lambda n, m, k: (f(n, m, k),), ints=False),
    Example(total("add", 0), lambda n, m: (f(n, m),)),
    Example(total("mul", 0, 2), lambda n, m, k: (f(n, m, k),)),
    Example(total("maximum", 1), lambda n, m: (f(n, m),)),
    Example(RepeatedPositions(), lambda n: (i(n, below=3),)),
    Example(Recurrence(1), lambda n, m: (f(n, m), f(n, m)), ints=False),
    Example(Reshape(2), lambda n, m: (f(n, 6, m), n * 3, m * 2)),
    Example(SLogDet(), lambda n: (p(n),), ints=False),
    Example(SVD(full_matrices=False), lambda n, m: (f(n, m),), ints=False),
    Example(ScaleGradient(2.0), lambda n: (f(n),), smooth=False),
    Example(SearchSorted(), lambda n, m: (np.sort(f(n)), f(m, 2))),
    Example(scan("float64"), lambda n, m: (n, f(n, m), f(2, m), f(m)), typed=scan),
    Example(ShapeOf(1), lambda n, m: (f(n, m),)),
    Example(Solve(), lambda n, m: (p(n), f(n, m)), ints=False),
    Example(Solve("lower_triangular", True), lambda n: (p(n), f(n)), ints=False),
    Example(Sort(0), lambda n, m: (f(n, m),)),
    Example(Sort(1), lambda n, m: (f(n, m),)),
    Example(Special("j0"), lambda n, m: (f(n, m),), ints=False),
    Example(Special("j1"), lambda n: (f(n),), ints=False),
    Example(Special("i0"), lambda n: (f(n),), ints=False),
    Example(Special("i1"), lambda n: (f(n),), ints=False),
    Example(Special("erfcx"), lambda n: (f(n),), ints=False),
    Example(Special("erfcinv"), lambda n: (abs(f(n)),), ints=False),
    Example(SpecifyShape((None, 4)), lambda n: (f(n, 4),)),
    Example(SpecifyShape((None, 4), (0,)), lambda n: (f(n, 4), n)),
    Example(Split(1), lambda n, m, k: (f(n, m + k), m, k)),
    Example(StopGradient(), lambda n: (f(n),), smooth=False),
    Example(Subtensor((Range(step=True), Range(True, True))), lambda n, m: (f(n, m), -1, 1, 3)),
    Example(Subtensor((Point(), Range(True, True, True))), lambda n, m: (f(n, m), 0, -1, -m, -2)),
    Example(Windows((2,), (1,), (1,), (2,)), lambda n, m: (f(n, m), m)),
    Example(Windows((2, 3), (2, 1), (0, 1), (1, 1), 0.5), lambda n, m: (f(n, 4, m), 2, m)),
]  # fmt: skip
"""In the order of the names of their classes."""

HELPERS = (
    ChoiceOp, IndexedOp, ContractionOp, LoopOp, OrderedOp, FunctionOp, OpFromGraph, PyOp, Row,
    _Held, _Positions,
)  # fmt: skip
"""Classes that are no operations of graphs that are computed; users' own have their own tests."""


def named(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def operations() -> list[str]:
    """Names of all classes of operations that symnet has."""
    for module in pkgutil.walk_packages(symnet.__path__, "symnet."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    found: set[str] = set()
    waiting: list[type[Op]] = [Op]
    while waiting:
        kinds = waiting.pop().__subclasses__()
        # Classes that the examples of docstrings make are in no module.
        found |= {
            named(kind)
            for kind in kinds
            if kind.__module__.startswith("symnet.")
            and getattr(sys.modules[kind.__module__], kind.__name__, None) is kind
        }
        waiting += kinds
    found -= {named(kind) for kind in HELPERS}
    return sorted(name for name in found if not name.startswith("symnet.compat."))
