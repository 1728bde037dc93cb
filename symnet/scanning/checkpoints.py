"""`scan_checkpoints`: loops that keep every so many steps, and compute the others again.

A loop over segments, whose step is a loop over the steps of one. Of the outer one the gradient
keeps what its steps start from, the checkpoints; a segment is run again when the gradient comes to
it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symnet.dtypes import is_discrete
from symnet.graph import Constant, Variable, make_variable, rebuild
from symnet.scanning.user import Outputs, Updates, listed, scan
from symnet.tensor.convert import as_tensor_variable, static_integer
from symnet.tensor.elementwise import cast
from symnet.tensor.joining import concatenate
from symnet.tensor.manipulation import length, shape_padleft


def scan_checkpoints(
    fn: Callable[..., Any],
    sequences: Any = None,
    outputs_info: Any = None,
    non_sequences: Any = None,
    name: str | None = None,
    n_steps: Any = None,
    save_every_N: int = 10,
    padding: bool = True,
) -> tuple[Outputs, Updates]:
    """Run a function step by step as `scan` does, with a gradient that needs less memory.

    The gradient of `scan` keeps what every step made. This one keeps every `save_every_N`-th step,
    and computes the steps between once more: of ``n`` steps it keeps at most
    ``n / save_every_N + save_every_N``.

    Parameters
    ----------
    fn, sequences, outputs_info, non_sequences, name, n_steps
        As of `scan`; sequences and outputs without taps, and no condition to stop.
    save_every_N
        Steps from one checkpoint to the next.
    padding
        Whether the number of steps may be any; if not, it must be a multiple of `save_every_N`, and
        there is no code for what is left over.

    Returns
    -------
    tuple
        The outputs after every `save_every_N`-th step and after the last one, and the updates.

    Raises
    ------
    RuntimeError
        If a sequence or an output has taps.

    Examples
    --------
    >>> import symnet as sn, symnet.tensor as T
    >>> x = T.dvector("x")
    >>> sums, _ = scan_checkpoints(
    ...     lambda row, total: total + row, x, T.constant(0.0), save_every_N=3
    ... )
    >>> sn.function([x], sums)([1, 2, 3, 4, 5, 6, 7])
    array([ 6., 21., 28.])
    """
    every = int(save_every_N)
    if every < 1:
        raise ValueError(f"scan_checkpoints: save_every_N is {save_every_N}, must be at least 1")
    rows = [as_tensor_variable(_plain(x, "input")) for x in listed(sequences)]
    infos = [x if x is None else _plain(x, "initial") for x in listed(outputs_info)]
    starts = [None if x is None else as_tensor_variable(x) for x in infos]
    extra = [as_tensor_variable(x) for x in listed(non_sequences)]
    if n_steps is None and not rows:
        raise ValueError("scan_checkpoints: without a sequence n_steps is needed")
    steps = length(rows[0], 0) if n_steps is None else as_tensor_variable(n_steps)
    starts = _widened(fn, rows, starts, extra, steps)
    segments = steps // every
    known = static_integer(steps)
    if not padding and known is not None and known % every:
        raise ValueError(
            f"scan_checkpoints: {known} steps are no multiple of {every}; padding=True takes any"
        )

    def segment(*given: Any) -> Any:
        states = iter(given[len(rows) :])
        begun = [None if x is None else next(states) for x in starts]
        parts = list(given[: len(rows)])
        found, updates = scan(fn, parts, begun, extra, n_steps=every, name=name, return_list=True)
        return [x[-1] for x in found or ()], updates

    def in_segments(x: Any) -> Any:
        shape = [segments, every, *(x.shape[axis] for axis in range(1, x.ndim))]
        # Without padding, it is checked that nothing is left.
        return (x[: segments * every] if padding else x).reshape(shape, ndim=x.ndim + 1)

    found, updates = scan(
        segment,
        [in_segments(x) for x in rows],
        starts,
        n_steps=segments,
        name=name,
        return_list=True,
        again=True,
    )
    results: list[Any] = found or []
    if padding and (known is None or known % every):
        rest = _Rest(fn, [x[segments * every : steps] for x in rows], starts, extra)
        results, updates = rest.behind(results, updates, steps - segments * every)
    if not results:
        return None, updates
    return (results[0] if len(results) == 1 else results), updates


class _Rest:
    """The steps behind the last whole segment."""

    def __init__(
        self, fn: Callable[..., Any], rows: list[Any], starts: list[Any], extra: list[Any]
    ) -> None:
        self._fn, self._rows, self._starts, self._extra = fn, rows, starts, extra

    def behind(
        self, results: list[Any], updates: Updates, steps: Any
    ) -> tuple[list[Any], Updates]:
        """Results and updates with those of so many more steps."""
        # The loop is built on leaves in place of what the segments have made of states: shared
        # variables stand for their old values there, and for what they are after them here.
        begun = [None if x is None else make_variable(x.type) for x in self._starts]
        found, more = scan(
            self._fn, self._rows, begun, self._extra, n_steps=steps, return_list=True
        )
        places: dict[Variable, Variable] = dict(updates.items())
        for leaf, start, made in zip(begun, self._starts, results, strict=False):
            if leaf is not None:
                places[leaf] = concatenate([shape_padleft(start), made])[-1]
        last = [x[-1:] for x in found or ()]
        rebuilt: list[Any] = list(rebuild([*last, *more.values()], places))
        new: Updates = dict(zip(more, rebuilt[len(last) :], strict=True))
        for shared, value in new.items():
            if shared.default_update is more[shared]:
                shared.default_update = value
        joined = [concatenate([x, y]) for x, y in zip(results, rebuilt, strict=False)]
        return joined, {**updates, **new}


def _widened(
    fn: Callable[..., Any], rows: list[Any], starts: list[Any], extra: list[Any], steps: Any
) -> list[Any]:
    """Let states that start as plain numbers or integers have the dtype that a step makes them."""
    if all(x is None or not (isinstance(x, Constant) or is_discrete(x.dtype)) for x in starts):
        return starts
    found, _ = scan(fn, rows, starts, extra, n_steps=steps, return_list=True)
    return [None if x is None else cast(x, v.dtype) for x, v in zip(starts, found, strict=True)]


def _plain(entry: Any, key: str) -> Any:
    """A sequence or a start that may be given in a dict, but without taps."""
    if not isinstance(entry, dict):
        return entry
    if entry.get("taps") is not None:
        raise RuntimeError(
            f"scan_checkpoints: {entry!r} has taps; segments know only the step before. "
            "scan has taps"
        )
    return entry[key]
