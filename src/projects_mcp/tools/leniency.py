"""Read arguments as clients really send them, wherever exactly one strict form can be meant.

Some clients write every argument as text, send null for what was not given, or add arguments of their own. What is read
here is afterwards checked like any other value, so nothing gets past a rule by its form. A text is never read where the
tool takes a text: `confirm_project_name` is compared as it was sent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from projects_mcp.api.strict_json import load_strictly
from projects_mcp.api.types import MAX_ID

__all__ = ["EMPTY_IS_ABSENT", "is_of_client", "nothing_but_null", "nulls_left_out", "reread"]

_INTEGER: Final = re.compile(r"0|[1-9][0-9]{0,15}")
"""Without a sign, without space, and without a leading zero, which some languages read as octal."""
_DECIMAL: Final = re.compile(r"(?:0|[1-9][0-9]{0,15})\.[0-9]{0,15}|\.[0-9]{1,15}")
_BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "false": False}
EMPTY_IS_ABSENT: Final = frozenset({"organization_id", "detail"})
"""Texts in which nothing can be meant by an empty one."""
_MOST_NAMED: Final = 8

_OF_CLIENTS: Final = frozenset(
    {
        "_meta",  # adapters that put the metadata of a request among the arguments
        "chatInput",  # n8n: its chat trigger
        "random_string",  # Cursor: for tools that need no argument
        "security_context",  # CrewAI
        "sessionId",  # n8n: its chat trigger
        "session_id",
        "task_progress",  # Cline
        "toolCallId",  # n8n
        "tool_call_id",  # adapters of LangChain
    }
)
"""Arguments that clients are known to add by themselves. No tool gives any of them a meaning."""
_ACTIONS_OF_N8N: Final = frozenset({"sendMessage", "loadPreviousSession"})
"""With any other value, `action` may say what somebody wants, and is refused."""


def is_of_client(name: str, value: object) -> bool:
    """Whether a client has added an argument by itself, so that dropping it loses nothing."""
    return name in _OF_CLIENTS or (name == "action" and isinstance(value, str) and value in _ACTIONS_OF_N8N)


def reread(wanted: str, value: Any) -> Any:
    """Return the one value of a wanted type that another value can mean; the value itself if there is none.

    Args:
        wanted: a type of JSON Schema. Nothing is ever read as a `string`.
        value: is not of that type. The caller bounds how long it is.
    """
    if isinstance(value, str):
        return _read_text(wanted, value)
    if wanted == "integer" and isinstance(value, float) and math.isfinite(value) and abs(value) <= MAX_ID:
        return int(value) if value.is_integer() else value
    return value


def _read_text(wanted: str, text: str) -> Any:
    if wanted == "boolean":
        return _BOOLEANS.get(text, text)
    if wanted in {"integer", "number"} and _INTEGER.fullmatch(text):
        return int(text)
    if wanted == "number":
        return float(text) if _DECIMAL.fullmatch(text) else text
    if wanted not in {"object", "array"}:
        return text
    try:
        value = load_strictly(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict if wanted == "object" else list) else text


def nulls_left_out(names: Sequence[str]) -> str:
    """Say which settings were null beside others that were not, and how to set one to null."""
    were = "was" if len(names) == 1 else "were"
    return (
        f"{_listed(names)} {were} null in `settings` and left out, so nothing was sent for it. Leave a setting out to "
        "keep it; name it in `clear` to set it to null."
    )


def nothing_but_null(names: Sequence[str], *, can_clear: bool) -> str:
    """Say that nothing but null is in `settings`, and what to do: `clear` is an argument of one tool only."""
    where = "name it in `clear` to set it to null"
    how = where if can_clear else f"once the project is there, {where} with project_update"
    return f"There is nothing but null in `settings` ({_listed(names)}). Leave a setting out to keep it, or {how}."


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(f"`{name}`" for name in names[:_MOST_NAMED]) + more
