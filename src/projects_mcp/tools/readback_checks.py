"""What a project shows of a write whose answer was lost.

Each function reads, and compares with what was there before. `applied` needs evidence that the change is there and that
this write explains it; `not_applied` says that nothing of it shows; anything else is `unknown`. A person decides better
on an honest doubt than on a wrong certainty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from projects_mcp.api.json_values import same_json
from projects_mcp.api.outcome import Outcome, ReadbackResult
from projects_mcp.api.settings_diff import SettingsDiff
from projects_mcp.errors.rejected import NotFound
from projects_mcp.errors.uncertain import LOOK_AGAIN_AFTER
from projects_mcp.gateway.context import ToolContext
from projects_mcp.policy.confirmation import ProjectSnapshot
from projects_mcp.sanitize.secret_fields import token_ending
from projects_mcp.sanitize.text import listed

__all__ = ["deleted", "intent", "intent_of", "is_since", "kept", "moved", "parse_time", "replaced", "updated"]

_CLOCKS_DIFFER_BY: Final = timedelta(seconds=5)
"""How far the clocks of PostHog's own machines may be apart."""
_INTENT_TIMES: Final = ("created_at", "updated_at", "onboarding_completed_at")
_BACKUP: Final = "secret_api_token_backup"
_SAME_BY_OTHERS: Final = "This call explains that; the same done by somebody else just then would look no different."
_MAY_BE_REPLACED: Final = (
    "This call explains that; so would somebody else's, and then this one may still replace it: look once more with "
    "project_get after {:%H:%M:%S} UTC, before you rely on it."
)


async def updated(context: ToolContext, sent: Mapping[str, Any], before: Mapping[str, Any]) -> ReadbackResult:
    """Compare the settings that were sent. Those that this PostHog does not have prove nothing."""
    now = await context.read_project()
    diff = SettingsDiff.between(sent, before, now)
    shown = [name for name in diff.changed if name not in diff.adjusted]
    missing = [name for name in diff.ignored if name in now]
    if not diff.changed and not diff.ignored:
        return ReadbackResult(Outcome.APPLIED, "The project already had these values, so it makes no difference.", now)
    if not diff.changed:
        return ReadbackResult(
            Outcome.NOT_APPLIED, f"The project still has the former values of {listed(diff.ignored)}.", now
        )
    if shown and not missing and not diff.adjusted:
        return ReadbackResult(Outcome.APPLIED, f"The project now has the new values of {listed(shown)}.", now)
    if not missing:
        return ReadbackResult(
            Outcome.UNKNOWN,
            f"Other values of {listed(diff.adjusted)} are there than before, and than were sent.",
            now,
        )
    return ReadbackResult(
        Outcome.UNKNOWN, f"{listed(list(diff.changed))} changed, and {listed(missing)} still has its former value.", now
    )


async def deleted(context: ToolContext, target: ProjectSnapshot) -> ReadbackResult:
    """See whether the project is pending deletion. That it is still there proves nothing, even after a fault.

    PostHog removes data before it marks the project, so that a deletion that failed may have removed some.
    """
    try:
        now = await context.read_project(target.organization)
    except NotFound:
        return ReadbackResult(
            Outcome.UNKNOWN,
            "The project is no longer in its organization. This deletion explains that, and so would somebody else's, "
            "or a move to another organization.",
        )
    if now.get("is_pending_deletion") is not True:
        return ReadbackResult(
            Outcome.UNKNOWN,
            "The project is still there and not marked for deletion, but PostHog may have begun to remove its data.",
            now,
        )
    if target.state.get("is_pending_deletion"):
        return ReadbackResult(Outcome.UNKNOWN, "The project is marked for deletion, as it was before.", now)
    return ReadbackResult(Outcome.APPLIED, f"The project is now marked for deletion. {_SAME_BY_OTHERS}", now)


async def kept(context: ToolContext) -> ReadbackResult:
    """See whether the project, which was pending deletion, no longer is."""
    try:
        now = await context.read_project(context.organization)
    except NotFound:
        return ReadbackResult(Outcome.UNKNOWN, "The project is no longer in its organization: it may be deleted.")
    if now.get("is_pending_deletion") is True:
        return ReadbackResult(Outcome.NOT_APPLIED, "The project is still marked for deletion.", now)
    return ReadbackResult(
        Outcome.APPLIED,
        "The project is no longer marked for deletion. Had somebody else cancelled it, it would look no different.",
        now,
    )


async def moved(context: ToolContext, target: ProjectSnapshot, destination: UUID) -> ReadbackResult:
    """Look for the project in the organization that it should be in, then where it was."""
    try:
        now = await context.read_project(destination)
    except NotFound:
        now = {}
    if now.get("organization") == str(destination):
        return ReadbackResult(Outcome.APPLIED, f"The project is now in that organization. {_SAME_BY_OTHERS}", now)
    try:
        now = await context.read_project(target.organization)
    except NotFound:
        now = {}
    if now.get("organization") == str(target.organization):
        return ReadbackResult(Outcome.NOT_APPLIED, "The project is still in its former organization.", now)
    return ReadbackResult(
        Outcome.UNKNOWN, "The project is in neither of the two organizations: somebody may have moved or deleted it."
    )


async def replaced(context: ToolContext, target: ProjectSnapshot, fields: Sequence[str]) -> ReadbackResult:
    """Compare the tokens with what was there before, and show their endings."""
    now = await context.read_project(target.organization)
    if any(name not in now for name in fields):
        return ReadbackResult(Outcome.UNKNOWN, "PostHog did not show the tokens.", now)
    shown = ", ".join(f"{name} is {token_ending(now[name])}" for name in fields)
    if list(fields) == [_BACKUP]:
        return _dropped(target, now, shown)
    if all(now[name] == target.state.get(name) for name in fields):
        return ReadbackResult(Outcome.NOT_APPLIED, f"As before, {shown}.", now)
    former = target.state.get(fields[0])
    # A rotation makes the former secret the backup; whatever else changed them is somebody else's doing.
    if not now[fields[0]] or now[fields[0]] == former or (_BACKUP in fields and now[_BACKUP] != former):
        return ReadbackResult(Outcome.UNKNOWN, f"Somebody else may have changed the tokens too: {shown}.", now)
    again = _MAY_BE_REPLACED.format(datetime.now(UTC) + LOOK_AGAIN_AFTER)
    return ReadbackResult(Outcome.APPLIED, f"Now {shown}. {again}", now)


def _dropped(target: ProjectSnapshot, now: Mapping[str, Any], shown: str) -> ReadbackResult:
    """Judge whether the backup was dropped: only that it is gone proves that, not that it is another one."""
    before = target.state.get(_BACKUP)
    if not before:
        return ReadbackResult(Outcome.UNKNOWN, "There was no backup before, so it makes no difference.", now)
    if not now[_BACKUP]:
        return ReadbackResult(Outcome.APPLIED, f"Now {shown}. {_SAME_BY_OTHERS}", now)
    if now[_BACKUP] == before:
        return ReadbackResult(Outcome.NOT_APPLIED, f"As before, {shown}.", now)
    return ReadbackResult(Outcome.UNKNOWN, f"Somebody else has changed the tokens: now {shown}.", now)


async def intent(
    context: ToolContext, product_type: str, before: Mapping[str, Any], sent_at: datetime
) -> ReadbackResult:
    """Compare the entry of the product. PostHog answers intents from a cache, so that none shows proves nothing.

    For the same reason an entry that is new to us may be an old one: its own time must be that of this write.
    """
    now = await context.read_project()
    entry = intent_of(now, product_type)
    if entry is None or same_json(entry, intent_of(before, product_type)):
        return ReadbackResult(
            Outcome.UNKNOWN,
            "The project's entry for that product is as before, but PostHog shows entries with a delay.",
            now,
        )
    times = [when for name in _INTENT_TIMES if (when := parse_time(entry.get(name)))]
    if not times or not is_since(max(times), sent_at):
        return ReadbackResult(
            Outcome.UNKNOWN,
            "The project's entry for that product is another one, and may be older than this call.",
            now,
        )
    return ReadbackResult(Outcome.APPLIED, "The project's entry for that product is new or newer.", now)


def intent_of(project: Mapping[str, Any], product_type: str) -> Any:
    """Return a project's entry for a product, or None."""
    intents = project.get("product_intents")
    rows = intents if isinstance(intents, list) else []
    return next((row for row in rows if isinstance(row, dict) and row.get("product_type") == product_type), None)


def parse_time(value: object) -> datetime | None:
    """Read a time as PostHog writes it; None for anything else."""
    try:
        when = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return when.replace(tzinfo=UTC) if when is not None and when.tzinfo is None else when


def is_since(when: datetime, sent_at: datetime) -> bool:
    """Whether PostHog made something after it was asked to. Both times are PostHog's own."""
    return when >= sent_at - _CLOCKS_DIFFER_BY
