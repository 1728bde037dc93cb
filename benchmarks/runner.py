"""What a peer hands over for a problem, and how a process times it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.problems import Problem

#: Length of one sample: long against the clock's resolution and a wake-up, short against a round.
_SAMPLE_S = 0.01


@dataclass(frozen=True, slots=True)
class Runner:
    """A problem, ready to run.

    Attributes
    ----------
    step
        Makes one call; may return before the work is done, where that is how the peer works.
    wait
        Returns when all calls so far are done.
    value
        The number that a call's result comes to, so that peers can be checked against each other.
    """

    step: Callable[[], object]
    wait: Callable[[], object]
    value: Callable[[object], float]


#: Builds a runner for a problem, by the problem's type.
Builders = Mapping[type[Problem], Callable[[Problem], Runner]]


@dataclass(frozen=True, slots=True)
class Peer:
    """One contender: its version, and how it builds each kind of problem."""

    version: str
    builders: Builders

    def build(self, problem: Problem) -> Runner:
        make = self.builders.get(type(problem))
        if make is None:
            raise NotImplementedError("not written for this peer")
        return make(problem)


def no_wait() -> None:
    """Wait for nothing: the call returned when its work was done."""


def timed(runner: Runner, calls: int) -> float:
    """Return seconds per call over `calls` calls, the last one finished."""
    step = runner.step
    started = time.perf_counter()
    for _ in range(calls):
        step()
    runner.wait()
    return (time.perf_counter() - started) / calls


def calibrated(runner: Runner) -> int:
    """Return how many calls make a sample."""
    calls = 1
    while (seconds := timed(runner, calls)) * calls < _SAMPLE_S / 4:
        calls *= 4
    return max(1, round(_SAMPLE_S / seconds))


def burst(runner: Runner, calls: int, seconds: float) -> list[float]:
    """Return samples taken for about `seconds`, at least one."""
    end = time.perf_counter() + seconds
    samples = [timed(runner, calls)]
    while time.perf_counter() < end:
        samples.append(timed(runner, calls))
    return samples
