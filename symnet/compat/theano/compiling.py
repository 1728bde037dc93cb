"""``theano.compile`` and ``theano.Mode``: modes by Theano's names, dumps of calls."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

from symnet import modes
from symnet.compat.theano.flags import config
from symnet.modes import get_mode


class Mode:
    """A linker and an optimizer, as the `symnet.modes.Mode` that stands for them.

    Parameters
    ----------
    linker
        ``"py"`` interprets the graph op by op; any other compiles it.
    optimizer
        A level of optimization, as ``config.optimizer`` names them.

    Examples
    --------
    >>> Mode(linker="py", optimizer="fast_compile").kind
    'reference'
    """

    def __new__(  # type: ignore[misc]  # a mode is symnet's
        cls, linker: Any = None, optimizer: Any = "default"
    ) -> modes.Mode:
        """Return symnet's mode."""
        if linker == "py":
            return get_mode("reference")
        level = {None: "None", "default": "fast_run"}.get(optimizer, optimizer)
        return modes.Mode(exclude=modes.LEVELS.get(level, frozenset()))


def get_default_mode() -> modes.Mode:
    """Return the mode that functions have unless said otherwise."""
    return get_mode()


def NanGuardMode(
    nan_is_error: bool | None = None,
    inf_is_error: bool | None = None,
    big_is_error: bool | None = None,
    optimizer: object = "default",
    linker: object = None,
) -> modes.Mode:
    """Return the mode that raises at the first NaN, infinity or huge number.

    Parameters
    ----------
    nan_is_error, inf_is_error, big_is_error
        What to look for; None for what ``theano.config.NanGuardMode`` says.
    optimizer, linker
        Without effect.
    """
    said = config.NanGuardMode
    return modes.NanGuardMode(
        said.nan_is_error if nan_is_error is None else nan_is_error,
        said.inf_is_error if inf_is_error is None else inf_is_error,
        said.big_is_error if big_is_error is None else big_is_error,
        action=said.action,
    )


def DebugMode(
    optimizer: object = "fast_run",
    stability_patience: int | None = None,
    check_c_code: bool | None = None,
    check_py_code: bool | None = None,
    check_isfinite: bool | None = None,
    **settings: Any,
) -> modes.Mode:
    """Return the mode that compares all the compiler does with the interpreter.

    Parameters
    ----------
    check_isfinite
        Whether NaN or infinities made of finite numbers are errors; None for what
        ``theano.config.DebugMode.check_finite`` says.
    optimizer, stability_patience, check_c_code, check_py_code, settings
        Without effect: rewriting and code are always checked.
    """
    finite = config.DebugMode.check_finite if check_isfinite is None else check_isfinite
    return replace(get_mode("debug"), finite=bool(finite))


def function_dump(filename: str | Path, inputs: Any, outputs: Any = None, **settings: Any) -> None:
    """Write what `function` would be given to a file, for instance to report a defect.

    Parameters
    ----------
    filename
        Where to: a pickle of a dictionary, which ``theano.function(**...)`` takes.
    inputs, outputs, settings
        As for `function`.
    """
    settings.pop("extra_tag_to_remove", None)
    with Path(filename).open("wb") as file:
        pickle.dump({"inputs": inputs, "outputs": outputs, **settings}, file)


predefined_modes = {
    name: get_mode(name) for name in ("FAST_RUN", "FAST_COMPILE", "DebugMode", "DEBUG_MODE")
}
