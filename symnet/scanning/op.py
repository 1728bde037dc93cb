"""The operation of loops: a body run step after step, each on what the steps before it left.

`Scan` knows only what a loop must: states, of which a body reads values of some steps back, and
sequences, of which it reads one row a step. Whatever needs no loop is taken out of it before
(`symnet.scanning.loop`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from symnet.graph import Apply, Constant, Variable, make_variable
from symnet.interpreter import Evaluation, Lengths
from symnet.op import Array, LoopOp, ShapeContext
from symnet.ops import build
from symnet.ops.batched import batched as apply_to_batches
from symnet.ops.bodies import body_lengths
from symnet.ops.shape import DimShuffle
from symnet.scalar import Expr, const, simplify
from symnet.scalar.integer import evaluate_int
from symnet.scalar.primitives import ge
from symnet.types import TensorType

Dims = tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Scan(LoopOp):
    """A loop.

    Operands are the number of steps, the sequences (a row for each step), what the states start
    from (a row for each step back that the body may look) and the constants. Outputs are the
    histories of the states (what they start from, then a row for each step), the other outputs (a
    row for each step) and, if it may stop early, the number of steps made; rows of steps not made
    are zero.

    Parameters
    ----------
    inputs
        Inputs of the body: a row of each sequence, what each state was some steps back, state by
        state, and the constants.
    outputs
        Outputs of the body: the new states, the others, and the condition to stop if `until`.
    sequences
        Number of sequences.
    taps
        For each state how many steps back its inputs are.
    until
        Whether the loop stops after the step whose condition is true.
    truncate
        How many of the last steps gradients are led back through; -1 for all.
    again
        Whether gradients compute again what a step made on the way to its results, step by step,
        rather than keep it of all steps.
    tails
        States of whose histories only the last rows are given, as many as they start from.
    nonempty
        Whether at least one step must be made.
    """

    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    sequences: int
    taps: tuple[tuple[int, ...], ...]
    until: bool = False
    truncate: int = -1
    again: bool = False
    tails: tuple[int, ...] = ()
    nonempty: bool = False

    @property
    def depths(self) -> tuple[int, ...]:
        """For each state how many rows it starts from."""
        return tuple(max(taps) for taps in self.taps)

    @property
    def others(self) -> int:
        """Number of outputs of the body that are neither states nor the condition."""
        return len(self.outputs) - len(self.taps) - self.until

    def with_tails(self, states: Sequence[int], nonempty: bool) -> Scan:
        """The loop that gives only the last rows of the histories of some states."""
        tails = tuple(sorted({*self.tails, *states}))
        return replace(self, tails=tails, nonempty=self.nonempty or nonempty)

    def with_body(self, outputs: Sequence[Variable]) -> Scan:
        """The loop with another way to compute the body's outputs."""
        return replace(self, outputs=tuple(outputs))

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        starts = types[1 + self.sequences : 1 + self.sequences + len(self.taps)]
        steps = int(operands[0].data) if isinstance(operands[0], Constant) else None
        found: list[TensorType] = []
        for start, new, depth in zip(starts, self.outputs, self.depths, strict=False):
            if (start.dtype, start.ndim) != (new.dtype, new.ndim + 1):
                raise TypeError(
                    f"{self}: a state starts as {start.dtype} of {start.ndim - 1} dimensions, but "
                    f"the body makes it {new.type}"
                )
            rows = None if steps is None else steps + depth
            rows = depth if len(found) in self.tails else rows
            found.append(TensorType(new.dtype, (rows, *new.type.shape)))
        first = len(self.taps)
        found += [
            TensorType(v.dtype, (steps, *v.type.shape))
            for v in self.outputs[first : first + self.others]
        ]
        return [*found, TensorType("int64", ())] if self.until else found

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[Dims]:
        return self._shapes(context)

    def _shapes(self, context: ShapeContext) -> list[Dims]:
        steps = context.integer(0)
        for k in range(self.sequences):
            context.require_equal(
                context.shape(1 + k)[0], steps, "a sequence has not as many rows as there are steps"
            )
        if self.nonempty:
            context.require(ge(steps, const(1)), "no step is made, so there is no last one")
        body = body_lengths(self, context)
        found: list[Dims] = []
        for state, (new, depth) in enumerate(zip(self.outputs, self.depths, strict=False)):
            start = context.shape(1 + self.sequences + state)
            context.require_equal(
                start[0], const(depth), "a state starts from another number of steps"
            )
            for axis, (n, m) in enumerate(zip(start[1:], body.shape(new), strict=True)):
                context.require_equal(n, m, f"a step changes length {axis} of state {state}")
            if state in self.tails:
                found.append((const(depth), *start[1:]))
            else:
                found.append((simplify(steps + depth), *start[1:]))
        first = len(self.taps)
        found += [(steps, *body.shape(v)) for v in self.outputs[first : first + self.others]]
        return [*found, ()] if self.until else found

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        from symnet.scanning.backward import backward  # it builds loops itself

        return backward(self, node, cotangents)

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        """One loop whose steps do all rows, unless each row may end it."""
        if self.until or batched[0]:
            return None
        # Steps are counted by the first dimension, rows of the batch by the second.
        given = [
            _axes_swapped(x) if b and k <= self.sequences + len(self.taps) else x
            for k, (x, b) in enumerate(zip(operands, batched, strict=True))
        ]
        flags = list(batched)
        first = 1 + self.sequences
        count = build.lengths(operands[flags.index(True)])[0]
        while True:
            inputs, many = self._rows_of_batch(flags)
            outputs = apply_to_batches(self.outputs, many)
            grown = [
                first + state
                for state, (new, old) in enumerate(zip(outputs, self.outputs, strict=False))
                if state < len(self.taps) and new.ndim > old.ndim and not flags[first + state]
            ]
            for k in grown:
                flags[k] = True
                given[k] = _axes_swapped(build.repeat(given[k], count))
            if not grown:
                break
        # A state that starts differently from row to row is one for every row.
        made = [
            build.repeat(x, count)
            if state < len(self.taps) and flags[first + state] and x.ndim == v.ndim
            else x
            for state, (x, v) in enumerate(zip(outputs, self.outputs, strict=True))
        ]
        op = replace(self, inputs=inputs, outputs=tuple(made))
        found = op.make_node(*given).outputs
        return [
            _axes_swapped(x) if x.ndim > v.ndim else x
            for x, v in zip(found, node.outputs, strict=True)
        ]

    def _rows_of_batch(
        self, flags: Sequence[bool]
    ) -> tuple[tuple[Variable, ...], dict[Variable, Variable]]:
        """Inputs of a body that does all rows, and which of its own inputs they are rows of."""
        operand = [1 + k for k in range(self.sequences)]
        for state, taps in enumerate(self.taps):
            operand += [1 + self.sequences + state] * len(taps)
        operand += range(1 + self.sequences + len(self.taps), len(flags))
        many = {
            v: make_variable(TensorType(v.dtype, (None, *v.type.shape)), name=v.name)
            for v, k in zip(self.inputs, operand, strict=True)
            if flags[k]
        }
        return tuple(many.get(v, v) for v in self.inputs), many

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        return self._runner()(inputs)

    def host(self, node: Apply) -> Callable[[Sequence[Array]], list[Array]]:
        return self._runner()

    def _runner(self) -> Callable[[Sequence[Array]], list[Array]]:
        run = Evaluation(self.outputs, self.inputs)
        whole = replace(self, tails=())
        dtypes = [v.dtype for v in self.outputs]
        if self.until:
            dtypes[-1] = "int64"

        def perform(operands: Sequence[Array]) -> list[Array]:
            lengths = whole._shapes(Lengths(operands))
            results = [
                np.zeros(tuple(evaluate_int(n, {}) for n in dims), dtype)
                for dims, dtype in zip(lengths, dtypes, strict=True)
            ]
            steps, rest = int(operands[0]), operands[1:]
            sequences, rest = rest[: self.sequences], rest[self.sequences :]
            starts, constants = rest[: len(self.taps)], rest[len(self.taps) :]
            for history, start, depth in zip(results, starts, self.depths, strict=False):
                history[:depth] = start
            done = steps
            for t in range(steps):
                given = [x[t] for x in sequences]
                for history, taps, depth in zip(results, self.taps, self.depths, strict=False):
                    given += [history[t + depth - back] for back in taps]
                made = run(dict(zip(self.inputs, [*given, *constants], strict=True)))
                for state, depth in enumerate(self.depths):
                    results[state][t + depth] = made[state]
                first = len(self.taps)
                for k in range(first, first + self.others):
                    results[k][t] = made[k]
                if self.until and made[-1]:
                    done = t + 1
                    break
            if self.until:
                results[-1][...] = done
            for state in self.tails:
                results[state] = results[state][-self.depths[state] :]
            return results

        return perform

    def __str__(self) -> str:
        return "scan"


def _axes_swapped(x: Variable) -> Variable:
    """Swap the first two dimensions."""
    swapped: Variable = DimShuffle((1, 0, *range(2, x.ndim)))(x)
    return swapped
