"""Modes: how a function is compiled and run.

``"default"`` compiles; ``"reference"`` interprets the graph as it was written, op by op with
NumPy; ``"debug"`` does both in every call and compares. Theano's names are understood.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from symnet.config import config


@dataclass(frozen=True, slots=True)
class Mode:
    """How a function is compiled and run.

    Attributes
    ----------
    kind
        ``"default"``, ``"reference"`` or ``"debug"``.
    fuse
        Whether operations are fused into common loops.
    exclude
        Rewrite phases or rules left out, by name.

    Examples
    --------
    >>> Mode().excluding("stabilize").exclude
    frozenset({'stabilize'})
    """

    kind: str = "default"
    fuse: bool = True
    exclude: frozenset[str] = frozenset()

    def excluding(self, *names: str) -> Mode:
        """This mode without some rewrite phases or rules."""
        return replace(self, exclude=self.exclude | set(names))

    def including(self, *names: str) -> Mode:
        """This mode with rewrite phases or rules that it left out."""
        return replace(self, exclude=self.exclude - set(names))


_THEANO = {
    "Mode": Mode(),
    "FAST_RUN": Mode(),
    "FAST_COMPILE": Mode(fuse=False, exclude=frozenset({"stabilize", "specialize"})),
    "DebugMode": Mode("debug"),
    "DEBUG_MODE": Mode("debug"),
}


def get_mode(mode: Mode | str | None = None) -> Mode:
    """The mode of a name; that of ``config.mode`` if None.

    Raises
    ------
    ValueError
        If there is no such mode.
    """
    if isinstance(mode, Mode):
        return mode
    name = mode or config.mode
    if name in ("default", "reference", "debug"):
        found = Mode(name)
    elif name in _THEANO:
        found = _THEANO[name]
    else:
        known = ", ".join(["default", "reference", "debug", *_THEANO])
        raise ValueError(f"no mode {name!r}; modes are {known}")
    excluded = filter(None, config.optimizer_excluding.split(":"))
    return found.excluding(*excluded)
