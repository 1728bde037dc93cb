"""From the table of names to modules: what `install` registers.

A module holds the objects that `symnet.compat.theano.names.MODULES` lists for it, and its
submodules. A name it does not have raises an `AttributeError` that says whether it will come, what
replaces it, or what is spelled most like it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from symnet.compat.theano.names import ABSENT, MODULES
from symnet.names import missing


class OldModule(ModuleType):
    """A module of Theano's name."""

    __symnet__ = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        reason = absent(f"{self.__name__}.{name}")
        if reason:
            raise AttributeError(f"symnet has no {self.__name__}.{name}: {reason}", name=name)
        raise missing(f"symnet's {self.__name__}", name, list(self.__dict__))


def absent(name: str) -> str | None:
    """Why symnet does not have something of Theano's, by its full name or that of its module."""
    while name:
        if name in ABSENT:
            return ABSENT[name]
        name = name.rpartition(".")[0]
    return None


def build() -> dict[str, OldModule]:
    """Make all modules, by name."""
    made: dict[str, OldModule] = {}
    for name, lines in MODULES.items():
        module = made[name] = OldModule(name, f"{name} of old code, by symnet.")
        module.__path__ = []  # so that submodules can be imported
        for line in lines:
            module.__dict__.update(_objects(line))
    for name, child in made.items():
        parent, _, own = name.rpartition(".")
        if parent:
            # As in Theano, a function hides the module of its name: theano.tensor.sort.
            made[parent].__dict__.setdefault(own, child)
    for child in made.values():
        names = [n for n in child.__dict__ if not n.startswith("_")]
        child.__dict__["__all__"] = names
    return made


def _objects(line: str) -> Iterator[tuple[str, Any]]:
    """The names and objects of one line of the table: ``"source: name new=old *"``."""
    source, _, names = line.partition(":")
    module = import_module(source)
    for entry in names.split():
        if entry == "*":
            yield from ((n, getattr(module, n)) for n in _public(module))
        else:
            new, _, old = entry.partition("=")
            found: Any = module
            for part in (old or new).split("."):
                found = getattr(found, part)
            yield new, found


def _public(module: ModuleType) -> list[str]:
    names: list[str] = module.__all__
    return [n for n in names if not isinstance(getattr(module, n), ModuleType)]


class _Finder:
    """Says of a module below ``theano`` that is not there why."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith("theano.") or name in sys.modules:
            return None
        reason = absent(name)
        if reason is None:
            parent, _, own = name.rpartition(".")
            known = [n.rpartition(".")[2] for n in MODULES if n.rpartition(".")[0] == parent]
            reason = str(missing(f"symnet's {parent}", own, known))
        raise ModuleNotFoundError(f"no module {name}: {reason}", name=name)


FINDER = _Finder()
