"""What PostHog says of the organizations of the key's owner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from projects_mcp.api.types import parse_uuid

__all__ = ["KnownOrganization", "known_organizations"]


class KnownOrganization(NamedTuple):
    """One organization, as of the last time that PostHog was asked.

    Attributes:
        id: its UUID.
        name: as people wrote it.
        slug: as it stands in addresses of PostHog's pages; empty if PostHog does not say.
        read_only: whether it allows assistants to read only (`read_only_mcp_access`).
    """

    id: UUID
    name: str
    slug: str
    read_only: bool


def known_organizations(answer: Mapping[str, Any]) -> tuple[KnownOrganization, ...]:
    """Read a page of organizations as PostHog answers it. What cannot be read is left out."""
    rows = answer.get("results")
    found = (
        [(parse_uuid(row.get("id")), row) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    )
    return tuple(
        KnownOrganization(
            number, _text(row.get("name")), _text(row.get("slug")), row.get("read_only_mcp_access") is True
        )
        for number, row in found
        if number is not None
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
