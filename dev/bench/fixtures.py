"""The objects that the scripted upstream answers, made from the sandbox's: they have PostHog's fields and size."""

from datetime import UTC, datetime
from typing import Any, Final

from projects_mcp.sandbox import ACME_ID, ADMIN_ID, ALL_ACCESS_KEY, MOBILE_ID, PRODUCTION_ID, seed
from projects_mcp.sandbox.api.representations import serialize_list_item, serialize_project
from projects_mcp.sandbox.api.request import Principal

__all__ = ["KEY", "ORDINARY_ID", "PROJECT_ID", "full_project", "introspection", "page"]

PROJECT_ID: Final = PRODUCTION_ID
"""A project in use with much of it configured."""
ORDINARY_ID: Final = MOBILE_ID
"""A project in use with most settings left as they were."""
KEY: Final = ALL_ACCESS_KEY
"""An invented key; the scripted upstream takes any."""
_NOW: Final = datetime(2026, 10, 1, 12, tzinfo=UTC)
"""A standing clock: the same objects, byte for byte, in every run."""
_NAMES: Final = ("web", "mobile", "staging", "shop", "docs", "tools", "landing pages", "backend", "beta", "blog")
_ABROAD, _UNUSED = 1, 2
"""Of every ten projects of a list, which is in another time zone, and which has never received an event."""


def full_project(project_id: int = PROJECT_ID) -> dict[str, Any]:
    """Return the full object of a project, as PostHog answers it to an admin."""
    world = seed(clock=lambda: _NOW)
    return serialize_project(world, world.projects[project_id], Principal(world.users[ADMIN_ID], None))


def page(count: int, phrase: str = "") -> dict[str, Any]:
    """Return a list of that many projects, all on one page, whose names end with a phrase that was searched."""
    world = seed(clock=lambda: _NOW)
    usual = serialize_list_item(world, world.projects[PROJECT_ID])
    return {"count": count, "next": None, "previous": None, "results": [_row(usual, at, phrase) for at in range(count)]}


def _row(usual: dict[str, Any], at: int, phrase: str) -> dict[str, Any]:
    number, used = at % len(_NAMES), at % len(_NAMES) != _UNUSED
    return {
        **usual,
        "id": PROJECT_ID + at,
        "project_id": PROJECT_ID + at,
        "uuid": f"018f3a2e-7b00-0000-8a11-{at:012x}",
        "api_token": f"phc_{at:04d}{usual['api_token'][8:]}",
        "name": f"Acme {_NAMES[number]} {at // len(_NAMES) + 1}{phrase and f' {phrase}'}",
        "timezone": "Europe/Berlin" if number == _ABROAD else "UTC",
        "ingested_event": used,
        "completed_snippet_onboarding": used,
    }


def introspection() -> dict[str, Any]:
    """Return what PostHog says of a personal key that may do everything."""
    return {
        "id": "benchkey",
        "label": "Bench",
        "created_at": "2026-01-12T09:30:00Z",
        "scopes": ["*"],
        "scoped_teams": [],
        "scoped_organizations": [],
        "user": {"organization": ACME_ID},
    }
