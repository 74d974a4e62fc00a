"""The one shape in which every write answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from projects_mcp.api.settings_diff import Outcome
from projects_mcp.api.settings_impact import difference
from projects_mcp.gateway.context import Call
from projects_mcp.posthog.client import JSONObject

__all__ = ["changes", "receipt", "suggestion"]

_MOST_SUGGESTIONS = 3


def receipt(
    call: Call,
    operation: str,
    project: Mapping[str, Any],
    outcome: Outcome,
    *,
    changed: Mapping[str, Mapping[str, Any]] | None = None,
    ignored: Sequence[str] = (),
    following: Sequence[JSONObject] = (),
    **more: Any,
) -> JSONObject:
    """Build a receipt.

    Args:
        call: the call that wrote.
        operation: the tool's name.
        project: the project as it is now, as far as PostHog has said.
        outcome: what became of the write.
        changed: field -> its value before and after, not yet redacted.
        ignored: fields that were sent and did not take.
        following: suggested next calls.
        more: further parts of this tool's receipt; empty ones are left out.
    """
    result: JSONObject = {
        "operation": operation,
        "project": {
            "id": project.get("id"),
            "name": call.redactor.value(project.get("name")),
            "organization_id": project.get("organization"),
        },
        "outcome": outcome.value,
        "changed": changes(call, changed or {}),
        "ignored": list(ignored),
    }
    result |= {name: value for name, value in more.items() if value or name == "unchanged"}
    if call.lost is not None:
        result["evidence"] = f"PostHog's answer was lost; this was read back. {call.lost.evidence.says}"
    if following:
        result["next"] = list(following)[:_MOST_SUGGESTIONS]
    return result


def changes(call: Call, changed: Mapping[str, Mapping[str, Any]]) -> JSONObject:
    """Return changed fields as they may be shown: without secrets, and of long values only what differs."""
    shown: JSONObject = {}
    for name, values in changed.items():
        clean = {side: call.redactor.field(name, value) for side, value in values.items()}
        shown[name] = difference(**clean) if clean.keys() == {"before", "after"} else clean
    return shown


def suggestion(tool: str, arguments: Mapping[str, Any], why: str) -> JSONObject:
    """Suggest a next call, with complete arguments."""
    return {"tool": tool, "arguments": dict(arguments), "why": why}
