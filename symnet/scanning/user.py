"""`scan` as Theano has it: loops over sequences, with states that steps hand on."""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symnet import dtypes
from symnet.graph import Constant, Variable, leaves, make_variable, rebuild
from symnet.scanning.loop import State, loop
from symnet.shared import SharedVariable
from symnet.tensor.convert import as_tensor_variable, static_integer
from symnet.tensor.elementwise import cast, table_functions
from symnet.tensor.manipulation import length, shape_padleft
from symnet.tensor.variable import TensorVariable
from symnet.types import TensorType

_minimum = table_functions()["minimum"]

Outputs = Any
Updates = dict[SharedVariable, Variable]


@dataclass(frozen=True, slots=True)
class until:
    """Returned by the function of a loop: the loop ends after the step that makes it true."""

    condition: Any


def scan(
    fn: Callable[..., Any],
    sequences: Any = None,
    outputs_info: Any = None,
    non_sequences: Any = None,
    n_steps: Any = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
    profile: Any = False,
    allow_gc: Any = None,
    strict: bool = False,
    return_list: bool = False,
    again: bool = False,
) -> tuple[Outputs, Updates]:
    """Run a function step by step, each step on rows of sequences and on what steps before made.

    Parameters
    ----------
    fn
        Builds one step. Its arguments are, in this order: the rows of each sequence, for each of
        its taps; the earlier values of each output that has some, for each of its taps; the
        `non_sequences`. It returns the outputs (a variable or a list of them), or updates of shared
        variables (a dict or a list of pairs), or both; behind them may come ``until(condition)``.
        It may use any other variable, too.
    sequences
        Tensors to go through along their first dimension: a variable, or a list of variables and of
        ``dict(input=variable, taps=[...])``; tap 0 is the row of the step, -1 the one before.
    outputs_info
        For each output what it starts from: None for an output that no step reads; a variable, the
        value before the first step; or ``dict(initial=variable, taps=[...])``, where for taps
        further back than -1 the first dimension of `initial` holds the values, oldest first.
    non_sequences
        Further arguments of `fn`, the same in every step.
    n_steps
        How many steps; by default as many as the shortest sequence allows.
    truncate_gradient
        Through how many of the last steps gradients are led back; -1 for all.
    go_backwards
        Whether sequences are gone through from the end.
    strict
        Whether variables that `fn` uses must all be among its arguments.
    return_list
        Whether a single output is returned in a list, too.
    again
        Whether gradients compute again what they need of each step rather than keep it of all, and
        nothing is computed for many steps at once: less memory, more time (`scan_checkpoints`).
    mode, name, profile, allow_gc
        Accepted for old code: a loop is compiled with the function it is part of.

    Returns
    -------
    tuple
        The outputs, with a dimension in front that counts steps: one variable if there is one
        output, None if there is none, else a list. And the new values of shared variables, to be
        given to `function` as updates.

    Examples
    --------
    >>> import symnet as sn, symnet.tensor as T
    >>> x = T.dvector("x")
    >>> sums, _ = scan(lambda row, total: total + row, sequences=x, outputs_info=T.constant(0.0))
    >>> sn.function([x], sums)([1, 2, 3])
    array([1., 3., 6.])
    """
    builder = _Builder(go_backwards, strict)
    builder.read_sequences(listed(sequences), n_steps)
    infos = builder.read_outputs(listed(outputs_info))
    extra = [as_tensor_variable(x) for x in listed(non_sequences)]
    _check_arity(fn, len(builder.rows), len(builder.earlier), len(extra))
    made = fn(*builder.rows, *builder.earlier, *extra)
    return builder.finish(
        *_parsed(made), infos, extra, int(truncate_gradient), return_list, again
    )


def _check_arity(fn: Callable[..., Any], rows: int, earlier: int, extra: int) -> None:
    """See that a function takes what a step gives it."""
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):
        return  # of some functions written in C nothing is known
    try:
        signature.bind(*range(rows + earlier + extra))
    except TypeError as error:
        raise TypeError(
            f"scan: a step is given {rows + earlier + extra} arguments, {rows} of sequences, "
            f"{earlier} earlier values of outputs and {extra} of non_sequences, in this order; the "
            f"function takes {signature}: {error}"
        ) from None


def map(
    fn: Callable[..., Any],
    sequences: Any,
    non_sequences: Any = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Outputs, Updates]:
    """Apply a function to every row of sequences."""
    return scan(
        fn, sequences, [], non_sequences, go_backwards=go_backwards, name=name,
        truncate_gradient=truncate_gradient,
    )  # fmt: skip


def reduce(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Outputs, Updates]:
    """Run a function along sequences, and return what the last step makes."""
    found, updates = scan(
        fn, sequences, outputs_info, non_sequences, go_backwards=go_backwards, name=name
    )
    if isinstance(found, list | tuple):
        return [x[-1] for x in found], updates
    return found[-1], updates


def foldl(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Outputs, Updates]:
    """Fold sequences from the first row on."""
    return reduce(fn, sequences, outputs_info, non_sequences, False, mode, name)


def foldr(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Outputs, Updates]:
    """Fold sequences from the last row on."""
    return reduce(fn, sequences, outputs_info, non_sequences, True, mode, name)


@dataclass(slots=True)
class _Info:
    """What an output starts from, and the variables that stand for its earlier values."""

    start: TensorVariable
    taps: dict[int, Variable]


@dataclass(slots=True)
class _Builder:
    """A loop in the making."""

    backwards: bool
    strict: bool
    steps: Any = None
    rows: list[Variable] = field(default_factory=list)
    earlier: list[Variable] = field(default_factory=list)
    sequences: dict[Variable, Variable] = field(default_factory=dict)

    # ---------------------------------------------------------------------------- what comes in

    def read_sequences(self, given: Sequence[Any], n_steps: Any) -> None:
        """Make a variable for each row that a step is given."""
        parts: list[tuple[Any, TensorVariable]] = []
        for entry in given:
            x, taps = _with_taps(entry, "input", [0])
            if x is None:
                continue
            if x.ndim == 0:
                raise TypeError(f"scan: a sequence has rows, but {x!r} is {x.type}")
            first, last = min(0, *taps), max(0, *taps)
            for tap in taps:
                part = x[tap - first : (tap - last) or None]
                parts.append((part[::-1] if self.backwards else part, x))
        self.steps = self._count([part for part, _ in parts], n_steps)
        for part, x in parts:
            row = make_variable(TensorType(x.dtype, part.type.shape[1:]))
            row.name = None if x.name is None else f"{x.name}[t]"
            self.rows.append(row)
            self.sequences[row] = self._cut(part, n_steps, len(parts))

    def _count(self, parts: Sequence[Any], n_steps: Any) -> Any:
        if n_steps is not None:
            steps = as_tensor_variable(n_steps)
            known = static_integer(steps)
            if steps.ndim or not np.issubdtype(np.dtype(steps.dtype), np.integer):
                raise TypeError(f"scan: n_steps is an integer, got {steps.type}")
            if known is not None and known < 0:
                raise ValueError(f"scan: n_steps is {known}; go_backwards=True walks back")
            return cast(steps, "int64")
        if not parts:
            raise ValueError("scan: without a sequence the number of steps is needed: n_steps=...")
        steps = length(parts[0], 0)
        for part in parts[1:]:
            steps = _minimum(steps, length(part, 0))
        return steps

    def _cut(self, part: Any, n_steps: Any, count: int) -> Variable:
        """The rows for the steps there are."""
        known, rows = static_integer(self.steps), part.type.shape[0]
        if (known is not None and known == rows) or (n_steps is None and count == 1):
            found: Variable = part
        else:
            found = part[: self.steps]
        return found

    def read_outputs(self, given: Sequence[Any]) -> list[_Info | None]:
        """Make a variable for each earlier value that a step is given."""
        infos: list[_Info | None] = []
        for number, entry in enumerate(given):
            start, taps = _with_taps(entry, "initial", [-1])
            if start is None:
                infos.append(None)
                continue
            if any(tap >= 0 for tap in taps):
                raise ValueError(
                    f"scan: taps of output {number} look back: {taps} must be negative"
                )
            depth = -min(taps)
            if taps == [-1]:
                start = shape_padleft(start)
            elif start.ndim == 0:
                raise TypeError(f"scan: output {number} needs {depth} rows to start from")
            else:
                start = start[:depth]
            variables = {
                -tap: make_variable(TensorType(start.dtype, start.type.shape[1:])) for tap in taps
            }
            self.earlier += [variables[-tap] for tap in taps]
            infos.append(_Info(start, variables))
        return infos

    # ----------------------------------------------------------------------------- what goes out

    def finish(
        self,
        outputs: list[TensorVariable],
        updates: Updates,
        stop: TensorVariable | None,
        infos: list[_Info | None],
        extra: Sequence[TensorVariable],
        truncate: int,
        return_list: bool,
        again: bool,
    ) -> tuple[Outputs, Updates]:
        """Build the loop, and what its caller sees of it."""
        if not infos:
            infos = [None] * len(outputs)
        if len(infos) != len(outputs):
            raise ValueError(
                f"scan: the function returns {len(outputs)} outputs, outputs_info speaks of "
                f"{len(infos)}"
            )
        ends = [] if stop is None else [stop]
        if self.strict:
            self._check_closed([*outputs, *updates.values(), *ends], extra)
        outputs, updates, ends = _widened(infos, outputs, updates, ends)
        held, brought = self._shared_states(outputs, updates, ends)
        outputs, values, ends = held
        states = [
            self._state(number, info, v)
            for number, (info, v) in enumerate(zip(infos, outputs, strict=True))
            if info is not None
        ]
        states += [State(shape_padleft(s), {1: tap}, v) for s, (tap, v) in values.items()]
        others = [v for info, v in zip(infos, outputs, strict=True) if info is None]
        end = ends[0] if ends else None
        found = loop(self.steps, self.sequences, states, others, end, truncate, again)
        histories, rest = iter(found.histories), iter(found.others)
        results: list[Any] = []
        for info in infos:
            if info is None:
                x: Any = next(rest)
            else:
                x = next(histories)
                x = x[max(info.taps) :]
            results.append(x if stop is None else x[: found.done])
        lasts: list[Any] = list(histories)
        new: Updates = {}
        for shared, history in zip(values, lasts, strict=True):
            new[shared] = history[found.done] if stop is not None else history[-1]
            if shared in brought:
                # Whoever reads a draw of the loop leaves the stream where the loop left it.
                shared.default_update = new[shared]
        if not results:
            return None, new
        return (results[0] if len(results) == 1 and not return_list else results), new

    def _state(self, number: int, info: _Info, new: TensorVariable) -> State:
        """A state, its start and what a step makes of it brought to one type."""
        old = info.start
        if new.ndim != old.ndim - 1:
            raise TypeError(
                f"scan: output {number} starts as {old.ndim - 1} dimensions, but a step makes "
                f"{new.type} of it"
            )
        if new.dtype != old.dtype:
            if not np.can_cast(new.dtype, old.dtype, "safe"):
                raise TypeError(
                    f"scan: output {number} starts as {old.dtype}, but a step makes it "
                    f"{new.dtype}; start from {new.dtype}, or write T.cast(..., {old.dtype!r})"
                )
            new = cast(new, old.dtype)
        return State(old, info.taps, new)

    def _check_closed(self, used: Iterable[Variable], extra: Sequence[Variable]) -> None:
        known = {*self.rows, *self.earlier, *leaves(extra)}
        for v in leaves(used):
            if v not in known and not isinstance(v, Constant):
                raise ValueError(
                    f"scan: with strict=True the function uses {v!r} ({v.type}), which is not "
                    "among its arguments; add it to non_sequences"
                )

    def _shared_states(
        self, outputs: list[TensorVariable], updates: Updates, ends: list[TensorVariable]
    ) -> tuple[
        tuple[
            list[TensorVariable],
            dict[SharedVariable, tuple[Variable, Variable]],
            list[TensorVariable],
        ],
        set[SharedVariable],
    ]:
        """Let steps hand on the shared variables that they update; streams update themselves."""
        values = dict(updates)
        brought: set[SharedVariable] = set()
        while True:
            used = leaves([*outputs, *values.values(), *ends])
            new = [
                v
                for v in used
                if isinstance(v, SharedVariable)
                and v.default_update is not None
                and v not in values
            ]
            if not new:
                break
            for v in new:
                assert v.default_update is not None
                values[v] = v.default_update
                brought.add(v)
        taps: dict[Variable, Variable] = {v: make_variable(v.type, name=v.name) for v in values}
        roots = rebuild([*outputs, *values.values(), *ends], taps)
        count = len(outputs)
        made: Any = roots[count : count + len(values)]
        states = {
            v: (taps[v], cast(as_tensor_variable(x), v.dtype))
            for v, x in zip(values, made, strict=True)
        }
        result: Any = (roots[:count], states, roots[count + len(values) :])
        return result, brought


def _widened(
    infos: list[_Info | None],
    outputs: list[TensorVariable],
    updates: Updates,
    ends: list[TensorVariable],
) -> tuple[list[TensorVariable], Updates, list[TensorVariable]]:
    """Let states that start as plain numbers or integers have the dtype that a step makes them."""
    roots: list[Any] = [*outputs, *updates.values(), *ends]
    for number, info in enumerate(infos):
        if info is None:
            continue
        old, new = info.start.dtype, roots[number].dtype
        plain = dtypes.is_discrete(old) or all(
            isinstance(v, Constant) for v in leaves([info.start])
        )
        if old == new or not plain or not np.can_cast(old, new, "safe"):
            continue
        taps = {
            back: make_variable(TensorType(new, v.type.shape), name=v.name)
            for back, v in info.taps.items()
        }
        roots = rebuild(roots, {v: taps[back] for back, v in info.taps.items()})
        infos[number] = _Info(cast(info.start, new), taps)
    count = len(outputs)
    values = dict(zip(updates, roots[count:], strict=False))
    return roots[:count], values, roots[count + len(updates) :]


def listed(given: Any) -> list[Any]:
    """What may be nothing, one thing or several, as a list."""
    if given is None:
        return []
    return list(given) if isinstance(given, list | tuple) else [given]


def _with_taps(entry: Any, key: str, default: list[int]) -> tuple[Any, list[int]]:
    """A sequence or a start, and its taps."""
    if isinstance(entry, dict):
        unknown = entry.keys() - {key, "taps", "return_steps", "inplace"}
        if unknown:
            raise ValueError(f"scan: {sorted(unknown)} is not known; give {key!r} and 'taps'")
        taps = entry.get("taps", default)
        taps = default if taps is None else [taps] if isinstance(taps, int) else list(taps)
        x = entry.get(key)
        return (None if x is None else as_tensor_variable(x)), taps
    return (None if entry is None else as_tensor_variable(entry)), default


def _parsed(made: Any) -> tuple[list[TensorVariable], Updates, TensorVariable | None]:
    """What a step returned: outputs, updates, and a condition to stop."""
    parts = list(made) if isinstance(made, tuple) else [made]
    stop: TensorVariable | None = None
    if parts and isinstance(parts[-1], until):
        stop = as_tensor_variable(parts.pop().condition)
    updates: Updates = {}
    outputs: list[Any] = []
    nested = any(isinstance(p, list | tuple | Mapping) for p in parts)
    for part in parts:
        if _are_updates(part):
            pairs = part.items() if isinstance(part, Mapping) else part
            updates.update((s, as_tensor_variable(x)) for s, x in pairs)
        elif part is not None:
            outputs += list(part) if nested and isinstance(part, list | tuple) else [part]
    if len(outputs) == 1 and isinstance(outputs[0], list):
        outputs = outputs[0]
    return [as_tensor_variable(x) for x in outputs], updates, stop


def _are_updates(part: Any) -> bool:
    if isinstance(part, Mapping):
        return True
    return (
        isinstance(part, list | tuple)
        and builtins.bool(part)
        and all(
            isinstance(p, list | tuple) and len(p) == 2 and isinstance(p[0], SharedVariable)
            for p in part
        )
    )
