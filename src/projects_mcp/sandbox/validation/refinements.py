"""Check the settings whose rules depend on the state of the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from projects_mcp.sandbox.errors import InvalidValueError, conflict, forbidden
from projects_mcp.sandbox.validation.validators import (
    drop_cohort_names,
    normalize_tags,
    remove_empty,
    validate_authorized_urls,
)
from projects_mcp.sandbox.world.state import Fields, Level, Organization, Project, World, timestamp

_GROUP_TAG = "project-group:"

MANAGED_CONVERSATION_KEYS = frozenset(
    {
        "widget_public_token",
        "slack_bot_token",
        "slack_team_id",
        "slack_enabled",
        "slack_scopes",
        "teams_enabled",
        "teams_tenant_id",
        "teams_team_id",
        "teams_team_name",
        "teams_channel_id",
        "teams_channel_name",
        "teams_channels",
        "email_enabled",
        "github_enabled",
        "github_integration_id",
        "github_repos",
    }
)
"""The keys of ``conversations_settings`` that only PostHog writes; those in a body have no effect."""

_RETENTION_PAUSE = timedelta(hours=24)
_SHORTEST_RETENTION = 14
_RETENTION_STEP = 30
_LONGEST_RETENTION = 2_580


@dataclass(frozen=True, slots=True)
class ValidationContext:
    """The circumstances of a body.

    Attributes:
        world: The state of the sandbox.
        organization: The organization of the project.
        project: The updated project; None for a creation.
        level: The user's membership level in the organization.
    """

    world: World
    organization: Organization
    project: Project | None
    level: int


def _check_name(value: str, context: ValidationContext) -> str:
    project = context.project
    if not context.world.behaviour.unique_names or (project is not None and value == project.name):
        return value
    if is_name_taken(value, context.world, context.organization.id, other_than=project):
        detail = f'There is already a project called "{value}" in this organization. Choose a different name.'
        raise conflict(detail)
    return value


def is_name_taken(name: str, world: World, organization_id: str, *, other_than: Project | None = None) -> bool:
    """Return whether another project of an organization has a name.

    PostHog's behaviour: case and surrounding white space do not count. In older versions a project with a pending
    deletion does not count either.
    """
    return any(
        project.name.strip().casefold() == name.casefold()
        for project in world.projects.values()
        if project.organization_id == organization_id
        and project is not other_than
        and (world.behaviour.pending_names_count or not project.fields["is_pending_deletion"])
    )


def _refine_conversations(value: Fields, context: ValidationContext) -> Fields:
    settings = dict(value)
    if isinstance(settings.get("widget_domains"), list):
        settings["widget_domains"] = validate_authorized_urls(settings["widget_domains"])
    if not context.world.behaviour.manages_conversations:
        return settings
    return {name: part for name, part in settings.items() if name not in MANAGED_CONVERSATION_KEYS}


def _check_organization_logs(value: bool, context: ValidationContext) -> bool:
    if context.project is not None and context.level < Level.ADMIN:
        detail = "Only organization owners and admins can modify the receive_org_level_activity_logs setting."
        raise forbidden(detail)
    return value


def _refine_tags(value: list[str], context: ValidationContext) -> list[str]:
    tags = normalize_tags(value)
    groups = [tag for tag in tags if tag.startswith(_GROUP_TAG)]
    if len(groups) > 1:
        raise InvalidValueError("A project can have at most one project group tag.")
    stored = (context.project.fields["tags"] if context.project else None) or []
    if context.level < Level.ADMIN and groups != [tag for tag in stored if tag.startswith(_GROUP_TAG)]:
        raise forbidden("Only organization admins can change the project group of a project.")
    return tags


def _check_proactive_tasks(value: bool, _: ValidationContext) -> bool:
    if value:
        raise forbidden("Proactive tasks can only be enabled for authorized teams.")
    return value


def _check_logs(value: Fields, context: ValidationContext) -> Fields:
    days = value.get("retention_days")
    if days is not None and not _is_retention(days, long=context.organization.long_log_retention):
        raise InvalidValueError("retention_days must be one of [14, 30]")
    stored: Fields = (context.project.fields["logs_settings"] if context.project else None) or {}
    if days is None or days == stored.get("retention_days"):
        return value
    if days > max(_SHORTEST_RETENTION, context.organization.logs_retention_days):
        detail = f"This organization does not have permission to set Logs retention to {days} days."
        raise forbidden(detail)
    if not stored:
        return value
    now = context.world.clock()
    _check_retention_pause(stored.get("retention_last_updated"), now)
    return {**value, "retention_last_updated": timestamp(now)}


def _is_retention(days: Any, *, long: bool) -> bool:
    if isinstance(days, bool) or not isinstance(days, int):
        return False
    longest = _LONGEST_RETENTION if long else _RETENTION_STEP
    return days == _SHORTEST_RETENTION or (days % _RETENTION_STEP == 0 and _RETENTION_STEP <= days <= longest)


def _check_retention_pause(last: str | None, now: datetime) -> None:
    if last is None:
        return
    remaining = datetime.fromisoformat(last) + _RETENTION_PAUSE - now
    if remaining > timedelta():
        hours = int(remaining / timedelta(hours=1))
        detail = f"You can only update retention settings once per 24 hours. Please wait {hours} more hour(s)."
        raise InvalidValueError(detail)


def _parse_dashboard(value: Any, context: ValidationContext) -> int | None:
    if value == "":
        return None
    number = _parse_integer(value)
    if number is None:
        detail = f"Incorrect type. Expected pk value, received {type(value).__name__}."
        raise InvalidValueError(detail, code="incorrect_type")
    if not any(number in project.dashboards for project in context.world.projects.values()):
        raise InvalidValueError(f'Invalid pk "{value}" - object does not exist.', code="does_not_exist")
    return number


def _parse_integer(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return int(value)
    except (ValueError, OverflowError):
        return None


REFINEMENTS: Mapping[str, Callable[[Any, ValidationContext], Any]] = MappingProxyType(
    {
        "name": _check_name,
        "app_urls": lambda value, _: validate_authorized_urls(value),
        "recording_domains": lambda value, _: remove_empty(value),
        "tags": _refine_tags,
        "test_account_filters": lambda value, _: drop_cohort_names(value),
        "conversations_settings": _refine_conversations,
        "receive_org_level_activity_logs": _check_organization_logs,
        "proactive_tasks_enabled": _check_proactive_tasks,
        "logs_settings": _check_logs,
        "primary_dashboard": _parse_dashboard,
    }
)
"""By setting: take the parsed value, and return the value to store or refuse it."""
