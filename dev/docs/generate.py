"""Write server.json, and the parts of README.md, manifest.json and docs/settings.md that repeat the code.

Run it with the project's own Python: `python -m dev.docs.generate`. With `--check` it writes nothing, names each file
that differs, and exits 1 if there is one.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from dev.docs.markdown import markdown_table, replace_between
from dev.docs.project_settings import project_settings
from dev.environments import ROOT
from projects_mcp import __version__
from projects_mcp.api.operations import BY_KEY
from projects_mcp.config.parsers import Choice, WholeNumber
from projects_mcp.config.row import FormField, Variable
from projects_mcp.config.variables import VARIABLES
from projects_mcp.tools.catalog import CATALOG

PROJECT: Final[Mapping[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

OWNER: Final = "projects-mcp"
"""The account on GitHub that publishes. All that names one follows from this line."""
REGISTRY_NAME: Final = f"io.github.{OWNER}/{PROJECT['name']}"
"""The name in the registry of MCP servers. The README must carry it: that proves whose the package is."""
REPOSITORY: Final = f"https://github.com/{OWNER}/{PROJECT['name']}"
ICON: Final = "assets/icon.png"
COMMAND: Final = "projects-mcp"
SCHEMA: Final = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"

_SENTENCE_END: Final = re.compile(r"(?<=\.)\s")


def readme(text: str) -> str:
    """Return README.md with its tables as the code has them now."""
    return replace_between(replace_between(text, "tools", tools_table()), "settings", settings_table())


def tools_table() -> str:
    """One row for each tool, in the order in which clients see them."""
    rows = (
        (
            f"`{tool.name}`",
            _SENTENCE_END.split(tool.description)[0],
            tool.effect.value,
            _needs_session(tool.name) if tool.operation.session_only else "",
        )
        for tool in CATALOG
    )
    return markdown_table(("Tool", "What it does", "Effect", "Needs a session"), rows)


def _needs_session(tool: str) -> str:
    other = BY_KEY.get(tool)
    return "yes" if other is None else f"or `{other.more_scopes[0]}`"


def settings_table() -> str:
    """One row for each setting."""
    return markdown_table(("Setting", "Meaning"), ((f"`{name}`", row.words) for name, row in VARIABLES.items()))


def manifest(text: str) -> str:
    """Return manifest.json with its version, tools and settings as the code has them now."""
    value = json.loads(text)
    value["version"] = __version__
    value["icon"] = ICON
    # Without --frozen, the first start would resolve anew, and end with other versions than those that were tested.
    value["server"]["mcp_config"]["args"] = ["run", "--directory", "${__dirname}", "--frozen", "--no-dev", COMMAND]
    value["server"]["mcp_config"]["env"] = {row.name: f"${{user_config.{_key(row)}}}" for row, _ in _form()}
    value["tools"] = [{"name": tool.name, "description": tool.description} for tool in CATALOG]
    value["user_config"] = {_key(row): _option(row, field) for row, field in _form()}
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def server(_text: str) -> str:
    """Return server.json: what the registry of MCP servers needs to know.

    The hash of the bundle is missing. It is not known before the bundle is made, so a copy with it is made then.
    """
    name, bundle = PROJECT["name"], f"{PROJECT['name']}-{__version__}.mcpb"
    package: dict[str, Any] = {"version": __version__, "transport": {"type": "stdio"}}
    value = {
        "$schema": SCHEMA,
        "name": REGISTRY_NAME,
        "title": "PostHog projects",
        "description": PROJECT["description"],
        "version": __version__,
        "repository": {"url": REPOSITORY, "source": "github"},
        "packages": [
            {
                "registryType": "pypi",
                "identifier": name,
                "runtimeHint": "uvx",
                **package,
                "environmentVariables": [_input(row, field) for row, field in _form()],
            },
            {
                "registryType": "mcpb",
                "identifier": f"{REPOSITORY}/releases/download/v{__version__}/{bundle}",
                **package,
            },
        ],
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _form() -> list[tuple[Variable, FormField]]:
    """Return the settings that a desktop client asks for, in the order of the table of settings."""
    return [(row, row.form) for row in VARIABLES.values() if row.form is not None]


def _key(row: Variable) -> str:
    return row.name.removeprefix("POSTHOG_").removeprefix("PROJECTS_MCP_").lower()


def _option(row: Variable, field: FormField) -> dict[str, Any]:
    """Describe one field of the form as the manifest wants it."""
    option: dict[str, Any] = {"type": field.type, "title": field.title, "description": field.about or row.words}
    option["required"] = field.required
    if not field.required:
        option["default"] = _default(row, field)
    if row.secret:
        option["sensitive"] = True
    if isinstance(row.parse, WholeNumber):
        option["min"], option["max"] = row.parse.lowest, row.parse.highest
    return option


def _default(row: Variable, field: FormField) -> str | int | bool:
    """Return what a field of the form holds at first: a text, or what that text means where the form has its type."""
    if row.default is None:
        return ""
    value: str | int | bool = row.default
    if field.type == "number":
        value = row.parse(row.name, row.default)
    elif field.type == "boolean":  # a setting behind a box may know more than yes and no
        value = bool(row.parse(row.name, row.default))
    return value


def _input(row: Variable, field: FormField) -> dict[str, Any]:
    """Describe one setting as the registry wants it: every value is a text there."""
    option = _option(row, field)
    value: dict[str, Any] = {"name": row.name, "description": option["description"]}
    value["isRequired"] = option["required"]
    value["isSecret"] = row.secret
    value["format"] = {"directory": "filepath"}.get(option["type"], option["type"])
    if option.get("default", "") != "":
        value["default"] = json.dumps(option["default"]).strip('"')
    if isinstance(row.parse, Choice):
        value["choices"] = list(row.parse.kind)
    return value


FILES: Final[Mapping[str, Callable[[str], str]]] = {
    "README.md": readme,
    "manifest.json": manifest,
    "server.json": server,
    "docs/settings.md": project_settings,
}
"""Each file with generated parts, and the function that renews them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check.

    Returns:
        1 where a file differs and was only to be checked, else 0.
    """
    parser = argparse.ArgumentParser(description="Write the parts of documents that repeat the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and name each file that differs")
    check: bool = parser.parse_args(arguments).check
    differs = False
    for name, renewed in FILES.items():
        file = ROOT / name
        old = file.read_text(encoding="utf-8")
        new = renewed(old)
        if new == old:
            continue
        differs = True
        if check:
            sys.stderr.write(f"{name} differs from the code; renew it with: python -m dev.docs.generate\n")
        else:
            file.write_text(new, encoding="utf-8", newline="\n")
            sys.stdout.write(f"{name} renewed\n")
    return int(check and differs)


if __name__ == "__main__":
    sys.exit(main())
