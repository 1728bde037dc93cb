"""Integers that must lie in a range: others make a call fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Variable
from symnet.op import Array, ElementContext, Fault, Index, IndexedOp, ShapeContext
from symnet.scalar import Expr, cast, const
from symnet.scalar.primitives import ge, lt
from symnet.types import TensorType


@dataclass(frozen=True, slots=True)
class InBounds(IndexedOp):
    """Integers, none of which may be negative or reach the limit; the operand behind them.

    Parameters
    ----------
    what
        Whose they are, for the message of the `IndexError`.
    """

    what: str

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        x, limit = types
        if limit.ndim or not {x.dtype, limit.dtype} <= set(dtypes.INTEGER):
            raise TypeError(f"{self} takes integers and an integer limit, got {x} and {limit}")
        return [x]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        return [context.shape(0)]

    def faults(self, node: Apply, context: ElementContext) -> Sequence[Fault]:
        def broken(index: Index) -> Expr:
            x = cast(context.read(0, index), "int64")
            found: Expr = lt(x, const(0)) | ge(x, cast(context.read(1, ()), "int64"))
            return found

        return [Fault(tuple(context.shape(0)), broken, self._message())]

    def _message(self) -> str:
        return f"{self.what}: an index is out of range"

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        return context.read(0, index)

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        return [None, None]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, limit = inputs
        if np.any((x < 0) | (x >= limit)):
            raise IndexError(self._message())
        return [x]
