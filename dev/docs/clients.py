#!/usr/bin/env python3
"""Writes the blocks and the install links of docs/clients.md from the table of clients.

Run it with the project's own Python, `.venv/bin/python dev/docs/clients.py`. With `--check` it writes nothing, and
exits 1 where the document differs.
"""

import argparse
import base64
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from projects_mcp.cli.install.entries import (
    CLIENTS,
    KEY,
    KEY_FILE,
    NAME,
    UVX,
    Addition,
    Client,
    build_addition,
    render_block,
)

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "clients.md"

_SYSTEMS: Final[Mapping[str, str]] = {"darwin": "macOS", "win32": "Windows"}


def document(text: str) -> str:
    """Return the document with its generated parts as the code has them now."""
    sections = "\n\n".join(_section(name, client) for name, client in CLIENTS.items())
    return _between(_between(text, "links", _links()), "clients", sections)


def cursor_link() -> str:
    """Return the address that makes Cursor offer to add the server."""
    entry = json.dumps(_added("cursor").entry, separators=(",", ":")).encode()
    return f"https://cursor.com/en/install-mcp?name={NAME}&config={quote(base64.b64encode(entry), safe='')}"


def vscode_link() -> str:
    """Return the address that makes VS Code offer to add the server."""
    added = _added("vscode")
    inputs, config = (
        quote(json.dumps(part, separators=(",", ":"), ensure_ascii=False), safe="")
        for part in (list(added.inputs), added.entry)
    )
    return f"https://insiders.vscode.dev/redirect/mcp/install?name={NAME}&inputs={inputs}&config={config}"


def _added(name: str) -> Addition:
    return build_addition(CLIENTS[name], UVX, {})


def _links() -> str:
    return f"- [Add to Cursor]({cursor_link()})\n- [Add to VS Code]({vscode_link()})"


def _section(name: str, client: Client) -> str:
    added = build_addition(client, UVX, {})
    where = (
        _where(name, client) if client.files else "Most clients take this, some under another name than `mcpServers`."
    )
    parts = [f"## {client.title}", where, f"```{'toml' if client.toml else 'json'}\n{render_block(client, added)}\n```"]
    if client.line:
        line = client.line.format(entry=json.dumps(added.entry))
        parts += ["In one line, for all projects:", f"```sh\n{line}\n```"]
    return "\n\n".join([*parts, _key(client)])


def _where(name: str, client: Client) -> str:
    """Say which file it is, on which system, and which command writes it."""
    files = client.files or {}
    command = f"`projects-mcp install {name} --write` does it for you"
    if set(files) == {"*"}:
        folder = "" if files["*"].startswith("~") else " in the folder of your project"
        return f"Add this to `{files['*']}`{folder}; {command}."
    others = "Linux" if "darwin" in files else "macOS and Linux"
    listed = "\n".join(f"- {_SYSTEMS.get(system, others)}: `{file}`" for system, file in files.items())
    return f"Add this to the file; {command}:\n\n{listed}"


def _key(client: Client) -> str:
    if client.asks:
        return "The key is asked for when the server first starts, and kept by the client, not in this file."
    if client.key or client.forwards:
        return f"The key is read from `{KEY}` in the environment in which {client.title} is started."
    return f"The key is read from `{KEY_FILE}`. Close that file to others with `chmod 600`."


def _between(text: str, name: str, content: str) -> str:
    """Replace what stands between the two markers of one part.

    Raises:
        ValueError: the markers are not there exactly once.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"{begin} and {end} must each be there once")
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n{content}\n{end}{rest.partition(end)[2]}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check.

    Returns:
        1 where the document differs and was only to be checked, else 0.
    """
    parser = argparse.ArgumentParser(description="Write the blocks and links of docs/clients.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the document differs")
    check: bool = parser.parse_args(arguments).check
    old = DOCUMENT.read_text(encoding="utf-8")
    new = document(old)
    if check and new != old:
        sys.stderr.write("docs/clients.md differs from the code; renew it with: python dev/docs/clients.py\n")
        return 1
    if new != old:
        DOCUMENT.write_text(new, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
