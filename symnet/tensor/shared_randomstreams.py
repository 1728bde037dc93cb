"""Theano's name for streams of random tensors; they are in `symnet.random`."""

from symnet.random import RandomStreams

__all__ = ["RandomStreams"]
