"""Special functions that have no row in the scalar table: SciPy's own, elementwise, as host calls.

One row of `FUNCTIONS` is one function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import pi, sqrt
from typing import Any

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Variable
from symnet.op import Array, Op, ShapeContext
from symnet.ops import build
from symnet.scalar import Expr, const, table
from symnet.types import TensorType

Partial = Callable[..., Any] | None
"""Of operands and result; None where the function has no known derivative."""


@dataclass(frozen=True, slots=True)
class Function:
    """What a function is called in SciPy and here, its partial derivatives, and what it is."""

    name: str
    partials: tuple[Partial, ...]
    doc: str


def _incomplete_gamma(a: Any, x: Any, out: Any) -> Any:
    return table.exp((a - 1) * table.log(x) - x - table.gammaln(a))


def _bessel(name: str, sign: int) -> Callable[..., Any]:
    """Return the derivative of a Bessel function (DLMF 10.6.1 and 10.29.1)."""
    return lambda v, x, out: 0.5 * (Special(name)(v - 1, x) + sign * Special(name)(v + 1, x))


_ROWS = [
    Function(
        "erfcinv",
        (lambda x, out: -0.5 * sqrt(pi) * table.exp(out * out),),
        "Return the inverse of the complementary error function.",
    ),
    Function(
        "erfcx",
        (lambda x, out: 2 * x * out - 2 / sqrt(pi),),
        "Return ``exp(x**2) * erfc(x)``, which does not underflow.",
    ),
    Function(
        "gammainc",
        (None, _incomplete_gamma),
        "Return the lower incomplete gamma function of `a` and `x`, divided by ``gamma(a)``.",
    ),
    Function(
        "gammaincc",
        (None, lambda a, x, out: -_incomplete_gamma(a, x, out)),
        "Return the upper incomplete gamma function of `a` and `x`, divided by ``gamma(a)``.",
    ),
    Function(
        "j0",
        (lambda x, out: -Special("j1")(x),),
        "Return the Bessel function of the first kind of order 0.",
    ),
    Function(
        "j1",
        (lambda x, out: _bessel("jv", -1)(build.ones_like(x), x, out),),
        "Return the Bessel function of the first kind of order 1.",
    ),
    Function(
        "jv",
        (None, _bessel("jv", -1)),
        "Return the Bessel function of the first kind of `x`, of order `v`.",
    ),
    Function(
        "i0",
        (lambda x, out: Special("i1")(x),),
        "Return the modified Bessel function of the first kind of order 0.",
    ),
    Function(
        "i1",
        (lambda x, out: _bessel("iv", 1)(build.ones_like(x), x, out),),
        "Return the modified Bessel function of the first kind of order 1.",
    ),
    Function(
        "iv",
        (None, _bessel("iv", 1)),
        "Return the modified Bessel function of the first kind of `x`, of order `v`.",
    ),
]

FUNCTIONS: Mapping[str, Function] = {row.name: row for row in _ROWS}
"""Every function by name."""


@dataclass(frozen=True, slots=True)
class Special(Op):
    """A special function of tensors of one shape and one floating point dtype."""

    name: str

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        count = len(FUNCTIONS[self.name].partials)
        dtype, ndim = types[0].dtype, types[0].ndim
        if len(types) != count or any((t.dtype, t.ndim) != (dtype, ndim) for t in types):
            raise TypeError(f"{self} takes {count} tensors of one dtype and shape, got {types}")
        if not dtypes.is_float(dtype):
            raise TypeError(f"{self} takes floating point numbers, got {types[0]}; T.cast converts")
        shape: list[int | None] = []
        for axis in range(ndim):
            known = {t.shape[axis] for t in types} - {None}
            if len(known) > 1:
                raise TypeError(f"{self}: lengths of dimension {axis} differ: {types}")
            shape.append(known.pop() if known else None)
        return [TensorType(dtype, tuple(shape))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        dims = list(context.shape(0))
        for k in range(1, len(node.inputs)):
            for axis, n in enumerate(context.shape(k)):
                what = f"lengths of dimension {axis} differ"
                dims[axis] = context.require_equal(dims[axis], n, what)
        static = node.out.type.shape
        return [tuple(n if s is None else const(s) for n, s in zip(dims, static, strict=True))]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        if g is None:
            return [None] * len(node.inputs)
        found: list[Variable | None] = []
        for v, partial in zip(node.inputs, FUNCTIONS[self.name].partials, strict=True):
            # Where there is a derivative, but no formula for it, it is NaN rather than zero.
            slope = v * float("nan") if partial is None else partial(*node.inputs, node.out)
            found.append(g * slope)
        return found

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        return [self(*operands)] if all(batched) else None

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        from scipy import special  # costs more to import than symnet

        function = getattr(special, self.name)
        with np.errstate(all="ignore"):
            return [np.asarray(function(*inputs), inputs[0].dtype)]

    def __str__(self) -> str:
        return self.name
