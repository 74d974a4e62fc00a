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
from dataclasses import dataclass
from typing import Any, Final

from dev.docs.markdown import markdown_table, replace_between
from dev.docs.project_settings import project_settings
from dev.environments import ROOT
from projects_mcp import __version__
from projects_mcp.config.settings import VARIABLES
from projects_mcp.policy.access import Access
from projects_mcp.policy.confirmation import Confirmation
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


@dataclass(frozen=True)
class Field:
    """How a setting appears in the form of a desktop client.

    Attributes:
        title: the name of the field.
        default: what it holds at first; None where a person must fill it in.
        about: what it means, where the table of settings speaks of the environment.
        kind: its type, where the default does not tell.
        sensitive: whether the client must hide it and keep it with its secrets.
        lowest: the least number that is taken.
        highest: the greatest.
        choices: the only values that are taken, where they can be listed.
    """

    title: str
    default: str | int | bool | None = ""
    about: str = ""
    kind: str = ""
    sensitive: bool = False
    lowest: int | None = None
    highest: int | None = None
    choices: tuple[str, ...] = ()


FORM: Final[Mapping[str, Field]] = {
    "POSTHOG_PERSONAL_API_KEY": Field("Personal API key", None, sensitive=True),
    "POSTHOG_HOST": Field("PostHog region or address", "us"),
    "POSTHOG_ORGANIZATION_ID": Field("Organization", "@current"),
    "POSTHOG_SESSION_ID": Field("Browser session", sensitive=True),
    "POSTHOG_CSRF_TOKEN": Field("CSRF token of the browser session", sensitive=True),
    "PROJECTS_MCP_ACCESS": Field("Access level", "full", choices=tuple(Access)),
    "PROJECTS_MCP_CONFIRMATION": Field("Confirmation", "auto", choices=tuple(Confirmation)),
    "PROJECTS_MCP_PROTECTED_PROJECTS": Field("Protected projects"),
    "PROJECTS_MCP_ONLY_PROJECTS": Field("Only these projects"),
    "PROJECTS_MCP_AUDIT_LOG": Field("Audit log"),
    "PROJECTS_MCP_SECRETS_DIR": Field("Folder for secrets", kind="directory"),
    "PROJECTS_MCP_RESULT_LIMIT": Field("Largest result", 65_536, lowest=4_096, highest=4_194_304),
    "PROJECTS_MCP_CONNECT_TIMEOUT": Field("Seconds to connect", 5, lowest=1, highest=30),
    "PROJECTS_MCP_READ_TIMEOUT": Field("Seconds of silence", 20, lowest=1, highest=120),
    "PROJECTS_MCP_CALL_TIMEOUT": Field("Seconds for a call", 30, lowest=2, highest=300),
    "PROJECTS_MCP_SANDBOX": Field(
        "Sandbox", default=False, about="Practise on made-up projects. The key above is then not used."
    ),
}
"""The settings that a person fills in, in a desktop client."""

NOT_IN_FORM: Final[Mapping[str, str]] = {
    "POSTHOG_PERSONAL_API_KEY_FILE": "the form keeps the key itself, and only one of the two may be set",
    **dict.fromkeys(
        (
            "PROJECTS_MCP_CALLERS",
            "PROJECTS_MCP_OAUTH_ISSUER",
            "PROJECTS_MCP_OAUTH_AUDIENCE",
            "PROJECTS_MCP_OAUTH_JWKS",
            "PROJECTS_MCP_PUBLIC_URL",
            "PROJECTS_MCP_ALLOWED_HOSTS",
            "PROJECTS_MCP_ALLOWED_ORIGINS",
            "PROJECTS_MCP_SIGNING_KEY",
        ),
        "A desktop client starts the server over stdio.",
    ),
}
"""The other settings, and why each is not asked for there."""


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
            "yes" if tool.operation.session_only else "",
        )
        for tool in CATALOG
    )
    return markdown_table(("Tool", "What it does", "Effect", "Needs a session"), rows)


def settings_table() -> str:
    """One row for each setting."""
    return markdown_table(("Setting", "Meaning"), ((f"`{name}`", meaning) for name, meaning in VARIABLES.items()))


def manifest(text: str) -> str:
    """Return manifest.json with its version, tools and settings as the code has them now.

    Raises:
        ValueError: a setting is neither in the form nor among those that are left out of it.
    """
    value = json.loads(text)
    value["version"] = __version__
    value["icon"] = ICON
    # Without --frozen, the first start would resolve anew, and end with other versions than those that were tested.
    value["server"]["mcp_config"]["args"] = ["run", "--directory", "${__dirname}", "--frozen", "--no-dev", COMMAND]
    value["server"]["mcp_config"]["env"] = {name: f"${{user_config.{_key(name)}}}" for name in _asked()}
    value["tools"] = [{"name": tool.name, "description": tool.description} for tool in CATALOG]
    value["user_config"] = {_key(name): _option(name) for name in _asked()}
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
                "environmentVariables": [_input(variable) for variable in _asked()],
            },
            {
                "registryType": "mcpb",
                "identifier": f"{REPOSITORY}/releases/download/v{__version__}/{bundle}",
                **package,
            },
        ],
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _input(variable: str) -> dict[str, Any]:
    """Describe one setting as the registry wants it: every value is a text there."""
    field, option = FORM[variable], _option(variable)
    value: dict[str, Any] = {"name": variable, "description": option["description"]}
    value["isRequired"] = option["required"]
    value["isSecret"] = field.sensitive
    value["format"] = {"directory": "filepath"}.get(option["type"], option["type"])
    if option.get("default", "") != "":
        value["default"] = json.dumps(option["default"]).strip('"')
    if field.choices:
        value["choices"] = list(field.choices)
    return value


def _asked() -> list[str]:
    """Return the settings of the form, in the order of the table of settings."""
    if differing := VARIABLES.keys() ^ (FORM.keys() | NOT_IN_FORM.keys()):
        raise ValueError(f"put each setting into FORM or NOT_IN_FORM of dev/docs/generate.py: {sorted(differing)}")
    return [name for name in VARIABLES if name in FORM]


def _key(variable: str) -> str:
    return variable.removeprefix("POSTHOG_").removeprefix("PROJECTS_MCP_").lower()


def _option(variable: str) -> dict[str, Any]:
    field = FORM[variable]
    kind = field.kind or {bool: "boolean", int: "number"}.get(type(field.default), "string")
    option: dict[str, Any] = {"type": kind, "title": field.title, "description": field.about or VARIABLES[variable]}
    option["required"] = field.default is None
    if field.default is not None:
        option["default"] = field.default
    if field.sensitive:
        option["sensitive"] = True
    if field.lowest is not None:
        option["min"] = field.lowest
    if field.highest is not None:
        option["max"] = field.highest
    return option


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
