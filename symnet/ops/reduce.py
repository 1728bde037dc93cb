"""Reductions: sums, products and extrema over dimensions, and where an extremum is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast as cast_type

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Variable
from symnet.op import Array, ElementContext, Index, IndexedOp, ShapeContext
from symnet.ops import build
from symnet.scalar import Expr, ScalarOp, cast, const
from symnet.scalar.primitives import (
    add,
    eq,
    ge,
    logical_and,
    logical_or,
    maximum,
    minimum,
    mul,
    neq,
    switch,
)
from symnet.types import TensorType

_EXTREMA = (maximum, minimum)
_LOGICAL = (logical_and, logical_or)
_NAMES = {add: "sum", mul: "prod", maximum: "max", minimum: "min"} | {
    logical_and: "all",
    logical_or: "any",
}


@dataclass(frozen=True, slots=True)
class Reduce(IndexedOp):
    """The elements along some dimensions, combined; these dimensions go away.

    Parameters
    ----------
    combine
        ``add``, ``mul``, ``maximum``, ``minimum``, ``logical_and`` or ``logical_or``.
    axes
        The dimensions, ascending.
    dtype
        In which it accumulates, and the dtype of the result.
    """

    combine: ScalarOp
    axes: tuple[int, ...]
    dtype: str

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        (x,) = types
        if self.combine not in _NAMES:
            raise TypeError(f"no reduction with {self.combine}; there are {', '.join(_names())}")
        if tuple(sorted(set(self.axes))) != self.axes or not set(self.axes) <= set(range(x.ndim)):
            raise TypeError(f"{self}: axes {self.axes} do not name dimensions of {x} in order")
        if self.combine in _EXTREMA and self.dtype != x.dtype:
            raise TypeError(f"{self} of {x} is {x.dtype}, not {self.dtype}")
        if self.combine in _LOGICAL and self.dtype != "bool":
            raise TypeError(f"{self} of {x} is bool, not {self.dtype}")
        shape = tuple(n for axis, n in enumerate(x.shape) if axis not in self.axes)
        return [TensorType(self.dtype, shape)]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        dims = context.shape(0)
        if self.combine in _EXTREMA:
            for axis in self.axes:
                _require_some(dims[axis], axis, context)
        return [tuple(n for axis, n in enumerate(dims) if axis not in self.axes)]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        dims = context.shape(0)

        def at(inner: Index) -> Expr:
            kept, reduced = iter(index), iter(inner)
            place = tuple(next(reduced if a in self.axes else kept) for a in range(len(dims)))
            return cast(context.read(0, place), self.dtype)

        if not self.axes:
            return at(())
        return context.reduce(self.combine, self.dtype, [dims[a] for a in self.axes], at)

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        (x,) = node.inputs
        if g is None or not dtypes.is_float(x.dtype) or not dtypes.is_float(self.dtype):
            return [None]
        g = build.insert_axes(g, self.axes)
        if self.combine is add:
            return [build.cast(build.fill_like(g, x), x.dtype)]
        if self.combine is mul:
            return [build.cast(g * _product_of_others(build.cast(x, self.dtype), self), x.dtype)]
        # As in Theano, every element that equals the extremum gets the whole cotangent.
        return [g * eq(x, build.insert_axes(node.out, self.axes))]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        return [Reduce(self.combine, tuple(a + 1 for a in self.axes), self.dtype)(*operands)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        (x,) = inputs
        ufunc = cast_type(np.ufunc, self.combine.numpy)
        with np.errstate(all="ignore"):
            total = ufunc.reduce(x.astype(self.dtype, copy=False), axis=self.axes, dtype=self.dtype)
        return [np.asarray(total, self.dtype)]

    def __str__(self) -> str:
        return f"{_NAMES.get(self.combine, self.combine.name)}{list(self.axes)}"


def _names() -> list[str]:
    return [row.name for row in _NAMES]


def _require_some(length: Expr, axis: int, context: ShapeContext) -> None:
    context.require(
        ge(length, const(1)),
        f"dimension {axis} is empty, and of no elements there is no extremum",
        ValueError,
    )


def _product_of_others(x: Variable, op: Reduce) -> Variable:
    """For each element the product of the other ones; right to second order beside zeros.

    The zeros are set apart: with `m` other zeros, an element's product of others is that of the
    other nonzero ones if ``m == 0``, that times the one other zero if ``m == 1``, else 0. The
    zero stays in the expression because its derivative is not zero.
    """

    def over_axes(combine: ScalarOp, v: Variable, dtype: str) -> Variable:
        return build.insert_axes(Reduce(combine, op.axes, dtype)(v), op.axes)

    is_zero = eq(x, 0)
    nonzeros = switch(is_zero, 1, x)
    others = over_axes(mul, nonzeros, op.dtype) / nonzeros
    zero = switch(is_zero, x, 0)
    other_zero = over_axes(add, zero, op.dtype) - zero
    count = over_axes(add, is_zero, "int64") - is_zero
    found: Variable = others * switch(eq(count, 0), 1, switch(eq(count, 1), other_zero, 0))
    return found


@dataclass(frozen=True, slots=True)
class Argmax(IndexedOp):
    """Where along a dimension the first greatest element stands, NaN counting as greatest.

    Parameters
    ----------
    axis
        The dimension, which goes away.
    combine
        ``maximum``; or ``minimum``, which makes it the first least element.
    """

    axis: int
    combine: ScalarOp = maximum

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        (x,) = types
        if self.combine not in _EXTREMA:
            raise TypeError(f"Argmax combines with maximum or minimum, not {self.combine}")
        if not 0 <= self.axis < x.ndim:
            raise TypeError(f"{self}: {x} has no dimension {self.axis}")
        return [TensorType("int64", x.shape[: self.axis] + x.shape[self.axis + 1 :])]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        dims = context.shape(0)
        _require_some(dims[self.axis], self.axis, context)
        return [dims[: self.axis] + dims[self.axis + 1 :]]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        x = node.inputs[0]
        n = context.shape(0)[self.axis]

        def read(inner: Index) -> Expr:
            return context.read(0, index[: self.axis] + inner + index[self.axis :])

        extremum = context.reduce(self.combine, x.dtype, [n], read)

        def place(inner: Index) -> Expr:
            value = read(inner)
            found = eq(value, extremum)
            if dtypes.is_float(x.dtype):
                found = found | neq(value, value)
            chosen: Expr = switch(found, inner[0], n)
            return chosen

        return context.reduce(minimum, "int64", [n], place)

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        return [None]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        return [Argmax(self.axis + 1, self.combine)(*operands)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        (x,) = inputs
        find = np.argmax if self.combine is maximum else np.argmin
        return [np.asarray(find(x, axis=self.axis), "int64")]

    def __str__(self) -> str:
        return f"arg{_NAMES.get(self.combine, self.combine.name)}[{self.axis}]"
