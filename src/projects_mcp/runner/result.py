"""The last step of every answer: clean, bounded, and the same as text and as an object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from projects_mcp.posthog.client import JSONObject
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.sanitize.text import escape_invisible, strip_invisible_throughout

__all__ = ["compact_json", "finalize"]

_EXACT: Final = frozenset({"revert", "next"})
"""Parts that are handed back as arguments. Their characters must stay as they are; the text escapes unseen ones."""
_ROWS: Final[Mapping[str, str]] = {
    "projects": "Call again with offset=next_offset, or with a smaller limit.",
    "activity": "Call again with a smaller limit, page by page.",
}
_KEPT: Final = frozenset(
    {"id", "name", "operation", "project", "outcome", "organization_id", "project_id", "truncated"}
)
_ROOM_FOR_NOTE: Final = 1_024
_MOST_NAMES: Final = 15


def compact_json(value: Any) -> str:
    """Write a value as JSON without indentation, readable, and with no unseen character in it."""
    return escape_invisible(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def finalize(body: JSONObject, redactor: Redactor, limit: int, offset: int = 0) -> tuple[JSONObject, str]:
    """Return the result as it leaves: the object, and the same object as text.

    Args:
        body: what the tool answered; its own secrets are already treated.
        redactor: the last net, for whatever a tool has missed.
        limit: bytes of JSON at the most.
        offset: where a list started, so that a cut list can say where it goes on.
    """
    text = compact_json(body)
    if redactor.text(text) != text:
        body = redactor.value(body)
        text = compact_json(body)
    if _may_hide_something(text):
        body = {name: item if name in _EXACT else strip_invisible_throughout(item) for name, item in body.items()}
        text = compact_json(body)
    if len(text) * 4 > limit and len(text.encode()) > limit:
        body = _cut(body, limit - _ROOM_FOR_NOTE, offset)
        text = compact_json(body)
    return body, text


def _may_hide_something(text: str) -> bool:
    return not text.isascii() or "\\u" in text or "\x7f" in text


def _size(value: Any) -> int:
    return len(compact_json(value).encode())


def _cut(body: JSONObject, room: int, offset: int) -> JSONObject:
    """Cut at whole rows where there are rows, else at whole fields."""
    for name, how in _ROWS.items():
        rows = body.get(name)
        if isinstance(rows, list) and rows:
            return _cut_rows(body, name, how, room, offset)
    return _cut_fields(body, room)


def _cut_rows(body: JSONObject, name: str, how: str, room: int, offset: int) -> JSONObject:
    rest = {key: value for key, value in body.items() if key != name}
    left = room - _size(rest)
    kept: list[Any] = []
    for line in body[name]:
        size = _size(line) + 1
        if size > left:
            break
        left -= size
        kept.append(line)
    if not kept:  # one row alone is too large
        kept = [_cut_fields(body[name][0], max(left, _ROOM_FOR_NOTE))]
    cut: JSONObject = {**rest, name: kept}
    if name == "projects":
        cut["next_offset"] = offset + len(kept)
    cut["truncated"] = {
        "reason": f"The result would be too large; {len(kept)} of {len(body[name])} rows are shown.",
        "how_to_get_the_rest": how,
    }
    return cut


def _cut_fields(body: JSONObject, room: int) -> JSONObject:
    dropped: list[str] = []
    cut = _without_largest(body, _size(body) - room, "", dropped)
    cut["truncated"] = {
        "reason": f"The result would be too large; {len(dropped)} fields are left out.",
        "fields": dropped[:_MOST_NAMES],
        "how_to_get_the_rest": "Ask project_get for some of them with fields, or let the operator raise "
        "PROJECTS_MCP_RESULT_LIMIT.",
    }
    return cut


def _without_largest(body: Mapping[str, Any], excess: int, path: str, dropped: list[str]) -> JSONObject:
    """Leave out the largest fields until `excess` bytes are gone; inside a group, only as many as needed."""
    cut = dict(body)
    sizes = {name: _size(value) for name, value in body.items() if path or name not in _KEPT}
    for name in sorted(sizes, key=lambda field: sizes[field], reverse=True):
        if excess <= 0:
            break
        value = body[name]
        if isinstance(value, dict) and len(value) > 1 and sizes[name] > excess:
            cut[name] = _without_largest(value, excess, f"{path}{name}.", dropped)
            excess -= sizes[name] - _size(cut[name])
        else:
            del cut[name]
            dropped.append(f"{path}{name}"[:200])
            excess -= sizes[name]
    return cut
