"""Host names and origins of web pages, each in the one form in which they are compared."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from projects_mcp.config.parsers import SettingsError, parse_list, parse_whole_number

__all__ = ["host_form", "host_of", "origin_form", "parse_hosts", "parse_listener", "parse_origins"]

_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_AUTHORITY: Final = re.compile(rf"({_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])(?::([1-9][0-9]{{0,4}}))?")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*")
_LONGEST_NAME: Final = 253
"""Characters of a host name: RFC 1035, 2.3.4, without the root."""
_HIGHEST_PORT: Final = 65_535
_DEFAULT_PORTS: Final[Mapping[str, str]] = {"http": "80", "https": "443"}


def host_form(text: str) -> str | None:
    """Return a host in lower case, with its port if it has one; None if the text is no host.

    Names are of ASCII, as a `Host` header has them; IPv6 addresses stand in brackets and are shortened.
    """
    match = _AUTHORITY.fullmatch(text.lower()) if text.isascii() else None
    if match is None or len(match[1]) > _LONGEST_NAME or int(match[2] or 1) > _HIGHEST_PORT:
        return None
    name = match[1]
    if name.startswith("["):
        try:
            name = f"[{IPv6Address(name[1:-1])}]"
        except AddressValueError:
            return None
    return f"{name}:{match[2]}" if match[2] else name


def origin_form(text: str) -> str | None:
    """Return an origin in lower case, without the port that its scheme has by default; None if the text is none.

    Two texts name the same origin exactly if their forms are equal: RFC 6454, 5. `null` names none.
    """
    scheme, separator, authority = text.partition("://")
    host = host_form(authority)
    if not separator or host is None or not scheme.isascii() or not _SCHEME.fullmatch(scheme.lower()):
        return None
    scheme = scheme.lower()
    return f"{scheme}://{host.removesuffix(':' + _DEFAULT_PORTS.get(scheme, ' '))}"


def host_of(address: str) -> str | None:
    """Return the host of an address, with a port that its scheme does not have by default; None if it has no such."""
    scheme, _, rest = address.partition("://")
    origin = origin_form(f"{scheme}://{re.split('[/?#]', rest, maxsplit=1)[0]}")
    return None if origin is None else origin.partition("://")[2]


def parse_hosts(name: str, text: str) -> tuple[str, ...]:
    """Parse hosts that are separated by commas, at least one."""
    return _parse_all(name, text, host_form, "host names, such as mcp.example.com or mcp.example.com:8443")


def parse_listener(name: str, text: str) -> tuple[str, int]:
    """Parse a port to listen on, with the address before it, or on this machine only; 0 takes a free one."""
    host, _, digits = text.rpartition(":")
    port = parse_whole_number(digits, 0, _HIGHEST_PORT, digits=5)
    address = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    if port is None or (host and not _is_address(address)) or (":" in text and not host):
        raise SettingsError(f"{name} must be a port such as 9090, or an address and a port such as 0.0.0.0:9090.")
    return address or "127.0.0.1", port


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return text == "localhost"
    return True


def parse_origins(name: str, text: str) -> tuple[str, ...]:
    """Parse origins that are separated by commas, at least one. A slash at the end is left out."""
    return _parse_all(
        name,
        text,
        lambda part: origin_form(part.removesuffix("/")),
        "origins, such as https://app.example.com or http://localhost:3000",
    )


def _parse_all(name: str, text: str, form: Callable[[str], str | None], what: str) -> tuple[str, ...]:
    forms = [form(part) for part in parse_list(name, text)]
    if not forms or None in forms:
        raise SettingsError(f"{name} must be {what}, separated by commas, each whole: no path, and no *.")
    return tuple(dict.fromkeys(one for one in forms if one is not None))
