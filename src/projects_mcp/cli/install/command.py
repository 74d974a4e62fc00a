"""`projects-mcp install`: print the entry that makes a client start the server, or write it into the client's file."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from projects_mcp.cli.complaints import complain
from projects_mcp.cli.exit_codes import DONE, FAILED, USAGE
from projects_mcp.cli.install.entries import (
    CLIENTS,
    KEY,
    KEY_FILE,
    Addition,
    Client,
    Command,
    build_addition,
    find_command,
    render_block,
)
from projects_mcp.cli.install.merge import NotMergedError, merge_into_file
from projects_mcp.cli.nearest import did_you_mean
from projects_mcp.cli.terminal import say
from projects_mcp.config.settings import SettingsError, load
from projects_mcp.sanitize.text import on_one_line

__all__ = ["CLIENTS", "Place", "file_of", "run_install"]


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
        place: the folders of the clients' files; those of this process by default.
        program: starts the server; the one that started this process by default.

    Returns:
        The exit code: `FAILED` if the file was not changed, `USAGE` if there is no such client or a setting is wrong.
    """
    if name not in CLIENTS:
        sentence = f"There is no client {name:.60}.{did_you_mean(name, CLIENTS)} The clients are {', '.join(CLIENTS)}."
        return complain("install", sentence, USAGE, "usage")
    try:
        load(given)
    except SettingsError as error:
        return complain("install", str(error), USAGE, "settings")
    client = CLIENTS[name]
    added = build_addition(client, program or find_command(), given)
    file = file_of(client, place or Place.here())
    if not write:
        say(render_block(client, added))
        where = f"Add this to {on_one_line(str(file))}." if file else "Add this where the client keeps its servers."
        say(f"{where} {_key_advice(client, added)}", error=True)
        return DONE
    if file is None:
        return complain("install", f"{name} stands for any client, so there is no file to write.", USAGE, "usage")
    return _write_entry(file, client, added, force=force)


def _write_entry(file: Path, client: Client, added: Addition, *, force: bool) -> int:
    shown = on_one_line(str(file))
    try:
        written = merge_into_file(file, client, added, force=force)
    except NotMergedError as error:
        complain("install", f"{shown} was not changed. {error} The entry is:", FAILED, "not_merged")
        say(render_block(client, added))
        return FAILED
    if not written.changed:
        say(f"{shown} has this entry already.")
        return DONE
    backup = f" What it was is in {on_one_line(written.backup.name)} beside it." if written.backup else ""
    say(f"{shown} has the entry now.{backup} Restart {client.title}.")
    say(_key_advice(client, added), error=True)
    return DONE


def _key_advice(client: Client, added: Addition) -> str:
    """Return how to give the key to the server, because the entry does not hold it."""
    if "PROJECTS_MCP_SANDBOX" in added.entry["env"]:
        return "It uses the embedded sandbox and needs no key."
    if client.asks:
        return f"{client.title} asks for the key when it first starts the server, and keeps it."
    if client.key or client.forwards:
        return f"Set {KEY} in the environment in which {client.title} is started."
    return f"Put the key into {KEY_FILE}, and close that file to others: chmod 600 {KEY_FILE}"
