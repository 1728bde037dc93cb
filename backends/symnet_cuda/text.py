"""Writing C++ text: fragments that know how tightly they bind, names, and indented lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PRIMARY, UNARY, PRODUCT, SUM, SHIFT, ORDER, EQUALITY = 15, 14, 13, 12, 11, 10, 9
BIT_AND, BIT_XOR, BIT_OR, AND, OR, CHOICE = 8, 7, 6, 5, 4, 3
"""How tightly the operators of C++ bind."""


@dataclass(frozen=True, slots=True)
class Text:
    """A C++ expression and how tightly its outermost operator binds."""

    code: str
    level: int = PRIMARY

    def at(self, level: int) -> str:
        """The expression as an operand of an operator that binds as tightly as `level`."""
        return self.code if self.level >= level else f"({self.code})"


_TAKEN = """
    alignas alignof and asm auto bool break case catch char class compl const continue default
    delete do double else enum explicit export extern false float for friend goto if inline int
    long mutable namespace new not operator or private protected public register return short
    signed sizeof static struct switch template this throw true try typedef typename union unsigned
    using virtual void volatile while xor dim3 threadIdx blockIdx blockDim gridDim warpSize
    erf exp gamma j0 j1 jn log main max min pow y0 y1 yn
"""


@dataclass(slots=True)
class Names:
    """Gives out C++ identifiers, each once."""

    taken: set[str] = field(default_factory=lambda: set(_TAKEN.split()))

    def fresh(self, hint: str) -> str:
        """An identifier that resembles `hint`.

        Examples
        --------
        >>> names = Names()
        >>> names.fresh("x.T"), names.fresh("x.T"), names.fresh("2")
        ('x_T', 'x_T_1', 'v2')
        """
        base = re.sub(r"\W", "_", hint, flags=re.ASCII) or "v"
        base = base if not base[0].isdigit() else f"v{base}"
        name, number = base, 0
        while name in self.taken:
            number += 1
            name = f"{base}_{number}"
        self.taken.add(name)
        return name

    def reserve(self, names: Iterable[str]) -> None:
        """Keep names for other uses."""
        self.taken.update(names)


@dataclass(slots=True)
class Writer:
    """Lines of C++ at a depth of indentation."""

    lines: list[str] = field(default_factory=list)
    depth: int = 0

    def line(self, text: str) -> None:
        """Add a line."""
        self.lines.append("    " * self.depth + text if text else "")

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Put what is written in a ``with`` block into braces after `head`."""
        self.line(f"{head} {{")
        self.depth += 1
        yield
        self.depth -= 1
        self.line("}")

    def text(self) -> str:
        """All lines."""
        return "\n".join(self.lines) + "\n"
