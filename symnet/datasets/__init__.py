"""Real data for tutorials and tests: a name goes in, data in three parts comes out.

================================ ===========================================================
`mnist`                          handwritten digits: images of 28x28 pixels, ten classes
`atis`                           questions about flights: sentences with a slot tag a word
`movie_reviews`                  sentences from reviews, in praise of a film or against it
`chorales`                       Bach's four-part chorales: the keys that sound at every beat
================================ ===========================================================

Where the files come from, in this order:

1. the folder that the environment variable ``SYMNET_DATA`` names, if it is set: the files lie
   there, or in its sub-folder ``mnist``, ``atis``, ``movie_reviews`` or ``jsb_chorales``;
2. the user's cache, filled by a download whose checksums are verified;
3. with no network, a small set of the same form stands in, announced by a `FallbackWarning`:
   scikit-learn's `digits`, or what `requests`, `opinions` and `cadences` make up.
"""

from symnet.datasets.corpus import Corpus, Piece, Review, Tagged
from symnet.datasets.files import FallbackWarning
from symnet.datasets.images import Dataset, Split, digits, find_mnist, mnist, read_idx
from symnet.datasets.invented import cadences, opinions, requests
from symnet.datasets.music import chorales
from symnet.datasets.text import atis, movie_reviews

__all__ = [
    "Corpus",
    "Dataset",
    "FallbackWarning",
    "Piece",
    "Review",
    "Split",
    "Tagged",
    "atis",
    "cadences",
    "chorales",
    "digits",
    "find_mnist",
    "mnist",
    "movie_reviews",
    "opinions",
    "read_idx",
    "requests",
]
