"""Installing for a client in a folder of the test."""

import json
import tomllib
from pathlib import Path
from typing import Any

from projects_mcp.cli.install.command import CLIENTS, Place, file_of, run_install
from projects_mcp.cli.install.program import Command

KEY = "POSTHOG_PERSONAL_API_KEY"
PROGRAM = Command("/opt/tools/bin/projects-mcp")
WITH_FILE = [name for name, client in CLIENTS.items() if client.files]
WITH_JSON = [name for name in WITH_FILE if not CLIENTS[name].toml]
SYSTEMS = ["linux", "darwin", "win32"]


def path_of(name: str, place: Place) -> Path:
    file = file_of(CLIENTS[name], place)
    assert file is not None
    return file


def install(name: str, place: Place, **more: Any) -> int:
    return run_install(name, more.pop("given", {}), write=True, place=place, program=PROGRAM, **more)


def servers_in(name: str, file: Path) -> dict[str, Any]:
    text = file.read_text(encoding="utf-8")
    whole = tomllib.loads(text) if CLIENTS[name].toml else json.loads(text)
    found: dict[str, Any] = whole[CLIENTS[name].section]
    return found
