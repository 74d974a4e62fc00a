"""Serialize a project for a response, which depends on the user."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from projects_mcp.sandbox.api.request import Principal
from projects_mcp.sandbox.world.state import ApiKey, Fields, Level, Project, User, World, timestamp

DEFAULT_THEME = 1
"""The colour theme of an organization without themes of its own in its plan."""

LIST_FIELDS = (
    "id",
    "uuid",
    "organization",
    "project_id",
    "api_token",
    "name",
    "completed_snippet_onboarding",
    "has_completed_onboarding_for",
    "ingested_event",
    "is_demo",
    "timezone",
    "access_control",
)
"""The fields of a list item: no secret, no setting, no sign of a pending deletion."""

_NOT_ON_TEAMS = frozenset({"product_description", "is_pending_deletion", "deletion_scheduled_at"})
_TOKEN_LIFETIME = timedelta(days=7)

COHORT_NAME = "Internal / Test users"
"""The name of every cohort of the sandbox."""


def serialize_project(world: World, project: Project, principal: Principal) -> Fields:
    """Return the full project object.

    PostHog's behaviour: every member gets the secrets in clear, but for the live events of a key that may not query.
    """
    fields = _serialize(world, project, principal)
    return _without(fields, _hidden_fields(world))


def _serialize(world: World, project: Project, principal: Principal) -> Fields:
    user, behaviour = principal.user, world.behaviour
    level = world.level(user.id, project.organization_id)
    is_admin = level is not None and level >= Level.ADMIN
    organization = world.organizations[project.organization_id]
    fields = {
        **project.fields,
        "effective_membership_level": level,
        "user_access_level": None if level is None else "admin" if is_admin or behaviour.former_rules else "member",
        "live_events_token": (
            build_live_events_token(project, user, world.clock())
            if _may_see_live_events(world, principal.key)
            else None
        ),
        "heatmaps_screenshot_secret": project.screenshot_secret if is_admin else None,
        "product_intents": _list_intents(world, project),
    }
    if not organization.has_color_themes or behaviour.former_rules:
        fields["default_data_theme"] = DEFAULT_THEME
    if behaviour.names_cohorts:
        fields["test_account_filters"] = _name_cohorts(fields["test_account_filters"])
    if behaviour.former_rules and fields["modifiers"] and not isinstance(fields["modifiers"], dict):
        # PostHog's behaviour: this is computed from the modifiers, and left out if that fails.
        del fields["person_on_events_querying_enabled"]
    return fields


def _may_see_live_events(world: World, key: ApiKey | None) -> bool:
    if key is None or not world.behaviour.live_events_for_readers:
        return True
    return bool({"*", "query:read", "query:write"} & set(key.scopes or ()))


def _list_intents(world: World, project: Project) -> list[Fields]:
    now, cached_s = world.clock(), world.behaviour.cached_intents_s
    if cached_s and project.shown_intents is not None and now < project.shown_intents[1]:
        return project.shown_intents[0]
    intents: list[Fields] = [
        {
            "product_type": intent.product_type,
            "created_at": timestamp(intent.created_at),
            "onboarding_completed_at": _optional_timestamp(intent.onboarding_completed_at),
            "updated_at": timestamp(intent.updated_at),
        }
        for intent in project.intents.values()
    ]
    project.shown_intents = (intents, now + timedelta(seconds=cached_s))
    return intents


def _name_cohorts(filters: Any) -> Any:
    """Add the read-only name of its cohort to each filter by cohort."""
    if not isinstance(filters, list):
        return filters
    return [
        {**part, "cohort_name": COHORT_NAME} if isinstance(part, dict) and part.get("type") == "cohort" else part
        for part in filters
    ]


def serialize_team(world: World, project: Project, principal: Principal) -> Fields:
    """Return the team object of the product intents: it lacks the fields that only projects have.

    PostHog's behaviour: older versions show settings here that projects do not have yet.
    """
    fields = {**_serialize(world, project, principal), "project_id": project.id}
    return _without(fields, (_hidden_fields(world) - world.behaviour.team_only_fields - {"project_id"}) | _NOT_ON_TEAMS)


def serialize_list_item(world: World, project: Project) -> Fields:
    """Return a list item."""
    return _without({name: project.fields[name] for name in LIST_FIELDS}, _hidden_fields(world))


def _hidden_fields(world: World) -> frozenset[str]:
    behaviour = world.behaviour
    hidden = set(behaviour.absent_fields)
    if not behaviour.webhook_writable:
        hidden.add("slack_incoming_webhook")
    if not behaviour.project_id_in_answers:
        hidden.add("project_id")
    return frozenset(hidden)


def _without(fields: Fields, names: frozenset[str]) -> Fields:
    return {name: value for name, value in fields.items() if name not in names}


def _optional_timestamp(moment: datetime | None) -> str | None:
    return None if moment is None else timestamp(moment)


def build_live_events_token(project: Project, user: User, now: datetime) -> str:
    """Build a token of the form ``eyJ….….…`` for a project and a user.

    PostHog's behaviour: it is valid for seven days, and stays the same for a day unless the project token or the
    organization changes. The signature here is a hash and proves nothing.
    """
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    claims = {
        "team_id": project.id,
        "api_token": project.fields["api_token"],
        "user_id": user.id,
        "organization_id": project.organization_id,
        "exp": int((day + _TOKEN_LIFETIME).timestamp()),
        "aud": "posthog:livestream",
    }
    signed = f"{_encode_part({'alg': 'HS256', 'typ': 'JWT'})}.{_encode_part(claims)}"
    return f"{signed}.{_base64(hashlib.sha256(signed.encode()).digest())}"


def _encode_part(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
