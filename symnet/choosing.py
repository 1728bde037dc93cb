"""Choices: which are made together, and what their arms compute.

A part of the pass of `symnet.fusion`. What only one arm needs is not placed there: it stays in the
arm, whose groups are found by a fusion of its own (`symnet.branching`). Choices of one condition
and one stage are made together. What a later choice of the same condition needs of what an earlier
one has computed, as a gradient does, is told by that one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnet.graph import Apply, Constant, Variable
from symnet.regions import Regions
from symnet.values import Chosen, Value

if TYPE_CHECKING:
    from symnet.fusion import Fusion


class Choices:
    """The choices that a fusion has met so far.

    Parameters
    ----------
    fusion
        The pass.
    regions
        What of its graph lies in arms.

    Attributes
    ----------
    groups
        The choices that are made together.
    """

    def __init__(self, fusion: Fusion, regions: Regions) -> None:
        self.groups: list[Chosen] = []
        self._fusion = fusion
        self._regions = regions
        self._at: dict[tuple[Variable, int], Chosen] = {}
        self._home: dict[Apply, Chosen] = {}

    def place(self, node: Apply) -> None:
        """Have a choice made once all that its arms read is there."""
        fusion = self._fusion
        given = node.inputs[0]
        condition = fusion.materialise(given)
        before, told, inside = self._read(node)
        values = [condition, *map(fusion.materialise, before)]
        stage = 1 + max(v.stage for v in values)
        stage = max([stage, *(self._home[v.owner].stage for v in told if v.owner)])
        group = self._at.get((given, stage))
        if group is None:
            group = self._at[given, stage] = Chosen(condition, [], {}, [], {}, stage)
            self.groups.append(group)
        group.inputs |= {v.variable: v for v in values[1:]}
        for n in inside:
            self._home[n] = group
        for v in told:
            assert v.owner is not None
            home, region = self._home[v.owner], self._regions.of(v.owner)
            if home is not group and region is not None:
                value = Value(v, fusion.shape(v), home.stage, stored=True, loaded=True)
                group.inputs[v], _ = home.told.setdefault(v, (value, region.truth))
        result = Value(node.out, fusion.shape(node.out), stage, stored=True)
        fusion.values[node.out] = result
        group.nodes.append(node)
        group.outputs.append(result)

    def _read(self, node: Apply) -> tuple[list[Variable], list[Variable], list[Apply]]:
        """What the arms of a choice are made of.

        Returns
        -------
        tuple
            What exists whatever the condition; what earlier choices of the condition compute; and
            the applications that are left to the arms.
        """
        fusion = self._fusion
        before: list[Variable] = []
        told: list[Variable] = []
        inside: list[Apply] = []
        seen: set[Variable] = set()
        stack = list(node.inputs[1:])
        while stack:
            v = stack.pop()
            if v in seen or isinstance(v, Constant):
                continue
            seen.add(v)
            if v.owner is None:
                fusion.leaf(v)
            if v.owner is None or v in fusion.values:
                before.append(v)
                continue
            region = self._regions.of(v.owner)
            if v.owner in self._home and region is not None and region.outer is None:
                told.append(v)
                continue
            # What lies under further conditions is computed again, if another choice has it: it
            # exists only where these hold.
            if region is not None and v.owner not in self._home:
                inside.append(v.owner)
            stack.extend(v.owner.inputs)
        return before, told, inside
