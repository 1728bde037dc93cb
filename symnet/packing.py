"""Functions of composites: their arguments taken apart, their results put together.

In goes what the user gives to `function`; out comes the same with composites replaced by their
parts, and a `Packing` that says how to call the function of the parts. Functions without composites
are not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

from symnet.composite import Composite
from symnet.freeze import In, Out


@dataclass(frozen=True, slots=True)
class Given:
    """What `function` is given, of its first parameters."""

    inputs: Any
    outputs: Any
    updates: Any
    givens: Any


@dataclass(frozen=True, slots=True)
class Packing:
    """How the arguments and results of a call are those of a call with parts.

    Attributes
    ----------
    inputs
        What the user declared, in order.
    outputs
        For each output the composite it is, or None for a tensor.
    keys, single
        As of `symnet.freeze.Signature`.
    """

    inputs: tuple[In, ...]
    outputs: tuple[Composite | None, ...]
    keys: tuple[str, ...] | None
    single: bool


def take_apart(given: Given) -> tuple[Given, Packing] | None:
    """Return what a function of parts is to be given, or None if there are no composites."""
    single, keys = False, None
    results = list(given.outputs) if isinstance(given.outputs, list | tuple) else given.outputs
    if isinstance(results, Mapping):
        keys, results = tuple(results), list(results.values())
    elif results is not None and not isinstance(results, list):
        single, results = True, [results]
    results = [x.variable if isinstance(x, Out) else x for x in results or ()]
    declared = list(given.inputs) if isinstance(given.inputs, list | tuple) else []
    replaced, changed = _pairs(given.givens), _pairs(given.updates)
    told = [
        *(x.variable if isinstance(x, In) else x for x in declared),
        *results,
        *(x for pair in (*replaced, *changed) if isinstance(pair, tuple | list) for x in pair),
    ]
    if not any(isinstance(x, Composite) for x in told):
        return None
    specs = [x if isinstance(x, In) else In(x) for x in declared]
    parts = Given(
        [part for k, spec in enumerate(specs) for part in _parts_of_input(spec, k)],
        None if given.outputs is None else [p for x in results for p in _parts(x)],
        _apart(changed, "the update of"),
        _apart(replaced, "what is given for"),
    )
    made = tuple(x if isinstance(x, Composite) else None for x in results)
    return parts, Packing(tuple(specs), made, keys, single)


def _pairs(given: Any) -> list[tuple[Any, Any]]:
    return list(given.items()) if isinstance(given, Mapping) else list(given or ())


def _parts(x: Any) -> Iterable[Any]:
    return x.parts if isinstance(x, Composite) else (x,)


def _parts_of_input(spec: In, number: int) -> Iterable[In]:
    whole: Any = spec.variable
    if not isinstance(whole, Composite):
        spec = copy(spec)
        spec.number = number
        return (spec,)
    if spec.update is not None:
        raise TypeError(f"{whole!r} is no hidden state: a shared variable and updates do the same")
    found = [In(p, strict=spec.strict, allow_downcast=spec.allow_downcast) for p in whole.parts]
    for part in found:
        part.whole, part.number = whole, number
    return found


def _apart(pairs: list[tuple[Any, Any]], what: str) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    for pair in pairs:
        if isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[0], Composite):
            old, new = pair
            found.extend(zip(old.parts, old.like(new, f"{what} {old!r}").parts, strict=True))
        else:
            found.append(pair)
    return found


class PackedFunction:
    """A compiled graph some of whose inputs or outputs are composites.

    Everything but calls is asked of the function of the parts.
    """

    def __init__(self, inner: Any, packing: Packing) -> None:
        self._inner = inner
        self._packing = packing

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function; see `symnet.function.Function`."""
        packing = self._packing
        specs = packing.inputs
        if len(args) > len(specs):
            takes = f"takes {len(specs)} argument{'s' * (len(specs) != 1)}"
            raise TypeError(f"{self._inner.name}() {takes}, got {len(args)}")
        given = dict(enumerate(args))
        for name, value in kwargs.items():
            given[self._number(name, given)] = value
        flat: list[Any] = []
        for k, spec in enumerate(specs):
            whole: Any = spec.variable
            what = f"{self._inner.name}(): input {whole!r} (number {k})"
            if not isinstance(whole, Composite):
                flat.append(given[k] if k in given else self._inner[len(flat)])
            elif k in given or spec.value is not None:
                flat.extend(whole.unpack(given.get(k, spec.value), what))
            else:
                raise TypeError(f"{self._inner.name}() misses the input {whole!r} (number {k})")
        results = self._inner(*flat)
        return self._packed(iter(results))

    def _packed(self, results: Any) -> Any:
        packing = self._packing
        found = [
            next(results) if c is None else c.pack([next(results) for _ in c.parts])
            for c in packing.outputs
        ]
        if packing.single:
            return found[0]
        return found if packing.keys is None else dict(zip(packing.keys, found, strict=True))

    def _number(self, name: str, given: Mapping[int, Any]) -> int:
        found = [k for k, spec in enumerate(self._packing.inputs) if spec.name == name]
        if len(found) != 1:
            many = f"{len(found)} inputs called" if found else "no input"
            raise TypeError(f"{self._inner.name}() has {many} {name!r}")
        if found[0] in given:
            raise TypeError(f"{self._inner.name}() got the input {name!r} twice")
        return found[0]

    def copy(
        self, share_memory: bool = False, swap: Mapping[Any, Any] | None = None, **settings: Any
    ) -> PackedFunction:
        """Another function of the same graph; see `symnet.function.Function.copy`."""
        parts = dict(_apart(_pairs(swap), "what is swapped for"))
        return PackedFunction(self._inner.copy(share_memory, parts, **settings), self._packing)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._inner, name)

    def __repr__(self) -> str:
        inputs = ", ".join(repr(s.variable) for s in self._packing.inputs)
        return f"<Function {self._inner.name}({inputs})>"


def packed(compile_parts: Callable[[Given], Any], given: Given) -> PackedFunction | None:
    """Return the function of composites that `compile_parts` makes, or None if there are none."""
    found = take_apart(given)
    if found is None:
        return None
    parts, packing = found
    return PackedFunction(compile_parts(parts), packing)
