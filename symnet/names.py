"""What to say when a name is not there."""

from __future__ import annotations

from collections.abc import Iterable


def missing(module: str, name: str, known: Iterable[str]) -> AttributeError:
    """Return the error for a name that `module` does not have, with the nearest it has.

    Examples
    --------
    >>> str(missing("symnet.tensor", "sofmax", ["softmax", "exp"]))
    "symnet.tensor has no 'sofmax'; did you mean 'softmax'?"
    """
    return AttributeError(f"{module} has no {name!r}{near(name, known)}", name=name)


def near(name: str, known: Iterable[str]) -> str:
    """Return a question for the nearest of some names, nothing if none is near.

    Examples
    --------
    >>> near("sofmax", ["nnet.softmax", "max"])
    "; did you mean 'nnet.softmax'?"
    """
    from difflib import get_close_matches  # costs more to import than most modules here

    full = {k.rpartition(".")[2]: k for k in known if not k.startswith("_")}
    found = get_close_matches(name.rpartition(".")[2], full, n=1, cutoff=0.6)
    return f"; did you mean {full[found[0]]!r}?" if found else ""
