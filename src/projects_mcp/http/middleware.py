"""The middlewares: the access record, errors as JSON, authentication, the method, scopes, the caller's identity."""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime
from typing import Any, Final

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from projects_mcp.http.approval.site import APPROVE_PATH, PASSKEY_PATH
from projects_mcp.http.auth import BearerAuthenticator
from projects_mcp.http.body import replay
from projects_mcp.http.callers import Caller
from projects_mcp.http.health import HEALTH_PATHS
from projects_mcp.http.resource_metadata import WELL_KNOWN_PATH
from projects_mcp.http.responses import json_response
from projects_mcp.http.tally import Tally
from projects_mcp.http.tenants import Tenants
from projects_mcp.protocol.caller_token import CallerToken
from projects_mcp.sanitize.redaction import Redactor

__all__ = [
    "MCP_PATH",
    "MCP_PATHS",
    "AccessLog",
    "BearerAuthentication",
    "CallerIdentity",
    "JSONErrors",
    "PostOnly",
    "RequiredScopes",
]

logger: Final = logging.getLogger("projects_mcp.access")

MCP_PATH: Final = "/mcp"
MCP_PATHS: Final = (MCP_PATH, f"{MCP_PATH}/")
"""The paths of the server: many clients put a slash at the end."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class AccessLog:
    """Writes one record for each request, except those on health: no query, no header and no body.

    Args:
        app: answers the request.
        redactor: removes secrets from a caller's name before it stands in a line of JSON.
        tally: counts the requests too; None if nobody reads the counts.
    """

    def __init__(self, app: ASGIApp, redactor: Redactor, tally: Tally | None = None) -> None:
        self._app = app
        self._redactor = redactor
        self._tally = tally

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request and record it, whatever becomes of it."""
        if scope["type"] != "http" or scope["path"] in HEALTH_PATHS:
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        status: int | None = None

        async def send_and_note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note_status)
        finally:
            if self._tally is not None:
                self._tally.count_request(_recorded_path(scope["path"]), status)
            record = _access_record(scope, status, time.monotonic() - began)
            # Redacted as an object: whatever a subject is called, the line stays JSON.
            logger.info("%s", json.dumps(self._redactor.value(record), separators=(",", ":")))


def _access_record(scope: Scope, status: int | None, duration_s: float) -> dict[str, Any]:
    method, path, client = scope["method"], scope["path"], scope.get("client")
    caller = scope.get("state", {}).get("caller")
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "event": "request",
        "method": method if method in _METHODS else "other",
        "path": _recorded_path(path),
        "status": status,
        "duration_ms": round(duration_s * 1000, 1),
        "client": client[0] if client else None,  # without the port: whoever guesses is blocked by address
        **({} if caller is None else {"caller": caller.grant.name}),
    }


def _recorded_path(path: str) -> str:
    """Return a path as it is recorded: nothing of it that a stranger can choose."""
    if path.startswith(WELL_KNOWN_PATH):
        return WELL_KNOWN_PATH
    if path.startswith(f"{APPROVE_PATH}/"):
        return f"{APPROVE_PATH}/…"  # the code that follows opens an approval
    if path.startswith(f"{PASSKEY_PATH}/"):
        return f"{PASSKEY_PATH}/…"  # the code that follows is an invitation
    return path if path in {*MCP_PATHS, APPROVE_PATH} else "other"


class JSONErrors:
    """Answers an `HTTPException` with its status, its headers and its sentence as JSON."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            await self._app(scope, receive, send)
        except HTTPException as error:
            await json_response({"error": error.detail}, error.status_code, error.headers)(scope, receive, send)


class BearerAuthentication:
    """Finds the caller of each request, and keeps it in the request's state, with what `Reauthentication` needs."""

    def __init__(self, app: ASGIApp, tenants: Tenants, authenticator: BearerAuthenticator) -> None:
        self._app = app
        self._tenants = tenants
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            AuthError: 400, 401 or 503, see `BearerAuthenticator.authenticate`.
        """
        state = scope.setdefault("state", {})
        state["callers"] = self._tenants.callers
        state["caller"], state["expires_at"] = await self._authenticator.authenticate(scope["headers"])
        await self._app(scope, receive, send)


class PostOnly:
    """Refuses every method but POST: a stateless server sends nothing by itself, and has no session to end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            HTTPException: 405, it is no POST.
        """
        if scope["method"] != "POST":
            raise HTTPException(405, f"{MCP_PATH} takes POST only.", {"Allow": "POST"})
        await self._app(scope, receive, send)


class RequiredScopes:
    """Refuses a call whose token lacks a scope that the tool needs, before the call runs.

    Stands behind `BodyLimit`, which hands on the body in one message.
    """

    def __init__(self, app: ASGIApp, authenticator: BearerAuthenticator) -> None:
        self._app = app
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            AuthError: 403, see `BearerAuthenticator.require_scopes`.
        """
        caller: Caller | None = scope["state"]["caller"]
        if caller is not None and caller.issuer is not None:
            body: bytes = (await receive())["body"]
            self._authenticator.require_scopes(caller, body)
            receive = replay(body, receive)
        await self._app(scope, receive, send)


class CallerIdentity:
    """Puts the caller into the request's scope as the SDK's authenticated user, with its tool runner.

    Stands behind `Reauthentication`: the call runs with what the callers file says after its body has arrived.
    """

    def __init__(self, app: ASGIApp, tenants: Tenants) -> None:
        self._app = app
        self._tenants = tenants

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        caller: Caller | None = scope["state"]["caller"]
        if caller is not None:
            runner, expires_at = self._tenants.runner_of(caller), scope["state"]["expires_at"]
            scope["user"] = AuthenticatedUser(
                CallerToken(
                    token="",  # the bearer token itself goes no further than authentication
                    client_id=caller.name,
                    scopes=sorted(caller.grant.scopes),
                    subject=caller.name,
                    claims=None if caller.issuer is None else {"iss": caller.issuer},
                    runner=runner if caller.issuer is None else runner.until(expires_at),
                )
            )
        await self._app(scope, receive, send)
