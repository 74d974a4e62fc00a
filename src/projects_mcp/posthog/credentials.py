"""The two ways to prove to PostHog who is asking."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

from projects_mcp.sanitize.secret import Secret

__all__ = ["OTHER_TOKENS", "BrowserSession", "Credential", "Credentials", "PersonalKey", "authentication"]

_OWN_CSRF_TOKEN: Final = Secret(os.urandom(16).hex())
"""Made once for each process. Django takes 32 or 64 letters and digits, and wants cookie and header to be equal.
The token is no part of the session."""


OTHER_TOKENS: Final[Mapping[str, str]] = {
    "phc_": "a project's public token, which takes events in",
    "phs_": "a project's secret token, which works for feature flags",
    "phr_": "an OAuth refresh token, which only fetches new access tokens",
    "phe_": "a token for the stream of events",
}
"""Tokens of PostHog that this API never accepts, by their prefix. Legacy keys have none, so others are tried."""


class PersonalKey(NamedTuple):
    """A personal API key (`phx_`) or an OAuth access token (`pha_`), sent as a bearer token."""

    value: Secret

    @property
    def other_kind(self) -> str | None:
        """What it is instead, if it is a token of PostHog's that is no key. It is then sent nowhere."""
        return OTHER_TOKENS.get(self.value.reveal()[:4])


class BrowserSession(NamedTuple):
    """A person's browser session. It has all of that person's power: opt-in, and used for the session-only operations.

    Attributes:
        session_id: the cookie `sessionid`.
        csrf_token: the cookie `posthog_csrftoken`; one of this process's own if the operator gives none.
    """

    session_id: Secret
    csrf_token: Secret = _OWN_CSRF_TOKEN

    @property
    def makes_csrf_token(self) -> bool:
        """Whether this process has made the CSRF token itself."""
        return self.csrf_token is _OWN_CSRF_TOKEN


Credential: TypeAlias = PersonalKey | BrowserSession


def authentication(credential: Credential, method: str, origin: str) -> dict[str, str]:
    """Return the headers that authenticate one request to `origin`.

    PostHog (Django) wants a CSRF token beside a session: in a cookie and, for anything but GET, also in `X-CSRFToken`
    together with a `Referer` of its own origin.
    """
    if isinstance(credential, PersonalKey):
        return {"Authorization": f"Bearer {credential.value.reveal()}"}
    csrf = credential.csrf_token.reveal()
    headers = {"Cookie": f"sessionid={credential.session_id.reveal()}; posthog_csrftoken={csrf}"}
    if method != "GET":
        headers |= {"X-CSRFToken": csrf, "Referer": f"{origin}/"}
    return headers


class Credentials(NamedTuple):
    """What this process may authenticate with. Either part may be missing."""

    key: PersonalKey | None = None
    session: BrowserSession | None = None

    def secrets(self) -> tuple[str, ...]:
        """Return every secret text in here, for redaction."""
        held = [self.key.value] if self.key else []
        if self.session:
            held += [self.session.session_id, self.session.csrf_token]
        return tuple(secret.reveal() for secret in held)
