"""Send the requests of a diagnosis, with short timeouts, and explain why PostHog did not respond."""

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

__all__ = [
    "Probe",
    "build_probe",
    "explain_not_posthog",
    "explain_unreachable",
    "proxy_address",
]

_CONNECT_S, _READ_S, _REQUEST_S = 3.0, 5.0, 6.0
_TRY_LATER: Final = "Try again later, and look at PostHog's status page or at your own server."
_INVALID_RESPONSES: Final[Mapping[str, str]] = {
    "html": "a web page came instead of data",
    "redirect": "it redirects, as a sign-in page before it would",
    "content_type": "something other than JSON came",
    "shape": "its JSON is of another form",
}


@dataclass
class Probe(PostHog):
    """A client of PostHog with one more request, that notes what time PostHog states.

    Attributes:
        date: the `Date` header of the last response; None before the first.
    """

    date: str | None = field(default=None, init=False, repr=False)

    async def describe_key(self) -> JSONObject | None:
        """Ask PostHog for the scopes and restrictions of the key. Without a key, PostHog refuses the request.

        Returns:
            PostHog's description of the key; None for an OAuth token that it accepts, but cannot describe.

        Raises:
            PostHogError: as `send` does.
        """
        key = self.credentials.key
        if key is None or not key.value.reveal().startswith("pha_"):
            return await self.exchange("GET", KEY_INTROSPECTION, key, self.limits.call_s)
        listing = OPERATIONS["project_list"]
        await self.send(listing, listing.path(CURRENT, None), query={"limit": 1})
        return None

    async def _read(self, response: Any) -> JSONObject:
        self.date = response.headers.get("Date")
        return await super()._read(response)


def build_probe(settings: Settings, credentials: Credentials, application: ASGIApplication | None = None) -> Probe:
    """Build a client for the PostHog of some settings, with timeouts of a few seconds and without retries."""
    given = settings.limits
    limits = Limits(
        connect_s=min(given.connect_s, _CONNECT_S),
        read_s=min(given.read_s, _READ_S),
        call_s=min(given.call_s, _REQUEST_S),
        repeats=0,
    )
    return Probe(settings.origin, credentials, limits, application)


def proxy_address(origin: str) -> str | None:
    """Return host and port of the proxy for an origin, without the credentials in its URL; None if there is none."""
    address = proxy_for(origin)
    if address is None:
        return None
    return urlsplit(address).netloc.rpartition("@")[2] or "an address that cannot be read"


def explain_unreachable(error: PostHogError, origin: str) -> Finding | None:
    """Explain why there is no usable response; None if the response is a refusal of PostHog itself."""
    if isinstance(error, RequestNotSent):
        return _explain_not_sent(error.reason, origin)
    if isinstance(error, ServerError):
        sentence = f"PostHog at {origin} is down, or something before it: it fails with status {error.status}."
        return Finding("host", Level.PROBLEM, sentence, _TRY_LATER)
    if isinstance(error, InvalidResponse):
        return explain_not_posthog(origin, _INVALID_RESPONSES.get(error.reason, "its answer cannot be read"))
    if isinstance(error, ResponseLost):
        timeout = error.reason == "timeout"
        what = "did not answer in time" if timeout else "broke the connection before it had answered"
        return Finding("host", Level.PROBLEM, f"PostHog at {origin} is down or too slow: it {what}.", _TRY_LATER)
    if isinstance(error, StatusError) and error.code is None:
        return explain_not_posthog(origin, f"it refused with status {error.status}, in another form than PostHog's")
    return None


def explain_not_posthog(origin: str, reason: str) -> Finding:
    """Return the finding that another server responds at the origin."""
    sentence = f"What answers at {origin} is not PostHog: {reason}."
    fix = "Set POSTHOG_HOST to us, eu, or the address of your PostHog as a browser shows it, without a path."
    return Finding("host", Level.PROBLEM, sentence, fix)


def _explain_not_sent(reason: str, origin: str) -> Finding:
    proxy = proxy_address(origin)
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
