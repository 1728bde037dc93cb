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

    _inside = False

    def __init__(self) -> None:
        self._handlers: dict[int, Callable[[int, FrameType | None], Any]] = {}
        self._waiting: list[int] = []
        self._active = False

    def __enter__(self) -> None:
        # Within another, signals wait as it is.
        if Deferred._inside or threading.current_thread() is not threading.main_thread():
            return
        self._active = True
        try:
            Deferred._inside = True
            for number in _SIGNALS:
                handler = signal.getsignal(number)
                if callable(handler):
                    self._handlers[number] = handler
                    signal.signal(number, self._note)
        except BaseException:
            self._end()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._active:
            self._end()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._active:
            self._waiting.append(number)
        else:
            self._handlers[number](number, frame)

    # A handler that is back in its place may run, and raise, before the others are back: whatever
    # happens, the rest is done, too.

    def _end(self) -> None:
        try:
            self._restore([*self._handlers])
        finally:
            self._active = Deferred._inside = False
            self._deliver()

    def _restore(self, numbers: list[int]) -> None:
        if numbers:
            number = numbers.pop()
            try:
                signal.signal(number, self._handlers[number])
            finally:
                self._restore(numbers)

    def _deliver(self) -> None:
        if self._waiting:
            number = self._waiting.pop(0)
            try:
                self._handlers[number](number, None)
            finally:
                self._deliver()
