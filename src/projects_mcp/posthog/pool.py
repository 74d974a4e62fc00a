"""The connections to one origin, and how they are opened: over the network, through a proxy, or in process.

`httpx` transports are used without a client before them, so there are no redirects, cookies or `.netrc`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from projects_mcp.errors.connection import RequestNotSent
from projects_mcp.posthog.counting import counted
from projects_mcp.posthog.request_tally import RequestTally

if TYPE_CHECKING:
    import ssl

    import httpx

__all__ = ["ASGIApplication", "Connections", "proxy_for"]

ASGIApplication: TypeAlias = Callable[..., Any]

_POOL_SIZE: Final = 8
"""Connections of one pool."""


@dataclass(slots=True)
class _Pool:
    """A few connections, and how many of them are in use."""

    transport: httpx.AsyncBaseTransport
    in_use: int = 0


class Connections:
    """The connections to one origin, in small pools. They keep nothing of those who use them.

    httpcore compares each idle connection of a pool with all others, twice a request, so that many small pools are far
    cheaper than a large one. The next one is opened when the others are full.

    Args:
        origin: scheme, host and port, without a trailing slash.
        application: an ASGI application to call in process instead of the network.
        tally: counts the requests; None if nobody reads the counts.
    """

    def __init__(
        self, origin: str, application: ASGIApplication | None = None, tally: RequestTally | None = None
    ) -> None:
        self._origin = origin
        self._application = application
        self._tally = tally
        self._pools: list[_Pool] = []

    async def aclose(self) -> None:
        """Close them. A later request opens new ones."""
        pools, self._pools = self._pools, []
        for pool in pools:
            await pool.transport.aclose()

    @contextmanager
    def acquire(self) -> Iterator[httpx.AsyncBaseTransport]:
        """Give the transport for one exchange while the block runs: that of the first pool with a free connection."""
        pool = next((pool for pool in self._pools if pool.in_use < _POOL_SIZE), None)
        if pool is None:
            pool = _Pool(counted(self._new_transport(), self._tally))
            self._pools.append(pool)
        pool.in_use += 1
        try:
            yield pool.transport
        finally:
            pool.in_use -= 1

    def _new_transport(self) -> httpx.AsyncBaseTransport:
        """Make what sends the requests. No client stands before it, so there are no redirects, cookies or `.netrc`."""
        import httpx  # noqa: PLC0415 - see the head of this module

        if self._application is not None:
            return httpx.ASGITransport(app=self._application)
        try:
            if aiohttp_transport := _aiohttp_transport():
                return aiohttp_transport(self._tls, _POOL_SIZE, self._proxy)
            limits = httpx.Limits(max_connections=_POOL_SIZE, max_keepalive_connections=_POOL_SIZE)
            return httpx.AsyncHTTPTransport(verify=self._tls, limits=limits, proxy=self._proxy)
        except (ImportError, ValueError):  # a kind of proxy that nothing here can speak to
            raise RequestNotSent("proxy") from None

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """What to trust. Plain http is for this machine only: no certificate to check, and no trust store to load."""
        import httpx  # noqa: PLC0415 - see the head of this module

        try:
            return cast("ssl.SSLContext", httpx.create_ssl_context() if self._origin.startswith("https:") else None)
        except OSError:  # what SSL_CERT_FILE or SSL_CERT_DIR names is not there, or holds no certificate
            raise RequestNotSent("tls") from None

    @cached_property
    def _proxy(self) -> httpx.Proxy | None:
        """The proxy to go through; on this machine there is none."""
        import httpx  # noqa: PLC0415 - see the head of this module

        address = proxy_for(self._origin)
        return httpx.Proxy(address) if address else None


def proxy_for(origin: str) -> str | None:
    """Return the address of the proxy that the environment, or the system, names; plain http goes through none."""
    if not origin.startswith("https:"):
        return None
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - httpx brings it

    proxies = getproxies()
    address = proxies.get("https") or proxies.get("all")
    if not address or proxy_bypass(origin.partition("://")[2]):
        return None
    return address if "://" in address else f"http://{address}"


def _aiohttp_transport() -> Callable[..., httpx.AsyncBaseTransport] | None:
    try:
        from projects_mcp.posthog.aiohttp_transport import AiohttpOnceTransport  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    return AiohttpOnceTransport
