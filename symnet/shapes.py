"""Shape analysis: the length of every dimension as an integer expression.

In goes a graph and a name for each of its leaves; out come lengths over *base integers* (lengths of
the leaves' dimensions and values of their integer scalars), the assumptions the graph makes, and
the `Size` of each base integer. No tensor is computed for any of it.

Where a length follows from data it is a base integer, too, but a *late* one: `symnet.stages` cuts
the graph there, and each of the parts has an analysis of its own, without late integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable, ancestors
from symnet.ops.integers import integer_value
from symnet.program import Check, Size
from symnet.regions import Regions, outwards
from symnet.scalar import Const, Expr, Symbol, cast, const, rows, simplify, substitute
from symnet.scalar.integer import Range
from symnet.types import TensorType

Dims = tuple[Expr, ...]


class Shapes:
    """Lengths of the dimensions of variables.

    Parameters
    ----------
    outputs
        The graph's roots.
    names
        Buffer names of its leaves (constants aside).

    Attributes
    ----------
    sizes
        The base integers.
    checks
        What the graph assumes of them.
    late
        Base integers that are known only from data, and the variable each belongs to: a result of
        an operation whose lengths follow from data, or an integer that decides about a shape.
    awaited
        For each application the integers computed from data that decide about its shapes.
    regions
        What of the graph is computed under conditions.

    Raises
    ------
    ValueError
        If lengths known at compile time contradict each other.
    """

    def __init__(self, outputs: Sequence[Variable], names: Mapping[Variable, str]) -> None:
        self.sizes: dict[Symbol, Size] = {}
        self.checks: list[Check] = []
        self.late: dict[Symbol, Variable] = {}
        self.awaited: dict[Apply, list[Variable]] = {}
        self._names = names
        self._shapes: dict[Variable, Dims] = {}
        self._integers: dict[Variable, Expr | None] = {}
        self._late_integers: dict[Variable, Expr] = {}
        self._equal: dict[Expr, Expr] = {}
        self._simple: dict[Expr, Expr] = {}
        self._ranges: dict[str, Range] = {}
        self._assumed: set[Expr] = set()
        for leaf in names:
            self.shape(leaf)
        nodes = list(ancestors(outputs))
        self.regions = Regions(nodes, outputs)
        for node in nodes:
            if node.op.length_from_data:
                shapes: list[Dims] = [
                    tuple(self._late(v) for _ in range(v.ndim)) for v in node.outputs
                ]
            else:
                shapes = node.op.infer_shape(node, _NodeShapes(self, node))
            for out, dims in zip(node.outputs, shapes, strict=True):
                self._shapes[out] = tuple(
                    self.simple(n) if static is None else const(static)
                    for n, static in zip(dims, out.type.shape, strict=True)
                )

    def shape(self, v: Variable) -> Dims:
        """Lengths of the dimensions of `v`."""
        found = self._shapes.get(v)
        if found is None:
            if isinstance(v, Constant):
                found = tuple(const(n) for n in v.data.shape)
            else:
                found = tuple(self._length(v, axis) for axis in range(v.ndim))
            self._shapes[v] = found
        return found

    def integer(self, v: Variable) -> Expr | None:
        """Value of an integer of no dimensions, or None where it is known only from data."""
        if v not in self._integers:
            found = integer_value(v, self._leaf, self.shape)
            self._integers[v] = None if found is None else self.simple(found)
        return self._integers[v]

    def avoided(self, node: Apply) -> list[Expr]:
        """When a node is surely not computed, as far as that follows from integers."""
        found = []
        for region in outwards(self.regions.of(node)):
            value = self.integer(region.condition)
            if value is None:
                value = self._late_integers.get(region.condition)
            if value is not None:
                found.append(rows()["eq" if region.truth else "neq"](value, const(0)))
        return found

    def late_integer(self, v: Variable, node: Apply) -> Expr:
        """An integer computed from data that decides about the shapes of `node`."""
        self.awaited.setdefault(node, []).append(v)
        if v not in self._late_integers:
            self._late_integers[v] = self._late(v)
        return self._late_integers[v]

    def _late(self, v: Variable) -> Symbol:
        symbol = Symbol(f"late{len(self.late)}")
        self.late[symbol] = v
        return symbol

    def simple(self, x: Expr) -> Expr:
        """`x` in canonical form, where the leaves' lengths are known not to be negative.

        Lengths recur, so each is worked out once.
        """
        found = self._simple.get(x)
        if found is None:
            found = self._simple[x] = simplify(x, self._ranges)
            self._simple[found] = found
        return found

    def canonical(self, length: Expr) -> Expr:
        """`length` in terms that lengths assumed equal share."""
        for _ in self._equal:
            # What a length was equal to may since have been found equal to something else.
            found = self.simple(substitute(length, self._equal))
            if found == length:
                break
            length = found
        return length

    def assume_equal(self, left: Expr, right: Expr, check: Check) -> Expr:
        """Note that two lengths are equal; returns the one to go on with."""
        left, right = self.canonical(self.simple(left)), self.canonical(self.simple(right))
        if left == right:
            return left
        if isinstance(left, Const) and isinstance(right, Const):
            raise ValueError(check.message.format(*(_text(x) for x in check.values)))
        self.assume(check)
        if isinstance(right, Symbol):
            self._equal[right] = left
            return left
        if isinstance(left, Symbol):
            self._equal[left] = right
            return right
        return right if isinstance(right, Const) else left

    def assume_equal_if(
        self, avoided: Sequence[Expr], left: Expr, right: Expr, check: Check
    ) -> Expr:
        """Note that two lengths are equal, or else one of some conditions holds."""
        if self.canonical(left) != self.canonical(right):
            self.assume(replace(check, condition=_any([*avoided, check.condition])))
        return right if isinstance(right, Const) else left

    def assume(self, check: Check) -> None:
        """Have a condition checked at every call, once."""
        if check.condition not in self._assumed:
            self._assumed.add(check.condition)
            self.checks.append(check)

    def require_type(self, v: Variable, kind: TensorType, what: str) -> None:
        """Have it checked that `v` has the lengths that a type says."""
        for axis, (length, static) in enumerate(zip(self.shape(v), kind.shape, strict=True)):
            if static is not None:
                message = f"{_escape(what)} has length {{0}} in dimension {axis}, not {static}"
                wanted = const(static)
                self.assume_equal(length, wanted, Check(_equal(length, wanted), message, (length,)))

    def _length(self, v: Variable, axis: int) -> Expr:
        name = self._names[v]
        symbol = Symbol(f"{name}.{axis}")
        self.sizes[symbol] = Size(symbol, name, axis)
        self._ranges[symbol.name] = (0, None)
        static = v.type.shape[axis]
        if static is None:
            return symbol
        message = f"{name} has length {{0}} in dimension {axis}, its type {v.type} says {static}"
        self.assume(Check(_equal(symbol, const(static)), message, (symbol,)))
        return const(static)

    def _leaf(self, v: Variable) -> Expr | None:
        name = self._names.get(v)
        if name is None or v.ndim or not dtypes.is_discrete(v.dtype):
            return None
        symbol = Symbol(f"{name}.value")
        self.sizes[symbol] = Size(symbol, name, None)
        return symbol


def _equal(left: Expr, right: Expr) -> Expr:
    return cast(rows()["eq"](left, right), "bool")


def _any(conditions: Sequence[Expr]) -> Expr:
    """Whether one of some conditions holds."""
    found = conditions[0]
    for condition in conditions[1:]:
        found = rows()["logical_or"](found, condition)
    return found


def _text(x: Expr) -> Any:
    return x.value if isinstance(x, Const) else "?"


class _NodeShapes:
    """The `ShapeContext` of one node."""

    def __init__(self, shapes: Shapes, node: Apply) -> None:
        self._shapes = shapes
        self._node = node

    def shape(self, operand: int) -> Dims:
        return self._shapes.shape(self._node.inputs[operand])

    def integer(self, operand: int) -> Expr:
        v = self._node.inputs[operand]
        found = self._shapes.integer(v)
        return self._shapes.late_integer(v, self._node) if found is None else found

    def same(self, left: Expr, right: Expr) -> bool:
        return self._shapes.canonical(left) == self._shapes.canonical(right)

    def require_equal(self, left: Expr, right: Expr, what: str) -> Expr:
        same = self._shapes.canonical(self._shapes.simple(left))
        if same == self._shapes.canonical(self._shapes.simple(right)):
            return same
        check = self._check(_equal(left, right), what, "ValueError")
        avoided = self._shapes.avoided(self._node)
        if avoided:
            return self._shapes.assume_equal_if(avoided, left, right, check)
        return self._shapes.assume_equal(left, right, check)

    def require(self, condition: Expr, what: str, error: type[Exception] = IndexError) -> None:
        known = self._shapes.simple(_any([*self._shapes.avoided(self._node), condition]))
        if isinstance(known, Const) and known.value:
            return
        check = self._check(known, what, error.__name__)
        if not isinstance(known, Const):
            self._shapes.assume(check)
        else:
            raise error(check.message.format(*(_text(x) for x in check.values)))

    def _check(self, condition: Expr, what: str, error: str) -> Check:
        """A check whose message shows the shapes of all operands and the user's line."""
        values: list[Expr] = []
        shown = []
        for v in self._node.inputs:
            if v.ndim:
                dims = self._shapes.shape(v)
                slots = ", ".join(f"{{{len(values) + i}}}" for i in range(len(dims)))
                values.extend(dims)
                shown.append(f"{_braced(v)} ({slots}{',' if len(dims) == 1 else ''})")
        text = f"{_braced(self._node.op)}: {_escape(what)}"
        text += f". Shapes: {', '.join(shown)}" if shown else ""
        text += _escape(_place(self._node))
        return Check(condition, text, tuple(values), error)


def _escape(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _braced(x: object) -> str:
    return _escape(str(x) if not isinstance(x, Variable) else repr(x))


def _place(node: Apply) -> str:
    return f"\n  built at {node.line}" if node.line else ""
