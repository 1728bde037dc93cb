"""Tensors made of numbers alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.op import Array, ElementContext, Index, IndexedOp, ShapeContext
from symnet.scalar import Expr, cast, const, simplify
from symnet.scalar.primitives import gt, maximum, neq, switch
from symnet.types import TensorType


@dataclass(frozen=True, slots=True)
class ARange(IndexedOp):
    """The vector ``start, start + step, ...`` up to, and without, stop.

    Operands are start, stop and step: integers of no dimensions.

    Parameters
    ----------
    dtype
        Of the result.
    """

    dtype: str

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        if len(types) != 3 or any(t.ndim or t.dtype not in dtypes.INTEGER for t in types):
            raise TypeError(
                f"{self} takes start, stop and step, integers of no dimensions, got "
                f"{', '.join(map(str, types))}"
            )
        known = [int(v.data) for v in operands if isinstance(v, Constant)]
        if isinstance(operands[2], Constant) and int(operands[2].data) == 0:
            raise ValueError(f"{self}: the step cannot be 0")
        return [TensorType(self.dtype, (len(range(*known)) if len(known) == 3 else None,))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        static = node.out.type.shape[0]
        if static is not None:
            return [(const(static),)]
        start, stop, step = (context.integer(k) for k in range(3))
        zero = const(0)
        context.require(neq(step, zero), "the step cannot be 0", ValueError)
        step = simplify(step)
        up, down = (stop - start + step - 1) // step, (start - stop - step - 1) // -step
        count = switch(gt(step, zero), up, down)
        return [(simplify(maximum(count, zero)),)]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        start, step = context.integer(0), context.integer(2)
        return cast(simplify(start + index[0] * step), self.dtype)

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        return [None, None, None]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        return [np.arange(*map(int, inputs)).astype(self.dtype)]
