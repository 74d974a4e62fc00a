"""Liveness and readiness, for whoever runs the process. Both answer without a token."""

from __future__ import annotations

import time

import anyio
from starlette.types import Receive, Scope, Send

from projects_mcp.http.limits import READINESS_S
from projects_mcp.http.responses import json_response
from projects_mcp.http.tenants import Tenants

__all__ = ["HEALTH_PATHS", "LIVENESS_PATH", "READINESS_PATH", "Liveness", "Readiness"]

LIVENESS_PATH = "/healthz"
READINESS_PATH = "/readyz"
HEALTH_PATHS = frozenset({LIVENESS_PATH, READINESS_PATH})


class Liveness:
    """Answers 200 while the process runs."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await json_response({"status": "alive"})(scope, receive, send)


class Readiness:
    """Answers 200 if PostHog answers, else 503. Asks PostHog at most once in `READINESS_S` seconds.

    Args:
        tenants: ask PostHog.
    """

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants
        self._ready = False
        self._asked_at = float("-inf")
        self._asking = anyio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if await self._is_ready():
            response = json_response({"status": "ready"})
        else:
            response = json_response({"status": "PostHog does not answer"}, 503)
        await response(scope, receive, send)

    async def _is_ready(self) -> bool:
        async with self._asking:
            if time.monotonic() - self._asked_at > READINESS_S:
                self._ready = await self._tenants.posthog_answers()
                self._asked_at = time.monotonic()
            return self._ready
