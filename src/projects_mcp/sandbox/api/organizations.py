"""The organizations of a user, which a key with `organization:read` may read."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from projects_mcp.sandbox.api.permissions import has_scope, is_unlimited
from projects_mcp.sandbox.api.request import ApiRequest
from projects_mcp.sandbox.errors import forbidden
from projects_mcp.sandbox.world.state import Fields, Organization

PATH = "/api/organizations"

_SCOPE = "organization:read"
_LIMIT = 100


def list_organizations(request: ApiRequest) -> Response:
    """Respond with a page of the organizations that the user belongs to and the key covers.

    Query: ``limit`` and ``offset``.

    Raises:
        ApiError: 403 without the scope, and for a key that is restricted to projects.
    """
    key = request.principal.key
    if key is not None and not is_unlimited(request, key):
        if key.scoped_teams:
            raise forbidden("API keys with scoped projects are only supported on project-based endpoints.")
        if not has_scope(key, _SCOPE):
            raise forbidden(f"API key missing required scope '{_SCOPE}'")
    covered = key.scoped_organizations if key is not None else ()
    found = [
        organization
        for organization in request.world.organizations.values()
        if request.world.level(request.user.id, organization.id) is not None
        and (not covered or organization.id in covered)
    ]
    query = request.http.query_params
    limit, offset = (int(text) if text.isdecimal() else 0 for text in (query.get("limit", ""), query.get("offset", "")))
    rows = found[offset : offset + (limit or _LIMIT)]
    return JSONResponse(
        {"count": len(found), "next": None, "previous": None, "results": [_serialize(request, row) for row in rows]}
    )


def _serialize(request: ApiRequest, organization: Organization) -> Fields:
    fields: Fields = {
        "id": organization.id,
        "name": organization.name,
        "slug": organization.name.lower().replace(" ", "-"),
        "membership_level": int(request.world.level(request.user.id, organization.id) or 0),
        "members_can_use_personal_api_keys": organization.allows_personal_api_keys,
        "default_anonymize_ips": organization.default_anonymize_ips,
    }
    if not request.world.behaviour.former_rules:
        fields["read_only_mcp_access"] = organization.mcp_read_only
    return fields
