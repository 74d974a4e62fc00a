"""`projects-mcp doctor`: find out why the server does not work as it should, and say what to do about it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import unquote

import anyio

from projects_mcp.cli.doctor.diagnosis import Diagnosis, diagnose
from projects_mcp.cli.doctor.findings import Level, exit_code
from projects_mcp.cli.exit_codes import DONE
from projects_mcp.cli.for_people import spoken
from projects_mcp.cli.output import print_answer
from projects_mcp.cli.table import BOLD, DIM, GREEN, MAGENTA, RED, print_table, print_text
from projects_mcp.cli.terminal import Styled, say, styled
from projects_mcp.config.parsers import REGIONS
from projects_mcp.config.settings import Settings
from projects_mcp.config.variables import VARIABLES
from projects_mcp.posthog.pool import ASGIApplication
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.sanitize.text import on_one_line

__all__ = ["run_doctor"]

_STYLES: Final = {Level.OK: GREEN, Level.NOTE: DIM, Level.WARNING: MAGENTA, Level.PROBLEM: RED}
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
    print_answer(report, partial(_print_report, report), as_json=as_json)
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


def _print_report(report: Mapping[str, Any]) -> None:
    rows: list[list[str | Styled]] = []
    for finding in report["findings"]:
        level = styled(finding["level"], _STYLES[Level(finding["level"])], sys.stdout)
        rows.append([level, finding["check"], on_one_line(finding["sentence"])])
        rows += [["", "", on_one_line(finding["fix"])]] if finding["fix"] else []
    print_table(["level", "check", "what was found, and what to do"], rows, wrap=True)
    if report["sources"]:
        say(styled("\nWhere each setting comes from", BOLD, sys.stdout))
        for name, source in report["sources"].items():
            say(f"  {name}: {source}")
    if report["hidden"]:
        say(styled("\nTools that are hidden, and why", BOLD, sys.stdout))
        for names, reason in _by_reason(report["hidden"]):
            print_text(names, "  ")
            print_text(on_one_line(spoken(reason)), "    ")
    else:
        print_text(f"\n{_HIDDEN_UNKNOWN if report['hidden'] is None else 'No tool is hidden.'}")
    say(styled(f"\n{_summarize(report)}", GREEN if report["exit_code"] == DONE else RED, sys.stdout))


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
