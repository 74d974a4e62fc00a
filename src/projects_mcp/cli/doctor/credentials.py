"""Check the key and the browser session by asking PostHog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from projects_mcp.cli.doctor.findings import Finding, Level
from projects_mcp.cli.doctor.probe import Probe, build_probe, explain_unreachable
from projects_mcp.config.settings import Settings
from projects_mcp.errors.connection import PostHogError
from projects_mcp.policy.access import Access
from projects_mcp.policy.authorization import KeyGrant
from projects_mcp.posthog.credentials import BrowserSession, Credentials
from projects_mcp.posthog.session_check import (
    find_session_problem,
    is_about_address,
    is_csrf_refusal,
    is_unauthenticated,
)

__all__ = ["check_grant", "check_session", "explain_refused_key"]

_NEEDED_SCOPES: Final = frozenset({"project:read", "project:write", "organization:read", "activity_log:read"})


async def explain_refused_key(settings: Settings, clouds: Mapping[str, str]) -> Finding:
    """Find out why PostHog refused the key. If it is PostHog's own cloud, ask the other region too.

    Args:
        settings: hold the refused key.
        clouds: the origin of each region; the key goes to no other address.
    """
    keys = f"{settings.origin}/settings/user-api-keys"
    here = next((region for region, origin in clouds.items() if origin == settings.origin), None)
    if here is None:
        sentence = f"PostHog at {settings.origin} does not know the key: it was revoked, or belongs to another PostHog."
        return Finding("key", Level.PROBLEM, sentence, f"Make a new key at {keys}, or correct POSTHOG_HOST.")
    unanswered = []
    for region, origin in clouds.items():
        known = None if region == here else await _knows_key(replace(settings, origin=origin))
        if known:
            sentence = f"The key belongs to PostHog's region {region}, and POSTHOG_HOST is {here}."
            return Finding("region", Level.PROBLEM, sentence, f"Set POSTHOG_HOST={region}.")
        if known is None and region != here:
            unanswered.append(region)
    others = f"; region {', '.join(unanswered)} could not be asked" if unanswered else ", nor does the other region"
    sentence = f"PostHog at {settings.origin} does not know the key{others}: it was revoked, or copied wrongly."
    return Finding("key", Level.PROBLEM, sentence, f"Copy it again, or make a new key at {keys}.")


async def _knows_key(settings: Settings) -> bool | None:
    """Return whether the PostHog of some settings knows the key; None if it gave no usable response."""
    probe = build_probe(settings, Credentials(settings.credentials.key))
    try:
        await probe.describe_key()
    except PostHogError as error:
        if explain_unreachable(error, settings.origin):
            return None
        return not is_unauthenticated(error)
    finally:
        await probe.aclose()
    return True


def check_grant(grant: KeyGrant, settings: Settings) -> Iterator[Finding]:
    """Check the scopes and the restrictions of the key, as PostHog describes them."""
    keys = f"{settings.origin}/settings/user-api-keys"
    if grant.scopes is None:
        sentence = "PostHog accepts the key and does not say what it may do; it will decide at each call."
        yield Finding("scopes", Level.NOTE, sentence)
    elif not grant.has("project:read"):
        sentence = "PostHog accepts the key, but it has no scope for projects, so it can do nothing here."
        yield Finding("scopes", Level.PROBLEM, sentence, f"Add project:read, and project:write to change, at {keys}.")
    elif not grant.has("project:write"):
        level = Level.OK if settings.policy.access is Access.READ else Level.NOTE
        fix = "" if level is Level.OK else f"Add project:write at {keys} if it is meant to change something."
        yield Finding("scopes", level, "The key may read projects, and change nothing.", fix)
    else:
        yield Finding.ok("scopes", "The key may read and change projects.")
    if grant.scopes is not None and grant.has("project:read") and grant.scopes - _NEEDED_SCOPES:
        sentence = "The key has more scopes than this server ever needs."
        yield Finding("scopes", Level.NOTE, sentence, f"Leave it project:read and project:write only, at {keys}.")
    yield from _list_restrictions(grant, settings)


def _list_restrictions(grant: KeyGrant, settings: Settings) -> Iterator[Finding]:
    place = f"The restriction is shown at {settings.origin}/settings/user-api-keys."
    if grant.projects is not None:
        listed = ", ".join(map(str, sorted(grant.projects)[:10]))
        sentence = f"The key is restricted to projects ({listed}): it creates none, and a list reads them one by one."
        yield Finding("restriction", Level.NOTE, sentence, place)
    if grant.organizations is not None:
        listed = ", ".join(map(str, sorted(grant.organizations, key=str)[:10]))
        sentence = f"The key is restricted to organizations ({listed})."
        yield Finding("restriction", Level.NOTE, sentence, place)


async def check_session(probe: Probe, settings: Settings) -> Finding:
    """Check the browser session with a read, then its CSRF token with a POST that cannot change anything."""
    if probe.credentials.session is None:
        return Finding(
            "session",
            Level.NOTE,
            "No browser session is set. PostHog takes no key for six of the tools, whatever its scopes.",
            "A person can do those in PostHog's settings. Or set POSTHOG_SESSION_ID to the cookie sessionid of a "
            f"browser that is signed in at {settings.origin}.",
        )
    session = probe.credentials.session
    failure = await find_session_problem(probe, unsafe=False)
    if failure is None and settings.policy.access is Access.FULL:
        failure = await find_session_problem(probe, unsafe=True)
        if failure is None and session.makes_csrf_token:
            sentence = "PostHog accepts the browser session, and beside it a CSRF token that this server makes itself."
            return Finding.ok("session", sentence)
        if failure is None:
            return Finding.ok("session", "PostHog accepts the browser session and its CSRF token.")
    elif failure is None:
        sentence = (
            "PostHog accepts the browser session. Its CSRF token was not checked, because with access "
            f"{settings.policy.access} only reads use the session, and they need none."
        )
        return Finding.ok("session", sentence)
    return _explain_session_failure(failure, session, settings.origin)


def _explain_session_failure(failure: PostHogError, session: BrowserSession, origin: str) -> Finding:
    own = session.makes_csrf_token
    cookies = "cookie sessionid into POSTHOG_SESSION_ID"
    if not own:
        cookies = "cookies sessionid and posthog_csrftoken into POSTHOG_SESSION_ID and POSTHOG_CSRF_TOKEN"
    if is_unauthenticated(failure):
        sentence = "The browser session has expired, was signed out, or is of another PostHog."
        return Finding("session", Level.PROBLEM, sentence, f"Sign in at {origin}, and copy the {cookies}.")
    if is_csrf_refusal(failure):
        return _explain_csrf_failure(failure, origin, cookies, own=own)
    sentence = "The browser session could not be checked, because no usable answer came."
    return Finding("session", Level.WARNING, sentence, "Run this again when PostHog answers.")


def _explain_csrf_failure(failure: PostHogError, origin: str, cookies: str, *, own: bool) -> Finding:
    if is_about_address(failure):
        sentence = f"The browser session is valid, but PostHog does not take requests of a browser at {origin}."
        fix = "Set POSTHOG_HOST to the address of your PostHog as a browser shows it, without a path."
    elif own:
        sentence = "The browser session is valid, but PostHog does not take a CSRF token that this server makes itself."
        fix = (
            f"Copy the cookie posthog_csrftoken of {origin} from the same signed-in browser into POSTHOG_CSRF_TOKEN. "
            "The developer tools of the browser list it beside sessionid."
        )
    else:
        sentence = "The browser session is valid, but its CSRF token is wrong: the two are not of the same sign-in."
        fix = f"Open the browser that is signed in at {origin}, and copy the {cookies}."
    return Finding("session", Level.PROBLEM, sentence, fix)
