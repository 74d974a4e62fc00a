"""The two ways to prove to PostHog who is asking."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from projects_mcp.sanitize.secret import Secret

__all__ = ["BrowserSession", "Credential", "Credentials", "PersonalKey", "authentication"]


class PersonalKey(NamedTuple):
    """A personal API key (`phx_`) or an OAuth access token (`pha_`), sent as a bearer token."""

    value: Secret


class BrowserSession(NamedTuple):
    """A person's browser session. It has all of that person's power: opt-in, and used for six operations only."""

    session_id: Secret
    csrf_token: Secret


Credential: TypeAlias = PersonalKey | BrowserSession


def authentication(credential: Credential, method: str, origin: str) -> dict[str, str]:
    """Return the headers that authenticate one request to `origin`.

    PostHog (Django) wants a session's CSRF token in a cookie and, for anything but GET, also in `X-CSRFToken` together
    with a `Referer` of its own origin.
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
