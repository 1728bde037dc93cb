"""Printing values while a function runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from symnet.graph import Apply, Variable
from symnet.op import Array, Op, ShapeContext
from symnet.scalar import Expr
from symnet.types import TensorType


def _print(op: Print, value: Array) -> None:
    for name in op.attrs:
        found = getattr(value, name)
        print(op.message, name, "=", found() if callable(found) else found)


@dataclass(frozen=True, slots=True)
class Print(Op):
    """Its operand, which is printed when the function runs; to gradients it is not there.

    Parameters
    ----------
    message
        What is printed in front.
    attrs
        Names of attributes of the array to print; methods are called.
    global_fn
        Called instead with the operation and the array.

    Examples
    --------
    >>> import symnet as sn, symnet.tensor as T
    >>> from symnet.ops.printing import Print
    >>> x = T.dvector("x")
    >>> f = sn.function([x], Print("this is x", attrs=["__str__", "shape"])(x) * 2)
    >>> f([1, 2])
    this is x __str__ = [1. 2.]
    this is x shape = (2,)
    array([2., 4.])
    """

    message: str = ""
    attrs: tuple[str, ...] = ("__str__",)
    global_fn: Callable[[Any, Array], object] = _print

    def __post_init__(self) -> None:
        object.__setattr__(self, "attrs", tuple(self.attrs))

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        (x,) = types
        return [x]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        return [context.shape(0)]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        return list(cotangents)

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable]:
        return [self(*operands)]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        (x,) = inputs
        self.global_fn(self, x)
        return [x]

    def __str__(self) -> str:
        return f"print({self.message!r})"
