"""Names of Theano that symnet does not have yet: they import, and using them says so."""

from __future__ import annotations

from typing import Any, NoReturn


def _unavailable(name: str, what: str) -> Any:
    def raising(*args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(f"{name}: {what} are not in this version of symnet yet")

    raising.__name__ = raising.__qualname__ = name
    raising.__doc__ = "Raises NotImplementedError: not in this version of symnet yet."
    return raising


scan_checkpoints = _unavailable("scan_checkpoints", "loops that save some steps only (scan does)")
