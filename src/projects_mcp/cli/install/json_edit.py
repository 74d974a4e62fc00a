"""Put a member into a JSON document, or replace a value of it, by inserting text: all else stays byte for byte."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

from projects_mcp.cli.install.jsonc import Member, Part, comments_between
from projects_mcp.sanitize.json_text import indented_json

__all__ = ["insert", "rename", "replace"]

_NEWLINE: Final = re.compile(r"\r\n|\n|\r")
_KEY: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_LINE_BREAKS: Final = "\r\n"
_BLANKS: Final = " \t"


class _Layout(NamedTuple):
    """The form of what is put in.

    Attributes:
        newline: what ends a line; empty to put all on one line.
        outer: what stands before the end of the container, on its line.
        inner: what stands before each member, on its line.
        unit: one level of indentation.
    """

    newline: str
    outer: str
    inner: str
    unit: str


def insert(text: str, root: Part, holder: Member | None, key: str | None, value: Any) -> str:
    """Return the text with one more member at the end of a container.

    A comment that stands behind the last member, on its line, stays behind that member.

    Args:
        text: the document.
        root: its value.
        holder: the member of the root that holds the container; None for the root itself.
        key: of the new member; None for an item of an array.
        value: of the new member.
    """
    container = holder.value if holder else root
    if not container.members:
        return _fill(text, root, holder, key, value)
    last, end = container.members[-1], container.end - 1
    has_comma, place = _place_behind(text, last.value.end, end)
    layout = _layout(text, root, container, last.start, alone=_NEWLINE.search(text, place, end) is not None)
    lead = layout.newline + layout.inner if layout.newline else " "
    comma = "" if has_comma else ","
    added = lead + _render(key, value, layout)
    return text[: last.value.end] + comma + text[last.value.end : place] + added + text[place:]


def replace(text: str, root: Part, container: Part, member: Member, value: Any) -> str:
    """Return the text with another value for a member of a container."""
    old = member.value
    lines = _NEWLINE.search(text, old.start, old.end) is not None
    layout = _layout(text, root, container, member.start, alone=lines)
    return text[: old.start] + _render(None, value, layout) + text[old.end :]


def rename(text: str, member: Member, key: str) -> str:
    """Return the text with another name for a member of an object."""
    former = _KEY.match(text, member.start)
    if former is None:
        raise AssertionError("a member of an object has no key")
    return text[: member.start] + json.dumps(key) + text[former.end() :]


def _fill(text: str, root: Part, holder: Member | None, key: str | None, value: Any) -> str:
    """Put the first member into a container, behind the comments that it holds."""
    container = holder.value if holder else root
    end = container.end - 1
    place = max((stop for _, _, stop in comments_between(text, container.start + 1, end)), default=container.start + 1)
    breaks = _NEWLINE.search(text, place, end) is not None
    lines = breaks or holder is None or _indentation(text, holder.start) is not None
    layout = _layout(text, root, container, None, alone=lines)
    lead = layout.newline + layout.inner if layout.newline else ""
    tail = layout.newline + layout.outer if layout.newline and not breaks else ""
    return text[:place] + lead + _render(key, value, layout) + tail + text[place:]


def _place_behind(text: str, start: int, end: int) -> tuple[bool, int]:
    """Return whether a comma follows a value, and the place behind it and behind the comments on its line."""
    has_comma, place = False, start
    for found, begin, stop in comments_between(text, start, end):
        if found == "," or not _NEWLINE.search(text, place, begin):
            has_comma, place = has_comma or found == ",", stop
        elif has_comma:
            break
    return has_comma, place


def _layout(text: str, root: Part, container: Part, sibling: int | None, *, alone: bool) -> _Layout:
    """Return the form for a new part of a container.

    Args:
        text: the document.
        root: its value.
        container: the part that is added to.
        sibling: the offset of a member of it whose form is followed.
        alone: a line of its own is needed, also if the members are not on lines of their own.
    """
    inner = None if sibling is None else _indentation(text, sibling)
    if inner is None and not alone:
        return _Layout("", "", "", "")
    newline = _NEWLINE.search(text)
    outer = _line_indentation(text, container.start)
    if inner is None:
        unit = _unit_of(text, root)
        inner = outer + unit
    elif inner.startswith(outer) and inner != outer:
        unit = inner.removeprefix(outer)
    else:
        unit = _unit_of(text, root)
    return _Layout(newline[0] if newline else "\n", outer, inner, unit)


def _unit_of(text: str, root: Part) -> str:
    """Return one level of indentation, as the first member of the document shows it."""
    found = _indentation(text, root.members[0].start) if root.members else None
    return found or "  "


def _indentation(text: str, start: int) -> str | None:
    """Return the blanks before a place, if nothing else stands before it on its line; else None."""
    before = start
    while before and text[before - 1] in _BLANKS:
        before -= 1
    return text[before:start] if before and text[before - 1] in _LINE_BREAKS else None


def _line_indentation(text: str, start: int) -> str:
    """Return the blanks at the beginning of the line of a place."""
    line = max(text.rfind(mark, 0, start) for mark in _LINE_BREAKS) + 1
    end = line
    while text[end] in _BLANKS:
        end += 1
    return text[line:end]


def _render(key: str | None, value: Any, layout: _Layout) -> str:
    body = indented_json(value, layout.unit if layout.newline else None)
    body = body.replace("\n", layout.newline + layout.inner)
    return body if key is None else f"{json.dumps(key)}: {body}"
