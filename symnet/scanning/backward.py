"""The gradient of a loop: a loop that runs the other way.

What a step back contributes to the cotangent of a state waits in a state of its own for the step
that made it, which comes as many steps later as it looked back. So the backward loop is again made
of states with one tap, and its gradient follows in the same way, to any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from symnet import dtypes
from symnet.graph import Apply, Variable, ancestors, dependent, make_variable, rebuild
from symnet.op import constant
from symnet.ops import build
from symnet.ops.indexing import inc_subtensor, subtensor
from symnet.ops.reduce import Reduce
from symnet.ops.shape import DimShuffle
from symnet.regions import Regions
from symnet.reverse import differentiate
from symnet.rewriting import stabilized
from symnet.scalar.primitives import add, eq, minimum, switch
from symnet.scanning.loop import State, loop
from symnet.scanning.op import Scan
from symnet.types import TensorType


def backward(op: Scan, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
    """Return the cotangents of a loop's operands."""
    return _Backward(op, node, cotangents).operands()


def _reversed(x: Variable) -> Variable:
    return subtensor(x, [slice(None, None, -1)])


class _Backward:
    def __init__(self, op: Scan, node: Apply, cotangents: Sequence[Variable | None]) -> None:
        self.op = op
        self.node = node
        self.cotangents = list(cotangents)
        self._choose_steps()
        inputs = list(op.inputs)
        self.rows = inputs[: op.sequences]
        self.taps: list[dict[int, Variable]] = []
        place = op.sequences
        for taps in op.taps:
            self.taps.append(dict(zip(taps, inputs[place : place + len(taps)], strict=True)))
            place += len(taps)
        self.constants = inputs[place:]
        self.operands_of_rows = node.inputs[1 : 1 + op.sequences]
        self.starts = node.inputs[1 + op.sequences : 1 + op.sequences + len(op.taps)]
        self.operands_of_constants = node.inputs[1 + op.sequences + len(op.taps) :]

    def _choose_steps(self) -> None:
        """Which steps are walked back: all that were made, or the last of them."""
        op, node = self.op, self.node
        made: Any = node.outputs[-1] if op.until else node.inputs[0]
        self.partial = op.until or op.truncate >= 0
        self.last = made
        self.steps = made if op.truncate < 0 else minimum(made, constant(op.truncate, "int64"))
        self.first = made - self.steps

    def _walked(self, x: Variable, offset: int, behind: int) -> Variable:
        """The rows of `x` for the steps walked back, the last step first.

        Parameters
        ----------
        x
            A tensor with `offset` rows before that of the first step, and `behind` after the last.
        """
        if self.partial:
            part = subtensor(x, [slice(self.first + offset, self.last + offset)])
        else:
            part = subtensor(x, [slice(offset or None, -behind or None)])
        return _reversed(part)

    def _placed(self, found: Variable, x: Variable) -> Variable:
        """Rows for the steps walked back, the last first, as rows of something like `x`."""
        found = _reversed(found)
        if not self.partial:
            return found
        return inc_subtensor(build.zeros_like(x), found, [slice(self.first, self.last)])

    def operands(self) -> list[Variable | None]:
        """Cotangents of all operands."""
        op, steps = self.op, self.steps
        sequences = self._rows_of_before()
        seeds = self._seeds(sequences)
        body_inputs = [v for v in op.inputs if dtypes.is_float(v.dtype)]
        found = differentiate([(v, g) for v, g, _ in seeds], {}, body_inputs, [])
        slopes = {v: g for v, (_, g) in found.items() if g is not None}
        if not op.again:
            slopes = self._told(slopes, sequences)
        states, waiting = self._states(slopes)
        # The cotangent of a state is what the cost says of it and what waits for it.
        shared = dict(zip(self.constants, self.operands_of_constants, strict=True))
        replaced: dict[Variable, Variable] = {**shared, **{v: v for v in sequences}}
        for _, seed, total in seeds:
            parts = [*([total] if total is not None else []), *waiting.get(seed, [])]
            replaced[seed] = _sum(parts) if parts else build.zeros_like(seed)
        wanted_rows = [v for v in self.rows if v in slopes]
        wanted_constants = [v for v in self.constants if v in slopes]
        # Rebuilt together: what the states and the others are both made of stays one variable.
        asked = [slopes[v] for v in [*wanted_rows, *wanted_constants]]
        rebuilt = rebuild([*(s.new for s in states), *asked], replaced)
        wanted = rebuilt[len(states) :]
        states = [State(s.start, s.taps, new) for s, new in zip(states, rebuilt, strict=False)]
        totals: list[Variable] = []
        if op.again:
            totals = wanted[len(wanted_rows) :]
            wanted = wanted[: len(wanted_rows)]
            states += [_summed(x, shared[v]) for v, x in zip(wanted_constants, totals, strict=True)]
        result = loop(steps, sequences, states, wanted, again=op.again)
        of_rows = dict(zip(wanted_rows, result.others, strict=False))
        each = result.others[len(wanted_rows) :]
        last = [subtensor(x, [-1]) for x in result.histories[len(states) - len(totals) :]]
        summed = last or map(_total, each)
        of_constants = dict(zip(wanted_constants, summed, strict=True))
        histories = dict(zip(self._waits, result.histories, strict=False))
        return [
            None,
            *(
                self._placed(of_rows[v], x) if v in of_rows else None
                for v, x in zip(self.rows, self.operands_of_rows, strict=True)
            ),
            *(self._start(state, histories) for state in range(len(op.taps))),
            *(of_constants.get(v) for v in self.constants),
        ]

    def _rows_of_before(self) -> dict[Variable, Variable]:
        """What the body read in every step, the last step first."""
        found = {
            v: self._walked(x, 0, 0) for v, x in zip(self.rows, self.operands_of_rows, strict=True)
        }
        for taps, depth, history in zip(self.taps, self.op.depths, self.node.outputs, strict=False):
            for back, v in taps.items():
                found[v] = self._walked(history, depth - back, back)
        return found

    def _told(
        self, slopes: dict[Variable, Variable], sequences: dict[Variable, Variable]
    ) -> dict[Variable, Variable]:
        """Have the loop tell what the slopes need of it, rather than compute that again.

        What it tells of every step becomes a sequence of the loop that walks back.
        """
        op = self.op
        # Together, so that what slopes have in common with the body is the same variable.
        stable = stabilized([*op.outputs, *slopes.values()])
        body = stable[: len(op.outputs)]
        slopes = dict(zip(slopes, stable[len(op.outputs) :], strict=True))
        nodes = list(ancestors(body, stop=op.inputs))
        made = {v for n in nodes for v in n.outputs}
        stateful = dependent(nodes, [v for taps in self.taps for v in taps.values()])
        regions = Regions(nodes, body)
        wanted: list[Variable] = []
        stack = [v for n in ancestors(slopes.values(), stop=made) for v in n.inputs]
        stack += slopes.values()
        while stack:
            v = stack.pop()
            if v.owner is not None and isinstance(v.owner.op, DimShuffle):
                stack.extend(v.owner.inputs)
            elif v.owner is not None and regions.of(v.owner) is not None:
                stack.extend(v.owner.inputs)  # it is there only where a condition holds
            elif v in made and v in stateful:
                wanted.append(v)
        told = {v: self.node.outputs[k] for k, v in enumerate(body) if not self._is_end(k)}
        more = [v for v in dict.fromkeys(wanted) if v not in told]
        if more:
            place = len(op.outputs) - op.until
            every = (*op.outputs[:place], *more, *op.outputs[place:])
            outputs = replace(op, outputs=every).make_node(*self.node.inputs).outputs
            told.update(zip(more, outputs[place:], strict=False))
        for v in dict.fromkeys(wanted):
            state = body.index(v) if v in body else len(op.taps)
            depth = op.depths[state] if state < len(op.taps) else 0
            sequences[v] = self._walked(told[v], depth, 0)
        return slopes

    def _is_end(self, k: int) -> bool:
        """Whether an output of the body is the condition."""
        return self.op.until and k == len(self.op.outputs) - 1

    def _seeds(
        self, sequences: dict[Variable, Variable]
    ) -> list[tuple[Variable, Variable, Variable | None]]:
        """For outputs of the body a variable for its cotangent, and what the cost says of it."""
        op = self.op
        found: list[tuple[Variable, Variable, Variable | None]] = []
        self.seed_of_state: dict[int, Variable] = {}
        for k, v in enumerate(op.outputs[: len(op.outputs) - op.until]):
            g = self.cotangents[k]
            state = k < len(op.taps)
            if not dtypes.is_float(v.dtype) or (g is None and not state):
                continue
            seed = make_variable(v.type)
            said: Variable | None = None
            if g is not None:
                said = make_variable(TensorType(v.dtype, v.type.shape))
                depth = op.depths[k] if state else 0
                sequences[said] = self._walked(g, depth, 0)
            if state:
                self.seed_of_state[k] = seed
            found.append((v, seed, said))
        return found

    def _states(
        self, slopes: dict[Variable, Variable]
    ) -> tuple[list[State], dict[Variable, list[Variable]]]:
        """A state for what waits for each tap, and what has waited for each seed."""
        states: list[State] = []
        waiting: dict[Variable, list[Variable]] = {}
        self._waits: list[tuple[int, int]] = []
        for k, taps in enumerate(self.taps):
            for back, v in taps.items():
                if v not in slopes:
                    continue
                start = subtensor(self.starts[k], [slice(None, back)])
                waited = make_variable(v.type)
                states.append(State(build.zeros_like(start), {back: waited}, slopes[v]))
                waiting.setdefault(self.seed_of_state[k], []).append(waited)
                self._waits.append((k, back))
        return states, waiting

    def _start(self, state: int, histories: dict[tuple[int, int], Variable]) -> Variable | None:
        """The cotangent of what a state starts from."""
        start, g = self.starts[state], self.cotangents[state]
        if not dtypes.is_float(start.dtype):
            return None
        depth = self.op.depths[state]
        total = build.zeros_like(start) if g is None else subtensor(g, [slice(None, depth)])
        for back in self.taps[state]:
            history = histories.get((state, back))
            if history is not None:
                # What waited when the loop ended; the step that would have come next is first.
                left = _reversed(subtensor(history, [slice(-back, None)]))
                if self.op.truncate >= 0:
                    left = switch(eq(self.first, 0), left, build.zeros_like(left))
                total = inc_subtensor(total, left, [slice(depth - back, None)])
        return total


def _sum(terms: Sequence[Variable]) -> Variable:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _summed(x: Variable, like: Variable) -> State:
    """The state that adds up what each step makes, which is of the shape of `like`."""
    start: Variable = build.insert_axes(build.zeros_like(like, x.dtype), (0,))
    before = make_variable(TensorType(x.dtype, start.type.shape[1:]))
    return State(start, {1: before}, before + x)


def _total(x: Variable) -> Variable:
    """The sum over all steps."""
    total: Variable = Reduce(add, (0,), x.dtype)(x)
    return total
