"""Values made of several tensors: what functions and gradients need to know of them.

A sparse matrix is its stored elements and their places. Every operation on it is an expression of
these tensors, so below the boundary of a function nothing knows of composites.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symnet.graph import Variable


class Composite:
    """A symbolic value made of several tensors.

    Attributes
    ----------
    name
        What the user calls it, or None.
    parts
        The tensors.
    """

    name: str | None
    parts: tuple[Variable, ...]

    @property
    def tangent(self) -> Variable:
        """The part that gradients are of."""
        raise NotImplementedError

    def with_tangent(self, g: Variable) -> Composite:
        """The same value but for the part that gradients are of."""
        raise NotImplementedError

    def like(self, value: object, what: str) -> Composite:
        """Return `value`, a composite or what one can be made of, in this one's form.

        Raises
        ------
        TypeError
            If that cannot be done; the message says `what` the value is for.
        """
        raise NotImplementedError

    def unpack(self, value: object, what: str) -> Sequence[Any]:
        """Return arrays for the parts, given a value as users have it; raises as `like` does."""
        raise NotImplementedError

    def pack(self, arrays: Sequence[Any]) -> Any:
        """Return a value as users have it, given arrays of the parts."""
        raise NotImplementedError

    def dot(self, x: Any, y: Any) -> Any:
        """Return the product of two operands of which this one is a factor."""
        raise NotImplementedError
