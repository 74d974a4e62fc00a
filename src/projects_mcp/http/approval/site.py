"""Where the pages of approvals are, and which requests belong there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from projects_mcp.config.parsers import is_loopback

__all__ = ["APPROVE_PATH", "PASSKEY_PATH", "Site", "loopback_site", "public_site"]

APPROVE_PATH: Final = "/approve"
"""Where the form for a code is. The page of an approval is below it, under its code."""
PASSKEY_PATH: Final = "/passkey"
"""Where a passkey is enrolled: below it, under the code of the invitation. It stands beside `APPROVE_PATH`."""
_PORT: Final = re.compile("[0-9]{1,5}")
_WITH_PORT: Final = re.compile(":[0-9]{1,5}$")
_ADDRESS: Final = re.compile(r"[0-9.]+|.*:.*")
"""An address of the network layer, which is no name."""
_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Site:
    """Where the pages are.

    Attributes:
        origin: their own: a scheme and a host, with a port if it is not the scheme's. A passkey belongs to its host.
        base: the address of an approval's page without its code.
        origins: values of `Origin` that a form may be sent from.
        hosts: values of `Host` that are answered, in lower case.
        names: names that are answered under every port.
        this_machine: whether only somebody on this machine gets there.
    """

    origin: str
    base: str
    origins: frozenset[str]
    hosts: frozenset[str]
    this_machine: bool
    names: frozenset[str] = frozenset()

    @property
    def rp_id(self) -> str:
        """The name that a passkey is for: the host, without its port."""
        return urlsplit(self.origin).hostname or ""

    @property
    def takes_passkeys(self) -> bool:
        """Whether browsers make passkeys for it: at a name over HTTPS, and at `localhost`."""
        secure = self.origin.startswith("https://") or self.rp_id == "localhost"
        return secure and not _ADDRESS.fullmatch(self.rp_id)

    def enrolment(self, code: str) -> str:
        """Return the address where an invitation is used."""
        return f"{self.base.removesuffix(f'{APPROVE_PATH}/')}{PASSKEY_PATH}/{code}"

    def answers(self, host: str) -> bool:
        """Whether a value of `Host`, compared whole, is one of the site's."""
        host = host.lower()
        name, colon, port = host.rpartition(":")
        any_port = name in self.names if colon and _PORT.fullmatch(port) else host in self.names
        return any_port or host in self.hosts


def loopback_site(port: int) -> Site:
    """Return the site on a port of this machine."""
    hosts = frozenset({f"localhost:{port}", f"127.0.0.1:{port}"})
    origin = f"http://localhost:{port}"  # a name, and not a number: a passkey belongs to a name
    return Site(origin, f"{origin}{APPROVE_PATH}/", frozenset(f"http://{host}" for host in hosts), hosts, True)


def public_site(public_url: str, hosts: Iterable[str]) -> Site:
    """Return the site at the public address of a served server.

    Args:
        public_url: the server's address as its callers see it. The pages are beside it: its last segment is replaced.
        hosts: other names that are answered. One without a port stands for every port.
    """
    parts = urlsplit(public_url)
    name, port = parts.hostname or "", parts.port
    name = f"[{name}]" if ":" in name else name
    usual = _PORTS[parts.scheme]
    host = name if port in {None, usual} else f"{name}:{port}"
    origin = f"{parts.scheme}://{host}"
    own, others = {host, f"{name}:{port or usual}"}, {other.lower() for other in hosts}
    every_port = frozenset(other for other in others if not _WITH_PORT.search(other))
    folder = parts.path.rstrip("/").rpartition("/")[0]
    base = f"{origin}{folder}{APPROVE_PATH}/"
    alone = is_loopback(name.strip("[]"))
    return Site(origin, base, frozenset({origin}), frozenset(own | others), alone, every_port)
