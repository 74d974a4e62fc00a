"""How each client is told to start the server: its file, the form of its entry, and how it comes by the key."""

from __future__ import annotations

import json
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

__all__ = [
    "CLIENTS",
    "INPUT",
    "KEY",
    "KEY_FILE",
    "NAME",
    "UVX",
    "Addition",
    "Client",
    "Command",
    "addition",
    "block",
    "command",
]

NAME: Final = "projects"
"""What the server is called in a client."""
KEY: Final = "POSTHOG_PERSONAL_API_KEY"
KEY_FILE: Final = "~/.config/projects-mcp/key"
"""Where the key is kept for clients that can neither ask for it nor read the environment. Each user's own."""
INPUT: Final[Mapping[str, Any]] = {
    "type": "promptString",
    "id": "posthog-personal-api-key",
    "description": "Personal API key of PostHog (phx_…)",
    "password": True,
}
"""The question that a client asks in place of a key in its file."""


class Command(NamedTuple):
    """A program and its arguments."""

    program: str
    arguments: tuple[str, ...] = ()


UVX: Final = Command("uvx", ("projects-mcp",))
"""Starts the published package, whatever is installed."""


@dataclass(frozen=True)
class Client:
    """One client.

    Attributes:
        title: its name for people.
        section: the name of the object, or the TOML table, that holds the servers.
        files: where its configuration is, by `sys.platform`, `*` for all others; `~` is the home folder, a relative
            path is in the folder of the project. Empty where there is no file to write.
        key: what stands for the key in its entry and is replaced by the client; empty where it can do no such thing.
        forwards: whether it passes on named variables of its own environment instead.
        asks: whether it can ask a person for a secret.
        typed: whether an entry states that it is a local process.
        toml: whether its file is TOML; all others are JSON.
        line: a command line that adds the entry, with `{entry}` for it; empty where there is none.
    """

    title: str
    section: str = "mcpServers"
    files: Mapping[str, str] | None = None
    key: str = ""
    forwards: bool = False
    asks: bool = False
    typed: bool = False
    toml: bool = False
    line: str = ""


CLIENTS: Final[Mapping[str, Client]] = {
    "claude-desktop": Client(
        "Claude Desktop",
        files={
            "darwin": "~/Library/Application Support/Claude/claude_desktop_config.json",
            "win32": "%APPDATA%/Claude/claude_desktop_config.json",
            "*": "~/.config/Claude/claude_desktop_config.json",
        },
    ),
    "claude-code": Client(
        "Claude Code",
        files={"*": ".mcp.json"},
        key=f"${{{KEY}}}",
        line=f"claude mcp add-json {NAME} '{{entry}}' --scope user",
    ),
    "cursor": Client("Cursor", files={"*": "~/.cursor/mcp.json"}, key=f"${{env:{KEY}}}"),
    "vscode": Client(
        "VS Code",
        section="servers",
        files={"*": ".vscode/mcp.json"},
        key=f"${{input:{INPUT['id']}}}",
        asks=True,
        typed=True,
    ),
    "codex": Client("Codex", section="mcp_servers", files={"*": "~/.codex/config.toml"}, forwards=True, toml=True),
    "gemini": Client("Gemini CLI", files={"*": "~/.gemini/settings.json"}, key=f"${{{KEY}}}"),
    "windsurf": Client("Windsurf", files={"*": "~/.codeium/windsurf/mcp_config.json"}, key=f"${{env:{KEY}}}"),
    "zed": Client(
        "Zed",
        section="context_servers",
        files={"win32": "%APPDATA%/Zed/settings.json", "*": "~/.config/zed/settings.json"},
    ),
    "generic": Client("Any other client"),
}
"""Every client by the name that `install` takes."""


class Addition(NamedTuple):
    """What joins a client's configuration.

    Attributes:
        entry: the server itself.
        inputs: questions that the client asks for it.
    """

    entry: Mapping[str, Any]
    inputs: tuple[Mapping[str, Any], ...] = ()


def addition(client: Client, program: Command, given: Mapping[str, str]) -> Addition:
    """Build what joins the configuration of a client. It never holds a key, only where the key is.

    Args:
        client: one of the table.
        program: how the server is started.
        given: settings that are fixed in the entry; none of them is secret. In sandbox mode no key is asked for.
    """
    sandbox = "PROJECTS_MCP_SANDBOX" in given
    environment = dict(given) if sandbox else {**_key(client), "POSTHOG_HOST": "us", **given}
    entry: dict[str, Any] = {"type": "stdio"} if client.typed else {}
    entry |= {"command": program.program, "args": list(program.arguments), "env": environment}
    if client.forwards and not sandbox:
        entry["env_vars"] = [KEY]
    return Addition(entry, (INPUT,) if client.asks and not sandbox else ())


def _key(client: Client) -> dict[str, str]:
    if client.forwards:
        return {}
    return {KEY: client.key} if client.key else {f"{KEY}_FILE": KEY_FILE}


def block(client: Client, added: Addition) -> str:
    """Return what a person pastes into the file of a client that has no other server yet."""
    if client.toml:
        return _toml(client, added.entry)
    inputs = {"inputs": [dict(question) for question in added.inputs]} if added.inputs else {}
    return json.dumps({**inputs, client.section: {NAME: dict(added.entry)}}, indent=2, ensure_ascii=False)


def _toml(client: Client, entry: Mapping[str, Any]) -> str:
    lines = [f"[{client.section}.{NAME}]"]
    for name, value in entry.items():
        if isinstance(value, Mapping):
            inside = ", ".join(f"{key} = {json.dumps(text)}" for key, text in value.items())
            lines.append(f"{name} = {{ {inside} }}")
        else:  # texts and lists of texts are written alike in both languages
            lines.append(f"{name} = {json.dumps(value)}")
    return "\n".join(lines)


def command() -> Command:
    """Return how this very program is started again: the installed script by its full path, else `uvx`."""
    script = shutil.which("projects-mcp", path=sysconfig.get_path("scripts"))
    parts = Path(sys.prefix).parts
    # uvx runs a program from its cache, which is emptied now and then.
    passing = any(part.startswith(("archive-v", "environments-v")) for part in parts)
    return UVX if script is None or passing else Command(str(Path(script).absolute()))
