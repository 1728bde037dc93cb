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
    """Return a question for the nearest of some names, nothing if none is near."""
    from difflib import get_close_matches  # costs more to import than most modules here

    found = get_close_matches(name, [k for k in known if not k.startswith("_")], n=1, cutoff=0.6)
    return f"; did you mean {found[0]!r}?" if found else ""
