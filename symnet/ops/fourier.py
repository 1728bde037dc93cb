"""Fourier transforms of real tensors, complex results as pairs of real numbers.

Both operations are linear, and the derivative of each is the other one. Neither scales.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.op import Array, Op, ShapeContext, constant
from symnet.ops import build
from symnet.ops.constructors import ARange
from symnet.scalar import Expr, const, simplify
from symnet.scalar.primitives import eq, ge, logical_and, logical_or, switch
from symnet.types import TensorType


@dataclass(frozen=True, slots=True)
class RFFT(Op):
    """The Fourier transform over all dimensions but the first, of which the last is halved.

    The result has one dimension more, of length 2: real and imaginary parts. Of the last dimension
    transformed, the first ``n // 2 + 1`` frequencies are kept: the others are their conjugates.
    """

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        (x,) = types
        if x.ndim < 2 or not dtypes.is_float(x.dtype):
            raise TypeError(
                f"{self} takes a floating point tensor of inputs along its first dimension, which "
                f"is not transformed, got {x}; of one input, x[None] is such a tensor"
            )
        *others, n = x.shape
        return [TensorType(x.dtype, (*others, None if n is None else n // 2 + 1, 2))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        dims = context.shape(0)
        _require_data(dims, context)
        *others, n = dims
        return [(*others, simplify(n // 2 + 1), const(2))]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        if g is None:
            return [None]
        n = build.lengths(node.inputs[0])[-1]
        return [IRFFT()(_weighted(g, n, 0.5), n)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        (x,) = inputs
        found = np.ascontiguousarray(np.fft.rfftn(x, axes=range(1, x.ndim)))
        return [found.view(found.real.dtype).reshape((*found.shape, 2)).astype(x.dtype, copy=False)]


@dataclass(frozen=True, slots=True)
class IRFFT(Op):
    """The inverse transform, but for the scale: operands are what `RFFT` gives, and its `n`.

    Imaginary parts that a real result cannot have are ignored.
    """

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        x, n = types
        if x.ndim < 3 or x.shape[-1] not in (None, 2) or not dtypes.is_float(x.dtype):
            raise TypeError(
                f"{self} takes a floating point tensor of inputs along its first dimension, with "
                f"real and imaginary parts along its last, got {x}"
            )
        if n.ndim or n.dtype not in dtypes.INTEGER:
            raise TypeError(f"{self}: a length is an integer of no dimensions, got {n}")
        last = operands[1]
        static = int(last.data) if isinstance(last, Constant) else None
        return [TensorType(x.dtype, (*x.shape[:-2], static))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        *others, count, parts = context.shape(0)
        n = context.integer(1)
        context.require_equal(parts, const(2), "the last dimension is not one of two parts")
        context.require_equal(
            count, simplify(n // 2 + 1), "the number of frequencies is not that of the length"
        )
        _require_data((*others, n), context)
        return [(*others, n)]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        return [None if g is None else _weighted(RFFT()(g), node.inputs[1], 2), None]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, n = inputs
        pairs = np.ascontiguousarray(x).view(np.result_type(x.dtype, np.complex64))[..., 0]
        lengths = (*pairs.shape[1:-1], int(n))
        found = np.fft.irfftn(pairs, lengths, range(1, pairs.ndim), norm="forward")
        return [found.astype(x.dtype, copy=False)]


def _weighted(pairs: Variable, n: Variable, weight: float) -> Variable:
    """Return `pairs` with frequencies times `weight`, but those that are their own conjugates."""
    count = build.lengths(pairs)[-2]
    k = ARange("int64")(constant(0, "int64"), count, constant(1, "int64"))
    alone = logical_or(eq(k, 0), logical_and(eq(k * 2, n), eq(k, count - 1)))
    weights = switch(alone, 1.0, constant(weight, pairs.dtype))
    found: Variable = pairs * build.insert_axes(build.cast(weights, pairs.dtype), (1,))
    return found


def _require_data(dims: Sequence[Expr], context: ShapeContext) -> None:
    for axis, n in enumerate(dims[1:], 1):
        context.require(ge(n, const(1)), f"dimension {axis} is empty and cannot be transformed")
