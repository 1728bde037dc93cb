"""Modes: how a function is compiled and run.

``"default"`` compiles; ``"reference"`` interprets the graph as it was written, op by op with
NumPy; ``"debug"`` does both in every call and compares. Theano's names are understood.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symnet.config import config
from symnet.graph import Apply
from symnet.interpreter import Step, Watcher, described
from symnet.names import near
from symnet.rewriting import PHASES, WHOLE_GRAPH

PARTS = ("fusion", "inplace")
"""What can be left out besides rules and their phases."""

NO_REWRITES = frozenset({*PHASES, *WHOLE_GRAPH})
NOTHING = NO_REWRITES | {*PARTS}

LEVELS = {
    "fast_run": frozenset[str](),
    "o4": frozenset[str](),
    "unsafe": frozenset[str](),
    "o3": frozenset({"inplace"}),
    "o2": frozenset({"stabilize", "specialize"}),
    "fast_compile": frozenset({"stabilize", "specialize", "fusion"}),
    "o1": frozenset({"stabilize", "specialize", "fusion"}),
    "merge": NOTHING,
    "None": NOTHING,
}
"""What ``config.optimizer`` leaves out, by its values."""

THEANO_PARTS = {
    "inplace": (
        "inplace_opt inplace_elemwise inplace_elemwise_opt inplace_elemwise_optimizer "
        "random_make_inplace scan_make_inplace make_scan_inplace"
    ),
    "fusion": "elemwise_fusion local_elemwise_fusion composite_elemwise_fusion add_mul_fusion",
    "": (
        "fast_run fast_compile merge unsafe gpu gpu_opt gpuarray gpuarray_opt cudnn conv_dnn "
        "conv_gemm conv_meta scan BlasOpt ShapeOpt uncanonicalize specialize_device"
    ),
}
"""Theano's names of what is one of symnet's parts, or no part at all."""

_MEANING = {old: part for part, names in THEANO_PARTS.items() for old in names.split()}


def parts(names: Iterable[str]) -> frozenset[str]:
    """What names of rules, phases and parts stand for, which may be joined by ``:``.

    Raises
    ------
    ValueError
        If there is nothing of a name. For one that may be a rule of Theano's a warning does.

    Examples
    --------
    >>> sorted(parts(["log1p:inplace", "local_elemwise_fusion"]))
    ['fusion', 'inplace', 'log1p']
    """
    rules = (rule.name for table in PHASES.values() for rule in table)
    known = {*NOTHING, *rules}
    found = set()
    for name in (n for names_ in names for n in names_.split(":") if n):
        if name in known:
            found.add(name)
        elif _MEANING.get(name):
            found.add(_MEANING[name])
        elif name.startswith("local_"):
            warnings.warn(
                f"{name} may be a rule of Theano's; symnet has none of that name"
                f"{near(name, known)}. Nothing is left out for it",
                stacklevel=3,
            )
        elif name not in _MEANING:
            raise ValueError(
                f"there is no rule, phase or part {name!r} of the compiler"
                f"{near(name, known) or '.'} "
                f"Phases are {', '.join(PHASES)}, parts are {', '.join((*WHOLE_GRAPH, *PARTS))}, "
                "rules stand in symnet.rewriting.PHASES"
            )
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Mode:
    """How a function is compiled and run.

    Attributes
    ----------
    kind
        ``"default"``, ``"reference"``, ``"debug"`` or ``"rewritten"``: interpreted as rewriting has
        left it.
    exclude
        What is left out, by name: phases of rewriting (``"canonicalize"``, ``"stabilize"``,
        ``"specialize"``), single rules, passes over the whole graph (``"merge_loops"``,
        ``"drop_unread"``, ``"keep_tails"``), ``"fusion"`` of operations into common loops, and
        ``"inplace"``, writing results over what nobody reads any more, new values of shared
        variables over the old ones.
    watcher
        What looks on while the graph is interpreted (``"reference"`` or ``"rewritten"``).
    finite
        Whether ``"debug"`` raises where NaN or an infinity is made of finite numbers.
    memory
        ``"fast"`` or ``"small"``: see `symnet.config.Config`, which decides if it is None.

    Examples
    --------
    >>> mode = Mode().excluding("stabilize", "fusion")
    >>> mode.fuse, sorted(mode.including("fusion").exclude)
    (False, ['stabilize'])
    """

    kind: str = "default"
    exclude: frozenset[str] = frozenset()
    watcher: Watcher | None = None
    finite: bool = True
    memory: str | None = None

    def excluding(self, *names: str) -> Mode:
        """This mode without some rules, phases or parts of the compiler.

        Raises
        ------
        ValueError
            If there is nothing of a name.
        """
        return replace(self, exclude=self.exclude | parts(names))

    def including(self, *names: str) -> Mode:
        """This mode with rules, phases or parts that it left out."""
        return replace(self, exclude=self.exclude - parts(names))

    @property
    def fuse(self) -> bool:
        """Whether operations are fused into common loops."""
        return "fusion" not in self.exclude

    @property
    def inplace(self) -> bool:
        """Whether new values of shared variables are written over the old ones."""
        return "inplace" not in self.exclude


def get_mode(mode: Mode | str | None = None) -> Mode:
    """The mode of a name; that of ``config.mode`` if None.

    ``config.optimizer`` and what it includes and excludes hold for modes by name, and of those for
    all but ``FAST_RUN`` and ``FAST_COMPILE``, which say it themselves.

    Raises
    ------
    TypeError, ValueError
        If it is neither a mode nor the name of one.
    """
    if isinstance(mode, Mode):
        return mode
    name = mode or config.mode
    modes = _modes()
    if not isinstance(name, str):
        raise TypeError(f"a mode is a Mode or the name of one, got {name!r}")
    if name not in modes:
        hint = near(name, modes) or "."
        raise ValueError(f"there is no mode {name!r}{hint} Modes are {', '.join(modes)}")
    found = modes[name]
    if name not in ("FAST_RUN", "FAST_COMPILE"):
        found = replace(found, exclude=found.exclude | LEVELS[config.optimizer])
    return found.including(config.optimizer_including).excluding(config.optimizer_excluding)


def _modes() -> dict[str, Mode]:
    guard = NanGuardMode()
    return {
        "default": Mode(),
        "reference": Mode("reference"),
        "debug": Mode("debug"),
        "nan_guard": guard,
        "Mode": Mode(),
        "FAST_RUN": Mode(),
        "FAST_COMPILE": Mode(exclude=LEVELS["fast_compile"]),
        "DebugMode": Mode("debug"),
        "DEBUG_MODE": Mode("debug"),
        "NanGuardMode": guard,
    }


Look = Callable[[int, Apply, Step], object]


@dataclass(frozen=True, slots=True)
class _Monitor:
    pre_func: Look | None
    post_func: Look | None
    inside: bool = False

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
    action: str
    inside: bool = True

    def before(self, number: int, node: Apply, step: Step) -> None:
        for v, (value,) in zip(node.inputs, step.inputs, strict=True):
            if v.owner is None:
                self._look_at(self._faults(value), f"the input {v!r} of {node.op}", node, step)

    def after(self, number: int, node: Apply, step: Step) -> None:
        # What was wrong with an operand has been told.
        known = {name for (x,) in step.inputs for name in self._faults(x)}
        for v, (value,) in zip(node.outputs, step.outputs, strict=True):
            new = {k: mask for k, mask in self._faults(value).items() if k not in known}
            self._look_at(new, f"output {v.index} of {node.op}", node, step)

    def _faults(self, value: Any) -> dict[str, Any]:
        """Where an array has what is looked for, by what that is."""
        if value.dtype.kind != "f":
            return {}
        size = np.abs(value)
        masks = (
            (self.nan, "NaN", np.isnan(size)),
            (self.inf, "an infinity", np.isinf(size)),
            (self.big, f"a number beyond {BIG:g}", (size > BIG) & np.isfinite(size)),
        )
        return {name: mask for wanted, name, mask in masks if wanted and mask.any()}

    def _look_at(self, found: dict[str, Any], what: str, node: Apply, step: Step) -> None:
        if not found:
            return
        where = f", built at {node.line}" if node.line else ""
        bad = np.logical_or.reduce(list(found.values()))
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        lines = [
            f"{what} has {' and '.join(found)}{where}",
            f"{int(bad.sum())} of {bad.size} elements, the first at {first}; the operands are",
        ]
        for v, (x,) in zip(node.inputs, step.inputs, strict=True):
            lines.append(f"  {v!r}: {described(x)}")
        self._report("\n".join(lines))

    def _report(self, message: str) -> None:
        if self.action == "warn":
            warnings.warn(message, stacklevel=2)
            return
        if self.action == "pdb":
            import pdb  # for those who ask for it only

            print(message)
            pdb.set_trace()
        raise AssertionError(message)


BIG = 1e10
"""What `NanGuardMode` takes for a number that has run away."""


def NanGuardMode(
    nan_is_error: bool = True,
    inf_is_error: bool = True,
    big_is_error: bool = True,
    optimizer: object = None,
    linker: object = None,
    action: str = "raise",
) -> Mode:
    """Return a mode that raises where the first NaN, infinity or huge number comes up.

    The graph is interpreted in its stable form, as compiled functions compute it; the error names
    the operation, the line of the user's that built it and what its operands are. Operations in
    the bodies of loops are looked at, too.

    Parameters
    ----------
    nan_is_error, inf_is_error, big_is_error
        What to look for; big is a magnitude beyond 1e10.
    optimizer, linker
        Theano's; without effect.
    action
        What to do then: ``"raise"``, ``"warn"`` and go on, or ``"pdb"``, to start the debugger.

    Examples
    --------
    >>> import symnet as sn, symnet.tensor as T
    >>> x = T.dscalar("x")
    >>> sn.function([x], T.log(x), mode=NanGuardMode())(-1)
    Traceback (most recent call last):
        ...
    AssertionError: output 0 of log has NaN, built at ...
    """
    if action not in ("raise", "warn", "pdb"):
        raise ValueError(f"action is 'raise', 'warn' or 'pdb', not {action!r}")
    guard = _Guard(nan_is_error, inf_is_error, big_is_error, action)
    return Mode("rewritten", watcher=guard)
