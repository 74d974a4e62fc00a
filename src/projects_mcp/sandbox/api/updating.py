"""Store an update.

PostHog's behaviour: only the sent fields change. ``survey_config``, ``modifiers``, ``conversations_settings`` and the
configurations are merged with the stored objects; ``session_replay_config`` and the ``sources_map`` of marketing on a
second level too; everything else, lists included, is replaced. Only PostHog writes the tokens in
``conversations_settings``.
"""

from __future__ import annotations

from typing import Any

from projects_mcp.sandbox.errors import forbidden, server_error
from projects_mcp.sandbox.validation.former import merge_former_survey
from projects_mcp.sandbox.validation.refinements import MANAGED_CONVERSATION_KEYS
from projects_mcp.sandbox.validation.rules import Merge, rule_of
from projects_mcp.sandbox.world.activity_log import record_changes
from projects_mcp.sandbox.world.catalogs import RETENTION_PERIODS
from projects_mcp.sandbox.world.state import Fields, Organization, Project, World, timestamp

_QUIET = frozenset({"product_description"})
_QUIET_FORMERLY = frozenset({"product_description", "name"})
_WIDGET_TOKEN = "widget_public_token"


def update_project(world: World, project: Project, user_id: int, values: Fields) -> None:
    """Store validated values and record the changes in the activity log.

    PostHog's behaviour: a sent setting changes ``updated_at``, even with its old value; a new description alone does
    not, and in older versions nor does a new name.

    Raises:
        ApiError: 403 for a retention period above the plan, 500 for a plan without one.
    """
    if "session_recording_retention_period" in values:
        organization = world.organizations[project.organization_id]
        _check_retention(values["session_recording_retention_period"], organization)
    before = dict(project.fields)
    behaviour = world.behaviour
    stored = {name: _merge(rule_of(name, behaviour).merge, before.get(name), value) for name, value in values.items()}
    if behaviour.former_rules and "survey_config" in values:
        stored["survey_config"] = merge_former_survey(before["survey_config"], values["survey_config"])
    _update_conversations(world, before, values, stored)
    stored.update({name: value for name, value in world.behaviour.renamed_values.items() if name in values})
    project.fields.update(stored)
    world.move(project)
    if stored.keys() - (_QUIET_FORMERLY if behaviour.former_rules else _QUIET):
        project.fields["updated_at"] = timestamp(world.clock())
    record_changes(world, project, user_id, before)


def _check_retention(period: str, organization: Organization) -> None:
    longest = organization.longest_retention
    if longest is None:
        raise server_error("Invalid retention entitlement.")
    if RETENTION_PERIODS.index(period) > RETENTION_PERIODS.index(longest):
        raise forbidden(
            f"This organization does not have permission to set retention period of length '{period}' - "
            f"longest allowable retention period is '{longest}'."
        )


def _merge(merge: Merge, stored: Any, sent: Any) -> Any:
    if merge == "replace" or not isinstance(stored, dict) or not isinstance(sent, dict):
        return sent
    if merge == "keys":
        return {**stored, **sent}
    if merge == "partial":
        return {**stored, **sent, **_merge_sources(stored, sent)}
    return {**stored, **{name: _merge("keys", stored.get(name), part) for name, part in sent.items()}}


def _merge_sources(stored: Fields, sent: Fields) -> Fields:
    sources = sent.get("sources_map")
    if not isinstance(sources, dict):
        return {}
    kept = {**(stored.get("sources_map") or {}), **sources}
    return {"sources_map": {name: source for name, source in kept.items() if source is not None}}


def _update_conversations(world: World, before: Fields, values: Fields, stored: Fields) -> None:
    settings = before["conversations_settings"]
    if "conversations_settings" in values and stored["conversations_settings"] is None:
        stored["conversations_settings"] = _clear_conversations(world, settings)
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


def _clear_conversations(world: World, settings: Fields | None) -> Fields | None:
    if not settings or not world.behaviour.manages_conversations:
        return None
    return {name: value for name, value in settings.items() if name in MANAGED_CONVERSATION_KEYS} or None
