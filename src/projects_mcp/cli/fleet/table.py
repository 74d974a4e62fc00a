"""Tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from projects_mcp.cli.terminal import Styled, say
from projects_mcp.sanitize.json_text import compact_json
from projects_mcp.sanitize.text import on_one_line

__all__ = ["cell", "print_table"]

_WIDEST: Final = 44
_BOLD: Final = "1"


def cell(value: Any) -> str:
    """Return a value as one line: a text as it is, all else as JSON."""
    text = on_one_line(value) if isinstance(value, str) else compact_json(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows in columns, each as wide as its widest cell."""
    lines = [list(row) for row in rows]
    widths = [max(len(line[at]) for line in [list(head), *lines]) for at in range(len(head))]
    say(Styled(_line(head, widths), _BOLD))
    for line in lines:
        say(_line(line, widths))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(text.ljust(width) for text, width in zip(cells, widths, strict=True)).rstrip()
