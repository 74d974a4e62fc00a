"""Delete a project, and cancel a deletion that PostHog has only scheduled.

Versions of PostHog differ. Newer ones wait for 48 hours, or for one if no event ever came (some do not wait then), and
can cancel until then. Older and self-hosted ones delete at once. A project that has `deletion_scheduled_at` is one of a
version that waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from projects_mcp.api.outcome import Outcome
from projects_mcp.api.types import JSONObject
from projects_mcp.errors.connection import PostHogError
from projects_mcp.errors.refusals import AlreadyBeingDeleted, NotBeingDeleted, Refusal
from projects_mcp.errors.rejected import NotFound
from projects_mcp.gateway.confirmation import confirm
from projects_mcp.gateway.context import ToolContext
from projects_mcp.policy.confirmation import ProjectSnapshot
from projects_mcp.sanitize.secret_fields import token_ending
from projects_mcp.tools import readback, readback_checks
from projects_mcp.tools.neighbours import only_one
from projects_mcp.tools.receipt import receipt
from projects_mcp.tools.tool import tool

__all__ = ["project_cancel_deletion", "project_delete"]

_WAITS: Final = "PostHog waits for 48 hours before it deletes, and until then the deletion can be cancelled."
_WAITS_LESS: Final = (
    "No event ever came, so PostHog deletes it within an hour or at once: whether it can be cancelled is not certain."
)
_AT_ONCE: Final = "This version of PostHog deletes at once, and nothing can cancel that."


@tool(
    "project_delete",
    "Delete a project",
    "Delete a PostHog project. Delete, remove, erase, wipe, drop, destroy, get rid of an old (demo) PostHog project: "
    "delete its data, events for good. Soon irreversible: requires the user's confirmation.",
)
async def project_delete(context: ToolContext, *, confirm_project_name: str) -> JSONObject:
    """Delete the confirmed project, and report what PostHog does now."""
    target = await context.read_target()
    if target.state.get("is_pending_deletion") is True:
        raise AlreadyBeingDeleted(when=target.state.get("deletion_scheduled_at"))
    alone = await only_one(context, target)
    consequence = " ".join(filter(None, (_consequence(target), alone)))
    confirmed = await confirm(context, target, confirm_project_name, "Delete project", consequence)
    target = confirmed.target
    await readback.destroy(context, confirmed, lambda: readback_checks.deleted(context, target))
    after = await _after_deletion(context, target)
    return receipt(
        context,
        {**target.state, **after.project},
        after.outcome,
        changed=after.changed,
        note=after.note,
        warnings=[alone] if alone else None,
        suggestions=after.suggestions,
    )


def _consequence(target: ProjectSnapshot) -> str:
    if "deletion_scheduled_at" not in target.state:
        when = _AT_ONCE
    else:
        when = _WAITS_LESS if target.state.get("ingested_event") is False else _WAITS
    return (
        "All its events, recordings, persons, insights and settings are deleted for good, and every site using "
        f"{token_ending(target.state.get('api_token'))} stops being tracked. {when}"
    )


class _After(NamedTuple):
    """What could be seen of a deletion after PostHog has accepted it."""

    outcome: Outcome
    changed: Mapping[str, Mapping[str, Any]]
    note: str
    project: Mapping[str, Any] = {}
    suggestions: tuple[JSONObject, ...] = ()


async def _after_deletion(context: ToolContext, target: ProjectSnapshot) -> _After:
    """Look at the project once more: versions of PostHog differ in when they delete.

    Who can cancel a deletion that is only scheduled: this server where it has a session, a person in any case.
    """
    try:
        project = await context.read_project(target.organization)
    except NotFound:
        gone = {"project": {"before": "present", "after": "deleted"}}
        return _After(Outcome.APPLIED, gone, "PostHog has deleted it already. This cannot be cancelled.")
    except (PostHogError, Refusal):
        return _After(Outcome.APPLIED, {}, "PostHog accepted the deletion. What it has done since could not be read.")
    pending = {"before": target.state.get("is_pending_deletion"), "after": project.get("is_pending_deletion")}
    changed = {"is_pending_deletion": pending} if pending["before"] != pending["after"] else {}
    when = project.get("deletion_scheduled_at")
    if when and context.authorization.has_session:
        arguments = {"organization_id": str(target.organization), "project_id": target.id}
        why = f"Cancel the deletion, until {when}."
        note = f"PostHog deletes the data after {when}. Until then it can be cancelled."
        cancel = {"tool": "project_cancel_deletion", "arguments": arguments, "why": why}
        return _After(Outcome.APPLIED, changed, note, project, (cancel,))
    if when:
        where = f"{context.origin}/project/{target.id}/settings"
        note = f"PostHog deletes the data after {when}. Until then a person can cancel it at {where}."
        return _After(Outcome.APPLIED, changed, note, project)
    if project.get("is_pending_deletion") is True:
        note = "PostHog has started to delete the data. This cannot be cancelled."
        return _After(Outcome.APPLIED, changed, note, project)
    note = (
        "PostHog accepted the deletion, and yet the project is there and not marked for deletion. "
        "Look at it again with project_get after some minutes."
    )
    return _After(Outcome.UNKNOWN, changed, note, project)


@tool(
    "project_cancel_deletion",
    "Cancel a deletion",
    "Cancel the scheduled, pending deletion of a PostHog project. In its grace period, keep, restore, recover or "
    "bring back what was to be deleted.",
)
async def project_cancel_deletion(context: ToolContext) -> JSONObject:
    """Cancel the deletion of a project, and report whether it is still marked."""
    before = await context.read_project()
    if before.get("is_pending_deletion") is not True:
        raise NotBeingDeleted
    await context.require_session()
    after = await readback.write(context, context.organization, {}, lambda: readback_checks.kept(context))
    changed: dict[str, dict[str, Any]] = {}
    for name in ("is_pending_deletion", "deletion_scheduled_at"):
        if name in after and after[name] != before.get(name):
            changed[name] = {"before": before.get(name), "after": after[name]}
    outcome = Outcome.APPLIED if after.get("is_pending_deletion") is False else Outcome.UNKNOWN
    note = "" if outcome is Outcome.APPLIED else "PostHog accepted it, and yet the project is marked for deletion."
    return receipt(context, {**before, **after}, outcome, changed=changed, note=note)
