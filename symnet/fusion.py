"""Fusion: which values exist in memory, and what is computed together.

In goes a graph with its shapes; out come `Group`s of `Value`s. A value is a variable that gets a
buffer (or would: it may turn out that every reader recomputes it). Its expression reads only
buffers, so each group lowers to one loop nest or one contraction.

The method is one pass in topological order. Every variable is either *inlined* wherever it is
read (views, casts, cheap arithmetic, whatever has one reader) or is a value with a *stage*: one
more than the stage of what it must find in memory, the same as that of values whose expression
it can take in. A group holds values of one stage, which by construction never wait for each
other; therefore the groups have no cycles and the pass is linear in the graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from symnet.choosing import Choices
from symnet.decisions import allowed
from symnet.elements import Elements, Held
from symnet.graph import Apply, Constant, Variable, ancestors, consumers
from symnet.grouping import nests
from symnet.kernel import Axis, accumulated
from symnet.nest import Reduction, axes
from symnet.op import ChoiceOp, ContractionOp, Fault, Index, IndexedOp, LoopOp, OrderedOp, Steps
from symnet.ops.shape import DimShuffle
from symnet.regions import Regions
from symnet.scalar import Const, Expr, Load, Symbol, cast, const, rows, substitute, walk
from symnet.types import TensorType
from symnet.values import (
    CHEAP,
    LARGEST,
    MODERATE,
    Chain,
    Dims,
    Group,
    Host,
    Looped,
    Nest,
    Product,
    Ref,
    Survey,
    Value,
    before,
    element_at,
    longer,
    normal,
    position,
    replace_refs,
    survey,
)
from symnet.views import base_of

FAULT_AXES = 1000
"""Number of the first axis of reductions that look for faults, apart from a node's own."""
SPLIT = 1 << 16
"""Elements from which on a full reduction is done in parts, so that threads can share it."""
PARTS = 64
"""Number of such parts: fixed, so that results do not depend on the number of threads."""


class Fusion:
    """The pass; see the module's introduction.

    Parameters
    ----------
    outputs
        Variables that must end in memory.
    leaves
        Variables that are in memory already, constants aside; nothing behind them matters.
    shape
        Lengths of a variable's dimensions: constants where the program is specialised.
    integer
        Value of an integer scalar, if known without data.
    buffer_of
        Name of the buffer of a value.
    fuse
        False computes each operation by itself: what fusion is compared with.
    replacing
        Variables that take the place of operand 0 of the operation that computes them.
    """

    def __init__(
        self,
        outputs: Sequence[Variable],
        leaves: Iterable[Variable],
        shape: Callable[[Variable], Dims],
        integer: Callable[[Variable], Expr | None],
        buffer_of: Callable[[Value], str],
        fuse: bool = True,
        replacing: Collection[Variable] = (),
    ) -> None:
        self._replacing = replacing
        self.shape = shape
        self.integer = integer
        self.values: dict[Variable, Value] = {}
        self._product_of: dict[Value, Product] = {}
        self.calls: list[Host | Looped] = []
        self.chains: dict[Variable, Chain] = {}
        self.faults: list[tuple[Variable, str]] = []
        self._looked_at: set[tuple[Expr, Dims]] = set()
        self._buffer_of = buffer_of
        self.fuse = fuse
        leaves = set(leaves)
        self._readers = consumers(outputs, leaves)
        self._required = set(outputs)
        self.inlined: set[Variable] = set()
        self._apart: set[Variable] = set()
        self._elements: dict[tuple[Variable, Index], Expr] = {}
        self._positions: dict[tuple[Dims, Index], Expr] = {}
        self.numbers: dict[Apply, int] = {}
        for leaf in leaves:
            self.values[leaf] = Value(leaf, shape(leaf), -1, stored=True)
        for v in outputs:
            if v.owner is None:
                self.leaf(v)
        nodes = list(ancestors(outputs, leaves))
        regions = Regions(nodes, outputs)
        self._choices = Choices(self, regions)
        for number, node in enumerate(nodes):
            self.numbers[node] = number
            if regions.of(node) is None:
                self._place(node)
        for v in outputs:
            self.values[v].stored = True

    def groups(self) -> list[Group]:
        """All groups, by stage."""
        products = list(self._product_of.values())
        for p in products:
            p.values = [v for v in p.values if v.stored]
        found: list[Group] = [*products, *self.calls, *self._choices.groups]
        found += [*self.chains.values(), *self._nests()]
        return sorted(found, key=lambda g: g.stage)

    # -- placing one node ------------------------------------------------------------------

    def _place(self, node: Apply) -> None:
        if not self.fuse or not allowed("fusion", node.op, "less memory traffic", node.outputs[0]):
            self._apart.update(node.outputs)
        if isinstance(node.op, IndexedOp | OrderedOp):
            for fault in node.op.faults(node, Elements(self, node)):
                self._place_fault(node, fault)
        if self._is_change(node):
            self._place_ordered(node)
        elif isinstance(node.op, IndexedOp):
            for out in node.outputs:
                self._place_indexed(node, out)
        elif isinstance(node.op, ContractionOp):
            self._place_contraction(node)
        elif isinstance(node.op, OrderedOp):
            self._place_ordered(node)
        elif isinstance(node.op, ChoiceOp):
            self._choices.place(node)
        else:
            inputs = [self.materialise(v) for v in self._read_whole(node)]
            stage = 1 + max((v.stage for v in inputs), default=-1)
            outputs = [Value(v, self.shape(v), stage, stored=True) for v in node.outputs]
            self.values.update((v.variable, v) for v in outputs)
            kind = Looped if isinstance(node.op, LoopOp) else Host
            self.calls.append(kind(node, inputs, outputs, stage))

    def _read_whole(self, node: Apply) -> list[Variable]:
        """What must be in memory for a node: its operands, or what a loop's sequences are of."""
        op = node.op
        if not isinstance(op, LoopOp) or not _is_surely_native(op):
            return list(node.inputs)
        return [
            base_of(v, self.values, self) if 0 < k <= op.sequences else v
            for k, v in enumerate(node.inputs)
        ]

    def _is_change(self, node: Apply) -> bool:
        """Whether a node's output is made by changing operand 0, which nobody else needs."""
        return (
            node.outputs[0] in self._replacing
            and isinstance(node.op, IndexedOp)
            and node.outputs[0] not in self._readers
            and node.op.change(node, Elements(self, node)) is not None
        )

    def _place_indexed(self, node: Apply, out: Variable) -> None:
        index = normal(axes(out.ndim), self.shape(out))
        body = self._element_of(node, out, index)
        found = survey(body)
        if self._is_inlined(node, out, found):
            self.inlined.add(out)
            self._elements[out, index] = body
        else:
            self._settle(out, body, found)

    def _place_fault(self, node: Apply, fault: Fault) -> None:
        """A flag that is 1 where the data are at fault."""
        flag = Variable(TensorType("int64", ()), name=f"check of {node.op}")
        context = Elements(self, node, first=FAULT_AXES)
        body = context.reduce(
            rows()["maximum"],
            "int64",
            fault.extents,
            lambda index: cast(fault.broken(index), "int64"),
        )
        if isinstance(body, Reduction):
            moved: dict[Expr, Expr] = {s: Symbol(f"f{k}") for k, s in enumerate(body.symbols)}
            looked_at = (substitute(body.body, moved), body.extents)
            if looked_at in self._looked_at:
                return
            self._looked_at.add(looked_at)
        # Of no data there is no greatest, and nothing at fault.
        body = rows()["maximum"](body, 0)
        self._settle(flag, body, survey(body))
        self.values[flag].stored = self.values[flag].loaded = True
        place = f"\n  built at {node.line}" if node.line else ""
        self.faults.append((flag, fault.message + place))

    def _is_inlined(self, node: Apply, out: Variable, found: Survey) -> bool:
        weight = found.weight
        if out in self._required or weight > LARGEST or found.reductions:
            return False
        readers = self._readers.get(out, [])
        # A factor must be in memory: as it is, whatever order it is read in.
        if weight and any(isinstance(r.op, ContractionOp) for r in self._users(out)):
            return False
        if any(not isinstance(r.op, IndexedOp | OrderedOp) for r in readers):
            native = (IndexedOp, OrderedOp, ContractionOp, LoopOp, ChoiceOp)
            return weight == 0 and all(isinstance(r.op, native) for r in readers)
        if weight == 0 or out in self._apart:
            return weight == 0
        if weight <= CHEAP:
            return True
        return (
            len(readers) == 1
            and isinstance(readers[0].op, IndexedOp)
            and not self._is_repeated(out, readers[0])
        )

    def _users(self, v: Variable) -> Iterator[Apply]:
        """What reads a variable, or its elements in another order."""
        for r in self._readers.get(v, []):
            if isinstance(r.op, DimShuffle):
                yield from self._users(r.out)
            else:
                yield r

    def _is_repeated(self, v: Variable, reader: Apply) -> bool:
        """Whether `reader` reads elements of `v` several times, by broadcasting."""
        for n, axis in zip(self.shape(v), range(v.ndim), strict=True):
            if n == const(1) and any(
                out.ndim == v.ndim and self.shape(out)[axis] != const(1) for out in reader.outputs
            ):
                return True
        return any(
            out.ndim > v.ndim + sum(n == const(1) for n in self.shape(out))
            for out in reader.outputs
        )

    def _settle(self, out: Variable, body: Expr, found: Survey, shape: Dims | None = None) -> None:
        """Make a value of `out`: find its stage and home, and take in what can be taken in."""
        value = Value(out, self.shape(out) if shape is None else shape, -1)
        refs = found.refs
        home = None if self._is_apart(value) else self._epilogue_of(value, found)
        if home is not None:
            value.home, value.stage = home, home.stage
        else:
            value.stage = max(
                (self._target(r).stage + (not self._fits(r, value)) for r in refs), default=0
            )
            value.stage = max(value.stage, 0)
        replacement: dict[Expr, Expr] = {}
        for r in refs:
            u = self._target(r)
            if home is not None and u.home is home:
                replacement[r] = (
                    element_at(u, r.index) if u.expr is not None else accumulated(u.variable.dtype)
                )
            elif u.stage == value.stage and self._fits(r, value):
                replacement[r] = element_at(u, r.index)
            else:
                replacement[r] = self.load(u, r.index)
        value.expr = replace_refs(body, replacement)
        found = survey(value.expr)
        if home is None and not value.shape and found.reductions:
            self._split_reductions(value, found.reductions)
            found = survey(value.expr)
        value.weight, value.reductions = found.weight, found.reductions
        self.values[out] = value
        if home is not None:
            self._product_of[home].values.append(value)

    def _split_reductions(self, value: Value, reductions: Sequence[Reduction]) -> None:
        """Compute long reductions to one number by way of an array of partial results."""
        assert value.expr is not None
        inner = set(walk(*(x.body for x in reductions)))
        replacement: dict[Expr, Expr] = {}
        for x in reductions:
            if x not in inner:
                lengths = [int(n.value) if isinstance(n, Const) else 0 for n in x.extents]
                if math.prod(lengths) >= SPLIT:
                    replacement[x] = self._in_parts(x, lengths, value.stage)
        if replacement:
            value.expr = substitute(value.expr, replacement)
            value.stage += 1

    def _in_parts(self, x: Reduction, lengths: list[int], stage: int) -> Reduction:
        axis, parts = max(enumerate(map(_even_parts, lengths)), key=lambda item: item[1])
        if parts < PARTS // 4:
            axis = lengths.index(max(lengths))
            parts = min(PARTS, lengths[axis])
        length, symbol = lengths[axis], x.symbols[axis]
        chunk = -(-length // parts)
        parts = -(-length // chunk)
        start = axes(1)[0] * chunk
        extent = (
            const(chunk) if length % chunk == 0 else rows()["minimum"](const(chunk), length - start)
        )
        partial = Variable(TensorType(x.dtype, (parts,)), name="parts")
        expr = Reduction(
            x.combine,
            x.symbols,
            tuple(extent if k == axis else n for k, n in enumerate(x.extents)),
            substitute(x.body, {symbol: start + symbol}),
        )
        value = Value(partial, (const(parts),), stage, expr=expr)
        found = survey(expr)
        value.weight, value.reductions = found.weight, found.reductions
        self.values[partial] = value
        return Reduction(x.combine, (symbol,), (const(parts),), self.load(value, (symbol,)))

    def _fits(self, ref: Ref, reader: Value) -> bool:
        """Whether `reader` can take in the expression of the value that `ref` reads."""
        u = self._target(ref)
        if u.expr is None or u.home is not None or self._is_apart(u):
            return False
        own = axes(len(u.shape))
        kept = {a for a, x in zip(own, ref.index, strict=True) if a == x}
        if u.reductions:
            needed = {x for x in walk(*u.reductions) if isinstance(x, Symbol) and x in own}
            if not needed <= kept:
                return False
            if not needed and reader.variable.ndim:
                return False
            prefix = all(
                a in kept for a in own[: 1 + max((own.index(a) for a in needed), default=-1)]
            )
            if not prefix:
                return False
        if u.weight > LARGEST:
            return False
        aligned = all(a in kept or n == const(1) for a, n in zip(own, u.shape, strict=True))
        return aligned or u.weight <= (CHEAP if self._is_stored_anyway(u) else MODERATE)

    def _is_apart(self, value: Value) -> bool:
        """Whether a value must not be computed together with others."""
        return not self.fuse or value.variable in self._apart

    def _is_stored_anyway(self, value: Value) -> bool:
        """Whether somebody must find a value in memory, whatever else becomes of it."""
        fusing = (IndexedOp, OrderedOp)
        readers = self._readers.get(value.variable, [])
        return value.variable in self._required or any(
            not isinstance(r.op, fusing) for r in readers
        )

    def _epilogue_of(self, value: Value, found: Survey) -> Value | None:
        """The contraction whose epilogue can compute `value`, if there is one."""
        if found.reductions:
            return None
        targets = [self._target(r) for r in found.refs]
        homes = dict.fromkeys(u.home for u in targets if u.home is not None)
        if not homes:
            return None
        home = max(homes, key=lambda h: h.stage)
        if longer(home.shape) != longer(value.shape):
            return None
        own = longer(value.shape, axes(len(value.shape)))
        for r, u in zip(found.refs, targets, strict=True):
            if u.home is home:
                if longer(u.shape, r.index) != own:
                    return None
            elif u.stage + 1 > home.stage and not (
                u.is_nest and u.stage <= home.stage and self._fits(r, value) and not u.reductions
            ):
                return None
        return home

    def _place_contraction(self, node: Apply) -> None:
        assert isinstance(node.op, ContractionOp)
        stated = node.op.products(node, Held(self, node, (0, 1), self.factor))
        shape = self.shape(node.out)
        batch, rows, columns = (
            {d: Axis(Symbol(f"{letter}_{k}"), shape[d]) for k, d in enumerate(dims)}
            for letter, dims in (("b", stated.batch), ("m", stated.rows), ("n", stated.columns))
        )
        inner = tuple(Axis(Symbol(f"k_{k}"), n) for k, n in enumerate(stated.inner))
        place = batch | rows | columns
        index = normal(tuple(place[d].symbol for d in range(len(shape))), shape)
        point = normal(tuple(a.symbol for a in inner), stated.inner)
        left, right = stated.left(index, point), stated.right(index, point)
        refs = [x for x in walk(left, right) if isinstance(x, Ref)]
        stage = 1 + max((self._target(r).stage for r in refs), default=-1)
        loads: dict[Expr, Expr] = {r: self.load(self._target(r), r.index) for r in refs}
        result = Value(node.out, shape, stage)
        result.home = result
        self.values[node.out] = result
        longer = [
            tuple(a for a in found if a.extent != const(1))
            for found in (batch.values(), rows.values(), columns.values(), inner)
        ]
        self._product_of[result] = Product(
            result,
            longer[0],
            longer[1],
            longer[2],
            longer[3],
            index,
            replace_refs(left, loads),
            replace_refs(right, loads),
            [result],
            stage,
        )

    def _place_ordered(self, node: Apply) -> None:
        stated, exprs = self._steps(node, ())
        base = self._base(node) if stated.begins else None
        leaf = None if base is None else self._begun_as(base)
        if leaf is not None:
            # Where it is updated in place, what the steps read must not change meanwhile.
            held = [k for k, v in enumerate(node.inputs) if k and self._reads(v, leaf)]
            stated, exprs = self._steps(node, held) if held else (stated, exprs)
        refs = [x for x in walk(*exprs) if isinstance(x, Ref)]
        used = [self._target(r) for r in refs] + ([] if base is None else [base])
        stage = 1 + max((u.stage for u in used), default=-1)
        loads: dict[Expr, Expr] = {r: self.load(self._target(r), r.index) for r in refs}
        offset, value, *first = (replace_refs(x, loads) for x in exprs)
        result = Value(node.out, self.shape(node.out), stage, stored=True)
        self.values[node.out] = result
        begin = first[0] if first else None
        self.chains[node.out] = Chain(
            result, base, stated.lanes, stated.steps, offset, value, begin, stage
        )

    def _begun_as(self, base: Value) -> Variable | None:
        """The input or shared variable that chains before have begun as, if it is one."""
        while base.variable in self.chains and base.stage >= 0:
            begun = self.chains[base.variable].base
            if begun is None:
                return None
            base = begun
        return base.variable if base.stage < 0 else None

    def _steps(self, node: Apply, held: Sequence[int]) -> tuple[Steps, list[Expr]]:
        """The steps of a node, and their expressions: where, what, and what comes first."""
        context = Held(self, node, held, self._stored)
        if isinstance(node.op, OrderedOp):
            stated = node.op.steps(node, context)
        else:
            assert isinstance(node.op, IndexedOp)
            found = node.op.change(node, context)
            assert found is not None
            stated = found
        count = len(stated.lanes)
        extents = (*stated.lanes, *stated.steps)
        point = normal(axes(len(extents)), extents)
        lane, step = point[:count], point[count:]
        shape, dtype = self.shape(node.out), node.out.dtype
        offset = position(shape, normal(stated.place(lane, step), shape))
        exprs = [offset, cast(stated.value(lane, step, before(dtype)), dtype)]
        return stated, exprs if stated.first is None else [*exprs, cast(stated.first, dtype)]

    def _base(self, node: Apply) -> Value:
        """What the output of a node begins as: operand 0 itself if no one else reads it."""
        x = node.inputs[0]
        if x.owner is None:
            self.leaf(x)
        alone = x not in self._required and self._readers.get(x) == [node]
        base = self.values.get(x)
        if base is None or not (x.owner is None or (alone and node.inputs.count(x) == 1)):
            start = Variable(x.type, name=f"start of {node.op}")
            body = self.element(x, normal(axes(x.ndim), self.shape(x)))
            self._settle(start, body, survey(body), self.shape(x))
            base = self.values[start]
        base.stored = base.loaded = True
        return base

    def _reads(self, v: Variable, leaf: Variable) -> bool:
        """Whether elements of `v`, where they are computed, are made of those of `leaf`."""
        found = walk(self.element(v, normal(axes(v.ndim), self.shape(v))))
        return v is not leaf and any(isinstance(x, Ref) and x.variable is leaf for x in found)

    def factor(self, v: Variable, index: Index) -> Expr:
        """An operand of a contraction at an index: one load, however the buffer is viewed."""
        x = self.element(v, index)
        return x if isinstance(x, Ref) else self._stored(v, index)

    def _stored(self, v: Variable, index: Index) -> Expr:
        """The element of `v`, which is in memory of its own, at an index."""
        return Ref(self.materialise(v).variable, normal(index, self.shape(v)), v.dtype)

    def materialise(self, v: Variable) -> Value:
        """The value of `v`, made one (and stored) if it is inlined elsewhere."""
        if v not in self.values:
            if v.owner is None:
                self.leaf(v)
            else:
                body = self.element(v, normal(axes(v.ndim), self.shape(v)))
                self._settle(v, body, survey(body))
        value = self.values[v]
        value.stored = value.loaded = True
        return value

    # -- elements --------------------------------------------------------------------------

    def element(self, v: Variable, index: Index) -> Expr:
        """The element of `v` at an index: a `Ref` if it is a value, else its expression."""
        if isinstance(v, Constant) and v.data.size == 1:
            return Const(v.data.reshape(()).item(), v.dtype)
        index = normal(index, self.shape(v))
        if v in self.inlined:
            found = self._elements.get((v, index))
            if found is None:
                assert v.owner is not None
                found = self._elements[v, index] = self._element_of(v.owner, v, index)
            return found
        if v.owner is None:
            self.leaf(v)
        return Ref(v, index, v.dtype)

    def load(self, value: Value, index: Index) -> Load:
        """The element of a value in memory."""
        value.stored = value.loaded = True
        key = value.shape, index
        offset = self._positions.get(key)
        if offset is None:
            offset = self._positions[key] = position(value.shape, index)
        return Load(self._buffer_of(value), offset, value.variable.dtype)

    def _element_of(self, node: Apply, out: Variable, index: Index) -> Expr:
        op = node.op
        assert isinstance(op, IndexedOp)
        return cast(op.element(node, out.index, index, Elements(self, node)), out.dtype)

    def leaf(self, v: Variable) -> None:
        """Make a value of a variable that is in memory already."""
        if v not in self.values:
            self.values[v] = Value(v, self.shape(v), -1, stored=True)

    def _target(self, ref: Ref) -> Value:
        return self.values[ref.variable]

    # -- grouping --------------------------------------------------------------------------

    def _nests(self) -> list[Nest]:
        """The loop nests: stored values that belong together."""
        values = [v for v in self.values.values() if v.is_nest and v.stored]
        alone = [Nest([v], v.stage) for v in values if self._is_apart(v)]
        if len(alone) == len(values):
            return alone
        values = [v for v in values if not self._is_apart(v)]
        flags = {flag for flag, _ in self.faults}
        named = [(self._buffer_of(v), v) for v in self.values.values() if v.loaded]
        small = {name for name, v in named if all(n == const(1) for n in v.shape)}
        kept = {name for name, v in named if v.stage < 0}
        found = nests(values, lambda v: v.variable in flags, small.__contains__, kept.__contains__)
        return alone + found


def _is_surely_native(op: LoopOp) -> bool:
    """Whether a loop's body has native code, as far as can be told from its operations."""
    for node in ancestors(op.outputs, stop=op.inputs):
        if isinstance(node.op, LoopOp):
            if not _is_surely_native(node.op):
                return False
        elif not isinstance(node.op, IndexedOp | OrderedOp | ContractionOp | ChoiceOp):
            return False
    return True


def _even_parts(length: int) -> int:
    """The greatest number of equal parts, `PARTS` at most, that a length divides into."""
    return max(n for n in range(1, PARTS + 1) if length % n == 0)
