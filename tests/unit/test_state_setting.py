"""Where state is kept: what is accepted, what is refused, and that the password of a Redis server shows nowhere."""

from pathlib import Path

import pytest

from projects_mcp.config.parsers import SettingsError
from projects_mcp.config.settings import load
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.state.location import RedisAddress, StateLocation

NAME = "PROJECTS_MCP_STATE"
PASSWORD = "planted-Passw0rd/&"
URL = "rediss://keeper:planted-Passw0rd%2F&@redis.example.com:6380/2"


def state_of(text: str) -> StateLocation | None:
    return load({NAME: text}).state


def address_of(text: str) -> RedisAddress:
    state = state_of(text)
    assert isinstance(state, RedisAddress)
    return state


def test_places() -> None:
    assert state_of("") is None
    assert state_of("memory") == state_of("Memory") == "memory"
    assert state_of("/var/lib/projects-mcp/state.sqlite3") == Path("/var/lib/projects-mcp/state.sqlite3")
    assert state_of("~/state.sqlite3") == Path("~/state.sqlite3").expanduser()


@pytest.mark.parametrize(
    ("text", "host", "port", "database", "tls", "username", "shown"),
    [
        (URL, "redis.example.com", 6380, 2, True, "keeper", "rediss://redis.example.com:6380/2"),
        ("redis://localhost", "localhost", 6379, 0, False, None, "redis://localhost:6379/0"),
        ("redis://:secret@[::1]:1/", "::1", 1, 0, False, None, "redis://[::1]:1/0"),
    ],
)
def test_addresses(text: str, host: str, port: int, database: int, tls: bool, username: str | None, shown: str) -> None:
    address = address_of(text)
    assert (address.host, address.port, address.database, address.tls) == (host, port, database, tls)
    assert (address.username, address.shown) == (username, shown)


@pytest.mark.parametrize(
    "text",
    [
        "state.sqlite3",
        "./state.sqlite3",
        "/",
        "memory:",
        "sqlite:///var/state",
        "http://redis.example.com",
        "unix:///run/redis.sock",
        "redis://",
        f"redis://:{PASSWORD}@",
        f"redis://:{PASSWORD}@host:0",
        f"redis://:{PASSWORD}@host:65536",
        f"redis://:{PASSWORD}@host:port",
        f"redis://:{PASSWORD}@host/one",
        f"redis://:{PASSWORD}@host/-1",
        f"redis://:{PASSWORD}@host/0?ssl_cert_reqs=none",
        f"redis://:{PASSWORD}@host/0?",
        f"redis://:{PASSWORD}@host/0#1",
        f"redis://:{PASSWORD}@[::1",
        f"redis://:{PASSWORD} @host",
        f"redis://:{PASSWORD}é@host",
    ],
)
def test_what_is_refused_is_not_repeated(text: str) -> None:
    with pytest.raises(SettingsError, match=f"^{NAME} must be ") as caught:
        state_of(text)
    assert "planted" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_password_is_known_to_redaction_and_shows_nowhere() -> None:
    settings = load({NAME: URL})
    assert set(settings.secrets()) == {URL, PASSWORD}
    for text in (repr(settings), str(settings.state), f"{settings.state}", address_of(URL).shown):
        assert "planted" not in text
    redactor = Redactor(settings.secrets())
    for text in (URL, PASSWORD, f"it is {PASSWORD}!", "planted-Passw0rd%2F%26"):
        assert "planted" not in redactor.text(text)


@pytest.mark.parametrize("text", ["memory", "/var/lib/state", "redis://redis.example.com/0"])
def test_what_is_no_secret_is_not_redacted(text: str) -> None:
    assert load({NAME: text}).secrets() == ()


def test_a_short_password_does_not_take_words_out_of_every_text() -> None:
    secrets = load({NAME: "redis://:dev@localhost"}).secrets()
    assert Redactor(secrets).text("a developer") == "a developer"
    assert "dev@" not in Redactor(secrets).text("connect to redis://:dev@localhost now")
