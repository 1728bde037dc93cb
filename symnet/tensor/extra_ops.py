"""Functions that Theano kept in a module of this name."""

from symnet.tensor.grids import bartlett
from symnet.tensor.manipulation import squeeze
from symnet.tensor.numbering import ravel_multi_index, to_one_hot, unravel_index
from symnet.tensor.positions import Unique, bincount, compress, repeat
from symnet.tensor.sort import searchsorted

__all__ = [
    "Unique",
    "bartlett",
    "bincount",
    "compress",
    "ravel_multi_index",
    "repeat",
    "searchsorted",
    "squeeze",
    "to_one_hot",
    "unravel_index",
]
