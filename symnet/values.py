"""Values: variables with a buffer, the groups they are computed in, and references to them.

The vocabulary of `symnet.fusion`, which makes them, and `symnet.lowering`, which reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from symnet.graph import Apply, Variable
from symnet.kernel import Axis
from symnet.nest import Reduction, axes
from symnet.op import Index
from symnet.scalar import Call, Expr, Load, Symbol, const, rebuild, substitute, walk

Dims = tuple[Expr, ...]

CHEAP = 4
"""Operations that every reader may repeat rather than read the result from memory."""
MODERATE = 40
"""Operations that a reader may repeat if that saves a pass over memory."""
LARGEST = 256
"""Operations in one expression; longer chains are cut, which bounds compile time."""
EXPANDED = 12
"""Operations that a row without machine instruction counts for."""


@dataclass(frozen=True, slots=True, eq=False)
class Ref(Expr):
    """The element of a value at an index; gone once fusion is done."""

    variable: Variable
    index: Index
    dtype: str
    _hash: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((Ref, self.variable, self.index)))

    @property
    def args(self) -> tuple[Expr, ...]:
        """The index."""
        return self.index

    def with_args(self, args: tuple[Expr, ...]) -> Expr:
        """The element at another index."""
        return Ref(self.variable, args, self.dtype)

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Ref) and self.variable is other.variable and self.index == other.index
        )

    __hash__ = Expr.__hash__


@dataclass(slots=True, eq=False)
class Value:
    """A variable with a buffer.

    Attributes
    ----------
    variable
        The variable.
    shape
        Lengths of its dimensions.
    stage
        -1 for leaves; groups run in order of stage.
    home
        The contraction that computes it in its epilogue (or whose result it is), else None.
    expr
        Its element at ``axes(ndim)``, over loads of buffers; None for leaves, host results and
        results of contractions.
    stored
        Whether it must be in memory.
    loaded
        Whether another group reads it from memory.
    weight
        Operations in `expr`.
    reductions
        Reductions in `expr`.
    """

    variable: Variable
    shape: Dims
    stage: int
    home: Value | None = None
    expr: Expr | None = None
    stored: bool = False
    loaded: bool = False
    weight: int = 0
    reductions: tuple[Reduction, ...] = ()

    @property
    def is_nest(self) -> bool:
        """Whether a loop nest computes it."""
        return self.expr is not None and self.home is None


@dataclass(slots=True)
class Nest:
    """Values that one loop nest computes."""

    values: list[Value]
    stage: int


@dataclass(slots=True)
class Product:
    """A contraction.

    Attributes
    ----------
    result
        The sums.
    batch, rows, columns, inner
        Axes of `symnet.kernel.Contraction`, those of length 1 left out.
    index
        The element of the result that a sum becomes, over the axes.
    left, right
        The factors.
    values
        Stored values of the epilogue, `result` among them if stored.
    stage
        Its place among the groups.
    """

    result: Value
    batch: tuple[Axis, ...]
    rows: tuple[Axis, ...]
    columns: tuple[Axis, ...]
    inner: tuple[Axis, ...]
    index: Index
    left: Expr
    right: Expr
    values: list[Value]
    stage: int


@dataclass(slots=True)
class Host:
    """A host call and the values of its operands and results."""

    node: Apply
    inputs: list[Value]
    outputs: list[Value]
    stage: int


@dataclass(slots=True)
class Chain:
    """A result made step by step, in order.

    Attributes
    ----------
    result
        The result.
    base
        What it begins as: a value in the same buffer, or a leaf, of which it is a copy. None if
        all elements are written.
    lanes, steps
        Lengths of the independent loops and of those in order: `axes`, one after the other.
    offset
        Where a step writes.
    value
        What it writes, over `before`.
    first
        What `before` is in the first step; if None, it is the element so far.
    stage
        Its place among the groups.
    """

    result: Value
    base: Value | None
    lanes: Dims
    steps: Dims
    offset: Expr
    value: Expr
    first: Expr | None
    stage: int

    @property
    def values(self) -> list[Value]:
        """The result."""
        return [self.result]


@dataclass(slots=True)
class Looped:
    """A loop, and the values of its operands and results."""

    node: Apply
    inputs: list[Value]
    outputs: list[Value]
    stage: int


@dataclass(slots=True)
class Chosen:
    """Choices of one condition that are made together, and what their arms alone need.

    Attributes
    ----------
    condition
        The condition.
    nodes
        The choices.
    inputs
        What the arms read that is in memory before, by its variable.
    outputs
        Results of the choices.
    told
        What later arms read of what these compute, and in which of them it is.
    stage
        Its place among the groups.
    """

    condition: Value
    nodes: list[Apply]
    inputs: dict[Variable, Value]
    outputs: list[Value]
    told: dict[Variable, tuple[Value, bool]]
    stage: int

    def results(self, truth: bool) -> list[Variable]:
        """What the choices give if the condition has this value."""
        return [node.inputs[1 if truth else 2] for node in self.nodes]


Group = Nest | Product | Host | Chain | Looped | Chosen


def before(dtype: str) -> Symbol:
    """The name by which a step of a chain knows what was there before."""
    return Symbol("before", dtype)


@dataclass(frozen=True, slots=True)
class Survey:
    """What one walk through an expression finds.

    Attributes
    ----------
    weight
        Operations on data; arithmetic on axes and lengths is free.
    refs
        References to values.
    reductions
        Reductions.
    """

    weight: int
    refs: tuple[Ref, ...]
    reductions: tuple[Reduction, ...]


def survey(root: Expr) -> Survey:
    """Look at an expression."""
    weight = 0
    refs: list[Ref] = []
    reductions: list[Reduction] = []
    on_data: set[Expr] = set()
    for x in walk(root):
        inner = not on_data.isdisjoint(x.args)
        if isinstance(x, Load | Ref):
            on_data.add(x)
            if isinstance(x, Ref):
                refs.append(x)
            if inner:
                weight += CHEAP  # a gather
        elif inner:
            on_data.add(x)
            if isinstance(x, Reduction):
                reductions.append(x)
            elif isinstance(x, Call) and not x.op.name.startswith("cast"):
                weight += 1 if x.op.expand is None else EXPANDED
        elif isinstance(x, Reduction):
            reductions.append(x)
    return Survey(weight, tuple(refs), tuple(reductions))


_ZERO, _ONE = const(0), const(1)


def position(shape: Dims, index: Index) -> Expr:
    """The place of the element at `index`, counted in C order."""
    if not index:
        return _ZERO
    total = index[0]
    for n, i in zip(shape[1:], index[1:], strict=True):
        total = total * n + i
    return total


def unravel(position: Expr, shape: Dims) -> Index:
    """The index of the element at a position in C order."""
    index: list[Expr] = []
    rest = position
    for axis in reversed(range(len(shape))):
        index.append(rest % shape[axis] if axis else rest)
        rest = rest // shape[axis]
    return tuple(reversed(index))


def normal(index: Index, shape: Dims) -> Index:
    """`index` with 0 where there is only one element."""
    return tuple(_ZERO if n == _ONE else i for i, n in zip(index, shape, strict=True))


def longer(shape: Dims, index: Index | None = None) -> Index:
    """What of an index (or of the lengths themselves) belongs to lengths that are not 1."""
    return tuple(i for i, n in zip(index or shape, shape, strict=True) if n != _ONE)


def element_at(value: Value, index: Index) -> Expr:
    """The expression of a value at another index."""
    assert value.expr is not None
    own = axes(len(value.shape))
    moved: dict[Expr, Expr] = {a: x for a, x in zip(own, index, strict=True) if a != x}
    return substitute(value.expr, moved) if moved else value.expr


def replace_refs(body: Expr, replacement: Mapping[Expr, Expr]) -> Expr:
    """`body` with references replaced, those inside indices of other references first."""
    done: dict[Expr, Expr] = {}
    for x in walk(body):
        new = rebuild(x, tuple(done[a] for a in x.args))
        if isinstance(x, Ref):
            found = replacement[x]
            # A gather's index may itself hold references: they are replaced inside the load.
            inner: dict[Expr, Expr] = {
                r: done[r] for a in x.args for r in walk(a) if isinstance(r, Ref)
            }
            new = substitute(found, inner) if inner else found
        done[x] = new
    return done[body]
