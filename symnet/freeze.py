"""What the user gives to `function`, made into one closed graph.

In go inputs, outputs, updates and givens as users write them; out come a `Signature` (how to read
the arguments of a call) and a `Frozen` graph. Every mistake in them is reported here.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symnet import dtypes
from symnet.composite import Composite
from symnet.config import config
from symnet.graph import Constant, Interner, Variable, expanded, leaves, make_variable, rebuild
from symnet.lowering import Frozen
from symnet.scalar import cast_to
from symnet.shared import SharedVariable, shared
from symnet.tensor.convert import as_tensor_variable


class In:
    """An input of a function, with more to say than the variable itself.

    Parameters
    ----------
    variable
        The symbolic input.
    name
        Keyword under which a call may give it; the variable's name unless said otherwise.
    value
        Default for calls that do not give it; a shared variable stands for its current value.
    update
        New value of the default after each call: the input then is hidden state of the function.
    mutable, borrow, autoname, implicit, shared
        Theano's promises about memory; accepted, and never needed.
    strict
        Refuse values that would have to be converted.
    allow_downcast
        Whether a value may lose precision on the way in; None allows it for Python floats.

    Examples
    --------
    >>> import symnet as sn, symnet.tensor as T
    >>> x, y = T.scalars("x", "y")
    >>> float(sn.function([x, In(y, value=1.0)], x + y)(2.0))
    3.0
    """

    def __init__(
        self,
        variable: Variable | Composite,
        name: str | None = None,
        value: Any = None,
        update: Any = None,
        mutable: bool | None = None,
        strict: bool = False,
        allow_downcast: bool | None = None,
        autoname: bool = True,
        implicit: bool | None = None,
        borrow: bool | None = None,
        shared: bool = False,
    ) -> None:
        if not isinstance(variable, Variable | Composite):
            raise TypeError(f"an input must be a symbolic variable, got {type(variable).__name__}")
        self.variable: Any = variable
        self.name = name or variable.name
        self.value = value
        self.update = update
        self.strict = strict
        self.allow_downcast = allow_downcast
        # Of a part of a composite, what it is part of; and its number among what was declared.
        self.whole: Composite | None = None
        self.number: int | None = None


class Out:
    """An output of a function; `borrow` is Theano's promise about memory, never needed here."""

    def __init__(self, variable: Any, borrow: bool = False) -> None:
        composite = isinstance(variable, Composite)
        self.variable: Any = variable if composite else as_tensor_variable(variable)
        self.borrow = borrow


@dataclass(frozen=True, slots=True)
class Signature:
    """How a call is read and what it returns.

    Attributes
    ----------
    inputs
        The inputs in order.
    states
        For each input the variable that holds its value between calls, if it is hidden state;
        the program has no such inputs.
    keys
        Names of the outputs if they were given as a dict.
    single
        Whether a call returns one array instead of a list.
    """

    inputs: tuple[In, ...]
    states: tuple[SharedVariable | None, ...]
    keys: tuple[str, ...] | None
    single: bool


class UnusedInputError(ValueError):
    """An input that no output or update depends on."""


class MissingInputError(ValueError):
    """The graph depends on a variable that is neither an input nor has a value."""


Pairs = Mapping[Any, Any] | Iterable[tuple[Any, Any]]


def freeze(
    inputs: Sequence[Any],
    outputs: Any,
    updates: Pairs | None,
    givens: Pairs | None,
    name: str | None,
    no_default_updates: bool | Sequence[Variable],
    on_unused_input: str | None,
) -> tuple[Signature, Frozen]:
    """Close the graph over its inputs and shared variables; see `symnet.function.function`."""
    declared = [_declared(x) for x in _sequence(inputs)]
    _check_inputs(declared)
    roots, keys, single = _outputs(outputs)
    new_values = _updates(updates)
    replaced = _givens(givens)
    state = _hidden_state(declared, new_values)
    specs = [s for s in declared if s.update is None]
    fresh = {
        s.variable: make_variable(s.variable.type, name=s.variable.name)
        for s in specs
        if s.variable.owner is not None or isinstance(s.variable, SharedVariable | Constant)
    }
    interner = Interner()
    # All at once: what is put in sees the old variables.
    replacement = {**replaced, **fresh, **state}
    results = expanded(rebuild([*roots, *new_values.values()], replacement, interner))
    given_inputs = tuple(fresh.get(s.variable, s.variable) for s in specs)
    values = dict(zip(new_values, results[len(roots) :], strict=True))
    outs = results[: len(roots)]
    values = _default_updates(outs, values, no_default_updates, replacement, interner)
    found = leaves([*outs, *values.values()])
    _check_missing(found, given_inputs)
    _check_unused(specs, given_inputs, found, on_unused_input)
    shared = [v for v in found if isinstance(v, SharedVariable)]
    shared = list(dict.fromkeys([*shared, *values]))
    frozen = Frozen(
        _identifier(name or "step"),
        given_inputs,
        tuple(shared),
        tuple(outs),
        tuple(values.items()),
        _names(given_inputs, shared),
    )
    states = tuple(state.get(s.variable) for s in declared)
    return Signature(tuple(declared), states, keys, single), frozen


def _sequence(inputs: Any) -> Sequence[Any]:
    if isinstance(inputs, list | tuple):
        return inputs
    raise TypeError(
        f"the inputs of a function are a list, got {inputs!r}: write function([x], ...), or "
        "function([], ...) for none"
    )


def _declared(x: Any) -> In:
    """An input as it may be written: also ``(x, value)`` and ``(name, (x, update), value)``."""
    if isinstance(x, In):
        return x
    if not isinstance(x, (list, tuple)):
        return In(_variable(x))
    name, parts = (x[0], x[1:]) if len(x) == 3 else (None, x)
    if len(parts) != 2 or not (name is None or isinstance(name, str)):
        raise TypeError(
            f"an input {x!r} is not of the form (x, value), ((x, update), value), "
            "(name, x, value) or (name, (x, update), value)"
        )
    what, value = parts
    variable, update = what if isinstance(what, (list, tuple)) else (what, None)
    return In(_variable(variable), name, value, update)


def _variable(x: Any) -> Variable:
    if not isinstance(x, Variable):
        raise TypeError(
            f"inputs of a function are symbolic variables (or In), got {x!r}; "
            "a value that stays the same can be written into the graph"
        )
    return x


def _outputs(outputs: Any) -> tuple[list[Variable], tuple[str, ...] | None, bool]:
    def plain(x: Any) -> Variable:
        return x.variable if isinstance(x, Out) else as_tensor_variable(x)

    if outputs is None:
        return [], None, False
    if isinstance(outputs, Mapping):
        if not all(isinstance(k, str) for k in outputs):
            raise TypeError("a dict of outputs needs strings as keys")
        return [plain(x) for x in outputs.values()], tuple(outputs), False
    if isinstance(outputs, list | tuple):
        return [plain(x) for x in outputs], None, False
    return [plain(outputs)], None, True


def _pairs(given: Pairs | None, what: str) -> list[tuple[Any, Any]]:
    if given is None:
        return []
    pairs = list(given.items()) if isinstance(given, Mapping) else list(given)
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"{what} is a dict or a list of pairs, got an entry {pair!r}")
    return [(a, b) for a, b in pairs]


def _updates(updates: Pairs | None) -> dict[SharedVariable, Variable]:
    found: dict[SharedVariable, Variable] = {}
    for variable, value in _pairs(updates, "updates"):
        if not isinstance(variable, SharedVariable):
            raise TypeError(f"only shared variables can be updated, {variable!r} is none")
        if variable in found:
            raise ValueError(f"two updates of the shared variable {variable!r}")
        found[variable] = _fit_update(variable, _expression(value, variable))
    return found


def _expression(value: Any, like: Variable) -> Variable:
    """What a variable is to become; a Python number takes the variable's dtype."""
    if isinstance(value, bool | int | float):
        value = np.asarray(value, dtypes.weak(value, [like.dtype]))
    return as_tensor_variable(value)


def _fit_update(shared: SharedVariable, value: Variable) -> Variable:
    """A new value as a value of the shared variable's type."""
    if value.ndim != shared.ndim:
        raise TypeError(
            f"the update of {shared!r} has {value.ndim} dimensions, "
            f"the shared variable has {shared.ndim}"
        )
    for axis, (new, old) in enumerate(zip(value.type.shape, shared.type.shape, strict=True)):
        if old is not None and new is not None and new != old:
            raise TypeError(
                f"the update of {shared!r} has length {new} in dimension {axis}, "
                f"the shared variable has {old}"
            )
    if value.dtype == shared.dtype:
        return value
    if np.can_cast(value.dtype, shared.dtype, "safe"):
        converted: Variable = cast_to(shared.dtype)(value)
        return converted
    wide = _origin(value, value.dtype)
    hint = f"; {value.dtype} comes in with {wide}" if wide else ""
    raise TypeError(
        f"the update of {shared!r} is {value.dtype}, the shared variable is {shared.dtype}{hint}. "
        f"Write T.cast(..., {shared.dtype!r}), or give that operand the dtype {shared.dtype}"
    )


def _origin(value: Variable, dtype: str) -> str:
    """The first leaf or operation that brings a dtype in, for messages."""
    seen: set[Variable] = set()
    stack = [value]
    while stack:
        v = stack.pop()
        if v in seen or v.dtype != dtype:
            continue
        seen.add(v)
        if v.owner is None:
            return repr(v)
        if all(u.dtype != dtype for u in v.owner.inputs):
            operands = ", ".join(u.dtype for u in v.owner.inputs)
            where = f" at {v.owner.line}" if v.owner.line else ""
            return f"{v.owner.op}({operands}){where}"
        stack.extend(v.owner.inputs)
    return ""


def _givens(givens: Pairs | None) -> dict[Variable, Variable]:
    found: dict[Variable, Variable] = {}
    for old, value in _pairs(givens, "givens"):
        old = _variable(old)
        new = _expression(value, old)
        if old in found:
            raise ValueError(f"two givens for {old!r}")
        if new.ndim != old.ndim:
            raise TypeError(f"given for {old!r}: {new.ndim} dimensions instead of {old.ndim}")
        if new.dtype != old.dtype:
            if not np.can_cast(new.dtype, old.dtype, "safe"):
                raise TypeError(
                    f"given for {old!r}: {new.dtype} instead of {old.dtype}; write "
                    f"T.cast(..., {old.dtype!r})"
                )
            new = cast_to(old.dtype)(new)
        found[old] = new
    return found


def _hidden_state(
    specs: list[In], updates: dict[SharedVariable, Variable]
) -> dict[Variable, SharedVariable]:
    """Inputs with an update, as shared variables."""
    state: dict[Variable, SharedVariable] = {}
    for s in specs:
        if s.update is None:
            continue
        if s.value is None:
            raise ValueError(
                f"the input {s.variable!r} has an update, so it needs a value to start with"
            )
        held = s.value
        if not isinstance(held, SharedVariable):
            empty = np.zeros((1,) * s.variable.ndim, s.variable.dtype)
            held = shared(empty, name=s.name, broadcastable=s.variable.broadcastable)
            held.set_value(s.value)
        elif held in updates:
            raise ValueError(f"two updates of the shared variable {held!r}")
        state[s.variable] = held
        updates[held] = _fit_update(held, _expression(s.update, held))
    return state


def _default_updates(
    roots: list[Variable],
    values: dict[SharedVariable, Variable],
    refused: bool | Sequence[Variable],
    replacement: Mapping[Variable, Variable],
    interner: Interner,
) -> dict[SharedVariable, Variable]:
    """Add the updates that shared variables bring with them (random streams do)."""
    if refused is True:
        return values
    skip = set(refused) if isinstance(refused, list | tuple) else set()
    found = dict(values)
    while True:
        new = {
            v: v.default_update
            for v in leaves([*roots, *found.values()])
            if isinstance(v, SharedVariable)
            and v not in found
            and v not in skip
            and v.default_update is not None
        }
        if not new:
            return found
        fitted = [_fit_update(s, _expression(u, s)) for s, u in new.items()]
        found.update(zip(new, expanded(rebuild(fitted, replacement, interner)), strict=True))


def _check_inputs(specs: Sequence[In]) -> None:
    seen: set[Variable] = set()
    for s in specs:
        if s.variable in seen:
            raise ValueError(f"the variable {s.variable!r} is an input twice")
        seen.add(s.variable)


def _check_missing(found: Iterable[Variable], inputs: Sequence[Variable]) -> None:
    known = set(inputs)
    for v in found:
        if v not in known and not isinstance(v, SharedVariable | Constant):
            raise MissingInputError(
                f"the outputs or updates depend on {v!r} ({v.type}), which is not among the "
                "inputs; add it to inputs or givens"
            )


def _check_unused(
    specs: Sequence[In], inputs: Sequence[Variable], found: Iterable[Variable], action: str | None
) -> None:
    action = action or config.on_unused_input
    if action not in ("raise", "warn", "ignore"):
        raise ValueError(f"on_unused_input is 'raise', 'warn' or 'ignore', not {action!r}")
    used = set(found)
    known = {s.whole for s, v in zip(specs, inputs, strict=True) if v in used and s.whole}
    unused = list(
        dict.fromkeys(
            s.whole or s.variable
            for s, v in zip(specs, inputs, strict=True)
            if v not in used and s.whole not in known
        )
    )
    if not unused or action == "ignore":
        return
    message = (
        f"no output or update depends on the input{'s' * (len(unused) > 1)} "
        f"{', '.join(map(repr, unused))}; remove it, or pass "
        "on_unused_input='ignore'"
    )
    if action == "raise":
        raise UnusedInputError(message)
    warnings.warn(message, stacklevel=4)


def _identifier(name: str) -> str:
    return re.sub(r"\W", "_", name) or "_"


def _names(inputs: Sequence[Variable], shared: Sequence[Variable]) -> dict[Variable, str]:
    """A name of its own for every buffer that comes from outside."""
    found: dict[Variable, str] = {}
    # Names that the compiler gives (t0, c1, out0 ...) end in digits; users' names never do here.
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    for k, v in enumerate([*inputs, *shared]):
        base = _identifier(v.name) if v.name else ("x" if k < len(inputs) else "w")
        name = base if v.name and not base[-1].isdigit() else f"{base}_"
        while name in taken:
            number = numbers[base] = numbers.get(base, 0) + 1
            name = f"{base}_{number}_"
        taken.add(name)
        found[v] = name
    return found
