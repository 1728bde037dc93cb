"""Patterns: expressions with holes, written with the same rows and operators as real ones.

A pattern matches variables whose owners are `Elemwise` applications of the same rows; a number in
it matches a constant all of whose elements are that number. Commutative rows match either way. What
a hole takes is its `Kind`, which the tests ask for operands, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.ops.elementwise import Elemwise
from symnet.ops.reduce import Reduce
from symnet.ops.shape import DimShuffle
from symnet.scalar import TABLE, Operand, ScalarOp

Binding = dict["Hole", Variable]


class Draw(Protocol):
    """What draws operands: the tests, which prove every rule on them.

    A letter names a length, equal letters equal lengths; 1 is a length known to be 1.
    """

    def __call__(self, dims: str, kind: str = "float", static: bool | None = None) -> Any:
        """A new operand with these dimensions, ``draw("mn")``.

        `kind` is ``"any"``, ``"float"``, ``"integer"`` or ``"bool"``. `static` says whether the
        lengths are in its type; None leaves that open.
        """
        ...

    def number(self, kind: str = "any", ndim: int = 0) -> Any:
        """A constant filled with a number."""
        ...

    def indices(self, letter: str) -> Any:
        """Positions, as many as a letter says, in whatever is drawn."""
        ...

    def length(self, letter: str) -> Any:
        """The length that a letter names."""
        ...

    def position(self) -> Any:
        """An integer that is known when the function is called, from -9 to 9."""
        ...


class Pattern(Operand):
    """An expression with holes."""

    __slots__ = ()

    def apply_scalar(self, op: ScalarOp, operands: tuple[Any, ...]) -> Pattern:
        """Build the pattern of an application."""
        return Node(op, tuple(x if isinstance(x, Pattern) else Number(x) for x in operands))


@dataclass(frozen=True, slots=True)
class Kind:
    """What a hole takes.

    Attributes
    ----------
    name
        What that is, for documentation.
    fits
        Whether it takes a variable.
    example
        Draws an operand, of some dimensions, that it takes.
    is_constant
        Whether it takes constants alone.
    """

    name: str
    fits: Callable[[Variable], bool]
    example: Callable[[Draw, str], Any]
    is_constant: bool = False


ANY = Kind("anything", lambda v: True, lambda draw, dims: draw(dims, "any"))


@dataclass(frozen=True, slots=True)
class Hole(Pattern):
    """Matches any variable of a kind; the same one wherever its name stands."""

    name: str
    kind: Kind = ANY

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Number(Pattern):
    """Matches a constant filled with `value`."""

    value: float

    def __repr__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True, slots=True)
class Node(Pattern):
    """Matches an elementwise application of `op`."""

    op: ScalarOp
    operands: tuple[Pattern, ...]

    @property
    def orders(self) -> tuple[tuple[Pattern, ...], ...]:
        """The orders in which the operands may stand."""
        if self.op.commutative and len(self.operands) == 2:
            return self.operands, self.operands[::-1]
        return (self.operands,)

    def __repr__(self) -> str:
        sign, rank = _SIGNS.get(self.op.name, ("", 0))
        if not sign:
            return f"{self.op.name}({', '.join(map(repr, self.operands))})"
        if len(self.operands) == 1:
            return f"{sign}{_within(rank + 1, self.operands[0])}"
        left, right = self.operands
        return f"{_within(rank, left)} {sign} {_within(rank + 1, right)}"


_SIGNS = {
    "eq": ("==", 1), "neq": ("!=", 1), "lt": ("<", 1), "le": ("<=", 1), "gt": (">", 1),
    "ge": (">=", 1), "add": ("+", 2), "sub": ("-", 2), "mul": ("*", 3), "true_div": ("/", 3),
    "int_div": ("//", 3), "mod": ("%", 3), "neg": ("-", 4), "pow": ("**", 5),
}  # fmt: skip
"""The signs of rows that have one, and how strongly they bind."""


def _within(rank: int, pattern: Pattern) -> str:
    """An operand, in parentheses if its sign binds less than it must."""
    own = _SIGNS.get(pattern.op.name) if isinstance(pattern, Node) else None
    return f"({pattern!r})" if own and own[1] < rank else repr(pattern)


def row_of(v: Variable) -> ScalarOp | None:
    """The row of the scalar table that makes a variable, if one does."""
    op = None if v.owner is None else v.owner.op
    return op.scalar if isinstance(op, Elemwise) else None


def fill_value(v: Variable) -> float | None:
    """The number a constant is filled with; None for other variables."""
    if not isinstance(v, Constant) or v.data.size == 0:
        return None
    first = v.data.flat[0]
    if v.data.size > 1 and not np.all(v.data == first):
        return None
    value: float = first.item()
    return value


def _is_made_by(*names: str) -> Callable[[Variable], bool]:
    rows = frozenset(TABLE[name] for name in names)

    def is_made(v: Variable) -> bool:
        # Sums, products and extrema of what is not negative are not, and views show what there is.
        while v.owner is not None and isinstance(v.owner.op, Reduce | DimShuffle):
            (v,) = v.owner.inputs
        return row_of(v) in rows and dtypes.is_float(v.dtype)

    return is_made


FLOAT = Kind(
    "floating point numbers", lambda v: dtypes.is_float(v.dtype), lambda draw, dims: draw(dims)
)
INTEGER = Kind(
    "integers", lambda v: v.dtype in dtypes.INTEGER, lambda draw, dims: draw(dims, "integer")
)
BOOL = Kind("booleans", lambda v: v.dtype == "bool", lambda draw, dims: draw(dims, "bool"))
NONNEGATIVE = Kind(
    "floating point numbers not below zero, by the row that makes them",
    _is_made_by("abs", "cosh", "erfc", "exp", "exp2", "sigmoid", "softplus", "sqr", "sqrt"),
    lambda draw, dims: TABLE["sqr"](draw(dims)),
)
POSITIVE = Kind(
    "powers of e or 2", _is_made_by("exp", "exp2"), lambda draw, dims: TABLE["exp"](draw(dims))
)
FILL = Kind(
    "constants filled with one number",
    lambda v: fill_value(v) is not None,
    lambda draw, dims: draw.number(ndim=len(dims)),
    is_constant=True,
)


def match(pattern: Pattern, v: Variable, bound: Binding | None = None) -> Iterator[Binding]:
    """Every way in which a variable fits a pattern."""
    bound = bound or {}
    match pattern:
        case Hole():
            if bound.get(pattern, v) is v and pattern.kind.fits(v):
                yield {**bound, pattern: v}
        case Number():
            if fill_value(v) == pattern.value:
                yield bound
        case Node():
            if v.owner is not None and row_of(v) is pattern.op:
                yield from _match_operands(pattern, v.owner, bound)


def _match_operands(pattern: Node, node: Apply, bound: Binding) -> Iterator[Binding]:
    for operands in pattern.orders:
        found: list[Binding] = [bound]
        for p, v in zip(operands, node.inputs, strict=True):
            found = [b for old in found for b in match(p, v, old)]
            if not found:
                break
        yield from found


def build(pattern: Pattern, bound: Binding) -> Any:
    """The expression a replacement stands for: a variable, or a plain number."""
    match pattern:
        case Hole():
            return bound[pattern]
        case Number():
            return pattern.value
        case Node():
            return pattern.op(*(build(p, bound) for p in pattern.operands))
    raise TypeError(f"not a pattern: {pattern!r}")


def holes(pattern: Pattern) -> dict[Hole, None]:
    """The holes of a pattern, from left to right."""
    match pattern:
        case Hole():
            return {pattern: None}
        case Node():
            return {h: None for p in pattern.operands for h in holes(p)}
    return {}
