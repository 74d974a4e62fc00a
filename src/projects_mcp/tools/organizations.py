"""List the organizations of the key's owner, so that a project can be moved or looked up by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from projects_mcp.api.types import CURRENT, JSONObject, OrganizationRef, parse_uuid
from projects_mcp.errors.connection import InvalidResponse
from projects_mcp.errors.refusals import InvalidArguments
from projects_mcp.gateway.context import ToolContext
from projects_mcp.policy.authorization import Authorization
from projects_mcp.tools.tool import tool
from projects_mcp.tools.views import ROLES

__all__ = ["NO_ORGANIZATION", "organization_list", "organization_of_call"]

NO_ORGANIZATION: Final = (
    "`{}` must be the UUID of an organization{}. Its slug does too, where the key has organization:read: "
    "organization_list shows both."
)
"""What is said of an organization that is named in another way. Takes the argument, and what else it may be."""
_MOST: Final = 1_000
"""Organizations in one answer. Nobody has as many."""


def organization_of_call(named: str, authorization: Authorization) -> OrganizationRef:
    """Read the `organization_id` of a call: a UUID, a slug that the call may know, or `@current`.

    Raises:
        InvalidArguments: it is none of these.
    """
    organization = CURRENT if named == CURRENT.value else authorization.organization_named(named)
    if organization is None:
        raise InvalidArguments(problems=[NO_ORGANIZATION.format("organization_id", ", or @current")])
    return organization


@tool(
    "organization_list",
    "List organizations",
    "List the organizations (companies) you are a member of in PostHog. Shows UUID, name, slug and role so that calls "
    "can name one.",
)
async def organization_list(context: ToolContext) -> JSONObject:
    """Return the organizations that the call may know."""
    answer = await context.read({"limit": _MOST})
    rows = answer.get("results")
    if not isinstance(rows, list):
        raise InvalidResponse("shape")
    shown = [_row(row) for row in rows if isinstance(row, dict) and _may_know(context, row)]
    result: JSONObject = {"organizations": shown}
    if answer.get("next"):
        result["incomplete"] = f"PostHog has more than {_MOST}."
    return result


def _may_know(context: ToolContext, row: Mapping[str, Any]) -> bool:
    """Whether the call may know an organization: a caller over HTTP, and a key, can be held to some."""
    place, authorization = parse_uuid(row.get("id")), context.authorization
    caller = None if authorization.caller is None else authorization.caller.organizations
    return all(allowed is None or place in allowed for allowed in (caller, authorization.key.organizations))


def _row(row: Mapping[str, Any]) -> JSONObject:
    shown: JSONObject = {name: row.get(name) for name in ("id", "name", "slug")}
    level = row.get("membership_level")
    if isinstance(level, int) and level in ROLES:
        shown["your_role"] = ROLES[level]
    if row.get("read_only_mcp_access") is True:
        shown["assistants"] = "read only"
    return {name: value for name, value in shown.items() if value is not None}
