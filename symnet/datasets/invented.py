"""Small sets that are made up: for tests, and where the real ones cannot be had.

Each is drawn by a program of a few lines from a fixed seed, so it is always the same. What is to be
learned from it takes what the real data takes: words that mean one thing after "from" and another
after "to", a "not" that turns an opinion over, chords that follow each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from symnet.datasets.corpus import Corpus, Piece, Review, Tagged

_MADE_UP = "made up by a program"
_SIZES = (600, 150, 150)

_CITIES = """ashford, bellmont, cedar falls, dunmore, east haven, fairview, grand harbor, hollis,
ivywood, juniper, kingston, lake view, marlow, north fork, oakdale, port william"""
_DAYS = "monday, tuesday, wednesday, thursday, friday, saturday, sunday"
_HOURS = "six, seven, eight, nine, ten, eleven, twelve"
_OPENINGS = """show me flights, i need a flight, what flights go, please list all fares,
is there a plane, i want to fly"""

_GOOD = "brilliant, charming, funny, gripping, moving, splendid, tender, witty"
_BAD = "bland, clumsy, dreary, dull, hollow, shallow, stale, tedious"
_SUBJECTS = "acting, cast, dialogue, film, music, plot, script, story"
_FILLERS = "at times, for once, in the end, it seems, on the whole, to be honest"

#: The notes of a chord in semitones above the keynote, and the chords that may follow it.
_CHORDS = {
    "I": ((0, 4, 7), ("ii", "IV", "V", "vi")),
    "ii": ((2, 5, 9), ("V",)),
    "IV": ((5, 9, 0), ("I", "ii", "V")),
    "V": ((7, 11, 2), ("I", "I", "vi")),
    "vi": ((9, 0, 4), ("ii", "IV")),
}
#: Where bass, tenor, alto and soprano sing: the middles of their ranges.
_VOICES = (48, 58, 64, 71)

Example = TypeVar("Example")


def requests() -> Corpus[Tagged]:
    """Make up 600 + 150 + 150 requests for flights, a slot tag a word.

    Examples
    --------
    >>> words, tags = requests().train[1]
    >>> for word, tag in list(zip(words, tags))[4:8]:
    ...     print(f"{word:10} {tag}")
    from       O
    port       B-fromloc
    william    I-fromloc
    to         O
    """
    return _drawn("requests", _request)


def opinions() -> Corpus[Review]:
    """Make up 600 + 150 + 150 opinions on films, about half of them in praise.

    Examples
    --------
    >>> review = opinions().train[0]
    >>> " ".join(review.words), review.label
    ('for once the acting is not dreary , the music is tender', 1)
    """
    return _drawn("opinions", _opinion)


def cadences() -> Corpus[Piece]:
    """Make up 600 + 150 + 150 pieces of four parts, in chords that lead back to the first.

    Examples
    --------
    >>> cadences().train[0][-2:]
    ((43, 59, 62, 67), (48, 60, 64, 67))
    """
    return _drawn("cadences", _cadence)


def _drawn(
    name: str, make: Callable[[np.random.Generator], Example], seed: int = 0
) -> Corpus[Example]:
    rng = np.random.default_rng(seed)
    train, valid, test = ([make(rng) for _ in range(n)] for n in _SIZES)
    return Corpus(name, _MADE_UP, train, valid, test)


def _one_of(listed: str, rng: np.random.Generator) -> str:
    phrases = listed.replace("\n", " ").split(", ")
    return phrases[rng.integers(len(phrases))]


def _request(rng: np.random.Generator) -> Tagged:
    places = [("from", "fromloc"), ("to", "toloc")]
    if rng.random() < 0.2:
        places.append(("by way of", "stoploc"))
    phrases = [
        (preposition, _one_of(_CITIES, rng), slot)
        for preposition, slot in (places[k] for k in rng.permutation(len(places)))
    ]
    if rng.random() < 0.5:
        phrases.append(("on", _one_of(_DAYS, rng), "depart_day"))
    if rng.random() < 0.5:
        leaving = rng.random() < 0.5
        phrases.append(
            (
                "leaving at" if leaving else "arriving at",
                f"{_one_of(_HOURS, rng)} o'clock",
                "depart_time" if leaving else "arrive_time",
            )
        )
    words, tags = _one_of(_OPENINGS, rng).split(), []
    tags += ["O"] * len(words)
    for before, value, slot in phrases:
        outside, inside = before.split(), value.split()
        words += outside + inside
        tags += ["O"] * len(outside) + [f"B-{slot}"] + [f"I-{slot}"] * (len(inside) - 1)
    return Tagged(tuple(words), tuple(tags))


def _opinion(rng: np.random.Generator) -> Review:
    good = bool(rng.integers(2))
    clauses = []
    for _ in range(rng.integers(1, 4)):
        turned = rng.random() < 0.3
        word = _one_of(_GOOD if good != turned else _BAD, rng)
        clause = f"the {_one_of(_SUBJECTS, rng)} is {'not ' if turned else ''}{word}"
        clauses.append(f"{_one_of(_FILLERS, rng)} {clause}" if rng.random() < 0.5 else clause)
    return Review(tuple(" , ".join(clauses).split()), int(good))


def _cadence(rng: np.random.Generator) -> Piece:
    chords = ["I"]
    while len(chords) < 12 or chords[-1] != "I":
        after = _CHORDS[chords[-1]][1]
        chords.append(after[rng.integers(len(after))])
    beats = []
    for chord in chords:
        notes = _CHORDS[chord][0]
        order = rng.permutation(3)
        upper = [_near(pitch, notes[k]) for k, pitch in zip(order, _VOICES[1:], strict=True)]
        beats.append(tuple(sorted({_near(_VOICES[0], notes[0]), *upper})))
    return tuple(beats)


def _near(pitch: int, note: int) -> int:
    """The pitch nearest to one that is a note, in some octave."""
    return pitch + (note - pitch + 6) % 12 - 6
