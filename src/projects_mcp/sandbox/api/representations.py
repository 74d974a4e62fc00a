"""Serialize a project for a response, which depends on the user."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from projects_mcp.sandbox.world.state import Fields, Level, Project, User, World, timestamp

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


def serialize_project(world: World, project: Project, user: User) -> Fields:
    """Return the full project object. PostHog's behaviour: every member gets the secrets in clear."""
    level = world.level(user.id, project.organization_id)
    is_admin = level is not None and level >= Level.ADMIN
    organization = world.organizations[project.organization_id]
    fields = {
        **project.fields,
        "effective_membership_level": level,
        "user_access_level": None if level is None else "admin" if is_admin else "member",
        "live_events_token": build_live_events_token(project, user, world.clock()),
        "heatmaps_screenshot_secret": project.screenshot_secret if is_admin else None,
        "product_intents": [
            {
                "product_type": intent.product_type,
                "created_at": timestamp(intent.created_at),
                "onboarding_completed_at": _optional_timestamp(intent.onboarding_completed_at),
                "updated_at": timestamp(intent.updated_at),
            }
            for intent in project.intents.values()
        ],
    }
    if not organization.has_color_themes:
        fields["default_data_theme"] = DEFAULT_THEME
    return _without(fields, _hidden_fields(world))


def serialize_team(world: World, project: Project, user: User) -> Fields:
    """Return the team object of the product intents: it lacks the fields that only projects have."""
    fields = {**serialize_project(world, project, user), "project_id": project.id}
    return _without(fields, _NOT_ON_TEAMS)


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
