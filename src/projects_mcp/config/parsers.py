"""Parse the text of one setting into its value.

Each parser takes the name of the setting and its text, and raises `SettingsError` with one line that names the setting
and shows nothing of the text, which may be a secret.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from projects_mcp.api.types import CURRENT, OrganizationRef, parse_uuid
from projects_mcp.config.credential_text import (
    UnusableFile,
    explain_credential,
    explain_key,
    looks_like_key,
    read_small_file,
    shown_path,
)
from projects_mcp.posthog.credentials import PersonalKey
from projects_mcp.sanitize.secret import Secret

__all__ = [
    "REGIONS",
    "SANDBOX_VERSIONS",
    "Choice",
    "SettingsError",
    "WholeNumber",
    "is_loopback",
    "parse_host",
    "parse_https_address",
    "parse_key",
    "parse_key_file",
    "parse_list",
    "parse_organization",
    "parse_path",
    "parse_project_ids",
    "parse_sandbox",
    "parse_secret",
    "parse_signing_keys",
    "parse_switch",
    "parse_text",
    "parse_whole_number",
    "read_personal_key",
]

REGIONS: Final[Mapping[str, str]] = {"us": "https://us.posthog.com", "eu": "https://eu.posthog.com"}
"""The origin of each region of PostHog's cloud."""

SANDBOX_VERSIONS: Final = ("current", "2025-08")
"""The versions of PostHog that the sandbox plays; a yes means the first."""

_INGESTION_HOSTS: Final[Mapping[str, str]] = {"us.i.posthog.com": "us", "eu.i.posthog.com": "eu"}
_FORMER_US_HOST: Final = "app.posthog.com"
_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off"})
_SHORTEST_SIGNING_KEY_BYTES: Final = 32
_LONGEST_NUMBER_DIGITS: Final = 9
_LONGEST_PROJECT_ID_DIGITS: Final = 16


class SettingsError(Exception):
    """A setting has a value that cannot be used. The text is one line and shows no secret.

    Attributes:
        names: of the settings that are wrong; empty until `load` has said which it was.
    """

    def __init__(self, text: str, names: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.names = names


class WholeNumber:
    """Parses a whole number within bounds, both included."""

    __slots__ = ("highest", "lowest")

    def __init__(self, lowest: int, highest: int) -> None:
        self.lowest: Final = lowest
        self.highest: Final = highest

    def __call__(self, name: str, text: str) -> int:
        """Parse one number."""
        number = parse_whole_number(text, self.lowest, self.highest, digits=_LONGEST_NUMBER_DIGITS)
        if number is None:
            raise SettingsError(f"{name} must be a number from {self.lowest} to {self.highest}.")
        return number


class Choice:
    """Parses one member of an enumeration, in any case."""

    __slots__ = ("kind",)

    def __init__(self, kind: type[StrEnum]) -> None:
        self.kind: Final = kind

    def __call__(self, name: str, text: str) -> StrEnum:
        """Parse one member."""
        try:
            return self.kind(text.lower())
        except ValueError:
            raise SettingsError(f"{name} must be one of {', '.join(self.kind)}.") from None


def parse_text(_name: str, text: str) -> str:
    """Return any text as it is."""
    return text


def parse_list(_name: str, text: str) -> tuple[str, ...]:
    """Parse texts that are separated by commas; empty ones are left out."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def parse_switch(name: str, text: str) -> bool:
    """Parse a yes or no."""
    if text.lower() not in _YES | _NO:
        raise SettingsError(f"{name} must be on or off.")
    return text.lower() in _YES


def parse_sandbox(name: str, text: str) -> str | None:
    """Parse a yes, which is the newest PostHog, the name of a version, or a no, which is None."""
    if text.lower() in _YES | _NO:
        return SANDBOX_VERSIONS[0] if text.lower() in _YES else None
    if text.lower() not in SANDBOX_VERSIONS:
        raise SettingsError(f"{name} must be 1, 0, or a version of PostHog: {' or '.join(SANDBOX_VERSIONS)}.")
    return text.lower()


def parse_path(name: str, text: str) -> Path:
    """Parse the path of a file or folder, relative to the working folder or to `~`, into an absolute one."""
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise SettingsError(f"{name} starts with ~, and there is no home folder.") from None


def parse_project_ids(name: str, text: str) -> frozenset[int]:
    """Parse ids of projects, at least one, that are separated by commas."""
    highest = 10**_LONGEST_PROJECT_ID_DIGITS - 1
    ids = [parse_whole_number(part, 1, highest, digits=_LONGEST_PROJECT_ID_DIGITS) for part in parse_list(name, text)]
    if not ids or None in ids:
        raise SettingsError(f"{name} must be project ids, separated by commas, such as 12,345.")
    return frozenset(number for number in ids if number is not None)


def parse_whole_number(text: str, lowest: int, highest: int, *, digits: int) -> int | None:
    """Parse a number that a person typed: ASCII digits only, no more than `digits`, and within bounds; else None."""
    if not (text.isascii() and text.isdigit() and len(text) <= digits):
        return None
    number = int(text)
    return number if lowest <= number <= highest else None


# Credentials ----------------------------------------------------------------------------------------------------------


def parse_secret(name: str, text: str) -> Secret:
    """Parse a credential that can be sent in an HTTP header."""
    if problem := explain_credential(text):
        raise SettingsError(f"{name} {problem}; copy it again, and nothing else.")
    return Secret(text)


def parse_key(name: str, text: str) -> PersonalKey:
    """Parse a personal API key."""
    if problem := explain_key(text):
        raise SettingsError(f"{name} {problem}; set it to a personal API key (phx_…), and nothing else.")
    return PersonalKey(Secret(text))


def parse_key_file(name: str, path: str) -> PersonalKey:
    """Read a personal API key from a file. The file, and what is wrong with it, are named; its content never is."""
    try:
        file = Path(path).expanduser()
    except RuntimeError:
        raise SettingsError(f"{name} starts with ~, and there is no home folder.") from None
    try:
        text = read_small_file(file)
        problem = explain_key(text)
    except UnusableFile as error:
        if looks_like_key(path):
            raise SettingsError(
                f"{name} must be the path of a file, and holds what looks like a key: set POSTHOG_PERSONAL_API_KEY "
                "to a key instead."
            ) from None
        raise SettingsError(f"{name} names {shown_path(file)}, which {error}.") from None
    if problem is not None:
        put = "put a personal API key (phx_…) into it, and nothing else"
        raise SettingsError(f"{name} names {shown_path(file)}, which {problem}; {put}.")
    return PersonalKey(Secret(text))


def read_personal_key(where: str, value: str | None, file: str) -> PersonalKey:
    """Parse a personal API key from a text, or read it from a file if there is none.

    Raises:
        SettingsError: it is no key; the text names `where` it should have been.
    """
    return parse_key_file(where, file) if value is None else parse_key(where, value)


def parse_signing_keys(name: str, text: str) -> tuple[Secret, ...]:
    """Parse keys that are separated by commas, each long enough to seal the state of a confirmation."""
    keys = parse_list(name, text)
    if len(set(keys)) != len(keys):
        raise SettingsError(f"{name} names a key twice.")
    if any(len(key.encode()) < _SHORTEST_SIGNING_KEY_BYTES for key in keys):
        raise SettingsError(
            f"{name} must have {_SHORTEST_SIGNING_KEY_BYTES} bytes or more in each of its keys: make one with "
            "openssl rand -base64 48."
        )
    return tuple(map(Secret, keys))


# Addresses ------------------------------------------------------------------------------------------------------------


def parse_host(name: str, text: str) -> str:
    """Parse a region of PostHog's cloud, or the address of another PostHog, into its origin."""
    if text.lower() in REGIONS:
        return REGIONS[text.lower()]
    parts, host, port = _split(text)
    if not host or parts.scheme not in {"http", "https"} or not host.isascii():
        raise SettingsError(f"{name} must be us, eu, or an address such as https://posthog.example.com.")
    if parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"):
        raise SettingsError(f"{name} must be an address without a user, path or query: https://posthog.example.com.")
    if region := _INGESTION_HOSTS.get(host):
        raise SettingsError(f"{name} names the host that takes events; set {name}={region} instead.")
    if host == _FORMER_US_HOST:
        return REGIONS["us"]
    if parts.scheme == "http" and not is_loopback(host):
        raise SettingsError(f"{name} must use https: plain http is allowed for this machine only.")
    address = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{address}" + (f":{port}" if port else "")


def parse_https_address(name: str, text: str) -> str:
    """Return an address that is https, or http on this machine."""
    parts, host, _ = _split(text, port=False)
    usable = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not host or not usable or parts.username or parts.password or parts.fragment:
        raise SettingsError(f"{name} must be an https address.")
    return text


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_organization(name: str, text: str) -> OrganizationRef:
    """Parse the UUID of an organization, or `@current`."""
    if text == "@current":
        return CURRENT
    organization = parse_uuid(text)
    if organization is None:
        raise SettingsError(f"{name} must be the UUID of an organization, or @current.")
    return organization


def _split(address: str, *, port: bool = True) -> tuple[SplitResult, str, int | None]:
    """Split an address into its parts, its host and its port; all of them empty if it is none."""
    try:
        parts = urlsplit(address)
        host, number = parts.hostname or "", parts.port if port else None
    except ValueError:
        return urlsplit(""), "", None
    return parts, host, number
