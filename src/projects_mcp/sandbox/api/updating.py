"""Storing what an update changes.

PostHog's behaviour: only the sent fields change. ``survey_config`` and ``modifiers`` are merged with what is stored, so
are the analytics configurations; ``session_replay_config`` is merged one level further down as well; everything else,
lists included, is replaced whole. ``conversations_settings`` is merged, and its tokens are PostHog's own.
"""

from __future__ import annotations

from typing import Any

from projects_mcp.sandbox.errors import forbidden, server_error
from projects_mcp.sandbox.validation.rules import BY_NAME, Merge
from projects_mcp.sandbox.validation.serializer import MANAGED_CONVERSATION_KEYS
from projects_mcp.sandbox.world.catalogs import RETENTION_PERIODS
from projects_mcp.sandbox.world.history import record_differences
from projects_mcp.sandbox.world.state import Fields, Organization, Project, World, timestamp

_WIDGET_TOKEN = "widget_public_token"


def update_project(world: World, project: Project, user_id: int, values: Fields) -> None:
    """Store validated values and write the log.

    PostHog's behaviour: ``updated_at`` moves when a setting was sent, even with the value it had; a new description
    alone does not move it.

    Raises:
        ApiError: 403 for a retention period above the plan, 500 where the plan names none.
    """
    if "session_recording_retention_period" in values:
        organization = world.organizations[project.organization_id]
        _check_retention(values["session_recording_retention_period"], organization)
    before = dict(project.fields)
    stored = {name: _merged(BY_NAME[name].merge, before.get(name), value) for name, value in values.items()}
    _settle_conversations(world, before, values, stored)
    stored.update({name: value for name, value in world.behaviour.renamed_values.items() if name in values})
    project.fields.update(stored)
    if stored.keys() - {"product_description"}:
        project.fields["updated_at"] = timestamp(world.clock())
    record_differences(world, project, user_id, before)


def _check_retention(period: str, organization: Organization) -> None:
    longest = organization.longest_retention
    if longest is None:
        raise server_error("Invalid retention entitlement.")
    if RETENTION_PERIODS.index(period) > RETENTION_PERIODS.index(longest):
        raise forbidden(
            f"This organization does not have permission to set retention period of length '{period}' - "
            f"longest allowable retention period is '{longest}'."
        )


def _merged(merge: Merge, stored: Any, sent: Any) -> Any:
    if merge == "replace" or not isinstance(stored, dict) or not isinstance(sent, dict):
        return sent
    if merge == "keys":
        return {**stored, **sent}
    return {**stored, **{name: _merged("keys", stored.get(name), part) for name, part in sent.items()}}


def _settle_conversations(world: World, before: Fields, values: Fields, stored: Fields) -> None:
    settings = before["conversations_settings"]
    if "conversations_settings" in values and stored["conversations_settings"] is None:
        stored["conversations_settings"] = _cleared(world, settings)
    if "conversations_enabled" not in values:
        return
    enabled, was_enabled = bool(values["conversations_enabled"]), bool(before["conversations_enabled"])
    if enabled == was_enabled:
        return
    current = stored.get("conversations_settings", settings) or {}
    if not enabled:
        stored["conversations_settings"] = {**current, _WIDGET_TOKEN: None}
    elif not current.get(_WIDGET_TOKEN):
        stored["conversations_settings"] = {**current, _WIDGET_TOKEN: world.new_token("")}


def _cleared(world: World, settings: Fields | None) -> Fields | None:
    if not settings or not world.behaviour.manages_conversations:
        return None
    return {name: value for name, value in settings.items() if name in MANAGED_CONVERSATION_KEYS} or None
