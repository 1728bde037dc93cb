"""The manual's examples run, and what is generated is current."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from symnet.scalar import TABLE
from tests.examples import operations

DOCS = Path(__file__).parents[2] / "docs"
WITH_EXAMPLES = [p for p in sorted(DOCS.glob("*.rst")) if ">>>" in p.read_text()]


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda p: p.name)
def test_examples_run(page: Path) -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    found = doctest.testfile(str(page), module_relative=False, optionflags=flags)
    assert found.attempted
    assert not found.failed


def test_the_table_of_operations_is_current() -> None:
    script: dict[str, object] = {"__name__": "operations", "__file__": str(DOCS / "operations.py")}
    exec((DOCS / "operations.py").read_text(), script)
    written = (DOCS / "operations.rst").read_text()
    made = script["text"]()  # type: ignore[operator]
    assert made == written, "python docs/operations.py writes it anew"
    for name in operations():
        assert f"``{name.rpartition('.')[2]}``" in written
    for row in TABLE:
        assert f"``{row}``" in written
