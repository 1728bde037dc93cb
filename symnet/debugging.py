"""Debug mode: everything that the compiler does is compared with the interpreter.

In a call of a function compiled in this mode

1. the graph as it was written is interpreted; every operation runs twice and must give the same
   twice, and leave its operands as they are;
2. every rewrite is compared: the values of what was replaced and of what replaced it;
3. every step of the compiled code is compared: the code is compiled a second time so that all
   values that it puts into memory are seen, and each is what NumPy makes of the values before it;
4. the code itself runs twice, from the same state, and must give bit for bit the same; and the
   same as with memory that is not used twice;
5. the outputs and the new values of shared variables are those of 1.

What comes first is reported, as an error of a kind for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from symnet import backend as backends
from symnet.agreement import Difference, difference, size_of, wobble
from symnet.decisions import Decision
from symnet.graph import Apply, Constant, Variable, ancestors, leaves
from symnet.interpreter import Evaluation, Step, described
from symnet.lowering import Frozen
from symnet.modes import NanGuardMode
from symnet.op import Array, IndexedOp, LoopOp
from symnet.program import Program
from symnet.scalar import Expr
from symnet.shapes import Shapes
from symnet.shared import SharedVariable
from symnet.versions import Manner, PassTimes, Versions, shared_among


class DebugError(AssertionError):
    """Something is wrong with what a compiled function computes, or with an operation in it."""


class WrongRewrite(DebugError):
    """What a rule put in the place of an expression has another value."""


class WrongStep(DebugError):
    """A step of the compiled code computes something else than the interpreter."""


class DestroyedInput(DebugError):
    """An operation has written to its operands."""


class NotReproducible(DebugError):
    """The same computation twice gives two results."""


class NotFinite(DebugError):
    """An operation makes NaN or an infinity of finite numbers."""


# -- operations ------------------------------------------------------------------------------


@dataclass(slots=True)
class Referee:
    """Watches the interpreter: operations leave their operands alone and repeat their results.

    Attributes
    ----------
    inner
        Values that leaves of loops' bodies had last.
    """

    inner: dict[Variable, Array] = field(default_factory=dict)
    inside: bool = True
    _copies: list[list[Array]] = field(default_factory=list)

    def before(self, number: int, node: Apply, step: Step) -> None:
        """Note the operands."""
        self._copies.append([np.array(x) for (x,) in step.inputs])
        self.inner.update(
            (v, copy)
            for v, copy in zip(node.inputs, self._copies[-1], strict=True)
            if v.owner is None
        )

    def after(self, number: int, node: Apply, step: Step) -> None:
        """Compare them, and the results with those of another run."""
        copies = self._copies.pop()
        for k, ((x,), copy) in enumerate(zip(step.inputs, copies, strict=True)):
            if not _same(x, copy):
                raise DestroyedInput(
                    f"{node.op} has written to its operand {k}, {node.inputs[k]!r}{_place(node)}\n"
                    f"before: {described(copy)}\nafter: {described(x)}\n"
                    "an operation may change a copy, or say what it overwrites in destroy_map"
                )
        if isinstance(node.op, IndexedOp):
            return  # NumPy's own arithmetic
        again = node.op.host(node)(copies)
        for k, ((x,), other) in enumerate(zip(step.outputs, again, strict=True)):
            # Not bit by bit: libraries look at how operands lie in memory.
            if difference(other, x):
                raise NotReproducible(
                    f"{node.op} gives two results for the same operands{_place(node)}\n"
                    f"output {k}: {described(x)} and then {described(other)}"
                )


# -- rewrites --------------------------------------------------------------------------------


def check_rewrites(name: str, taken: Sequence[Decision], given: Mapping[Variable, Array]) -> None:
    """Compare both sides of every rewrite whose leaves have values.

    Raises
    ------
    WrongRewrite
        If they differ by more than rounding, where the side replaced is finite.
    """
    sides = [
        (d, d.before, d.after)
        for d in taken
        if d.after is not None
        and all(v in given or isinstance(v, Constant) for v in leaves([d.before, d.after]))
    ]
    roots = [v for _, before, after in sides for v in (before, after)]
    inputs = [v for v in leaves(roots) if v in given]
    known = {v: given[v] for v in inputs}
    values = _values_of(roots, known)
    for number, (d, before, after) in enumerate(sides):
        want, got = values[2 * number : 2 * number + 2]
        if want is None or got is None:
            continue
        found = difference(got, want)
        if found is not None and got.shape == want.shape and got.dtype == want.dtype:
            slack = wobble(before, known)
            if got.dtype.kind in "fc":
                slack = np.where(np.isfinite(want), slack, np.inf)  # a rule may mend that
            found = difference(got, want, slack=slack)
        if found is not None:
            raise WrongRewrite(
                f"{name}(): the rule {d.name!r} ({d.reason}) is wrong here\n"
                f"it replaced {_text(before)}{_place(before.owner)}\nby {_text(after)}\n"
                f"{found}\nfrom\n{_operands(inputs, known)}"
            )


def _values_of(
    roots: Sequence[Variable], known: Mapping[Variable, Array]
) -> Sequence[Array | None]:
    """Values of expressions, None where there is none: in the arm of a choice not taken."""
    with np.errstate(all="ignore"):
        try:
            return Evaluation(roots, known)(known)
        except Exception:
            found: list[Array | None] = []
        for v in roots:
            used = {u: known[u] for u in leaves([v]) if u in known}
            try:
                found += Evaluation([v], used)(used)
            except Exception:
                found.append(None)
    return found


# -- steps -----------------------------------------------------------------------------------


class Checked(Versions):
    """A graph and its programs, every run of which is compared step by step."""

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """Run and compare; see the module's introduction."""
        updated = shared_among(s for s, _ in self.frozen.updates)
        state: dict[Variable, Array] = {
            v: np.array(v.container.host()) for v in shared_among(self.frozen.shared)
        }
        given: dict[Variable, Array] = dict(zip(self.frozen.inputs, arrays, strict=True))
        given.update(state)

        def restore() -> None:
            for v in updated:
                v.container.set(state[v])

        def run() -> list[Array]:
            results = [np.array(x) for x in super(Checked, self).run(arrays)]
            results += [np.array(v.container.host()) for v in updated]
            restore()
            return results

        found, again = run(), run()
        dims = self.version_for(arrays).dims
        trace = _Trace(self.frozen, *self._lowered(dims), self._manner.device)
        seen = trace.run(arrays)
        restore()
        try:
            check_steps(self.frozen, trace.program, seen, given, self._manner.finite)
        except WrongStep as error:
            if self._manner.fuse:
                error.add_note(self._apart(arrays, given, restore))
            raise
        name = self.frozen.name
        labels = [f"output {k}" for k in range(len(self.frozen.outputs))]
        labels += [f"the update of {v!r}" for v in updated]
        for label, x, other in zip(labels, found, again, strict=True):
            if not _same(x, other):
                raise NotReproducible(
                    f"{name}(): {label} is another when the code runs again\n"
                    f"{described(x)} and then {described(other)}{trace.unsteady(arrays, restore)}"
                )
        for label, x, v in zip(labels, found, self.frozen.results, strict=True):
            apart = difference(x, seen[v], size_of(seen[v])) if v in seen else None
            if apart is not None:
                raise WrongStep(
                    f"{name}(): {label} is right where every value has memory of its own, and is "
                    "not where values share memory: what is written over another value, or the "
                    f"plan of the memory, is wrong\n{apart}"
                )
        count = len(self.frozen.outputs)
        for v, value in zip(updated, found[count:], strict=True):
            v.container.set(value)
        return found[:count]

    def _apart(
        self, arrays: Sequence[Array], given: Mapping[Variable, Array], restore: Callable[[], None]
    ) -> str:
        """What is wrong if each operation is computed by itself."""
        manner = replace(self._manner, fuse=False)
        alone = Versions(self.frozen, self.shapes, manner, self._times, self._varying)
        lowered = alone._lowered(alone.version_for(arrays).dims)
        trace = _Trace(self.frozen, *lowered, manner.device)
        seen = trace.run(arrays)
        restore()
        try:
            check_steps(self.frozen, trace.program, seen, given, finite=False)
        except WrongStep as error:
            return f"with each operation computed by itself:\n{error}"
        return (
            "with each operation computed by itself all is right: their fusion is wrong "
            "(python -m symnet bisect SCRIPT tells which)"
        )


def versions_of(
    frozen: Frozen,
    shapes: Shapes,
    manner: Manner,
    times: PassTimes,
    varying: frozenset[Expr] = frozenset(),
    keep: Callable[[Program], None] | None = None,
) -> Versions:
    """A graph ready to be compiled; see `Versions`. Its runs are compared if `manner` says so."""
    kind = Checked if manner.debug else Versions
    return kind(frozen, shapes, manner, times, varying, keep)


class _Trace:
    """A program compiled so that every variable that it puts into memory is an output.

    Parameters
    ----------
    frozen
        The graph.
    program
        Its program, in which no two variables share memory.
    resized
        Shared variables whose new values are outputs of the program, after the function's own.
    device
        Where it runs.
    """

    def __init__(
        self,
        frozen: Frozen,
        program: Program,
        resized: Sequence[SharedVariable],
        device: str,
    ) -> None:
        self._frozen = frozen
        self._resized = resized
        self._target = backends.get(device)
        self._stored = _stored(frozen, program)
        extra = [name for name in self._stored if program.buffer(name).kind == "temporary"]
        seen = frozenset(extra)
        buffers = (replace(b, kind="output") if b.name in seen else b for b in program.buffers)
        outputs = (*program.outputs, *extra)
        self.program = replace(program, buffers=tuple(buffers), outputs=outputs)
        self._executable = self._target.compile(self.program)

    def run(self, arrays: Sequence[Array]) -> dict[Variable, Array]:
        """The values of all variables in memory, outputs and updates among them."""
        frozen = self._frozen
        shared = shared_among(frozen.shared)
        self._executable.bind({frozen.names[v]: v.container.on(self._target) for v in shared})
        results = self._executable(*(np.array(x) for x in arrays))
        if results is NotImplemented:
            raise AssertionError(f"{frozen.name} refused to run with what it stores seen")
        results = [np.array(x) for x in results]
        held = dict(zip(self.program.outputs, results, strict=True))
        found = {v: held[name] for name, v in self._stored.items() if name in held}
        found.update(zip(frozen.outputs, results, strict=False))
        # After the function's own outputs come new values that have another shape.
        moved = dict(zip(self._resized, results[len(frozen.outputs) :], strict=False))
        for (_, v), s in zip(
            frozen.updates, shared_among(s for s, _ in frozen.updates), strict=True
        ):
            found[v] = moved[s] if s in moved else np.array(s.container.host())
        return found

    def unsteady(self, arrays: Sequence[Array], restore: Callable[[], None]) -> str:
        """Which variable is the first to be another when the code runs again."""
        first = self.run(arrays)
        restore()
        second = self.run(arrays)
        restore()
        for node in ancestors(self._frozen.results):
            for v in node.outputs:
                if v in first and not _same(first[v], second[v]):
                    return f"\nfirst of all in {node.op}{_place(node)}"
        return ""


def _stored(frozen: Frozen, program: Program) -> dict[str, Variable]:
    """For each buffer that the steps write the variable that it holds at the end."""
    written = {b for step in program.steps for b in step.writes}
    found: dict[str, Variable] = {}
    for node in ancestors(frozen.results):
        for v in node.outputs:
            name = program.names.get(v)
            if name in written and program.buffer(name).kind in ("temporary", "output"):
                found[name] = v
    return found


def check_steps(
    frozen: Frozen,
    program: Program,
    seen: Mapping[Variable, Array],
    given: Mapping[Variable, Array],
    finite: bool,
) -> None:
    """Compare every value that compiled code has put into memory with what NumPy makes of those.

    Parameters
    ----------
    frozen, program
        The graph and its program.
    seen
        Values that the compiled code has put into memory.
    given
        Values of inputs and of shared variables, these before the call.
    finite
        Whether NaN or infinities made of finite numbers are errors.

    Raises
    ------
    WrongStep, NotFinite
        At the first that is wrong.
    """
    used = {v: given[v] for v in leaves(frozen.results) if v in given}
    comparison = _Comparison(frozen, program, seen, {**given, **seen}, finite)
    with np.errstate(all="ignore"):
        Evaluation(frozen.results, used)(used, comparison)


class _Comparison:
    """A watcher that puts the values of compiled code in the place of the interpreter's."""

    inside = False

    def __init__(
        self,
        frozen: Frozen,
        program: Program,
        seen: Mapping[Variable, Array],
        known: Mapping[Variable, Array],
        finite: bool,
    ) -> None:
        self._frozen = frozen
        self._program = program
        self._seen = seen
        self._known = known
        self._finite = finite
        self._origin: dict[Variable, NotFinite | None] = {}
        # Sizes of the numbers that variables not in memory were made of.
        self._scale: dict[Variable, float] = {}

    def before(self, number: int, node: Apply, step: Step) -> None:
        """Do nothing: operands are those of the compiled code."""

    def after(self, number: int, node: Apply, step: Step) -> None:
        """Compare the results that are in memory."""
        operands = [x for (x,) in step.inputs]
        sizes = (
            self._scale.get(v, 0.0) or size_of(x)
            for v, x in zip(node.inputs, operands, strict=True)
        )
        around = max(sizes, default=0.0)
        for v, held in zip(node.outputs, step.outputs, strict=True):
            (want,) = held
            got = self._seen.get(v)
            if got is None:
                self._scale[v] = max(around, size_of(want))
            else:
                held[0] = got
                self._compare(v, got, want, around)
            origin = self._origin[v] = self._origin_of(node, held[0], operands)
            if self._finite and got is not None and origin is not None:
                raise origin

    def _compare(self, v: Variable, got: Array, want: Array, around: float) -> None:
        apart = difference(got, want, around)
        if apart is not None and got.shape == want.shape and got.dtype == want.dtype:
            before = {u: x for u, x in self._known.items() if u is not v}
            apart = difference(got, want, around, wobble(v, before))
        if apart is not None:
            raise WrongStep(_wrong_step(self._frozen, self._program, v, apart, self._known))

    def _origin_of(self, node: Apply, result: Array, operands: Sequence[Array]) -> NotFinite | None:
        """What to raise for a result that is not finite; None if it is, or began as given."""
        if result.dtype.kind not in "fc" or np.isfinite(result).all():
            return None
        for v, x in zip(node.inputs, operands, strict=True):
            if x.dtype.kind in "fc" and not np.isfinite(x).all():
                return self._origin.get(v)
        values = dict(zip(node.inputs, operands, strict=True))
        return NotFinite(
            f"{self._frozen.name}(): {node.op} gives {described(result)}{_place(node)}\nfrom\n"
            f"{_operands(list(values), values)}{_inside(node, values)}"
        )


def _inside(node: Apply, values: Mapping[Variable, Array]) -> str:
    """Which operation in the body of a loop is the first to make what is not finite."""
    watcher = NanGuardMode(big_is_error=False).watcher
    known = {v: x for v, x in values.items() if not isinstance(v, Constant)}
    if isinstance(node.op, LoopOp):
        try:
            Evaluation(node.outputs, known)(known, watcher)
        except AssertionError as error:
            return f"\nin its body {error}"
    return ""


# -- messages --------------------------------------------------------------------------------


def _wrong_step(
    frozen: Frozen,
    program: Program,
    v: Variable,
    apart: Difference,
    known: Mapping[Variable, Array],
) -> str:
    name = program.names.get(v)
    places = [(k, s) for k, s in enumerate(program.steps) if name in s.writes]
    where = "".join(f"in step {k} of its program: {s}\n" for k, s in places[:1])
    nodes = list(ancestors([v], stop=[u for u in known if u is not v]))
    read = dict.fromkeys(u for node in nodes for u in node.inputs if u in known and u is not v)
    last, others = nodes[-1], dict.fromkeys(str(node.op) for node in nodes[:-1])
    together = f", which it computes together with {', '.join(others)}" if others else ""
    return (
        f"{frozen.name}(): the compiled code is wrong in {last.op}{_place(last)}{together}\n"
        f"{where}{apart}\nit computes {_text(v)} from\n{_operands(list(read), known)}"
    )


def _operands(variables: Sequence[Variable], values: Mapping[Variable, Array]) -> str:
    return "\n".join(f"  {v!r}: {described(values[v])}" for v in variables) or "  constants alone"


def _place(node: Apply | None) -> str:
    return f", built at {node.line}" if node is not None and node.line else ""


def _text(v: Variable) -> str:
    """An expression, cut where it becomes long."""
    from symnet.printing import pp  # which is built on functions

    text = pp(v)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


LONGEST = 200
"""Characters of an expression in a message."""


def _same(a: Array, b: Array) -> bool:
    """Whether two arrays are equal bit for bit, NaN to NaN."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def conclude(
    name: str,
    labels: Sequence[str],
    found: Sequence[Array],
    expected: Sequence[Array],
    results: Sequence[Variable],
    given: Mapping[Variable, Array],
) -> None:
    """Compare what a call has computed with the interpreter's results of the written graph.

    Raises
    ------
    DebugError
        If they differ although each rewrite and each step is right.
    """
    for label, got, want, v in zip(labels, found, expected, results, strict=True):
        apart = difference(got, want, size_of(want))
        if apart is not None and got.shape == want.shape and got.dtype == want.dtype:
            slack = wobble(v, given)
            if want.dtype.kind in "fc":
                slack = np.where(np.isfinite(want), slack, np.inf)
            apart = difference(got, want, size_of(want), slack)
        if apart is not None:
            raise DebugError(
                f"{name}(): {label} differs from the interpreter's, though each rewrite and each "
                f"step by itself is right\n{apart}"
            )
