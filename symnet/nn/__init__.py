"""Helpers for neural networks: `symnet.nn.init` draws the values that their weights start from."""

from symnet.nn import init

__all__ = ["init"]
