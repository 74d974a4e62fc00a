"""Tell PostHog which of its products a project is interested in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from projects_mcp.api.outcome import Outcome
from projects_mcp.api.types import JSONObject
from projects_mcp.gateway.context import ToolContext
from projects_mcp.tools import readback, readback_checks
from projects_mcp.tools.receipt import receipt
from projects_mcp.tools.tool import tool

__all__ = ["project_add_product_intent", "project_complete_product_onboarding"]

_ARGUMENTS: Final[Mapping[str, Any]] = {
    "product_type": {"type": "string", "minLength": 1, "maxLength": 200, "description": "Like error_tracking"},
    "intent_context": {"type": "string", "maxLength": 200, "description": "What led to it"},
    "metadata": {"type": "object", "description": "Anything to keep"},
}
_NOT_SEEN: Final = (
    "PostHog accepted it, and yet its answer shows no new entry for that product. "
    "Look at product_intents with project_get."
)


@tool(
    "project_add_product_intent",
    "Note interest in a product",
    "Record a product intent in PostHog: register, note, log that somebody is interested, shows interest in a "
    "product, wants to try or use it. Cannot be undone.",
    _ARGUMENTS,
    required=["product_type"],
)
async def project_add_product_intent(
    context: ToolContext, *, product_type: str, intent_context: str = "", metadata: Mapping[str, Any] | None = None
) -> JSONObject:
    """Record an intent."""
    return await _record(context, product_type, intent_context, metadata)


@tool(
    "project_complete_product_onboarding",
    "Complete onboarding of a product",
    "Complete the onboarding of a product in PostHog. Finish or skip the whole onboarding or setup, mark it done, "
    "finished or completed. Cannot be undone.",
    _ARGUMENTS,
    required=["product_type"],
)
async def project_complete_product_onboarding(
    context: ToolContext, *, product_type: str, intent_context: str = "", metadata: Mapping[str, Any] | None = None
) -> JSONObject:
    """Record a completed onboarding."""
    return await _record(context, product_type, intent_context, metadata)


async def _record(
    context: ToolContext, product_type: str, intent_context: str, metadata: Mapping[str, Any] | None
) -> JSONObject:
    body: JSONObject = {"product_type": product_type}
    if intent_context:
        body["intent_context"] = intent_context
    if metadata is not None:
        body["metadata"] = metadata
    before = await context.read_project()
    sent_at = context.posthog_time()
    after = await readback.write(
        context, context.organization, body, lambda: readback_checks.intent(context, product_type, before, sent_at)
    )
    # The answer describes the team, which lacks some of the project's fields, so identity comes from the project.
    old, new = (readback_checks.intent_of(project, product_type) for project in (before, after))
    if new is None or old == new:  # each time it is recorded, its entry becomes newer
        return receipt(context, before, Outcome.UNKNOWN, note=_NOT_SEEN)
    changed = {f"product_intents.{product_type}": {"before": old, "after": new}}
    return receipt(context, before, Outcome.APPLIED, changed=changed)
