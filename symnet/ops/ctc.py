"""The cost of connectionist temporal classification, with its derivatives, as host calls.

Graves, Fernandez, Gomez and Schmidhuber, *Connectionist temporal classification*, ICML 2006,
section 4.1, in logarithms. A labelling of `l` symbols becomes a path of ``2 l + 1`` states, with
the blank, symbol 0, between and around its symbols. `alpha` sums over all ways into a state, `beta`
over all ways on from it.

All is written so that it holds for complex numbers: the second derivative times a vector is the
imaginary part of the gradient a tiny imaginary step away (Squire and Trapp, *Using complex
variables to estimate derivatives of real functions*, SIAM Review 40, 1998).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Variable
from symnet.op import Array, Op, ShapeContext
from symnet.ops.shape import DimShuffle
from symnet.scalar import Expr
from symnet.types import TensorType

_STEP = 1e-30
"""An imaginary step: its square vanishes beside 1."""


@dataclass(frozen=True, slots=True)
class Ctc(Op):
    """The cost of labellings, (batch,), and its gradient, (time, batch, symbols).

    Operands are scores before the softmax, (time, batch, symbols), labels, (batch, positions),
    among which negative ones are padding, and the number of steps of each sequence, (batch,).
    """

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        scores = types[0]
        _check(self, *types[:3])
        return [TensorType(scores.dtype, (scores.shape[1],)), scores]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        dims = context.shape(0)
        _require_batch(context)
        return [(dims[1],), dims]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        g, along = cotangents
        scores, labels, lengths = node.inputs
        total: Variable | None = None
        if g is not None:
            total = DimShuffle((None, 0, None))(g) * node.outputs[1]
        if along is not None:
            curved = CtcCurvature()(scores, labels, lengths, along)
            total = curved if total is None else total + curved
        return [total, None, None]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        scores, labels, lengths = inputs
        cost, gradient = _cost_and_gradient(scores.astype("float64"), labels, lengths)
        return [cost.astype(scores.dtype), gradient.astype(scores.dtype)]


@dataclass(frozen=True, slots=True)
class CtcCurvature(Op):
    """The second derivatives of the cost times a tensor, which is the last operand."""

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        _check(self, *types[:3])
        if types[3].ndim != 3 or types[3].dtype != types[0].dtype:
            raise TypeError(f"{self}: a direction {types[3]} for scores {types[0]}")
        return [types[0]]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        dims = context.shape(0)
        _require_batch(context)
        for mine, other in zip(dims, context.shape(3), strict=True):
            context.require_equal(mine, other, "the direction has another shape than the scores")
        return [dims]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        scores, labels, lengths, along = inputs
        moved = scores + 1j * _STEP * along.astype("float64")
        _, gradient = _cost_and_gradient(moved, labels, lengths)
        return [(gradient.imag / _STEP).astype(scores.dtype)]


def _check(op: Op, scores: TensorType, labels: TensorType, lengths: TensorType) -> None:
    fits = (scores.ndim, labels.ndim, lengths.ndim) == (3, 2, 1)
    if not fits or not dtypes.is_float(scores.dtype):
        raise TypeError(
            f"{op} takes scores (time, batch, symbols), labels (batch, positions) and lengths "
            f"(batch,), got {scores}, {labels} and {lengths}"
        )
    for t, what in ((labels, "labels"), (lengths, "lengths")):
        if t.dtype not in dtypes.INTEGER:
            raise TypeError(f"{op}: {what} are integers, got {t}; T.cast converts")


def _require_batch(context: ShapeContext) -> None:
    batch = context.shape(0)[1]
    context.require_equal(batch, context.shape(1)[0], "labels are of another batch")
    context.require_equal(batch, context.shape(2)[0], "lengths are of another batch")


def _cost_and_gradient(scores: Array, labels: Array, lengths: Array) -> tuple[Array, Array]:
    steps, batch, symbols = scores.shape
    cost = np.zeros(batch, scores.dtype)
    gradient = np.zeros_like(scores)
    for b in range(batch):
        length = int(lengths[b])
        symbol = labels[b][labels[b] >= 0]
        if not 0 <= length <= steps:
            raise ValueError(f"ctc: sequence {b} has {length} steps, the scores have {steps}")
        if symbol.size and symbol.max() >= symbols:
            raise IndexError(f"ctc: label {symbol.max()} of sequence {b}, of {symbols} symbols")
        if length and length >= symbol.size + np.count_nonzero(symbol[1:] == symbol[:-1]):
            cost[b], gradient[:length, b] = _one_sequence(scores[:length, b], symbol)
    return cost, gradient


def _one_sequence(scores: Array, symbol: Array) -> tuple[Array, Array]:
    """Return cost and gradient of one sequence that is long enough for its labels."""
    steps = len(scores)
    states = np.zeros(2 * len(symbol) + 1, "int64")
    states[1::2] = symbol
    # From a symbol to the next one, if that is another, the blank between may be left out.
    skips = np.zeros(len(states), bool)
    skips[3::2] = symbol[1:] != symbol[:-1]
    logs = scores - _log_sum(scores)[:, None]
    emit = logs[:, states]
    alpha = np.full(emit.shape, -np.inf, emit.dtype)
    beta = np.full(emit.shape, -np.inf, emit.dtype)
    alpha[0, :2] = emit[0, :2]
    beta[-1, -2:] = 0
    with np.errstate(all="ignore"):
        for t in range(1, steps):
            alpha[t] = emit[t] + _log_sum(_ways(alpha[t - 1], skips))
        for t in reversed(range(steps - 1)):
            onward = (beta[t + 1] + emit[t + 1])[::-1]
            # In reverse the jump belongs to the state it goes to, two further on.
            jumps = np.concatenate([np.zeros(2, bool), skips[::-1][:-2]])[: len(states)]
            beta[t] = _log_sum(_ways(onward, jumps))[::-1]
        total = _log_sum(alpha[-1, -2:])
        visited = np.exp(alpha + beta - total)
    expected = np.zeros_like(logs)
    for state, s in enumerate(states):
        expected[:, s] += visited[:, state]
    return -total, np.exp(logs) - expected


def _ways(into: Array, skips: Array) -> Array:
    """Return for each state what comes from itself, the one before, and the one before that."""
    never = np.full(2, -np.inf, into.dtype)
    padded = np.concatenate([never, into])
    jumps = np.where(skips, padded[:-2], -np.inf)
    return np.stack([into, padded[1:-1], jumps], axis=-1)


def _log_sum(x: Array) -> Array:
    """Return the logarithm of the sum of exponentials over the last dimension."""
    greatest = x.real.max(axis=-1)
    greatest = np.where(np.isfinite(greatest), greatest, 0.0)
    with np.errstate(all="ignore"):
        found: Array = np.log(np.exp(x - greatest[..., None]).sum(axis=-1)) + greatest
    return found
