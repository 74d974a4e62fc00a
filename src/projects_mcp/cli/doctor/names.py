"""Check the names of the variables that are set, and the placeholders that nobody has filled in."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from projects_mcp.cli.doctor.findings import Finding, Level
from projects_mcp.config.settings import is_given
from projects_mcp.config.variables import VARIABLES

__all__ = ["check_placeholders", "check_variable_names"]

_KEY: Final = "POSTHOG_PERSONAL_API_KEY"
_HOST: Final = "POSTHOG_HOST"
_ORGANIZATION: Final = "POSTHOG_ORGANIZATION_ID"
_ONLY: Final = "PROJECTS_MCP_ONLY_PROJECTS"
_ACCESS: Final = "PROJECTS_MCP_ACCESS"
_OF_OTHER_TOOLS: Final[Mapping[str, str]] = {
    "POSTHOG_AUTH_HEADER": _KEY,
    "POSTHOG_API_TOKEN": _KEY,
    "POSTHOG_API_KEY": _KEY,
    "POSTHOG_PERSONAL_API_TOKEN": _KEY,
    "POSTHOG_PERSONAL_KEY": _KEY,
    "POSTHOG_CLI_API_KEY": _KEY,
    "POSTHOG_CLI_TOKEN": _KEY,
    "POSTHOG_KEY": _KEY,
    "POSTHOG_TOKEN": _KEY,
    "POSTHOG_BASE_URL": _HOST,
    "POSTHOG_API_BASE_URL": _HOST,
    "POSTHOG_API_HOST": _HOST,
    "POSTHOG_CLI_HOST": _HOST,
    "POSTHOG_URL": _HOST,
    "POSTHOG_REGION": _HOST,
    "POSTHOG_ORG_ID": _ORGANIZATION,
    "POSTHOG_ORGANIZATION": _ORGANIZATION,
    "POSTHOG_PROJECT_ID": _ONLY,
    "POSTHOG_PROJECT": _ONLY,
    "POSTHOG_ENV_ID": _ONLY,
    "POSTHOG_CLI_ENV_ID": _ONLY,
    "POSTHOG_CLI_PROJECT_ID": _ONLY,
    "POSTHOG_READONLY": _ACCESS,
    "POSTHOG_READ_ONLY": _ACCESS,
}
"""Variables of PostHog's other tools and libraries, and the setting here that does the same."""
_INSTEAD: Final[Mapping[str, str]] = {
    _KEY: f"Set {_KEY} to a personal API key (phx_…), without \u201cBearer\u201d.",
    _HOST: f"Set {_HOST} to us, eu, or the https address of your PostHog.",
    _ORGANIZATION: f"Set {_ORGANIZATION} to the UUID of the organization.",
    _ONLY: f"Calls name their project_id. To keep this server to some projects, set {_ONLY}.",
    _ACCESS: f"Set {_ACCESS}=read for a server that changes nothing.",
}
_SUBSTITUTES: Final[Mapping[str, tuple[str, ...]]] = {_KEY: (_KEY, "POSTHOG_PERSONAL_API_KEY_FILE")}
_PLACEHOLDER: Final = re.compile(r"\$\{[^{}]{0,200}\}")
_OF_A_FORM: Final = "${user_config."
"""How a desktop client writes a field that the person left empty."""
_MOST_NAMES: Final = 10
"""Names in one sentence."""


def check_variable_names(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Find variables that are no settings: those of PostHog's other tools, and those with the prefix of a setting."""
    others: dict[str, list[str]] = {}
    unknown: list[str] = []
    for name in sorted(environment):
        if name in VARIABLES or not name.startswith(("PROJECTS_MCP_", "POSTHOG_")):
            continue
        if name in _OF_OTHER_TOOLS:
            others.setdefault(_OF_OTHER_TOOLS[name], []).append(name)
        elif near := difflib.get_close_matches(name[:100], VARIABLES, n=1, cutoff=0.75):
            level = Level.WARNING if name.startswith("PROJECTS_MCP_") else Level.NOTE
            sentence = f"{name:.60} is set, which is no setting and has no effect."
            yield Finding("settings", level, sentence, f"Did you mean {near[0]}?")
        elif name.startswith("PROJECTS_MCP_"):
            unknown.append(name)
    if unknown:
        fix = f"projects-mcp knows no such setting: remove {'it' if len(unknown) == 1 else 'them'}."
        yield Finding("settings", Level.WARNING, f"{_set(unknown)} no setting and has no effect.", fix)
    for right, names in others.items():
        given = any(is_given(environment.get(name, "")) for name in _SUBSTITUTES.get(right, (right,)))
        level = Level.NOTE if given or right == _ONLY else Level.WARNING
        sentence = f"{_set(names)} for other tools of PostHog's and has no effect here."
        yield Finding("settings", level, sentence, f"{right} is set, and used." if given else _INSTEAD[right])


def _set(names: Sequence[str]) -> str:
    return f"{_listed(names)} {'is set, which is' if len(names) == 1 else 'are set, each of which is'}"


def check_placeholders(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Find settings whose text is, or contains, a `${…}` that the client or the shell should have replaced."""
    left_empty, unset, literal = list[str](), list[str](), list[str]()
    for name in VARIABLES:
        text = environment.get(name, "").strip()
        if not _PLACEHOLDER.search(text):
            continue
        if is_given(text):
            literal.append(name)
        else:
            (left_empty if text.startswith(_OF_A_FORM) else unset).append(name)
    fix = (
        "Write the value itself, or a form that the client or the shell replaces; docs/clients.md shows each client's."
    )
    if left_empty:
        sentence = f"{_listed(left_empty)}: left empty in a form (an unexpanded ${{…}}), which counts as not set."
        yield Finding("settings", Level.NOTE, sentence, "Nothing to do, unless it should be set.")
    if unset:
        sentence = f"{_listed(unset)}: nothing but an unexpanded ${{…}}, which counts as not set."
        yield Finding("settings", Level.WARNING, sentence, fix)
    if literal:
        sentence = f"{_listed(literal)}: a part is an unexpanded ${{…}}, which is taken as it stands."
        yield Finding("settings", Level.WARNING, sentence, fix)


def _listed(names: Iterable[str]) -> str:
    shown = [name[:60] for name in names]
    if len(shown) > _MOST_NAMES:
        shown = [*shown[:_MOST_NAMES], f"{len(shown) - _MOST_NAMES} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
