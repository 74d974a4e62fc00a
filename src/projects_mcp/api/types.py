"""References to organizations and projects, and the JSON object that PostHog answers."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, TypeAlias
from uuid import UUID

__all__ = [
    "CURRENT",
    "MAX_ID",
    "Current",
    "JSONObject",
    "LargeObject",
    "OrganizationRef",
    "ProjectRef",
    "are_project_ids",
    "organization_of",
    "organization_uuid",
    "parse_uuid",
]

JSONObject: TypeAlias = dict[str, Any]


class LargeObject(dict[str, Any]):
    """A JSON object of so many bytes that work on it would hold the event loop for long."""


class Current(StrEnum):
    """The one symbolic reference that PostHog knows: whatever the credential's owner has open in the browser."""

    CURRENT = "@current"


CURRENT: Final = Current.CURRENT
MAX_ID: Final = 2**53 - 1
"""The largest integer that every JSON implementation reads exactly."""

OrganizationRef: TypeAlias = UUID | Current
ProjectRef: TypeAlias = int | Current


def are_project_ids(*values: object) -> bool:
    """Whether values of PostHog's can be ids of projects: neither 0 nor negative, no boolean, float or text."""
    return all(type(value) is int and 0 < value <= MAX_ID for value in values)


def parse_uuid(value: object) -> UUID | None:
    """Read the UUID of an organization as PostHog states it; None for anything else."""
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def organization_uuid(text: str) -> UUID | None:
    """Read the UUID of an organization in its usual spelling; Python reads more spellings than are good for a path."""
    organization = parse_uuid(text)
    return organization if organization is not None and str(organization) == text.lower() else None


def organization_of(project: Mapping[str, Any], otherwise: OrganizationRef) -> OrganizationRef:
    """Return the concrete organization that a project names, or `otherwise` if it names none."""
    return parse_uuid(project.get("organization")) or otherwise
