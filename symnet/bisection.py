"""Bisection: which one decision of the compiler is behind a wrong or slow result.

The compiler asks before each rewrite, fusion and update in place (`symnet.decisions`). If a result
is right with none of them and wrong with all, there is a number of decisions with which it is still
right, and with one more no longer: a binary search finds it, and that one is the culprit.

`bisect` does this within a program, ``python -m symnet bisect SCRIPT`` with a script that raises
where something is wrong, run in a process of its own each time.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from symnet.config import config
from symnet.decisions import Decision, Ledger, recording
from symnet.printing import pp

LONGEST = 300
"""Characters of an expression in a report."""


@dataclass(frozen=True, slots=True)
class Told:
    """A decision in words.

    Attributes
    ----------
    kind, name, reason, line
        As of `symnet.decisions.Decision`.
    before, after
        The expressions as text; of what is not a rewrite there is no other.
    """

    kind: str
    name: str
    reason: str
    line: str
    before: str
    after: str = ""

    @classmethod
    def of(cls, decision: Decision) -> Told:
        """The words for a decision."""
        after = "" if decision.after is None else _shortened(pp(decision.after))
        before = _shortened(pp(decision.before))
        return cls(decision.kind, decision.name, decision.reason, decision.line, before, after)

    def __str__(self) -> str:
        head = {
            "rewrite": f"the rule {self.name!r} ({self.reason})",
            "fusion": f"the fusion of {self.name} with what is computed beside it",
            "in place": f"the update of {self.name} in place ({self.reason})",
        }.get(self.kind, f"{self.kind}: {self.name} ({self.reason})")
        lines = [head, f"  of  {self.before}"]
        if self.after:
            lines.append(f"  to  {self.after}")
        if self.line:
            lines.append(f"  built at {self.line}")
        return "\n".join(lines)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


@dataclass(frozen=True, slots=True)
class Settings:
    """What a trial is run with.

    Attributes
    ----------
    limit
        How many decisions are allowed; None for all.
    mode
        ``config.mode``, if it is to be another.
    excluding
        What ``config.optimizer_excluding`` adds.
    """

    limit: int | None = None
    mode: str = ""
    excluding: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trial has come to.

    Attributes
    ----------
    right
        Whether all was as it should be.
    count
        How many decisions were taken; None if the trial did not live to tell.
    refused
        The first that was not allowed.
    message
        What was raised.
    """

    right: bool
    count: int | None = None
    refused: Told | None = None
    message: str = ""


class Trial(Protocol):
    """Runs what is looked into."""

    def __call__(self, settings: Settings) -> Outcome:
        """Run it once."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """What bisection has found.

    Attributes
    ----------
    text
        All of it, for people.
    culprit
        The decision, if it is one.
    number
        How many decisions are taken before it.
    """

    text: str
    culprit: Told | None = None
    number: int | None = None

    def __str__(self) -> str:
        return self.text


def bisect(build: Callable[[], Any], check: Callable[[Any], object]) -> Finding:
    """Find the one decision of the compiler that makes a result wrong or slow.

    Parameters
    ----------
    build
        Builds and compiles what is looked into: all graphs are built anew in each trial.
    check
        Takes what `build` returns, and returns False or raises if it is wrong, or too slow; None
        is as good as True.

    Examples
    --------
    >>> import symnet as sn, symnet.tensor as T
    >>> x = T.vector("x")
    >>> print(bisect(lambda: sn.function([x], T.log(1 + x)), lambda f: f([0.0])[0] == 0))
    nothing is wrong: it is right with all that the compiler does
    """

    def trial(settings: Settings) -> Outcome:
        message = ""
        with as_said(settings) as ledger:
            try:
                answer = check(build())
                right = answer is None or bool(answer)
            except Exception as error:
                right, message = False, message_of(error)
        return outcome_of(right, ledger, message)

    return search(trial)


def search(trial: Trial, tell: Callable[[str], object] = lambda text: None) -> Finding:
    """Find the decision that decides whether a trial is right.

    Parameters
    ----------
    trial
        What is run, again and again.
    tell
        Is told how far the search is.
    """
    everything = trial(Settings())
    if everything.right:
        return Finding("nothing is wrong: it is right with all that the compiler does")
    tell(f"wrong with all decisions of the compiler{_number(everything.count)}")
    good = trial(Settings(limit=0))
    if not good.right:
        return _not_a_decision(trial, good)
    tell("right with none")
    low, high = 0, everything.count
    while high is None or high - low > 1:
        middle = 2 * low + 1 if high is None else (low + high) // 2
        found = trial(Settings(limit=middle))
        tell(f"{'right' if found.right else 'wrong'} with {middle}")
        if not found.right:
            high = middle
        elif found.refused is None:
            return Finding("it is right now and then: nothing can be told from trials")
        else:
            low, good = middle, found
    culprit = good.refused
    if culprit is None:
        return Finding("it is right now and then: nothing can be told from trials")
    text = f"right with the first {low} decisions of the compiler, wrong with the next:\n{culprit}"
    part = {"fusion": "fusion", "in place": "inplace"}.get(culprit.kind, culprit.name)
    if trial(Settings(excluding=part)).right:
        text += f"\nwithout it all is right: SYMNET_FLAGS=optimizer_excluding={part}"
    return Finding(text, culprit, low)


def _not_a_decision(trial: Trial, plain: Outcome) -> Finding:
    """What is wrong where none of the decisions is to blame."""
    if not trial(Settings(mode="reference")).right:
        return Finding(
            "it is wrong, too, when the graph is interpreted as it was written: not the compiler "
            f"but the graph, or what is expected of it, is wrong\n{plain.message}"
        )
    seen = trial(Settings(limit=0, mode="debug"))
    return Finding(
        "it is wrong with nothing rewritten or fused, and right when interpreted: the code is "
        f"wrong. Debug mode says\n{seen.message or 'nothing'}"
    )


def _number(count: int | None) -> str:
    return "" if count is None else f", {count} of them"


@contextmanager
def as_said(settings: Settings) -> Iterator[Ledger]:
    """A context in which a trial runs."""
    changes = {"mode": settings.mode} if settings.mode else {}
    excluded = filter(None, (config.optimizer_excluding, settings.excluding))
    with (
        config.change(optimizer_excluding=":".join(excluded), **changes),
        recording(settings.limit) as ledger,
    ):
        yield ledger


def outcome_of(right: bool, ledger: Ledger, message: str) -> Outcome:
    """What a trial has come to, by the decisions that were taken in it."""
    refused = None if ledger.refused is None else Told.of(ledger.refused)
    return Outcome(right, len(ledger.taken), refused, message)


def message_of(error: BaseException) -> str:
    """What an exception says, with its kind and notes."""
    return "".join(traceback.format_exception_only(error)).rstrip()
