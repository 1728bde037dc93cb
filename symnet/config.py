"""Settings, read from the environment variable ``SYMNET_FLAGS`` and settable at run time.

``SYMNET_FLAGS="floatX=float32,num_threads=2"`` has the form of Theano's ``THEANO_FLAGS``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

from symnet.names import near

_CHOICES: dict[str, tuple[str, ...]] = {
    "compute_test_value": ("off", "ignore", "warn", "raise"),
    "floatX": ("float32", "float64"),
    "on_unused_input": ("raise", "warn", "ignore"),
    "memory": ("fast", "small"),
    "mode": (
        *("default", "reference", "debug", "nan_guard"),
        *("Mode", "FAST_RUN", "FAST_COMPILE", "DebugMode", "DEBUG_MODE", "NanGuardMode"),
    ),
    "optimizer": ("fast_run", "o4", "o3", "o2", "fast_compile", "o1", "merge", "None", "unsafe"),
}


@dataclass
class Config:
    """The settings; each field is one flag.

    Attributes
    ----------
    floatX
        Default floating point dtype, ``"float32"`` or ``"float64"``.
    device
        Name of the backend that compiles functions: ``"cpu"`` or ``"cuda"``.
    mode
        ``"default"`` compiles, ``"reference"`` interprets, ``"debug"`` does both and compares,
        ``"nan_guard"`` looks for what is not finite; Theano's names are understood, too.
    memory
        ``"fast"`` keeps all that a call needs again; ``"small"`` computes some of it again, for up
        to a quarter more time, where that saves memory.
    optimizer
        How much is done to make code quick: ``"fast_run"`` all of it, ``"fast_compile"`` only what
        makes expressions canonical, ``"None"`` nothing; Theano's steps between, ``"o1"`` to
        ``"o4"``, are understood.
    optimizer_including, optimizer_excluding
        What to do all the same, and what to leave out, separated by ``:``: rules, their phases,
        ``fusion`` and ``inplace``; see `symnet.modes.Mode`.
    on_unused_input
        What `function` does about an input that nothing depends on.
    num_threads
        Threads of one call; 0 means one for each core.
    cache
        Whether compiled code is kept on disk.
    profile
        Whether compiled functions collect timings.
    max_constant_size
        Elements up to which what follows from constants is computed at compile time, and kept.
    compute_test_value
        Whether every operation is computed while the graph is built, from the ``tag.test_value``
        of its operands, so that a mistake is found at the line that makes it. Where one has none,
        ``"ignore"`` goes on, ``"warn"`` says so and ``"raise"`` raises. ``"off"`` computes nothing.
    print_test_value
        Whether `printing.debugprint` shows test values.

    Examples
    --------
    >>> with config.change(floatX="float64"):
    ...     config.floatX
    'float64'
    """

    floatX: str = "float32"
    device: str = "cpu"
    mode: str = "default"
    memory: str = "fast"
    optimizer: str = "fast_run"
    optimizer_including: str = ""
    optimizer_excluding: str = ""
    on_unused_input: str = "raise"
    num_threads: int = 0
    cache: bool = True
    profile: bool = False
    max_constant_size: int = 4096
    compute_test_value: str = "off"
    print_test_value: bool = False

    def __setattr__(self, name: str, value: Any) -> None:
        known = {f.name: f.type for f in fields(self)}
        if name not in known:
            hint = near(name, known) or "."
            raise AttributeError(f"config has no setting {name!r}{hint} It has {', '.join(known)}")
        if name == "optimizer" and value is None:
            value = "None"
        choices = _CHOICES.get(name)
        if choices and value not in choices:
            raise ValueError(f"config.{name} is one of {', '.join(choices)}, not {value!r}")
        object.__setattr__(self, name, value)

    def read(self, flags: str) -> None:
        """Set what a string such as ``"floatX=float64,cache=0"`` says."""
        known = {f.name: type(getattr(self, f.name)) for f in fields(self)}
        for flag in filter(None, (f.strip() for f in flags.split(","))):
            name, _, text = flag.partition("=")
            kind = known.get(name, str)
            value = text.lower() in ("1", "true", "yes") if kind is bool else kind(text)
            setattr(self, name, value)

    @contextmanager
    def change(self, **settings: Any) -> Iterator[None]:
        """Change settings for the length of a ``with`` block."""
        old = {name: getattr(self, name) for name in settings}
        try:
            for name, value in settings.items():
                setattr(self, name, value)
            yield
        finally:
            for name, value in old.items():
                setattr(self, name, value)


config = Config()
config.read(os.environ.get("SYMNET_FLAGS", ""))
if "SYMNET_NUM_THREADS" in os.environ:
    config.num_threads = int(os.environ["SYMNET_NUM_THREADS"])
