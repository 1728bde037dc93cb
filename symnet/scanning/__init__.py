"""Loops over steps: `scan` and what is made of it."""

from symnet.scanning.user import foldl, foldr, map, reduce, scan, until

__all__ = ["foldl", "foldr", "map", "reduce", "scan", "until"]
