"""Load the settings of this process: the only reader of the environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from projects_mcp.api.types import CURRENT, OrganizationRef
from projects_mcp.config.parsers import REGIONS, SettingsError
from projects_mcp.config.variables import VARIABLES
from projects_mcp.policy.authorization import Policy
from projects_mcp.policy.confirmation import Confirmation
from projects_mcp.posthog.credentials import BrowserSession, Credentials
from projects_mcp.posthog.limits import Limits
from projects_mcp.sanitize.secret import Secret
from projects_mcp.state.location import RedisAddress, StateLocation

__all__ = ["Serving", "Settings", "SettingsError", "is_given", "load"]


class Serving(NamedTuple):
    """What matters to a server over HTTP only.

    Attributes:
        callers: the callers file.
        issuer: whose JSON Web Tokens are accepted.
        audience: the audience that such a token must name; None for `public_url`.
        jwks: the address of the issuer's keys; None for the one that its metadata names.
        public_url: the server's address for its callers; None for the one it listens on.
        hosts: names under which it may be called, in lower case; one without a port stands for every port.
        origins: web pages that may call it, in the form of `origin_form`.
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
    """Everything that the operator has decided. Each field is set by a row of `VARIABLES`."""

    origin: str = REGIONS["us"]
    credentials: Credentials = field(default_factory=Credentials)
    organization: OrganizationRef = CURRENT
    policy: Policy = field(default_factory=Policy)
    confirmation: Confirmation = Confirmation.AUTO
    question_timeout_s: int = 45
    audit_log: Path | None = None
    secrets_dir: Path | None = None
    state: StateLocation | None = None
    result_limit: int = 65_536
    limits: Limits = field(default_factory=Limits)
    fast_start: bool = True
    sandbox: str | None = None
    profile: str | None = None
    serving: Serving = field(default_factory=Serving)

    def secrets(self) -> tuple[str, ...]:
        """Return the text of every secret setting, for redaction."""
        texts = [text for row in VARIABLES.values() if row.secret for text in _reveal(_value_at(self, row.field))]
        if isinstance(self.state, RedisAddress):  # of this setting only the password, and the address that it is in
            texts += self.state.secrets()
        return tuple(texts)


_GROUPS: Final[Mapping[str, Callable[..., Any]]] = {
    "credentials": Credentials,
    "session": BrowserSession,
    "policy": Policy,
    "limits": Limits,
    "serving": Serving,
}
"""What is built from the fields that have this name before their dot."""


def load(environment: Mapping[str, str]) -> Settings:
    """Read the settings.

    Empty values, and values that are an unexpanded `${…}`, count as unset: some clients pass on fields that the person
    left empty in that way.

    Raises:
        SettingsError: a value is wrong.
    """
    texts = _given(environment)
    _check_together(texts)
    fields: dict[str, Any] = {}
    for name, row in VARIABLES.items():
        text = texts.get(name, row.default)
        if text is not None:
            *groups, last = row.field.split(".")
            place = fields
            for group in groups:
                place = place.setdefault(group, {})
            place[last] = _parse(name, text)
    settings: Settings = _build(Settings, fields)
    return settings


def _parse(name: str, text: str) -> Any:
    """Parse one setting, and have an error say which one it was."""
    try:
        return VARIABLES[name].parse(name, text)
    except SettingsError as error:
        error.names = (name,)
        raise


def _given(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that are set, without the space around them."""
    texts = {name: environment[name].strip() for name in VARIABLES if name in environment}
    return {name: text for name, text in texts.items() if is_given(text)}


def is_given(text: str) -> bool:
    """Return whether a text is a value: neither blank nor an unexpanded `${…}`."""
    text = text.strip()
    return bool(text) and not (text.startswith("${") and text.endswith("}"))


def _check_together(texts: Mapping[str, str]) -> None:
    """Check the settings that depend on each other."""
    if "POSTHOG_PERSONAL_API_KEY" in texts and "POSTHOG_PERSONAL_API_KEY_FILE" in texts:
        raise SettingsError(
            "Set POSTHOG_PERSONAL_API_KEY or POSTHOG_PERSONAL_API_KEY_FILE, not both.",
            ("POSTHOG_PERSONAL_API_KEY", "POSTHOG_PERSONAL_API_KEY_FILE"),
        )
    if "POSTHOG_CSRF_TOKEN" in texts and "POSTHOG_SESSION_ID" not in texts:
        raise SettingsError(
            "POSTHOG_SESSION_ID is missing: POSTHOG_CSRF_TOKEN is of use only beside it.",
            ("POSTHOG_SESSION_ID", "POSTHOG_CSRF_TOKEN"),
        )


def _build(kind: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """Build a value from its fields, those of the groups inside it first."""
    return kind(
        **{name: _build(_GROUPS[name], value) if isinstance(value, dict) else value for name, value in values.items()}
    )


def _value_at(settings: Settings, path: str) -> Any:
    value: Any = settings
    for name in path.split("."):
        value = getattr(value, name, None)  # there may be no browser session
    return value


def _reveal(value: Any) -> Iterator[str]:
    if isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, tuple):
        for part in value:
            yield from _reveal(part)
