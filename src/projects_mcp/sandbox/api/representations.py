"""What the API answers about a project, which depends on who asks."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from projects_mcp.sandbox.world.state import Fields, Level, Project, User, World, timestamp

DEFAULT_THEME = 1
"""The colour theme that is answered for organizations whose plan has no themes of their own."""

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
"""What an item of the list holds: no secret, no setting, no sign of a pending deletion."""

_NOT_ON_TEAMS = frozenset({"product_description", "is_pending_deletion", "deletion_scheduled_at"})
_TOKEN_LIFE = timedelta(days=7)


def project_answer(world: World, project: Project, user: User) -> Fields:
    """Return the full project object, with its secrets in clear as PostHog gives them to every member."""
    level = world.level(user.id, project.organization_id)
    is_admin = level is not None and level >= Level.ADMIN
    organization = world.organizations[project.organization_id]
    answer = {
        **project.fields,
        "effective_membership_level": level,
        "user_access_level": None if level is None else "admin" if is_admin else "member",
        "live_events_token": live_events_token(project, user, world.clock()),
        "heatmaps_screenshot_secret": project.screenshot_secret if is_admin else None,
        "product_intents": [
            {
                "product_type": intent.product_type,
                "created_at": timestamp(intent.created_at),
                "onboarding_completed_at": _moment(intent.onboarding_completed_at),
                "updated_at": timestamp(intent.updated_at),
            }
            for intent in project.intents.values()
        ],
    }
    if not organization.has_color_themes:
        answer["default_data_theme"] = DEFAULT_THEME
    return _without(answer, _hidden(world))


def team_answer(world: World, project: Project, user: User) -> Fields:
    """Return the team object that the product intents answer: it lacks what only projects have."""
    answer = {**project_answer(world, project, user), "project_id": project.id}
    return _without(answer, _NOT_ON_TEAMS)


def list_answer(world: World, project: Project) -> Fields:
    """Return one item of the list."""
    return _without({name: project.fields[name] for name in LIST_FIELDS}, _hidden(world))


def _hidden(world: World) -> frozenset[str]:
    behaviour = world.behaviour
    hidden = set(behaviour.absent_fields)
    if not behaviour.webhook_writable:
        hidden.add("slack_incoming_webhook")
    if not behaviour.project_id_in_answers:
        hidden.add("project_id")
    return frozenset(hidden)


def _without(answer: Fields, names: frozenset[str]) -> Fields:
    return {name: value for name, value in answer.items() if name not in names}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else timestamp(moment)


def live_events_token(project: Project, user: User, now: datetime) -> str:
    """Return a token of the form ``eyJ….….…`` for this project and person.

    PostHog's behaviour: it is valid for seven days and the same for a day, unless the project token or the organization
    changes. The signature here is a hash and proves nothing.
    """
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    claims = {
        "team_id": project.id,
        "api_token": project.fields["api_token"],
        "user_id": user.id,
        "organization_id": project.organization_id,
        "exp": int((day + _TOKEN_LIFE).timestamp()),
        "aud": "posthog:livestream",
    }
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{signed}.{_base64(hashlib.sha256(signed.encode()).digest())}"


def _part(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
