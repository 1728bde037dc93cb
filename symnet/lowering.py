"""Lowering: from a frozen graph to a Program.

In go a graph, its shapes and the integers it is specialised to; out comes a `Program`: fused
groups as kernels and contractions, updates in place where the schedule allows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symnet.decisions import allowed
from symnet.fusion import Fusion
from symnet.graph import Variable
from symnet.nest import Reduction, axes
from symnet.program import Buffer, Copy, Kind, Program, Step
from symnet.scalar import Expr, Load, simplify, walk
from symnet.schedule import Draft, StepGraph
from symnet.specialise import Specialisation
from symnet.steps import Memory, Steps, copying, in_order
from symnet.values import Chain, Chosen, Group, Host, Looped, Product, Value, normal, position


@dataclass(frozen=True, slots=True)
class Frozen:
    """What a function computes: the graph as the compiler sees it.

    Attributes
    ----------
    name
        The function's name.
    inputs
        Variables without owner, in call order.
    shared
        Shared variables the graph reads or updates.
    outputs
        What is returned.
    updates
        New values of shared variables.
    names
        Buffer names of inputs and shared variables.
    """

    name: str
    inputs: tuple[Variable, ...]
    shared: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    updates: tuple[tuple[Variable, Variable], ...]
    names: Mapping[Variable, str]

    @property
    def results(self) -> list[Variable]:
        """Outputs and new values."""
        return [*self.outputs, *(value for _, value in self.updates)]


def lower(frozen: Frozen, dims: Specialisation, fuse: bool = True, inplace: bool = True) -> Program:
    """Lower a graph to a program for the sizes that `dims` is specialised to.

    `fuse` and `inplace` say whether operations share loops, and whether steps overwrite the shared
    variables that they update.
    """
    return _Lowering(frozen, dims, fuse, inplace).program()


class _Lowering(Steps):
    def __init__(self, frozen: Frozen, dims: Specialisation, fuse: bool, inplace: bool) -> None:
        self.frozen = frozen
        self._inplace = inplace
        self.dims = dims
        super().__init__()
        self.memory = Memory()
        self.graph = StepGraph([])
        self.inputs = [self._declare(v, frozen.names[v], "input") for v in frozen.inputs]
        for v in frozen.shared:
            self._declare(v, frozen.names[v], "shared")
        self.outputs: list[str] = []
        for number, v in enumerate(frozen.outputs):
            name = f"out{number}"
            self.memory.buffers[name] = Buffer(name, v.dtype, dims.shape(v), "output")
            if v.owner is not None:
                self.memory.names.setdefault(v, name)
            self.outputs.append(name)
        self.fusion = Fusion(
            frozen.results,
            [*frozen.inputs, *frozen.shared],
            dims.shape,
            dims.integer,
            self.memory.of,
            fuse,
            {
                v
                for shared, v in frozen.updates
                if v.owner is not None and v.owner.inputs[:1] == (shared,)
            }
            - set(frozen.outputs),
        )
        for v, name in zip(frozen.outputs, self.outputs, strict=True):
            self.targets.setdefault(v, []).append(name)

    def program(self) -> Program:
        """Build the program."""
        self.prepare()
        self._leaf_outputs()
        self.graph = StepGraph(self.drafts)
        copies = self._updates()
        self.make()
        steps = in_order(self.graph, self.memory.buffers.values())
        found = Program(
            self.frozen.name,
            tuple(self.dims.shapes.sizes.values()),
            self.dims.ints(),
            tuple(self.dims.shapes.checks),
            self._used_buffers([*steps, *copies]),
            tuple(self.inputs),
            tuple(self.outputs),
            (*steps, *copies),
            self.memory.names,
        )
        return found

    # -- buffers ---------------------------------------------------------------------------

    def _declare(self, v: Variable, name: str, kind: Kind) -> str:
        self.memory.buffers[name] = Buffer(name, v.dtype, self.dims.shape(v), kind)
        self.memory.names[v] = name
        return name

    def _used_buffers(self, steps: Sequence[Step]) -> tuple[Buffer, ...]:
        used = {b for s in steps for b in s.reads | s.writes}
        kept = ("input", "shared", "output")
        return tuple(b for b in self.memory.buffers.values() if b.name in used or b.kind in kept)

    def _leaf_outputs(self) -> None:
        """Outputs that are inputs, shared variables or constants."""
        for v, name in zip(self.frozen.outputs, self.outputs, strict=True):
            if v.owner is None:
                source = self.memory.of(self.fusion.values[v])
                self.drafts.append(copying(source, name, 0))

    # -- updates ---------------------------------------------------------------------------

    def _updates(self) -> list[Copy]:
        """Give every update its target: in place where possible, else a copy at the end."""
        copies = self._leaf_updates()
        for shared, value in self.frozen.updates:
            if value.owner is None:
                continue
            name = self.memory.names[shared]
            draft, group = self.home[value]
            targets = self.targets[value]
            if isinstance(group, Chain):
                if self._chain_overwrites(shared, group):
                    continue
            elif self._may_overwrite(shared, value, group) and self._overwrite(name, value, draft):
                targets.append(name)
                continue
            if not targets:
                targets.append(self.memory.of(self.fusion.values[value]))
                draft.writes |= {targets[0]}
            copies.append(Copy(targets[0], name))
        return copies

    def _leaf_updates(self) -> list[Copy]:
        """Updates to the old value of something else; returns what is to be copied at the end."""
        drafts = []
        for shared, value in self.frozen.updates:
            if value.owner is None and value is not shared:
                name, source = self.memory.names[shared], self.memory.of(self.fusion.values[value])
                draft = Draft(0, frozenset((source,)), frozenset(), Copy(source, name))
                self.graph.add(draft)
                drafts.append((name, source, value, draft))
        copies = []
        for name, source, value, draft in drafts:
            if not self._overwrite(name, value, draft):
                saved = self.memory.temporary(value.dtype, self.dims.shape(value))
                draft.step = Copy(source, saved)
                copies.append(Copy(saved, name))
        return copies

    def _overwrite(self, name: str, value: Variable, draft: Draft) -> bool:
        """Have `draft` write a shared buffer after all who read it; False if it cannot wait."""
        if not self._inplace:
            return False
        later = [d for d in self.graph.readers(name) if d is not draft]
        if any(self.graph.precedes(draft, d) for d in later):
            return False
        if not allowed("in place", name, "the new value is written over the old one", value):
            return False
        for d in later:
            d.before.append(draft)
        return True

    def _chain_overwrites(self, shared: Variable, chain: Chain) -> bool:
        """Have a chain, with those it begins as, change a shared buffer itself, if it can."""
        name = self.memory.names[shared]
        links = [chain]
        while links[-1].base is not None and links[-1].base.variable in self.fusion.chains:
            links.append(self.fusion.chains[links[-1].base.variable])
        exprs = [x for link in links for x in (link.offset, link.value, link.first) if x]
        begun, begun_by = links[-1].base, links[-1].result.variable
        if (
            begun is None
            or begun.variable is not shared
            or chain.result.loaded
            or any(self.memory.buffers[b].kind == "output" for b in self._target(chain.result))
            or any(isinstance(x, Load) and x.buffer == name for x in walk(*exprs))
            or not self._overwrite(name, chain.result.variable, self.home[begun_by][0])
        ):
            return False
        for link in links:
            self.targets[link.result.variable] = [name]
        self._begun[links[-1].result.variable].step = None
        return True

    def _may_overwrite(self, shared: Variable, value: Variable, group: Group) -> bool:
        """Whether `group` itself may write the new value over the old one."""
        name = self.memory.names[shared]
        if isinstance(group, Host | Looped | Chosen):
            return False
        if self.dims.shape(shared) != self.dims.shape(value):
            return False
        if isinstance(group, Product) and any(
            isinstance(x, Load) and x.buffer == name for x in walk(group.left, group.right)
        ):
            return False
        shape = self.dims.shape(value)
        here = simplify(position(shape, normal(axes(value.ndim), shape)))
        return all(self._reads_only(name, here, v, shape) for v in group.values)

    @staticmethod
    def _reads_only(name: str, here: Expr, value: Value, shape: tuple[Expr, ...]) -> bool:
        """Whether a value reads a buffer at no other element than the one at hand."""
        for x in walk(value.expr) if value.expr is not None else ():
            if isinstance(x, Load) and x.buffer == name:
                if value.shape != shape or simplify(x.offset) != here:
                    return False
            elif isinstance(x, Reduction) and any(
                isinstance(y, Load) and y.buffer == name for y in walk(x)
            ):
                return False
        return True
