"""Sums and products so far along a dimension, and the recurrence that their derivatives are.

Each element is made of the one before it, in order: what is computed does not depend on threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Variable
from symnet.op import Array, ElementContext, Index, OrderedOp, ShapeContext, Steps
from symnet.ops import build
from symnet.ops.indexing import inc_subtensor, subtensor
from symnet.ops.shape import Reshape
from symnet.scalar import Expr, cast, const
from symnet.scalar.primitives import add, eq, mul, switch
from symnet.types import TensorType


@dataclass(frozen=True, slots=True)
class CumOp(OrderedOp):
    """Sums (or products) of the elements so far along a dimension.

    Parameters
    ----------
    axis
        The dimension; None for all elements in C order.
    mode
        ``"add"`` or ``"mul"``.
    """

    axis: int | None = None
    mode: Literal["add", "mul"] = "add"

    def make_node(self, *operands: Variable) -> Apply:
        (x,) = operands
        if self.mode not in ("add", "mul"):
            raise ValueError(f"{self}: the mode is 'add' or 'mul', not {self.mode!r}")
        if self.axis is None:
            total = build.length_of_all(x)
            return replace(self, axis=0).make_node(x if x.ndim == 1 else Reshape(1)(x, total))
        if not -x.ndim <= self.axis < x.ndim:
            raise ValueError(f"{self}: {x.type} has no dimension {self.axis}")
        counted = self if self.axis >= 0 else replace(self, axis=self.axis + x.ndim)
        return OrderedOp.make_node(counted, x)

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        (x,) = types
        return [TensorType("int64" if x.dtype == "bool" else x.dtype, x.shape)]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        return [context.shape(0)]

    def steps(self, node: Apply, context: ElementContext) -> Steps:
        axis, dtype = self._axis, node.out.dtype
        dims = context.shape(0)
        row = add if self.mode == "add" else mul

        def place(lane: Index, step: Index) -> Index:
            return (*lane[:axis], *step, *lane[axis:])

        def value(lane: Index, step: Index, before: Expr) -> Expr:
            found: Expr = row(before, cast(context.read(0, place(lane, step)), dtype))
            return found

        first = const(0 if self.mode == "add" else 1, dtype)
        return Steps(dims[:axis] + dims[axis + 1 :], (dims[axis],), place, value, first)

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,), (x,) = cotangents, node.inputs
        if g is None or not dtypes.is_float(x.dtype):
            return [None]
        axis = self._axis
        if self.mode == "add":
            return [_flipped(CumOp(axis)(_flipped(g, axis)), axis)]
        # Of element k: the product of all before it, times all it is multiplied with behind it.
        factors = _shifted(_flipped(x, axis), axis, 0)
        behind = _flipped(Recurrence(axis)(factors, _flipped(g, axis)), axis)
        slope: Variable = _shifted(node.out, axis, 1) * behind
        return [slope]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable]:
        return [CumOp(self._axis + 1, self.mode)(*operands)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        (x,) = inputs
        cumulate = np.cumsum if self.mode == "add" else np.cumprod
        dtype = "int64" if x.dtype == bool else x.dtype
        with np.errstate(all="ignore"):
            return [np.asarray(cumulate(x, self.axis, dtype=dtype))]

    @property
    def _axis(self) -> int:
        assert self.axis is not None
        return self.axis

    def __str__(self) -> str:
        return "cumsum" if self.mode == "add" else "cumprod"


@dataclass(frozen=True, slots=True)
class Recurrence(OrderedOp):
    """``h[k] = a[k] * h[k - 1] + b[k]`` along a dimension; ``h[0]`` is ``b[0]``.

    Operands are `a` and `b`, floating point tensors of one type.
    """

    axis: int

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        a, b = types
        if a.dtype != b.dtype or a.ndim != b.ndim or not dtypes.is_float(a.dtype):
            raise TypeError(f"{self} takes floating point tensors of one type, got {a} and {b}")
        if not 0 <= self.axis < a.ndim:
            raise TypeError(f"{self}: {a} has no dimension {self.axis}")
        pairs = list(zip(a.shape, b.shape, strict=True))
        if any(None not in pair and pair[0] != pair[1] for pair in pairs):
            raise TypeError(f"{self}: lengths of {a} and {b} differ")
        return [TensorType(a.dtype, tuple(m if n is None else n for n, m in pairs))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        pairs = zip(context.shape(0), context.shape(1), strict=True)
        found = [context.require_equal(n, m, "lengths of the factors differ") for n, m in pairs]
        dims = zip(found, node.out.type.shape, strict=True)
        return [tuple(n if static is None else const(static) for n, static in dims)]

    def steps(self, node: Apply, context: ElementContext) -> Steps:
        axis, dims = self.axis, context.out_shape()

        def place(lane: Index, step: Index) -> Index:
            return (*lane[:axis], *step, *lane[axis:])

        def value(lane: Index, step: Index, before: Expr) -> Expr:
            index = place(lane, step)
            a, b = context.read(0, index), context.read(1, index)
            found: Expr = switch(eq(step[0], const(0)), b, a * before + b)
            return found

        first = const(0, node.out.dtype)
        return Steps(dims[:axis] + dims[axis + 1 :], (dims[axis],), place, value, first)

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,), (a, _) = cotangents, node.inputs
        if g is None:
            return [None, None]
        factors = _shifted(_flipped(a, self.axis), self.axis, 0)
        gb = _flipped(self(factors, _flipped(g, self.axis)), self.axis)
        ga: Variable = gb * _shifted(node.out, self.axis, 0)
        return [ga, gb]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable]:
        count = build.lengths(operands[0] if batched[0] else operands[1])[0]
        rows = [v if f else build.repeat(v, count) for v, f in zip(operands, batched, strict=True)]
        return [Recurrence(self.axis + 1)(*rows)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        a, b = inputs
        found = np.array(b)
        factors, made = np.moveaxis(a, self.axis, 0), np.moveaxis(found, self.axis, 0)
        with np.errstate(all="ignore"):
            for k in range(1, len(made)):
                made[k] += factors[k] * made[k - 1]
        return [found]


def _flipped(x: Variable, axis: int) -> Variable:
    return subtensor(x, (*(slice(None),) * axis, slice(None, None, -1)))


def _shifted(x: Variable, axis: int, first: float) -> Variable:
    """Return `x` moved on by one element along a dimension, with `first` in front."""
    whole = (slice(None),) * axis
    filled = build.zeros_like(x) if first == 0 else build.ones_like(x)
    return inc_subtensor(filled, subtensor(x, (*whole, slice(-1))), (*whole, slice(1, None)), True)
