"""Music: the keys of a piano that sound at every beat of a piece."""

from __future__ import annotations

import json
from pathlib import Path

from symnet.datasets import invented
from symnet.datasets.corpus import Corpus, Piece
from symnet.datasets.files import Source, contents

_FILE = "jsb-chorales-quarter.json"
_CHORALES = Source(
    "Bach's chorales",
    "jsb_chorales",
    {_FILE: "3bf6c38f846f08869f8ae53078e34902"},
    (
        "https://raw.githubusercontent.com/czhuang/JSB-Chorales-dataset/"
        "9a7f733ddb4ed91f48da64ac7f0f621c34aadd4d/",
    ),
)

#: The keys of a piano.
_LOWEST, _HIGHEST = 21, 108


def chorales() -> Corpus[Piece]:
    """Load 229 + 76 + 77 of Bach's chorales, in C major or C minor, at quarter notes.

    The parts are those of Boulanger-Lewandowski, Bengio and Vincent, "Modeling temporal
    dependencies in high-dimensional sequences" (ICML 2012).

    Returns
    -------
    Corpus
        Of pieces, each a tuple of beats, each a tuple of pitches from 21 to 108; or, when there
        is no network, `cadences`.

    Raises
    ------
    FileNotFoundError
        ``SYMNET_DATA`` is set, and the file is not in it.
    ValueError
        The file is corrupted.

    Warns
    -----
    FallbackWarning
        The download failed, and `cadences` stand in.
    """
    return _CHORALES.load(_read, invented.cadences, "made-up cadences, far simpler")


def _read(folder: Path) -> Corpus[Piece]:
    path = folder / _FILE
    try:
        parts = json.loads(contents(path))
        train, valid, test = (
            [tuple(tuple(map(int, beat)) for beat in piece) for piece in parts[part]]
            for part in ("train", "valid", "test")
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: lists of pitches, in beats, in pieces, in the parts train, valid and test "
            f"are expected there ({type(error).__name__}: {error})"
        ) from error
    pitches = {p for piece in (*train, *valid, *test) for beat in piece for p in beat}
    if strange := sorted(p for p in pitches if not _LOWEST <= p <= _HIGHEST):
        raise ValueError(f"{path}: no piano has keys for {strange}: they go from 21 to 108")
    return Corpus("Bach's chorales", str(folder), train, valid, test)
