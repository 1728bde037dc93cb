"""Examples of different lengths: sentences and pieces of music, in three parts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

import numpy as np

Example = TypeVar("Example")

#: The pitches that sound at each beat, as MIDI counts them: 60 is the middle c.
Piece = tuple[tuple[int, ...], ...]


class Tagged(NamedTuple):
    """The words of a sentence, and a tag for each.

    The tags are in the IOB scheme: ``B-city`` begins a slot named ``city``, ``I-city`` goes on
    with it, and ``O`` belongs to none.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]


class Review(NamedTuple):
    """The words of a sentence, and 1 if they are in praise, 0 if not."""

    words: tuple[str, ...]
    label: int


@dataclass(frozen=True, slots=True)
class Corpus(Generic[Example]):
    """A data set of sentences or of pieces of music.

    Attributes
    ----------
    name
        What the data is, for people to read.
    source
        Where it came from, for people to read.
    train, valid, test
        The three parts.
    """

    name: str
    source: str
    train: list[Example]
    valid: list[Example]
    test: list[Example]

    def limit(self, n: int) -> Corpus[Example]:
        """Return the same data with at most the first `n` examples in each part.

        Examples
        --------
        >>> from symnet.datasets import opinions
        >>> len(opinions().limit(100).train)
        100
        """
        if n < 1:
            raise ValueError(f"a data set needs at least one example, not {n}")
        return replace(self, train=self.train[:n], valid=self.valid[:n], test=self.test[:n])


def shuffled(examples: list[Example]) -> list[Example]:
    """Return the examples in an order that is always the same."""
    return [examples[k] for k in np.random.default_rng(0).permutation(len(examples))]
