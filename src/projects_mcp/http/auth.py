"""Bearer authentication: from the headers of a request to its caller, or to the challenge that refuses it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from projects_mcp.http.callers import SCOPES, Caller
from projects_mcp.http.jwks import IssuerUnavailable
from projects_mcp.http.jwt import InvalidToken, Issuer
from projects_mcp.http.middleware import replay_body
from projects_mcp.http.tenants import Tenants
from projects_mcp.protocol.caller_token import CallerToken
from projects_mcp.tools.catalog import CATALOG

__all__ = ["BearerAuthentication", "CallerIdentity", "RequiredScopes"]

_SCOPES_OF_TOOLS: Final = {tool.name: SCOPES[:1] if tool.effect.reads else SCOPES for tool in CATALOG}


class AuthError(HTTPException):
    """A request without usable credentials. Its sentence says what was wrong and what to do."""


class BearerAuthentication:
    """Finds the caller of each request by its bearer token, and keeps it in the request's state.

    If there is neither a callers file nor an issuer, every request comes in, and has no caller.

    Args:
        app: answers the requests that come in.
        tenants: hold the present content of the callers file.
        issuer: its JSON Web Tokens are accepted; None for nobody's.
        metadata: the address of the document that names the issuer; None if there is no issuer.
    """

    def __init__(self, app: ASGIApp, tenants: Tenants, issuer: Issuer | None, metadata: str | None) -> None:
        self._app = app
        self._tenants = tenants
        self._issuer = issuer
        self._metadata = metadata

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            AuthError: 401 without a valid token, 400 with two, 503 if none can be checked now.
        """
        state = scope.setdefault("state", {})
        if self._tenants.callers is not None or self._issuer is not None:
            state["caller"] = await self._authenticate(scope)
        await self._app(scope, receive, send)

    async def _authenticate(self, scope: Scope) -> Caller:
        token = self._token(scope)
        callers = self._tenants.callers
        known = callers.of_token(token) if callers is not None else None
        if known is not None:
            return known
        if self._issuer is None:
            raise self._invalid_token("the token is not known")
        try:
            return await self._issuer.caller_of(token)
        except InvalidToken as error:
            raise self._invalid_token(str(error)) from None
        except IssuerUnavailable:
            raise AuthError(503, "The issuer of tokens cannot be reached; try again.", {"Retry-After": "30"}) from None

    def _token(self, scope: Scope) -> str:
        given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
        if len(given) > 1:
            raise AuthError(400, "There is more than one Authorization header.")
        kind, _, token = (given[0] if given else "").partition(" ")
        token = token.strip()
        if kind.lower() != "bearer" or not token:
            header = challenge(self._metadata, scope="project:read")
            raise AuthError(401, "A bearer token is needed: Authorization: Bearer …", header)
        return token

    def _invalid_token(self, why: str) -> AuthError:
        header = challenge(self._metadata, error="invalid_token", error_description=why, scope="project:read")
        return AuthError(401, f"The bearer token is not accepted: {why}.", header)


class RequiredScopes:
    """Refuses a call whose JSON Web Token lacks a scope that the tool needs, before the call runs.

    Stands behind `BodyLimit`, which hands on the body in one message. For a caller of the callers file the tool itself
    refuses, in its own words.

    Args:
        app: answers the requests that come in.
        metadata: the address of the document that names the issuer; None if there is no issuer.
    """

    def __init__(self, app: ASGIApp, metadata: str | None) -> None:
        self._app = app
        self._metadata = metadata

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            AuthError: 403 `insufficient_scope`, naming all scopes that the tool needs.
        """
        caller: Caller | None = scope["state"].get("caller")
        if caller is not None and caller.issuer is not None:
            body: bytes = (await receive())["body"]
            self._require(caller, _SCOPES_OF_TOOLS.get(_tool_of(body), ()))
            receive = replay_body(body, receive)
        await self._app(scope, receive, send)

    def _require(self, caller: Caller, needed: Iterable[str]) -> None:
        scopes = list(needed)
        if all(map(caller.rights.has, scopes)):
            return
        header = challenge(self._metadata, error="insufficient_scope", scope=" ".join(scopes))
        raise AuthError(403, f"The token lacks a scope: {' and '.join(scopes)} are needed.", header)


class CallerIdentity:
    """Puts the caller into the request's scope as the SDK's authenticated user, with its tool runner.

    Stands behind `BodyLimit`: a caller whose rights change while the body arrives runs with those of then.

    Args:
        app: the SDK's `AuthContextMiddleware`.
        tenants: hold the runner of each caller.
    """

    def __init__(self, app: ASGIApp, tenants: Tenants) -> None:
        self._app = app
        self._tenants = tenants

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        caller: Caller | None = scope["state"].get("caller")
        if caller is not None:
            scope["user"] = AuthenticatedUser(self._token_of(caller))
        await self._app(scope, receive, send)

    def _token_of(self, caller: Caller) -> CallerToken:
        """Describe a caller as the SDK wants it. The bearer token itself goes no further than authentication."""
        return CallerToken(
            token="",
            client_id=caller.name,
            scopes=sorted(caller.rights.scopes or ()),
            subject=caller.name,
            claims=None if caller.issuer is None else {"iss": caller.issuer},
            runner=self._tenants.runner_of(caller),
        )


def challenge(metadata: str | None, **parameters: str) -> Mapping[str, str]:
    """Return the header that asks for a token: RFC 6750, RFC 9728."""
    if metadata is not None:
        parameters["resource_metadata"] = metadata
    listed = ", ".join(f'{name}="{value}"' for name, value in parameters.items())
    return {"WWW-Authenticate": f"Bearer {listed}".rstrip()}


def _tool_of(body: bytes) -> str:
    """Return the name of the tool that a request calls; empty for other requests, and for what cannot be read."""
    try:
        message = json.loads(body)
        name = message["params"]["name"] if message["method"] == "tools/call" else ""
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return name if isinstance(name, str) else ""
