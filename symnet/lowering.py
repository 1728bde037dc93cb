"""Lowering: from a frozen graph to a Program.

In go a graph, its shapes and the integers it is specialised to; out comes a `Program`: fused
groups as kernels and contractions, updates in place where the schedule allows it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from symnet.abstraction import Abstraction, Renaming, abstract
from symnet.contracting import contraction
from symnet.fusion import Fusion
from symnet.graph import Apply, Constant, Variable
from symnet.kernel import Contraction, Kernel, accumulated
from symnet.nest import Reduction, Root, axes, build
from symnet.op import Array
from symnet.ordering import ordered
from symnet.program import Buffer, Copy, Guard, HostCall, Kind, Launch, Program, Step
from symnet.scalar import Expr, Load, const, simplify, walk
from symnet.schedule import Draft, StepGraph
from symnet.specialise import Specialisation
from symnet.values import Chain, Group, Host, Nest, Product, Value, normal, position


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


def lower(frozen: Frozen, dims: Specialisation, fuse: bool = True) -> Program:
    """Lower a graph to a program for the sizes that `dims` is specialised to."""
    return _Lowering(frozen, dims, fuse).program()


class _Lowering:
    def __init__(self, frozen: Frozen, dims: Specialisation, fuse: bool) -> None:
        self.frozen = frozen
        self.dims = dims
        self.buffers: dict[str, Buffer] = {}
        self.names: dict[Variable, str] = {}
        self.drafts: list[Draft] = []
        self.graph = StepGraph([])
        self._begun: dict[Variable, Draft] = {}
        self._made: dict[Hashable, tuple[Kernel | Contraction, Abstraction]] = {}
        self.inputs = [self._declare(v, frozen.names[v], "input") for v in frozen.inputs]
        for v in frozen.shared:
            self._declare(v, frozen.names[v], "shared")
        self.outputs: list[str] = []
        for number, v in enumerate(frozen.outputs):
            name = f"out{number}"
            self.buffers[name] = Buffer(name, v.dtype, dims.shape(v), "output")
            if v.owner is not None:
                self.names.setdefault(v, name)
            self.outputs.append(name)
        self.fusion = Fusion(
            frozen.results,
            [*frozen.inputs, *frozen.shared],
            dims.shape,
            dims.integer,
            self._buffer_of,
            fuse,
        )
        self.targets: dict[Variable, list[str]] = {}
        for v, name in zip(frozen.outputs, self.outputs, strict=True):
            self.targets.setdefault(v, []).append(name)

    def program(self) -> Program:
        """Build the program."""
        groups = self.fusion.groups()
        self._share_buffers()
        self.drafts = [self._draft(g) for g in groups]
        home = self._home(groups)
        self._beginnings(home)
        self._faults()
        self._leaf_outputs()
        self.graph = StepGraph(self.drafts)
        copies = self._updates(home)
        for draft, group in zip(self.drafts, groups, strict=False):
            draft.step = self._step(group)
        steps = [d.step for d in self.graph.order() if d.step is not None]
        found = Program(
            self.frozen.name,
            tuple(self.dims.shapes.sizes.values()),
            self.dims.ints(),
            tuple(self.dims.shapes.checks),
            self._used_buffers([*steps, *copies]),
            tuple(self.inputs),
            tuple(self.outputs),
            (*steps, *copies),
        )
        return found

    # -- buffers ---------------------------------------------------------------------------

    def _declare(self, v: Variable, name: str, kind: Kind) -> str:
        self.buffers[name] = Buffer(name, v.dtype, self.dims.shape(v), kind)
        self.names[v] = name
        return name

    def _buffer_of(self, value: Value) -> str:
        """Name of the buffer of a value, declared when first asked for."""
        v = value.variable
        name = self.names.get(v)
        if name is None:
            if isinstance(v, Constant):
                name = f"c{len(self.buffers)}"
                shape = tuple(const(n) for n in v.data.shape)
                self.buffers[name] = Buffer(name, v.dtype, shape, "constant", v.data)
            else:
                name = self._temporary(v.dtype, value.shape)
            self.names[v] = name
        return name

    def _temporary(self, dtype: str, shape: tuple[Expr, ...]) -> str:
        name = f"t{len(self.buffers)}"
        self.buffers[name] = Buffer(name, dtype, shape, "temporary")
        return name

    def _used_buffers(self, steps: Sequence[Step]) -> tuple[Buffer, ...]:
        used = {b for s in steps for b in s.reads | s.writes}
        kept = ("input", "shared", "output")
        return tuple(b for b in self.buffers.values() if b.name in used or b.kind in kept)

    # -- drafts ----------------------------------------------------------------------------

    def _draft(self, group: Group) -> Draft:
        """What a group reads and writes, before it is known which updates are in place."""
        match group:
            case Nest():
                values, exprs = group.values, [v.expr for v in group.values if v.expr is not None]
            case Product():
                values = group.values
                exprs = [group.left, group.right, *(v.expr for v in values if v.expr is not None)]
            case Host():
                reads = frozenset(self._buffer_of(v) for v in group.inputs)
                for v in group.outputs:
                    v.loaded = True
                writes = frozenset(b for v in group.outputs for b in self._target(v))
                # Python code may raise.
                return Draft(group.stage, reads, writes, guard=True)
            case Chain():
                values = group.values
                exprs = [group.offset, group.value, group.first or group.value]
        reads = frozenset(x.buffer for x in walk(*exprs) if isinstance(x, Load))
        writes = frozenset(b for v in values for b in self._target(v))
        return Draft(group.stage, reads, writes)

    def _target(self, value: Value) -> list[str]:
        """Buffers a value is stored to, updates aside."""
        found = self.targets.setdefault(value.variable, [])
        if not found and value.loaded:
            found.append(self._buffer_of(value))
        return found

    def _share_buffers(self) -> None:
        """Have what chains begin with computed where they go on."""
        for chain in sorted(self.fusion.chains.values(), key=lambda c: -c.stage):
            found = self._target(chain.result)
            if not found:
                found.append(self._buffer_of(chain.result))
            name = found[0]
            if chain.base is not None and chain.base.stage >= 0:
                self.names[chain.base.variable] = name
                self.targets[chain.base.variable] = [name]

    def _home(self, groups: Sequence[Group]) -> dict[Variable, tuple[Draft, Group]]:
        """Where each value is computed."""
        return {
            v.variable: (draft, group)
            for draft, group in zip(self.drafts, groups, strict=True)
            for v in (group.outputs if isinstance(group, Host) else group.values)
        }

    def _beginnings(self, home: Mapping[Variable, tuple[Draft, Group]]) -> None:
        """Have chains wait for what they begin as: a value in the same buffer, or a copy of a leaf.

        Copies, too, of results that are outputs twice.
        """
        for chain in self.fusion.chains.values():
            draft, _ = home[chain.result.variable]
            name, *others = self.targets[chain.result.variable]
            for other in others:
                self.drafts.append(_copying(name, other, chain.stage + 1))
            if chain.base is None:
                continue
            if chain.base.stage < 0:
                begun = _copying(self._buffer_of(chain.base), name, 0)
                self.drafts.append(begun)
                self._begun[chain.result.variable] = begun
            else:
                begun, _ = home[chain.base.variable]
            begun.before.append(draft)

    def _faults(self) -> None:
        for flag, message in self.fusion.faults:
            name = self._buffer_of(self.fusion.values[flag])
            stage = self.fusion.values[flag].stage
            self.drafts.append(
                Draft(stage + 1, frozenset((name,)), frozenset(), Guard(name, message), guard=True)
            )

    def _leaf_outputs(self) -> None:
        """Outputs that are inputs, shared variables or constants."""
        for v, name in zip(self.frozen.outputs, self.outputs, strict=True):
            if v.owner is None:
                source = self._buffer_of(self.fusion.values[v])
                self.drafts.append(_copying(source, name, 0))

    # -- updates ---------------------------------------------------------------------------

    def _updates(self, home: Mapping[Variable, tuple[Draft, Group]]) -> list[Copy]:
        """Give every update its target: in place where possible, else a copy at the end."""
        copies = self._leaf_updates()
        for shared, value in self.frozen.updates:
            if value.owner is None:
                continue
            name = self.names[shared]
            draft, group = home[value]
            targets = self.targets[value]
            if isinstance(group, Chain):
                if self._chain_overwrites(shared, group, home):
                    continue
            elif self._may_overwrite(shared, value, group) and self._overwrite(name, draft):
                targets.append(name)
                continue
            if not targets:
                targets.append(self._buffer_of(self.fusion.values[value]))
                draft.writes |= {targets[0]}
            copies.append(Copy(targets[0], name))
        return copies

    def _leaf_updates(self) -> list[Copy]:
        """Updates to the old value of something else; returns what is to be copied at the end."""
        drafts = []
        for shared, value in self.frozen.updates:
            if value.owner is None and value is not shared:
                name, source = self.names[shared], self._buffer_of(self.fusion.values[value])
                draft = Draft(0, frozenset((source,)), frozenset(), Copy(source, name))
                self.graph.add(draft)
                drafts.append((name, source, value, draft))
        copies = []
        for name, source, value, draft in drafts:
            if not self._overwrite(name, draft):
                saved = self._temporary(value.dtype, self.dims.shape(value))
                draft.step = Copy(source, saved)
                copies.append(Copy(saved, name))
        return copies

    def _overwrite(self, name: str, draft: Draft) -> bool:
        """Have `draft` write a shared buffer after all who read it; False if it cannot wait."""
        later = [d for d in self.graph.readers(name) if d is not draft]
        if any(self.graph.precedes(draft, d) for d in later):
            return False
        for d in later:
            d.before.append(draft)
        return True

    def _chain_overwrites(
        self, shared: Variable, chain: Chain, home: Mapping[Variable, tuple[Draft, Group]]
    ) -> bool:
        """Have a chain, with those it begins as, change a shared buffer itself, if it can."""
        name = self.names[shared]
        links = [chain]
        while links[-1].base is not None and links[-1].base.variable in self.fusion.chains:
            links.append(self.fusion.chains[links[-1].base.variable])
        exprs = [x for link in links for x in (link.offset, link.value, link.first) if x]
        begun = links[-1].base
        if (
            begun is None
            or begun.variable is not shared
            or chain.result.loaded
            or any(self.buffers[b].kind == "output" for b in self._target(chain.result))
            or any(isinstance(x, Load) and x.buffer == name for x in walk(*exprs))
            or not self._overwrite(name, home[links[-1].result.variable][0])
        ):
            return False
        for link in links:
            self.targets[link.result.variable] = [name]
        self._begun[links[-1].result.variable].step = None
        return True

    def _may_overwrite(self, shared: Variable, value: Variable, group: Group) -> bool:
        """Whether `group` itself may write the new value over the old one."""
        name = self.names[shared]
        if isinstance(group, Host) or self.dims.shape(shared) != self.dims.shape(value):
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

    # -- steps -----------------------------------------------------------------------------

    def _step(self, group: Group) -> Step:
        match group:
            case Nest():
                return self._nest(group)
            case Product():
                return self._product(group)
            case Host():
                return self._host(group)
            case Chain():
                return self._chain(group)

    def _nest(self, group: Nest) -> Launch:
        names = Renaming()
        roots = tuple(
            Root(self._stored_as(v, names), v.shape, names(v.expr))
            for v in group.values
            if v.expr is not None
        )
        made = self._made.get(roots)
        if made is None:
            found = abstract(build(roots), names.dtypes)
            made = Kernel(found.params, found.ints, found.stmts), found
            self._made[roots] = made
        return self._launch(made, names, group.values)

    def _product(self, group: Product) -> Launch:
        names = Renaming()
        left, right = names(group.left), names(group.right)
        dtype = group.result.variable.dtype
        roots = tuple(
            Root(
                self._stored_as(v, names),
                v.shape,
                accumulated(dtype) if v.expr is None else names(v.expr),
            )
            for v in group.values
        )
        shape = (group.batch, group.rows, group.columns, group.inner, group.result.shape)
        key = (shape, group.index, left, right, roots)
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = contraction(group, left, right, roots, names.dtypes)
        return self._launch(made, names, group.values)

    def _chain(self, group: Chain) -> Launch:
        names = Renaming()
        dtype = group.result.variable.dtype
        buffer = names.buffer(self.targets[group.result.variable][0], dtype)
        first = None if group.first is None else names(group.first)
        stmts = ordered(group, buffer, names(group.offset), names(group.value), first)
        made = self._made.get(stmts)
        if made is None:
            found = abstract(stmts, names.dtypes)
            made = self._made[stmts] = Kernel(found.params, found.ints, found.stmts), found
        return self._launch(made, names, group.values)

    def _stored_as(self, value: Value, names: Renaming) -> tuple[str, ...]:
        """Formal names of the buffers a value is stored to."""
        dtype = value.variable.dtype
        return tuple(names.buffer(b, dtype) for b in self.targets[value.variable])

    def _launch(
        self, made: tuple[Kernel | Contraction, Abstraction], names: Renaming, values: list[Value]
    ) -> Launch:
        work, found = made
        return Launch(work, names.actual(found.buffers), found.arguments, _label(values))

    def _host(self, group: Host) -> HostCall:
        inputs = tuple(self._buffer_of(v) for v in group.inputs)
        outputs = tuple(self.targets[v.variable][0] for v in group.outputs)
        return HostCall(str(group.node.op), partial(_perform, group.node), inputs, outputs)


def _copying(source: str, target: str, stage: int) -> Draft:
    copy = Copy(source, target)
    return Draft(stage, copy.reads, copy.writes, copy)


def _perform(node: Apply, inputs: Sequence[Array]) -> list[Array]:
    """Run the NumPy meaning of a node; what it raises says where the node was built."""
    try:
        return node.op.host(node)(inputs)
    except Exception as error:
        if node.line:
            error.add_note(f"in {node.op}, built at {node.line}")
        raise


def _label(values: Sequence[Value]) -> str:
    """The operations that values come from."""
    found = [
        str(v.variable.owner.op) if v.variable.owner is not None else v.variable.name or ""
        for v in values
    ]
    return " ".join(dict.fromkeys(found))
