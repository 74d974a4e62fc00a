"""Authenticate a request: by a bearer key, or by a browser session with its CSRF protection."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from starlette.requests import Request

from projects_mcp.sandbox.api.request import Principal
from projects_mcp.sandbox.errors import forbidden, not_authenticated, wrong_credential
from projects_mcp.sandbox.world.state import World

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def authenticate(world: World, request: Request) -> Principal:
    """Return the principal of a request. PostHog's behaviour: a bearer key, even a wrong one, precedes a cookie.

    Raises:
        ApiError: 401, or 403 if the CSRF check of a session fails.
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


def _by_key(world: World, request: Request, value: str) -> Principal:
    key = world.api_keys.get(value)
    if key is None:
        challenge = _challenge(world, request)
        if value.startswith("pha_"):
            raise wrong_credential("Invalid access token.", challenge)
        raise wrong_credential("Personal API key found in request Authorization header is invalid.", challenge)
    key.last_used_at = world.clock()
    return Principal(world.users[key.user_id], key)


def _by_session(world: World, request: Request) -> Principal:
    session = world.sessions.get(request.cookies.get("sessionid", ""))
    if session is None or (session.expires_at is not None and session.expires_at <= world.clock()):
        raise not_authenticated(_challenge(world, request))
    if request.method not in _SAFE_METHODS:
        _check_csrf(request, session.csrf_token)
    return Principal(world.users[session.user_id], None)


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
