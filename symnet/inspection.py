"""What old code looks at in a compiled function: ``f.maker.fgraph``, ``f.container``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from symnet.freeze import In
from symnet.graph import Apply, Variable, ancestors
from symnet.modes import Mode


@dataclass(frozen=True, slots=True)
class Graph:
    """The graph a function runs, as rewriting has left it and fusion finds it.

    Attributes
    ----------
    inputs
        Its inputs, then its shared variables.
    outputs
        Its outputs, then the new values of shared variables.
    """

    inputs: list[Variable]
    outputs: list[Variable]

    def toposort(self) -> list[Apply]:
        """All applications, operands first."""
        return list(ancestors(self.outputs))

    @property
    def apply_nodes(self) -> set[Apply]:
        """All applications."""
        return set(self.toposort())

    @property
    def variables(self) -> set[Variable]:
        """All variables."""
        nodes = self.toposort()
        return {*self.inputs, *self.outputs, *(v for n in nodes for v in (*n.inputs, *n.outputs))}


@dataclass(frozen=True, slots=True)
class Maker:
    """What a function was made of.

    Attributes
    ----------
    fgraph
        Its graph.
    inputs
        Its inputs, with names and defaults.
    mode
        How it runs.
    """

    fgraph: Graph
    inputs: Sequence[In]
    mode: Mode


class Containers:
    """Values of inputs that a call need not give: ``f.container["x"].value``.

    Parameters
    ----------
    read, write
        How to get and set the value of an input.
    """

    def __init__(self, read: Callable[[Any], Any], write: Callable[[Any, Any], None]) -> None:
        self._read, self._write = read, write

    def __getitem__(self, key: Any) -> Container:
        self._read(key)
        return Container(self, key)


class Container:
    """The value of one input.

    Parameters
    ----------
    containers, key
        Where it is found.
    """

    def __init__(self, containers: Containers, key: Any) -> None:
        self._containers, self._key = containers, key

    @property
    def value(self) -> Any:
        """The value that calls use which give none."""
        return self._containers._read(self._key)

    @value.setter
    def value(self, new: Any) -> None:
        self._containers._write(self._key, new)

    data = value
