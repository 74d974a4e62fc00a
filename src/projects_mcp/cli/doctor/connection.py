"""Find out why there is no connection: a name that nobody knows, a closed port, or the other of http and https.

Nothing here sends a credential, and each step has a few seconds.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from typing import Final
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from projects_mcp.cli.doctor.findings import Finding, Level
from projects_mcp.cli.doctor.probe import proxy_address
from projects_mcp.errors.connection import PostHogError, RequestNotSent, ResponseLost
from projects_mcp.errors.rejected import StatusError

__all__ = ["check_host_name", "check_scheme", "may_be_other_scheme"]

_RESOLVE_S: Final = 6.0
_CONNECT_S: Final = 3.0
_ANSWER_BYTES: Final = 16
_PORTS: Final = {"http": 80, "https": 443}
_ASK: Final = b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


async def check_host_name(origin: str) -> Finding | None:
    """Return a problem if the host name of an origin has no address; None if it has, or a proxy looks it up."""
    host, _ = _host_and_port(origin)
    if proxy_address(origin) is not None or _is_address(host):
        return None
    known = await anyio.to_thread.run_sync(_resolves, host)
    if known:
        return None
    what = "is not known here" if known is False else f"was not found within {_RESOLVE_S:.0f} seconds"
    return Finding(
        "host",
        Level.PROBLEM,
        f"The host name {host:.253} of {origin} {what}: it is wrong, or the network or its DNS is off.",
        "Check POSTHOG_HOST and the network, and HTTPS_PROXY where the network wants a proxy.",
    )


def may_be_other_scheme(error: PostHogError | None, origin: str) -> bool:
    """Whether a request can have failed because its server speaks the other of http and https."""
    if origin.startswith("https:"):
        return isinstance(error, RequestNotSent) and error.reason == "tls"
    return isinstance(error, ResponseLost | StatusError)  # it closes the connection, or complains with a page


async def check_scheme(origin: str) -> Finding | None:
    """Return a problem if what listens at an origin speaks the other of http and https; None if it does not."""
    if proxy_address(origin) is not None:
        return None
    host, port = _host_and_port(origin)
    with anyio.move_on_after(2 * _CONNECT_S):
        if origin.startswith("https:"):
            if await anyio.to_thread.run_sync(_speaks_http, host, port):
                return _wrong_scheme(origin, "https", "http")
        elif await anyio.to_thread.run_sync(_speaks_tls, host, port):
            return _wrong_scheme(origin, "http", "https")
    return None


def _wrong_scheme(origin: str, given: str, right: str) -> Finding:
    address = f"{right}{origin.removeprefix(given)}"
    sentence = f"What listens at {origin} speaks plain {right}, not {given}." if right == "http" else ""
    sentence = sentence or f"What listens at {origin} speaks {right}, not plain {given}."
    fix = f"Set POSTHOG_HOST={address}" + (
        ", which is allowed on this machine only, or to the port that speaks https." if right == "http" else "."
    )
    return Finding("host", Level.PROBLEM, sentence, fix)


def _host_and_port(origin: str) -> tuple[str, int]:
    parts = urlsplit(origin)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _resolves(host: str) -> bool | None:
    """Return whether a name has an address; None if that took too long.

    The system's resolver cannot be stopped, so it gets a thread that the end of the process does not wait for.
    """
    found: list[bool] = []

    def look_up() -> None:
        try:
            found.append(bool(socket.getaddrinfo(host, None)))
        except (OSError, UnicodeError):
            found.append(False)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(_RESOLVE_S)
    return found[0] if found else None


def _speaks_http(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), _CONNECT_S) as connection:
            connection.sendall(_ASK)
            return connection.recv(_ANSWER_BYTES).startswith(b"HTTP/")
    except OSError:
        return False


def _speaks_tls(host: str, port: int) -> bool:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing is sent over it
    try:
        with socket.create_connection((host, port), _CONNECT_S) as connection, context.wrap_socket(connection):
            return True
    except (OSError, ValueError):
        return False
