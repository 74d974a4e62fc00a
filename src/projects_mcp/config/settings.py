"""The settings of this process: the only reader of the environment."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from projects_mcp.api.types import CURRENT, OrganizationRef
from projects_mcp.policy.access import Access
from projects_mcp.policy.authorization import Policy
from projects_mcp.policy.confirmation import Confirmation
from projects_mcp.posthog.credentials import BrowserSession, Credentials, PersonalKey
from projects_mcp.posthog.limits import Limits
from projects_mcp.sanitize.secret import Secret

__all__ = [
    "REGIONS",
    "VARIABLES",
    "Serving",
    "Settings",
    "SettingsError",
    "is_loopback",
    "key_of",
    "load",
    "whole_number",
]

REGIONS: Final[Mapping[str, str]] = {"us": "https://us.posthog.com", "eu": "https://eu.posthog.com"}

VARIABLES: Final[Mapping[str, str]] = {
    "POSTHOG_PERSONAL_API_KEY": "Personal API key of PostHog (phx_…)",
    "POSTHOG_PERSONAL_API_KEY_FILE": "File that holds the key, instead of the variable above",
    "POSTHOG_HOST": "us (default), eu, or the https address of a self-hosted PostHog",
    "POSTHOG_ORGANIZATION_ID": "Organization to use where a call names none; default @current",
    "POSTHOG_SESSION_ID": "Opt-in: cookie sessionid of a signed-in browser, for the six session-only operations",
    "POSTHOG_CSRF_TOKEN": "Opt-in: cookie posthog_csrftoken of the same browser",
    "PROJECTS_MCP_ACCESS": "read, write or full (default): the most that any tool may do",
    "PROJECTS_MCP_CONFIRMATION": "auto (default), human or argument: whom a destructive call must convince",
    "PROJECTS_MCP_PROTECTED_PROJECTS": "Project ids, comma-separated, that no destructive tool may touch",
    "PROJECTS_MCP_ONLY_PROJECTS": "The only project ids that this server may touch at all, comma-separated",
    "PROJECTS_MCP_AUDIT_LOG": "File that gets one JSON line per call; without it writable, nothing is changed",
    "PROJECTS_MCP_SECRETS_DIR": "Private folder that gets the new secret of a rotation, so that no answer shows it",
    "PROJECTS_MCP_RESULT_LIMIT": "Most bytes of JSON in a result, 4096 to 4194304; default 65536",
    "PROJECTS_MCP_CONNECT_TIMEOUT": "Seconds to reach PostHog, 1 to 30; default 5",
    "PROJECTS_MCP_READ_TIMEOUT": "Seconds without a byte from PostHog, 1 to 120; default 20",
    "PROJECTS_MCP_CALL_TIMEOUT": "Seconds for all requests of a call together, 2 to 300; default 30",
    "PROJECTS_MCP_CALLERS": "File of those who may call a served server, with their rights; see docs/serving.md",
    "PROJECTS_MCP_OAUTH_ISSUER": "Issuer whose JSON Web Tokens are accepted too: an https address",
    "PROJECTS_MCP_OAUTH_AUDIENCE": "Audience that such a token must name; default: PROJECTS_MCP_PUBLIC_URL",
    "PROJECTS_MCP_OAUTH_JWKS": "Address of the issuer's keys; default: what its metadata names",
    "PROJECTS_MCP_PUBLIC_URL": "Address of the server as its callers see it, such as https://mcp.example.com/mcp",
    "PROJECTS_MCP_ALLOWED_HOSTS": "Host names, comma-separated, under which a served server may be called",
    "PROJECTS_MCP_ALLOWED_ORIGINS": "Origins of web pages, comma-separated, that may call it",
    "PROJECTS_MCP_SIGNING_KEY": "Keys, comma-separated, of 32 bytes or more, that seal confirmations; the first seals",
    "PROJECTS_MCP_SANDBOX": "1 = the embedded sandbox instead of PostHog; no account needed",
}
"""Every setting, and what it means in one line."""

_INGESTION: Final[Mapping[str, str]] = {"us.i.posthog.com": "us", "eu.i.posthog.com": "eu"}
_YES, _NO = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})
_SHORTEST_SECRET: Final = 4
_SIGNING_KEY_BYTES: Final = 32
_E = TypeVar("_E", bound=StrEnum)


class SettingsError(Exception):
    """A setting has a value that cannot be used. The text is one line and shows no secret."""


class Serving(NamedTuple):
    """What matters to a server over HTTP only.

    Attributes:
        callers: the callers file.
        issuer: whose JSON Web Tokens are accepted.
        audience: what such a token must be meant for; None for `public_url`.
        jwks: where the issuer's keys are; None for what its metadata names.
        public_url: the server's address for its callers; None for the one it listens on.
        hosts: names under which it may be called.
        origins: web pages that may call it.
        signing_keys: what seals the state of a confirmation; the first seals, all open.
    """

    callers: Path | None = None
    issuer: str | None = None
    audience: str | None = None
    jwks: str | None = None
    public_url: str | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    signing_keys: tuple[Secret, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the operator has decided."""

    origin: str = REGIONS["us"]
    credentials: Credentials = field(default_factory=Credentials)
    organization: OrganizationRef = CURRENT
    policy: Policy = field(default_factory=Policy)
    confirmation: Confirmation = Confirmation.AUTO
    audit_log: Path | None = None
    secrets_dir: Path | None = None
    result_limit: int = 65_536
    limits: Limits = field(default_factory=Limits)
    sandbox: bool = False
    serving: Serving = field(default_factory=Serving)


def load(environment: Mapping[str, str]) -> Settings:
    """Read the settings.

    Empty values, and values that are an unexpanded `${…}`, count as unset: some clients pass on fields that the person
    left empty in that way.

    Raises:
        SettingsError: a value is wrong.
    """
    values = {
        name: text
        for name, value in environment.items()
        if name in VARIABLES and (text := value.strip()) and not (text.startswith("${") and text.endswith("}"))
    }
    return Settings(
        origin=_origin(values.get("POSTHOG_HOST", "us")),
        credentials=_credentials(values),
        organization=_organization(values.get("POSTHOG_ORGANIZATION_ID", "@current")),
        policy=Policy(
            access=_choice(Access, values, "PROJECTS_MCP_ACCESS", Access.FULL),
            protected=_ids(values, "PROJECTS_MCP_PROTECTED_PROJECTS") or frozenset(),
            only=_ids(values, "PROJECTS_MCP_ONLY_PROJECTS"),
        ),
        confirmation=_choice(Confirmation, values, "PROJECTS_MCP_CONFIRMATION", Confirmation.AUTO),
        audit_log=_path(values, "PROJECTS_MCP_AUDIT_LOG"),
        secrets_dir=_path(values, "PROJECTS_MCP_SECRETS_DIR"),
        result_limit=_number(values, "PROJECTS_MCP_RESULT_LIMIT", 65_536, 4_096, 4_194_304),
        limits=Limits(
            connect_s=_number(values, "PROJECTS_MCP_CONNECT_TIMEOUT", 5, 1, 30),
            read_s=_number(values, "PROJECTS_MCP_READ_TIMEOUT", 20, 1, 120),
            call_s=_number(values, "PROJECTS_MCP_CALL_TIMEOUT", 30, 2, 300),
        ),
        sandbox=_flag(values, "PROJECTS_MCP_SANDBOX"),
        serving=Serving(
            callers=_path(values, "PROJECTS_MCP_CALLERS"),
            issuer=_address(values, "PROJECTS_MCP_OAUTH_ISSUER"),
            audience=values.get("PROJECTS_MCP_OAUTH_AUDIENCE"),
            jwks=_address(values, "PROJECTS_MCP_OAUTH_JWKS"),
            public_url=_address(values, "PROJECTS_MCP_PUBLIC_URL"),
            hosts=_listed(values, "PROJECTS_MCP_ALLOWED_HOSTS"),
            origins=_listed(values, "PROJECTS_MCP_ALLOWED_ORIGINS"),
            signing_keys=_signing_keys(values),
        ),
    )


def _origin(value: str) -> str:
    if value.lower() in REGIONS:
        return REGIONS[value.lower()]
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if not host or parts.scheme not in {"http", "https"} or not host.isascii():
        raise SettingsError("POSTHOG_HOST must be us, eu, or an address such as https://posthog.example.com.")
    if parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"):
        raise SettingsError(
            "POSTHOG_HOST must be an address without a user, path or query: https://posthog.example.com."
        )
    if region := _INGESTION.get(host):
        raise SettingsError(f"POSTHOG_HOST names the host that takes events; set POSTHOG_HOST={region} instead.")
    if host == "app.posthog.com":  # the former name of the US region
        return REGIONS["us"]
    if parts.scheme == "http" and not is_loopback(host):
        raise SettingsError("POSTHOG_HOST must use https: plain http is allowed for this machine only.")
    address = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{address}" + (f":{port}" if port else "")


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _credentials(values: Mapping[str, str]) -> Credentials:
    key = values.get("POSTHOG_PERSONAL_API_KEY")
    if file := values.get("POSTHOG_PERSONAL_API_KEY_FILE"):
        if key:
            raise SettingsError("Set POSTHOG_PERSONAL_API_KEY or POSTHOG_PERSONAL_API_KEY_FILE, not both.")
        key = _from_file("POSTHOG_PERSONAL_API_KEY_FILE", file)
    session, csrf = values.get("POSTHOG_SESSION_ID"), values.get("POSTHOG_CSRF_TOKEN")
    if bool(session) != bool(csrf):
        missing = "POSTHOG_CSRF_TOKEN" if session else "POSTHOG_SESSION_ID"
        raise SettingsError(f"{missing} is missing: a browser session needs both its session id and its CSRF token.")
    return Credentials(
        key=PersonalKey(_secret("POSTHOG_PERSONAL_API_KEY", key)) if key else None,
        session=BrowserSession(_secret("POSTHOG_SESSION_ID", session), _secret("POSTHOG_CSRF_TOKEN", csrf))
        if session and csrf
        else None,
    )


def key_of(where: str, value: str | None, file: str) -> PersonalKey:
    """Return a personal key from a text, or from a file.

    Raises:
        SettingsError: it is no key; the text names `where` it should have been.
    """
    return PersonalKey(_secret(where, _from_file(where, file) if value is None else value))


def _from_file(name: str, path: str) -> str:
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, RuntimeError, ValueError):
        raise SettingsError(f"{name} cannot be read.") from None
    if not text:
        raise SettingsError(f"{name} is empty.")
    return text


def _address(values: Mapping[str, str], name: str) -> str | None:
    """Read an address that must be https, or on this machine."""
    if name not in values:
        return None
    try:
        parts = urlsplit(values[name])
        host = parts.hostname or ""
    except ValueError:
        host, parts = "", urlsplit("")
    usable = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not host or not usable or parts.username or parts.password or parts.fragment:
        raise SettingsError(f"{name} must be an https address.")
    return values[name]


def _listed(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in values.get(name, "").split(",") if part.strip())


def _signing_keys(values: Mapping[str, str]) -> tuple[Secret, ...]:
    keys = _listed(values, "PROJECTS_MCP_SIGNING_KEY")
    if len(set(keys)) != len(keys):
        raise SettingsError("PROJECTS_MCP_SIGNING_KEY names a key twice.")
    if any(len(key.encode()) < _SIGNING_KEY_BYTES for key in keys):
        raise SettingsError(
            f"PROJECTS_MCP_SIGNING_KEY must have {_SIGNING_KEY_BYTES} bytes or more in each of its keys: make one with "
            "openssl rand -base64 48."
        )
    return tuple(map(Secret, keys))


def _secret(name: str, value: str) -> Secret:
    if len(value) < _SHORTEST_SECRET:
        raise SettingsError(f"{name} is too short to be one; copy it again.")
    if not value.isascii() or not value.isprintable() or any(character in ' ;,"\\' for character in value):
        raise SettingsError(
            f"{name} contains characters that no such value has; copy it again, without quotation marks."
        )
    return Secret(value)


def _organization(value: str) -> OrganizationRef:
    if value == "@current":
        return CURRENT
    try:
        return UUID(value)
    except ValueError:
        raise SettingsError("POSTHOG_ORGANIZATION_ID must be the UUID of an organization, or @current.") from None


def _choice(kind: type[_E], values: Mapping[str, str], name: str, default: _E) -> _E:
    try:
        return kind(values.get(name, default.value).lower())
    except ValueError:
        raise SettingsError(f"{name} must be one of {', '.join(kind)}.") from None


def _ids(values: Mapping[str, str], name: str) -> frozenset[int] | None:
    if name not in values:
        return None
    parts = [part.strip() for part in values[name].split(",") if part.strip()]
    ids = frozenset(whole_number(part, 1, 10**16 - 1, digits=16) for part in parts)
    if not ids or None in ids:
        raise SettingsError(f"{name} must be project ids, separated by commas, such as 12,345.")
    return frozenset(number for number in ids if number is not None)


def _number(values: Mapping[str, str], name: str, default: int, lowest: int, highest: int) -> int:
    number = whole_number(values.get(name, str(default)), lowest, highest, digits=9)
    if number is None:
        raise SettingsError(f"{name} must be a number from {lowest} to {highest}.")
    return number


def whole_number(text: str, lowest: int, highest: int, *, digits: int) -> int | None:
    """Read a number that somebody typed: ASCII digits only, no more than `digits`, and within bounds; else None."""
    if not (text.isascii() and text.isdigit() and len(text) <= digits):
        return None
    number = int(text)
    return number if lowest <= number <= highest else None


def _path(values: Mapping[str, str], name: str) -> Path | None:
    if name not in values:
        return None
    try:
        return Path(values[name]).expanduser().absolute()
    except RuntimeError:
        raise SettingsError(f"{name} starts with ~, and there is no home folder.") from None


def _flag(values: Mapping[str, str], name: str) -> bool:
    text = values.get(name, "0").lower()
    if text not in _YES | _NO:
        raise SettingsError(f"{name} must be 1 or 0.")
    return text in _YES
