"""Tensors put one behind the other, and taken apart again: each is the other's transpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.op import Array, ElementContext, Index, IndexedOp, ShapeContext, constant
from symnet.ops import build, shape
from symnet.scalar import Const, Expr, const, simplify
from symnet.scalar.primitives import ge, lt, maximum, minimum, switch
from symnet.types import TensorType


@dataclass(frozen=True, slots=True)
class Join(IndexedOp):
    """Tensors of one dtype and one number of dimensions, one behind the other along `axis`."""

    axis: int

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        if not types or not 0 <= self.axis < types[0].ndim:
            raise TypeError(f"{self} takes tensors that have a dimension {self.axis}, got {types}")
        listed = ", ".join(map(str, types))
        if len({t.ndim for t in types}) != 1 or len({t.dtype for t in types}) != 1:
            raise TypeError(
                f"{self}: tensors differ in their number of dimensions or dtype: {listed}"
            )
        lengths: list[int | None] = []
        for axis in range(types[0].ndim):
            along = [t.shape[axis] for t in types]
            known = {n for n in along if n is not None}
            if axis == self.axis:
                lengths.append(None if None in along else sum(n for n in along if n is not None))
            elif len(known) > 1:
                raise TypeError(f"{self}: in dimension {axis} the lengths must agree, got {listed}")
            else:
                lengths.append(known.pop() if known else None)
        return [TensorType(types[0].dtype, tuple(lengths))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        static = node.out.type.shape
        dims = list(context.shape(0))
        for k in range(1, len(node.inputs)):
            for axis, n in enumerate(context.shape(k)):
                if axis == self.axis:
                    dims[axis] = dims[axis] + n
                else:
                    what = f"lengths of dimension {axis} do not agree, as joining needs"
                    dims[axis] = context.require_equal(dims[axis], n, what)
        return [
            tuple(simplify(n) if s is None else const(s) for n, s in zip(dims, static, strict=True))
        ]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        at = simplify(index[self.axis])
        start: Expr = const(0)
        choices: list[tuple[Expr, Expr]] = []
        for k in range(len(node.inputs)):
            length = simplify(context.shape(k)[self.axis])
            end = simplify(start + length)
            before = simplify(lt(at, end))
            if length == const(0) or before == const(False, "bool"):
                start = end
                continue
            choices.append((before, self._within(k, index, at - start, length, context)))
            if before == const(True, "bool"):
                break
            start = end
        if not choices:
            return const(0, node.out.dtype)
        value = choices[-1][1]
        for before, part in reversed(choices[:-1]):
            value = switch(before, part, value)
        return value

    def _within(
        self, operand: int, index: Index, offset: Expr, length: Expr, context: ElementContext
    ) -> Expr:
        """Return an element of an operand: read even where it is not chosen, so kept inside."""
        place = list(index)
        place[self.axis] = simplify(maximum(minimum(offset, length - 1), const(0)))
        if not isinstance(length, Const):
            # All reads of an operand without elements go to one place.
            some = minimum(length, const(1))
            place = [i * some for i in place]
        return context.read(operand, tuple(place))

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        if g is None or not dtypes.is_float(node.out.dtype):
            return [None] * len(node.inputs)
        sizes = [build.lengths(v)[self.axis] for v in node.inputs]
        return list(Split(self.axis).make_node(g, *sizes).outputs)

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        count = build.lengths(operands[batched.index(True)])[0]
        pairs = zip(operands, batched, strict=True)
        return [Join(self.axis + 1)(*(x if b else build.repeat(x, count) for x, b in pairs))]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        return [np.concatenate(inputs, self.axis)]


@dataclass(frozen=True, slots=True)
class Split(IndexedOp):
    """A tensor cut along `axis` into pieces, one for each length that follows it as operand."""

    axis: int

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        x, *sizes = types
        if not sizes or not 0 <= self.axis < x.ndim:
            raise TypeError(f"{self} takes a tensor with a dimension {self.axis} and lengths")
        if any(t.ndim or t.dtype not in dtypes.INTEGER for t in sizes):
            raise TypeError(f"{self}: a length is an integer of no dimensions, got {sizes}")
        known = [int(v.data) if isinstance(v, Constant) else None for v in operands[1:]]
        found = [n for n in known if n is not None]
        whole = x.shape[self.axis]
        complete = len(found) == len(known)
        if any(n < 0 for n in found) or (complete and whole not in (None, sum(found))):
            raise TypeError(
                f"{self}: pieces of {', '.join(map(str, known))} do not add up to dimension "
                f"{self.axis} of {x}"
            )
        shapes = [(*x.shape[: self.axis], n, *x.shape[self.axis + 1 :]) for n in known]
        return [TensorType(x.dtype, s) for s in shapes]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        dims = context.shape(0)
        sizes = [context.integer(k) for k in range(1, len(node.inputs))]
        total: Expr = const(0)
        for n in sizes:
            context.require(ge(n, const(0)), "the length of a piece is negative")
            total = total + n
        context.require_equal(
            dims[self.axis],
            simplify(total),
            f"the lengths of the pieces do not add up to that of dimension {self.axis}",
        )
        return [(*dims[: self.axis], simplify(n), *dims[self.axis + 1 :]) for n in sizes]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        start: Expr = const(0)
        for k in range(output):
            start = start + context.integer(k + 1)
        start = simplify(start)
        if not isinstance(start, Const):
            # A last piece without elements begins behind the end; a join may look there.
            last = maximum(context.shape(0)[self.axis] - 1, const(0))
            start = simplify(minimum(start, last))
        at = simplify(start + index[self.axis])
        return context.read(0, (*index[: self.axis], at, *index[self.axis + 1 :]))

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        nothing: list[Variable | None] = [None] * (len(node.inputs) - 1)
        dtype = next((g.dtype for g in cotangents if g is not None), None)
        if dtype is None:
            return [None, *nothing]
        x, *sizes = node.inputs
        lengths = list(build.lengths(x))
        pieces: list[Variable] = []
        for size, g in zip(sizes, cotangents, strict=True):
            lengths[self.axis] = size
            zeros = shape.Broadcast(x.ndim)(constant(0, dtype), *lengths) if g is None else g
            pieces.append(zeros)
        return [Join(self.axis)(*pieces), *nothing]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        if any(batched[1:]):
            return None
        return list(Split(self.axis + 1).make_node(*operands).outputs)

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, *sizes = inputs
        return list(np.split(x, np.cumsum([int(n) for n in sizes[:-1]], dtype="int64"), self.axis))
