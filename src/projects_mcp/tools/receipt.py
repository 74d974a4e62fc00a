"""The one shape of the answer to a write. Values are as PostHog has them: secrets are removed from the whole later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from projects_mcp.api.outcome import Outcome
from projects_mcp.api.settings_impact import difference
from projects_mcp.api.types import JSONObject
from projects_mcp.gateway.context import ToolContext

__all__ = ["changes", "receipt", "suggestion"]

_MOST_SUGGESTIONS: Final = 3


def receipt(
    context: ToolContext,
    project: Mapping[str, Any],
    outcome: Outcome,
    *,
    changed: Mapping[str, Mapping[str, Any]] | None = None,
    ignored: Sequence[str] = (),
    suggestions: Sequence[JSONObject] = (),
    **more: Any,
) -> JSONObject:
    """Build a receipt.

    Args:
        context: of the call that wrote.
        project: the project as it is now, as far as PostHog has said.
        outcome: what became of the write.
        changed: field -> its value before and after.
        ignored: fields that were sent and did not take.
        suggestions: suggested next calls.
        more: further parts of this tool's receipt; empty ones are left out.
    """
    others = {name: value for name, value in more.items() if value or name == "unchanged"}
    result: JSONObject = {
        "operation": context.operation.tool,
        "project": {
            "id": project.get("id"),
            "name": project.get("name"),
            "organization_id": project.get("organization"),
        },
        "outcome": outcome.value,
        "changed": changes(changed or {}),
        "ignored": list(ignored),
    }
    if project.get("is_pending_deletion") is True:
        result["project"] |= {
            "is_pending_deletion": True,
            "deletion_scheduled_at": project.get("deletion_scheduled_at"),
        }
    result |= others
    if context.unresolved is not None:
        says = context.unresolved.readback.says
        result["evidence"] = f"PostHog's answer was lost; this was read back. {says}"
    if suggestions:
        result["next"] = list(suggestions)[:_MOST_SUGGESTIONS]
    return result


def changes(changed: Mapping[str, Mapping[str, Any]]) -> JSONObject:
    """Return changed fields before and after; of long values only what differs."""
    shown: JSONObject = {}
    for name, values in changed.items():
        shown[name] = difference(values["before"], values["after"])
    return shown


def suggestion(tool: str, arguments: Mapping[str, Any], why: str) -> JSONObject:
    """Suggest a next call, with complete arguments."""
    return {"tool": tool, "arguments": dict(arguments), "why": why}
