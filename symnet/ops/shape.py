"""Operations on shapes: views of a tensor, its lengths, and tensors of a given shape.

All are index arithmetic: none computes anything but where an element is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.op import Array, ElementContext, Index, IndexedOp, ShapeContext
from symnet.ops import build, indexing
from symnet.scalar import Const, Expr, cast, const, simplify
from symnet.scalar.integer import evaluate_int
from symnet.scalar.primitives import eq, ge, switch
from symnet.types import TensorType


@dataclass(frozen=True, slots=True)
class DimShuffle(IndexedOp):
    """Reorders dimensions, drops those of length 1 and puts in new ones of length 1.

    Parameters
    ----------
    order
        For each dimension of the result the one of the operand it is, None for a new one.
    """

    order: tuple[int | None, ...]

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        (x,) = types
        kept = [a for a in self.order if a is not None]
        if len(set(kept)) != len(kept) or any(not 0 <= a < x.ndim for a in kept):
            raise TypeError(f"{self}: the order names a dimension twice or none of {x}")
        for axis, n in enumerate(x.shape):
            if axis not in kept and n != 1:
                raise TypeError(
                    f"{self}: dimension {axis} of {x} cannot be dropped, its length is not known "
                    "to be 1; say so with T.addbroadcast or T.specify_shape, or sum over it"
                )
        return [TensorType(x.dtype, tuple(1 if a is None else x.shape[a] for a in self.order))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        dims = context.shape(0)
        return [tuple(const(1) if a is None else dims[a] for a in self.order)]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        place = {a: i for a, i in zip(self.order, index, strict=True) if a is not None}
        return context.read(0, tuple(place.get(a, const(0)) for a in range(node.inputs[0].ndim)))

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        if g is None:
            return [None]
        place = {a: k for k, a in enumerate(self.order) if a is not None}
        back = tuple(place.get(a) for a in range(node.inputs[0].ndim))
        return [DimShuffle(back)(g)]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        return [DimShuffle((0, *(None if a is None else a + 1 for a in self.order)))(*operands)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        (x,) = inputs
        kept = [a for a in self.order if a is not None]
        dropped = tuple(a for a in range(x.ndim) if a not in kept)
        moved = x.transpose(*kept, *dropped)
        return [moved.reshape(tuple(1 if a is None else x.shape[a] for a in self.order))]

    def __str__(self) -> str:
        return f"dimshuffle({', '.join('x' if a is None else str(a) for a in self.order)})"


@dataclass(frozen=True, slots=True)
class Reshape(IndexedOp):
    """The elements of a tensor, in C order, in another shape.

    Operands are the tensor and one integer for each new length. One of the lengths may be the
    constant -1: as many as are left.

    Parameters
    ----------
    ndim
        Number of new lengths.
    """

    ndim: int

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        _check_lengths(self, types, self.ndim)
        x = types[0]
        shape = [_static(v) for v in operands[1:]]
        if shape.count(-1) > 1 or any(n is not None and n < -1 for n in shape):
            raise TypeError(
                f"{self}: lengths {tuple(shape)} of {x}; at most one may be -1, none may be less"
            )
        if -1 in shape and shape.count(0) > x.shape.count(0):
            raise TypeError(f"{self}: {tuple(shape)} does not say what -1 is beside a length of 0")
        if None not in x.shape and None not in shape:
            have = [const(n) for n in x.shape if n is not None]
            others = [const(n) for n in shape if n is not None and n != -1]
            left = evaluate_int(_left_over(have, others), {})
            shape = [left if n == -1 else n for n in shape]
            if prod(n or 0 for n in shape) != prod(n or 0 for n in x.shape):
                given = tuple(map(_static, operands[1:]))
                raise TypeError(f"{self}: the elements of {x} do not fit the shape {given}")
        return [TensorType(x.dtype, tuple(None if n == -1 else n for n in shape))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        old = context.shape(0)
        given = [None if _static(v) == -1 else k for k, v in enumerate(node.inputs) if k]
        dims = [
            const(n)
            if n is not None
            else const(1)
            if k is None
            else _length(node.inputs[k], k, context)
            for n, k in zip(node.out.type.shape, given, strict=True)
        ]
        if None in given and node.out.type.shape[given.index(None)] is None:
            place = given.index(None)
            dims[place] = _left_over(old, dims[:place] + dims[place + 1 :])
        context.require_equal(
            _product(old),
            _product(dims),
            "the new shape has another number of elements than the old one",
        )
        return [tuple(dims)]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        position: Expr = const(0)
        for n, i in zip(context.out_shape(), index, strict=True):
            position = position * n + i
        return context.read_flat(0, simplify(position))

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        nothing: list[Variable | None] = [None] * self.ndim
        if g is None:
            return [None, *nothing]
        x = node.inputs[0]
        return [Reshape(x.ndim)(g, *build.lengths(x)), *nothing]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        x, *new = operands
        if any(batched[1:]):
            return None
        return [Reshape(self.ndim + 1)(x, build.lengths(x)[0], *new)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, *lengths = inputs
        shape = [int(n) for n in lengths]
        if -1 in shape:
            others = [const(n) for n in shape if n != -1]
            shape[shape.index(-1)] = evaluate_int(_left_over([*map(const, x.shape)], others), {})
        return [x.reshape(shape)]


@dataclass(frozen=True, slots=True)
class ShapeOf(IndexedOp):
    """The length of one dimension of a tensor, an int64 of no dimensions.

    Gradients do not flow through it.
    """

    axis: int

    @property
    def severs(self) -> bool:
        return True

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        (x,) = types
        if not 0 <= self.axis < x.ndim:
            raise TypeError(f"{self}: {x} has no dimension {self.axis}")
        return [TensorType("int64", ())]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        return [()]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        return context.shape(0)[self.axis]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        return [None]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        return [ShapeOf(self.axis + 1)(*operands)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        return [np.asarray(inputs[0].shape[self.axis], "int64")]

    def __str__(self) -> str:
        return f"shape[{self.axis}]"


@dataclass(frozen=True, slots=True)
class MakeVector(IndexedOp):
    """Scalars, put one after the other into a vector of `dtype`."""

    dtype: str

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        for t in types:
            if t.ndim != 0:
                raise TypeError(f"{self} takes scalars, got {t}; T.stack joins tensors")
            if dtypes.promote(t.dtype, self.dtype) != self.dtype:
                raise TypeError(
                    f"{self}: an entry of {t.dtype} does not fit {self.dtype}; cast it with T.cast"
                )
        return [TensorType(self.dtype, (len(types),))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        return [(const(len(node.inputs)),)]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        (i,) = index
        count = len(node.inputs)
        if not count:
            return const(0, self.dtype)
        entries = [cast(context.read(k, ()), self.dtype) for k in range(count)]
        i = simplify(i)
        if isinstance(i, Const):
            return entries[int(i.value)]
        value = entries[-1]
        for k in reversed(range(count - 1)):
            value = switch(eq(i, const(k)), entries[k], value)
        return value

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        return [
            None
            if g is None or not dtypes.is_float(v.dtype)
            else build.cast(indexing.subtensor(g, (k,)), v.dtype)
            for k, v in enumerate(node.inputs)
        ]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        return [np.array(inputs, self.dtype)]


@dataclass(frozen=True, slots=True)
class Broadcast(IndexedOp):
    """A value repeated along dimensions of length 1, and new ones, to a given shape.

    Operands are the value and one integer for each length. Dimensions are aligned at the last.

    Parameters
    ----------
    ndim
        Number of lengths.
    """

    ndim: int

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        _check_lengths(self, types, self.ndim)
        value = types[0]
        if value.ndim > self.ndim:
            raise TypeError(f"{self}: {value} has more than {self.ndim} dimensions")
        shape = [_static(v) for v in operands[1:]]
        if any(n is not None and n < 0 for n in shape):
            raise TypeError(f"{self}: a length is negative in {tuple(shape)}")
        for axis, n in enumerate(value.shape, self.ndim - value.ndim):
            if n not in (None, 1):
                if shape[axis] not in (None, n):
                    raise TypeError(
                        f"{self}: {value} cannot be repeated to {tuple(shape)}; only dimensions "
                        "known to have length 1 repeat"
                    )
                shape[axis] = n
        return [TensorType(value.dtype, tuple(shape))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        value = node.inputs[0]
        dims = [
            _length(node.inputs[k], k, context) if n is None else const(n)
            for k, n in enumerate(node.out.type.shape, 1)
        ]
        for axis, n in enumerate(value.type.shape):
            if n != 1:
                place = self.ndim - value.ndim + axis
                dims[place] = context.require_equal(
                    dims[place],
                    context.shape(0)[axis],
                    f"length of dimension {axis} of the value differs from the one asked for; "
                    "only a length known to be 1 repeats (T.addbroadcast)",
                )
        return [tuple(dims)]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        value = node.inputs[0]
        own = index[self.ndim - value.ndim :]
        return context.read(
            0,
            tuple(const(0) if n == 1 else i for n, i in zip(value.type.shape, own, strict=True)),
        )

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        nothing: list[Variable | None] = [None] * self.ndim
        return [None if g is None else build.sum_to(g, node.inputs[0].type), *nothing]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        value, *new = operands
        if any(batched[1:]):
            return None
        aligned = build.insert_axes(value, tuple(range(1, self.ndim - value.ndim + 2)))
        return [Broadcast(self.ndim + 1)(aligned, build.lengths(value)[0], *new)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        value, *lengths = inputs
        return [np.broadcast_to(value, tuple(int(n) for n in lengths))]


@dataclass(frozen=True, slots=True)
class SpecifyShape(IndexedOp):
    """A tensor of which some lengths are said beforehand; checked at every call.

    Operands are the tensor and one integer for each of `axes`.

    Parameters
    ----------
    shape
        For each dimension its length, or None where nothing is said of it.
    axes
        Dimensions whose length an operand says.
    reason
        What a call is told in which it is not so.
    """

    shape: tuple[int | None, ...]
    axes: tuple[int, ...] = ()
    reason: str = ""

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        x = types[0]
        _check_lengths(self, types, len(self.axes))
        said = list(self.shape)
        for axis, v in zip(self.axes, operands[1:], strict=True):
            said[axis] = _static(v) if said[axis] is None else said[axis]
        if x.ndim != len(said) or any(
            None not in (h, s) and h != s for h, s in zip(x.shape, said, strict=True)
        ):
            raise TypeError(f"{self}: {x} cannot have this shape")
        shape = tuple(h if s is None else s for h, s in zip(x.shape, said, strict=True))
        return [TensorType(x.dtype, shape)]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        dims = list(context.shape(0))
        said: dict[int, Expr] = {k: const(n) for k, n in enumerate(self.shape) if n is not None}
        for operand, axis in enumerate(self.axes, 1):
            said[axis] = context.integer(operand)
        for axis, n in said.items():
            shown = f"length {n.value}" if isinstance(n, Const) else "another length"
            reason = self.reason or f"dimension {axis} was said to have {shown}"
            dims[axis] = context.require_equal(n, dims[axis], reason)
        static = node.out.type.shape
        return [tuple(n if s is None else const(s) for n, s in zip(dims, static, strict=True))]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        return context.read(0, index)

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        return [cotangents[0], *[None] * len(self.axes)]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        if any(batched[1:]):
            return None
        axes = tuple(axis + 1 for axis in self.axes)
        return [SpecifyShape((None, *self.shape), axes, self.reason)(*operands)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        return [inputs[0]]

    def __str__(self) -> str:
        said = ["?" if n is None else str(n) for n in self.shape]
        for axis in self.axes:
            said[axis] = "n"
        return f"specify_shape({', '.join(said)})"


def _check_lengths(op: object, types: Sequence[TensorType], count: int) -> None:
    lengths = types[1:]
    if len(lengths) != count:
        raise TypeError(f"{op} takes a tensor and {count} lengths, got {len(lengths)} lengths")
    for t in lengths:
        if t.ndim != 0 or t.dtype not in dtypes.INTEGER:
            raise TypeError(f"{op}: a length is an integer of no dimensions, got {t}")


def _length(v: Variable, operand: int, context: ShapeContext) -> Expr:
    """Return the value of an operand that is a length, which is assumed not to be negative."""
    n = context.integer(operand)
    if v.owner is None or not isinstance(v.owner.op, ShapeOf):
        context.require(ge(n, const(0)), "a length is negative", ValueError)
    return n


def _static(v: Variable) -> int | None:
    return int(v.data) if isinstance(v, Constant) else None


def _left_over(old: Sequence[Expr], others: Sequence[Expr]) -> Expr:
    """Return the length that, with `others`, holds as many elements as the lengths `old`.

    Lengths that stand on both sides cancel even if they are 0: an empty batch keeps its shape.
    """
    left, right = list(map(simplify, old)), []
    for n in map(simplify, others):
        if n in left:
            left.remove(n)
        else:
            right.append(n)
    return simplify(_product(left) // _product(right))


def _product(dims: Sequence[Expr]) -> Expr:
    total: Expr = const(1)
    for n in dims:
        total = total * n
    return simplify(total)
