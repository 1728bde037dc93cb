"""What of a graph is computed under which conditions.

A choice (`symnet.op.ChoiceOp`) needs only one of its arms. So a node that all readers need in one
arm alone is computed only if this arm is taken: it lies in the *region* of this arm. Choices of the
same condition share their regions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from symnet.graph import Apply, Variable
from symnet.op import ChoiceOp


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """What is computed only where a condition, in the region around it, is true (or false).

    Attributes
    ----------
    outer
        The region around it; None is where everything is computed.
    condition
        A bool of no dimensions.
    truth
        Which of its values it takes.
    depth
        How many conditions there are in all.
    """

    outer: Region | None
    condition: Variable
    truth: bool
    depth: int


class Regions:
    """The regions of a graph.

    Parameters
    ----------
    nodes
        Its applications, operands first.
    outputs
        Its roots, which are needed in any case.
    """

    def __init__(self, nodes: Sequence[Apply], outputs: Iterable[Variable]) -> None:
        self._made: dict[tuple[Region | None, Variable, bool], Region] = {}
        self._of: dict[Apply, Region | None] = {}
        if any(isinstance(node.op, ChoiceOp) for node in nodes):
            self._find(nodes, outputs)

    def _find(self, nodes: Sequence[Apply], outputs: Iterable[Variable]) -> None:
        for v in outputs:
            if v.owner is not None:
                self._of[v.owner] = None
        for node in reversed(nodes):
            for k, v in enumerate(node.inputs):
                if v.owner is not None:
                    here = self.reading(node, k)
                    if v.owner in self._of:
                        here = _common(self._of[v.owner], here)
                    self._of[v.owner] = here

    def __bool__(self) -> bool:
        """Whether anything is computed under a condition."""
        return bool(self._made)

    def of(self, node: Apply) -> Region | None:
        """The region in which an application is computed."""
        return self._of.get(node)

    def reading(self, node: Apply, operand: int) -> Region | None:
        """The region in which an application reads an operand."""
        here = self._of.get(node)
        if not isinstance(node.op, ChoiceOp) or not operand:
            return here
        return self._inside(here, node.inputs[0], operand == 1)

    def beside(self, region: Region) -> Region:
        """The region of the other arm."""
        return self._inside(region.outer, region.condition, not region.truth)

    def _inside(self, outer: Region | None, condition: Variable, truth: bool) -> Region:
        """The region of an arm of a choice that is made in `outer`."""
        for around in outwards(outer):
            if around.condition is condition and around.truth is truth:
                assert outer is not None
                return outer
        key = outer, condition, truth
        if key not in self._made:
            self._made[key] = Region(*key, 1 + (outer.depth if outer else 0))
        return self._made[key]


def outwards(region: Region | None) -> Iterator[Region]:
    """A region and those around it, from the inside out."""
    while region is not None:
        yield region
        region = region.outer


def _common(a: Region | None, b: Region | None) -> Region | None:
    """The innermost region that both lie in."""
    while a is not b:
        if a is None or b is None:
            return None
        if a.depth >= b.depth:
            a = a.outer
        else:
            b = b.outer
    return a
