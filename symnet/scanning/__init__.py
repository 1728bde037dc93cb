"""Loops over steps: `scan` and what is made of it."""

from symnet.scanning.checkpoints import scan_checkpoints
from symnet.scanning.user import foldl, foldr, map, reduce, scan, until

__all__ = ["foldl", "foldr", "map", "reduce", "scan", "scan_checkpoints", "until"]
