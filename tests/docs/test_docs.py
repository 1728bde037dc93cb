"""The manual's examples run, and what is generated is current."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from symnet.rewriting import PHASES
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


def written(name: str) -> str:
    """A page that a script writes, which must be as the script writes it now."""
    script: dict[str, object] = {"__name__": name, "__file__": str(DOCS / f"{name}.py")}
    exec((DOCS / f"{name}.py").read_text(), script)
    page = (DOCS / f"{name}.rst").read_text()
    assert script["text"]() == page, f"python docs/{name}.py writes it anew"  # type: ignore[operator]
    return page


def test_the_table_of_operations_is_current() -> None:
    page = written("operations")
    for name in operations():
        assert f"``{name.rpartition('.')[2]}``" in page
    for row in TABLE:
        assert f"``{row}``" in page


def test_the_table_of_rules_is_current() -> None:
    page = written("rules")
    for rules in PHASES.values():
        for rule in rules:
            assert f"``{rule.name}``" in page
