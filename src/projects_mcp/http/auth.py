"""Bearer authentication: from the headers of a request to its caller, or to the challenge that refuses it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Final, NamedTuple

from starlette.exceptions import HTTPException

from projects_mcp.http.callers import SCOPES, Caller
from projects_mcp.http.jwks import IssuerUnavailable
from projects_mcp.http.jwt import InvalidToken, Issuer
from projects_mcp.http.tenants import Tenants
from projects_mcp.tools.catalog import CATALOG

__all__ = ["AuthError", "Authenticated", "BearerAuthenticator"]

_SCOPES_OF_TOOLS: Final = {tool.name: SCOPES[:1] if tool.effect.reads else SCOPES for tool in CATALOG}


class AuthError(HTTPException):
    """A request without usable credentials. Its sentence says what was wrong and what to do."""


class Authenticated(NamedTuple):
    """Who makes a request.

    Attributes:
        caller: None if there is neither a callers file nor an issuer.
        expires_at: until when its token holds, in seconds since 1970.
    """

    caller: Caller | None = None
    expires_at: float = math.inf


class BearerAuthenticator:
    """Finds the caller of a request by its bearer token.

    Args:
        tenants: hold the present content of the callers file.
        issuer: its JSON Web Tokens are accepted; None for nobody's.
        metadata: the address of the document that names the issuer; None if there is no issuer.
    """

    def __init__(self, tenants: Tenants, issuer: Issuer | None, metadata: str | None) -> None:
        self._tenants = tenants
        self._issuer = issuer
        self._metadata = metadata

    async def authenticate(self, headers: Iterable[tuple[bytes, bytes]]) -> Authenticated:
        """Return whose request this is.

        Raises:
            AuthError: 401 without a valid token, 400 with two, 503 if none can be checked now.
        """
        callers = self._tenants.callers
        if callers is None and self._issuer is None:
            return Authenticated()
        token = self._bearer_token(headers)
        known = callers.of_token(token) if callers is not None else None
        if known is not None:
            return Authenticated(known)
        if self._issuer is None:
            raise self._invalid_token("the token is not known")
        try:
            return Authenticated(*await self._issuer.verify(token))
        except InvalidToken as error:
            raise self._invalid_token(str(error)) from None
        except IssuerUnavailable:
            raise AuthError(503, "The issuer of tokens cannot be reached; try again.", {"Retry-After": "30"}) from None

    def require_scopes(self, caller: Caller, body: bytes) -> None:
        """Make sure that a JSON Web Token has all scopes that the called tool needs.

        A caller of the callers file gets the refusal of the tool, in its own words.

        Raises:
            AuthError: 403 `insufficient_scope`, naming all scopes that the tool needs.
        """
        if caller.issuer is None or all(map(caller.grant.has, SCOPES)):
            return  # whatever it calls: the SDK alone reads the body
        needed = _SCOPES_OF_TOOLS.get(_tool_of(body), ())
        if all(map(caller.grant.has, needed)):
            return
        header = self._challenge(error="insufficient_scope", scope=" ".join(needed))
        raise AuthError(403, f"The token lacks a scope: {' and '.join(needed)} are needed.", header)

    def _bearer_token(self, headers: Iterable[tuple[bytes, bytes]]) -> str:
        given = [value.decode("latin-1") for name, value in headers if name == b"authorization"]
        if len(given) > 1:
            raise AuthError(400, "There is more than one Authorization header.")
        kind, _, token = (given[0] if given else "").partition(" ")
        token = token.strip()
        if kind.lower() != "bearer" or not token:
            header = self._challenge(scope="project:read")
            raise AuthError(401, "A bearer token is needed: Authorization: Bearer …", header)
        return token

    def _invalid_token(self, why: str) -> AuthError:
        header = self._challenge(error="invalid_token", error_description=why, scope="project:read")
        return AuthError(401, f"The bearer token is not accepted: {why}.", header)

    def _challenge(self, **parameters: str) -> dict[str, str]:
        """Return the header that asks for a token: RFC 6750, RFC 9728."""
        if self._metadata is not None:
            parameters["resource_metadata"] = self._metadata
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
