"""`projects-mcp doctor`: find out why the server does not work as it should, and say what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import unquote

import anyio

from projects_mcp.cli.doctor.diagnosis import Diagnosis, diagnose
from projects_mcp.cli.doctor.findings import Level, exit_code
from projects_mcp.cli.terminal import say
from projects_mcp.config.parsers import REGIONS
from projects_mcp.config.settings import Settings
from projects_mcp.config.variables import VARIABLES
from projects_mcp.posthog.pool import ASGIApplication
from projects_mcp.sanitize.json_text import indented_json
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.sanitize.text import on_one_line

__all__ = ["run_doctor"]

_INDENT: Final = " " * 24
_SHORTEST_SECRET, _LONGEST_SECRET = 8, 4_096
"""Characters of what is removed from the report wherever it stands."""
_MOST_PARTS: Final = 32
_HIDDEN_UNKNOWN: Final = "Which tools are hidden can be told only when PostHog has accepted a key."


def run_doctor(
    environment: Mapping[str, str],
    *,
    as_json: bool,
    clouds: Mapping[str, str] = REGIONS,
    application: ASGIApplication | None = None,
    flags: Collection[str] = (),
) -> int:
    """Run the diagnosis and print its findings on stdout. Changes nothing, and takes at most half a minute.

    Args:
        environment: the settings as text; they may be wrong.
        as_json: print one JSON object instead of lines for people.
        clouds: the origin of each region of PostHog's cloud. A key that one of them refuses is tried at the other.
        application: an ASGI application to use as PostHog, for tests. In sandbox mode it defaults to a new sandbox.
        flags: the variables of those settings that were given as flags.

    Returns:
        The exit code: see `findings.exit_code`.
    """
    diagnosis = anyio.run(diagnose, environment, clouds, application, flags)
    redactor = Redactor(_collect_secrets({**environment, **diagnosis.environment}, diagnosis.settings))
    report = _build_report(diagnosis, redactor)
    say(indented_json(report) if as_json else _format_report(report))
    return exit_code(diagnosis.findings)


def _collect_secrets(environment: Mapping[str, str], settings: Settings) -> list[str]:
    """Return what must not be printed, also where it is wrong in a way in which it never became a setting."""
    secrets = [*settings.secrets()]
    for name, row in VARIABLES.items():
        text = environment.get(name, "").strip()
        if row.secret:
            secrets += [text, *(part.strip() for part in text.split(",", _MOST_PARTS))]
        elif "://" in text and "@" in text:  # an address with a password, perhaps one that cannot be read as such
            user = text.partition("://")[2].rpartition("@")[0]
            secrets += [text, user, user.partition(":")[2], unquote(user.partition(":")[2])]
    # What is shorter is part of ordinary words, and what is longer is no credential; no message has either in it.
    return [secret for secret in secrets if _SHORTEST_SECRET <= len(secret) <= _LONGEST_SECRET]


def _build_report(diagnosis: Diagnosis, redactor: Redactor) -> dict[str, Any]:
    hidden = diagnosis.hidden
    return {
        "posthog": redactor.text(diagnosis.settings.origin),
        "exit_code": exit_code(diagnosis.findings),
        "findings": [
            {
                "check": finding.check,
                "level": finding.level.value,
                "sentence": redactor.text(finding.sentence),
                "fix": redactor.text(finding.fix) or None,
            }
            for finding in dict.fromkeys(diagnosis.findings)
        ],
        "sources": dict(diagnosis.sources),
        "hidden": None if hidden is None else {name: redactor.text(reason) for name, reason in hidden.items()},
    }


def _format_report(report: Mapping[str, Any]) -> str:
    lines: list[str] = []
    for finding in report["findings"]:
        lines.append(f"{finding['level']:9}{finding['check']:15}{on_one_line(finding['sentence'])}")
        lines += [f"{_INDENT}{on_one_line(finding['fix'])}"] if finding["fix"] else []
    if report["sources"]:
        lines += ["", "Where each setting comes from:"]
        lines += [f"  {name}: {source}" for name, source in report["sources"].items()]
    if report["hidden"]:
        lines += ["", "Tools that are hidden, and why:"]
        lines += [f"  {names}\n    {on_one_line(reason)}" for names, reason in _by_reason(report["hidden"])]
    else:
        unknown = report["hidden"] is None
        lines += ["", _HIDDEN_UNKNOWN if unknown else "No tool is hidden."]
    return "\n".join([*lines, "", _summarize(report)])


def _by_reason(hidden: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the names of the tools that are hidden for one reason, and that reason."""
    groups: dict[str, list[str]] = {}
    for name, reason in hidden.items():
        groups.setdefault(reason.replace(name, "each of these tools"), []).append(name)
    return [(", ".join(names), hidden[names[0]] if len(names) == 1 else reason) for reason, names in groups.items()]


def _summarize(report: Mapping[str, Any]) -> str:
    counts = Counter(finding["level"] for finding in report["findings"] if finding["level"] != Level.OK)
    parts = [f"{counts[level]} {level}{'' if counts[level] == 1 else 's'}" for level in reversed(Level)]
    found = ", ".join(part for part in parts if not part.startswith("0 ") and "ok" not in part)
    return f"Found: {found}." if found else "All is well."
