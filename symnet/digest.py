"""A graph's digest: what is equal for graphs that are compiled to the same program.

It covers operations with their parameters, types, constants, names and source lines, for messages
name them. What cannot be told apart in a later process, such as an operation of the user's own, has
no digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from types import FunctionType
from typing import Any

import numpy as np

from symnet.graph import Constant, Variable, ancestors
from symnet.scalar import Expr, ScalarOp, rows, show

_PLAIN = (bool, int, float, complex, str, bytes, type(None), slice, range, type(Ellipsis))
_OWN = __name__.partition(".")[0] + "."


class NoDigestError(Exception):
    """A graph holds something that has no meaning outside this process."""


def digest(outputs: Sequence[Variable], leaves: Sequence[Variable], *facts: Any) -> str:
    """The digest of a graph.

    Parameters
    ----------
    outputs, leaves
        Its results, and the variables without owner that it is a function of.
    facts
        What else matters: numbers, strings, tuples of them.

    Raises
    ------
    NoDigestError
        If there is none.

    Examples
    --------
    >>> import symnet.tensor as T
    >>> x, y = T.vector("x"), T.vector("y")
    >>> digest([T.exp(x)], [x]) == digest([T.exp(y)], [y])  # another name, another line
    False
    """
    writer = _Writer()
    writer.graph(outputs, leaves)
    writer.tell(facts)
    return writer.found.hexdigest()


class _Writer:
    """Writes graphs into a digest; each distinct part is written out once and then has a number."""

    def __init__(self) -> None:
        self.found = hashlib.sha256()
        self._parts: dict[Any, bytes] = {}
        self._numbers: dict[Variable, int] = {}

    def graph(self, outputs: Sequence[Variable], leaves: Sequence[Variable]) -> None:
        """A graph, operands before what uses them."""
        update, numbers = self.found.update, self._numbers
        for v in leaves:
            self._number(v)
            update(b"leaf %s %s\n" % (self._part(v.type), repr(v.name).encode()))
        for node in ancestors(outputs):
            operands = [self._operand(v) for v in node.inputs]
            line = str(node.line).encode()  # what messages say; who called it is for people only
            update(b"%s %r %s\n" % (self._part(node.op), operands, line))
            for v in node.outputs:
                numbers[v] = len(numbers)
                update(self._part(v.type))
                if v.name is not None:
                    update(repr(v.name).encode())
        update(repr([self._operand(v) for v in outputs]).encode())

    def tell(self, x: Any) -> None:
        """Anything that has a digest."""
        self.found.update(self._part(x))

    def _number(self, v: Variable) -> int:
        return self._numbers.setdefault(v, len(self._numbers))

    def _operand(self, v: Variable) -> int:
        number = self._numbers.get(v)
        if number is None:
            if not isinstance(v, Constant):
                raise NoDigestError(f"{v!r} comes from nowhere")
            number = self._number(v)
            self.found.update(b"constant %s" % self._part(v.type))
            self.found.update(v.data.tobytes())
        return number

    def _part(self, x: Any) -> bytes:
        """The text of a part: in full when it is first met, then by its number."""
        if isinstance(x, _PLAIN):
            return repr(x).encode()
        try:
            found = self._parts.get((type(x), x))
        except TypeError:  # an array or a list, which cannot be looked up
            return self._text(x)
        if found is None:
            found = self._text(x)
            self._parts[type(x), x] = b"#%d" % len(self._parts)
        return found

    def _text(self, x: Any) -> bytes:
        if isinstance(x, np.dtype):
            return repr(x).encode()
        if isinstance(x, np.ndarray | np.generic) and x.dtype != object:
            return f"{x.dtype} {x.shape} ".encode() + x.tobytes()
        if isinstance(x, tuple | list):
            return b"(%s)" % b" ".join(map(self._part, x))
        if isinstance(x, set | frozenset):
            return b"{%s}" % b" ".join(sorted(_Writer()._part(e) for e in x))
        if isinstance(x, ScalarOp):
            if rows().get(x.name) is x:
                return x.name.encode()
        elif isinstance(x, Expr):
            return f"{show(x)}: {x.dtype}".encode()
        elif isinstance(x, type | FunctionType):
            if x.__module__.startswith(_OWN) and "<" not in x.__qualname__:
                return f"{x.__module__}.{x.__qualname__}".encode()
        elif isinstance(x, Variable):
            return self._body(x)
        elif is_dataclass(x) and type(x).__module__.startswith(_OWN):
            values = (self._part(getattr(x, f.name)) for f in fields(x) if f.init)
            return b"%s(%s)" % (type(x).__qualname__.encode(), b" ".join(values))
        raise NoDigestError(f"{x!r} has no meaning outside this process")

    def _body(self, v: Variable) -> bytes:
        """A variable among an operation's parameters: an input of its body, or a result of that."""
        if v not in self._numbers:
            if v.owner is None and not isinstance(v, Constant):
                self._number(v)
                self.found.update(b"input %s" % self._part(v.type))
            else:
                self.graph([v], [])
        return b"v%d" % self._numbers[v]
