"""Tables for a terminal, no wider than it is."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Final
from unicodedata import category, east_asian_width

from projects_mcp.cli.terminal import Styled, say, styled
from projects_mcp.sanitize.json_text import compact_json
from projects_mcp.sanitize.text import on_one_line

__all__ = [
    "BOLD",
    "DIM",
    "GREEN",
    "MAGENTA",
    "RED",
    "cell",
    "columns_of_terminal",
    "cut",
    "print_table",
    "print_text",
    "width_of",
]

BOLD, GREEN, MAGENTA, RED, DIM = "1", "32", "35", "31", "2"
"""Styles that can be read on black and on white. Yellow cannot."""
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


def print_table(head: Sequence[str], rows: Iterable[Sequence[str | Styled]], *, wrap: bool = False) -> None:
    """Print rows in columns.

    Args:
        head: the names of the columns.
        rows: a cell for each column, in a style if it has one.
        wrap: nothing is cut, and the last column goes on below; otherwise the widest columns are cut until the table
            is as wide as the terminal.
    """
    lines = [[_styled_cell(found) for found in row] for row in rows]
    titles = [styled(name, BOLD, sys.stdout) for name in head]
    widths = [max(width_of(line[at].text) for line in [titles, *lines]) for at in range(len(head))]
    left = columns_of_terminal() - _GAP * (len(widths) - 1)
    if wrap:
        widths[-1] = max(left - sum(widths[:-1]), _NARROWEST // 2)
    while not wrap and sum(widths) > left and max(widths) > _LEAST:
        widths[widths.index(max(widths))] -= 1
    for line in [titles, *lines]:
        for part in _wrapped(line, widths) if wrap else [line]:
            _print_line(part, widths, whole=wrap)


def print_text(text: str, indent: str = "") -> None:
    """Print sentences in lines no longer than the terminal is wide; each of their own lines begins a new one."""
    for line in text.split("\n"):
        width = columns_of_terminal() - len(indent)
        for part in textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]:
            say(indent if part else "", part)


def _styled_cell(found: str | Styled) -> Styled:
    return found if isinstance(found, Styled) else Styled(found)


def _wrapped(cells: Sequence[Styled], widths: Sequence[int]) -> list[list[Styled]]:
    """Return a line as those that it takes: the last cell goes on below itself."""
    *first, last = cells
    texts = textwrap.wrap(last.text, widths[-1], break_long_words=False, break_on_hyphens=False) or [""]
    empty = [Styled("")] * len(first)
    return [[*(first if at == 0 else empty), Styled(text, last.style)] for at, text in enumerate(texts)]


def _print_line(cells: Sequence[Styled], widths: Sequence[int], *, whole: bool) -> None:
    """Print one line. What stands behind a style has none, and no space stands at the end."""
    parts: list[str | Styled] = []
    gap = ""
    for found, width in zip(cells, widths, strict=True):
        text = found.text if whole else cut(found.text, width)
        if text:
            parts += [gap, Styled(text, found.style)]
            gap = ""
        gap += " " * (max(width - width_of(text), 0) + _GAP)
    say(*parts)
