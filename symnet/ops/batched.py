"""A graph applied to every row of its inputs at once.

In go outputs, and for some variables they depend on a variable with one dimension more in front:
the batch. Out come outputs with that dimension in front. An operation may say what it is on
batches (`Op.batch`); where it does not, `Batched` applies it to every row. Of an `IndexedOp` that
is an `IndexedOp` again: its own elements, with the number of the row in front of every read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from symnet.graph import Apply, Constant, Variable, ancestors, built_at, make_apply, make_variable
from symnet.interpreter import Lengths
from symnet.op import (
    Array,
    ElementContext,
    Fault,
    Index,
    IndexedOp,
    Op,
    ShapeContext,
    constant,
)
from symnet.ops import build
from symnet.ops.reduce import Reduce
from symnet.scalar import Expr, ScalarOp, const, simplify
from symnet.scalar.integer import evaluate_int
from symnet.scalar.primitives import add
from symnet.types import TensorType


def batched(outputs: Sequence[Variable], batches: Mapping[Variable, Variable]) -> list[Variable]:
    """Return outputs for all rows of batches.

    Parameters
    ----------
    outputs
        Variables.
    batches
        For variables they depend on, variables with a dimension more in front; all of one length.

    Returns
    -------
    list
        For each output one with the dimension in front; the output itself if it does not vary.
    """
    new: dict[Variable, Variable] = dict(batches)
    for node in ancestors(outputs, stop=new):
        operands = [new.get(v, v) for v in node.inputs]
        if all(x is v for x, v in zip(operands, node.inputs, strict=True)):
            continue
        flags = tuple(x.ndim > v.ndim for x, v in zip(operands, node.inputs, strict=True))
        with built_at(node.line):
            made = node.op.batch(node, operands, flags) if any(flags) else None
            if made is None:
                op = batched_op(node.op, flags) if any(flags) else node.op
                made = list(op.make_node(*operands).outputs)
        for old, out in zip(node.outputs, made, strict=True):
            new.setdefault(old, out)
    return [new.get(v, v) for v in outputs]


def batched_op(op: Op, flags: tuple[bool, ...]) -> Op:
    """Return the operation that applies another one to every row of the operands marked."""
    if op.length_from_data:
        raise TypeError(
            f"{op}: the length of the result follows from data, so it would differ from row to row "
            "of a batch. For each row a mask of a fixed length serves: T.switch"
        )
    return Batched(op, flags) if isinstance(op, IndexedOp) else HostBatched(op, flags)


@dataclass(frozen=True, slots=True)
class Row(Op):
    """One row of its operand: stands for it where an operation is asked about rows.

    It is no part of any graph that is computed. What it holds is data: of different rows nothing
    is known beforehand.
    """

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        (x,) = types
        return [TensorType(x.dtype, x.shape[1:])]


def _row_node(op: Op, flags: Sequence[bool], operands: Sequence[Variable]) -> Apply:
    """Return the application of an operation to a row of each batch."""
    rows = [Row()(v) if f else v for f, v in zip(flags, operands, strict=True)]
    return make_apply(op, rows, op.infer_types([v.type for v in rows], rows), None)


def _check_single(op: Op, flags: Sequence[bool], operand: int) -> None:
    if flags[operand]:
        raise TypeError(
            f"{op}: operand {operand} decides about the shape of the result, and it differs from "
            "row to row of a batch. Only what all rows share can decide about shapes"
        )


@dataclass(frozen=True, slots=True)
class _RowShapes:
    """The `ShapeContext` of one row."""

    op: Op
    flags: tuple[bool, ...]
    context: ShapeContext

    def shape(self, operand: int) -> tuple[Expr, ...]:
        return self.context.shape(operand)[self.flags[operand] :]

    def integer(self, operand: int) -> Expr:
        _check_single(self.op, self.flags, operand)
        return self.context.integer(operand)

    def same(self, left: Expr, right: Expr) -> bool:
        return self.context.same(left, right)

    def require_equal(self, left: Expr, right: Expr, what: str) -> Expr:
        return self.context.require_equal(left, right, what)

    def require(self, condition: Expr, what: str, error: type[Exception] = IndexError) -> None:
        self.context.require(condition, what, error)


@dataclass(frozen=True, slots=True)
class _RowElements:
    """The `ElementContext` of one row."""

    op: Op
    flags: tuple[bool, ...]
    context: ElementContext
    row: Expr

    def shape(self, operand: int) -> tuple[Expr, ...]:
        return self.context.shape(operand)[self.flags[operand] :]

    def out_shape(self, output: int = 0) -> tuple[Expr, ...]:
        return self.context.out_shape(output)[1:]

    def integer(self, operand: int) -> Expr:
        _check_single(self.op, self.flags, operand)
        return self.context.integer(operand)

    def read(self, operand: int, index: Index) -> Expr:
        return self.context.read(operand, (self.row, *index) if self.flags[operand] else index)

    def read_flat(self, operand: int, position: Expr) -> Expr:
        if self.flags[operand]:
            start = self.row
            for n in self.shape(operand):
                start = start * n
            position = simplify(start + position)
        return self.context.read_flat(operand, position)

    def reduce(
        self,
        combine: ScalarOp,
        dtype: str,
        extents: Sequence[Expr],
        element: Callable[[Index], Expr],
    ) -> Expr:
        return self.context.reduce(combine, dtype, extents, element)


def _types(op: Op, flags: Sequence[bool], operands: Sequence[Variable]) -> list[TensorType]:
    counts = [v.type.shape[0] for f, v in zip(flags, operands, strict=True) if f]
    known = {n for n in counts if n is not None}
    if len(known) > 1:
        raise TypeError(f"{op}: batches of different lengths, {' and '.join(map(str, counts))}")
    count = known.pop() if known else None
    outputs = _row_node(op, flags, operands).outputs
    return [TensorType(v.dtype, (count, *v.type.shape)) for v in outputs]


def _shapes(
    op: Op, flags: tuple[bool, ...], node: Apply, context: ShapeContext
) -> list[tuple[Expr, ...]]:
    count: Expr | None = None
    for k, flag in enumerate(flags):
        if flag:
            n = context.shape(k)[0]
            same = "the lengths of batches differ"
            count = n if count is None else context.require_equal(count, n, same)
    static = node.outputs[0].type.shape[0]
    assert count is not None
    count = count if static is None else const(static)
    inner = _row_node(op, flags, node.inputs)
    return [(count, *dims) for dims in inner.op.infer_shape(inner, _RowShapes(op, flags, context))]


def _performed(op: Op, flags: Sequence[bool], inputs: Sequence[Array]) -> list[Array]:
    (count,) = {len(x) for f, x in zip(flags, inputs, strict=True) if f}
    if not count:
        rows = [
            np.zeros(x.shape[1:], x.dtype) if f else x for f, x in zip(flags, inputs, strict=True)
        ]
        inner = op.make_node(*map(constant, rows))
        shapes = op.infer_shape(inner, Lengths(rows))
        return [
            np.zeros((0, *(evaluate_int(n, {}) for n in dims)), v.dtype)
            for v, dims in zip(inner.outputs, shapes, strict=True)
        ]
    results = [
        op.perform([np.asarray(x[b]) if f else x for f, x in zip(flags, inputs, strict=True)])
        for b in range(count)
    ]
    return [np.stack(rows) for rows in zip(*results, strict=True)]


def _pulled(
    op: Op, flags: Sequence[bool], node: Apply, cotangents: Sequence[Variable | None]
) -> list[Variable | None]:
    """Return the vjp of the operation for every row; what rows share gets the sum over rows."""
    # Leaves stand for all operands: what is behind them may be a long graph.
    rows = [
        _row_of(v) if f else v if isinstance(v, Constant) else make_variable(v.type)
        for f, v in zip(flags, node.inputs, strict=True)
    ]
    inner = op.make_node(*rows)
    back = [None if g is None else _row_of(g) for g in cotangents]
    found = op.vjp(inner, back)
    batches = dict(zip(inner.outputs, node.outputs, strict=True))
    batches |= dict(zip(rows, node.inputs, strict=True))
    for r, g in zip(back, cotangents, strict=True):
        if r is not None and g is not None:
            batches[r] = g
    made = iter(batched([t for t in found if t is not None], batches))
    count = build.lengths(next(v for f, v in zip(flags, node.inputs, strict=True) if f))[0]
    results: list[Variable | None] = []
    for flag, t in zip(flags, found, strict=True):
        if t is None:
            results.append(None)
            continue
        x = next(made)
        x = build.repeat(x, count) if x.ndim == t.ndim else x
        results.append(x if flag else Reduce(add, (0,), x.dtype)(x))
    return results


def _row_of(v: Variable) -> Variable:
    return make_variable(TensorType(v.dtype, v.type.shape[1:]))


@dataclass(frozen=True, slots=True)
class Batched(IndexedOp):
    """An `IndexedOp` applied to every row of some operands.

    Parameters
    ----------
    op
        The operation.
    flags
        For each operand whether it is a batch, with one dimension more in front.
    """

    op: IndexedOp
    flags: tuple[bool, ...]

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        return _types(self.op, self.flags, operands)

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        return _shapes(self.op, self.flags, node, context)

    def faults(self, node: Apply, context: ElementContext) -> Sequence[Fault]:
        inner = _row_node(self.op, self.flags, node.inputs)
        count = context.shape(self.flags.index(True))[0]

        def of_row(row: Expr) -> Sequence[Fault]:
            return self.op.faults(inner, _RowElements(self.op, self.flags, context, row))

        found = []
        for number, fault in enumerate(of_row(const(0))):

            def broken(index: Index, number: int = number) -> Expr:
                return of_row(index[0])[number].broken(index[1:])

            found.append(replace(fault, extents=(count, *fault.extents), broken=broken))
        return found

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        inner = _row_node(self.op, self.flags, node.inputs)
        row = _RowElements(self.op, self.flags, context, index[0])
        return self.op.element(inner, output, index[1:], row)

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        return _pulled(self.op, self.flags, node, cotangents)

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        return _performed(self.op, self.flags, inputs)

    def __str__(self) -> str:
        return f"rows of {self.op}"


@dataclass(frozen=True, slots=True)
class HostBatched(Op):
    """Any other operation applied to every row of some operands, one after the other.

    Parameters
    ----------
    op, flags
        As of `Batched`.
    """

    op: Op
    flags: tuple[bool, ...]

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        return _types(self.op, self.flags, operands)

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        return _shapes(self.op, self.flags, node, context)

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        return _pulled(self.op, self.flags, node, cotangents)

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        return _performed(self.op, self.flags, inputs)

    def __str__(self) -> str:
        return f"rows of {self.op}"
