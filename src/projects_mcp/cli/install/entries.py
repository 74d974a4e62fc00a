"""The clients as data: their files, the form of their entries, and their ways to hold a key."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from projects_mcp.cli.install.program import Command
from projects_mcp.config.profiles import PROFILE
from projects_mcp.sanitize.json_text import indented_json
from projects_mcp.sanitize.text import has_invisible

__all__ = [
    "CLIENTS",
    "FORMER_NAME",
    "INPUT",
    "KEY",
    "KEY_FILE",
    "NAME",
    "UNDER_FORMER_NAME",
    "Addition",
    "Client",
    "build_addition",
    "is_ours",
    "render_block",
    "render_inline",
    "render_table",
]

NAME: Final = "posthog-projects"
"""The name of the server in a client. Searches for tools read it, so it names what the tools are for."""
FORMER_NAME: Final = "projects"
"""The name that it had up to version 1.0."""
UNDER_FORMER_NAME: Final = (
    f"The file has this server under its former name, {FORMER_NAME}. Rename that entry to {NAME}, or let --force do it."
)
"""Why nothing is added beside it: a client that starts the server twice shows each tool twice."""
KEY: Final = "POSTHOG_PERSONAL_API_KEY"
KEY_FILE: Final = "~/.config/projects-mcp/key"
"""The file with the key, for clients that can neither ask for it nor read the environment. Each user has one."""
INPUT: Final[Mapping[str, Any]] = {
    "type": "promptString",
    "id": "posthog-personal-api-key",
    "description": "Personal API key of PostHog (phx_…)",
    "password": True,
}
"""The input with which a client asks for the key, so that its file does not hold it."""
_PROGRAM: Final = re.compile(r"projects-mcp(?:\.exe)?(?:\[\w,]*\])?(?:[=@].*)?")
"""The program, or the package with its extras and its version."""


@dataclass(frozen=True)
class Client:
    """One client.

    Attributes:
        title: its name for people.
        section: the name of the object, or of the TOML table, that holds the servers.
        files: its configuration file by `sys.platform`, `*` for all others; `~` is the home folder, a relative path is
            in the folder of the project. None if there is no file to write.
        key: the placeholder that the client replaces with the key; empty if it replaces none.
        forwards: it passes named variables of its own environment to the server.
        asks: it can ask the user for a secret.
        typed: an entry states its transport.
        toml: its file is TOML; all others are JSON.
        line: a command line that adds the entry, with `{entry}` for it; empty if there is none.
        desktop: it is not started by a shell, so that its PATH is not that of the user's shell.
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
    desktop: bool = False


CLIENTS: Final[Mapping[str, Client]] = {
    "claude-desktop": Client(
        "Claude Desktop",
        files={
            "darwin": "~/Library/Application Support/Claude/claude_desktop_config.json",
            "win32": "%APPDATA%/Claude/claude_desktop_config.json",
            "*": "~/.config/Claude/claude_desktop_config.json",
        },
        desktop=True,
    ),
    "claude-code": Client(
        "Claude Code",
        files={"*": ".mcp.json"},
        key=f"${{{KEY}}}",
        line=f"claude mcp add-json {NAME} '{{entry}}' --scope user",
    ),
    "cursor": Client("Cursor", files={"*": "~/.cursor/mcp.json"}, key=f"${{env:{KEY}}}", desktop=True),
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
    "windsurf": Client(
        "Windsurf", files={"*": "~/.codeium/windsurf/mcp_config.json"}, key=f"${{env:{KEY}}}", desktop=True
    ),
    "zed": Client(
        "Zed",
        section="context_servers",
        files={"win32": "%APPDATA%/Zed/settings.json", "*": "~/.config/zed/settings.json"},
        desktop=True,
    ),
    "generic": Client("Any other client", desktop=True),
}
"""The clients by the name that `install` accepts."""


class Addition(NamedTuple):
    """The parts to add to a client's configuration.

    Attributes:
        entry: of the server.
        inputs: with which the client asks for secrets.
        name: of the server in the client.
    """

    entry: Mapping[str, Any]
    inputs: tuple[Mapping[str, Any], ...] = ()
    name: str = NAME


def build_addition(
    client: Client, program: Command, given: Mapping[str, str], *, name: str = NAME, keyed: bool = False
) -> Addition:
    """Build the parts to add to the configuration of a client. They never hold a key, only a reference to it.

    Args:
        client: one of `CLIENTS`.
        program: starts the server.
        given: settings for the entry by variable; none of them is secret. In sandbox mode the entry needs no key.
        name: of the server in the client.
        keyed: whether the profile that `given` names has a key.
    """
    keyless = keyed or "PROJECTS_MCP_SANDBOX" in given
    environment = dict(given) if keyless else {**_key_reference(client), **_default_host(given), **given}
    entry: dict[str, Any] = {"type": "stdio"} if client.typed else {}
    entry |= {"command": program.program, "args": list(program.arguments), "env": environment}
    if client.forwards and not keyless:
        entry["env_vars"] = [KEY]
    return Addition(entry, (INPUT,) if client.asks and not keyless else (), name)


def _default_host(given: Mapping[str, str]) -> dict[str, str]:
    """Write the region down, where a person finds it to change it. A profile has its own."""
    return {} if PROFILE in given else {"POSTHOG_HOST": "us"}


def _key_reference(client: Client) -> dict[str, str]:
    if client.forwards:
        return {}
    return {KEY: client.key} if client.key else {f"{KEY}_FILE": KEY_FILE}


def is_ours(entry: object) -> bool:
    """Tell whether the entry of a server starts this program, from whatever folder or version."""
    if not isinstance(entry, Mapping):
        return False
    arguments = entry.get("args")
    parts = [entry.get("command"), *(arguments if isinstance(arguments, list) else ())]
    return any(isinstance(part, str) and _PROGRAM.fullmatch(re.split(r"[/\\]", part)[-1]) for part in parts)


def render_block(client: Client, added: Addition) -> str:
    """Render the file of a client that has no other server, for a person to paste."""
    if client.toml:
        return render_table(client, added)
    inputs = {"inputs": [dict(entry) for entry in added.inputs]} if added.inputs else {}
    return indented_json({**inputs, client.section: {added.name: dict(added.entry)}})


def render_table(client: Client, added: Addition) -> str:
    """Render the entry of a server as a TOML table."""
    lines = [f"{name} = {_toml_value(value)}" for name, value in added.entry.items()]
    return "\n".join([f"[{client.section}.{added.name}]", *lines])


def render_inline(entry: Mapping[str, Any]) -> str:
    """Render the entry of a server as an inline TOML table."""
    return _toml_value(entry)


def _toml_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{name} = {_toml_value(item)}' for name, item in value.items())} }}"
    # Strings and lists of strings are the same in JSON and in TOML, but TOML has no surrogates.
    return _toml_escaped(json.dumps(value, ensure_ascii=False))


def _toml_escaped(text: str) -> str:
    return "".join(f"\\U{ord(each):08x}" if has_invisible(each) else each for each in text)
