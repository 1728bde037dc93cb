"""Sentences: the words of people who ask for flights, and of people who have seen a film."""

from __future__ import annotations

from pathlib import Path

from symnet.datasets import invented
from symnet.datasets.corpus import Corpus, Review, Tagged, shuffled
from symnet.datasets.files import Source, contents

_ATIS = Source(
    "ATIS",
    "atis",
    {
        "atis.train.w-intent.iob": "5274d3f7b9c5568c54ce95c3d336240d",
        "atis.test.w-intent.iob": "ae2eac4fd74721f3f4e7402a851a1b9e",
    },
    ("https://raw.githubusercontent.com/yvchen/JointSLU/master/data/",),
)
_ATIS_VALID = 500

_REVIEWS = Source(
    "Pang and Lee's sentence polarity data",
    "movie_reviews",
    {
        "rt-polarity.pos": "819e2ab972d5f1314804c62921cf21a8",
        "rt-polarity.neg": "efd38e162b1a4ede8fbf024de182eb4a",
    },
    (
        "https://raw.githubusercontent.com/dennybritz/cnn-text-classification-tf/"
        "a0d0e9742b3dc42194955e78858f7be93027c75e/data/rt-polaritydata/",
    ),
)


def atis() -> Corpus[Tagged]:
    """Load ATIS: 4,478 + 500 + 893 questions about flights, a slot tag a word.

    The air travel information system's corpus: Hemphill, Godfrey and Doddington, "The
    ATIS spoken language systems pilot corpus" (Speech and Natural Language Workshop, 1990). The 500
    are drawn from the training sentences, always the same ones.

    Returns
    -------
    Corpus
        Of `Tagged` sentences; or, when there is no network, `requests`.

    Raises
    ------
    FileNotFoundError
        ``SYMNET_DATA`` is set, and the files are not in it.
    ValueError
        A file is corrupted.

    Warns
    -----
    FallbackWarning
        The download failed, and `requests` stands in.
    """
    return _ATIS.load(_read_atis, invented.requests, "made-up requests for flights, far easier")


def movie_reviews() -> Corpus[Review]:
    """Load 8,530 + 1,066 + 1,066 sentences from film reviews, half of them in praise.

    The sentence polarity data, version 1.0: Pang and Lee, "Seeing stars" (ACL 2005). It comes in
    two files and no parts; the parts are drawn from it, always the same ones.

    Returns
    -------
    Corpus
        Of `Review` sentences; or, when there is no network, `opinions`.

    Raises
    ------
    FileNotFoundError
        ``SYMNET_DATA`` is set, and the files are not in it.
    ValueError
        A file is corrupted.

    Warns
    -----
    FallbackWarning
        The download failed, and `opinions` stands in.
    """
    return _REVIEWS.load(_read_reviews, invented.opinions, "made-up opinions, far easier")


def _read_atis(folder: Path) -> Corpus[Tagged]:
    seen, test = (_tagged(folder / file) for file in _ATIS.md5)
    seen = shuffled(seen)
    return Corpus("ATIS", str(folder), seen[_ATIS_VALID:], seen[:_ATIS_VALID], test)


def _tagged(path: Path) -> list[Tagged]:
    """Read lines of words, a tab and tags; what BOS and EOS enclose is the sentence."""
    found = []
    for number, line in enumerate(contents(path).decode().splitlines(), 1):
        words, tags = (tuple(part.split()) for part in f"{line}\t".split("\t")[:2])
        if len(words) != len(tags) or (words[:1], words[-1:]) != (("BOS",), ("EOS",)):
            raise ValueError(
                f"{path}, line {number}: {len(words)} words and {len(tags)} tags; there should be "
                "as many, and the words should go from BOS to EOS"
            )
        found.append(Tagged(words[1:-1], tags[1:-1]))
    return found


def _read_reviews(folder: Path) -> Corpus[Review]:
    positive, negative = (_sentences(folder / file) for file in _REVIEWS.md5)
    labelled = [(1, words) for words in positive] + [(0, words) for words in negative]
    reviews = shuffled([Review(words, label) for label, words in labelled])
    held_out = len(reviews) // 10
    return Corpus(
        "film reviews",
        str(folder),
        reviews[2 * held_out :],
        reviews[:held_out],
        reviews[held_out : 2 * held_out],
    )


def _sentences(path: Path) -> list[tuple[str, ...]]:
    """Read a sentence a line; some copies of these files are in Latin-1."""
    data = contents(path)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return [tuple(line.split()) for line in text.split("\n") if line.strip()]
