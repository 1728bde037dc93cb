"""``python -m symnet``: what is installed, what this machine offers, and what is missing.

``python -m symnet bisect SCRIPT``: which decision of the compiler makes a script fail.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from importlib import metadata

import platformdirs

from symnet import backend, datasets
from symnet.config import config

_LIBRARIES = ("numpy", "llvmlite", "networkx")


def facts() -> Iterator[tuple[str, str]]:
    """Yield what there is to say, as (what, answer) pairs."""
    yield "symnet", _version("symnet")
    yield "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield from ((name, _version(name)) for name in _LIBRARIES)
    names = backend.available()
    yield "backends", ", ".join(names) or "none: is symnet installed? (pip install -e .)"
    for name in names:
        yield from _backend_facts(name)
    yield "threads", _threads()
    yield "cache", str(platformdirs.user_cache_path("symnet"))
    yield "data", _data()


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def _backend_facts(name: str) -> Iterator[tuple[str, str]]:
    try:
        description = backend.get(name).describe()
    # A report of what does not work must survive whatever does not work.
    except Exception as error:
        yield name, f"not usable: {error or type(error).__name__}"
    else:
        yield from ((f"{name} {what}", answer) for what, answer in description.items())


def _threads() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if config.num_threads:
        return f"{config.num_threads} of {cores} cores (config.num_threads)"
    return f"{cores} (one for each core; SYMNET_NUM_THREADS sets another number)"


def _data() -> str:
    try:
        folder = datasets.find_mnist()
    except FileNotFoundError as error:
        return str(error)
    return f"MNIST in {folder}" if folder else "no MNIST yet: the first use downloads it"


def main() -> None:
    """Print the facts, one a line; or do what the command line says."""
    if sys.argv[1:2] == ["bisect"]:
        from symnet.trials import main as bisect  # which the facts need nothing of

        raise SystemExit(bisect(sys.argv[2:]))
    lines = list(facts())
    width = max(len(what) for what, _ in lines)
    for what, answer in lines:
        print(f"{what:<{width}}  {answer}")


if __name__ == "__main__":
    main()
