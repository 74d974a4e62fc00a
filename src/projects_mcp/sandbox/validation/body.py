"""From the body of a create or an update to the values that will be stored, or to the first refusal.

PostHog's behaviour: every field is checked, and of the unacceptable ones the first in PostHog's own order is answered.
A taken name (409) and a setting that this person may not touch (403) are answered at once. Only when all fields are
acceptable does PostHog look at roles, and after that at the rules that concern several fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from projects_mcp.sandbox.errors import ApiError, InvalidValueError, conflict, forbidden, invalid
from projects_mcp.sandbox.validation import checks as settings_checks
from projects_mcp.sandbox.validation import kinds
from projects_mcp.sandbox.validation.rules import BY_NAME, Rule, known
from projects_mcp.sandbox.world.state import Fields, Level, Organization, Project, World, timestamp

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
"""Keys of ``conversations_settings`` that only PostHog writes; sending them does nothing."""

_RETENTION_PAUSE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Situation:
    """What a check of one field may need to know.

    Attributes:
        world: Everything.
        organization: Where the project is, or will be.
        project: The project that is updated; None while one is created.
        level: The caller's membership level there.
    """

    world: World
    organization: Organization
    project: Project | None
    level: int


def validate(body: Any, situation: Situation) -> Fields:
    """Return the values to store, by field, without the fields that PostHog does not read.

    Raises:
        ApiError: 400, 403 or 409.
    """
    if not isinstance(body, dict):
        raise invalid(f"Invalid data. Expected a dictionary, but got {type(body).__name__}.")
    values: Fields = {}
    first: ApiError | None = None
    for rule in known(situation.world.behaviour):
        if rule.name in body:
            try:
                values[rule.name] = _value(rule, body[rule.name], situation)
            except InvalidValueError as error:
                first = first or error.in_body()
    if first is not None:
        raise first
    _check_role(values, situation)
    _check_dashboard(values, situation)
    if "autocapture_exceptions_errors_to_ignore" in values:
        _check_errors_to_ignore(values["autocapture_exceptions_errors_to_ignore"])
    return values


def _value(rule: Rule, sent: Any, situation: Situation) -> Any:
    value = kinds.field(rule.check, sent, rule.name, nullable=rule.nullable)
    refine = _REFINEMENTS.get(rule.name)
    if refine is None or value is None:
        return value
    try:
        return refine(value, situation)
    except InvalidValueError as error:
        raise error.under(rule.name) from None


def _name(value: str, situation: Situation) -> str:
    project = situation.project
    if not situation.world.behaviour.unique_names or (project is not None and value == project.name):
        return value
    if is_taken(value, situation.world, situation.organization.id, except_for=project):
        detail = f'There is already a project called "{value}" in this organization. Choose a different name.'
        raise conflict(detail)
    return value


def is_taken(name: str, world: World, organization_id: str, *, except_for: Project | None = None) -> bool:
    """Whether another project of the organization has the name.

    PostHog's behaviour: case and surrounding white space do not count, and neither do projects that are being deleted.
    """
    return any(
        project.name.strip().casefold() == name.casefold()
        for project in world.projects.values()
        if project.organization_id == organization_id
        and project is not except_for
        and not project.fields["is_pending_deletion"]
    )


def _conversations(value: Fields, situation: Situation) -> Fields:
    settings = dict(value)
    if isinstance(settings.get("widget_domains"), list):
        settings["widget_domains"] = settings_checks.authorized_urls(settings["widget_domains"])
    if not situation.world.behaviour.manages_conversations:
        return settings
    return {name: part for name, part in settings.items() if name not in MANAGED_CONVERSATION_KEYS}


def _organization_logs(value: bool, situation: Situation) -> bool:
    if situation.project is not None and situation.level < Level.ADMIN:
        detail = "Only organization owners and admins can modify the receive_org_level_activity_logs setting."
        raise forbidden(detail)
    return value


def _proactive_tasks(value: bool, _: Situation) -> bool:
    if value:
        raise forbidden("Proactive tasks can only be enabled for authorized teams.")
    return value


def _logs(value: Fields, situation: Situation) -> Fields:
    days = value.get("retention_days")
    if days is not None and days not in {14, 30}:
        raise InvalidValueError("retention_days must be one of [14, 30]")
    stored: Fields = (situation.project.fields["logs_settings"] if situation.project else None) or {}
    if days is None or days == stored.get("retention_days"):
        return value
    if days not in situation.organization.logs_retention_days:
        detail = f"This organization does not have permission to set Logs retention to {days} days."
        raise forbidden(detail)
    if not stored:
        return value
    now = situation.world.clock()
    _check_retention_pause(stored.get("retention_last_updated"), now)
    return {**value, "retention_last_updated": timestamp(now)}


def _check_retention_pause(last: str | None, now: datetime) -> None:
    if last is None:
        return
    remaining = datetime.fromisoformat(last) + _RETENTION_PAUSE - now
    if remaining > timedelta():
        hours = int(remaining / timedelta(hours=1))
        detail = f"You can only update retention settings once per 24 hours. Please wait {hours} more hour(s)."
        raise InvalidValueError(detail)


def _dashboard(value: Any, situation: Situation) -> int:
    number = _number(value)
    if number is None:
        detail = f"Incorrect type. Expected pk value, received {type(value).__name__}."
        raise InvalidValueError(detail, code="incorrect_type")
    if not any(number in project.dashboards for project in situation.world.projects.values()):
        raise InvalidValueError(f'Invalid pk "{value}" - object does not exist.', code="does_not_exist")
    return number


def _number(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return int(value)
    except (ValueError, OverflowError):
        return None


_REFINEMENTS: Mapping[str, Callable[[Any, Situation], Any]] = MappingProxyType(
    {
        "name": _name,
        "app_urls": lambda value, _: settings_checks.authorized_urls(value),
        "recording_domains": lambda value, _: settings_checks.without_empty(value),
        "tags": lambda value, _: settings_checks.tags(value),
        "conversations_settings": _conversations,
        "receive_org_level_activity_logs": _organization_logs,
        "proactive_tasks_enabled": _proactive_tasks,
        "logs_settings": _logs,
        "primary_dashboard": _dashboard,
    }
)


def _check_role(values: Fields, situation: Situation) -> None:
    if situation.level >= Level.ADMIN:
        return
    touched = sorted(name for name in values if not BY_NAME[name].member_safe)
    if situation.project is None:
        # Naming a project that one may create is not renaming it, and demo projects are open to members.
        touched = [name for name in touched if name not in {"name", "is_demo"}]
        if touched:
            names = ", ".join(touched)
            raise forbidden(f"Only organization admins can set these settings on project creation: {names}")
    elif touched and not situation.world.behaviour.members_change_settings:
        raise forbidden(f"Only project admins can modify these settings: {', '.join(touched)}")


def _check_dashboard(values: Fields, situation: Situation) -> None:
    if "primary_dashboard" not in values:
        return
    if situation.project is None:
        raise invalid("Primary dashboard cannot be set on project creation.", attr="primary_dashboard")
    number = values["primary_dashboard"]
    if number is not None and number not in situation.project.dashboards:
        raise invalid("Dashboard does not belong to this team.", attr="primary_dashboard")


def _check_errors_to_ignore(value: Any) -> None:
    try:
        settings_checks.errors_to_ignore(value)
    except InvalidValueError as error:
        raise error.in_body() from None
