"""Windows that move over the last dimensions of a tensor, and windows laid over one another.

Number `t` of the windows along a dimension takes the elements ``t * stride - low + i * dilation``
for each tap `i`. `Windows` lists them; what lies outside of the tensor has the value `fill`.
`Overlay` is its transpose: it adds up all that windows hold of an element. Pooling is a reduction
of windows, and the gradients of everything made of the two are made of the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.op import Array, ElementContext, Index, IndexedOp, ShapeContext
from symnet.ops import build
from symnet.scalar import Const, Expr, const, simplify
from symnet.scalar.primitives import add, eq, ge, logical_and, lt, maximum, minimum, mul, switch
from symnet.types import TensorType


@dataclass(frozen=True, slots=True)
class Windows(IndexedOp):
    """The elements of windows: (..., windows along each dimension, taps along each dimension).

    Operands are the tensor and, for each of its last dimensions that windows move over, the number
    of windows.

    Parameters
    ----------
    taps, stride, low, dilation
        For each dimension the number of taps, the distance of windows, how far the first window
        begins before the tensor, and the distance of taps.
    fill
        Value of what lies outside.
    exact
        Whether the last window must end where the tensor does, as far behind it as the first
        begins before it; checked at every call.
    """

    taps: tuple[int, ...]
    stride: tuple[int, ...]
    low: tuple[int, ...]
    dilation: tuple[int, ...]
    fill: float = 0
    exact: bool = False

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        x, *counts = types
        rank = _check(self, counts, operands)
        if x.ndim < rank:
            raise TypeError(f"{self}: {x} has fewer than {rank} dimensions")
        numbers = [_static(v) for v in operands[1:]]
        return [TensorType(x.dtype, (*x.shape[: x.ndim - rank], *numbers, *self.taps))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        rank = len(self.taps)
        dims = context.shape(0)
        counts = _lengths(context, rank)
        if self.exact:
            for n, m, k, s, p, d in zip(
                dims[len(dims) - rank :],
                counts,
                self.taps,
                self.stride,
                self.low,
                self.dilation,
                strict=True,
            ):
                context.require_equal(
                    simplify((m - 1) * s + (k - 1) * d + 1),
                    simplify(n + 2 * p),
                    "windows do not end where the tensor does",
                )
        return [(*dims[: len(dims) - rank], *counts, *map(const, self.taps))]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        dims = context.shape(0)
        rank = len(self.taps)
        fixed = len(dims) - rank
        place: list[Expr] = []
        inside: list[Expr] = []
        for axis, n in enumerate(dims[fixed:]):
            k, s, d = self.taps[axis], self.stride[axis], self.dilation[axis]
            t, i = index[fixed + axis], index[fixed + rank + axis]
            windows = context.out_shape(output)[fixed + axis]
            last = (windows - 1) * s + (k - 1) * d - self.low[axis]
            at = t * s + i * d - self.low[axis]
            place.append(_bounded(at, (self.low[axis] == 0, _surely(last, n)), n, inside))
        fill = const(self.fill, node.out.dtype)
        if const(0) in dims[fixed:]:
            return fill
        value = context.read(0, (*index[:fixed], *_within(place, dims[fixed:])))
        return _where(inside, value, fill)

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        x, *counts = node.inputs
        nothing: list[Variable | None] = [None] * len(counts)
        if g is None:
            return [None, *nothing]
        overlay = Overlay(self.taps, self.stride, self.low, self.dilation)
        return [overlay(g, *build.lengths(x)[x.ndim - len(counts) :]), *nothing]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        return None if any(batched[1:]) else [self(*operands)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, *counts = inputs
        rank = len(counts)
        fixed = x.ndim - rank
        reach = [
            max((int(m) - 1) * s + (k - 1) * d + 1, 0)
            for m, s, k, d in zip(counts, self.stride, self.taps, self.dilation, strict=True)
        ]
        padded = np.full((*x.shape[:fixed], *reach), self.fill, x.dtype)
        into, taken = _overlap(x.shape[fixed:], reach, self.low)
        padded[_behind(fixed, into)] = x[_behind(fixed, taken)]
        strides = padded.strides[fixed:]
        moves = [step * by for step, by in zip(strides, self.stride, strict=True)]
        taps = [step * by for step, by in zip(strides, self.dilation, strict=True)]
        windows = np.lib.stride_tricks.as_strided(
            padded,
            (*x.shape[:fixed], *map(int, counts), *self.taps),
            (*padded.strides[:fixed], *moves, *taps),
            writeable=False,
        )
        return [windows]


@dataclass(frozen=True, slots=True)
class Overlay(IndexedOp):
    """Windows laid over one another and added up: the transpose of `Windows`.

    Operands are (..., windows along each dimension, taps along each dimension) and the lengths of
    the dimensions that windows move over. What windows hold outside of these is dropped.

    Parameters
    ----------
    taps, stride, low, dilation
        As of `Windows`.
    """

    taps: tuple[int, ...]
    stride: tuple[int, ...]
    low: tuple[int, ...]
    dilation: tuple[int, ...]

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        y, *lengths = types
        rank = _check(self, lengths, operands)
        if y.ndim < 2 * rank or y.dtype == "bool":
            raise TypeError(f"{self}: windows over {rank} dimensions cannot be {y}")
        for have, k in zip(y.shape[y.ndim - rank :], self.taps, strict=True):
            if have not in (None, k):
                raise TypeError(f"{self}: {y} does not have windows of {self.taps} taps")
        numbers = [_static(v) for v in operands[1:]]
        return [TensorType(y.dtype, (*y.shape[: y.ndim - 2 * rank], *numbers))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        rank = len(self.taps)
        dims = context.shape(0)
        for have, k in zip(dims[len(dims) - rank :], self.taps, strict=True):
            context.require_equal(have, const(k), "windows have another number of taps")
        return [(*dims[: len(dims) - 2 * rank], *_lengths(context, rank))]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        rank = len(self.taps)
        dims = context.shape(0)
        fixed = len(dims) - 2 * rank
        counts = dims[fixed : fixed + rank]
        # Per dimension as many windows can hold an element as strides fit in a window; with
        # dilation it is simpler to ask every tap.
        extents = [
            -(-k // s) if d == 1 else k
            for k, s, d in zip(self.taps, self.stride, self.dilation, strict=True)
        ]

        def term(inner: Index) -> Expr:
            windows: list[Expr] = []
            taps: list[Expr] = []
            holds: list[Expr] = []
            for axis, q in enumerate(inner):
                k, s, d = self.taps[axis], self.stride[axis], self.dilation[axis]
                at = index[fixed + axis] + self.low[axis]
                last = context.out_shape(output)[fixed + axis] - 1 + self.low[axis]
                if d == 1:
                    t, i = at // s - q, at % s + q * s
                    taps.append(_bounded(i, (True, k % s == 0), const(k), holds))
                    first = extents[axis] == 1
                else:
                    t, i = (at - q * d) // s, q
                    holds.append(eq((at - q * d) % s, const(0)))
                    taps.append(i)
                    first = False
                known = (first, _surely(last, counts[axis] * s))
                windows.append(_bounded(t, known, counts[axis], holds))
            value = context.read(0, (*index[:fixed], *_within([*windows, *taps], counts)))
            return _where(holds, value, nothing)

        nothing = const(0, node.out.dtype)
        if const(0) in counts:
            return nothing
        if all(n == 1 for n in extents):
            return term((const(0),) * rank)
        return context.reduce(add, nothing.dtype, [const(n) for n in extents], term)

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        y, *lengths = node.inputs
        rank = len(lengths)
        nothing: list[Variable | None] = [None] * rank
        if g is None:
            return [None, *nothing]
        counts = build.lengths(y)[y.ndim - 2 * rank : y.ndim - rank]
        windows = Windows(self.taps, self.stride, self.low, self.dilation)
        return [windows(g, *counts), *nothing]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        return None if any(batched[1:]) else [self(*operands)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        y, *lengths = inputs
        rank = len(lengths)
        fixed = y.ndim - 2 * rank
        counts = y.shape[fixed : fixed + rank]
        reach = [
            max((m - 1) * s + (k - 1) * d + 1, 0)
            for m, s, k, d in zip(counts, self.stride, self.taps, self.dilation, strict=True)
        ]
        total = np.zeros((*y.shape[:fixed], *reach), y.dtype)
        for tap in product(*map(range, self.taps)):
            at = [
                slice(i * d, i * d + (m - 1) * s + 1 if m else i * d, s)
                for i, d, m, s in zip(tap, self.dilation, counts, self.stride, strict=True)
            ]
            with np.errstate(all="ignore"):
                total[_behind(fixed, at)] += y[_behind(fixed + rank, tap)]
        out = np.zeros((*y.shape[:fixed], *map(int, lengths)), y.dtype)
        from_, into = _overlap([int(n) for n in lengths], reach, self.low)
        out[_behind(fixed, into)] = total[_behind(fixed, from_)]
        return [out]


def _check(
    op: Windows | Overlay, lengths: Sequence[TensorType], operands: Sequence[Variable]
) -> int:
    rank = len(op.taps)
    if {len(op.stride), len(op.low), len(op.dilation)} != {rank} or rank < 1:
        raise ValueError(f"{op}: taps, strides, beginnings and dilations do not match")
    if min(*op.taps, *op.stride, *op.dilation) < 1 or min(op.low) < 0:
        raise ValueError(f"{op}: taps, strides and dilations are at least 1, beginnings at least 0")
    if len(lengths) != rank or any(t.ndim or t.dtype not in dtypes.INTEGER for t in lengths):
        raise TypeError(
            f"{op} takes a tensor and {rank} integers, got {len(lengths)} more operands"
        )
    if any((_static(v) or 0) < 0 for v in operands[1:]):
        raise TypeError(f"{op}: a length is negative")
    return rank


def _static(v: Variable) -> int | None:
    return int(v.data) if isinstance(v, Constant) else None


def _lengths(context: ShapeContext, rank: int) -> list[Expr]:
    found = [context.integer(k + 1) for k in range(rank)]
    for n in found:
        context.require(ge(n, const(0)), "a length is negative")
    return found


def _surely(at: Expr, n: Expr) -> bool:
    """Return whether ``at < n`` holds whatever the lengths are."""
    room = simplify(n - at)
    return isinstance(room, Const) and room.value > 0


def _bounded(at: Expr, known: tuple[bool, bool], n: Expr, conditions: list[Expr]) -> Expr:
    """Return a position forced into a dimension of length `n`, and what it takes to be there.

    It is read even where it is outside; `known` says on which side that cannot be.
    """
    if not known[0]:
        conditions.append(ge(at, const(0)))
    if not known[1]:
        conditions.append(lt(at, n))
        at = minimum(at, n - 1)
    return at if all(known) else maximum(at, const(0))


def _where(conditions: Sequence[Expr], value: Expr, otherwise: Expr) -> Expr:
    if not conditions:
        return value
    found: Expr = switch(reduce(logical_and, map(simplify, conditions)), value, otherwise)
    return found


def _within(place: Sequence[Expr], dims: Sequence[Expr]) -> list[Expr]:
    """Return a position that is the first of all where there are no elements."""
    unknown = [n for n in dims if not isinstance(n, Const)]
    if not unknown:
        return [simplify(i) for i in place]
    some = minimum(reduce(mul, unknown), const(1))
    return [simplify(i * some) for i in place]


def _overlap(
    lengths: Sequence[int], reach: Sequence[int], low: Sequence[int]
) -> tuple[list[slice], list[slice]]:
    """Return what the windows reach of a tensor: where in their reach, and where in the tensor."""
    starts = [min(n, p) for n, p in zip(reach, low, strict=True)]
    common = [max(min(n, r - s), 0) for n, r, s in zip(lengths, reach, starts, strict=True)]
    into = [slice(s, s + n) for s, n in zip(starts, common, strict=True)]
    return into, [slice(0, n) for n in common]


def _behind(fixed: int, at: Sequence[int | slice]) -> tuple[int | slice, ...]:
    """Return an index that takes the first dimensions whole."""
    return (slice(None),) * fixed + tuple(at)
