"""Bound a result: it is cut at whole rows or fields, stays valid JSON, and says what is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from projects_mcp.api.types import JSONObject
from projects_mcp.sanitize.json_text import compact_json

__all__ = ["cut"]

_ROWS: Final[Mapping[str, str]] = {
    "projects": "Call again with offset=next_offset, or with a smaller limit.",
    "activity": "Call again with a smaller limit, page by page.",
}
_KEPT: Final = frozenset(
    {"id", "name", "operation", "project", "outcome", "organization_id", "project_id", "truncated"}
)
_WHOLE: Final = frozenset({"revert", "next"})
"""Parts that are handed back as arguments: they are there whole, or not at all."""
_ROOM_FOR_NOTE: Final = 1_024
_LONG_NUMBER: Final = 10**100
_MOST_NAMES: Final = 15
_NAMED_BYTES: Final = 600
"""Bytes of the names of what is left out, altogether: less than the room for the note."""
_SHORTENED_TEXT: Final = 200
_SHORTENED_LEVELS: Final = 3


def _size(value: Any) -> int:
    return len(compact_json(value).encode())


def cut(body: JSONObject, limit: int, offset: int) -> JSONObject:
    """Cut a result: at whole rows if there are rows, else at whole fields. It says what is left out.

    Args:
        body: the whole result.
        limit: bytes of JSON at the most.
        offset: where a list started.
    """
    room = limit - _ROOM_FOR_NOTE
    rows = next((name for name in _ROWS if isinstance(body.get(name), list) and body[name]), None)
    result = _cut_fields(body, room) if rows is None else _cut_rows(body, rows, _ROWS[rows], room, offset)
    if _size(result) <= limit:
        return result
    short: JSONObject = {name: _shortened(item, 0) for name, item in result.items() if name not in _WHOLE}
    return short if _size(short) <= limit else _bare(short, limit)


def _shortened(value: Any, level: int) -> Any:
    """Shorten long texts, lists and objects, where whole rows and fields were not enough."""
    if isinstance(value, str):
        return value if len(value) <= _SHORTENED_TEXT else f"{value[:_SHORTENED_TEXT]}…"
    if isinstance(value, dict | list) and level == _SHORTENED_LEVELS:
        return "…"
    if isinstance(value, dict):
        first = [(name, item) for name, item in value.items() if name not in _WHOLE][:_MOST_NAMES]
        return {name[:_SHORTENED_TEXT]: _shortened(item, level + 1) for name, item in first}
    if isinstance(value, list):
        return [_shortened(item, level + 1) for item in value[:_MOST_NAMES]]
    return value if not isinstance(value, int) or abs(value) < _LONG_NUMBER else "…"


def _bare(short: JSONObject, limit: int) -> JSONObject:
    """Leave out the largest parts until the rest has room, as a last resort: what became of a write stays longest."""
    rest = dict(short)
    for name in sorted(short, key=lambda part: (part in {"outcome", "operation", "truncated"}, -_size(short[part]))):
        if _size(rest) <= limit:
            break
        del rest[name]
    return rest


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
    result: JSONObject = {**rest, name: kept}
    if name == "projects" and "read" not in body:
        result["next_offset"] = offset + len(kept)
    elif name == "projects":  # of an audit, whose counts are about all that was read
        result["more"] = body.get("more", 0) + len(body[name]) - len(kept)
        how = "Call again from the same offset with fewer fields, or with a smaller limit."
    result["truncated"] = {
        "reason": f"The result would be too large; {len(kept)} of {len(body[name])} rows are shown.",
        "how_to_get_the_rest": how,
    }
    return result


def _cut_fields(body: JSONObject, room: int) -> JSONObject:
    dropped: list[str] = []
    result = _without_largest(body, _size(body) - room, "", dropped)
    result["truncated"] = {
        "reason": f"The result would be too large; {len(dropped)} fields are left out.",
        "fields": _named(dropped),
        "how_to_get_the_rest": "Ask project_get for some of them with fields, or let the operator raise "
        "PROJECTS_MCP_RESULT_LIMIT.",
    }
    return result


def _named(dropped: Sequence[str]) -> list[str]:
    """Return the first names of what is left out, as many as there is room for."""
    named: list[str] = []
    left = _NAMED_BYTES
    for name in dropped[:_MOST_NAMES]:
        left -= _size(name) + 1
        if left < 0:
            break
        named.append(name)
    return named


def _without_largest(body: Mapping[str, Any], excess: int, path: str, dropped: list[str]) -> JSONObject:
    """Leave out the largest fields until `excess` bytes are gone; inside a group, only as many as needed."""
    rest = dict(body)
    target = _size(body) - excess
    sizes = {name: _size(value) for name, value in body.items() if path or name not in _KEPT}
    for name in sorted(sizes, key=lambda field: sizes[field], reverse=True):
        if excess <= 0:
            break
        value = body[name]
        if not path and name in _WHOLE:
            del rest[name]
            dropped.append(name)
            if name == "revert":
                lost = [*value.get("settings", ()), *value.get("clear", ())]
                rest["not_revertible"] = [*rest.get("not_revertible", ()), *lost]
            excess = _size(rest) - target
            continue
        if isinstance(value, dict) and len(value) > 1 and sizes[name] > excess:
            rest[name] = _without_largest(value, excess, f"{path}{name}.", dropped)
            excess -= sizes[name] - _size(rest[name])
        else:
            del rest[name]
            dropped.append(f"{path}{name}"[:200])
            excess -= sizes[name]
    return rest
