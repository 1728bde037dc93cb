"""Operations that change nothing but the gradient that passes through them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symnet.graph import Apply, Variable
from symnet.op import Array, ElementContext, Index, IndexedOp, ShapeContext
from symnet.scalar import Expr
from symnet.scalar.primitives import maximum, minimum
from symnet.types import TensorType


def _same_type(
    op: IndexedOp, types: Sequence[TensorType], operands: Sequence[Variable]
) -> list[TensorType]:
    (x,) = types
    return [x]


def _same_shape(op: IndexedOp, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
    return [context.shape(0)]


def _same_element(
    op: IndexedOp, node: Apply, output: int, index: Index, context: ElementContext
) -> Expr:
    return context.read(0, index)


def _same_batch(
    op: IndexedOp, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
) -> list[Variable] | None:
    return [op(*operands)]


def _same_value(op: IndexedOp, inputs: Sequence[Array]) -> list[Array]:
    return list(inputs)


@dataclass(frozen=True, slots=True)
class StopGradient(IndexedOp):
    """Its operand, taken as a constant by gradients.

    Parameters
    ----------
    disconnected
        Whether gradients that depend on the operand in no other way report it as disconnected;
        otherwise they are zero.
    """

    disconnected: bool = False

    infer_types = _same_type
    infer_shape = _same_shape
    element = _same_element
    batch = _same_batch
    perform = _same_value

    @property
    def severs(self) -> bool:
        return self.disconnected

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        return [None]


@dataclass(frozen=True, slots=True)
class ClipGradient(IndexedOp):
    """Its operand; the gradient is forced between `low` and `high`, element by element."""

    low: float
    high: float

    infer_types = _same_type
    infer_shape = _same_shape
    element = _same_element
    batch = _same_batch
    perform = _same_value

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        return [None if g is None else minimum(maximum(g, self.low), self.high)]


@dataclass(frozen=True, slots=True)
class ScaleGradient(IndexedOp):
    """Its operand; the gradient is multiplied by `factor`."""

    factor: float

    infer_types = _same_type
    infer_shape = _same_shape
    element = _same_element
    batch = _same_batch
    perform = _same_value

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        return [None if g is None else g * self.factor]
