"""What all tests share: no memory of earlier ones, and texts that are kept to compare with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import symnet  # noqa: F401, its modules are looked up below

_GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write golden files instead of comparing"
    )


@pytest.fixture(autouse=True)
def forgetful(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile every graph anew: tests put wrong rules and operations in place of the right ones,
    and what came of that must not be remembered."""
    if "remembering" not in request.fixturenames:
        monkeypatch.setattr(sys.modules["symnet.function"], "record_of", lambda *_: None)


@pytest.fixture
def remembering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, in which programs are remembered by their graphs."""
    monkeypatch.setenv("SYMNET_CACHE_DIR", str(tmp_path))
    return tmp_path / "programs"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the file of a name in `tests/golden`, or renew the file."""

    def check(name: str, text: str) -> None:
        path = _GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert path.exists(), f"no {path}: run pytest --update-golden and read what it writes"
        assert text == path.read_text(), f"{name} changed: if it should, pytest --update-golden"

    return check
