"""Merge an entry into the configuration file of a client, and keep everything else in it."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from projects_mcp.cli.install.entries import NAME, Addition, Client, render_block

__all__ = ["MergeResult", "NotMergedError", "merge_into_file", "merge_text"]

_INDENT: Final = re.compile(r"\n([ \t]+)\S")


class NotMergedError(Exception):
    """The file was not changed. The text says why, and what to do."""


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

    The file is replaced atomically and keeps its mode. A symbolic link to it stays a link.

    Args:
        file: the client's configuration.
        client: the owner of the file.
        added: the parts to add.
        force: replace another entry of the same name.

    Raises:
        NotMergedError: nothing was changed, for the reason in the text.
    """
    try:
        file = file.resolve()
        old = file.read_bytes() if file.exists() else None
        text = merge_text(_decode(old), client, added, force=force)
        if text is None:
            return MergeResult(changed=False)
        new = text.encode()
        file.parent.mkdir(parents=True, exist_ok=True)
        backup = None if old is None else _write_backup(file, old)
        _replace(file, old, new, backup)
    except OSError as error:
        raise NotMergedError(f"It cannot be read or written: {error.strerror or 'unknown reason'}.") from None
    except UnicodeError:
        raise NotMergedError("The file is not written in UTF-8. Add the entry by hand.") from None
    return MergeResult(changed=True, backup=backup)


def merge_text(text: str, client: Client, added: Addition, *, force: bool = False) -> str | None:
    """Return the text of a configuration with the entry in it; None if it has the entry already.

    Raises:
        NotMergedError: it cannot be read, or has another entry of that name and `force` was not given.
    """
    merge: Callable[..., str | None] = _merge_toml if client.toml else _merge_json
    return merge(text, client, added, force=force)


def _decode(old: bytes | None) -> str:
    return "" if old is None else old.decode("utf-8-sig")


def _merge_json(text: str, client: Client, added: Addition, *, force: bool) -> str | None:
    try:
        whole = json.loads(text, object_pairs_hook=_unique, parse_constant=_reject_constant) if text.strip() else {}
    except (ValueError, RecursionError):
        why = "is not plain JSON: it may hold comments, commas too many, or a name twice"
        raise NotMergedError(f"The file {why}. Add the entry by hand.") from None
    for entry in added.inputs:
        _add_input(_container(whole, "inputs", list), entry, force=force)
    _add_server(_container(whole, client.section, dict), NAME, added.entry, force=force)
    found = _INDENT.search(text)
    new = json.dumps(whole, indent=found[1] if found else 2, ensure_ascii=False) + "\n"
    return None if text.strip() and json.loads(text) == whole else new


def _container(whole: Any, name: str, kind: type[Any]) -> Any:
    part = whole.setdefault(name, kind()) if isinstance(whole, dict) else None
    if not isinstance(part, kind):
        raise NotMergedError(f"The file is of another form: {name} is not what it should be. Add the entry by hand.")
    return part


def _add_server(servers: dict[str, Any], name: str, entry: Mapping[str, Any], *, force: bool) -> None:
    if name in servers and servers[name] != entry and not force:
        raise NotMergedError(f"The file has another entry named {name}. Remove it, or replace it with --force.")
    servers[name] = dict(entry)


def _add_input(inputs: list[Any], entry: Mapping[str, Any], *, force: bool) -> None:
    """Add an input, or replace the one with its id: one without `password` would show the key."""
    for index, known in enumerate(inputs):
        if isinstance(known, dict) and known.get("id") == entry["id"]:
            if known != entry and not force:
                raise NotMergedError(f"The file has another input {entry['id']}. Replace it with --force.")
            inputs[index] = dict(entry)
            return
    inputs.append(dict(entry))


def _merge_toml(text: str, client: Client, added: Addition, *, force: bool) -> str | None:
    """Append a table, which keeps every other line. A table in the middle of the file is not replaced."""
    try:
        old = tomllib.loads(text)
    except ValueError:
        raise NotMergedError("The file is not valid TOML. Add the entry by hand.") from None
    servers = old.get(client.section, {})
    if isinstance(servers, dict) and NAME in servers:
        if servers[NAME] == added.entry:
            return None
        by_hand = ", which --force cannot do in TOML" if force else ""
        raise NotMergedError(f"The file has another entry named {NAME}. Replace it by hand{by_hand}.")
    new = (text.rstrip("\n") + "\n\n" if text.strip() else "") + render_block(client, added) + "\n"
    try:
        whole = tomllib.loads(new)
    except ValueError:
        whole = {}
    if whole != {**old, client.section: {**servers, NAME: dict(added.entry)}}:
        raise NotMergedError("The file is of a form to which no table can be added. Add the entry by hand.")
    return new


def _write_backup(file: Path, old: bytes) -> Path:
    """Write a backup beside the file, with its mode. Never replaces another backup."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    backup = file.with_name(f"{file.name}.backup-{stamp}")
    _create(backup, old, file.stat().st_mode)
    return backup


def _replace(file: Path, old: bytes | None, new: bytes, backup: Path | None) -> None:
    """Replace the file atomically. If that fails, remove the backup too."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        _create(temporary, new, None if old is None else file.stat().st_mode)
        _require_unchanged(file, old)
        temporary.replace(file)
    except BaseException:
        if backup is not None:
            backup.unlink(missing_ok=True)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _require_unchanged(file: Path, old: bytes | None) -> None:
    """Raise if a client has written its file in the meantime: that change must not be lost."""
    if (file.read_bytes() if file.exists() else None) != old:
        raise NotMergedError("Something else wrote the file in the meantime. Close the client and try again.")


def _create(file: Path, data: bytes, mode: int | None) -> None:
    """Write a new file and flush it to the disk. Without a mode, the umask decides."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(file, flags, 0o666 if mode is None else 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if mode is not None:
            file.chmod(mode & 0o7777)
    except OSError:
        file.unlink(missing_ok=True)
        raise


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name is there twice")
    return value


def _reject_constant(name: str) -> Any:
    raise ValueError(name)
