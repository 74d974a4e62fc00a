"""Asks PostHog, with shorter patience than a call has, and words why it did not answer as PostHog does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from projects_mcp.api.operations import KEY_INTROSPECTION, OPERATIONS
from projects_mcp.api.types import CURRENT, JSONObject
from projects_mcp.cli.doctor.findings import Finding, Level
from projects_mcp.config.settings import Settings
from projects_mcp.errors.connection import InvalidResponse, PostHogError, RequestNotSent, ResponseLost
from projects_mcp.errors.rejected import ServerError, StatusError
from projects_mcp.posthog.client import PostHog
from projects_mcp.posthog.credentials import Credentials
from projects_mcp.posthog.limits import Limits
from projects_mcp.posthog.pool import ASGIApplication, proxy_for

__all__ = ["NOT_SIGNED_IN", "Probe", "not_posthog", "probe_for", "proxy_of", "unreached"]

NOT_SIGNED_IN: Final = frozenset({"not_authenticated", "authentication_failed"})
"""PostHog's codes for a credential that it does not know, whatever the status."""

_CONNECT_S, _READ_S, _REQUEST_S = 3.0, 5.0, 6.0
_NOWHERE: Final = "/api/organizations/@current/projects/0/is_generating_demo_data/"
"""Projects are numbered from 1, and this action of a project can only be read."""


@dataclass
class Probe(PostHog):
    """PostHog, with a memory of the `Date` of its last answer, and with two requests that no tool sends."""

    date: str | None = field(default=None, init=False, repr=False)

    async def first(self) -> JSONObject | None:
        """Ask whether PostHog knows the key, and what it may do. Without a key it asks as nobody, and is refused.

        Returns:
            PostHog's description of the key; None where it knows the key and cannot describe it: an OAuth token.

        Raises:
            PostHogError: as `send` does.
        """
        key = self.credentials.key
        if key is None or not key.value.reveal().startswith("pha_"):
            return await self._exchange("GET", KEY_INTROSPECTION, key, self.limits.call_s)
        await self.send(OPERATIONS["project_list"], CURRENT, query={"limit": 1})
        return None

    async def by_session(self, *, unsafe: bool) -> None:
        """Send one request with the browser session, to a project that cannot exist.

        With `unsafe` it is a POST, for which PostHog wants the CSRF token. It cannot have an effect, even if it were
        accepted: no project has the number 0, the address takes GET only, and the body is empty. PostHog looks at who
        is asking before it looks at any of that, so its refusal tells what it thinks of session and token.

        Raises:
            PostHogError: nearly always; a session that PostHog knows is answered with 404, 405 or such.
        """
        if self.credentials.session is None:
            raise RequestNotSent("no_credential")
        method = "POST" if unsafe else "GET"
        await self._exchange(method, _NOWHERE, self.credentials.session, self.limits.call_s)

    async def _read(self, response: Any) -> JSONObject:
        self.date = response.headers.get("Date")
        return await super()._read(response)


def probe_for(settings: Settings, credentials: Credentials, application: ASGIApplication | None = None) -> Probe:
    """Return a probe of the PostHog of some settings, which waits for a few seconds and asks once."""
    given = settings.limits
    limits = Limits(
        connect_s=min(given.connect_s, _CONNECT_S),
        read_s=min(given.read_s, _READ_S),
        call_s=min(given.call_s, _REQUEST_S),
        repeats=0,
    )
    return Probe(settings.origin, credentials, limits, application)


def proxy_of(origin: str) -> str | None:
    """Return host and port of the proxy that stands before an origin, without any credential in its address."""
    address = proxy_for(origin)
    if address is None:
        return None
    return urlsplit(address).netloc.rpartition("@")[2] or "an address that cannot be read"


def unreached(error: PostHogError, origin: str) -> Finding | None:
    """Word why nothing usable came back; None where it is PostHog itself that refused."""
    if isinstance(error, RequestNotSent):
        return _not_sent(error.reason, origin)
    if isinstance(error, ServerError):
        sentence = f"PostHog at {origin} is down, or something before it: it fails with status {error.status}."
        return Finding("host", Level.PROBLEM, sentence, _LATER)
    if isinstance(error, InvalidResponse):
        return not_posthog(origin, _INSTEAD.get(error.reason, "its answer cannot be read"))
    if isinstance(error, ResponseLost):
        timely = error.reason == "timeout"
        what = "did not answer in time" if timely else "broke the connection before it had answered"
        return Finding("host", Level.PROBLEM, f"PostHog at {origin} is down or too slow: it {what}.", _LATER)
    if isinstance(error, StatusError) and error.code is None:
        return not_posthog(origin, f"it refused with status {error.status}, in another form than PostHog's")
    return None


def not_posthog(origin: str, because: str) -> Finding:
    """Return the finding that something else answers at the origin."""
    sentence = f"What answers at {origin} is not PostHog: {because}."
    fix = "Set POSTHOG_HOST to us, eu, or the address of your PostHog as a browser shows it, without a path."
    return Finding("host", Level.PROBLEM, sentence, fix)


_LATER: Final = "Try again later, and look at PostHog's status page or at your own server."
_INSTEAD: Final[Mapping[str, str]] = {
    "html": "a web page came instead of data",
    "redirect": "it redirects, as a sign-in page before it would",
    "content_type": "something other than JSON came",
    "shape": "its JSON is of another form",
}


def _not_sent(reason: str, origin: str) -> Finding:
    proxy = proxy_of(origin)
    if reason == "tls":
        through = f" The connection goes through the proxy at {proxy}, which may replace it." if proxy else ""
        return Finding(
            "tls",
            Level.PROBLEM,
            f"The certificate of {origin} could not be verified on this machine.{through}",
            "Set SSL_CERT_FILE or SSL_CERT_DIR to the certificates of your own authority or proxy, in the environment "
            "of the server.",
        )
    if proxy or reason == "proxy":
        where = f"at {proxy} " if proxy else ""
        return Finding(
            "proxy",
            Level.PROBLEM,
            f"The proxy {where}is in the way: it cannot be reached, or refused to connect to {origin}.",
            "Correct HTTPS_PROXY, or exempt the host with NO_PROXY, in the environment of the server.",
        )
    return Finding(
        "host",
        Level.PROBLEM,
        f"Nothing accepts a connection at {origin}: the name is wrong, the network is off, or PostHog is down.",
        "Check POSTHOG_HOST and the network, and HTTPS_PROXY where the network wants a proxy.",
    )
