"""Many projects: one for each customer and environment, as agencies and platform teams have them.

Everything follows from the number of the project, so that two fleets of one size are the same.
"""

from __future__ import annotations

from typing import Final

from projects_mcp.sandbox.seed import ACME_ID, make_project
from projects_mcp.sandbox.world.state import Fields, World

__all__ = ["FIRST_FLEET_ID", "MOST_FLEET_PROJECTS", "add_fleet"]

FIRST_FLEET_ID: Final = 40_001
"""The id of the first project of a fleet."""
MOST_FLEET_PROJECTS: Final = 2_000
"""PostHog's own cap of projects in an organization."""

_ENVIRONMENTS: Final = ("production", "staging", "development")
_ZONES: Final = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo")
_CURRENCIES: Final = ("USD", "EUR", "USD", "JPY")
_SAMPLES: Final = (None, "1.00", "0.50", "0.10")


def add_fleet(world: World, count: int, organization_id: str = ACME_ID) -> list[int]:
    """Add projects to an organization of a world.

    Args:
        world: of `seed`.
        count: how many, from 1 to 2,000.
        organization_id: of one of its organizations.

    Returns:
        Their ids, in order.
    """
    ids = list(range(FIRST_FLEET_ID, FIRST_FLEET_ID + count))
    for at, project_id in enumerate(ids):
        name = f"customer-{at // len(_ENVIRONMENTS) + 1:03} {_ENVIRONMENTS[at % len(_ENVIRONMENTS)]}"
        age_days = 30 + at % 700
        project = make_project(world, project_id, organization_id, name, age_days, **_settings(at))
        world.projects[project_id] = project
    world.next_project_id = max(world.next_project_id, ids[-1] + 1) if ids else world.next_project_id
    return ids


def _settings(at: int) -> Fields:
    """Return what sets one project apart. A customer's production is in use; the policy on addresses has gaps."""
    customer, environment = divmod(at, len(_ENVIRONMENTS))
    in_use = environment == 0
    records = in_use and customer % 3 != 2  # noqa: PLR2004 - one customer in three records no sessions
    return {
        "ingested_event": in_use or customer % 4 == 0,
        "completed_snippet_onboarding": in_use,
        "anonymize_ips": not (in_use and customer % 5 == 0) and environment != 2,  # noqa: PLR2004 - development
        "timezone": _ZONES[customer % len(_ZONES)],
        "base_currency": _CURRENCIES[customer % len(_CURRENCIES)],
        "session_recording_opt_in": records,
        "session_recording_sample_rate": _SAMPLES[customer % len(_SAMPLES)] if records else None,
        "session_recording_retention_period": "90d" if records and customer % 2 else "30d",
        "autocapture_opt_out": True if environment else None,
        "heatmaps_opt_in": in_use and customer % 7 == 0,
        "app_urls": [f"https://customer-{customer + 1:03}.example"] if in_use else [],
        "tags": sorted({_ENVIRONMENTS[environment], "managed"}),
    }
