"""Who may call a served server, and what each caller was given."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from uuid import UUID

from projects_mcp.policy.authorization import CallerGrant
from projects_mcp.posthog.credentials import Credentials

__all__ = [
    "CALLER_NAME",
    "CALLS_PER_MINUTE",
    "CONCURRENT_CALLS",
    "DEFAULT_CREDENTIAL",
    "SCOPES",
    "Caller",
    "Callers",
]

SCOPES: Final = ("project:read", "project:write")
DEFAULT_CREDENTIAL: Final = "default"
"""The credential of the process itself: `POSTHOG_PERSONAL_API_KEY`, and the session if there is one."""
CONCURRENT_CALLS: Final = 64
"""Calls under way at a time, if nothing else is said."""
CALLS_PER_MINUTE: Final = 6_000
"""Calls begun in a minute, if nothing else is said."""
CALLER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Caller(NamedTuple):
    """One caller, and what it was given.

    Attributes:
        grant: its name, scopes, access level, organization and protected projects.
        credential: the name of the PostHog credential that its calls use.
        organization: the only organization that it may touch; None for any that the credential reaches.
        at_once: calls under way at a time.
        per_minute: calls a minute.
        issuer: of its token, if that is a JSON Web Token.
    """

    grant: CallerGrant
    credential: str = DEFAULT_CREDENTIAL
    organization: UUID | None = None
    at_once: int = CONCURRENT_CALLS
    per_minute: int = CALLS_PER_MINUTE
    issuer: str | None = None

    @property
    def rights(self) -> tuple[CallerGrant, str, UUID | None]:
        """What it may do, and with which credential: all but how often."""
        return self.grant, self.credential, self.organization

    @property
    def name(self) -> str:
        """Its name, for the audit log and the access log."""
        return self.grant.name


class Callers(NamedTuple):
    """The content of a callers file.

    Attributes:
        by_hash: each caller by the SHA-256 of its token, as hexadecimal digits.
        credentials: the named credentials of PostHog's.
    """

    by_hash: Mapping[str, Caller]
    credentials: Mapping[str, Credentials]

    def of_token(self, token: str) -> Caller | None:
        """Return whose token this is. Takes as long for a wrong token as for a right one."""
        digest = hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()
        found = None
        for known, caller in self.by_hash.items():
            if hmac.compare_digest(known, digest):
                found = caller
        return found
