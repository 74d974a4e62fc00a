"""The middlewares that let an authenticated caller's request go on: its number of requests, and its rights by now."""

from __future__ import annotations

import time
from contextlib import ExitStack

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from projects_mcp.errors.refusals import TooManyCalls
from projects_mcp.http.auth import BearerAuthenticator
from projects_mcp.http.callers import Caller
from projects_mcp.http.tenants import Tenants

__all__ = ["Reauthentication", "RequestsInFlight"]


class RequestsInFlight:
    """Limits the requests of one caller that are under way, from authentication to the end of the answer.

    Stands before `BodyLimit`: a body that is still to come counts, so nobody fills the memory with bodies.
    """

    def __init__(self, app: ASGIApp, tenants: Tenants) -> None:
        self._app = app
        self._tenants = tenants

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            HTTPException: 429, too many of the caller's requests are under way.
        """
        caller: Caller | None = scope["state"]["caller"]
        with ExitStack() as slot:
            if caller is not None:
                try:
                    slot.enter_context(self._tenants.rate_limiter_of(caller).admit())
                except TooManyCalls as refusal:
                    raise HTTPException(
                        429,
                        f"Too many requests: {refusal.limit}. Nothing was changed. Try again in a second.",
                        {"Retry-After": str(refusal.retry_after_s)},
                    ) from None
            await self._app(scope, receive, send)


class Reauthentication:
    """Looks a caller up again if its token expired, or the callers file was read again, while the body arrived.

    Stands behind `BodyLimit`. A token that has expired or was taken out does nothing more; a changed entry has its new
    rights.
    """

    def __init__(self, app: ASGIApp, tenants: Tenants, authenticator: BearerAuthenticator) -> None:
        self._app = app
        self._tenants = tenants
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            AuthError: see `BearerAuthenticator.authenticate`.
        """
        state = scope["state"]
        if state["callers"] is not self._tenants.callers or time.time() >= state["expires_at"]:
            state["caller"], state["expires_at"] = await self._authenticator.authenticate(scope["headers"])
        await self._app(scope, receive, send)
