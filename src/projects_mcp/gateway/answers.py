"""Hold PostHog's answer to a write to the project that was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from projects_mcp.api.types import CURRENT, JSONObject, OrganizationRef, ProjectRef, parse_uuid
from projects_mcp.errors.connection import InvalidResponse

__all__ = ["require_project"]


def require_project(
    answer: JSONObject,
    organization: OrganizationRef,
    project: ProjectRef | None,
    body: Mapping[str, Any],
    known_name: object,
) -> None:
    """Make sure that an answer describes the project that was written.

    Args:
        answer: what PostHog answered.
        organization: where the write went.
        project: what was written; None if it is a new one.
        body: what was sent.
        known_name: the project's name as it was last read; None if it was not.

    Raises:
        InvalidResponse: it does not, so what became of the write has to be read back.
    """
    number, name = answer.get("id"), answer.get("name")
    if type(number) is not int or number < 1 or number != (project or number) or not isinstance(name, str):
        raise InvalidResponse("shape")
    names = {known.strip() for known in (known_name, body.get("name")) if isinstance(known, str)}
    places = {str(organization), str(body.get("organization_id", organization))}
    elsewhere = str(answer.get("organization", organization)) not in places
    if organization is CURRENT:
        elsewhere = "organization" in answer and parse_uuid(answer["organization"]) is None
    if elsewhere or (names and name.strip() not in names):
        raise InvalidResponse("shape")
