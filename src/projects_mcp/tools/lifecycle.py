"""A project's beginning, end, and move to another organization."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from projects_mcp.api.effects import Effect
from projects_mcp.api.operations import organization_uuid
from projects_mcp.api.settings_diff import Outcome, compare
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.errors.posthog import NotFound, PostHogError
from projects_mcp.errors.refusals import Refusal, RefusalKind
from projects_mcp.gateway.context import Call
from projects_mcp.policy.confirmation import ProjectSnapshot, ending
from projects_mcp.posthog.client import JSONObject
from projects_mcp.tools import readback as proof
from projects_mcp.tools.receipt import receipt, suggestion
from projects_mcp.tools.schema import settings_schema
from projects_mcp.tools.tool import tool

__all__ = ["project_change_organization", "project_create", "project_delete"]


@tool(
    "project_create",
    "Create a project",
    "Create a project and get its id and token. It becomes the current project of the key's owner.",
    Effect.ADD,
    "create",
    {
        "name": SETTINGS["name"].schema,
        "settings": settings_schema(),
    },
    required=["name"],
)
async def project_create(call: Call, *, name: str, settings: Mapping[str, Any] | None = None) -> JSONObject:
    """Create one project, and report which of the sent settings it has."""
    sent = {**(settings or {}), "name": name}
    if settings and settings.get("name", name) != name:
        raise Refusal(RefusalKind.INVALID_ARGUMENT, problems=["`name` and `settings.name` differ: give the name once."])
    sent_at = datetime.now(UTC)
    created = await call.write(call.organization, sent, lambda: proof.created(call, name, sent_at))
    comparison = compare(sent, {}, created)
    dropped = [field for field in comparison.changed if field in comparison.adjusted] + comparison.ignored
    kept = {field: values for field, values in comparison.changed.items() if field not in dropped}
    following = []
    if again := {field: sent[field] for field in dropped if sent[field] != created.get(field)}:
        arguments = {"organization_id": created.get("organization"), "project_id": created["id"], "settings": again}
        following.append(suggestion("project_update", arguments, "Write the settings that did not take at creation."))
    return receipt(
        call,
        "project_create",
        created,
        Outcome.APPLIED,
        changed=kept,
        ignored=dropped,
        api_token=created.get("api_token"),
        note="The new project is now the current project of the key's owner, also in PostHog's own pages.",
        following=following,
    )


def _loss_of_deletion(target: ProjectSnapshot) -> str:
    pending = " It is already being deleted." if target.state.get("is_pending_deletion") else ""
    return (
        "All its events, recordings, persons, insights and settings are deleted for good, and every site using "
        f"{ending(target.state.get('api_token'))} stops being tracked.{pending}"
    )


@tool(
    "project_delete",
    "Delete a project",
    "Delete a project and all its data, for good. Ask the user first, and let them state the exact name.",
    Effect.DESTROY,
    "destroy",
)
async def project_delete(call: Call, *, confirm_project_name: str) -> JSONObject:
    """Delete the confirmed project, and report what PostHog does now."""
    confirmed = await call.confirm("Delete project", _loss_of_deletion, confirm_project_name)
    await call.destroy(confirmed, lambda: proof.deleted(call, confirmed.target))
    changed, note = await _after_deletion(call, confirmed.target)
    return receipt(call, "project_delete", confirmed.target.state, Outcome.APPLIED, changed=changed, note=note)


async def _after_deletion(call: Call, target: ProjectSnapshot) -> tuple[dict[str, dict[str, Any]], str]:
    """Look at the project once more: PostHog versions differ in when they delete.

    Returns:
        What changed, as far as it could be seen, and what PostHog does now.
    """
    try:
        project = await call.read_project(target.organization)
    except NotFound:
        gone = {"project": {"before": "present", "after": "deleted"}}
        return gone, "PostHog has deleted it already. This cannot be cancelled."
    except (PostHogError, Refusal):
        return {}, "PostHog accepted the deletion. What it has done since could not be read."
    pending = {"before": target.state.get("is_pending_deletion"), "after": project.get("is_pending_deletion")}
    changed = {"is_pending_deletion": pending} if pending["before"] != pending["after"] else {}
    if when := project.get("deletion_scheduled_at"):
        return changed, (
            f"PostHog deletes the data after {when}. Until then a person can cancel it at "
            f"{call.origin}/project/{target.id}/settings."
        )
    return changed, "PostHog has started to delete the data. This cannot be cancelled."


def _loss_of_move(target_organization: UUID) -> Any:
    def loss(_target: ProjectSnapshot) -> str:
        return (
            f"It moves to organization {target_organization}: members who are only in the present one lose access, and "
            "billing and access rules of the other one apply. Its tokens keep working."
        )

    return loss


@tool(
    "project_change_organization",
    "Move a project",
    "Move a project: the other organization's members, access and billing apply. Ask the user first.",
    Effect.DESTROY,
    "change_organization",
    {"target_organization_id": {"type": "string", "maxLength": 64}},
    required=["target_organization_id"],
)
async def project_change_organization(
    call: Call, *, target_organization_id: str, confirm_project_name: str
) -> JSONObject:
    """Move the confirmed project, and report where it is."""
    destination = organization_uuid(target_organization_id)
    if destination is None:
        problem = "`target_organization_id` must be the UUID of an organization."
        raise Refusal(RefusalKind.INVALID_ARGUMENT, problems=[problem])
    call.require_destination(destination)
    confirmed = await call.confirm(
        "Move project", _loss_of_move(destination), confirm_project_name, {"target": str(destination)}
    )
    after = await call.destroy(
        confirmed, lambda: proof.moved(call, confirmed.target, destination), {"organization_id": str(destination)}
    )
    source, place = str(confirmed.target.organization), after.get("organization")
    outcome = Outcome.UNKNOWN
    if place == str(destination):
        outcome = Outcome.UNCHANGED if place == source else Outcome.APPLIED
    elif place == source:
        outcome = Outcome.NOT_APPLIED
    return receipt(
        call,
        "project_change_organization",
        {**confirmed.target.state, **after},
        outcome,
        changed={"organization_id": {"before": source, "after": place}} if place != source else {},
        note="Its tokens keep working. Check access and billing in the new organization."
        if outcome is Outcome.APPLIED
        else "",
    )
