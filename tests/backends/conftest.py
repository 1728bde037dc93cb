from __future__ import annotations

from collections.abc import Iterator

import pytest

from symnet import backend
from symnet.config import config


def working() -> list[str]:
    """Names of the backends that work on this machine."""
    found = []
    for name in backend.available():
        try:
            backend.get(name)
        except backend.BackendError:
            continue
        found.append(name)
    return found


@pytest.fixture(params=working())
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    """A backend that functions without `device` are compiled for, each in turn."""
    with config.change(device=request.param):
        yield request.param
