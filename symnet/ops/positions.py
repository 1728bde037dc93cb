"""Positions found in data: integer vectors whose lengths follow from the data.

Everything else that has such a length (the elements under a mask, distinct elements, repeated ones)
is picked by these, so that gradients and native code come from indexing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Variable
from symnet.op import Array, Op
from symnet.types import TensorType

_VECTOR = TensorType("int64", (None,))


class _Positions(Op):
    """An operation whose results are vectors of positions, as many as the data say."""

    @property
    def length_from_data(self) -> bool:
        return True

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        return [None] * len(node.inputs)


@dataclass(frozen=True, slots=True)
class FlatNonzero(_Positions):
    """Positions, counted in C order, of the elements of a tensor that are not zero."""

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        if len(types) != 1:
            raise TypeError(f"{self} takes one tensor, got {len(types)}")
        return [_VECTOR]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        return [np.flatnonzero(inputs[0]).astype("int64", copy=False)]


@dataclass(frozen=True, slots=True)
class Distinct(_Positions):
    """Where the distinct slices of a tensor along its first dimension stand.

    The results, in the order of the sorted slices: the position at which each stands first; for
    each slice of the tensor the number of the distinct one that it equals; how often each stands.
    """

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        if len(types) != 1 or types[0].ndim == 0:
            raise TypeError(f"{self} takes a tensor of one dimension at least, got {types}")
        return [_VECTOR, TensorType("int64", types[0].shape[:1]), _VECTOR]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        (x,) = inputs
        # Of vectors NumPy counts all NaNs as one, of slices it does not.
        axis = None if x.ndim == 1 else 0
        found = np.unique(x, return_index=True, return_inverse=True, return_counts=True, axis=axis)
        return [p.reshape(-1).astype("int64", copy=False) for p in found[1:]]


@dataclass(frozen=True, slots=True)
class RepeatedPositions(_Positions):
    """The positions 0, 1, ... of a vector of counts, each as often as its count says."""

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        if len(types) != 1 or types[0].ndim != 1 or types[0].dtype not in dtypes.INTEGER:
            raise TypeError(f"{self} takes a vector of integers, got {', '.join(map(str, types))}")
        return [_VECTOR]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        (counts,) = inputs
        if np.any(counts < 0):
            raise ValueError(f"{self}: a number of repetitions is negative, {counts.min()}")
        positions = np.arange(len(counts), dtype="int64")
        return [np.repeat(positions, counts.astype("int64", copy=False))]
