"""Write the blocks and the install links of docs/clients.md from the table of clients.

Run it with the project's own Python: `python -m dev.docs.clients`. With `--check` it writes nothing, and exits 1 if the
document differs.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from dev.docs.markdown import replace_between
from dev.environments import ROOT
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
from projects_mcp.cli.install.program import CHECKOUT, PUBLISHED, UVX

DOCUMENT: Final = ROOT / "docs" / "clients.md"

_PROGRAM: Final = UVX if PUBLISHED else CHECKOUT
"""What the blocks start."""
_NOT_YET: Final = (
    "The package is not published yet, so there are no links to click: they would start `uvx projects-mcp`, which is "
    "whatever somebody registers under that name until then, with your key. These are the addresses for afterwards:"
)
_SYSTEMS: Final[Mapping[str, str]] = {"darwin": "macOS", "win32": "Windows"}


def document(text: str) -> str:
    """Return the document with its generated parts as the code has them now."""
    sections = "\n\n".join(_section(name, client) for name, client in CLIENTS.items())
    return replace_between(replace_between(text, "links", _links()), "clients", sections)


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
    if PUBLISHED:
        links = f"- [Add to Cursor]({cursor_link()})\n- [Add to VS Code]({vscode_link()})"
        return f"A click adds the server, after the client has asked you:\n\n{links}"
    return f"{_NOT_YET}\n\n```text\nCursor: {cursor_link()}\nVS Code: {vscode_link()}\n```"


def _section(name: str, client: Client) -> str:
    added = build_addition(client, _PROGRAM, {})
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
        sys.stderr.write("docs/clients.md differs from the code; renew it with: python -m dev.docs.clients\n")
        return 1
    if new != old:
        DOCUMENT.write_text(new, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
