"""Write JSON as text: compact, readable, and with no invisible character in it."""

from __future__ import annotations

import json
from typing import Any

from projects_mcp.sanitize.text import escape_invisible

__all__ = ["compact_json", "indented_json"]


def compact_json(value: Any) -> str:
    """Write a value as JSON without indentation; invisible characters are escaped."""
    return escape_invisible(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def indented_json(value: Any, indent: int | str | None = 2) -> str:
    """Write a value as JSON for people; invisible characters are escaped. Without an indentation, on one line."""
    return escape_invisible(json.dumps(value, ensure_ascii=False, indent=indent))
