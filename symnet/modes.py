"""Modes: how a function is compiled and run.

``"default"`` compiles; ``"reference"`` interprets the graph as it was written, op by op with
NumPy; ``"debug"`` does both in every call and compares. Theano's names are understood.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symnet.config import config
from symnet.graph import Apply
from symnet.interpreter import Step, Watcher


@dataclass(frozen=True, slots=True)
class Mode:
    """How a function is compiled and run.

    Attributes
    ----------
    kind
        ``"default"``, ``"reference"``, ``"debug"`` or ``"rewritten"``: interpreted as rewriting has
        left it.
    fuse
        Whether operations are fused into common loops.
    exclude
        Rewrite phases or rules left out, by name.
    watcher
        What looks on while the graph is interpreted (``"reference"`` or ``"rewritten"``).

    Examples
    --------
    >>> Mode().excluding("stabilize").exclude
    frozenset({'stabilize'})
    """

    kind: str = "default"
    fuse: bool = True
    exclude: frozenset[str] = frozenset()
    watcher: Watcher | None = None

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


Look = Callable[[int, Apply, Step], object]


@dataclass(frozen=True, slots=True)
class _Monitor:
    pre_func: Look | None
    post_func: Look | None

    def before(self, number: int, node: Apply, step: Step) -> None:
        if self.pre_func is not None:
            self.pre_func(number, node, step)

    def after(self, number: int, node: Apply, step: Step) -> None:
        if self.post_func is not None:
            self.post_func(number, node, step)


def MonitorMode(
    pre_func: Look | None = None,
    post_func: Look | None = None,
    optimizer: object = None,
    linker: object = None,
) -> Mode:
    """Return a mode that calls functions before and after every operation.

    The graph is interpreted as it was written, so what is looked at is what the user built.

    Parameters
    ----------
    pre_func, post_func
        Called with the number of the operation in this call, its `Apply` and a
        `symnet.interpreter.Step`, whose ``inputs[k][0]`` and ``outputs[k][0]`` are the arrays.
    optimizer, linker
        Theano's; without effect.

    Examples
    --------
    >>> import symnet as sn, symnet.tensor as T
    >>> def look(number, node, step):
    ...     print(number, node.op, step.inputs[0][0], step.outputs[0][0])
    >>> x = T.dscalar("x")
    >>> f = sn.function([x], T.exp(x) + 1, mode=MonitorMode(post_func=look))
    >>> y = f(0)
    0 exp 0.0 1.0
    1 add 1.0 2.0
    """
    return Mode("reference", watcher=_Monitor(pre_func, post_func))


@dataclass(frozen=True, slots=True)
class _Guard:
    nan: bool
    inf: bool
    big: bool

    def before(self, number: int, node: Apply, step: Step) -> None:
        for v, (value,) in zip(node.inputs, step.inputs, strict=True):
            if v.owner is None:
                self._look_at(value, f"the input {v!r} of {node.op}", node)

    def after(self, number: int, node: Apply, step: Step) -> None:
        for v, (value,) in zip(node.outputs, step.outputs, strict=True):
            self._look_at(value, f"output {v.index} of {node.op}", node)

    def _look_at(self, value: Any, what: str, node: Apply) -> None:
        if value.dtype.kind != "f":
            return
        size = np.abs(value)
        found = [
            name
            for wanted, name, bad in (
                (self.nan, "NaN", np.isnan(size)),
                (self.inf, "an infinity", np.isinf(size)),
                (self.big, f"a number beyond {BIG:g}", (size > BIG) & np.isfinite(size)),
            )
            if wanted and bad.any()
        ]
        if found:
            where = f", built at {node.line}" if node.line else ""
            raise AssertionError(f"{what} has {' and '.join(found)}{where}")


BIG = 1e10
"""What `NanGuardMode` takes for a number that has run away."""


def NanGuardMode(
    nan_is_error: bool = True,
    inf_is_error: bool = True,
    big_is_error: bool = True,
    optimizer: object = None,
    linker: object = None,
) -> Mode:
    """Return a mode that raises where the first NaN, infinity or huge number comes up.

    The graph is interpreted in its stable form, as compiled functions compute it; the error names
    the operation and the line of the user's that built it.

    Parameters
    ----------
    nan_is_error, inf_is_error, big_is_error
        What to look for; big is a magnitude beyond 1e10.
    optimizer, linker
        Theano's; without effect.

    Examples
    --------
    >>> import symnet as sn, symnet.tensor as T
    >>> x = T.dscalar("x")
    >>> sn.function([x], T.log(x), mode=NanGuardMode())(-1)
    Traceback (most recent call last):
        ...
    AssertionError: output 0 of log has NaN, built at ...
    """
    return Mode("rewritten", watcher=_Guard(nan_is_error, inf_is_error, big_is_error))
