"""Who calls: bearer keys, browser sessions with their CSRF protection, and the limits of each personal key."""

from __future__ import annotations

import hmac
from collections import deque
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from starlette.requests import Request

from projects_mcp.sandbox.api.calls import Caller
from projects_mcp.sandbox.errors import forbidden, not_authenticated, throttled, wrong_credential
from projects_mcp.sandbox.world.state import ApiKey, World

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)


def authenticate(world: World, request: Request) -> Caller:
    """Return who calls. PostHog's behaviour: a bearer key wins over a cookie, even a wrong one.

    Raises:
        ApiError: 401, or 403 where a session's CSRF protection fails.
    """
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return _by_key(world, request, value.strip())
    return _by_session(world, request)


def _challenge(world: World, request: Request) -> str | None:
    if not world.behaviour.www_authenticate_header:
        return None
    site = f"{request.url.scheme}://{request.url.netloc}"
    return f'Bearer resource_metadata="{site}/.well-known/oauth-protected-resource"'


def _by_key(world: World, request: Request, value: str) -> Caller:
    key = world.api_keys.get(value)
    if key is None:
        challenge = _challenge(world, request)
        if value.startswith("pha_"):
            raise wrong_credential("Invalid access token.", challenge)
        raise wrong_credential("Personal API key found in request Authorization header is invalid.", challenge)
    key.last_used_at = world.clock()
    return Caller(world.users[key.user_id], key)


def _by_session(world: World, request: Request) -> Caller:
    session = world.sessions.get(request.cookies.get("sessionid", ""))
    if session is None or (session.expires_at is not None and session.expires_at <= world.clock()):
        raise not_authenticated(_challenge(world, request))
    if request.method not in _SAFE_METHODS:
        _check_csrf(request, session.csrf_token)
    return Caller(world.users[session.user_id], None)


def _check_csrf(request: Request, token: str) -> None:
    referer = request.headers.get("referer")
    if referer is None:
        raise forbidden("CSRF Failed: Referer checking failed - no Referer.")
    parts = urlsplit(referer)
    if (parts.scheme, parts.netloc) != (request.url.scheme, request.url.netloc):
        raise forbidden(f"CSRF Failed: Referer checking failed - {referer} does not match any trusted origins.")
    cookie = request.cookies.get("posthog_csrftoken")
    if cookie is None:
        raise forbidden("CSRF Failed: CSRF cookie not set.")
    header = request.headers.get("x-csrftoken", "")
    if cookie != token or not hmac.compare_digest(header.encode(), cookie.encode()):
        raise forbidden("CSRF Failed: CSRF token missing or incorrect.")


def throttle(world: World, key: ApiKey | None) -> None:
    """Count a request that was let in.

    PostHog's behaviour: two sliding windows for each personal key; sessions and OAuth tokens are not limited, and
    refused requests do not count.

    Raises:
        ApiError: 429 with the seconds until the next request would be let in.
    """
    limits = world.behaviour.rate_limits
    if limits is None or key is None or key.kind != "personal":
        return
    now = world.clock()
    made = world.requests.setdefault(key.value, deque())
    while made and made[0] <= now - _HOUR:
        made.popleft()
    wait = max(_wait(made, limits.per_minute, _MINUTE, now), _wait(made, limits.per_hour, _HOUR, now))
    if wait > timedelta():
        raise throttled(wait.total_seconds(), header=world.behaviour.retry_after_header)
    made.append(now)


def _wait(made: deque[datetime], limit: int, window: timedelta, now: datetime) -> timedelta:
    if len(made) < limit:
        return timedelta()
    return max(timedelta(), made[-limit] + window - now)
