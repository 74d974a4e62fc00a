"""Joins an entry to the configuration file of a client, and leaves all else in it as it was."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from projects_mcp.cli.install.entries import NAME, Addition, Client, block

__all__ = ["NotMergedError", "Written", "merge", "merged"]

_INDENT: Final = re.compile(r"\n([ \t]+)\S")


class NotMergedError(Exception):
    """The file was left as it is. The text says why, and what to do."""


class Written(NamedTuple):
    """What became of a file: its backup where there was something to keep, and whether anything changed."""

    changed: bool
    backup: Path | None = None


def merge(file: Path, client: Client, added: Addition, *, force: bool = False) -> Written:
    """Add the entry to a file, which is created where it does not exist.

    The file is replaced at once and whole, with the mode that it had. A link to it stays a link.

    Args:
        file: the client's configuration.
        client: whose file it is.
        added: what joins it.
        force: replace another entry of the same name.

    Raises:
        NotMergedError: nothing was changed, for the reason in the text.
    """
    try:
        file = file.resolve()
        old = file.read_bytes() if file.exists() else None
        text = merged(_text(old), client, added, force=force)
        if text is None:
            return Written(changed=False)
        new = text.encode()
        file.parent.mkdir(parents=True, exist_ok=True)
        backup = None if old is None else _keep(file, old)
        _replace(file, old, new, backup)
    except OSError as error:
        raise NotMergedError(f"It cannot be read or written: {error.strerror or 'unknown reason'}.") from None
    except UnicodeError:
        raise NotMergedError("The file is not written in UTF-8. Add the entry by hand.") from None
    return Written(changed=True, backup=backup)


def merged(text: str, client: Client, added: Addition, *, force: bool = False) -> str | None:
    """Return the text of a configuration with the entry in it; None where it is there already.

    Raises:
        NotMergedError: it cannot be read, or has another entry of that name and `force` was not given.
    """
    join: Callable[..., str | None] = _into_toml if client.toml else _into_json
    return join(text, client, added, force=force)


def _text(old: bytes | None) -> str:
    return "" if old is None else old.decode("utf-8-sig")


def _into_json(text: str, client: Client, added: Addition, *, force: bool) -> str | None:
    try:
        whole = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse) if text.strip() else {}
    except (ValueError, RecursionError):
        why = "is not plain JSON: it may hold comments, commas too many, or a name twice"
        raise NotMergedError(f"The file {why}. Add the entry by hand.") from None
    for question in added.inputs:
        _ask(_part(whole, "inputs", list), question, force=force)
    _put(_part(whole, client.section, dict), NAME, added.entry, force=force)
    found = _INDENT.search(text)
    new = json.dumps(whole, indent=found[1] if found else 2, ensure_ascii=False) + "\n"
    return None if text.strip() and json.loads(text) == whole else new


def _part(whole: Any, name: str, kind: type[Any]) -> Any:
    part = whole.setdefault(name, kind()) if isinstance(whole, dict) else None
    if not isinstance(part, kind):
        raise NotMergedError(f"The file is of another form: {name} is not what it should be. Add the entry by hand.")
    return part


def _put(servers: dict[str, Any], name: str, entry: Mapping[str, Any], *, force: bool) -> None:
    if name in servers and servers[name] != entry and not force:
        raise NotMergedError(f"The file has another entry named {name}. Remove it, or replace it with --force.")
    servers[name] = dict(entry)


def _ask(inputs: list[Any], question: Mapping[str, Any], *, force: bool) -> None:
    """Add a question, or replace the one that has its id: one without `password` would show the key."""
    for place, known in enumerate(inputs):
        if isinstance(known, dict) and known.get("id") == question["id"]:
            if known != question and not force:
                raise NotMergedError(f"The file has another input {question['id']}. Replace it with --force.")
            inputs[place] = dict(question)
            return
    inputs.append(dict(question))


def _into_toml(text: str, client: Client, added: Addition, *, force: bool) -> str | None:
    """Append a table, which leaves every line as it is. A table in the middle of the file is not replaced."""
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
    new = (text.rstrip("\n") + "\n\n" if text.strip() else "") + block(client, added) + "\n"
    try:
        whole = tomllib.loads(new)
    except ValueError:
        whole = {}
    if whole != {**old, client.section: {**servers, NAME: dict(added.entry)}}:
        raise NotMergedError("The file is of a form to which no table can be added. Add the entry by hand.")
    return new


def _keep(file: Path, old: bytes) -> Path:
    """Write the backup beside the file, with its mode. It never replaces another."""
    when = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    backup = file.with_name(f"{file.name}.backup-{when}")
    _create(backup, old, file.stat().st_mode)
    return backup


def _replace(file: Path, old: bytes | None, new: bytes, backup: Path | None) -> None:
    """Put the new text in the place of the old one. Where that fails, the backup of it goes too."""
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
    """Clients write their files too, and whatever one wrote last is not ours to undo."""
    if (file.read_bytes() if file.exists() else None) != old:
        raise NotMergedError("Something else wrote the file in the meantime. Close the client and try again.")


def _create(file: Path, data: bytes, mode: int | None) -> None:
    """Write a new file and force it to the disk. Without a mode, it gets what the user's other files get."""
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


def _refuse(name: str) -> Any:
    raise ValueError(name)
