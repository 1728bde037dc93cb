"""From groups of values to steps of a program, for functions and for the bodies of loops alike.

In goes what fusion found; out come the steps that compute it, each a kernel, a contraction, a host
call or a loop. Who reads what is noted in drafts, of which `symnet.schedule` makes an order.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from symnet.abstraction import Abstraction, Renaming, abstract
from symnet.contracting import contraction
from symnet.fusion import Fusion
from symnet.graph import Apply, Constant, Variable
from symnet.kernel import Contraction, Kernel, accumulated
from symnet.memory import constant_bytes
from symnet.nest import Root, build
from symnet.op import Array
from symnet.ordering import ordered
from symnet.program import Buffer, Copy, Guard, HostCall, Launch, Step
from symnet.scalar import Expr, Load, const, rows, walk
from symnet.schedule import Draft, StepGraph
from symnet.values import Chain, Chosen, Dims, Group, Host, Looped, Nest, Product, Value


@dataclass(slots=True)
class Memory:
    """Buffers of a program in the making, and the kernels that are made already.

    Attributes
    ----------
    buffers
        The buffers by name.
    names
        The buffer of each variable that has one.
    made
        Kernels and contractions by what they were made of.
    loops
        How many loops there are so far.
    """

    buffers: dict[str, Buffer] = field(default_factory=dict)
    names: dict[Variable, str] = field(default_factory=dict)
    made: dict[Hashable, tuple[Kernel | Contraction, Abstraction]] = field(default_factory=dict)
    loops: int = 0

    def temporary(self, dtype: str, shape: Dims) -> str:
        """A new buffer in the arena."""
        name = f"t{len(self.buffers)}"
        self.buffers[name] = Buffer(name, dtype, shape, "temporary")
        return name

    def of(self, value: Value) -> str:
        """Name of the buffer of a value, declared when first asked for."""
        v = value.variable
        name = self.names.get(v)
        if name is None:
            if isinstance(v, Constant):
                name = f"c{len(self.buffers)}"
                shape = tuple(const(n) for n in v.data.shape)
                self.buffers[name] = Buffer(name, v.dtype, shape, "constant", v.data)
            else:
                name = self.temporary(v.dtype, value.shape)
            self.names[v] = name
        return name


class Steps:
    """The steps for what one `Fusion` found.

    Attributes
    ----------
    memory
        The program's buffers.
    fusion
        The groups.
    targets
        Buffers that values are stored to.
    rows
        Buffers of which values are stored to a part: the buffer and where the part begins.
    drafts
        A draft for each group, then others.
    groups
        The groups.
    calls_python
        Whether there is a host call among the steps.
    in_loop
        Whether the steps are those of a loop, or of an arm in one.
    carried
        In a loop: flags that say in its end whether data were at fault in some step, and what to
        say then.
    """

    memory: Memory
    fusion: Fusion

    def __init__(self, in_loop: bool = False) -> None:
        self.in_loop = in_loop
        self.carried: list[tuple[str, str]] = []
        self.targets: dict[Variable, list[str]] = {}
        self.rows: dict[Variable, list[tuple[str, Expr]]] = {}
        self.drafts: list[Draft] = []
        self.groups: list[Group] = []
        self.home: dict[Variable, tuple[Draft, Group]] = {}
        self.calls_python = False
        self._begun: dict[Variable, Draft] = {}
        self._bodies: dict[Apply, Any] = {}
        self._arms: dict[int, list[Any]] = {}

    def prepare(self) -> None:
        """Draft the steps of all groups."""
        self.groups = self.fusion.groups()
        self._share_buffers()
        if self.in_loop:
            self._carry_faults()
        self.drafts = [self._draft(g) for g in self.groups]
        self.home = self._home()
        self._beginnings()
        if not self.in_loop:
            self._guard_faults()

    def make(self) -> None:
        """Make the steps of all groups, once it is known where results go."""
        for draft, group in zip(self.drafts, self.groups, strict=False):
            draft.step = self._step_of(group)

    def _guard_faults(self) -> None:
        """End the call where data are found at fault, here or in a loop."""
        found = [
            (self.memory.of(value), message, value.stage)
            for value, message in (
                (self.fusion.values[flag], message) for flag, message in self.fusion.faults
            )
        ]
        for group in self.groups:
            body = self._bodies.get(group.node) if isinstance(group, Looped) else None
            if body is not None:
                found += [(flag, message, group.stage) for flag, message in body.carried]
        for name, message, stage in found:
            guard = Guard(name, message)
            self.drafts.append(Draft(stage + 1, guard.reads, frozenset(), guard, guard=True))

    def _carry_faults(self) -> None:
        """Have flags say whether data were at fault in this step or in one before.

        What is computed of such data is computed safely, if to no end; so it is enough to look at
        the flags once the loop is over.
        """
        for flag, message in self.fusion.faults:
            value = self.fusion.values[flag]
            name = self.memory.of(value)
            assert value.expr is not None
            value.expr = rows()["maximum"](Load(name, const(0), "int64"), value.expr)
            self.carried.append((name, message))

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
                self.calls_python = True
                # Python code may raise.
                return self._draft_call(group, guard=True)
            case Looped():
                return self._draft_loop(group)
            case Chosen():
                return self._draft_choice(group)
            case Chain():
                values = group.values
                exprs = [group.offset, group.value, group.first or group.value]
        reads = frozenset(x.buffer for x in walk(*exprs) if isinstance(x, Load))
        writes = frozenset(b for v in values for b in self._target(v))
        return Draft(group.stage, reads, writes)

    def _draft_call(self, group: Host | Looped, guard: bool) -> Draft:
        """What a group reads and writes whose operands and results are all in memory."""
        reads = frozenset(self.memory.of(v) for v in group.inputs)
        for v in group.outputs:
            v.loaded = True
        writes = frozenset(b for v in group.outputs for b in self._target(v))
        return Draft(group.stage, reads, writes, guard=guard)

    def _draft_loop(self, group: Looped) -> Draft:
        from symnet.looping import body_of  # a body's steps are made as any others

        body = body_of(self, group)
        draft = self._draft_call(group, guard=body is None)
        if body is None:
            self.calls_python = True
            return draft
        self._bodies[group.node] = body
        self._note_carried(draft, body.carried)
        return draft

    def _note_carried(self, draft: Draft, carried: Sequence[tuple[str, str]]) -> None:
        """Note the flags that what is inside of a step sets."""
        flags = frozenset(flag for flag, _ in carried)
        draft.writes |= flags
        if self.in_loop:
            draft.reads |= flags
            self.carried += carried

    def _draft_choice(self, group: Chosen) -> Draft:
        from symnet.branching import Arm  # an arm's steps are made as any others

        given = [group.condition, *group.inputs.values()]
        told = [value for value, _ in group.told.values()]
        for v in group.outputs:
            v.loaded = True
        writes = [b for v in group.outputs for b in self._target(v)]
        writes += map(self.memory.of, told)
        arms = [Arm(self, group, truth) for truth in (True, False)]
        if any(arm.calls_python for arm in arms):
            self.calls_python = True
        else:
            self._arms[id(group)] = arms
        guard = any(d.guard for arm in arms for d in arm.drafts)
        reads = frozenset(map(self.memory.of, given))
        draft = Draft(group.stage, reads, frozenset(writes), guard=guard)
        for arm in arms:
            self._note_carried(draft, arm.carried)
        return draft

    def _target(self, value: Value) -> list[str]:
        """Buffers a value is stored to, updates aside."""
        found = self.targets.setdefault(value.variable, [])
        if not found and value.loaded:
            found.append(self.memory.of(value))
        return found

    def _share_buffers(self) -> None:
        """Have what chains begin with computed where they go on."""
        for chain in sorted(self.fusion.chains.values(), key=lambda c: -c.stage):
            found = self._target(chain.result)
            if not found:
                found.append(self.memory.of(chain.result))
            name = found[0]
            if chain.base is not None and chain.base.stage >= 0:
                self.memory.names[chain.base.variable] = name
                self.targets[chain.base.variable] = [name]

    def _home(self) -> dict[Variable, tuple[Draft, Group]]:
        """Where each value is computed."""
        return {
            v.variable: (draft, group)
            for draft, group in zip(self.drafts, self.groups, strict=True)
            for v in (group.outputs if isinstance(group, Host | Looped | Chosen) else group.values)
        }

    def _beginnings(self) -> None:
        """Have chains wait for what they begin as: a value in the same buffer, or a copy of a leaf.

        Copies, too, of results that are outputs twice.
        """
        for chain in self.fusion.chains.values():
            draft, _ = self.home[chain.result.variable]
            name, *others = self.targets[chain.result.variable]
            for other in others:
                self.drafts.append(copying(name, other, chain.stage + 1))
            if chain.base is None:
                continue
            if chain.base.stage < 0:
                begun = copying(self.memory.of(chain.base), name, 0)
                self.drafts.append(begun)
                self._begun[chain.result.variable] = begun
            else:
                begun, _ = self.home[chain.base.variable]
            begun.before.append(draft)

    # -- steps -----------------------------------------------------------------------------

    def _step_of(self, group: Group) -> Step | Sequence[Step]:
        match group:
            case Nest():
                return self._nest(group)
            case Product():
                return self._product(group)
            case Host():
                return self._host(group)
            case Chain():
                return self._chain(group)
            case Looped():
                body = self._bodies.get(group.node)
                return self._host(group) if body is None else body.steps()
            case Chosen():
                return self._choice(group)

    def _nest(self, group: Nest) -> Launch:
        names = Renaming()
        roots = tuple(
            root
            for v in group.values
            if v.expr is not None
            for root in self._roots(v, names(v.expr), names)
        )
        made = self.memory.made.get(roots)
        if made is None:
            found = abstract(build(roots), names.dtypes)
            made = Kernel(found.params, found.ints, found.stmts), found
            self.memory.made[roots] = made
        return self._launch(made, names, group.values)

    def _product(self, group: Product) -> Launch:
        names = Renaming()
        left, right = names(group.left), names(group.right)
        dtype = group.result.variable.dtype
        roots = tuple(
            root
            for v in group.values
            for root in self._roots(
                v, accumulated(dtype) if v.expr is None else names(v.expr), names
            )
        )
        shape = (group.batch, group.rows, group.columns, group.inner, group.result.shape)
        key = (shape, group.index, left, right, roots)
        made = self.memory.made.get(key)
        if made is None:
            made = self.memory.made[key] = contraction(group, left, right, roots, names.dtypes)
        return self._launch(made, names, group.values)

    def _chain(self, group: Chain) -> Launch:
        names = Renaming()
        dtype = group.result.variable.dtype
        buffer = names.buffer(self.targets[group.result.variable][0], dtype)
        first = None if group.first is None else names(group.first)
        stmts = ordered(group, buffer, names(group.offset), names(group.value), first)
        made = self.memory.made.get(stmts)
        if made is None:
            found = abstract(stmts, names.dtypes)
            made = self.memory.made[stmts] = Kernel(found.params, found.ints, found.stmts), found
        return self._launch(made, names, group.values)

    def _roots(self, value: Value, expr: Expr, names: Renaming) -> list[Root]:
        """What is stored of a value, and where."""
        dtype = value.variable.dtype
        buffers = tuple(names.buffer(b, dtype) for b in self.targets[value.variable])
        found = [Root(buffers, value.shape, expr)] if buffers else []
        return found + [
            Root((names.buffer(b, dtype),), value.shape, expr, base=names(base))
            for b, base in self.rows.get(value.variable, ())
        ]

    def _launch(
        self, made: tuple[Kernel | Contraction, Abstraction], names: Renaming, values: list[Value]
    ) -> Launch:
        work, found = made
        variables = tuple(v.variable for v in values)
        arguments = names.actual(found.buffers), found.arguments
        return Launch(work, *arguments, _label(values), variables)

    def _host(self, group: Host | Looped) -> HostCall:
        inputs = tuple(self.memory.of(v) for v in group.inputs)
        targets = [self.targets[v.variable] for v in group.outputs]
        outputs = tuple(b for buffers in targets for b in buffers)
        perform = partial(_perform, group.node, tuple(map(len, targets)))
        return HostCall(str(group.node.op), perform, inputs, outputs, group.node.outputs)

    def _choice(self, group: Chosen) -> Sequence[Step]:
        from symnet.branching import Choosing, branch

        condition = self.memory.of(group.condition)
        arms = self._arms.get(id(group))
        if arms is not None:
            return branch(condition, arms)
        inputs = (condition, *map(self.memory.of, group.inputs.values()))
        targets = [self.targets[v.variable] for v in group.outputs]
        targets += [[self.memory.of(value)] for value, _ in group.told.values()]
        perform = partial(_choose, Choosing(group), tuple(map(len, targets)))
        outputs = tuple(b for buffers in targets for b in buffers)
        variables = tuple(node.out for node in group.nodes)
        return [HostCall("ifelse", perform, inputs, outputs, variables)]


def _choose(choosing: Any, copies: Sequence[int], inputs: Sequence[Array]) -> list[Any]:
    """Make choices in Python; each result is returned as often as `copies` says."""
    results = choosing(inputs)
    return [x for x, count in zip(results, copies, strict=True) for _ in range(count)]


def copying(source: str, target: str, stage: int) -> Draft:
    """A draft of copying a buffer."""
    copy = Copy(source, target)
    return Draft(stage, copy.reads, copy.writes, copy)


def _perform(node: Apply, copies: Sequence[int], inputs: Sequence[Array]) -> list[Array]:
    """Run the NumPy meaning of a node; what it raises says where the node was built.

    Each result is returned as often as `copies` says, for as many buffers.
    """
    try:
        results = node.op.host(node)(inputs)
        return [x for x, count in zip(results, copies, strict=True) for _ in range(count)]
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


def in_order(graph: StepGraph, buffers: Iterable[Buffer] = ()) -> list[Step]:
    """The steps of all drafts, each after what it waits for.

    Parameters
    ----------
    graph
        The drafts.
    buffers
        Temporaries of which few should be in use at a time, as far as their lengths are known.
    """
    sizes = {b.name: constant_bytes(b) for b in buffers if b.kind == "temporary"}
    found: list[Step] = []
    for draft in graph.order(sizes):
        if isinstance(draft.step, Sequence):
            found.extend(draft.step)
        elif draft.step is not None:
            found.append(draft.step)
    return found
