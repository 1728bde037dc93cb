"""The F1 score of tagged sentences, counted as the script ``conlleval`` of the CoNLL tasks does.

What counts is the slot: right if its name, its first and its last word are. In: tags in the IOB
scheme, such as ``O B-city I-city O``. Source of the rules: Tjong Kim Sang and Buchholz,
"Introduction to the CoNLL-2000 shared task: chunking" (2000).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Slot(NamedTuple):
    """A name, the place of the first word, and the place behind the last."""

    name: str
    start: int
    stop: int


class Score(NamedTuple):
    """How many slots there are, how many were found, and how many of these are right."""

    there: int
    found: int
    right: int

    @property
    def precision(self) -> float:
        """The part that is right of those found."""
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """The part that is found of those there are."""
        return self.right / self.there if self.there else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        return 2 * self.right / (self.there + self.found) if self.right else 0.0


def slots(tags: Sequence[str]) -> list[Slot]:
    """Return the slots of a sentence.

    A slot begins at a B; and at an I that has nothing of its own name to go on with.
    """
    found: list[Slot] = []
    name, start = "", 0
    for place, tag in enumerate([*tags, "O"]):
        kind, _, new = tag.partition("-")
        if kind == "I" and new == name:
            continue
        if name:
            found.append(Slot(name, start, place))
        name, start = new, place
    return found


def score(
    there: Iterable[Sequence[str]], found: Iterable[Sequence[str]]
) -> tuple[Score, dict[str, Score]]:
    """Return the score of sentences' tags, and that of each slot by its name."""
    counts: list[Counter[str]] = [Counter(), Counter(), Counter()]
    for one, other in zip(there, found, strict=True):
        wanted, got = set(slots(one)), set(slots(other))
        for count, these in zip(counts, (wanted, got, wanted & got), strict=True):
            count.update(slot.name for slot in these)
    names = sorted(counts[0] | counts[1])
    whole = Score(*(count.total() for count in counts))
    return whole, {name: Score(*(count[name] for count in counts)) for name in names}
