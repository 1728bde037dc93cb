"""The module `theano` for a test: installed before it, gone after it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import fields
from types import ModuleType

import pytest

from symnet import config
from symnet.compat.theano import install
from symnet.compat.theano.modules import FINDER


@pytest.fixture
def theano(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Theano by symnet, with no flags from outside; settings and modules are restored."""
    monkeypatch.setenv("THEANO_FLAGS", "")
    monkeypatch.setenv("THEANORC", "")
    kept = {f.name: getattr(config, f.name) for f in fields(config)}
    with config.change(**kept):
        _forget()
        yield install()
    _forget()


def _forget() -> None:
    for name in [n for n in sys.modules if n == "theano" or n.startswith("theano.")]:
        del sys.modules[name]
    if FINDER in sys.meta_path:
        sys.meta_path.remove(FINDER)
