"""Authenticate a request: by a bearer key, or by a browser session with its CSRF protection."""

from __future__ import annotations

import hmac
import re
from urllib.parse import urlsplit

from starlette.requests import Request

from projects_mcp.sandbox.api.request import Principal
from projects_mcp.sandbox.errors import forbidden, not_authenticated, wrong_credential
from projects_mcp.sandbox.world.state import World

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""The methods that change nothing, and need no CSRF token."""

_BEARER = re.compile(r"Bearer\s+(\S.+)")
_CSRF_LENGTHS = frozenset({32, 64})


def authenticate(world: World, request: Request) -> Principal:
    """Return the principal of a request.

    PostHog's behaviour: a bearer key, even a wrong one, precedes a cookie. The scheme is written ``Bearer`` and no
    other way; anything else is no credential.

    Raises:
        ApiError: 401, or 403 if the CSRF check of a session fails.
    """
    found = _BEARER.fullmatch(request.headers.get("authorization", ""))
    if found is not None:
        return _by_key(world, request, found[1].strip())
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
        if value.startswith("pha_") and world.behaviour.tells_token_kinds:
            raise wrong_credential("Invalid access token.", challenge)
        raise wrong_credential("Personal API key found in request Authorization header is invalid.", challenge)
    key.last_used_at = world.clock()
    return Principal(world.users[key.user_id], key)


def _by_session(world: World, request: Request) -> Principal:
    session = world.sessions.get(request.cookies.get("sessionid", ""))
    if session is None or (session.expires_at is not None and session.expires_at <= world.clock()):
        raise not_authenticated(_challenge(world, request))
    if request.method not in SAFE_METHODS:
        problem = _find_csrf_problem(request, None if world.behaviour.takes_any_csrf_token else session.csrf_token)
        if problem is not None:
            raise forbidden(f"CSRF Failed: {problem}")
    return Principal(world.users[session.user_id], None)


def _find_csrf_problem(request: Request, own: str | None) -> str | None:
    """Return why Django refuses a write by session.

    PostHog's behaviour: cookie and header must be well-formed and equal, and need not be those of the session. A
    ``Referer`` is looked at over https only, and only without an ``Origin``.

    Args:
        request: The request.
        own: The one token to take; None for any.
    """
    cookie = request.cookies.get("posthog_csrftoken")
    header = request.headers.get("x-csrftoken")
    source = _find_foreign_source(request)
    if source is not None:
        return source
    if cookie is None or header is None:
        return "CSRF cookie not set." if cookie is None else "CSRF token missing."
    if (reason := _find_malformed(cookie)) is not None:
        return f"CSRF cookie {reason}."
    if (reason := _find_malformed(header)) is not None:
        return f"CSRF token from the 'X-Csrftoken' HTTP header {reason}."
    if not hmac.compare_digest(header.encode(), (own or cookie).encode()):
        return "CSRF token from the 'X-Csrftoken' HTTP header incorrect."
    return None


def _find_foreign_source(request: Request) -> str | None:
    site = (request.url.scheme, request.url.netloc)
    origin, referer = request.headers.get("origin"), request.headers.get("referer")
    if origin is not None:
        is_own = _split_origin(origin) == site
        return None if is_own else f"Origin checking failed - {origin} does not match any trusted origins."
    if request.url.scheme != "https":
        return None
    if referer is None:
        return "Referer checking failed - no Referer."
    if _split_origin(referer) != site:
        return f"Referer checking failed - {referer} does not match any trusted origins."
    return None


def _split_origin(address: str) -> tuple[str, str]:
    try:
        parts = urlsplit(address)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc


def _find_malformed(token: str) -> str | None:
    if len(token) not in _CSRF_LENGTHS:
        return "has incorrect length"
    return None if token.isascii() and token.isalnum() else "has invalid characters"
