"""Sorting and searching: NumPy's own, as host calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.op import Array, Op, ShapeContext, constant
from symnet.ops import build
from symnet.ops.advanced import AdvancedIncSubtensor, AdvancedSubtensor
from symnet.ops.constructors import ARange
from symnet.ops.shape import DimShuffle
from symnet.ops.slices import Points, Spec
from symnet.scalar import Expr, const
from symnet.scalar.primitives import ge, le, logical_and, maximum, neg, neq
from symnet.types import TensorType

Kind = Literal["quicksort", "mergesort", "heapsort", "stable"]
KINDS: tuple[Kind, ...] = ("quicksort", "mergesort", "heapsort", "stable")


def take_along(x: Variable, index: Variable, axis: int) -> Variable:
    """Return the elements of `x` whose place along `axis` is in `index`, of as many dimensions."""
    spec, places = _places(index, axis)
    taken: Variable = AdvancedSubtensor(spec)(x, *places)
    return taken


def _places(index: Variable, axis: int) -> tuple[Spec, list[Variable]]:
    """Return the tensors of positions that, for each dimension, `index` along `axis` means."""
    places: list[Variable] = []
    for a, n in enumerate(build.lengths(index)):
        order = tuple(0 if k == a else None for k in range(index.ndim))
        along = ARange("int64")(constant(0), n, constant(1))
        places.append(index if a == axis else DimShuffle(order)(along))
    return (Points(),) * index.ndim, places


def _check_axis(op: Op, axis: int, x: TensorType) -> None:
    if not 0 <= axis < x.ndim:
        raise TypeError(f"{op}: {x} has no dimension {axis}")


@dataclass(frozen=True, slots=True)
class Sort(Op):
    """The elements along a dimension in ascending order, NaN last.

    Parameters
    ----------
    axis
        The dimension.
    kind
        How, in NumPy's words.
    """

    axis: int
    kind: Kind = "quicksort"

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        (x,) = types
        _check_axis(self, self.axis, x)
        return [x]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        return [context.shape(0)]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        (x,) = node.inputs
        if g is None or not dtypes.is_float(x.dtype):
            return [None]
        spec, places = _places(Argsort(self.axis, self.kind)(x), self.axis)
        return [AdvancedIncSubtensor(spec)(build.zeros_like(x, g.dtype), g, *places)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        return [np.sort(inputs[0], self.axis, self.kind)]


@dataclass(frozen=True, slots=True)
class Argsort(Op):
    """Where along a dimension the elements stand that come first, second ... in ascending order.

    Parameters
    ----------
    axis, kind
        As of `Sort`.
    """

    axis: int
    kind: Kind = "quicksort"

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        (x,) = types
        _check_axis(self, self.axis, x)
        return [TensorType("int64", x.shape)]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        return [context.shape(0)]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        return [None]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        return [np.argsort(inputs[0], self.axis, self.kind)]


@dataclass(frozen=True, slots=True)
class ArgTopK(Op):
    """Where along a dimension the greatest elements stand, in descending order.

    Operands are the tensor and their number; if it is negative, the least are meant, in ascending
    order. Of equal elements the first comes first; NaN counts as greatest.
    """

    axis: int

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        x, k = types
        _check_axis(self, self.axis, x)
        if k.ndim or k.dtype not in dtypes.INTEGER:
            raise TypeError(f"{self}: the number of elements is an integer, got {k}")
        number = operands[1]
        known = abs(int(number.data)) if isinstance(number, Constant) else None
        length = x.shape[self.axis]
        if known == 0 or (None not in (known, length) and known > length):  # type: ignore[operator]
            raise ValueError(f"{self}: there are no {known} greatest along axis {self.axis} of {x}")
        return [TensorType("int64", (*x.shape[: self.axis], known, *x.shape[self.axis + 1 :]))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        dims = context.shape(0)
        known = node.out.type.shape[self.axis]
        k = context.integer(1)
        count = maximum(k, neg(k)) if known is None else const(known)
        context.require(
            logical_and(le(count, dims[self.axis]), ge(count, const(1))) & neq(k, const(0)),
            f"more elements are wanted, or fewer than 1, than dimension {self.axis} has",
            ValueError,
        )
        return [(*dims[: self.axis], count, *dims[self.axis + 1 :])]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        return [None, None]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, number = inputs
        k, n = int(number), x.shape[self.axis]
        if not 1 <= abs(k) <= n:
            raise ValueError(f"{self}: there are no {k} greatest of {n}")
        if k < 0:
            order = np.argsort(x, self.axis, "stable")
        else:
            backwards = np.argsort(np.flip(x, self.axis), self.axis, "stable")
            order = n - 1 - np.flip(backwards, self.axis)
        first = order[(slice(None),) * self.axis + (slice(abs(k)),)]
        return [np.ascontiguousarray(first, "int64")]


@dataclass(frozen=True, slots=True)
class SearchSorted(Op):
    """Where in a sorted vector values are to be put in so that it stays sorted.

    Operands are the vector and the values.

    Parameters
    ----------
    side
        ``"left"``: before equal elements; ``"right"``: behind them.
    """

    side: str = "left"

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        x, values = types
        if x.ndim != 1:
            raise TypeError(f"{self} looks in a vector, got {x}")
        return [TensorType("int64", values.shape)]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        return [context.shape(1)]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        return [None, None]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, values = inputs
        side = cast(Literal["left", "right"], self.side)
        return [np.asarray(np.searchsorted(x, values, side), "int64")]
