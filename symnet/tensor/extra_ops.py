"""Functions that Theano kept in a module of this name."""

from symnet.tensor.positions import Unique, bincount, compress, repeat

__all__ = ["Unique", "bincount", "compress", "repeat"]
