"""Loops made of a body's graph: what needs no loop leaves it first.

In go the variables of one step and what they stand for in every step; out come the histories of
the states and the values of other variables in all steps. On the way the body's graph falls apart:

- what does not vary from step to step becomes a constant of the loop, computed once;
- what depends on sequences alone is computed for all steps at once, before the loop: the product
  of each row of a sequence with one matrix becomes one product of matrices;
- what no state depends on is computed for all steps at once, after the loop.

The last two are the graph of a step applied to every row of a batch (`symnet.ops.batched`). Only
what is left runs step by step. The gradient of a loop is made here too, so what is said holds of
it: the contributions of all steps to the gradient of a weight are one product after the loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from symnet.graph import (
    Apply,
    Constant,
    Variable,
    ancestors,
    dependent,
    make_variable,
    rebuild,
)
from symnet.op import ChoiceOp
from symnet.ops import build
from symnet.ops.batched import batched
from symnet.ops.elementwise import Elemwise
from symnet.ops.indexing import subtensor, with_positions_from_data
from symnet.ops.shape import Broadcast, DimShuffle, ShapeOf, SpecifyShape
from symnet.regions import Regions, outwards
from symnet.scanning.op import Scan


@dataclass(frozen=True, slots=True)
class State:
    """A value that steps hand on.

    Attributes
    ----------
    start
        What it was in the steps before the first, oldest first: a dimension in front.
    taps
        The variables of the body that stand for it some steps back.
    new
        What a step makes of it.
    """

    start: Variable
    taps: Mapping[int, Variable]
    new: Variable


@dataclass(frozen=True, slots=True)
class Loop:
    """The outcome of a loop.

    Attributes
    ----------
    histories
        For each state what it started from and what every step made of it.
    others
        Each other variable in every step.
    done
        The number of steps made: fewer than wanted where a condition ended the loop.
    """

    histories: list[Variable]
    others: list[Variable]
    done: Variable


def rows(x: Variable, first: int | None, last: int | None) -> Variable:
    """Return rows `first` to `last`, without the last."""
    return subtensor(x, [slice(first, last)])


def loop(
    steps: Variable,
    sequences: Mapping[Variable, Variable],
    states: Sequence[State],
    others: Sequence[Variable],
    until: Variable | None = None,
    truncate: int = -1,
    again: bool = False,
) -> Loop:
    """Build a loop.

    Parameters
    ----------
    steps
        The number of steps.
    sequences
        For variables of the body the tensors whose rows they stand for, one row for each step.
    states
        What steps hand on.
    others
        Variables of the body that are wanted for every step.
    until
        A condition of the body, after whose first truth no further step is made.
    truncate
        How many of the last steps gradients are led back through; -1 for all.
    again
        Whether memory matters more than time: all that varies stays in the loop, and gradients
        compute again what they need of a step.
    """
    parts = _Parts(sequences, states, others, until, again)
    if not parts.roots:
        every = {v: _as_many(x, steps) for v, x in sequences.items()}
        return Loop([], _for_all(others, every, steps), steps)
    ahead = dict(zip(parts.ahead, batched(parts.ahead, sequences), strict=True))
    # What has only the shape of a row is the same in every step.
    same = {v: x for v, x in ahead.items() if x.ndim == v.ndim}
    constant = {v: v for v in parts.constant} | same
    rowwise = {v: sequences[v] for v in parts.read}
    rowwise |= {v: x for v, x in ahead.items() if v not in same}
    found = _core(parts, steps, rowwise, constant, states, until, truncate, again)
    histories = list(found[: len(states)])
    unread = {v: _as_many(x, steps) for v, x in sequences.items() if v not in rowwise}
    everywhere = {**sequences, **unread, **ahead}
    for state, history in zip(states, histories, strict=True):
        depth = max(state.taps)
        for back, v in state.taps.items():
            everywhere[v] = rows(history, depth - back, -back)
        everywhere.setdefault(state.new, rows(history, depth, None))
    everywhere.update(zip(parts.emitted, found[len(states) :], strict=False))
    done = steps if until is None else found[-1]
    return Loop(histories, _for_all(others, everywhere, steps), done)


def _core(
    parts: _Parts,
    steps: Variable,
    rowwise: Mapping[Variable, Variable],
    constant: Mapping[Variable, Variable],
    states: Sequence[State],
    until: Variable | None,
    truncate: int,
    again: bool,
) -> list[Variable]:
    """Apply the operation to what must run step by step."""
    taps = [v for s in states for _, v in sorted(s.taps.items())]
    old = [*rowwise, *taps, *constant]
    # An input of its own for everything that comes in: the body is a graph by itself.
    new = [make_variable(v.type, name=v.name) for v in old]
    ends = [] if until is None else [until]
    outputs = with_positions_from_data(
        rebuild(
            [*(s.new for s in states), *parts.emitted, *ends], dict(zip(old, new, strict=True))
        ),
        new[: len(rowwise) + len(taps)],
    )
    op = Scan(
        tuple(new),
        tuple(outputs),
        len(rowwise),
        tuple(tuple(sorted(s.taps)) for s in states),
        until is not None,
        truncate,
        again,
    )
    node = op.make_node(steps, *rowwise.values(), *(s.start for s in states), *constant.values())
    return list(node.outputs)


def _as_many(sequence: Variable, steps: Variable) -> Variable:
    """A sequence, which a call checks to have as many rows as there are steps."""
    node = steps.owner
    if node is not None and isinstance(node.op, ShapeOf) and node.inputs[0] is sequence:
        return sequence
    reason = "a sequence has not as many rows as there are steps"
    found: Variable = SpecifyShape((None,) * sequence.ndim, (0,), reason)(sequence, steps)
    return found


def _for_all(
    wanted: Sequence[Variable], batches: Mapping[Variable, Variable], steps: Variable
) -> list[Variable]:
    """Variables of the body in every step, given some of them in every step."""
    made = batched(wanted, batches)
    return [
        x if x.ndim > v.ndim else build.repeat(x, steps) for v, x in zip(wanted, made, strict=True)
    ]


class _Parts:
    """What of a body's graph goes where.

    Attributes
    ----------
    roots
        What steps hand on, and the condition.
    read
        Variables that stand for rows of sequences and are read in the loop.
    ahead
        What is computed before the loop, for all steps at once.
    constant
        What is the same in every step.
    emitted
        What the loop must leave of every step for what is computed after it.
    """

    def __init__(
        self,
        sequences: Mapping[Variable, Variable],
        states: Sequence[State],
        others: Sequence[Variable],
        until: Variable | None,
        again: bool,
    ) -> None:
        self._taps = {v for s in states for v in s.taps.values()}
        self._sequences = sequences
        stop = {*sequences, *self._taps}
        self.roots = [s.new for s in states] + ([] if until is None else [until])
        everything = [*self.roots, *others]
        nodes = list(ancestors(everything, stop=stop))
        self._varying = dependent(nodes, stop)
        # What is chosen from step to step is chosen in the loop, which computes one arm alone.
        chosen = [
            n.out for n in nodes if isinstance(n.op, ChoiceOp) and n.inputs[0] in self._varying
        ]
        self.roots += chosen
        self._regions = Regions(nodes, everything)
        self._stateful = dependent(nodes, {*self._taps, *chosen})
        if again:
            self.roots += others
            self._stateful = self._varying
        self.read: list[Variable] = []
        self.ahead: list[Variable] = []
        self.constant: list[Variable] = []
        self._inside: set[Variable] = set()
        self._divide()
        known = {*stop, *self.ahead, *(s.new for s in states)}
        self.emitted = self._needed_after(others, known)

    def _divide(self) -> None:
        """Find what comes into the loop."""
        seen: set[Variable] = set()
        stack = list(reversed(self.roots))
        while stack:
            v = stack.pop()
            if v in seen or v in self._taps or isinstance(v, Constant):
                continue
            seen.add(v)
            node = v.owner
            if v in self._sequences:
                self.read.append(v)
            elif node is not None and self._lies_in_arm(node):
                self._inside.update(node.outputs)
                stack.extend(reversed(node.inputs))
            elif v not in self._varying and not _is_fill(v):
                self.constant.append(v)
            elif node is not None and (v in self._stateful or _is_cheap(node)):
                # It costs next to nothing inside of the loop, and a buffer ahead of it.
                self._inside.update(node.outputs)
                stack.extend(reversed(node.inputs))
            else:
                self.ahead.append(v)

    def _lies_in_arm(self, node: Apply) -> bool:
        """Whether a node is computed only where a condition holds that varies."""
        found = outwards(self._regions.of(node))
        return any(region.condition in self._varying for region in found)

    def _needed_after(
        self, others: Sequence[Variable], known: Iterable[Variable]
    ) -> list[Variable]:
        """Find what the others are made of that only the loop computes."""
        known = set(known)
        wanted = [v for v in others if v not in known]
        inside = self._inside - known
        for node in ancestors(others, stop=[*known, *inside]):
            wanted.extend(node.inputs)
        return [v for v in dict.fromkeys(wanted) if v in inside and v in self._stateful]


def _is_cheap(node: Apply) -> bool:
    """Whether a node is a view, or arithmetic that machines have instructions for."""
    op = node.op
    if isinstance(op, Elemwise):
        return op.scalar.expand is None or op.scalar.name == "sqr"
    return isinstance(op, Broadcast | DimShuffle)


def _is_fill(v: Variable) -> bool:
    """Whether a variable repeats one number."""
    node = v.owner
    return node is not None and isinstance(node.op, Broadcast) and _is_number(node.inputs[0])


def _is_number(v: Variable) -> bool:
    """Whether a variable is a constant of one element."""
    return isinstance(v, Constant) and v.data.size == 1
