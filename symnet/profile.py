"""Where the time of compiled functions went."""

from __future__ import annotations

import sys
from typing import Any, TextIO


class Profile(str):
    """Timings of a function's steps as text; `summary` prints it."""

    __slots__ = ()

    def summary(self, file: TextIO | None = None, n_ops_to_print: int | None = None) -> None:
        """Print the timings, those of the slowest steps if their number is given."""
        lines = self.splitlines()[:n_ops_to_print]
        print("\n".join(lines), file=file or sys.stderr)


class ProfileStats:
    """Collects the timings of the functions it is given to: ``function(..., profile=stats)``.

    Parameters
    ----------
    atexit_print, gpu_checks
        Theano's; without effect.

    Attributes
    ----------
    functions
        The functions.
    """

    def __init__(self, atexit_print: bool = True, gpu_checks: bool = True) -> None:
        self.functions: list[Any] = []

    def summary(self, file: TextIO | None = None, n_ops_to_print: int | None = None) -> None:
        """Print for each function the time of its steps, most first."""
        for f in self.functions:
            print(f"{f.name}:", file=file or sys.stderr)
            f.profile.summary(file, n_ops_to_print)
