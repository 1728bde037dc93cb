"""Decisions of the compiler, asked for one by one, so that they can be told and forbidden.

Wherever the compiler may do something for speed or precision that it might as well leave (a
rewrite, a fusion, an update in place) it asks `allowed`. Usually the answer is yes. Within
`recording` each decision is kept, and with a limit all after the first so many are refused: what
a computation does then depends on one number, which `symnet.bisection` looks for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from symnet.graph import Variable


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """One thing that the compiler did.

    Attributes
    ----------
    kind
        ``"rewrite"``, ``"fusion"`` or ``"in place"``.
    name
        The rule, or the operation it is about.
    reason
        Why it is done.
    before
        The variable it is about.
    after
        Of a rewrite, what takes its place.
    """

    kind: str
    name: str
    reason: str
    before: Variable
    after: Variable | None = None

    @property
    def line(self) -> str:
        """Where the user built what it is about, if that is known."""
        node = self.before.owner
        return str(node.line) if node is not None and node.line else ""


@dataclass(slots=True)
class Ledger:
    """Decisions in the order in which they were taken.

    Attributes
    ----------
    limit
        How many are allowed; None for all.
    taken
        Those that were.
    refused
        The first that was not allowed.
    outer
        A ledger that has a say as well.
    """

    limit: int | None = None
    taken: list[Decision] = field(default_factory=list)
    refused: Decision | None = None
    outer: Ledger | None = None

    def ask(self, decision: Decision) -> bool:
        """Whether a decision may be taken; it is noted if so."""
        full = self.limit is not None and len(self.taken) >= self.limit
        if full or (self.outer is not None and not self.outer.ask(decision)):
            self.refused = self.refused or decision
            return False
        self.taken.append(decision)
        return True


_ledger: ContextVar[Ledger | None] = ContextVar("_ledger", default=None)


@contextmanager
def recording(limit: int | None = None) -> Iterator[Ledger]:
    """Within, decisions are kept, and refused beyond a limit.

    Examples
    --------
    >>> import symnet as sn, symnet.tensor as T
    >>> x = T.vector("x")
    >>> with recording() as ledger:
    ...     f = sn.function([x], T.log(1 + x))
    >>> [d.name for d in ledger.taken]
    ['log1p']
    """
    ledger = Ledger(limit, outer=_ledger.get())
    token = _ledger.set(ledger)
    try:
        yield ledger
    finally:
        _ledger.reset(token)


def is_recording() -> bool:
    """Whether somebody wants to know of decisions."""
    return _ledger.get() is not None


def allowed(
    kind: str, name: Any, reason: str, before: Variable, after: Variable | None = None
) -> bool:
    """Whether the compiler may do something; see `Decision` for what describes it."""
    ledger = _ledger.get()
    return ledger is None or ledger.ask(Decision(kind, str(name), reason, before, after))
