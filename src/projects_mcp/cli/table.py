"""Tables for a terminal, no wider than it is."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final
from unicodedata import category, east_asian_width

from projects_mcp.cli.terminal import say, styled
from projects_mcp.sanitize.json_text import compact_json
from projects_mcp.sanitize.text import on_one_line

__all__ = ["BOLD", "cell", "columns_of_terminal", "cut", "print_table", "width_of"]

BOLD: Final = "1"
_NARROWEST: Final = 40
"""Columns that a table has at the least, however narrow the terminal says that it is."""
_LEAST: Final = 8
"""Columns to which a cell is cut at the most."""
_GAP: Final = 2


def cell(value: Any) -> str:
    """Return a value as one line: a text as it is, all else as JSON."""
    return on_one_line(value) if isinstance(value, str) else compact_json(value)


def columns_of_terminal() -> int:
    """Return how many columns the terminal has; 80 if it does not say."""
    return max(shutil.get_terminal_size((80, 24)).columns, _NARROWEST)


def width_of(text: str) -> int:
    """Return how many columns a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if category(sign) in {"Mn", "Me"} else 1 + (east_asian_width(sign) in "WF") for sign in text)


def cut(text: str, width: int) -> str:
    """Return a text of at most so many columns. Where something is left out stands an ellipsis."""
    if width_of(text) <= width:
        return text
    kept = ""
    for sign in text:
        if width_of(kept + sign) >= width:
            break
        kept += sign
    return f"{kept}…"


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows in columns. The widest are cut until the table is as wide as the terminal."""
    lines = [list(row) for row in rows]
    widths = [max(width_of(line[at]) for line in [list(head), *lines]) for at in range(len(head))]
    left = columns_of_terminal() - _GAP * (len(widths) - 1)
    while sum(widths) > left and max(widths) > _LEAST:
        widths[widths.index(max(widths))] -= 1
    say(styled(_line(head, widths), BOLD, sys.stdout))
    for line in lines:
        say(_line(line, widths))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    shown = [cut(text, width) for text, width in zip(cells, widths, strict=True)]
    return "  ".join(text + " " * (width - width_of(text)) for text, width in zip(shown, widths, strict=True)).rstrip()
