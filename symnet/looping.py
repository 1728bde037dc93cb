"""Loops in native code: a loop's body as steps that a program repeats.

In goes a loop whose operands and results are in memory; out come the steps that put what states
start from where histories begin, a `Repeat`, and the steps of the body. In these the index of the
repetition is an integer like any other: a row of a sequence, or of a history, is an access with the
index in its offset, and what a step makes of a state is stored to the next row.
"""

from __future__ import annotations

from symnet.abstraction import Renaming, abstract
from symnet.fusion import Fusion
from symnet.graph import Constant, Variable, make_variable, rebuild
from symnet.kernel import Kernel
from symnet.nest import Root, axes, build
from symnet.op import IndexedOp, LoopOp
from symnet.ops.bodies import BodyLengths
from symnet.ops.contraction import Dot
from symnet.ops.shape import DimShuffle
from symnet.ops.stepping import RowAt
from symnet.program import Launch, Repeat, Step
from symnet.scalar import Expr, Load, Symbol, cast, const, simplify, walk
from symnet.schedule import StepGraph
from symnet.steps import Steps, in_order
from symnet.types import TensorType
from symnet.values import Dims, Looped, Value, normal, position
from symnet.views import view_on


def body_of(outer: Steps, group: Looped) -> Body | None:
    """The body of a loop, or None if it has to run in Python."""
    op = group.node.op
    assert isinstance(op, LoopOp)
    body = Body(outer, group, op)
    return None if body.calls_python else body


class Body(Steps):
    """The steps of a loop."""

    def __init__(self, outer: Steps, group: Looped, op: LoopOp) -> None:
        super().__init__(in_loop=True)
        self.memory = outer.memory
        self.outer = outer
        self.node = group.node
        self.op = op
        self._operands = {v.variable: v for v in (*group.inputs, *group.outputs)}
        # The body is a graph by itself: what it reads of the loop's operands are leaves.
        self._leaves = {
            v: v if isinstance(v, Constant) else make_variable(v.type) for v in self._operands
        }
        self._behind = {leaf: self._operands[v] for v, leaf in self._leaves.items()}
        self._rings = {state: self._ring(state) for state in op.tails}
        self._step = make_variable(TensorType("int64", ()))
        self.index = Symbol(f"step{self.memory.loops}")
        self.memory.loops += 1
        for leaf, value in self._behind.items():
            self.memory.names[leaf] = self.memory.of(value)
        self.results = self._results()
        self._lengths = BodyLengths(self.results, self._operand_shape, self._leaf)
        self.fusion = Fusion(
            self.results,
            list(self._behind),
            self._lengths.shape,
            self._lengths.integer,
            self.memory.of,
            outer.fusion.fuse,
        )
        self._stop = self.memory.temporary("bool", ()) if op.until else None
        self._lay_out()
        self.prepare()

    def _depth(self, state: int) -> int:
        return max(self.op.taps[state])

    def _ring(self, state: int) -> Value:
        """Where the rows of a state lie of which no history is kept: one more than are read."""
        history = self.node.outputs[state]
        dims = self._operands[history].shape
        shape = (const(self._depth(state) + 1), *dims[1:])
        ring = Value(make_variable(history.type), shape, -1, stored=True)
        self._behind[self._leaves[history]] = ring
        return ring

    def _history(self, k: int) -> Value:
        """Where the rows of a result lie."""
        return self._rings.get(k) or self._operands[self.node.outputs[k]]

    def _operand_shape(self, v: Variable) -> Dims | None:
        found = self._behind.get(v)
        return None if found is None else found.shape

    def _leaf(self, v: Variable) -> Expr | None:
        if v is self._step:
            return self.index
        found = self._behind.get(v)
        return None if found is None else self.outer.fusion.integer(found.variable)

    def _results(self) -> list[Variable]:
        """What a repetition computes, over rows of the operands and of the results."""
        op, node = self.op, self.node
        replacement: dict[Variable, Variable] = {}
        inputs = iter(op.inputs)
        for v in node.inputs[1 : 1 + op.sequences]:
            rows = view_on(v, self._leaves, self.outer.fusion)
            replacement[next(inputs)] = RowAt(0)(rows, self._step)
        operands = iter(self._leaves[v] for v in node.inputs[1 + op.sequences :])
        for state, (history, taps) in enumerate(zip(node.outputs, op.taps, strict=False)):
            next(operands)
            period = self._depth(state) + 1 if state in self._rings else 0
            for back in taps:
                row = RowAt(max(taps) - back, period)
                replacement[next(inputs)] = row(self._leaves[history], self._step)
        replacement.update(zip(inputs, operands, strict=True))
        found: list[Variable] = []
        for v in rebuild(op.outputs, replacement):
            kind = None if v.owner is None else v.owner.op
            if v in found or not isinstance(kind, IndexedOp | Dot):
                # Stored by a nest of its own: another step has it elsewhere.
                v = DimShuffle(tuple(range(v.ndim)))(v)
            found.append(v)
        return found

    def _lay_out(self) -> None:
        """Say where results go."""
        results = list(self.results)
        if self._stop is not None:
            self.rows[results.pop()] = [(self._stop, const(0))]
        histories = [self._history(k) for k in range(len(results))]
        self.kept = tuple(self.memory.of(v) for v in histories)
        for k, (v, history) in enumerate(zip(results, histories, strict=True)):
            row: Expr = self.index
            if k < len(self.op.taps):
                row = row + self._depth(k)
            if k in self._rings:
                row = row % (self._depth(k) + 1)
            for n in history.shape[1:]:
                row = row * n
            self.rows[v] = [(self.memory.of(history), simplify(row))]

    def steps(self) -> list[Step]:
        """The steps of the loop."""
        graph = StepGraph(self.drafts)
        self.make()
        body = in_order(graph)
        count = self.outer.fusion.integer(self.node.inputs[0])
        assert count is not None
        first = 1 + self.op.sequences
        starts = [
            self._copied(self._operands[self.node.inputs[first + k]], self._history(k), "start")
            for k in range(len(self.op.taps))
        ]
        ends = [
            self._copied(ring, self._operands[self.node.outputs[k]], "end", count)
            for k, ring in self._rings.items()
        ]
        if not self.outer.in_loop:
            # What is found at fault in any step of any loop inside is told when all is done.
            starts += [self._filled(flag, const(0)) for flag, _ in self.carried]
        if self._stop is not None:
            # Rows of steps not made are zero.
            told = (self.memory.of(self._operands[v]) for v in self.node.outputs)
            starts = [*(self._filled(b, const(0)) for b in told), *starts]
            done = self.memory.of(self._operands[self.node.outputs[-1]])
            body.append(self._filled(done, self.index + 1))
        turns = Repeat(self.index, count, len(body), self.kept, self._stop)
        return [*starts, turns, *body, *ends]

    def _copied(self, source: Value, target: Value, label: str, done: Expr | None = None) -> Launch:
        """Copy what a state starts from, or of a ring the last rows after so many steps."""
        names = Renaming()
        dtype = source.variable.dtype
        shape = source.shape if done is None else target.shape
        read = names.buffer(self.memory.of(source), dtype)
        written = names.buffer(self.memory.of(target), dtype)
        index = normal(axes(len(shape)), shape)
        if done is not None:
            index = ((index[0] + done) % source.shape[0], *index[1:])
        place = position(source.shape, index)
        return _storing(names, Root((written,), shape, Load(read, place, dtype)), label)

    def _filled(self, buffer: str, x: Expr) -> Launch:
        """Fill a buffer with an integer."""
        names = Renaming()
        b = self.memory.buffers[buffer]
        root = Root((names.buffer(buffer, b.dtype),), b.shape, cast(x, b.dtype))
        return _storing(names, root, "count" if self.index in walk(x) else "fill")


def _storing(names: Renaming, root: Root, label: str) -> Launch:
    """The launch of a kernel that stores one value."""
    found = abstract(build((root,)), names.dtypes)
    work = Kernel(found.params, found.ints, found.stmts)
    return Launch(work, names.actual(found.buffers), found.arguments, label)
