"""Integers that are known before any tensor is computed.

In goes an integer variable of no dimensions; out comes its value as an int64 scalar expression of
lengths and integer inputs, or None where it depends on data. Lengths of dimensions are made of
these. No operation is named here: what an operation says of an element of its output holds for the
elements of shapes, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.op import Index, IndexedOp
from symnet.scalar import Call, Const, Expr, ScalarOp, Symbol, cast, const, rebuild, simplify

Leaf = Callable[[Variable], Expr | None]
ShapeOf = Callable[[Variable], tuple[Expr, ...]]

LONGEST = 64
"""Tensors of more elements are data: shapes have fewer."""

_WIDE = ("int32", "uint32", "int64", "uint64")


def integer_value(variable: Variable, leaf: Leaf, shape_of: ShapeOf) -> Expr | None:
    """Return the value of an integer of no dimensions, or None if it is data.

    Arithmetic of 32 and 64 bits is taken not to overflow, as sizes and addresses do not; that of
    fewer bits wraps around.

    Parameters
    ----------
    variable
        An integer of no dimensions.
    leaf
        Value of a variable of no dimensions that follows from nothing (an input, say), or None.
    shape_of
        Lengths of the dimensions of a variable.
    """
    if variable.ndim or not is_small(variable):
        return None
    known: dict[Variable, tuple[Expr, ...] | None] = {}
    widened: dict[Expr, Expr] = {}
    stack = [(variable, False)]
    while stack:
        v, ready = stack.pop()
        if v in known:
            continue
        if ready:
            known[v] = _entries(v, known, widened, leaf, shape_of)
        else:
            stack.append((v, True))
            stack.extend((u, False) for u in _read(v))
    found = known[variable]
    return None if found is None else cast(found[0], "int64")


def is_known(variable: Variable) -> bool:
    """Return whether an integer of no dimensions follows from lengths and integer inputs."""

    def leaf(v: Variable) -> Expr | None:
        return Symbol("leaf") if v.owner is None else None

    return integer_value(variable, leaf, lambda v: (Symbol("length"),) * v.ndim) is not None


def is_small(v: Variable) -> bool:
    """Return whether a tensor holds so few integers that shapes may follow from them."""
    return (
        dtypes.is_discrete(v.dtype)
        and prod(LONGEST + 1 if n is None else n for n in v.type.shape) <= LONGEST
    )


def _read(v: Variable) -> Iterator[Variable]:
    """Yield the operands whose elements those of `v` may be made of."""
    if v.owner is not None and isinstance(v.owner.op, IndexedOp):
        yield from (u for u in v.owner.inputs if is_small(u))


class _DataError(Exception):
    """An element is known only from data."""


def _entries(
    v: Variable,
    known: dict[Variable, tuple[Expr, ...] | None],
    widened: dict[Expr, Expr],
    leaf: Leaf,
    shape_of: ShapeOf,
) -> tuple[Expr, ...] | None:
    """Return the elements of a small tensor, in C order: booleans, or int64 for integers."""
    dtype = "bool" if v.dtype == "bool" else "int64"
    if isinstance(v, Constant):
        return tuple(const(x, dtype) for x in v.data.ravel().tolist())
    node = v.owner
    if node is not None and isinstance(node.op, IndexedOp):
        wrap = dtype if v.dtype in _WIDE else v.dtype
        context = _Entries(node, known, shape_of)
        try:
            found = [
                node.op.element(node, v.index, tuple(map(const, index)), context)
                for index in product(*(range(n) for n in v.type.shape if n is not None))
            ]
            wide = [cast(cast(_widened(x, widened), wrap), dtype) for x in found]
            widened.update((x, x) for x in wide)
            return tuple(wide)
        except _DataError:
            pass
    value = leaf(v) if v.ndim == 0 else None
    return None if value is None else (value,)


def _widened(root: Expr, done: dict[Expr, Expr]) -> Expr:
    """Return an expression with its arithmetic of 32 bits and more done in int64.

    `done` holds what need not be looked into again: elements that this one is made of.
    """
    stack = [root]
    while stack:
        x = stack[-1]
        waiting = [a for a in x.args if a not in done] if x not in done else []
        if waiting:
            stack.extend(waiting)
        else:
            stack.pop()
            if x not in done:
                done[x] = _widened_node(x, tuple(done[a] for a in x.args))
    return done[root]


def _widened_node(x: Expr, args: tuple[Expr, ...]) -> Expr:
    if x.dtype not in _WIDE:
        return rebuild(x, args)
    if isinstance(x, Const):
        return const(x.value)
    if isinstance(x, Call) and x.op.name.startswith("cast_"):
        return cast(args[0], "int64")
    return x.op(*args) if isinstance(x, Call) else x


@dataclass(frozen=True, slots=True)
class _Entries:
    """The `ElementContext` in which elements of shapes are found."""

    node: Apply
    known: dict[Variable, tuple[Expr, ...] | None]
    shape_of: ShapeOf

    def shape(self, operand: int) -> tuple[Expr, ...]:
        v = self.node.inputs[operand]
        if None in v.type.shape:
            return self.shape_of(v)
        return tuple(const(n) for n in v.type.shape if n is not None)

    def out_shape(self, output: int = 0) -> tuple[Expr, ...]:
        return tuple(const(n) for n in self.node.outputs[output].type.shape if n is not None)

    def integer(self, operand: int) -> Expr:
        return self.read(operand, ())

    def read(self, operand: int, index: Index) -> Expr:
        position: Expr = const(0)
        for n, i in zip(self.shape(operand), index, strict=True):
            position = position * n + i
        return self.read_flat(operand, position)

    def read_flat(self, operand: int, position: Expr) -> Expr:
        entries = self.known.get(self.node.inputs[operand])
        place = simplify(position)
        if entries is None or not isinstance(place, Const):
            raise _DataError
        return entries[int(place.value)]

    def reduce(
        self,
        combine: ScalarOp,
        dtype: str,
        extents: Sequence[Expr],
        element: Callable[[Index], Expr],
    ) -> Expr:
        lengths = [n.value for n in map(simplify, extents) if isinstance(n, Const)]
        if len(lengths) != len(extents) or prod(lengths) > LONGEST:
            raise _DataError
        points = product(*map(range, lengths))
        elements = [cast(element(tuple(map(const, p))), dtype) for p in points]
        if not elements:
            return self._identity(combine, dtype)
        total = elements[0]
        for x in elements[1:]:
            total = combine(total, x)
        return total

    @staticmethod
    def _identity(combine: ScalarOp, dtype: str) -> Expr:
        if combine.identity not in (0, 1):
            raise _DataError
        return const(combine.identity, dtype)
