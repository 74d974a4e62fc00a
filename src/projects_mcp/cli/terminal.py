"""What the command line prints. It all goes through `say`, so that no text of others steers a terminal."""

from __future__ import annotations

import sys
from typing import NamedTuple

from projects_mcp.sanitize.text import strip_invisible

__all__ = ["Styled", "say"]


class Styled(NamedTuple):
    """A text, and the number of the style that the terminal shows it in; empty for none."""

    text: str
    style: str = ""


def say(*parts: str | Styled, error: bool = False, end: str = "\n") -> None:
    """Print on stdout, or on stderr, without characters that a reader cannot see or that a terminal obeys.

    Args:
        parts: are printed one after the other. They may hold line breaks of ours; those of others are made visible
            before, by `on_one_line` or by a quotation. JSON is escaped before, so that its value stays.
        error: print on stderr, and at once.
        end: follows the parts.
    """
    text = "".join(_render(part) for part in parts)
    print(text, end=end, file=sys.stderr if error else sys.stdout, flush=error)


def _render(part: str | Styled) -> str:
    if isinstance(part, str):
        return strip_invisible(part)
    text = strip_invisible(part.text)
    return f"\x1b[{part.style}m{text}\x1b[0m" if part.style else text
