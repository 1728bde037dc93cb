"""Late specialisation: which lengths a program takes for constants.

The first version of a function is compiled for the sizes of its first call. When other sizes turn
up, those that changed stay symbolic in the next version, which then serves them all.
"""

from __future__ import annotations

from collections.abc import Mapping

from symnet.graph import Variable
from symnet.program import Int
from symnet.scalar import Const, Expr, Symbol, const, substitute, walk
from symnet.scalar.integer import evaluate_int
from symnet.shapes import Dims, Shapes


class Specialisation:
    """Shapes in which lengths that are not to vary are constants.

    Parameters
    ----------
    shapes
        The analysis of the graph.
    values
        Values of the base integers in the call at hand, by name.
    symbolic
        Lengths that have been seen to vary.

    Attributes
    ----------
    values
        The values it was made for.
    """

    def __init__(
        self, shapes: Shapes, values: Mapping[str, int], symbolic: frozenset[Expr] = frozenset()
    ) -> None:
        self.shapes = shapes
        self.symbolic = symbolic
        self.values = values
        self._bound: dict[Expr, int] = {}
        self._known: dict[Expr, Expr] = {}
        for symbol, size in shapes.sizes.items():
            if size.axis is not None and symbol not in symbolic:
                self._bound[symbol] = values[symbol.name]
        self._constants: dict[Expr, Expr] = {s: const(n) for s, n in self._bound.items()}
        self._dims: dict[Variable, Dims] = {}
        self._ints: dict[Variable, Expr | None] = {}

    def shape(self, v: Variable) -> Dims:
        """Lengths of the dimensions of `v`: constants, or expressions of what may vary."""
        found = self._dims.get(v)
        if found is None:
            found = self._dims[v] = tuple(self._bind(n) for n in self.shapes.shape(v))
        return found

    def integer(self, v: Variable) -> Expr | None:
        """Value of an integer of no dimensions, or None where it is known only from data."""
        if v not in self._ints:
            found = self.shapes.integer(v)
            self._ints[v] = None if found is None else self._simple(found)
        return self._ints[v]

    def ints(self) -> tuple[Int, ...]:
        """The specialised lengths and their values."""
        return tuple(
            Int(Symbol(f"g{k}"), expr, value) for k, (expr, value) in enumerate(self._bound.items())
        )

    @property
    def integers(self) -> dict[str, int]:
        """Values of base and derived integers in the call at hand, by name."""
        derived = {x.symbol.name: x.value for x in self.ints() if x.value is not None}
        return {**self.values, **derived}

    def changed(self, values: Mapping[str, int]) -> frozenset[Expr]:
        """The specialised lengths that have another value for other base integers."""
        return frozenset(x for x, n in self._bound.items() if evaluate_int(x, values) != n)

    def _simple(self, x: Expr) -> Expr:
        return self.shapes.simple(substitute(self.shapes.canonical(x), self._constants))

    def _bind(self, length: Expr) -> Expr:
        if isinstance(length, Const):
            return length
        found = self._known.get(length)
        if found is None:
            found = self._known[length] = self._bind_new(self.shapes.canonical(length))
        return found

    def _bind_new(self, length: Expr) -> Expr:
        simple = self._simple(length)
        if isinstance(simple, Const) or length in self.symbolic or not self._follows_values(simple):
            return simple
        # A length that an integer input decides (a minibatch's): it has this value until seen
        # to have another.
        self._bound[length] = evaluate_int(length, self.values)
        return const(self._bound[length])

    def _follows_values(self, x: Expr) -> bool:
        sizes = self.shapes.sizes
        return any(isinstance(y, Symbol) and sizes[y].axis is None for y in walk(x))
