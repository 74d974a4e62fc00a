"""Read back what became of a write whose answer was lost.

Each function reads the project (or the list, for a create) and compares it with what was there before. It says
`unknown` rather than guess: the person decides better on an honest doubt than on a wrong certainty. The write is never
sent again, whatever comes out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

import anyio

from projects_mcp.api.outcome import Outcome, ReadbackResult
from projects_mcp.api.settings_diff import SettingsDiff
from projects_mcp.api.types import JSONObject, OrganizationRef
from projects_mcp.errors.connection import PostHogError, ResponseLost
from projects_mcp.errors.refusals import Refusal
from projects_mcp.errors.rejected import NotFound, ServerError
from projects_mcp.errors.uncertain import WriteUnresolved
from projects_mcp.gateway.context import ToolContext
from projects_mcp.policy.confirmation import Confirmed, ProjectSnapshot, token_ending

__all__ = ["created", "deleted", "destroy", "intent", "intent_of", "moved", "replaced", "updated", "write"]

Look: TypeAlias = Callable[[], Awaitable[ReadbackResult]]
"""Reads, and tells whether a write has happened."""

_CLOCKS_DIFFER_BY: Final = timedelta(seconds=60)
_MOST_CANDIDATES: Final = 3


async def write(context: ToolContext, organization: OrganizationRef, body: Mapping[str, Any], look: Look) -> JSONObject:
    """Send a write that adds or changes; if its answer is lost, read back what became of it.

    Returns:
        The project as PostHog answered it, or as it was read back.

    Raises:
        WriteUnresolved: reading back does not show that the write happened.
        PostHogError: PostHog refused the write, or it never left.
    """
    try:
        return await context.write(organization, body)
    except (ResponseLost, ServerError) as error:
        return await _read_back(context, error, look)


async def destroy(
    context: ToolContext, confirmed: Confirmed, look: Look, body: Mapping[str, Any] | None = None
) -> JSONObject:
    """Send a write that destroys; if its answer is lost, read back. Result and errors are those of `write`."""
    try:
        return await context.destroy(confirmed, body)
    except (ResponseLost, ServerError) as error:
        return await _read_back(context, error, look)


async def _read_back(context: ToolContext, error: ResponseLost | ServerError, look: Look) -> JSONObject:
    context.extend_for_read_back()
    try:
        result = await look()
        if result.outcome is Outcome.NOT_APPLIED:
            # PostHog may still be at work on what a proxy has given up waiting for: look twice.
            await anyio.sleep(context.services.posthog.limits.second_look_s)
            result = await look()
    except (PostHogError, Refusal):
        result = ReadbackResult(Outcome.UNKNOWN, "Reading back failed as well.")
    context.unresolved = WriteUnresolved(error, result)
    if result.outcome is Outcome.APPLIED:
        return dict(result.project or {})
    raise context.unresolved


async def created(context: ToolContext, name: str, sent_at: datetime) -> ReadbackResult:
    """Look for a project of that name which is not older than the context."""
    page = await context.list_projects({"limit": 100, "search": name.strip()})
    rows = page.get("results")
    wanted = name.strip().casefold()
    same = [row for row in rows or () if isinstance(row, dict) and str(row.get("name")).strip().casefold() == wanted]
    numbers = sorted((row["id"] for row in same if type(row.get("id")) is int), reverse=True)
    if not same:
        return ReadbackResult(Outcome.NOT_APPLIED, "No project of that name is in the organization.")
    undated = False
    for number in numbers[:_MOST_CANDIDATES]:
        project = await context.read_created(number)
        made_at = _when(project.get("created_at"))
        undated = undated or made_at is None
        if made_at is not None and made_at >= sent_at - _CLOCKS_DIFFER_BY:
            return ReadbackResult(Outcome.APPLIED, f"Project {number} has that name and was created just now.", project)
    if undated or not numbers:
        return ReadbackResult(Outcome.UNKNOWN, "A project of that name is there, and when it was created is not known.")
    return ReadbackResult(Outcome.NOT_APPLIED, "The only project of that name is older than this context.")


async def updated(context: ToolContext, sent: Mapping[str, Any], before: Mapping[str, Any]) -> ReadbackResult:
    """Compare the fields that were sent."""
    now = await context.read_project()
    diff = SettingsDiff.between(sent, before, now)
    names = ", ".join(list(diff.changed or sent)[:5])
    if set(diff.changed) - set(diff.adjusted):
        return ReadbackResult(Outcome.APPLIED, f"The project now has the new values of {names}.", now)
    if diff.changed:
        return ReadbackResult(
            Outcome.UNKNOWN, f"Other values of {names} are there than before, and than were sent.", now
        )
    if diff.ignored:
        return ReadbackResult(Outcome.NOT_APPLIED, f"The project still has the former values of {names}.", now)
    return ReadbackResult(Outcome.APPLIED, "The project already had these values, so it makes no difference.", now)


async def deleted(context: ToolContext, target: ProjectSnapshot) -> ReadbackResult:
    """See whether the project is gone, or pending deletion."""
    try:
        now = await context.read_project(target.organization)
    except NotFound:
        return ReadbackResult(Outcome.APPLIED, "The project is no longer there.")
    if not now.get("is_pending_deletion"):
        return ReadbackResult(Outcome.NOT_APPLIED, "The project is still there and not marked for deletion.", now)
    if target.state.get("is_pending_deletion"):
        return ReadbackResult(Outcome.UNKNOWN, "The project is marked for deletion, as it was before.", now)
    return ReadbackResult(Outcome.APPLIED, "The project is now marked for deletion.")


async def moved(context: ToolContext, target: ProjectSnapshot, destination: UUID) -> ReadbackResult:
    """Look for the project in the organization that it should be in, then where it was."""
    if destination == target.organization:
        return ReadbackResult(Outcome.UNKNOWN, "The project was in that organization before.")
    try:
        now = await context.read_project(destination)
    except NotFound:
        now = {}
    if now.get("organization") == str(destination):
        return ReadbackResult(Outcome.APPLIED, "The project is now in that organization.", now)
    now = await context.read_project(target.organization)
    if now.get("organization") == str(target.organization):
        return ReadbackResult(Outcome.NOT_APPLIED, "The project is still in its former organization.", now)
    return ReadbackResult(Outcome.UNKNOWN, "The project is in neither of the two organizations.")


async def replaced(context: ToolContext, target: ProjectSnapshot, fields: Sequence[str]) -> ReadbackResult:
    """Compare the endings of the tokens with what was there before."""
    now = await context.read_project(target.organization)
    if any(name not in now for name in fields):
        return ReadbackResult(Outcome.UNKNOWN, "PostHog did not show the tokens.", now)
    shown = ", ".join(f"{name} is {token_ending(now[name])}" for name in fields)
    if all(now[name] == target.state.get(name) for name in fields):
        if fields == ["secret_api_token_backup"] and not now[fields[0]]:
            return ReadbackResult(Outcome.UNKNOWN, "There is no backup, as before, so it makes no difference.", now)
        return ReadbackResult(Outcome.NOT_APPLIED, f"As before, {shown}.", now)
    rotated = {"secret_api_token_backup": target.state.get("secret_api_token")} if len(fields) > 1 else {}
    if any(now[name] != value for name, value in rotated.items()):
        return ReadbackResult(Outcome.UNKNOWN, f"Somebody else may have changed the tokens too: {shown}.", now)
    return ReadbackResult(Outcome.APPLIED, f"Now {shown}.", now)


async def intent(context: ToolContext, product_type: str, before: Mapping[str, Any]) -> ReadbackResult:
    """Compare the entry of the product."""
    now = await context.read_project()
    if intent_of(now, product_type) != intent_of(before, product_type):
        return ReadbackResult(Outcome.APPLIED, "The project's entry for that product is new or newer.", now)
    return ReadbackResult(Outcome.NOT_APPLIED, "The project's entry for that product is as before.", now)


def intent_of(project: Mapping[str, Any], product_type: str) -> Any:
    """Return a project's entry for a product, or None."""
    intents = project.get("product_intents")
    rows = intents if isinstance(intents, list) else []
    return next((row for row in rows if isinstance(row, dict) and row.get("product_type") == product_type), None)


def _when(value: object) -> datetime | None:
    try:
        when = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return when.replace(tzinfo=UTC) if when is not None and when.tzinfo is None else when
