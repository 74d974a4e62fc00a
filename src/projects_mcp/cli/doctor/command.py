"""`projects-mcp doctor`: finds out why the server does not work, or not as it should, and says what to do about it."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import anyio

from projects_mcp.cli.doctor.diagnosis import Diagnosis, diagnose
from projects_mcp.cli.doctor.findings import Level, exit_code
from projects_mcp.config.parsers import REGIONS
from projects_mcp.config.settings import Settings
from projects_mcp.config.variables import VARIABLES
from projects_mcp.posthog.client import ASGIApplication
from projects_mcp.sanitize.redaction import Redactor

__all__ = ["run_doctor"]

_INDENT: Final = " " * 24
_UNKNOWN: Final = "Which tools are hidden can be told only when PostHog has accepted a key."


def run_doctor(
    environment: Mapping[str, str],
    *,
    as_json: bool,
    clouds: Mapping[str, str] = REGIONS,
    application: ASGIApplication | None = None,
) -> int:
    """Examine everything, and print what was found on stdout. Changes nothing, and takes half a minute at the most.

    Args:
        environment: the settings as text, also where they are wrong.
        as_json: print one JSON object instead of lines for people.
        clouds: the origin of each region of PostHog's cloud. A key that one of them refuses is tried at the other.
        application: an ASGI application to use as PostHog, for tests. In sandbox mode it defaults to a new sandbox.

    Returns:
        0 where all is well or worth a note, 1 where something should be mended, 2 where a setting is wrong.
    """
    examination = anyio.run(diagnose, environment, clouds, application)
    redactor = Redactor(_secrets(environment, examination.settings))
    report = _report(examination, redactor)
    text = json.dumps(report, ensure_ascii=False, indent=2) if as_json else _lines(report)
    sys.stdout.write(text + "\n")
    return exit_code(examination.findings)


def _secrets(environment: Mapping[str, str], settings: Settings) -> list[str]:
    """Return what must not be printed, also where it is wrong in a way in which it never became a setting."""
    secrets = [*settings.secrets()]
    for name, row in VARIABLES.items():
        text = environment.get(name, "").strip()
        if row.secret:
            secrets += [text, *(part.strip() for part in text.split(","))]
        elif row.secret_in_file and text:
            with suppress(OSError, ValueError, RuntimeError):
                secrets.append(Path(text).expanduser().read_text(encoding="utf-8").strip())
    return secrets


def _report(examination: Diagnosis, redactor: Redactor) -> dict[str, Any]:
    hidden = examination.hidden
    return {
        "posthog": redactor.text(examination.settings.origin),
        "exit_code": exit_code(examination.findings),
        "findings": [
            {
                "check": finding.check,
                "level": finding.level.value,
                "sentence": redactor.text(finding.sentence),
                "fix": redactor.text(finding.fix) or None,
            }
            for finding in examination.findings
        ],
        "hidden": None if hidden is None else {name: redactor.text(reason) for name, reason in hidden.items()},
    }


def _lines(report: Mapping[str, Any]) -> str:
    lines: list[str] = []
    for finding in report["findings"]:
        lines.append(f"{finding['level']:9}{finding['check']:15}{finding['sentence']}")
        lines += [f"{_INDENT}{finding['fix']}"] if finding["fix"] else []
    if report["hidden"]:
        lines += ["", "Tools that are hidden, and why:"]
        lines += [f"  {name}\n    {reason}" for name, reason in report["hidden"].items()]
    else:
        unknown = report["hidden"] is None
        lines += ["", _UNKNOWN if unknown else "No tool is hidden."]
    return "\n".join([*lines, "", _summary(report)])


def _summary(report: Mapping[str, Any]) -> str:
    counted = Counter(finding["level"] for finding in report["findings"] if finding["level"] != Level.OK)
    parts = [f"{counted[level]} {level}{'' if counted[level] == 1 else 's'}" for level in reversed(Level)]
    told = ", ".join(part for part in parts if not part.startswith("0 ") and "ok" not in part)
    return f"Found: {told}." if told else "All is well."
