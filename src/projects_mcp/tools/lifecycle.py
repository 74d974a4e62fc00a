"""Create a project, and move it to another organization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from projects_mcp.api.ingestion import ingestion_host
from projects_mcp.api.outcome import Outcome
from projects_mcp.api.settings_diff import SettingsDiff
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.api.types import JSONObject
from projects_mcp.errors.refusals import AlreadyInOrganization, InvalidArguments
from projects_mcp.gateway.confirmation import confirm
from projects_mcp.gateway.context import ToolContext
from projects_mcp.tools import readback, readback_checks
from projects_mcp.tools.namesakes import find_created, read_namesakes
from projects_mcp.tools.neighbours import describe_twins, named, same_name
from projects_mcp.tools.organizations import NO_ORGANIZATION
from projects_mcp.tools.placement import choose_organization
from projects_mcp.tools.receipt import receipt, suggestion
from projects_mcp.tools.schema import settings_schema
from projects_mcp.tools.tool import tool

__all__ = ["project_change_organization", "project_create"]


@tool(
    "project_create",
    "Create a project",
    "Create a new PostHog project and get its key. Create, make, add, set up, start, spin up another, separate, fresh "
    "one, a new one for staging, development, docs, a customer. PostHog then selects it.",
    {
        "name": {**SETTINGS["name"].schema, "description": "What the new PostHog project is called"},
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
        ingestion_host=ingestion_host(context.origin),
        warnings=[twins] if (twins := describe_twins(context, before.ids, context.organization)) else None,
        note="The new project is now the current project of the key's owner, also in PostHog's own pages.",
        suggestions=suggestions,
    )


@tool(
    "project_change_organization",
    "Move a project",
    "Move a PostHog project to another organization (org). Transfer between PostHog organizations (orgs), put it from "
    "a personal one to work. Moving requires the user's confirmation.",
    {"target_organization_id": {"type": "string", "maxLength": 64, "description": "UUID / slug"}},
    required=["target_organization_id"],
)
async def project_change_organization(
    context: ToolContext, *, target_organization_id: str, confirm_project_name: str
) -> JSONObject:
    """Move the confirmed project, and report where it is."""
    destination = context.authorization.organization_named(target_organization_id)
    if destination is None:
        raise InvalidArguments(problems=[NO_ORGANIZATION.format("target_organization_id", "")])
    context.authorization.require_target(destination, context.project)
    target = await context.read_target()
    if target.organization == destination:
        raise AlreadyInOrganization
    twins = await same_name(context, target.name, destination)
    consequence = " ".join(filter(None, (_consequence_of_move(context, target.organization, destination), twins)))
    details = {"target": str(destination)}
    confirmed = await confirm(context, target, confirm_project_name, "Move project", consequence, details)
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
        warnings=[twins] if twins else None,
        note="Its tokens keep working. Check access and billing in the new organization."
        if outcome is Outcome.APPLIED
        else "",
    )


def _consequence_of_move(context: ToolContext, source: UUID, destination: UUID) -> str:
    return (
        f"It moves from {named(context, source)} to {named(context, destination)}: members who are only in the "
        "present one lose access, and billing and access rules of the other one apply. Its tokens keep working."
    )
