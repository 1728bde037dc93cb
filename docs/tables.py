"""Tables in reStructuredText, for the scripts that write pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def table(columns: Iterable[str], widths: str, rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """The lines of a table."""
    yield from (".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", "")
    for row in [columns, *rows]:
        for k, cell in enumerate(row):
            yield f"   {'-' if k else '* -'} {cell}".replace("   - ", "     - ")
    yield ""


def plain(text: str) -> str:
    """Text in which stars and bars are what they are."""
    return text.replace("*", "\\*").replace("|", "\\|")
