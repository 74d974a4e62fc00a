"""Create a project, delete it, move it to another organization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from projects_mcp.api.outcome import Outcome
from projects_mcp.api.settings_diff import SettingsDiff
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.api.types import JSONObject, organization_uuid
from projects_mcp.errors.connection import PostHogError
from projects_mcp.errors.refusals import AlreadyBeingDeleted, AlreadyInOrganization, InvalidArguments, Refusal
from projects_mcp.errors.rejected import NotFound
from projects_mcp.gateway.confirmation import confirm
from projects_mcp.gateway.context import ToolContext
from projects_mcp.policy.confirmation import ProjectSnapshot, token_ending
from projects_mcp.tools import readback, readback_checks
from projects_mcp.tools.namesakes import find_created, read_namesakes
from projects_mcp.tools.placement import choose_organization
from projects_mcp.tools.receipt import receipt, suggestion
from projects_mcp.tools.schema import settings_schema
from projects_mcp.tools.tool import tool

__all__ = ["project_change_organization", "project_create", "project_delete"]


@tool(
    "project_create",
    "Create a project",
    "Create a new PostHog project and get its id and API key. Make, add, set up or start a PostHog project in an "
    "organization, for an app, site, staging, test or development. It becomes the current one.",
    {
        "name": {**SETTINGS["name"].schema, "description": "Name of the new project"},
        "settings": {**settings_schema(), "description": "Settings to begin with"},
    },
    required=["name"],
)
async def project_create(context: ToolContext, *, name: str, settings: Mapping[str, Any] | None = None) -> JSONObject:
    """Create one project, and report which of the sent settings it has."""
    sent = {**(settings or {}), "name": name}
    if settings and settings.get("name", name) != name:
        raise InvalidArguments(problems=["`name` and `settings.name` differ: give the name once."])
    known = await choose_organization(context)
    before = await read_namesakes(context, name, known)
    created = await readback.write(context, context.organization, sent, lambda: find_created(context, name, before))
    diff = SettingsDiff.between(sent, {}, created, created=True)
    dropped = [field for field in diff.changed if field in diff.adjusted] + diff.ignored
    kept = {field: values for field, values in diff.changed.items() if field not in dropped}
    suggestions = []
    missing = diff.unknown
    if again := {name: sent[name] for name in dropped if name not in missing and sent[name] != created.get(name)}:
        arguments = {"organization_id": created.get("organization"), "project_id": created["id"], "settings": again}
        suggestions.append(suggestion("project_update", arguments, "Write the settings that did not take at creation."))
    return receipt(
        context,
        created,
        Outcome.APPLIED,
        changed=kept,
        ignored=dropped,
        unknown_to_this_posthog=missing,
        api_token=created.get("api_token"),
        note="The new project is now the current project of the key's owner, also in PostHog's own pages.",
        suggestions=suggestions,
    )


@tool(
    "project_delete",
    "Delete a project",
    "Delete a PostHog project permanently. Remove, erase, wipe or get rid of a PostHog project and delete all data of "
    "the project. Cannot be undone: requires the user's confirmation with its exact name.",
)
async def project_delete(context: ToolContext, *, confirm_project_name: str) -> JSONObject:
    """Delete the confirmed project, and report what PostHog does now."""
    target = await context.read_target()
    if target.state.get("is_pending_deletion") is True:
        raise AlreadyBeingDeleted(when=target.state.get("deletion_scheduled_at"))
    confirmed = await confirm(context, target, confirm_project_name, "Delete project", _consequence_of_deletion(target))
    target = confirmed.target
    await readback.destroy(context, confirmed, lambda: readback_checks.deleted(context, target))
    outcome, changed, note = await _after_deletion(context, target)
    return receipt(context, target.state, outcome, changed=changed, note=note)


def _consequence_of_deletion(target: ProjectSnapshot) -> str:
    return (
        "All its events, recordings, persons, insights and settings are deleted for good, and every site using "
        f"{token_ending(target.state.get('api_token'))} stops being tracked."
    )


async def _after_deletion(
    context: ToolContext, target: ProjectSnapshot
) -> tuple[Outcome, dict[str, dict[str, Any]], str]:
    """Look at the project once more: versions of PostHog differ in when they delete.

    Returns:
        The outcome, what changed, as far as it could be seen, and what PostHog does now.
    """
    try:
        project = await context.read_project(target.organization)
    except NotFound:
        gone = {"project": {"before": "present", "after": "deleted"}}
        return Outcome.APPLIED, gone, "PostHog has deleted it already. This cannot be cancelled."
    except (PostHogError, Refusal):
        return Outcome.APPLIED, {}, "PostHog accepted the deletion. What it has done since could not be read."
    pending = {"before": target.state.get("is_pending_deletion"), "after": project.get("is_pending_deletion")}
    changed = {"is_pending_deletion": pending} if pending["before"] != pending["after"] else {}
    if when := project.get("deletion_scheduled_at"):
        return (
            Outcome.APPLIED,
            changed,
            (
                f"PostHog deletes the data after {when}. Until then a person can cancel it at "
                f"{context.origin}/project/{target.id}/settings."
            ),
        )
    if project.get("is_pending_deletion") is not True:
        return (
            Outcome.UNKNOWN,
            changed,
            (
                "PostHog accepted the deletion, and yet the project is there and not marked for deletion. "
                "Look at it again with project_get after some minutes."
            ),
        )
    return Outcome.APPLIED, changed, "PostHog has started to delete the data. This cannot be cancelled."


@tool(
    "project_change_organization",
    "Move a project",
    "Move a PostHog project to another organization (org). Transfer, migrate or switch it between organizations: its "
    "members and billing apply. Requires the user's confirmation.",
    {"target_organization_id": {"type": "string", "maxLength": 64, "description": "UUID of the new organization"}},
    required=["target_organization_id"],
)
async def project_change_organization(
    context: ToolContext, *, target_organization_id: str, confirm_project_name: str
) -> JSONObject:
    """Move the confirmed project, and report where it is."""
    destination = organization_uuid(target_organization_id)
    if destination is None:
        raise InvalidArguments(problems=["`target_organization_id` must be the UUID of an organization."])
    context.authorization.require_target(destination, context.project)
    target = await context.read_target()
    if target.organization == destination:
        raise AlreadyInOrganization
    confirmed = await confirm(
        context,
        target,
        confirm_project_name,
        "Move project",
        _consequence_of_move(destination),
        {"target": str(destination)},
    )
    target = confirmed.target
    after = await readback.destroy(
        context,
        confirmed,
        lambda: readback_checks.moved(context, target, destination),
        {"organization_id": str(destination)},
    )
    source, place = str(target.organization), after.get("organization")
    outcome = Outcome.APPLIED if place == str(destination) else Outcome.UNKNOWN
    return receipt(
        context,
        {**target.state, **after},
        outcome,
        changed={"organization_id": {"before": source, "after": place}} if place != source else {},
        note="Its tokens keep working. Check access and billing in the new organization."
        if outcome is Outcome.APPLIED
        else "",
    )


def _consequence_of_move(destination: UUID) -> str:
    return (
        f"It moves to organization {destination}: members who are only in the present one lose access, and "
        "billing and access rules of the other one apply. Its tokens keep working."
    )
