"""Elements: what an operation may ask of fusion when it states an element of its output."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from symnet.graph import Apply, Variable
from symnet.nest import Reduction
from symnet.op import Index
from symnet.scalar import Expr, ScalarOp, Symbol, cast, const
from symnet.values import Dims, unravel

if TYPE_CHECKING:
    from symnet.fusion import Fusion


class Elements:
    """The `ElementContext` of one node."""

    def __init__(self, fusion: Fusion, node: Apply, first: int = 0) -> None:
        self._fusion = fusion
        self._node = node
        self._reductions = first

    def shape(self, operand: int) -> Dims:
        """Lengths of the dimensions of an operand."""
        return self._fusion.shape(self._node.inputs[operand])

    def out_shape(self, output: int = 0) -> Dims:
        """Lengths of the dimensions of an output."""
        return self._fusion.shape(self._node.outputs[output])

    def integer(self, operand: int) -> Expr:
        """Value of an integer operand of no dimensions."""
        found = self._fusion.integer(self._node.inputs[operand])
        if found is None:
            raise NotImplementedError(
                f"{self._node.op}: {self._node.inputs[operand]!r} is known only from data"
            )
        return found

    def read(self, operand: int, index: Index) -> Expr:
        """The element of an operand at an index."""
        return self._fusion.element(self._node.inputs[operand], index)

    def read_flat(self, operand: int, position: Expr) -> Expr:
        """The element of an operand at a position in C order."""
        v = self._node.inputs[operand]
        shape = self._fusion.shape(v)
        return self._fusion.element(v, unravel(position, shape))

    def reduce(
        self,
        combine: ScalarOp,
        dtype: str,
        extents: Sequence[Expr],
        element: Callable[[Index], Expr],
    ) -> Expr:
        """A reduction over a box; lengths known to be 1 are left out."""
        number = self._fusion.numbers[self._node]
        symbols = tuple(Symbol(f"r{number}_{self._reductions + k}") for k in range(len(extents)))
        self._reductions += len(extents)
        one = const(1)
        index = tuple(const(0) if n == one else s for s, n in zip(symbols, extents, strict=True))
        looped = tuple((s, n) for s, n in zip(symbols, extents, strict=True) if n != one)
        body = cast(element(index), dtype)
        return (
            Reduction(combine, tuple(s for s, _ in looped), tuple(n for _, n in looped), body)
            if looped
            else body
        )


class Held(Elements):
    """The `ElementContext` of an operation that must find some of its operands in memory."""

    def __init__(
        self,
        fusion: Fusion,
        node: Apply,
        held: Collection[int],
        element: Callable[[Variable, Index], Expr],
    ) -> None:
        super().__init__(fusion, node)
        self._held = held
        self._element = element

    def read(self, operand: int, index: Index) -> Expr:
        """The element of an operand at an index."""
        if operand in self._held:
            return self._element(self._node.inputs[operand], index)
        return super().read(operand, index)

    def read_flat(self, operand: int, position: Expr) -> Expr:
        """The element of an operand at a position in C order."""
        return self.read(operand, unravel(position, self.shape(operand)))
