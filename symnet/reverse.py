"""Reverse accumulation that knows no operation.

In go roots with their cotangents and the variables that are asked for; out come cotangents of
these, made by `Op.vjp` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from symnet import dtypes
from symnet.graph import (
    Apply,
    Constant,
    Interner,
    Variable,
    ancestors,
    built_at,
    leaves,
    make_variable,
    rebuild,
)
from symnet.op import ChoiceOp, Op
from symnet.ops import build
from symnet.ops.choice import IfElse
from symnet.ops.shape import SpecifyShape
from symnet.regions import Region, Regions
from symnet.rewriting import stabilized
from symnet.scalar.primitives import add
from symnet.types import TensorType


class NullTypeGradError(TypeError):
    """A gradient passes through an operation that has no derivative."""


@dataclass(frozen=True, slots=True)
class DisconnectedType:
    """The type of what stands for the gradient of what an output does not depend on."""

    def __call__(self, name: str | None = None) -> Variable:
        """Return a variable of this type."""
        return Variable(self, name=name)  # type: ignore[arg-type]  # no value is ever of this type

    def __str__(self) -> str:
        return "DisconnectedType"


@dataclass(frozen=True, slots=True)
class NullType:
    """The type of what stands for a gradient that there is none of.

    Parameters
    ----------
    why_null
        The reason; a gradient that would be made of it raises `NullTypeGradError` with it.
    """

    why_null: str = "(no explanation)"

    def __call__(self, name: str | None = None) -> Variable:
        """Return a variable of this type."""
        return Variable(self, name=name)  # type: ignore[arg-type]  # no value is ever of this type

    def __str__(self) -> str:
        return f"NullType: {self.why_null}"


@dataclass(frozen=True, slots=True)
class _Held(Op):
    """Its first operand, a variable that the caller named: rewriting changes nothing across it.

    The second operand is a leaf that tells one from another.
    """

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        return [types[0]]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        return [cotangents[0], None]


def differentiate(
    seeds: Sequence[tuple[Variable, Variable]],
    known: Mapping[Variable, Variable],
    wanted: Sequence[Variable],
    constants: Iterable[Variable],
) -> dict[Variable, tuple[bool, Variable | None]]:
    """Return for each variable whether the roots depend on it, and its cotangent (None is zero).

    What is differentiated is the stable form of the graph: the derivative of ``log(softmax(x))`` as
    written divides by probabilities that may be 0, that of its stable form does not.

    Parameters
    ----------
    seeds
        Roots, each with a cotangent to add to its own.
    known
        Roots whose cotangent is this and nothing else.
    wanted
        Variables whose cotangents are sought.
    constants
        Variables that nothing flows through.
    """
    for v, g in [*seeds, *known.items()]:
        check_seed(v, g)
    constants = list(constants)
    roots = list(dict.fromkeys([*(v for v, _ in seeds), *known]))
    connected = Paths(roots, wanted, constants).reached
    new, original = stable_form(roots, {*known, *wanted, *constants})
    cotangents = accumulate(
        [(new[v], g) for v, g in seeds],
        {new[v]: g for v, g in known.items()},
        [new[v] for v in wanted if v in new],
        [new[v] for v in constants if v in new],
    )
    found = {v: cotangents.get(new[v]) if v in new else None for v in wanted}
    restored = iter(rebuild([g for g in found.values() if g is not None], original))
    return {v: (v in connected, None if g is None else next(restored)) for v, g in found.items()}


def stable_form(
    roots: Sequence[Variable], named: Set[Variable]
) -> tuple[dict[Variable, Variable], dict[Variable, Variable]]:
    """Rewrite a graph for differentiation, keeping the variables that the caller named.

    Returns
    -------
    tuple
        What roots and named variables have become, as far as they are still in the graph; and the
        named variables by what they have become.
    """
    marks: dict[Variable, Variable] = {}
    interner = Interner()
    new: dict[Variable, Variable] = {}

    def hold(old: Variable, v: Variable) -> Variable:
        if old not in named:
            return v
        mark = make_variable(TensorType("bool", ()))
        marks[mark] = old
        held: Variable = _Held()(v, mark)
        return held

    for v in leaves(roots):
        # Equal constants become one; other leaves stay themselves.
        new[v] = hold(v, v) if isinstance(v, Constant) else v
    for node in ancestors(roots):
        inputs = [new[v] for v in node.inputs]
        for old, out in zip(node.outputs, interner.apply(node.op, inputs, like=node), strict=True):
            new[old] = hold(old, out)
    stable = stabilized([new[v] for v in roots])
    become = {v: u for v, u in new.items() if v in named and v.owner is None}
    original: dict[Variable, Variable] = {}
    for node in ancestors(stable):
        if isinstance(node.op, _Held):
            old = marks[node.inputs[1]]
            become[old] = node.out
            original[node.out] = old
    return become | dict(zip(roots, stable, strict=True)), original


class Paths:
    """Which variables lie between some inputs and some roots.

    Attributes
    ----------
    nodes
        The applications that the roots depend on, operands first.
    varying
        What depends on the inputs.
    reached
        What of this the roots depend on.
    """

    def __init__(
        self, roots: Iterable[Variable], inputs: Iterable[Variable], constants: Iterable[Variable]
    ) -> None:
        stopped = set(constants)
        roots = list(roots)
        self.nodes = [n for n in ancestors(roots, stop=stopped) if not n.op.severs]
        # A constant stops what would flow through it; what arrives at it may be asked for.
        self.varying = set(inputs)
        patterns = {n: p for n in self.nodes if (p := n.op.connection_pattern(n)) is not None}
        for node in self.nodes:
            if not self.varying.isdisjoint(node.inputs):
                pattern = patterns.get(node)
                self.varying.update(
                    v
                    for k, v in enumerate(node.outputs)
                    if v not in stopped
                    and (pattern is None or self._meets(self.varying, node.inputs, pattern, k))
                )
        self.reached = self.varying.intersection(roots)
        for node in reversed(self.nodes):
            if not self.reached.isdisjoint(node.outputs):
                pattern = patterns.get(node)
                self.reached.update(
                    v
                    for k, v in enumerate(node.inputs)
                    if v in self.varying
                    and (
                        pattern is None
                        or any(
                            joined and out in self.reached
                            for joined, out in zip(pattern[k], node.outputs, strict=True)
                        )
                    )
                )

    @staticmethod
    def _meets(
        varying: Set[Variable],
        inputs: Sequence[Variable],
        pattern: Sequence[Sequence[bool]],
        output: int,
    ) -> bool:
        """Whether an output is connected with an operand that varies."""
        return any(v in varying and row[output] for v, row in zip(inputs, pattern, strict=True))


def accumulate(
    seeds: Sequence[tuple[Variable, Variable]],
    known: Mapping[Variable, Variable],
    wanted: Sequence[Variable],
    constants: Iterable[Variable],
) -> dict[Variable, Variable | None]:
    """Return the cotangents of the variables that are wanted, None for zero, by `Op.vjp` alone.

    What is computed under a condition is differentiated under this condition: the cotangents of
    what a region reads are chosen where they leave it.
    """
    stopped = set(constants)
    roots = [*(v for v, _ in seeds), *known]
    paths = Paths(roots, wanted, stopped)
    terms = _Terms(paths.reached, Regions(paths.nodes, roots))
    for v, g in seeds:
        if v in paths.reached and v not in known:
            terms.add(v, fitted(g, v), None)
    for v, g in known.items():
        if v in paths.reached:
            terms.add(v, fitted(g, v), None)
    for node in reversed(paths.nodes):
        if paths.reached.isdisjoint(node.outputs) or paths.varying.isdisjoint(node.inputs):
            continue
        here = terms.regions.of(node)
        cotangents = [None if v in stopped else terms.total(v, here) for v in node.outputs]
        if all(g is None for g in cotangents):
            continue
        if isinstance(node.op, ChoiceOp):
            pulled = [None, *cotangents, *cotangents]  # each in the region of its arm
        else:
            with built_at(None if node.line is None else node.line.differentiated()):
                pulled = pulled_back(node, cotangents)
        for k, (v, term) in enumerate(zip(node.inputs, pulled, strict=True)):
            kind: object = None if term is None else term.type
            if term is None or isinstance(kind, DisconnectedType):
                continue
            if v in paths.reached and v not in known and dtypes.is_float(v.dtype):
                if isinstance(kind, NullType):
                    raise NullTypeGradError(f"{node.op}: {kind.why_null}{_place(node)}")
                terms.add(v, fitted(term, v, node), terms.regions.reading(node, k))
    return {v: terms.total(v, None) for v in wanted}


class _Terms:
    """What the cotangents of variables are sums of, and the regions in which each is computed."""

    def __init__(self, reached: Iterable[Variable], regions: Regions) -> None:
        self.regions = regions
        self._terms: dict[Variable, dict[Region | None, list[Variable]]] = {
            v: {} for v in reached
        }

    def add(self, v: Variable, term: Variable, region: Region | None) -> None:
        """Add a term to the cotangent of a variable."""
        self._terms[v].setdefault(region, []).append(term)

    def total(self, v: Variable, home: Region | None) -> Variable | None:
        """Return the sum of the terms in a region around all, and leave it as the only term."""
        found = self._terms.get(v)
        if not found:
            return None
        while inner := [r for r in found if r is not None and r is not home]:
            region = max(inner, key=lambda r: r.depth)
            arms = [_sum(found.pop(r, [])) for r in (region, self.regions.beside(region))]
            then, otherwise = (build.zeros_like(v) if g is None else g for g in arms)
            if not region.truth:
                then, otherwise = otherwise, then
            found.setdefault(region.outer, []).append(IfElse()(region.condition, then, otherwise))
        total = _sum(found.pop(home))
        assert total is not None
        found[home] = [total]
        return total


def _sum(terms: list[Variable]) -> Variable | None:
    """The sum of some terms."""
    left = terms
    while len(left) > 1:
        # A balanced tree: in a chain, errors and the depth of the graph would grow with its length.
        pairs = [add(a, b) for a, b in zip(left[::2], left[1::2], strict=False)]
        left = pairs + left[len(pairs) * 2 :]
    return left[0] if left else None


def pulled_back(node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
    """Return what `Op.vjp` returns, checked."""
    try:
        found = node.op.vjp(node, cotangents)
    except NotImplementedError as error:
        raise NullTypeGradError(
            f"{node.op} has no derivative ({error}), but the cost depends on it; if its result is "
            f"to be taken as a constant, wrap it in gradient.zero_grad{_place(node)}"
        ) from error
    if len(found) != len(node.inputs):
        raise TypeError(
            f"{node.op}.vjp returned {len(found)} cotangents for {len(node.inputs)} operands"
        )
    return found


def _place(node: Apply) -> str:
    return f"\n  built at {node.line}" if node.line else ""


def fitted(g: Variable, v: Variable, node: Apply | None = None) -> Variable:
    """Return a cotangent of `v` in its dtype, broadcasting wherever `v` does."""
    if g.ndim != v.ndim:
        raise TypeError(f"{node and node.op}.vjp returned a cotangent {g.type} of a {v.type}")
    g = build.cast(g, v.dtype)
    ones = tuple(1 if n == 1 else None for n in v.type.shape)
    if any(n == 1 and m != 1 for n, m in zip(ones, g.type.shape, strict=True)):
        g = SpecifyShape(ones)(g)
    return g


def check_seed(v: Variable, g: Variable) -> None:
    """Raise a `TypeError` unless `g` can be a cotangent or tangent of `v`."""
    if not isinstance(v, Variable) or not isinstance(g, Variable):
        raise TypeError(f"a gradient and what it is of are variables, not {g!r} of {v!r}")
    if g.ndim != v.ndim or not dtypes.is_float(g.dtype):
        raise TypeError(
            f"{g!r} of type {g.type} cannot be a gradient (or evaluation point) of {v!r} of type "
            f"{v.type}: it needs a floating point dtype and the same number of dimensions"
        )
