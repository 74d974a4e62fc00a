"""`projects-mcp install`: the entry with which a client starts the server, printed or written into its file."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from projects_mcp.cli.install.entries import CLIENTS, KEY, KEY_FILE, Addition, Client, Command, addition, block, command
from projects_mcp.cli.install.merge import NotMergedError, merge
from projects_mcp.config.settings import SettingsError, load

__all__ = ["CLIENTS", "Place", "command", "file_of", "run_install"]

DONE, REFUSED, USAGE = 0, 1, 2


class Place(NamedTuple):
    """Where the files of clients are on a machine.

    Attributes:
        system: as `sys.platform` says.
        home: the person's folder.
        project: the folder of the project that they work in.
        appdata: what Windows calls the folder of settings.
    """

    system: str
    home: Path
    project: Path
    appdata: Path

    @classmethod
    def here(cls) -> Place:
        """Return the place that this process runs in."""
        home = Path.home()
        appdata = Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")
        return cls(sys.platform, home, Path.cwd(), appdata)


def file_of(client: Client, place: Place) -> Path | None:
    """Return the configuration file of a client; None where it has none that is known."""
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
    """Print the entry for a client on stdout, and on stderr what else it needs; or write it into the client's file.

    Args:
        name: one of `CLIENTS`.
        given: settings that the entry fixes, such as `POSTHOG_HOST`; none of them may be a secret.
        write: merge the entry into the file instead of printing it.
        force: replace another entry of the same name.
        place: where the files are; this machine by default.
        program: how the server is started; as this process was, by default.

    Returns:
        0 done, 1 the file was left as it is, 2 there is no such client, or a setting is wrong.
    """
    if name not in CLIENTS:
        sys.stderr.write(f"projects-mcp install: the clients are {', '.join(CLIENTS)}.\n")
        return USAGE
    try:
        load(given)
    except SettingsError as error:
        sys.stderr.write(f"projects-mcp install: {error}\n")
        return USAGE
    client = CLIENTS[name]
    added = addition(client, program or command(), given)
    file = file_of(client, place or Place.here())
    if not write:
        sys.stdout.write(block(client, added) + "\n")
        where = f"Add this to {file}." if file else "Add this where the client keeps its servers."
        sys.stderr.write(f"{where} {_needed(client, added)}\n")
        return DONE
    if file is None:
        sys.stderr.write(f"projects-mcp install: {name} stands for any client, so there is no file to write.\n")
        return USAGE
    return _write(file, client, added, force=force)


def _write(file: Path, client: Client, added: Addition, *, force: bool) -> int:
    try:
        written = merge(file, client, added, force=force)
    except NotMergedError as error:
        sys.stderr.write(f"projects-mcp install: {file} was not changed. {error}\n")
        return REFUSED
    if not written.changed:
        sys.stdout.write(f"{file} has this entry already.\n")
        return DONE
    backup = f" What it was is in {written.backup.name} beside it." if written.backup else ""
    sys.stdout.write(f"{file} has the entry now.{backup} Restart {client.title}.\n")
    sys.stderr.write(f"{_needed(client, added)}\n")
    return DONE


def _needed(client: Client, added: Addition) -> str:
    """Say how the key gets to the server, which the entry does not hold."""
    if "PROJECTS_MCP_SANDBOX" in added.entry["env"]:
        return "It uses the embedded sandbox and needs no key."
    if client.asks:
        return f"{client.title} asks for the key when it first starts the server, and keeps it."
    if client.key or client.forwards:
        return f"Set {KEY} in the environment in which {client.title} is started."
    return f"Put the key into {KEY_FILE}, and close that file to others: chmod 600 {KEY_FILE}"
