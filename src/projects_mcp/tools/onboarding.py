"""The two tools that tell PostHog which of its products a project is interested in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from projects_mcp.api.effects import Effect
from projects_mcp.api.operations import organization_of
from projects_mcp.api.settings_diff import Outcome
from projects_mcp.gateway.context import Call
from projects_mcp.posthog.client import JSONObject
from projects_mcp.tools import readback as proof
from projects_mcp.tools.receipt import receipt
from projects_mcp.tools.tool import tool

__all__ = ["project_add_product_intent", "project_complete_product_onboarding"]

_ARGUMENTS: Final[Mapping[str, Any]] = {
    "product_type": {"type": "string", "minLength": 1, "maxLength": 200},
    "intent_context": {"type": "string", "maxLength": 200},
    "metadata": {"type": "object"},
}


@tool(
    "project_add_product_intent",
    "Note interest in a product",
    "Record interest in one of PostHog's products. It cannot be taken back.",
    Effect.ADD,
    "add_product_intent",
    _ARGUMENTS,
    required=["product_type"],
)
async def project_add_product_intent(
    call: Call, *, product_type: str, intent_context: str = "", metadata: Mapping[str, Any] | None = None
) -> JSONObject:
    """Record an intent."""
    return await _record(call, "project_add_product_intent", product_type, intent_context, metadata)


@tool(
    "project_complete_product_onboarding",
    "Complete onboarding of a product",
    "Record that the onboarding of a product is finished. It cannot be taken back.",
    Effect.ADD,
    "complete_product_onboarding",
    _ARGUMENTS,
    required=["product_type"],
)
async def project_complete_product_onboarding(
    call: Call, *, product_type: str, intent_context: str = "", metadata: Mapping[str, Any] | None = None
) -> JSONObject:
    """Record a completed onboarding."""
    return await _record(call, "project_complete_product_onboarding", product_type, intent_context, metadata)


async def _record(
    call: Call, operation: str, product_type: str, intent_context: str, metadata: Mapping[str, Any] | None
) -> JSONObject:
    body: JSONObject = {"product_type": product_type}
    if intent_context:
        body["intent_context"] = intent_context
    if metadata is not None:
        body["metadata"] = metadata
    before = await call.read_project()
    after = await call.write(
        organization_of(before, call.organization), body, lambda: proof.intent(call, product_type, before)
    )
    # The answer describes the team, which lacks some of the project's fields, so identity comes from the project.
    old, new = (proof.intent_of(project, product_type) for project in (before, after))
    changed = {f"product_intents.{product_type}": {"before": old, "after": new}} if old != new else {}
    return receipt(call, operation, before, Outcome.APPLIED, changed=changed)
