"""The refusals that hang on an organization: which one it is, and what it allows."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from projects_mcp.errors.context import NOT_CHANGED, FailureContext
from projects_mcp.errors.refusal import Refusal
from projects_mcp.sanitize.text import listed

__all__ = ["OrganizationNeeded", "OrganizationReadOnly"]


class OrganizationNeeded(Refusal):
    """A project would be created, and the key works in several organizations: `organizations`."""

    kind = "organization_needed"
    organizations: Sequence[UUID]

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        del at
        return (
            f"The PostHog key works in several organizations, and a project is created in one. {NOT_CHANGED} Ask the "
            f"user which one, and give it as organization_id: {listed(self.organizations)}."
        )


class OrganizationReadOnly(Refusal):
    """The organization allows assistants to read only, or each organization does that the key reaches."""

    kind = "read_only_organization"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"The organization allows assistants to read only, which does not allow {at.tool}. {NOT_CHANGED} "
            f"An organization admin can change that at {at.origin}/settings/organization."
        )
