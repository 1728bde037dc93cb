"""Keeping signals out of what must not be left half done.

Python runs signal handlers between any two steps of the main thread, and a handler may raise, as
that of Ctrl-C does. `Deferred` makes them wait.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGUSR1", "SIGUSR2")
"""Signals for which programs have handlers that raise; not every system has all of them."""

_SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))


class Deferred:
    """A context in which signals wait; handlers run, and may raise, when it is left.

    Python runs handlers in the main thread only, so elsewhere there is nothing to do.

    Examples
    --------
    >>> done = False
    >>> try:
    ...     with Deferred():
    ...         signal.raise_signal(signal.SIGINT)
    ...         done = True
    ... except KeyboardInterrupt:
    ...     print("interrupted", done)
    interrupted True
    """

    def __init__(self) -> None:
        self._handlers: dict[int, Callable[[int, FrameType | None], Any]] = {}
        self._waiting: list[int] = []
        self._active = False

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        self._active = True
        try:
            for number in _SIGNALS:
                handler = signal.getsignal(number)
                if callable(handler):
                    self._handlers[number] = handler
                    signal.signal(number, self._note)
        except BaseException:
            self._restore()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._active:
            return
        self._restore()
        for number in self._waiting:
            self._handlers[number](number, None)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._active:
            self._waiting.append(number)
        else:  # a signal came while the handlers were being put back
            self._handlers[number](number, frame)

    def _restore(self) -> None:
        self._active = False
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
