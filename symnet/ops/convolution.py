"""Convolution: sums of products over channels and a window that moves over space.

Each of one to three spatial dimensions goes through these steps, lengths in brackets:

1. the input (`n`) gets ``x_dilation - 1`` zeros between neighbours (`dilated`);
2. zeros are put before and behind it; a negative padding takes elements away (`padded`);
3. a window of `k` taps, ``w_dilation`` apart, moves over it in steps of ``stride``.

    out[g, n, o, t] = sum over c, i of w[g, o, c, i] * padded[g, n, c, t * stride + i * w_dilation]

The taps are not flipped: in the words of signal processing this is a cross-correlation. `g` are
groups, each with its own input, filters and result. `convolve` is how to apply it; the derivative
of a convolution is made of convolutions, in which stride and dilations change places.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.op import (
    Array,
    ContractionOp,
    ElementContext,
    Index,
    ShapeContext,
    SumOfProducts,
    constant,
)
from symnet.ops import build
from symnet.ops.indexing import subtensor
from symnet.ops.joining import Join
from symnet.ops.shape import Broadcast, DimShuffle, Reshape
from symnet.scalar import Const, Expr, cast, const, simplify
from symnet.scalar.primitives import eq, ge, le, logical_and, maximum, minimum, switch
from symnet.types import TensorType

Length = int | Variable
"""A length or a padding: a number, or an integer variable that follows from lengths."""

Pair = tuple[Length, Length]

LEADING = 3
"""Dimensions in front of the spatial ones."""


def convolve(
    x: Variable,
    w: Variable,
    stride: Sequence[int],
    padding: Sequence[Pair],
    x_dilation: Sequence[int],
    w_dilation: Sequence[int],
) -> Variable:
    """Return the convolution of `x` with `w`, where paddings may be variables.

    Parameters
    ----------
    x
        (groups, n, channels, space...).
    w
        (groups, filters, channels, taps...), of the same dtype.
    stride, padding, x_dilation, w_dilation
        For each spatial dimension, as the module says.

    Returns
    -------
    Variable
        (groups, n, filters, space...).
    """
    fixed: list[tuple[int, int] | None] = []
    operands: list[Variable] = []
    for low, high in padding:
        low, high = _number(low), _number(high)
        if isinstance(low, int) and isinstance(high, int):
            fixed.append((low, high))
        else:
            fixed.append(None)
            operands += [constant(p, "int64") if isinstance(p, int) else p for p in (low, high)]
    op = Convolve(tuple(stride), tuple(fixed), tuple(x_dilation), tuple(w_dilation))
    out: Variable = op(x, w, *operands)
    return out


def input_gradient(
    g: Variable,
    w: Variable,
    space: Sequence[Length],
    stride: Sequence[int],
    padding: Sequence[Pair],
    x_dilation: Sequence[int],
    w_dilation: Sequence[int],
) -> Variable:
    """Return the cotangent of the input of a convolution, given that of its result.

    Parameters
    ----------
    g
        (groups, n, filters, space...), of the lengths that the convolution gives.
    w
        Its filters.
    space
        Spatial lengths of its input.
    stride, padding, x_dilation, w_dilation
        As of the convolution.
    """
    lows = [_number(low) for low, _ in padding]
    taps = _numbers(build.lengths(w)[LEADING:])
    plain = {*x_dilation, *w_dilation} == {1} and max(stride) > 1
    lengths = _numbers(build.lengths(g)[LEADING:])
    # Where phases end, and so where an element of the result comes from, is plain arithmetic only
    # if lengths are numbers.
    if plain and all(isinstance(n, int) for n in (*taps, *lows, *space, *lengths)):
        return _input_gradient_by_phases(g, w, space, stride, lows)
    # What the window does not reach, where the stride does not divide, is padding.
    pads = [
        (dilated(k, by) - 1 - low, dilated(n, x_by) + low - dilated(m, s))
        for k, by, low, n, x_by, m, s in zip(
            taps,
            w_dilation,
            lows,
            space,
            x_dilation,
            lengths,
            stride,
            strict=True,
        )
    ]
    flip = [slice(None)] * LEADING + [slice(None, None, -1)] * len(space)
    turned = _swapped(subtensor(w, flip))
    return convolve(g, turned, x_dilation, pads, stride, w_dilation)


def _input_gradient_by_phases(
    g: Variable, w: Variable, space: Sequence[Length], stride: Sequence[int], lows: Sequence[Any]
) -> Variable:
    """Return the same without products with zeros between the elements of `g`.

    Places of the input that are a stride apart meet the same taps, every stride-th of all. Each of
    these phases is a convolution without a stride; as channels side by side they are one.
    """
    rank = len(stride)
    groups, filters, channels = _numbers(build.lengths(w)[:LEADING])
    batch = _numbers(build.lengths(g)[:LEADING])[1]
    counts, pads, kept = [], [], []
    for axis, (s, low, n) in enumerate(zip(stride, lows, space, strict=True)):
        k, m = (_numbers(build.lengths(v)[LEADING:])[axis] for v in (w, g))
        assert isinstance(k, int)
        count = -(-k // s)
        if s * count > k:
            shape = list(_numbers(build.lengths(w)))
            shape[LEADING + axis] = s * count - k
            zeros: Variable = Broadcast(w.ndim)(constant(0, w.dtype), *map(_variable, shape))
            w = Join(LEADING + axis)(w, zeros)
        counts.append(count)
        first, last = low // s, (n + low - 1) // s
        pads.append((count - 1 - first, last + 1 - m))
        kept.append(slice(low - s * first, low - s * first + n))
    pairs = [n for pair in zip(counts, stride, strict=True) for n in pair]
    w = _reshaped(w, (groups, filters, channels, *pairs))
    turned = [slice(None, None, -1), slice(None)] * rank
    w = subtensor(w, [slice(None)] * LEADING + turned)
    taps, phases = range(LEADING, LEADING + 2 * rank, 2), range(LEADING + 1, w.ndim, 2)
    w = DimShuffle((0, 2, *phases, 1, *taps))(w)
    w = _reshaped(w, (groups, channels * math.prod(stride), filters, *counts))
    ones = (1,) * rank
    found = convolve(g, w, ones, pads, ones, ones)
    lengths = _numbers(build.lengths(found)[LEADING:])
    found = _reshaped(found, (groups, batch, channels, *stride, *lengths))
    inside = [d for i in range(rank) for d in (LEADING + rank + i, LEADING + i)]
    found = DimShuffle((*range(LEADING), *inside))(found)
    spread = [n * s for n, s in zip(lengths, stride, strict=True)]
    return subtensor(
        _reshaped(found, (groups, batch, channels, *spread)), [slice(None)] * LEADING + kept
    )


def filter_gradient(
    x: Variable,
    g: Variable,
    taps: Sequence[Length],
    stride: Sequence[int],
    padding: Sequence[Pair],
    x_dilation: Sequence[int],
    w_dilation: Sequence[int],
) -> Variable:
    """Return the cotangent of the filters of a convolution, given that of its result.

    Parameters
    ----------
    x
        Its input.
    g
        (groups, n, filters, space...), of the lengths that the convolution gives.
    taps
        Spatial lengths of its filters.
    stride, padding, x_dilation, w_dilation
        As of the convolution.
    """
    # What the window does not reach, where the stride does not divide, is taken away.
    pads = [
        (low, dilated(k, by) - 1 + dilated(m, s) - dilated(n, x_by) - low)
        for k, by, low, n, x_by, m, s in zip(
            taps,
            w_dilation,
            [low for low, _ in padding],
            _numbers(build.lengths(x)[LEADING:]),
            x_dilation,
            _numbers(build.lengths(g)[LEADING:]),
            stride,
            strict=True,
        )
    ]
    return _swapped(convolve(_swapped(x), _swapped(g), w_dilation, pads, x_dilation, stride))


def dilated(n: Any, dilation: int) -> Any:
    """Return the length of `n` elements (a number, variable or expression) `dilation` apart."""
    if isinstance(n, int):
        return max((n - 1) * dilation + 1, 0)
    # For the empty dimension, too.
    return n if dilation == 1 else n * dilation - minimum(n, 1) * (dilation - 1)


@dataclass(frozen=True, slots=True)
class Convolve(ContractionOp):
    """The convolution that this module defines.

    Operands are the input (groups, n, channels, space...) and the filters (groups, filters,
    channels, taps...), and two integers, low and high, for each padding that is not known
    beforehand.

    Parameters
    ----------
    stride
        Steps of the window, one for each spatial dimension.
    padding
        Zeros before and behind each spatial dimension; None where they are operands.
    x_dilation, w_dilation
        Distances of the elements of the input, and of the taps.
    """

    stride: tuple[int, ...]
    padding: tuple[tuple[int, int] | None, ...]
    x_dilation: tuple[int, ...]
    w_dilation: tuple[int, ...]

    @property
    def rank(self) -> int:
        """Number of spatial dimensions."""
        return len(self.stride)

    def pads(self, integer: Callable[[int], Any]) -> list[tuple[Any, Any]]:
        """Return low and high padding of each spatial dimension; `integer` gives operands."""
        found: list[tuple[Any, Any]] = []
        at = 2
        for pair in self.padding:
            if pair is None:
                found.append((integer(at), integer(at + 1)))
                at += 2
            else:
                found.append(pair)
        return found

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        self._check_parameters()
        x, w, *pads = types
        ndim = LEADING + self.rank
        if (x.ndim, w.ndim) != (ndim, ndim) or x.dtype != w.dtype or not dtypes.is_float(x.dtype):
            raise TypeError(
                f"{self} takes an input (groups, n, channels, *space) and filters (groups, "
                f"filters, channels, *taps), each of {ndim} dimensions and of one floating point "
                f"dtype, got {x} and {w}"
            )
        count = 2 * self.padding.count(None)
        if len(pads) != count or any(t.ndim or t.dtype not in dtypes.INTEGER for t in pads):
            raise TypeError(
                f"{self} takes {count} paddings, which are integers of no dimensions, got "
                f"{', '.join(map(str, pads)) or 'none'}"
            )
        for axis, what in ((0, "groups"), (2, "channels")):
            if None not in (x.shape[axis], w.shape[axis]) and x.shape[axis] != w.shape[axis]:
                raise TypeError(
                    f"{self}: the input {x} has {x.shape[axis]} {what}, the filters {w} have "
                    f"{w.shape[axis]}"
                )
        space = []
        for axis, (low, high) in enumerate(self.pads(lambda k: _number(operands[k]))):
            n, k = x.shape[LEADING + axis], w.shape[LEADING + axis]
            known = n is not None and k is not None and not {type(low), type(high)} - {int}
            length = self._length(axis, n, k, low, high) if known else None
            if length is not None and length < 0:
                raise TypeError(f"{self}: {_TOO_LARGE}, in spatial dimension {axis} of {x} and {w}")
            space.append(length)
        groups = w.shape[0] if x.shape[0] is None else x.shape[0]
        return [TensorType(x.dtype, (groups, x.shape[1], w.shape[1], *space))]

    def _check_parameters(self) -> None:
        steps = (self.stride, self.x_dilation, self.w_dilation)
        if not 1 <= self.rank <= 3 or any(len(s) != self.rank for s in (*steps, self.padding)):
            raise ValueError(
                f"{self}: one to three spatial dimensions, each with its stride, padding and "
                "dilations"
            )
        if any(n < 1 for s in steps for n in s):
            raise ValueError(f"{self}: strides and dilations are at least 1")

    def _length(self, axis: int, n: Any, k: Any, low: Any, high: Any) -> Any:
        """Length of a spatial dimension of the result, of numbers or of expressions."""
        room = dilated(n, self.x_dilation[axis]) + low + high - dilated(k, self.w_dilation[axis])
        return room // self.stride[axis] + 1

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        x, w = context.shape(0), context.shape(1)
        groups = context.require_equal(x[0], w[0], "input and filters have other groups")
        context.require_equal(x[2], w[2], "the channels of the input are not those of the filters")
        space = []
        for axis, (low, high) in enumerate(self.pads(context.integer)):
            n, k = x[LEADING + axis], w[LEADING + axis]
            length = simplify(self._length(axis, n, k, low, high))
            fits = cast(simplify(ge(length, const(0))), "int64")
            context.require_equal(fits, const(1), _TOO_LARGE)
            space.append(length)
        static = node.out.type.shape
        dims = (groups, x[1], w[1], *space)
        return [tuple(d if s is None else const(s) for d, s in zip(dims, static, strict=True))]

    def products(self, node: Apply, context: ElementContext) -> SumOfProducts:
        pads = [tuple(map(simplify, map(_expr, p))) for p in self.pads(context.integer)]
        length, x = context.shape(0)[LEADING:], node.inputs[0]

        def left(index: Index, inner: Index) -> Expr:
            place: list[Expr] = [*index[:2], inner[0]]
            inside: list[Expr] = []
            for axis, (low, high) in enumerate(pads):
                at = index[LEADING + axis] * self.stride[axis] - low
                at = at + inner[1 + axis] * self.w_dilation[axis]
                by = self.x_dilation[axis]
                if by > 1:
                    inside.append(eq(at % by, const(0)))
                    at = at // by
                bounded = at
                if not _at_most_zero(high):
                    inside.append(le(at, length[axis] - 1))
                    bounded = minimum(bounded, length[axis] - 1)
                if not _at_most_zero(low):
                    inside.append(ge(at, const(0)))
                    bounded = maximum(bounded, const(0))
                place.append(bounded)
            value = context.read(0, tuple(place))
            if not inside:
                return value
            masked: Expr = switch(functools.reduce(logical_and, inside), value, const(0, x.dtype))
            return masked

        return SumOfProducts(
            batch=(0,),
            rows=(1, *range(LEADING, LEADING + self.rank)),
            columns=(2,),
            inner=context.shape(1)[2:],
            left=left,
            right=lambda index, inner: context.read(1, (index[0], index[2], *inner)),
        )

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        x, w, *pads = node.inputs
        nothing: list[Variable | None] = [None] * len(pads)
        if g is None:
            return [None, None, *nothing]
        settings = (self.stride, self.pads(node.inputs.__getitem__), self.x_dilation)
        space, taps = (_numbers(build.lengths(v)[LEADING:]) for v in (x, w))
        gx = input_gradient(g, w, space, *settings, self.w_dilation)
        gw = filter_gradient(x, g, taps, *settings, self.w_dilation)
        return [gx, gw, *nothing]

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        x, w, *pads = operands
        if any(batched[2:]):
            return None
        space = range(4, 4 + self.rank)
        count, groups = build.lengths(x if batched[0] else w)[:2]
        if batched[0] and batched[1]:
            # As groups.
            x, w = (Reshape(v.ndim - 1)(v, count * groups, *build.lengths(v)[2:]) for v in (x, w))
            out: Variable = self(x, w, *pads)
            return [Reshape(out.ndim + 1)(out, count, groups, *build.lengths(out)[1:])]
        many = x if batched[0] else w
        each = build.lengths(many)[2]
        joined = DimShuffle((1, 0, 2, 3, *space))(many)
        lengths = build.lengths(many)[3:]
        joined = Reshape(many.ndim - 1)(joined, groups, count * each, *lengths)
        out = self(joined, w, *pads) if batched[0] else self(x, joined, *pads)
        _, n, filters, *places = build.lengths(out)
        if batched[0]:
            apart = Reshape(out.ndim + 1)(out, groups, count, each, filters, *places)
            return [DimShuffle((1, 0, 2, 3, *space))(apart)]
        apart = Reshape(out.ndim + 1)(out, groups, n, count, each, *places)
        return [DimShuffle((2, 0, 1, 3, *space))(apart)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        x, w = inputs[:2]
        pads = self.pads(lambda k: int(inputs[k]))
        lengths = [
            int(self._length(axis, n, k, *pair))
            for axis, (n, k, pair) in enumerate(
                zip(x.shape[LEADING:], w.shape[LEADING:], pads, strict=True)
            )
        ]
        padded = self._padded(x, pads)
        # Every window as a view: a tap is w_dilation elements from the next, a window stride.
        space = padded.strides[LEADING:]
        moves = [step * by for step, by in zip(space, self.stride, strict=True)]
        taps = [step * by for step, by in zip(space, self.w_dilation, strict=True)]
        groups, n, channels = x.shape[:LEADING]
        filters = w.shape[1]
        windows = np.lib.stride_tricks.as_strided(
            padded,
            (groups, n, channels, *lengths, *w.shape[LEADING:]),
            (*padded.strides[:LEADING], *moves, *taps),
            writeable=False,
        )
        # As a product of matrices: (n * space, channels * taps) of each group with its filters.
        inner = 1 + self.rank
        rows = np.moveaxis(windows, 2, inner + 1)
        rows = rows.reshape(groups, n * _size(lengths), channels * _size(w.shape[LEADING:]))
        with np.errstate(all="ignore"):
            out = np.matmul(rows, w.reshape(groups, filters, -1 if w.size else rows.shape[2]).mT)
        return [np.moveaxis(out.reshape(groups, n, *lengths, filters), -1, 2)]

    def _padded(self, x: Array, pads: Sequence[tuple[int, int]]) -> Array:
        """Return the input with its zeros between, before and behind."""
        spread = [dilated(n, by) for n, by in zip(x.shape[LEADING:], self.x_dilation, strict=True)]
        shape = [n + low + high for n, (low, high) in zip(spread, pads, strict=True)]
        padded = np.zeros((*x.shape[:LEADING], *(max(n, 0) for n in shape)), x.dtype)
        into, taken = [slice(None)] * LEADING, [slice(None)] * LEADING
        for n, end, (low, _), by in zip(
            x.shape[LEADING:], shape, pads, self.x_dilation, strict=True
        ):
            first = max(-(low // by), 0)  # the first that does not fall before the start
            behind = max(min(n, -((low - end) // by)), first)
            taken.append(slice(first, behind))
            into.append(slice(low + first * by, max(low + (behind - 1) * by + 1, 0), by))
        if all(s.stop is None or s.stop > s.start for s in taken):
            padded[tuple(into)] = x[tuple(taken)]
        return padded

    def __str__(self) -> str:
        parts = [f"stride={list(self.stride)}"]
        parts.append(
            "padding=" + "/".join("?" if p is None else f"{p[0]},{p[1]}" for p in self.padding)
        )
        for name, value in (("x_dilation", self.x_dilation), ("w_dilation", self.w_dilation)):
            if set(value) != {1}:
                parts.append(f"{name}={list(value)}")
        return f"convolve({', '.join(parts)})"


_TOO_LARGE = "the filters are larger than the padded input"


def _expr(n: int | Expr) -> Expr:
    return const(n) if isinstance(n, int) else n


def _at_most_zero(n: Expr) -> bool:
    return isinstance(n, Const) and n.value <= 0


def _number(n: Length) -> Length:
    """Return the value of a constant, a variable as it is."""
    return int(n.data) if isinstance(n, Constant) else n


def _numbers(lengths: Sequence[Variable]) -> list[Length]:
    return [_number(n) for n in lengths]


def _variable(n: Length) -> Variable:
    return constant(n, "int64") if isinstance(n, int) else n


def _reshaped(v: Variable, lengths: Sequence[Length]) -> Variable:
    shaped: Variable = Reshape(len(lengths))(v, *map(_variable, lengths))
    return shaped


def _swapped(v: Variable) -> Variable:
    """Return `v` with its second and third dimension in each other's place."""
    swapped: Variable = DimShuffle((0, 2, 1, *range(LEADING, v.ndim)))(v)
    return swapped


def _size(lengths: Sequence[int]) -> int:
    return int(np.prod(lengths, dtype=np.int64))
