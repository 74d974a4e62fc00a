"""Merge an entry into the configuration file of a client. Everything else in it stays byte for byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from projects_mcp.cli.install.entries import (
    FORMER_NAME,
    NAME,
    UNDER_FORMER_NAME,
    Addition,
    Client,
    is_ours,
    render_block,
)
from projects_mcp.cli.install.json_edit import insert, rename, replace
from projects_mcp.cli.install.jsonc import JSONCError, Member, read_value, scan
from projects_mcp.cli.install.toml_edit import merge_toml
from projects_mcp.cli.user_files import NotMergedError, read_file, replace_file

__all__ = ["MergeResult", "NotMergedError", "merge_into_file", "merge_text"]

_BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
_INPUTS: Final = "inputs"


class MergeResult(NamedTuple):
    """The outcome of a merge.

    Attributes:
        changed: the file was written; False if it had the entry already.
        backup: the former file; None if there was none.
    """

    changed: bool
    backup: Path | None = None


def merge_into_file(file: Path, client: Client, added: Addition, *, force: bool = False) -> MergeResult:
    """Add an entry to a file, and create the file if it does not exist.

    The file is replaced atomically and keeps its mode and owner. A symbolic link to it stays a link.

    Args:
        file: the client's configuration.
        client: the owner of the file.
        added: the parts to add.
        force: replace another entry of the same name, or this server's under its former name.

    Raises:
        NotMergedError: nothing was changed, for the reason in the text.
    """
    try:
        found = read_file(file)
        text = merge_text((found.data or b"").decode(), client, added, force=force)
        backup = None if text is None else replace_file(found, text.encode())
    except OSError as error:
        raise NotMergedError(f"It cannot be read or written: {error.strerror or 'unknown reason'}.") from None
    except UnicodeDecodeError:
        raise NotMergedError("The file is not written in UTF-8. Add the entry by hand.") from None
    except UnicodeEncodeError:
        raise NotMergedError("A given setting cannot be written in UTF-8.") from None
    return MergeResult(changed=text is not None, backup=backup)


def merge_text(text: str, client: Client, added: Addition, *, force: bool = False) -> str | None:
    """Return the text of a configuration with the entry in it; None if it has the entry already.

    Raises:
        NotMergedError: it cannot be read, or has another entry of that name and `force` was not given.
    """
    start = len(_BOM) if text.startswith(_BOM) else 0
    if client.toml:
        return merge_toml(text, start, client, added, force=force)
    if not text[start:].strip(" \t\r\n"):
        return text[:start] + render_block(client, added) + (text[start:] or "\n")
    new = text
    for question in added.inputs:
        new = _put_input(new, start, question, force=force)
    new = _put_server(new, start, client, added, force=force)
    return None if new == text else new


def _put_server(text: str, start: int, client: Client, added: Addition, *, force: bool) -> str:
    entry, name = added.entry, added.name
    root = _scan(text, start)
    holder = _only(root.value.members, client.section)
    if holder is None:
        return insert(text, root.value, None, client.section, {name: dict(entry)})
    _require(holder, "{", client.section)
    known = _only(holder.value.members, name)
    former = _only(holder.value.members, FORMER_NAME) if known is None and name == NAME else None
    if former is not None and _is_ours(text, former):
        if not force:
            raise NotMergedError(UNDER_FORMER_NAME)
        return rename(replace(text, root.value, holder.value, former, entry), former, name)
    if known is None:
        return insert(text, root.value, holder, name, entry)
    if _holds(text, known, entry):
        return text
    if not force:
        raise NotMergedError(f"The file has another entry named {name}. Remove it, or replace it with --force.")
    return replace(text, root.value, holder.value, known, entry)


def _put_input(text: str, start: int, question: Mapping[str, Any], *, force: bool) -> str:
    """Add an input, or replace the one with its id: one without `password` would show the key."""
    root = _scan(text, start)
    holder = _only(root.value.members, _INPUTS)
    if holder is None:
        return insert(text, root.value, None, _INPUTS, [dict(question)])
    _require(holder, "[", _INPUTS)
    same = [item for item in holder.value.members if _has_id(text, item, question["id"])]
    if not same:
        return insert(text, root.value, holder, None, question)
    if len(same) == 1 and _holds(text, same[0], question):
        return text
    if len(same) > 1 or not force:
        remedy = "Remove all but one of them." if len(same) > 1 else "Replace it with --force."
        raise NotMergedError(f"The file has another input {question['id']}. {remedy}")
    return replace(text, root.value, holder.value, same[0], question)


def _scan(text: str, start: int) -> Member:
    """Return the document as the one value that nothing holds."""
    try:
        root = Member(None, start, scan(text, start))
    except JSONCError:
        raise NotMergedError("The file is not JSON, even with comments. Add the entry by hand.") from None
    _require(root, "{", "its content")
    return root


def _only(members: Sequence[Member], key: str) -> Member | None:
    """Return the member with a name; None if there is none."""
    found = [member for member in members if member.key == key]
    if len(found) > 1:
        raise NotMergedError(f"The file has {key} twice in the same place. Remove the one that is not meant.")
    return found[0] if found else None


def _require(member: Member, kind: str, what: str) -> None:
    if member.value.kind != kind:
        raise NotMergedError(f"The file is of another form: {what} is not what it should be. Add the entry by hand.")


def _is_ours(text: str, member: Member) -> bool:
    try:
        return is_ours(read_value(text, member.value))
    except JSONCError:
        return False


def _holds(text: str, member: Member, value: Mapping[str, Any]) -> bool:
    try:
        return bool(read_value(text, member.value) == value)
    except JSONCError:
        return False


def _has_id(text: str, item: Member, wanted: str) -> bool:
    return any(
        member.key == "id" and read_value(text, member.value) == wanted
        for member in item.value.members
        if not member.value.kind
    )
