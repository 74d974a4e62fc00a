"""Fields of a project that PostHog sets itself: who or what does, as the end of a sentence.

PostHog answers 200 to a change of one of them and ignores it, so whoever sends one needs to know the way that works.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["OWN_FIELDS"]

_AT_CREATION: Final = "PostHog sets it when a project is created, and it stays"
_BY_ITSELF: Final = "PostHog keeps it by itself, and nobody can set it"
_ROLE: Final = "it is the role of the person who asks, which a project admin grants in PostHog"
_PLAN: Final = "it follows from the organization's plan, which a person can change in PostHog"
_MOVE: Final = "project_change_organization moves a project to another organization"
_DELETION: Final = "project_delete begins a deletion"
_SECRET: Final = "project_rotate_secret_token makes a new secret"

OWN_FIELDS: Final[Mapping[str, str]] = {
    "access_control": "PostHog has given it up, and refuses every value of it",
    "api_token": "project_reset_token makes a new token",
    "available_setup_task_ids": _BY_ITSELF,
    "created_at": _AT_CREATION,
    "default_modifiers": f"{_BY_ITSELF}; the setting is `modifiers`",
    "deletion_scheduled_at": _DELETION,
    "effective_membership_level": _ROLE,
    "event_retention_months": _PLAN,
    "events_retention_enforced": _PLAN,
    "flag_evaluations_mode": _BY_ITSELF,
    "group_types": "PostHog learns group types from the events that are sent",
    "has_group_types": "PostHog learns group types from the events that are sent",
    "heatmaps_screenshot_secret": "a project admin can make a new one in PostHog",
    "id": _AT_CREATION,
    "ingested_event": "PostHog sets it when the first event arrives",
    "is_pending_deletion": _DELETION,
    "live_events_token": _BY_ITSELF,
    "managed_viewsets": _BY_ITSELF,
    "organization": _MOVE,
    "organization_id": _MOVE,
    "person_on_events_querying_enabled": _BY_ITSELF,
    "product_intents": "project_add_product_intent records one",
    "project_id": "it is an argument of its own, beside `settings`",
    "secret_api_token": _SECRET,
    "secret_api_token_backup": f"{_SECRET}, and the former one becomes the backup",
    "updated_at": _BY_ITSELF,
    "user_access_level": _ROLE,
    "uuid": _AT_CREATION,
}
"""Field -> what is said of it."""
