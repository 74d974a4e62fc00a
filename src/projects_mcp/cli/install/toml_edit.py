"""Put a server into a TOML document, or replace the one of that name: all else stays byte for byte."""

from __future__ import annotations

import re
import tomllib
from itertools import groupby
from typing import Any, Final

from projects_mcp.cli.install.entries import (
    FORMER_NAME,
    NAME,
    UNDER_FORMER_NAME,
    Addition,
    Client,
    is_ours,
    render_inline,
    render_table,
)
from projects_mcp.cli.toml_statements import Statement, statements
from projects_mcp.cli.user_files import NotMergedError

__all__ = ["merge_toml"]

_NEWLINE: Final = re.compile(r"\r?\n")
_OTHER_FORM: Final = "The file is of a form into which no table can be put. Add the entry by hand."


def merge_toml(text: str, start: int, client: Client, added: Addition, *, force: bool) -> str | None:
    """Return the document with the entry of the server; None if it has that already.

    A new table is appended. With `force`, the statements of a former one are replaced where they stand, together with
    the comments between them.

    Args:
        text: the document.
        start: where it begins: after a byte order mark.
        client: the owner of the document.
        added: the entry of the server, and its name.
        force: replace another entry of the same name, or this server's under its former name.

    Raises:
        NotMergedError: it cannot be read, or has another entry of that name and `force` was not given.
    """
    entry, name = added.entry, added.name
    old = _parse(text[start:])
    servers = old.get(client.section, {})
    if not isinstance(servers, dict):
        raise NotMergedError(_OTHER_FORM)
    if servers.get(name) == entry:
        return None
    if name in servers and not force:
        raise NotMergedError(f"The file has another entry named {name}. Remove it, or replace it with --force.")
    former = name == NAME and is_ours(servers.get(FORMER_NAME))
    held = name if name in servers else FORMER_NAME if former else None
    if held == FORMER_NAME and not force:
        raise NotMergedError(UNDER_FORMER_NAME)
    new = _replace(text, start, client, added, held) if held else _append(text, start, client, added)
    try:
        whole = _parse(new[start:])
    except NotMergedError:
        whole = {}
    others = {other: server for other, server in servers.items() if other != held}
    if whole != {**old, client.section: {**others, name: dict(entry)}}:
        raise NotMergedError(_OTHER_FORM)
    return new


def _parse(text: str) -> dict[str, Any]:
    """Parse a document; its numbers with a fraction stay as they are written, so that NaN too equals itself."""
    try:
        return tomllib.loads(text, parse_float=lambda number: (number,))
    except (ValueError, RecursionError):
        raise NotMergedError("The file is not valid TOML. Add the entry by hand.") from None


def _append(text: str, start: int, client: Client, added: Addition) -> str:
    newline = _newline_of(text)
    lines = text[start:].split("\n")[-2:]
    if not text[start:]:
        gap = ""
    elif lines[-1]:  # the last line has no end
        gap = newline * 2
    else:
        gap = newline if lines[0].strip() else ""
    return text + gap + render_table(client, added).replace("\n", newline) + newline


def _replace(text: str, start: int, client: Client, added: Addition, name: str) -> str:
    """Put the entry in the place of its former first statements, and take out those that stand elsewhere."""
    ours = (client.section, name)
    found = list(statements(text, start))
    runs = [list(run) for mine, run in groupby(found, lambda each: each.path[:2] == ours) if mine]
    if not runs:  # it is in an inline table, together with others
        raise NotMergedError(_OTHER_FORM)
    for run in reversed(runs[1:]):
        text = text[: text.rfind("\n", start, run[0].start) + 1 or start] + text[_next_line(text, run[-1].end) :]
    first, last = runs[0][0], runs[0][-1]
    end = _NEWLINE.search(text, last.end)
    new = _render_like(first, client, added).replace("\n", _newline_of(text))
    return text[: first.start] + new + text[end.start() if end else len(text) :]


def _render_like(first: Statement, client: Client, added: Addition) -> str:
    """Return the entry as a table, or as an inline table where the former one was given by keys of another table."""
    if first.header:
        return render_table(client, added)
    name = ".".join((client.section, added.name)[len(first.table) :])
    return f"{name} = {render_inline(added.entry)}"


def _next_line(text: str, start: int) -> int:
    end = _NEWLINE.search(text, start)
    return end.end() if end else len(text)


def _newline_of(text: str) -> str:
    found = _NEWLINE.search(text)
    return found[0] if found else "\n"
