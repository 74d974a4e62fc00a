"""What counts as evidence that a write happened, for each of the nine writes, when its answer was lost.

Each function reads the project (or the list, for a create) and compares with what was there before. It says `unknown`
rather than guess: the person decides better on an honest doubt than on a wrong certainty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from projects_mcp.api.settings_diff import Outcome, ReadbackResult, compare
from projects_mcp.errors.posthog import NotFound
from projects_mcp.gateway.context import Call
from projects_mcp.policy.confirmation import ProjectSnapshot, ending

__all__ = ["created", "deleted", "intent", "intent_of", "moved", "replaced", "updated"]

_CLOCKS_DIFFER_BY: Final = timedelta(seconds=60)
_MOST_CANDIDATES: Final = 3


async def created(call: Call, name: str, sent_at: datetime) -> ReadbackResult:
    """Look for a project of that name which is not older than the call."""
    page = await call.list_projects({"limit": 100, "search": name.strip()})
    rows = page.get("results")
    wanted = name.strip().casefold()
    same = [row for row in rows or () if isinstance(row, dict) and str(row.get("name")).strip().casefold() == wanted]
    numbers = sorted((row["id"] for row in same if type(row.get("id")) is int), reverse=True)
    if not same:
        return ReadbackResult(Outcome.NOT_APPLIED, "No project of that name is in the organization.")
    undated = False
    for number in numbers[:_MOST_CANDIDATES]:
        project = await call.read_created(number)
        made_at = _when(project.get("created_at"))
        undated = undated or made_at is None
        if made_at is not None and made_at >= sent_at - _CLOCKS_DIFFER_BY:
            return ReadbackResult(Outcome.APPLIED, f"Project {number} has that name and was created just now.", project)
    if undated or not numbers:
        return ReadbackResult(Outcome.UNKNOWN, "A project of that name is there, and when it was created is not known.")
    return ReadbackResult(Outcome.NOT_APPLIED, "The only project of that name is older than this call.")


async def updated(call: Call, sent: Mapping[str, Any], before: Mapping[str, Any]) -> ReadbackResult:
    """Compare the fields that were sent."""
    now = await call.read_project()
    comparison = compare(sent, before, now)
    names = ", ".join(list(comparison.changed or sent)[:5])
    if set(comparison.changed) - set(comparison.adjusted):
        return ReadbackResult(Outcome.APPLIED, f"The project now has the new values of {names}.", now)
    if comparison.changed:
        return ReadbackResult(
            Outcome.UNKNOWN, f"Other values of {names} are there than before, and than were sent.", now
        )
    if comparison.ignored:
        return ReadbackResult(Outcome.NOT_APPLIED, f"The project still has the former values of {names}.", now)
    return ReadbackResult(Outcome.APPLIED, "The project already had these values, so it makes no difference.", now)


async def deleted(call: Call, target: ProjectSnapshot) -> ReadbackResult:
    """See whether the project is gone, or pending deletion."""
    try:
        now = await call.read_project(target.organization)
    except NotFound:
        return ReadbackResult(Outcome.APPLIED, "The project is no longer there.")
    if not now.get("is_pending_deletion"):
        return ReadbackResult(Outcome.NOT_APPLIED, "The project is still there and not marked for deletion.", now)
    if target.state.get("is_pending_deletion"):
        return ReadbackResult(Outcome.UNKNOWN, "The project is marked for deletion, as it was before.", now)
    return ReadbackResult(Outcome.APPLIED, "The project is now marked for deletion.")


async def moved(call: Call, target: ProjectSnapshot, destination: UUID) -> ReadbackResult:
    """Look for the project in the organization that it should be in, then where it was."""
    if destination == target.organization:
        return ReadbackResult(Outcome.UNKNOWN, "The project was in that organization before.")
    try:
        now = await call.read_project(destination)
    except NotFound:
        now = {}
    if now.get("organization") == str(destination):
        return ReadbackResult(Outcome.APPLIED, "The project is now in that organization.", now)
    now = await call.read_project(target.organization)
    if now.get("organization") == str(target.organization):
        return ReadbackResult(Outcome.NOT_APPLIED, "The project is still in its former organization.", now)
    return ReadbackResult(Outcome.UNKNOWN, "The project is in neither of the two organizations.")


async def replaced(call: Call, target: ProjectSnapshot, fields: Sequence[str]) -> ReadbackResult:
    """Compare the endings of the tokens with what was there before."""
    now = await call.read_project(target.organization)
    if any(name not in now for name in fields):
        return ReadbackResult(Outcome.UNKNOWN, "PostHog did not show the tokens.", now)
    shown = ", ".join(f"{name} is {ending(now[name])}" for name in fields)
    if all(now[name] == target.state.get(name) for name in fields):
        if fields == ["secret_api_token_backup"] and not now[fields[0]]:
            return ReadbackResult(Outcome.UNKNOWN, "There is no backup, as before, so it makes no difference.", now)
        return ReadbackResult(Outcome.NOT_APPLIED, f"As before, {shown}.", now)
    rotated = {"secret_api_token_backup": target.state.get("secret_api_token")} if len(fields) > 1 else {}
    if any(now[name] != value for name, value in rotated.items()):
        return ReadbackResult(Outcome.UNKNOWN, f"Somebody else may have changed the tokens too: {shown}.", now)
    return ReadbackResult(Outcome.APPLIED, f"Now {shown}.", now)


async def intent(call: Call, product_type: str, before: Mapping[str, Any]) -> ReadbackResult:
    """Compare the entry of the product."""
    now = await call.read_project()
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
