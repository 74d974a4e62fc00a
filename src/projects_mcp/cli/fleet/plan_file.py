"""The file of a plan: which plan it is, for whom, and what a person can read of it before it is applied.

The steps stay in the state store, and the plan's id is their SHA-256. So whoever changes this file changes no step.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

from projects_mcp.api.types import JSONObject, organization_uuid
from projects_mcp.fleet.settings_document import LARGEST_FILE, DocumentError
from projects_mcp.sanitize.json_text import indented_json
from projects_mcp.sanitize.text import on_one_line

__all__ = ["PlanFile", "read_plan_file", "write_plan_file"]

_FORMAT: Final = "projects-mcp plan 1"
_LARGEST: Final = 2**20
_ID: Final = re.compile(r"[0-9a-f]{64}")
_WORDS: Final = re.compile(r"change [0-9]{1,6} projects?")


class PlanFile(NamedTuple):
    """What a plan's file says.

    Attributes:
        host: the address of PostHog that it was made for.
        organization: the one that it is about.
        plan: its id.
        words: of `confirm_plan`.
    """

    host: str
    organization: UUID
    plan: str
    words: str


def write_plan_file(file: Path, host: str, organization: UUID, preview: JSONObject) -> None:
    """Write the file of a plan, readable for its owner only.

    Raises:
        OSError: it cannot be written.
    """
    now = datetime.now(UTC)
    begins = now + timedelta(minutes=preview["begin_within_minutes"])
    kept = {
        "format": _FORMAT,
        "host": host,
        "organization": str(organization),
        "plan": preview["plan"],
        "confirm_plan": preview["confirm_plan"],
        "begin_before": begins.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "preview": {name: value for name, value in preview.items() if name not in {"plan", "confirm_plan", "note"}},
    }
    file.touch(mode=0o600)
    file.write_text(f"{indented_json(kept)}\n", encoding="utf-8")


def read_plan_file(file: Path) -> PlanFile | None:
    """Read the file of a plan; None if the file is of another kind, or cannot be read at all.

    Raises:
        DocumentError: it is one of a plan, and not in its form.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError:
        return None
    if not data.lstrip().startswith(b"{"):
        return None
    try:
        value: Any = json.loads(data) if len(data) <= _LARGEST else None
    except (ValueError, RecursionError):
        value = None
    shown = on_one_line(str(file))
    if not isinstance(value, dict) or value.get("format") != _FORMAT:
        raise DocumentError([f"{shown}: it is neither a file of settings nor the file of a plan"])
    host, organization, plan, words = (value.get(name) for name in ("host", "organization", "plan", "confirm_plan"))
    place = organization_uuid(organization) if isinstance(organization, str) else None
    if (
        not (isinstance(host, str) and place is not None)
        or not (isinstance(plan, str) and _ID.fullmatch(plan))
        or not (isinstance(words, str) and _WORDS.fullmatch(words))
    ):
        raise DocumentError([f"{shown}: it is not as it was written; make a new plan"])
    return PlanFile(host, place, plan, words)
