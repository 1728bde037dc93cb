"""Nodes of expression graphs, traversal and substitution.

A `Variable` is a value that will exist when a function runs; an `Apply` is one application of an
`Op`. Neither changes after construction (a variable's name and tag aside). `Interner` gives equal
nodes one identity, so that common subexpressions vanish by construction.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache
from types import FrameType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from symnet.scalar import Operand, ScalarOp
from symnet.types import VARIABLE_CLASSES, TensorType

if TYPE_CHECKING:
    from symnet.op import Op


@dataclass(frozen=True, slots=True)
class SourceLine:
    """Where the user's code built a node.

    Attributes
    ----------
    file, line, function
        The line.
    caller
        The line that called its function, if that is the user's, too.
    gradient
        Whether the node belongs to the derivative of what the line built.
    """

    file: str
    line: int
    function: str
    caller: SourceLine | None = None
    gradient: bool = False

    def __str__(self) -> str:
        found = f'File "{self.file}", line {self.line}, in {self.function}'
        return f"{found}, differentiated" if self.gradient else found

    def differentiated(self) -> SourceLine:
        """The line as the place that derivatives of what it built come from."""
        return self if self.gradient else replace(self, gradient=True)


_PACKAGE = __name__.partition(".")[0] + "."
_CALLERS = 6
"""Lines of the user's that are noted of one call stack."""


_replaced_line: ContextVar[SourceLine | None] = ContextVar("_replaced_line", default=None)


class built_at:
    """Within, new nodes stand for one that was built at `line`, if that is known.

    A class, because it is entered for every node that is rewritten: a generator takes longer.
    """

    __slots__ = ("_line", "_token")

    def __init__(self, line: SourceLine | None) -> None:
        self._line = line

    def __enter__(self) -> None:
        self._token = _replaced_line.set(self._line)

    def __exit__(self, *exception: object) -> None:
        _replaced_line.reset(self._token)


def user_line() -> SourceLine | None:
    """The innermost line on the call stack that is not symnet's own, and those that led to it."""
    replaced = _replaced_line.get()
    if replaced is not None:
        return replaced
    frame: FrameType | None = sys._getframe(1)
    places: list[tuple[str, int, str]] = []
    while frame is not None and len(places) < _CALLERS:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith(_PACKAGE) and module != _PACKAGE[:-1]:
            code = frame.f_code
            places.append((code.co_filename, frame.f_lineno, code.co_name))
            if code.co_name == "<module>":
                break  # what runs a script is not the user's
        frame = frame.f_back
    return _line_at(tuple(places))


@lru_cache(maxsize=1 << 14)
def _line_at(places: tuple[tuple[str, int, str], ...]) -> SourceLine | None:
    """The innermost of some places; a line builds many nodes."""
    found = None
    for place in reversed(places):
        found = SourceLine(*place, found)
    return found


class Variable(Operand):
    """A symbolic value.

    Attributes
    ----------
    type
        Its dtype and shape.
    owner
        The application that computes it; None for inputs, constants and shared variables.
    index
        Which output of `owner` it is.
    name
        What the user calls it, or None.
    tag
        A place for users' own attributes.
    """

    def __init__(
        self, type: TensorType, owner: Apply | None = None, index: int = 0, name: str | None = None
    ) -> None:
        self.type = type
        self.owner = owner
        self.index = index
        self.name = name
        self.tag = SimpleNamespace()

    @property
    def dtype(self) -> str:
        """Name of the element type."""
        return self.type.dtype

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return self.type.ndim

    @property
    def broadcastable(self) -> tuple[bool, ...]:
        """For each dimension whether its length is known to be 1."""
        return self.type.broadcastable

    def get_parents(self) -> list[Apply]:
        """What computes it, in a list; an empty one if nothing does."""
        return [] if self.owner is None else [self.owner]

    def apply_scalar(self, op: ScalarOp, operands: tuple[Any, ...]) -> Variable:
        """Apply a table row elementwise, with broadcasting."""
        raise NotImplementedError  # defined where elementwise operations are: TensorVariable

    def __getstate__(self) -> dict[str, Any]:
        # What begins with an underscore is kept for speed and can be computed again.
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickle follows the graph by recursion, so every few levels it is first given the way
        # there: what it has seen already ends the recursion.
        way: list[Variable] = []
        if self.owner is not None and _depth(self) % _STRIDE == 0:
            nodes = ancestors([self])
            way = [n.outputs[0] for n in nodes if _depth(n.outputs[0]) % _STRIDE == 0]
            way = [v for v in way if v.owner is not self.owner]
        return _unpickled, (type(self), way), self.__getstate__()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        # Operands first: a copy that follows the graph by recursion ends at a hundred nodes' depth.
        for node in ancestors([self]):
            if id(node) not in memo:
                inputs = tuple(_copied(v, memo) for v in node.inputs)
                new = Apply(node.op, inputs, (), node.line)
                outputs = tuple(_copied(v, memo, new) for v in node.outputs)
                object.__setattr__(new, "outputs", outputs)
                memo[id(node)] = new
        return _copied(self, memo)

    def __repr__(self) -> str:
        return self.name or (f"{self.owner.op}.{self.index}" if self.owner else f"<{self.type}>")


_STRIDE = 30
"""Levels of a graph that pickle may follow by recursion: each takes some six calls."""


def _unpickled(kind: type[Variable], way: list[Variable]) -> Variable:
    return object.__new__(kind)


def _depth(v: Variable) -> int:
    """Number of applications on the longest way to `v`, kept once it is known."""
    if v.owner is None:
        return 0
    if "_level" not in v.__dict__:
        for node in ancestors([v]):
            level = 1 + max((_level(x) for x in node.inputs), default=0)
            for out in node.outputs:
                out.__dict__["_level"] = level
    return _level(v)


def _level(v: Variable) -> int:
    level: int = v.__dict__.get("_level", 0)
    return level


def _copied(v: Variable, memo: dict[int, Any], owner: Apply | None = None) -> Variable:
    """A copy of one variable whose owner, if it has one, has been copied."""
    if isinstance(v, Constant):
        return v
    if id(v) not in memo:
        new = object.__new__(v.__class__)
        memo[id(v)] = new
        for name, value in v.__getstate__().items():
            shared = name in ("owner", "type")
            new.__dict__[name] = value if shared else copy.deepcopy(value, memo)
        new.owner = owner
    found: Variable = memo[id(v)]
    return found


class Constant(Variable):
    """A value known when the graph is built. Its array is never written to."""

    def __init__(self, value: np.ndarray[Any, Any], name: str | None = None) -> None:
        super().__init__(TensorType.of(value), name=name)
        self.data = value
        if value.flags.writeable:
            self.data = value.copy()
            self.data.flags.writeable = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.data.flags.writeable = False

    def key(self) -> tuple[Any, ...]:
        """What makes two constants equal."""
        return (Constant, self.type, self.data.tobytes())

    def equals(self, other: object) -> bool:
        """Whether another variable is a constant of the same dtype, shape and bits."""
        return isinstance(other, Constant) and self.key() == other.key()

    def __repr__(self) -> str:
        return self.name or (str(self.data) if self.data.ndim == 0 else f"<constant {self.type}>")


@dataclass(frozen=True, eq=False, repr=False, slots=True, weakref_slot=True)
class Apply:
    """One application of an operation.

    Attributes
    ----------
    op
        The operation.
    inputs
        Its operands.
    outputs
        Its results, made by `make_apply`; or fresh variables, which it makes its own.
    line
        The user's source line that built it.
    """

    op: Op
    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    line: SourceLine | None = None

    def __post_init__(self) -> None:
        if self.outputs:
            self._adopt()

    def _adopt(self) -> None:
        """Make given variables the outputs."""
        object.__setattr__(self, "inputs", tuple(self.inputs))
        object.__setattr__(self, "outputs", tuple(self.outputs))
        object.__setattr__(self, "line", self.line or user_line())
        for number, v in enumerate(self.outputs):
            if v.owner is not None:
                raise ValueError(f"{self.op}: the output {v!r} belongs to {v.owner.op} already")
            v.owner, v.index = self, number

    def __repr__(self) -> str:
        return f"{self.op}({', '.join(map(repr, self.inputs))})"

    @property
    def out(self) -> Variable:
        """The only output."""
        (out,) = self.outputs
        return out

    @property
    def nin(self) -> int:
        """Number of operands."""
        return len(self.inputs)

    @property
    def nout(self) -> int:
        """Number of results."""
        return len(self.outputs)

    def default_output(self) -> Variable:
        """The first output."""
        return self.outputs[0]

    def get_parents(self) -> list[Variable]:
        """The operands, in a list."""
        return list(self.inputs)

    def clone_with_new_inputs(self, inputs: Sequence[Variable], strict: bool = True) -> Apply:
        """The operation applied to other operands; `strict` is Theano's and without effect."""
        return self.op.make_node(*inputs)


# `symnet.tensor` enters its own.
VARIABLE_CLASSES.setdefault(TensorType, Variable)
VARIABLE_CLASSES.setdefault(Constant, Constant)


def make_variable(
    type: TensorType, owner: Apply | None = None, index: int = 0, name: str | None = None
) -> Variable:
    """A variable of the class that belongs to its type."""
    made: Variable = VARIABLE_CLASSES[type.__class__](type, owner, index, name)
    return made


def make_apply(
    op: Op, inputs: Sequence[Variable], types: Sequence[TensorType], line: SourceLine | None
) -> Apply:
    """Build a node and its output variables."""
    node = Apply(op, tuple(inputs), (), line)
    outputs = tuple(make_variable(t, node, i) for i, t in enumerate(types))
    object.__setattr__(node, "outputs", outputs)
    return node


def ancestors(outputs: Iterable[Variable], stop: Iterable[Variable] = ()) -> Iterator[Apply]:
    """Every application that `outputs` depend on, operands first; not past `stop`.

    Iterative: graphs of any depth are fine. A set or mapping is not copied, so that a pass may stop
    at what it has done in time proportional to what is left.
    """
    seen: set[Apply] = set()
    stopped = stop if isinstance(stop, Set | Mapping) else set(stop)
    stack: list[Apply | None] = [
        v.owner for v in reversed(list(outputs)) if v.owner is not None and v not in stopped
    ]
    while stack:
        node = stack.pop()
        if node is None:  # the operands of what lies below are done
            node = stack.pop()
            assert node is not None
            yield node
        elif node not in seen:
            seen.add(node)
            stack += (node, None)
            for v in reversed(node.inputs):
                owner = v.owner
                if owner is not None and owner not in seen and v not in stopped:
                    stack.append(owner)


def leaves(outputs: Iterable[Variable], stop: Iterable[Variable] = ()) -> list[Variable]:
    """Variables without owner that `outputs` depend on, in order of first use."""
    outputs = list(outputs)
    found: dict[Variable, None] = {}
    stopped = set(stop)
    for node in ancestors(outputs, stopped):
        for v in node.inputs:
            if v.owner is None or v in stopped:
                found.setdefault(v)
    for v in outputs:
        if v.owner is None or v in stopped:
            found.setdefault(v)
    return list(found)


def consumers(
    outputs: Iterable[Variable], stop: Iterable[Variable] = ()
) -> dict[Variable, list[Apply]]:
    """For every variable the applications that read it (once for each reading node)."""
    found: dict[Variable, list[Apply]] = {}
    for node in ancestors(outputs, stop):
        for v in dict.fromkeys(node.inputs):
            found.setdefault(v, []).append(node)
    return found


def dependent(nodes: Iterable[Apply], roots: Iterable[Variable]) -> set[Variable]:
    """What depends on some variables, they included."""
    found = set(roots)
    for node in nodes:
        if not found.isdisjoint(node.inputs):
            found.update(node.outputs)
    return found


class Interner:
    """Builds nodes so that equal applications are one object.

    Two applications are equal when their operations are equal and their operands are the same
    variables; two constants when dtype, shape and bits are.
    """

    def __init__(self) -> None:
        self._nodes: dict[tuple[Any, ...], Apply] = {}
        self._constants: dict[tuple[Any, ...], Constant] = {}

    def constant(self, value: Constant) -> Constant:
        """The one constant equal to `value`."""
        return self._constants.setdefault(value.key(), value)

    def apply(
        self,
        op: Op,
        inputs: Sequence[Variable],
        line: SourceLine | None = None,
        like: Apply | None = None,
    ) -> tuple[Variable, ...]:
        """Outputs of the one application of `op` to `inputs`.

        `like` is a node whose output types, names and source line are kept where the types it
        declares are at least as precise as those the operation infers anew.
        """
        operands = tuple(self.constant(v) if isinstance(v, Constant) else v for v in inputs)
        key = (op, operands)
        node = self._nodes.get(key)
        if node is None:
            if like is not None and like.op == op and like.inputs == operands:
                node = like
            else:
                types = op.infer_types([v.type for v in operands], operands)
                node = make_apply(op, operands, types, like.line if like else line)
                if like is not None:
                    for new, old in zip(node.outputs, like.outputs, strict=True):
                        new.name = old.name
            self._nodes[key] = node
        return node.outputs


def rebuild(
    outputs: Sequence[Variable],
    replacement: Mapping[Variable, Variable],
    interner: Interner | None = None,
) -> list[Variable]:
    """Copy the graph of `outputs` with variables replaced; untouched parts are kept.

    Parameters
    ----------
    outputs
        Roots.
    replacement
        New variables for old ones; what lies behind a replaced variable is not visited.
    interner
        Shares equal nodes of several calls.
    """
    interner = interner or Interner()
    new: dict[Variable, Variable] = dict(replacement)
    for node in ancestors(outputs, stop=new):
        inputs = [new.get(v, v) for v in node.inputs]
        for old, out in zip(node.outputs, interner.apply(node.op, inputs, like=node), strict=True):
            new.setdefault(old, out)
    return [new.get(v, interner.constant(v) if isinstance(v, Constant) else v) for v in outputs]


def expanded(outputs: Sequence[Variable], stop: Iterable[Variable] = ()) -> list[Variable]:
    """Return outputs with operations that are made of others replaced by these (`Op.expand`)."""
    stopped = set(stop)
    interner = Interner()
    new: dict[Variable, Variable] = {}
    for node in ancestors(outputs, stopped):
        inputs = [new.get(v, v) for v in node.inputs]
        made = node.op.expand(inputs)
        if made is not None:
            new.update(zip(node.outputs, made, strict=True))
        elif any(v in new for v in node.inputs):
            new.update(zip(node.outputs, interner.apply(node.op, inputs, like=node), strict=True))
    return [v if v in stopped else new.get(v, v) for v in outputs]
