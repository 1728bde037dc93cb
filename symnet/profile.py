"""Where the time of compiled functions went: measured beside what the machine could do at best.

Functions compiled with ``profile=True`` look at the clock between steps. In goes what they have
noted; out comes a `Profile`, each step with its time, and the time that its bytes and operations
take at least (`symnet.cost`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from symnet.backend import Machine
from symnet.cost import Cost, seconds, step_costs
from symnet.origin import origins
from symnet.program import Branch, HostCall, Repeat

if TYPE_CHECKING:
    from symnet.versions import Version

_HOW = (
    "compiled for profiling: all threads wait for each other, and one looks at the clock, after\n"
    "every step, so calls take longer than those of the same function without profile=True"
)


@dataclass(frozen=True, slots=True)
class Timed:
    """A step with its time.

    Attributes
    ----------
    text
        What it does.
    kind
        ``"contraction"``, ``"loops"``, ``"host call"`` ...; see `symnet.origin.Origin`.
    calls
        How many calls ran it.
    measured
        Seconds in a call, on average.
    number
        Its place in its program.
    cost
        Its bytes and operations; None where Python decides what is done.
    at_best
        Seconds that these take at least on this machine; None where they are not known.
    """

    text: str
    kind: str
    calls: int
    measured: float
    number: int = -1
    cost: Cost | None = None
    at_best: float | None = None

    @property
    def share(self) -> float | None:
        """Share of the roofline: the time it takes at best, by the time it takes."""
        return self.at_best / self.measured if self.at_best and self.measured else None


class Profile(str):
    """Times of a function's steps as text; `summary` prints it.

    Attributes
    ----------
    steps
        The steps, those that took most time first.
    calls
        How many calls were measured.
    """

    __slots__ = ("calls", "steps")

    steps: Sequence[Timed]
    calls: int

    def __new__(cls, steps: Sequence[Timed] = (), calls: int = 0, head: str = "") -> Profile:
        """Make the text."""
        ordered = sorted(steps, key=lambda s: -s.measured * s.calls)
        made = super().__new__(cls, "\n".join(_lines(ordered, head)))
        made.steps, made.calls = ordered, calls
        return made

    def summary(self, file: TextIO | None = None, n_ops_to_print: int | None = None) -> None:
        """Print the times, those of the slowest steps if their number is given."""
        lines = self.splitlines()
        if n_ops_to_print is not None:
            lines = lines[: len(lines) - len(self.steps) + n_ops_to_print]
        print("\n".join(lines), file=file or sys.stderr)


def profile_of(
    name: str,
    versions: Sequence[Version],
    between: Sequence[tuple[float, int, str]],
    machine: Machine,
) -> Profile:
    """The profile of a function.

    Parameters
    ----------
    name
        Its name.
    versions
        Its programs.
    between
        Seconds, number of calls and text of what Python does between its stages.
    machine
        What the device can do.
    """
    calls = sum(v.calls for v in versions)
    steps = [s for v in versions for s in timed(v, machine)]
    steps += [Timed(text, "host call", n, spent / n) for spent, n, text in between if n]
    whole = sum(v.seconds for v in versions) + sum(spent for spent, _, _ in between)
    known = sum(s.measured * s.calls for s in steps)
    head = [f"{name}: {calls} calls of its programs in {whole * 1e3:.3f} ms", _HOW]
    head.append(f"not in a step: {max(whole - known, 0.0) * 1e3:.3f} ms")
    head.append(
        f"at best, of this machine: {machine.flops_per_s / 1e9:.0f} Gflop/s, "
        f"{machine.bytes_per_s / 1e9:.0f} GB/s from memory, "
        f"{machine.cached_bytes_per_s / 1e9:.0f} GB/s from caches"
    )
    hosted = sum(s.kind == "host call" for s in steps)
    head.append(f"host calls: {hosted or 'none'}")
    return Profile(steps, calls, "\n".join(head))


NOTHING = "nothing was measured: pass profile=True to function, and call it"
"""What the profile of a function says that has none."""


def timed(version: Version, machine: Machine) -> Iterator[Timed]:
    """The steps of a program that was compiled for profiling, in order."""
    program, calls = version.program, version.calls
    if not calls:
        return
    costs = step_costs(program, version.sizes)
    spent = version.executable.timings()
    for found, cost, time in zip(origins(program), costs, spent, strict=True):
        if isinstance(found.step, Repeat | Branch):
            continue  # its steps have the time
        text = f"{found.summary} -> {', '.join(found.writes)}" if found.writes else found.summary
        python = isinstance(found.step, HostCall)
        yield Timed(
            text,
            found.kind,
            calls,
            time / calls,
            found.number,
            None if python else cost,
            None if python else seconds(cost, machine),
        )


def _lines(steps: Sequence[Timed], head: str) -> Iterator[str]:
    if not steps:
        yield NOTHING
        return
    yield head
    whole = sum(s.measured * s.calls for s in steps) or 1.0
    unit, factor = ("ms", 1e3) if max(s.measured for s in steps) >= 1e-3 else ("µs", 1e6)
    yield f"  share   {unit}/call   at best of best        MB     Mflop  step"
    for s in steps:
        best = f"{s.at_best * factor:.3f}" if s.at_best is not None else ""
        reached = f"{s.share:.0%}" if s.share is not None else ""
        moved = f"{s.cost.moved / 1e6:.3f}" if s.cost is not None else ""
        done = f"{s.cost.operations / 1e6:.3f}" if s.cost is not None else ""
        yield (
            f"{s.measured * s.calls / whole:7.1%} {s.measured * factor:9.3f} {best:>9} "
            f"{reached:>7} {moved:>9} {done:>9}  {s.kind}: {s.text}"
        )


class ProfileStats:
    """Collects the timings of the functions it is given to: ``function(..., profile=stats)``.

    Parameters
    ----------
    atexit_print, gpu_checks
        Theano's; without effect.

    Attributes
    ----------
    functions
        The functions.
    """

    def __init__(self, atexit_print: bool = True, gpu_checks: bool = True) -> None:
        self.functions: list[Any] = []

    def summary(self, file: TextIO | None = None, n_ops_to_print: int | None = None) -> None:
        """Print for each function the time of its steps, most first."""
        for f in self.functions:
            print(f"{f.name}:", file=file or sys.stderr)
            f.profile.summary(file, n_ops_to_print)
