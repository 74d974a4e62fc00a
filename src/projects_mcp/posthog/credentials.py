"""The two ways to prove to PostHog who is asking."""

from __future__ import annotations

import os
from typing import Final, NamedTuple, TypeAlias

from projects_mcp.sanitize.secret import Secret

__all__ = ["BrowserSession", "Credential", "Credentials", "PersonalKey", "authentication"]

_OWN_CSRF_TOKEN: Final = Secret(os.urandom(16).hex())
"""Made once for each process. Django takes 32 or 64 letters and digits, and wants cookie and header to be equal.
The token is no part of the session."""


class PersonalKey(NamedTuple):
    """A personal API key (`phx_`) or an OAuth access token (`pha_`), sent as a bearer token."""

    value: Secret


class BrowserSession(NamedTuple):
    """A person's browser session. It has all of that person's power: opt-in, and used for six operations only.

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
