"""The description of the key that a request carries."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from projects_mcp.sandbox.api.request import ApiRequest
from projects_mcp.sandbox.errors import forbidden, not_found, server_error
from projects_mcp.sandbox.world.activity_log import mask
from projects_mcp.sandbox.world.state import timestamp

PATH = "/api/personal_api_keys/@current"


def introspect_key(request: ApiRequest) -> Response:
    """Respond with the scopes and restrictions of the personal key.

    PostHog's behaviour: a key that is older than scopes seems to have all of them.

    Raises:
        ApiError: 404 for a version without introspection and for a session, which in older versions is a 500, and 403
            for an OAuth token.
    """
    key, behaviour = request.principal.key, request.world.behaviour
    if not behaviour.key_introspection:
        raise not_found()
    if key is None:
        raise server_error() if behaviour.fails_on_odd_requests else not_found()
    if key.kind != "personal":
        raise forbidden("You do not have permission to perform this action.")
    return JSONResponse(
        {
            "id": key.id,
            "label": key.label,
            "value": None,
            "mask_value": mask(key.value),
            "created_at": timestamp(key.created_at),
            "last_used_at": timestamp(key.last_used_at) if key.last_used_at else None,
            "user_id": key.user_id,
            "scopes": ["*"] if key.scopes is None and behaviour.legacy_keys else list(key.scopes or ()),
            "scoped_teams": list(key.scoped_teams) or None,
            "scoped_organizations": list(key.scoped_organizations) or None,
            **({"last_rolled_at": None} if behaviour.introspects_last_roll else {}),
        }
    )
