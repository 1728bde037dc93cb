"""Whether two ways of computing the same thing agree, up to rounding.

The measure is what rounding may do: a tolerance relative to the numbers a result was made of, and,
where that is exceeded, what becomes of the result if every operation on the way to it errs in its
last digit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from symnet.graph import Apply, Variable, leaves
from symnet.interpreter import Evaluation, Step, Watcher
from symnet.op import Array

TRIALS = 4
"""How often a result is computed again with errors in last digits: all up, all down, at random."""
SAFETY = 16.0
"""How much more a result may differ than it does in these trials."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two arrays that should agree do not.

    Attributes
    ----------
    got, want
        The arrays.
    mask
        Where they differ; of no dimensions if dtypes or shapes do.
    tolerance
        What the difference may be, relative to the size of the numbers.
    """

    got: Array
    want: Array
    mask: Array
    tolerance: float

    def __str__(self) -> str:
        got, want, mask = self.got, self.want, self.mask
        if got.dtype != want.dtype or got.shape != want.shape:
            return f"a {got.dtype} {got.shape} instead of a {want.dtype} {want.shape}"
        first = tuple(int(i) for i in np.argwhere(mask)[0])
        text = (
            f"{got.dtype} {got.shape}: {int(mask.sum())} of {mask.size} elements differ, the first "
            f"at {first}: {got[first]} instead of {want[first]}"
        )
        if got.dtype.kind in "fc":
            with np.errstate(all="ignore"):
                error = np.abs(got - want)[mask]
                worst = np.nanmax(error, initial=0.0)
                ratio = np.nanmax(error / np.abs(want)[mask], initial=0.0)
            text += f"\ngreatest error {worst:.3g}, relative {ratio:.3g}; tolerance "
            text += f"{self.tolerance:.2g} of the size of the numbers"
        return text


def difference(
    got: Array, want: Array, scale: float = 0.0, slack: Array | float = 0.0
) -> Difference | None:
    """Where two arrays differ by more than rounding, None if nowhere.

    Parameters
    ----------
    got, want
        What was computed and what it should be.
    scale
        Size of the numbers that it was made of.
    slack
        A further difference that is allowed.

    Examples
    --------
    >>> difference(np.float32([1, 2]), np.float32([1, 2.0000002])) is None
    True
    >>> print(difference(np.array([1, 2]), np.array([1, 3])))
    int64 (2,): 1 of 2 elements differ, the first at (1,): 2 instead of 3
    """
    tolerance = 0.0
    if got.shape != want.shape or got.dtype != want.dtype:
        return Difference(got, want, np.array(True), tolerance)
    if got.dtype.kind in "fc":
        tolerance = tolerance_of(got.dtype)
        with np.errstate(all="ignore"):
            allowed = tolerance * max(size_of(want), scale) + slack
            same = (got == want) | (np.isnan(got) & np.isnan(want))
            mask = ~(same | (np.abs(got - want) <= allowed) | (np.asarray(slack) == np.inf))
    else:
        mask = (got != want) & (np.asarray(slack) == 0)
    return Difference(got, want, mask, tolerance) if mask.any() else None


def tolerance_of(dtype: np.dtype) -> float:
    """Half the digits."""
    return math.sqrt(np.finfo(dtype).eps)


def size_of(array: Array) -> float:
    """The greatest finite magnitude in an array."""
    if array.dtype.kind not in "fciu" or not array.size:
        return 0.0
    with np.errstate(all="ignore"):
        size = np.abs(array).astype(np.float64)
    return float(np.max(size, where=np.isfinite(size), initial=0.0))


def wobble(v: Variable, known: Mapping[Variable, Array]) -> Array:
    """How far the value of `v` may be off because operations round.

    Parameters
    ----------
    v
        What is computed.
    known
        Values it is computed from, taken as exact.

    Returns
    -------
    slack
        For each element; infinite where it is finite in some trials only.
    """
    exact = _computed(v, known, None)
    found = np.zeros(exact.shape)
    for trial in range(TRIALS):
        other = _computed(v, known, _Errors(trial))
        if exact.shape != other.shape:
            return np.full(exact.shape, np.inf)
        with np.errstate(all="ignore"):
            moved = (
                np.abs(other.astype(exact.dtype) - exact) if exact.dtype != bool else other != exact
            )
        moved = np.where(other == exact, 0.0, moved)
        moved = np.where(np.isnan(other) & np.isnan(exact), 0.0, moved)
        found = np.maximum(found, np.nan_to_num(moved, nan=np.inf, posinf=np.inf))
    return SAFETY * found


def _computed(v: Variable, known: Mapping[Variable, Array], errors: Watcher | None) -> Array:
    """The value of `v`; with `errors`, all results on the way have some."""
    used = {u: known[u] for u in leaves([v], known) if u in known}
    with np.errstate(all="ignore"):
        (found,) = Evaluation([v], used)(used, errors)
    return found


class _Errors:
    """A watcher that makes errors of about an ulp in all results."""

    inside = True

    def __init__(self, trial: int) -> None:
        self._sign = (1.0, -1.0)[trial] if trial < 2 else None
        self._rng = np.random.default_rng(trial)

    def before(self, number: int, node: Apply, step: Step) -> None:
        """Do nothing."""

    def after(self, number: int, node: Apply, step: Step) -> None:
        """Put an error into each element."""
        for held in step.outputs:
            held[0] = self._on(held[0])

    def _on(self, result: Array) -> Array:
        if result.dtype.kind not in "fc":
            return result
        sign = self._sign or self._rng.choice(np.array([-1.0, 1.0]), result.shape)
        return np.asarray(result * (1 + sign * np.finfo(result.dtype).eps), result.dtype)
