"""The oracle: a graph evaluated operation by operation with NumPy, nothing rewritten or fused.

In goes a graph and an array for each of its leaves; out come the arrays of its outputs. On the way
every assumption a compiled function checks is checked too, and every result is held to what its
operation declares of it: number, dtype and shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from symnet.graph import Apply, Constant, Variable, ancestors, expanded
from symnet.op import Array, ChoiceOp
from symnet.regions import Region, Regions
from symnet.scalar import Const, Expr, const
from symnet.scalar.integer import evaluate_int
from symnet.types import TensorType


@dataclass(frozen=True, slots=True)
class Step:
    """One operation being run, in the form of Theano's storage: a list of one entry each.

    Attributes
    ----------
    inputs
        For each operand a list that holds its array.
    outputs
        For each result a list that holds its array, empty before the operation has run.
    """

    inputs: list[list[Array]]
    outputs: list[list[Array]]


class Watcher(Protocol):
    """What looks on while a graph is evaluated; choices, which compute nothing, are not shown."""

    @property
    def inside(self) -> bool:
        """Whether it looks at what operations evaluate themselves, such as the bodies of loops."""
        ...

    def before(self, number: int, node: Apply, step: Step) -> None:
        """Called before operation `number` runs."""
        ...

    def after(self, number: int, node: Apply, step: Step) -> None:
        """Called when operation `number` has run; what it leaves in `step.outputs` holds."""
        ...


def evaluate(
    outputs: Sequence[Variable], given: Mapping[Variable, Any], watcher: Watcher | None = None
) -> list[Array]:
    """Compute variables by the NumPy meaning of their operations.

    Parameters
    ----------
    outputs
        What to compute.
    given
        Values of the leaves and of any other variable that is not to be computed. Shared variables
        have their own unless one is given.
    watcher
        Called before and after every operation.

    Raises
    ------
    ValueError
        If a leaf has no value, or lengths do not agree.
    TypeError
        If a value is not of its variable's type.
    IndexError
        If an index is out of range.

    Examples
    --------
    >>> from symnet.tensor import vector
    >>> x = vector("x")
    >>> evaluate([x * 2 + 1], {x: np.array([1, 2], "float32")})
    [array([3., 5.], dtype=float32)]
    """
    return Evaluation(outputs, given)(given, watcher)


_looking_inside: ContextVar[Watcher | None] = ContextVar("_looking_inside", default=None)


class Evaluation:
    """A graph made ready to be evaluated many times.

    Parameters
    ----------
    outputs
        What to compute.
    inputs
        The variables whose values each call is given.
    """

    def __init__(
        self, outputs: Sequence[Variable], inputs: Sequence[Variable] | Mapping[Any, Any]
    ) -> None:
        self.inputs = tuple(inputs)
        self.outputs = tuple(expanded(outputs, stop=self.inputs))
        self.nodes = tuple(ancestors(self.outputs, stop=self.inputs))
        self._regions = Regions(self.nodes, self.outputs)

    def __call__(
        self, given: Mapping[Variable, Any], watcher: Watcher | None = None
    ) -> list[Array]:
        """Evaluate with values of the inputs; `watcher` looks on."""
        if watcher is None:
            return self._evaluate(given, _looking_inside.get())
        token = _looking_inside.set(watcher if watcher.inside else None)
        try:
            return self._evaluate(given, watcher)
        finally:
            _looking_inside.reset(token)

    def _evaluate(self, given: Mapping[Variable, Any], watcher: Watcher | None) -> list[Array]:
        values: dict[Variable, Array] = {v: _accepted(v, given[v]) for v in self.inputs}
        entered: dict[Region | None, bool] = {None: True}
        for number, node in enumerate(self.nodes):
            if self._regions and not _enters(self._regions.of(node), values, entered):
                continue
            if isinstance(node.op, ChoiceOp):
                taken = 1 if _value(node.inputs[0], values) else 2
                values[node.out] = _value(node.inputs[taken], values)
                continue
            operands = [_value(v, values) for v in node.inputs]
            step = Step([[a] for a in operands], [[] for _ in node.outputs])
            if watcher is not None:
                watcher.before(number, node, step)
            try:
                results = _perform(node, operands)
            except Exception as error:
                error.add_note(_circumstances(node, values))
                raise
            if watcher is not None:
                for held, result in zip(step.outputs, results, strict=True):
                    held.append(result)
                watcher.after(number, node, step)
                results = [held[0] for held in step.outputs]
            values.update(zip(node.outputs, results, strict=True))
        return [_value(v, values) for v in self.outputs]


def _enters(
    region: Region | None, values: Mapping[Variable, Array], known: dict[Region | None, bool]
) -> bool:
    """Whether the conditions of a region hold; choices ask for theirs before for their arms."""
    if region not in known:
        assert region is not None
        outside = _enters(region.outer, values, known)
        known[region] = outside and bool(_value(region.condition, values)) is region.truth
    return known[region]


def _value(v: Variable, values: Mapping[Variable, Array]) -> Array:
    found = values.get(v)
    if found is not None:
        return found
    if isinstance(v, Constant):
        return v.data
    held = getattr(v, "container", None)
    if held is not None:  # a shared variable, whose class is built on this module
        value: Array = held.host()
        return value
    raise ValueError(f"{v!r} of type {v.type} has no value; give one, or compute it from others")


def _accepted(v: Variable, given: Any) -> Array:
    value = np.asarray(given)
    if value.dtype.name != v.dtype or not v.type.accepts(TensorType.of(value)):
        raise TypeError(
            f"{v!r} is {v.type}; it cannot be a {value.dtype.name} array of shape {value.shape}"
        )
    return value


def _perform(node: Apply, inputs: list[Array]) -> list[Array]:
    """Run one operation between checks of what it assumes and of what it declares."""
    inferred = None
    if not node.op.length_from_data:
        inferred = node.op.infer_shape(node, Lengths(inputs))
    results = node.op.host(node)(inputs)
    if len(results) != len(node.outputs):
        raise AssertionError(f"{node.op} gave {len(results)} results, not {len(node.outputs)}")
    for v, result in zip(node.outputs, results, strict=True):
        declared = result.shape
        if inferred is not None:
            declared = tuple(evaluate_int(n, {}) for n in inferred[v.index])
        if result.shape != declared or not v.type.accepts(TensorType.of(result)):
            raise AssertionError(
                f"{node.op} gave a {result.dtype} of shape {result.shape}, but declares {v.type} "
                f"and infers the shape {declared}"
            )
    return results


@dataclass(frozen=True, slots=True)
class Lengths:
    """The `ShapeContext` of arrays that are there."""

    inputs: Sequence[Array]

    def shape(self, operand: int) -> tuple[Expr, ...]:
        """Lengths of the dimensions of an operand."""
        return tuple(map(const, self.inputs[operand].shape))

    def integer(self, operand: int) -> Expr:
        """Value of an operand that is an integer of no dimensions."""
        return const(int(self.inputs[operand]))

    def same(self, left: Expr, right: Expr) -> bool:
        """Whether two lengths agree."""
        return evaluate_int(left, {}) == evaluate_int(right, {})

    def require_equal(self, left: Expr, right: Expr, what: str) -> Expr:
        """Raise a `ValueError` unless two lengths agree."""
        a, b = evaluate_int(left, {}), evaluate_int(right, {})
        if a != b:
            raise ValueError(f"{what}: {a} and {b}")
        return const(a)

    def require(self, condition: Expr, what: str, error: type[Exception] = IndexError) -> None:
        """Raise `error` unless a condition holds."""
        if not (condition.value if isinstance(condition, Const) else evaluate_int(condition, {})):
            raise error(what)


def described(array: Array) -> str:
    """What there is to say of an array in a line.

    Examples
    --------
    >>> described(np.array([1.0, -2.5, np.nan, np.inf]))
    'float64 (4,), from -2.5 to 1, 1 NaN, 1 infinite'
    """
    text = f"{array.dtype} {array.shape}"
    if not array.size or array.dtype.kind not in "fiu":
        return text
    finite = np.isfinite(array)
    if finite.any():
        low = np.min(array, where=finite, initial=np.max(array[finite]))
        high = np.max(array, where=finite, initial=low)
        text += f", {low:.6g}" if low == high else f", from {low:.6g} to {high:.6g}"
    for count, what in (
        (int(np.isnan(array).sum()), "NaN"),
        (int(np.isinf(array).sum()), "infinite"),
    ):
        if count:
            text += f", {count} {what}"
    return text


def _circumstances(node: Apply, values: Mapping[Variable, Array]) -> str:
    lines = [f"in {node.op} of"]
    for v in node.inputs:
        array = values[v] if v in values else v.data if isinstance(v, Constant) else None
        found = "no value" if array is None else f"{array.dtype} {array.shape}"
        lines.append(f"  {v!r}: {found}, type {v.type}")
    if node.line:
        lines.append(f"built at {node.line}")
    return "\n".join(lines)
