"""The settings: one row for each, what counts as unset, what is refused, and that no message shows a secret."""

from pathlib import Path
from uuid import UUID

import pytest

from projects_mcp.api.types import CURRENT
from projects_mcp.config.parsers import SettingsError, WholeNumber
from projects_mcp.config.settings import Settings, load
from projects_mcp.config.variables import VARIABLES
from projects_mcp.policy.access import Access
from projects_mcp.policy.confirmation import Confirmation

KEY = "phx_abcdefghijklmnopqrstuvwxyz"


def test_defaults() -> None:
    assert load({}) == Settings()
    assert Settings().origin == "https://us.posthog.com"
    assert Settings().policy.access is Access.FULL
    assert Settings().confirmation is Confirmation.AUTO


@pytest.mark.parametrize("value", ["", "  ", "${user_config.api_key}", "${POSTHOG_HOST}"])
def test_empty_and_unexpanded_values_are_unset(value: str) -> None:
    names = [
        "POSTHOG_PERSONAL_API_KEY",
        "POSTHOG_HOST",
        "POSTHOG_SESSION_ID",
        "PROJECTS_MCP_ACCESS",
        "PROJECTS_MCP_SANDBOX",
    ]
    assert load(dict.fromkeys(names, value)) == Settings()


@pytest.mark.parametrize(
    ("value", "origin"),
    [
        ("us", "https://us.posthog.com"),
        ("EU", "https://eu.posthog.com"),
        ("https://app.posthog.com", "https://us.posthog.com"),
        ("https://posthog.example.com/", "https://posthog.example.com"),
        ("https://posthog.example.com:8443", "https://posthog.example.com:8443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_hosts(value: str, origin: str) -> None:
    assert load({"POSTHOG_HOST": value}).origin == origin


@pytest.mark.parametrize(
    "value",
    [
        "posthog.example.com",
        "http://posthog.example.com",
        "http://127.0.0.1.example.com",
        "ftp://posthog.example.com",
        "https://user:word@posthog.example.com",
        "https://posthog.example.com/project/1",
        "https://posthog.example.com?x=1",
        "https://us.i.posthog.com",
        "https://",
        "https://[::1",
        "https://posthog.example.com:port",
        "https://pösthog.example.com",
        "asia",
    ],
)
def test_hosts_that_are_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="POSTHOG_HOST"):
        load({"POSTHOG_HOST": value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROJECTS_MCP_ACCESS", "admin"),
        ("PROJECTS_MCP_CONFIRMATION", "never"),
        ("PROJECTS_MCP_PROTECTED_PROJECTS", "1,two"),
        ("PROJECTS_MCP_PROTECTED_PROJECTS", "1,-2"),
        ("PROJECTS_MCP_ONLY_PROJECTS", ","),
        ("PROJECTS_MCP_ONLY_PROJECTS", "0"),
        ("PROJECTS_MCP_SANDBOX", "maybe"),
        ("PROJECTS_MCP_RESULT_LIMIT", "12"),
        ("PROJECTS_MCP_RESULT_LIMIT", "a lot"),
        ("POSTHOG_ORGANIZATION_ID", "acme"),
        ("POSTHOG_SESSION_ID", "abcdef; 0123456789"),
        ("POSTHOG_CSRF_TOKEN", "abcdef0123456789"),
        ("POSTHOG_PERSONAL_API_KEY", f"{KEY}\r\nX-Admin: 1"),
        ("POSTHOG_PERSONAL_API_KEY", f'"{KEY}"'),
        ("POSTHOG_PERSONAL_API_KEY", f"Bearer {KEY}"),
        ("POSTHOG_PERSONAL_API_KEY", f"{KEY}é"),
        ("POSTHOG_PERSONAL_API_KEY_FILE", "/no/such/file"),
    ],
)
def test_wrong_values_are_one_line_that_names_the_setting_and_not_the_value(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({name: value})
    text = str(caught.value)
    assert "\n" not in text
    assert name.removesuffix("_ID") in text or "POSTHOG_" in text
    assert KEY not in text
    assert "abcdef" not in text


def test_a_key_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n", encoding="utf-8")
    settings = load({"POSTHOG_PERSONAL_API_KEY_FILE": str(file)})
    assert settings.credentials.secrets() == (KEY,)
    with pytest.raises(SettingsError, match="not both"):
        load({"POSTHOG_PERSONAL_API_KEY_FILE": str(file), "POSTHOG_PERSONAL_API_KEY": KEY})
    file.write_text("\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="empty"):
        load({"POSTHOG_PERSONAL_API_KEY_FILE": str(file)})


def test_everything_set() -> None:
    settings = load(
        {
            "POSTHOG_PERSONAL_API_KEY": KEY,
            "POSTHOG_ORGANIZATION_ID": "018F3A2E-7B00-0000-8A11-5D2C9E7F0B31",
            "POSTHOG_SESSION_ID": "session0123456789",
            "POSTHOG_CSRF_TOKEN": "csrf0123456789",
            "PROJECTS_MCP_ACCESS": "WRITE",
            "PROJECTS_MCP_CONFIRMATION": "human",
            "PROJECTS_MCP_PROTECTED_PROJECTS": " 1, 2 ,",
            "PROJECTS_MCP_ONLY_PROJECTS": "3",
            "PROJECTS_MCP_SANDBOX": "true",
        }
    )
    assert settings.organization == UUID("018f3a2e-7b00-0000-8a11-5d2c9e7f0b31")
    assert settings.organization is not CURRENT
    assert settings.policy.protected == {1, 2}
    assert settings.policy.only == frozenset({3})
    assert settings.policy.access is Access.WRITE
    assert settings.sandbox == "current"
    shown = f"{settings!r} {settings.credentials} {settings.credentials.key!s}"
    for secret in (KEY, "session0123456789", "csrf0123456789"):
        assert secret not in shown


# The table -----------------------------------------------------------------------------------------------------------

USABLE = {
    "POSTHOG_PERSONAL_API_KEY": KEY,
    "POSTHOG_HOST": "eu",
    "POSTHOG_ORGANIZATION_ID": "018f3a2e-7b00-0000-8a11-5d2c9e7f0b31",
    "POSTHOG_SESSION_ID": "session0123456789",
    "POSTHOG_CSRF_TOKEN": "csrf0123456789",
    "PROJECTS_MCP_ACCESS": "read",
    "PROJECTS_MCP_CONFIRMATION": "human",
    "PROJECTS_MCP_PROTECTED_PROJECTS": "1",
    "PROJECTS_MCP_ONLY_PROJECTS": "1",
    "PROJECTS_MCP_AUDIT_LOG": "/audit.jsonl",
    "PROJECTS_MCP_SECRETS_DIR": "/secrets",
    "PROJECTS_MCP_RESULT_LIMIT": "4096",
    "PROJECTS_MCP_CONNECT_TIMEOUT": "1",
    "PROJECTS_MCP_READ_TIMEOUT": "1",
    "PROJECTS_MCP_CALL_TIMEOUT": "2",
    "PROJECTS_MCP_FAST_START": "off",
    "PROJECTS_MCP_QUESTION_TIMEOUT": "50",
    "PROJECTS_MCP_STATE": "/state/state.sqlite3",
    "PROJECTS_MCP_CALLERS": "/callers.toml",
    "PROJECTS_MCP_OAUTH_ISSUER": "https://issuer.example.com",
    "PROJECTS_MCP_OAUTH_AUDIENCE": "audience",
    "PROJECTS_MCP_OAUTH_JWKS": "https://issuer.example.com/keys",
    "PROJECTS_MCP_PUBLIC_URL": "https://mcp.example.com/mcp",
    "PROJECTS_MCP_ALLOWED_HOSTS": "mcp.example.com",
    "PROJECTS_MCP_ALLOWED_ORIGINS": "https://example.com",
    "PROJECTS_MCP_SIGNING_KEY": "signing_key_0_of_thirty_two_bytes,signing_key_1_of_thirty_two_bytes",
    "PROJECTS_MCP_SANDBOX": "1",
    "PROJECTS_MCP_PROFILE": "eu",
}
"""For each setting a value that is not its default."""


def at(settings: Settings, path: str) -> object:
    value: object = settings
    for name in path.split("."):
        value = getattr(value, name, None)
    return value


@pytest.mark.parametrize("name", list(VARIABLES))
def test_every_row_sets_its_field(name: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY, encoding="utf-8")
    given = {"POSTHOG_PERSONAL_API_KEY_FILE": str(file), **USABLE}[name]
    session = {name: USABLE[name] for name in ("POSTHOG_SESSION_ID", "POSTHOG_CSRF_TOKEN")}
    settings = load({**(session if name in session else {}), name: given})
    assert at(settings, VARIABLES[name].field) != at(Settings(), VARIABLES[name].field)


def test_every_secret_is_known_to_redaction_and_none_is_a_flag() -> None:
    settings = load(USABLE)
    secret = {name for name, row in VARIABLES.items() if row.secret}
    texts = [part for name in secret for part in USABLE[name].split(",")]
    assert len(texts) == len(secret) + 1
    assert sorted(settings.secrets()) == sorted(texts)
    assert [text for text in texts if text in repr(settings)] == []
    assert [name for name in secret if VARIABLES[name].flag is not None] == []


def test_the_bounds_in_the_documents_are_those_that_are_checked() -> None:
    numbers = {name: row.parse for name, row in VARIABLES.items() if isinstance(row.parse, WholeNumber)}
    assert VARIABLES["PROJECTS_MCP_READ_TIMEOUT"].words == "Seconds without a byte from PostHog, 1 to 120; default 20"
    assert len(numbers) == 5
    for name, number in numbers.items():
        lowest, highest = number.lowest, number.highest
        assert f"{lowest} to {highest}" in VARIABLES[name].words
        for inside in (lowest, highest):
            load({name: str(inside)})
        for outside in (lowest - 1, highest + 1):
            with pytest.raises(SettingsError, match=f"{name} must be a number from {lowest} to {highest}"):
                load({name: str(outside)})
