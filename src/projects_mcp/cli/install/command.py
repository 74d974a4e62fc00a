"""`projects-mcp install`: print the entry that makes a client start the server, or write it into the client's file."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from projects_mcp.cli.complaints import complain, complains_in_json, note, tell_failure
from projects_mcp.cli.exit_codes import DONE, FAILED, USAGE
from projects_mcp.cli.install.entries import (
    CLIENTS,
    KEY,
    KEY_FILE,
    NAME,
    Addition,
    Client,
    build_addition,
    render_block,
)
from projects_mcp.cli.install.merge import NotMergedError, merge_into_file
from projects_mcp.cli.install.program import Command, NoCommandError, find_command
from projects_mcp.cli.nearest import did_you_mean
from projects_mcp.cli.output import print_answer
from projects_mcp.cli.table import print_text
from projects_mcp.cli.terminal import say
from projects_mcp.config.profiles import DEFAULT_PROFILE, PROFILE, apply_profile
from projects_mcp.config.settings import SettingsError, load
from projects_mcp.errors.kinds import Kind
from projects_mcp.sanitize.text import on_one_line

__all__ = ["CLIENTS", "Place", "file_of", "run_install"]

_ENTRY_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Clients put it before the names of tools, and each allows these characters."""


class Place(NamedTuple):
    """The folders of clients' files on a machine.

    Attributes:
        system: the operating system, as in `sys.platform`.
        home: the user's home folder.
        project: the folder of the user's project.
        appdata: Windows' folder for settings.
    """

    system: str
    home: Path
    project: Path
    appdata: Path

    @classmethod
    def here(cls) -> Place:
        """Return the folders of this process: its working directory is the project."""
        home = Path.home()
        appdata = Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")
        return cls(sys.platform, home, Path.cwd(), appdata)


def file_of(client: Client, place: Place) -> Path | None:
    """Return the configuration file of a client; None if it has no known one."""
    if client.files is None:
        return None
    path = client.files.get(place.system) or client.files["*"]
    if path.startswith("~/"):
        return place.home / path[2:]
    if path.startswith("%APPDATA%/"):
        return place.appdata / path.removeprefix("%APPDATA%/")
    return place.project / path


def run_install(
    name: str,
    given: Mapping[str, str],
    *,
    write: bool = False,
    force: bool = False,
    as_json: bool = False,
    entry_name: str = NAME,
    place: Place | None = None,
    program: Command | None = None,
) -> int:
    """Print the entry for a client on stdout, or write it into the client's file. Print how to give the key on stderr.

    If the file cannot be changed, the entry is printed for the person to paste.

    Args:
        name: one of `CLIENTS`.
        given: settings for the entry by variable, such as `POSTHOG_HOST`; none of them may be a secret.
        write: merge the entry into the file instead of printing it.
        force: replace another entry of the same name.
        as_json: say as one line of JSON what was written.
        entry_name: of the server in the client.
        place: the folders of the clients' files; those of this process by default.
        program: starts the server; the one that started this process by default.

    Returns:
        The exit code: `FAILED` if the file was not changed, `USAGE` if there is no such client or a setting is wrong.
    """
    if name not in CLIENTS:
        sentence = f"There is no client {name:.60}.{did_you_mean(name, CLIENTS)} The clients are {', '.join(CLIENTS)}."
        return complain("install", sentence, USAGE, "usage")
    try:
        client, added = _build(name, given, entry_name, program)
    except SettingsError as error:
        return complain("install", str(error), USAGE, "settings")
    except NoCommandError as error:
        return complain("install", str(error), FAILED, "no_command")
    file = file_of(client, place or Place.here())
    if not write:
        say(render_block(client, added))
        where = f"Add this to {on_one_line(str(file))}." if file else "Add this where the client keeps its servers."
        note(f"{where} {_key_advice(client, added)}", file=None if file is None else str(file))
        return DONE
    if file is None:
        return complain("install", f"{name} stands for any client, so there is no file to write.", USAGE, "usage")
    return _write_entry(file, client, added, force=force, as_json=as_json)


def _build(name: str, given: Mapping[str, str], entry_name: str, program: Command | None) -> tuple[Client, Addition]:
    """Return the client of a name, and the parts to add to its file.

    Raises:
        SettingsError: the name of the entry or a setting cannot be used.
        NoCommandError: nothing would start the server later.
    """
    if not _ENTRY_NAME.fullmatch(entry_name):
        raise SettingsError("a name has 1 to 64 letters, digits, hyphens or underscores.")
    client = CLIENTS[name]
    given, keyed = _with_key(given)
    program = program or find_command(full_path=client.desktop)
    return client, build_addition(client, program, given, name=entry_name, keyed=keyed)


def _with_key(given: Mapping[str, str]) -> tuple[Mapping[str, str], bool]:
    """Check the settings, and find the profile that has the key: the named one, or the default one after a login.

    Returns:
        The settings for the entry, and whether their profile has the key.

    Raises:
        SettingsError: a setting, or the profile, cannot be used.
    """
    load(given)
    if "PROJECTS_MCP_SANDBOX" in given:
        return given, False
    profile = apply_profile(given).profile
    if profile is None:
        return given, False
    keyed = profile.keyring or not profile.texts.keys().isdisjoint((KEY, f"{KEY}_FILE"))
    return ({PROFILE: DEFAULT_PROFILE, **given} if keyed else given), keyed


def _write_entry(file: Path, client: Client, added: Addition, *, force: bool, as_json: bool) -> int:
    shown = on_one_line(str(file))
    try:
        written = merge_into_file(file, client, added, force=force)
    except NotMergedError as error:
        return _say_entry(f"{shown} was not changed. {error}", file, render_block(client, added), as_json=as_json)
    backup = f" What it was is in {on_one_line(written.backup.name)} beside it." if written.backup else ""
    said = f"{shown} has the entry now.{backup} Restart {client.title}."
    advice = _key_advice(client, added)
    if not written.changed:
        said, advice = f"{shown} has this entry already.", ""
    body = {
        "file": str(file),
        "changed": written.changed,
        "backup": None if written.backup is None else str(written.backup),
        "next": advice or None,
    }
    print_answer(body, lambda: print_text(said), as_json=as_json)
    if advice and not as_json:
        note(advice, file=str(file))
    return DONE


def _say_entry(why: str, file: Path, entry: str, *, as_json: bool) -> int:
    """Say that the file was not changed, and print the entry for the person to paste."""
    if complains_in_json():
        kind: Kind = "not_merged"
        tell_failure(why, {"kind": kind, "file": str(file), "entry": entry})
    else:
        complain("install", f"{why} The entry is:", FAILED, "not_merged")
        say(entry, error=as_json)
    return FAILED


def _names_key(added: Addition) -> bool:
    return bool(added.inputs) or "env_vars" in added.entry or any(name.startswith(KEY) for name in added.entry["env"])


def _key_advice(client: Client, added: Addition) -> str:
    """Return how to give the key to the server, because the entry does not hold it."""
    if "PROJECTS_MCP_SANDBOX" in added.entry["env"]:
        return "It uses the embedded sandbox and needs no key."
    if (profile := added.entry["env"].get(PROFILE)) and not _names_key(added):
        return f"The key is that of the profile {profile}."
    if client.asks:
        return f"{client.title} asks for the key when it first starts the server, and keeps it."
    if client.key or client.forwards:
        return f"Set {KEY} in the environment in which {client.title} is started."
    return f"Put the key into {KEY_FILE}, and close that file to others: chmod 600 {KEY_FILE}"
