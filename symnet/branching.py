"""Choices in native code: arms as steps of which a program runs one or the other.

In goes a choice whose operands and results are in memory; out come a `Branch` and the steps of both
arms. An arm is a graph like that of a function: its results are stored where the choice's results
are, and what later choices of the same condition read of it stays in memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from symnet.fusion import Fusion
from symnet.graph import Constant
from symnet.interpreter import Evaluation
from symnet.op import Array
from symnet.program import Branch, Step
from symnet.scalar import const
from symnet.schedule import StepGraph
from symnet.steps import Steps, copying, in_order
from symnet.values import Chosen


class Arm(Steps):
    """The steps of one arm of some choices.

    Parameters
    ----------
    outer
        The steps among which the choice is made.
    group
        The choices.
    truth
        For which value of the condition the arm is taken.
    """

    def __init__(self, outer: Steps, group: Chosen, truth: bool) -> None:
        super().__init__(outer.in_loop)
        self.memory = outer.memory
        results = group.results(truth)
        told = [v for v, (_, where) in group.told.items() if where is truth]
        self.fusion = Fusion(
            [*results, *told],
            group.inputs,
            outer.fusion.shape,
            outer.fusion.integer,
            self.memory.of,
            outer.fusion.fuse,
        )
        copies: list[tuple[str, str]] = []
        for v, node in zip(results, group.nodes, strict=True):
            targets = outer.targets[node.out]
            if v in group.inputs or isinstance(v, Constant):
                copies += [(self.memory.of(self.fusion.values[v]), t) for t in targets]
            elif v in outer.fusion.inlined:
                # It has no memory there: every reader computes it by itself.
                self.rows.setdefault(v, []).extend((t, const(0)) for t in targets)
            else:
                self.targets.setdefault(v, []).extend(targets)
                self.memory.names.setdefault(v, targets[0])
        for v in told:
            self.targets.setdefault(v, []).append(self.memory.names[v])
        self.prepare()
        self.drafts += [copying(source, target, 0) for source, target in copies]

    def steps(self) -> list[Step]:
        """The steps."""
        graph = StepGraph(self.drafts)
        self.make()
        return in_order(graph)


def branch(condition: str, arms: Sequence[Arm]) -> list[Step]:
    """The steps of a choice; `arms` are that of a true condition and that of a false one."""
    then, otherwise = (arm.steps() for arm in arms)
    return [Branch(condition, len(then), len(otherwise)), *then, *otherwise]


class Choosing:
    """What a host call runs that makes choices in Python; it computes no more than it needs."""

    def __init__(self, group: Chosen) -> None:
        self._inputs = list(group.inputs)
        self._arms = {
            truth: Evaluation(
                [*group.results(truth), *(v for v, (_, t) in group.told.items() if t is truth)],
                self._inputs,
            )
            for truth in (True, False)
        }
        self._count = len(group.nodes)
        self._told = [truth for _, truth in group.told.values()]

    def __call__(self, inputs: Sequence[Array]) -> list[Array | None]:
        """The results, and what is told: None for that of the arm that is not taken."""
        truth = bool(inputs[0])
        found = self._arms[truth](dict(zip(self._inputs, inputs[1:], strict=True)))
        told = iter(found[self._count :])
        return [
            *found[: self._count],
            *(next(told) if where is truth else None for where in self._told),
        ]
