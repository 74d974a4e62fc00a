"""What stands before the sandbox where a test is about the CSRF token beside a browser session."""

import json
import re
from http.cookies import SimpleCookie
from typing import Any, NamedTuple

from projects_mcp.posthog.pool import ASGIApplication
from projects_mcp.sandbox import CSRF_TOKEN

TRIAL = "POST /api/organizations/@current/projects/0/is_generating_demo_data/"
"""What a process sends to try the token that it has made. It cannot have an effect."""

_WELL_FORMED = re.compile(r"[0-9A-Za-z]{32}|[0-9A-Za-z]{64}")
_INCORRECT = "CSRF token from the 'X-Csrftoken' HTTP header incorrect."


class Pair(NamedTuple):
    """The CSRF token of a request, in the two places where Django looks."""

    cookie: str
    header: str


class AnyPair:
    """Takes every pair that is equal and well-formed, as Django does, and keeps those that it was shown."""

    def __init__(self, application: ASGIApplication) -> None:
        self.pairs: list[Pair] = []
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        if b"cookie" not in headers or scope["method"] == "GET":
            await self._application(scope, receive, send)
            return
        cookies = SimpleCookie(headers[b"cookie"].decode())
        pair = Pair(cookies["posthog_csrftoken"].value, headers.get(b"x-csrftoken", b"").decode())
        self.pairs.append(pair)
        if (reason := self.refusal(pair)) is not None:
            await refuse(send, 403, "permission_denied", f"CSRF Failed: {reason}")
            return
        own = {b"cookie": f"sessionid={cookies['sessionid'].value}; posthog_csrftoken={CSRF_TOKEN}".encode()}
        headers |= own | {b"x-csrftoken": CSRF_TOKEN.encode()}
        await self._application({**scope, "headers": list(headers.items())}, receive, send)

    def refusal(self, pair: Pair) -> str | None:
        """Why a pair is not taken; None if it is."""
        return None if pair.cookie == pair.header and _WELL_FORMED.fullmatch(pair.cookie) else _INCORRECT


class OwnToken(AnyPair):
    """Takes its own token and no other, as a PostHog behind another check may."""

    def __init__(self, application: ASGIApplication, reason: str = _INCORRECT) -> None:
        super().__init__(application)
        self._reason = reason

    def refusal(self, pair: Pair) -> str | None:
        return None if pair == (CSRF_TOKEN, CSRF_TOKEN) else self._reason


async def refuse(send: Any, status: int, code: str, detail: str) -> None:
    """Answer an error in PostHog's form."""
    body = json.dumps({"type": "authentication_error", "code": code, "detail": detail, "attr": None}).encode()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
