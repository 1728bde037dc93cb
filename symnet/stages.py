"""Stages: calls in which lengths are known only once something has been computed.

How long ``nonzero(x)`` or ``arange(x.max())`` is follows from data, but a program is made for
lengths that are known before it starts. A function with such lengths therefore runs several
programs, one after the other, and between them, in Python, the operations whose results have such
lengths (`symnet.op.Op.length_from_data`). What one stage finds and a later one needs is an
ordinary output of the one's program and an ordinary input of the other's, so below this module
nothing knows of stages.

In goes a `Frozen` graph with late integers (`symnet.shapes`); `cut` makes it a list of `Stage` and
`Between`, and `Staged` runs them. A stage computes what has to be known to go on, the last one all
the rest: updates in particular, which keeps a call all-or-nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from symnet.backend import Array
from symnet.debugging import versions_of
from symnet.graph import Apply, Constant, Variable, ancestors, leaves, make_variable, rebuild
from symnet.lowering import Frozen
from symnet.op import IndexedOp, constant
from symnet.ops.choice import IfElse
from symnet.ops.constructors import ARange
from symnet.ops.indexing import Subtensor
from symnet.ops.integers import is_small
from symnet.ops.shape import Broadcast, DimShuffle, Reshape, ShapeOf, SpecifyShape
from symnet.regions import outwards
from symnet.scalar import Expr, Symbol, walk
from symnet.scalar.primitives import logical_not
from symnet.shapes import Shapes
from symnet.shared import SharedVariable
from symnet.versions import Manner, PassTimes, Version, Versions, not_ready, shared_among

VIEWS = (ARange, Broadcast, DimShuffle, Reshape, SpecifyShape)
"""Operations whose result is not passed on: it is no smaller than what it is made of."""
PARTS = (ShapeOf, Subtensor)
"""Operations whose result is not passed on where the whole is at hand."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A graph that one program computes.

    Attributes
    ----------
    frozen
        The graph. Inputs are some of the function's, and variables that earlier parts found.
    found
        What its outputs are to later parts; nothing if it is the last stage.
    varying
        Lengths of its inputs that follow from data: they are never taken for constants.
    """

    frozen: Frozen
    found: tuple[Variable, ...]
    varying: frozenset[Expr]


@dataclass(frozen=True, slots=True)
class Between:
    """An operation that Python runs between stages.

    Attributes
    ----------
    node
        The application, as it stands in the graph.
    inputs, found
        Its operands and results, as the parts before and after know them.
    conditions
        Under which it is run, with the value that each must have. If it is not, nobody reads its
        results.
    """

    node: Apply
    inputs: tuple[Variable, ...]
    found: tuple[Variable, ...]
    conditions: tuple[tuple[Variable, bool], ...] = ()
    _dtypes: tuple[np.dtype[Any], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_dtypes", tuple(np.dtype(v.dtype) for v in self.found))

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        """The results for some operands, held to their types."""
        try:
            results = self.node.op.host(self.node)([_read_only(x) for x in inputs])
        except Exception as error:
            if self.node.line:
                error.add_note(f"in {self.node.op}, built at {self.node.line}")
            raise
        return [
            self._accepted(k, np.asarray(x), dtype)
            for k, (x, dtype) in enumerate(zip(results, self._dtypes, strict=True))
        ]

    def nothing(self) -> list[Array]:
        """What stands for results that nobody reads."""
        return [
            np.zeros([n or 0 for n in v.type.shape], dtype)
            for v, dtype in zip(self.found, self._dtypes, strict=True)
        ]

    def _accepted(self, number: int, result: Array, dtype: np.dtype[Any]) -> Array:
        """A result as programs can read it, if it is of its type."""
        kind = self.found[number].type
        if (
            result.dtype != dtype
            or result.ndim != kind.ndim
            or any(s not in (None, n) for s, n in zip(kind.shape, result.shape, strict=True))
        ):
            raise ValueError(
                f"{self.node.op} returned a {result.dtype} of shape {result.shape} where {kind} "
                "was declared"
            )
        plain = result.flags.c_contiguous and result.flags.aligned and result.dtype.isnative
        return result if plain else np.array(result, dtype, order="C")


def _read_only(x: Array) -> Array:
    view = x.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, slots=True)
class Plan:
    """A graph cut where its lengths follow from data.

    Attributes
    ----------
    parts
        What runs one after the other.
    last
        The stage that runs then and computes the function's outputs and updates.
    names
        Names of the function's inputs and shared variables and of what the parts find.
    """

    parts: tuple[Stage | Between, ...]
    last: Stage
    names: Mapping[Variable, str]

    def lines(self) -> list[str]:
        """What happens one after the other, a line each."""
        return [self._text(part) for part in (*self.parts, self.last)]

    def _text(self, part: Stage | Between) -> str:
        if isinstance(part, Stage):
            return stage_text(part.frozen, [self.names[v] for v in part.found])
        given = ", ".join(self.names.get(v) or repr(v) for v in part.inputs)
        found = ", ".join(f"{self.names[v]}: {v.type}" for v in part.found)
        return f"host {part.node.op}({given}) -> {found}"


def stage_text(frozen: Frozen, found: Sequence[str] = ()) -> str:
    """A graph's inputs, shared variables and results in one line."""
    given = [frozen.names[v] for v in (*frozen.inputs, *frozen.shared)]
    labels = found or [f"out{k}" for k in range(len(frozen.outputs))]
    results = [f"{name}: {v.type}" for name, v in zip(labels, frozen.outputs, strict=True)]
    results += [f"{frozen.names[s]}: {s.type}" for s, _ in frozen.updates]
    return f"program ({', '.join(given)}) -> ({', '.join(results)})"


def cut(frozen: Frozen, shapes: Shapes) -> Plan:
    """Cut a graph where its lengths follow from data; `shapes` is the analysis of all of it."""
    return _Cut(frozen, shapes).plan()


class _Cut:
    def __init__(self, frozen: Frozen, shapes: Shapes) -> None:
        self._frozen = frozen
        self._shapes = shapes
        # Variables that have been found so far, as what later stages know them by.
        self._given: dict[Variable, Variable] = {}
        self._names = dict(frozen.names)
        # The stage that computes a variable.
        self._home: dict[Variable, int] = {}
        self._level: dict[Variable, int] = {}
        self._calls: dict[int, list[Apply]] = {}
        self._roots: dict[int, dict[Variable, None]] = {}
        for node in ancestors(frozen.results):
            self._place(node)
        self._last = max((self._level.get(v, 0) for v in frozen.results), default=0)
        self._roots[self._last] = dict.fromkeys(frozen.results)
        # For each stage what it is given of what is found before, and what it passes on.
        self._taken: list[dict[Variable, Variable]] = []
        self._passed: list[dict[Variable, None]] = []

    def _place(self, node: Apply) -> None:
        """Note in which stage a node can be computed at the earliest, and what it waits for."""
        level = max((self._level.get(v, 0) for v in node.inputs), default=0)
        for v in self._shapes.awaited.get(node, ()):
            before = self._level.get(v, 0)
            self._roots.setdefault(before, {})[v] = None
            level = max(level, before + 1)
        if node.op.length_from_data:
            for v, _ in self._conditions(node):
                before = self._level.get(v, 0)
                self._roots.setdefault(before, {})[v] = None
                level = max(level, before + (v.owner is not None))
            self._calls.setdefault(level, []).append(node)
            self._roots.setdefault(level, {}).update(
                (v, None) for v in node.inputs if v.owner is not None
            )
            level += 1
        self._level.update((v, level) for v in node.outputs)

    def _conditions(self, node: Apply) -> list[tuple[Variable, bool]]:
        """The conditions under which a node is computed, the outermost first."""
        found = outwards(self._shapes.regions.of(node))
        return [(region.condition, region.truth) for region in found][::-1]

    def plan(self) -> Plan:
        """The parts, in the order in which they run."""
        for number in range(self._last + 1):
            self._collect(number)
        parts: list[Stage | Between] = []
        for number in range(self._last):
            if self._passed[number]:
                parts.append(self._stage(number))
            parts += map(self._between, self._calls.get(number, ()))
        return Plan(tuple(parts), self._stage(self._last), self._names)

    def _between(self, node: Apply) -> Between:
        given = self._given
        inputs = tuple(given.get(v, v) for v in node.inputs)
        conditions = tuple((given.get(v, v), truth) for v, truth in self._conditions(node))
        return Between(node, inputs, tuple(given[v] for v in node.outputs), conditions)

    def _collect(self, number: int) -> None:
        """Find what stage `number` computes, and what it is given."""
        roots = self._roots.get(number, {})
        taken: dict[Variable, Variable] = {}
        self._taken.append(taken)
        self._passed.append({})
        computed: dict[Variable, None] = {}
        stack = list(roots)
        while stack:
            v = stack.pop()
            if v.owner is None or v in taken or v in computed:
                continue
            home = self._home.get(v)
            if v not in self._given and home is not None and not self._is_said_again(v):
                self._pass_on(v, home)
            if v in self._given:
                taken[v] = self._given[v]
                continue
            computed.update(dict.fromkeys(v.owner.outputs))
            stack.extend(v.owner.inputs)
        for v in computed:
            self._home.setdefault(v, number)
        if number == self._last:
            return
        for v in roots:
            if v in computed and v not in self._given:
                self._pass_on(v, number)
        for node in self._calls.get(number, ()):
            for v in node.outputs:
                self._give(v)

    def _pass_on(self, v: Variable, home: int) -> None:
        self._passed[home][v] = None
        self._give(v)

    def _give(self, v: Variable) -> None:
        given = self._given[v] = make_variable(v.type, name=repr(v))
        # Compiler's names end in digits, those of users never do.
        self._names[given] = f"passed{len(self._given) - 1}"

    def _is_said_again(self, v: Variable) -> bool:
        """Whether a variable that an earlier stage has computed is computed once more.

        Small integers always are: shapes may follow from them.
        """
        while v.owner is not None and v not in self._given:
            op = v.owner.op
            if isinstance(op, VIEWS) or _is_small_arithmetic(v):
                return True
            if not isinstance(op, PARTS):
                return False
            v = self._behind_views(v.owner.inputs[0])
        return True

    def _behind_views(self, v: Variable) -> Variable:
        while v.owner is not None and v not in self._given and isinstance(v.owner.op, VIEWS):
            v = v.owner.inputs[0]
        return v

    def _stage(self, number: int) -> Stage:
        frozen = self._frozen
        last = number == self._last
        roots = frozen.results if last else list(self._passed[number])
        if not last:
            roots = [self._if_wanted(v, number) for v in roots]
        results = rebuild(roots, self._taken[number])
        found = set(leaves(results))
        used = [v for v in self._names if v in found]
        shared = shared_among(used)
        inputs = [v for v in used if not isinstance(v, SharedVariable)]
        outputs, updates = results, list[tuple[Variable, Variable]]()
        if last:
            outputs = results[: len(frozen.outputs)]
            updated = [s for s, _ in frozen.updates]
            updates = list(zip(updated, results[len(outputs) :], strict=True))
            shared = list(dict.fromkeys([*shared, *shared_among(updated)]))
        stage = replace(
            frozen,
            inputs=tuple(inputs),
            shared=tuple(shared),
            outputs=tuple(outputs),
            updates=tuple(updates),
            names={v: self._names[v] for v in (*inputs, *shared)},
        )
        passed = () if last else tuple(self._given[v] for v in self._passed[number])
        return Stage(stage, passed, frozenset(self._varying(number, stage)))

    def _if_wanted(self, v: Variable, number: int) -> Variable:
        """A variable to pass on; nothing where conditions that are known say nobody reads it."""
        known: list[tuple[Variable, bool]] = []
        for condition, truth in self._conditions(v.owner) if v.owner else ():
            if condition.owner is not None and self._level.get(condition, 0) >= number:
                break
            known.append((condition, truth))
            if condition in self._given:
                self._taken[number][condition] = self._given[condition]
        for condition, truth in reversed(known):
            nothing = constant(np.zeros([n or 0 for n in v.type.shape], v.dtype))
            v = IfElse()(condition if truth else logical_not(condition), v, nothing)
        return v

    def _varying(self, number: int, stage: Frozen) -> Iterator[Symbol]:
        """Lengths of a stage's inputs that follow from data, as its own analysis calls them."""
        late = {s for s, v in self._shapes.late.items() if _has_late_length(v)}
        for v, given in self._taken[number].items():
            for axis, length in enumerate(self._shapes.shape(v)):
                if given in stage.names and not late.isdisjoint(walk(length)):
                    yield Symbol(f"{stage.names[given]}.{axis}")


def _is_small_arithmetic(v: Variable) -> bool:
    """Whether `v` is a few integers that follow from a few integers."""
    node = v.owner
    return (
        node is not None
        and isinstance(node.op, IndexedOp)
        and is_small(v)
        and all(is_small(u) for u in node.inputs)
    )


def _has_late_length(v: Variable) -> bool:
    return v.owner is not None and v.owner.op.length_from_data


class Staged:
    """A graph with lengths that follow from data, compiled stage by stage.

    Parameters
    ----------
    frozen
        The graph.
    shapes
        The analysis of its results.
    manner
        How it is compiled.
    times
        Where the time spent compiling is noted.

    Attributes
    ----------
    entry, other
        As of `Versions`: there is no way around `run`.
    """

    def __init__(self, frozen: Frozen, shapes: Shapes, manner: Manner, times: PassTimes) -> None:
        self.entry = self.other = not_ready
        self._inputs = frozen.inputs
        self._plan = cut(frozen, shapes)
        self._stages = {
            number: _versions(part, manner, times)
            for number, part in enumerate(self._plan.parts)
            if isinstance(part, Stage)
        }
        self._last = _versions(self._plan.last, manner, times)
        self._seconds = [0.0] * len(self._plan.parts)
        self._calls = [0] * len(self._plan.parts)

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """Run all stages; what is updated is updated in the last one.

        Raises
        ------
        ValueError, IndexError
            If sizes break what the graph assumes; nothing has been written.
        """
        values: dict[Variable, Array] = dict(zip(self._inputs, arrays, strict=True))
        for number, part in enumerate(self._plan.parts):
            start = time.perf_counter()
            if isinstance(part, Stage):
                results = self._stages[number].run([values[v] for v in part.frozen.inputs])
            elif all(bool(_value(v, values)) is truth for v, truth in part.conditions):
                results = part.perform([_value(v, values) for v in part.inputs])
            else:
                results = part.nothing()
            values.update(zip(part.found, results, strict=True))
            self._seconds[number] += time.perf_counter() - start
            self._calls[number] += 1
        return self._last.run([values[v] for v in self._plan.last.frozen.inputs])

    @property
    def versions(self) -> list[Version]:
        """What has been compiled so far, one stage after the other."""
        return [v for stage in (*self._stages.values(), self._last) for v in stage.versions]

    def lines(self) -> list[str]:
        """What happens one after the other, a line each."""
        return self._plan.lines()

    def between(self) -> list[tuple[float, int, str]]:
        """Seconds, number of calls and text of what Python does between stages, if profiled."""
        noted = zip(self._plan.parts, self._seconds, self._calls, self.lines(), strict=False)
        return [(spent, n, text) for part, spent, n, text in noted if isinstance(part, Between)]


def _versions(stage: Stage, manner: Manner, times: PassTimes) -> Versions:
    shapes = Shapes(stage.frozen.results, stage.frozen.names)
    if shapes.late:
        raise AssertionError(f"lengths of a stage follow from data: {stage_text(stage.frozen)}")
    return versions_of(stage.frozen, shapes, manner, times, stage.varying)


def _value(v: Variable, values: Mapping[Variable, Array]) -> Array:
    """The value of an operand between the stages; that of a shared variable is the old one."""
    if isinstance(v, Constant):
        return v.data
    return v.container.host() if isinstance(v, SharedVariable) else values[v]
