"""Writes ``rules.rst``: every rewrite rule, its two sides and its reason.

``python docs/rules.py`` from the repository's root.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

FILE = Path(__file__).with_suffix(".rst")
sys.path.insert(0, str(FILE.parent.parent))

from docs.tables import plain, table  # noqa: E402
from symnet.rewriting import PHASES, Rule  # noqa: E402
from symnet.rewriting.pattern import holes  # noqa: E402
from symnet.rewriting.rule import AnyRule  # noqa: E402

HEAD = """\
Rewrite rules
=============

.. This file is written by docs/rules.py.

What the compiler puts in the place of what: {count} rules in {phases} phases. Each can be left out
by its name or its phase's, ``Mode().excluding("log1p")``, ``config.optimizer_excluding``. The tests
apply every rule to operands drawn to fit it, of every dtype it has something to say about, and hold
both sides against each other: values, NaN and infinities included, dtypes, shapes and gradients;
rules that assume something say so.
"""

PHASE = {
    "canonicalize": "One way of writing what can be written in several.",
    "stabilize": (
        "Expressions that lose digits or overflow, written so that they do not; before gradients "
        "are taken, too. The right side is compared with the left one in exact arithmetic."
    ),
    "specialize": "Cheaper ways to compute what is canonical and stable.",
}


def row(rule: AnyRule) -> tuple[str, str, str]:
    """A rule's name, what it does, and why."""
    if isinstance(rule, Rule):
        does = f"``{rule.pattern}`` → ``{rule.replacement}``"
    else:
        does = " ".join((rule.function.__doc__ or "").partition("\n\n")[0].split())
        does = does.replace("``", "`").replace("`", "``")
    why = rule.reason + (f" (assumes {rule.assumes})" if rule.assumes else "")
    return f"``{rule.name}``", does, plain(why)


def phases() -> Iterator[str]:
    """A table for each phase."""
    for phase, rules in PHASES.items():
        yield from (
            phase,
            "-" * len(phase),
            "",
            PHASE[phase],
            "",
            f"In patterns {letters(rules)}.",
            "",
        )
        yield from table(("Rule", "What it does", "Why"), "22 50 28", map(row, rules))


def letters(rules: Iterable[AnyRule]) -> str:
    """What the letters of holes stand for."""
    found: dict[str, set[str]] = {}
    for rule in rules:
        for hole in holes(rule.pattern) if isinstance(rule, Rule) else ():
            found.setdefault(hole.kind.name, set()).add(hole.name)
    named = (", ".join(f"``{n}``" for n in sorted(names)) for names in found.values())
    kinds = sorted(f"{n} stand for {kind}" for n, kind in zip(named, found, strict=True))
    return "; ".join(kinds)


def text() -> str:
    """The whole file."""
    count = sum(map(len, PHASES.values()))
    head = HEAD.format(count=count, phases=len(PHASES))
    return "\n".join([head, *phases()]).rstrip() + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
