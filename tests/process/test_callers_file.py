"""The callers file: what is wrong with one, and how it is read again."""

import signal
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.config.parsers import SettingsError
from projects_mcp.http.callers_file import load_callers
from projects_mcp.sandbox import (
    ALL_ACCESS_KEY,
    READ_ONLY_KEY,
)
from tests.contract.operations import TOOLS
from tests.support.callers import entry, token_of, write_callers
from tests.support.callers_server import KEYS, READ, READERS, READERS_BY_KEY, VARIABLES
from tests.support.posthog import Upstream, writing
from tests.support.served import HARMLESS, refused_start, served
from tests.support.waiting import PATIENCE_S, in_background

HASH = "ab" * 32
PLANTED = "PlantedContentOfTheFile"


# Reading it again ---------------------------------------------------------------------------------------------------


def test_the_file_is_read_again_on_request(upstream: Upstream, tmp_path: Path) -> None:
    path = write_callers(
        tmp_path / "callers", entry("ada"), entry("leaves"), entry("moves", credential="everything"), KEYS
    )
    settings = {"PROJECTS_MCP_CALLERS": str(path), "PROJECTS_MCP_AUDIT_LOG": str(tmp_path / "audit")}
    read_again, former = "has been read again", "The former callers stay."
    with served(POSTHOG_HOST=upstream.origin, **HARMLESS, **VARIABLES, **settings) as server:
        assert server.call("project_list", {}, token_of("comes")).status == 401
        upstream.delay = lambda scope: 1.5 if writing(scope) else 0.0
        slow = in_background(lambda: server.call("project_create", {"name": "Slow"}, token_of("leaves")))
        assert upstream.arrived.wait(PATIENCE_S)
        # A request that has come in, and whose body is still on its way.
        half = server.begin("project_list", {}, token_of("moves"), hold=True)
        time.sleep(0.2)

        write_callers(path, entry("ada", scopes=READ), entry("comes"))
        server.send_signal(signal.SIGHUP)
        server.wait_for(read_again)
        assert server.call("project_list", {}, token_of("leaves")).status == 401
        assert server.call("project_list", {}, token_of("comes")).status == 200
        assert server.tools(token_of("ada")) == READERS
        assert slow.result(PATIENCE_S).result["outcome"] == "applied", "what was under way has gone on"
        assert half.finish() == 401, "its caller is nobody by now"

        broken = {
            "[callers.ada\n": "is not TOML at line 1",
            entry("ada") + "[callers.ada]\n": "has [callers.ada] twice, again at line",
            entry("ada", surprise=1): "surprise",
            "": "names no caller",
            f"x = {'[' * 5_000}": "is not TOML",
        }
        for count, (text, why) in enumerate(broken.items(), 1):
            write_callers(path, text)
            server.send_signal(signal.SIGHUP)
            said = server.wait_for(former, count)
            assert why in [line for line in said.splitlines() if former in line][-1]
            assert server.call("project_list", {}, token_of("comes")).status == 200
        write_callers(path, entry("ada"), mode=0o644)
        server.send_signal(signal.SIGHUP)
        assert "can be read by others" in server.wait_for(former, len(broken) + 1)
        path.unlink()
        server.send_signal(signal.SIGHUP)
        assert "cannot be read" in server.wait_for(former, len(broken) + 2)
        assert server.call("project_list", {}, token_of("comes")).status == 200

        write_callers(path, entry("ada"), entry("moves", credential="everything"), KEYS)
        server.send_signal(signal.SIGHUP)
        server.wait_for(read_again, 2)
        assert len(server.tools(token_of("ada"))) == len(TOOLS)
        assert server.call("project_list", {}, token_of("comes")).status == 401
        assert server.end() == 0
    assert "Traceback" not in server.stderr


def test_a_key_that_was_replaced_is_used_from_then_on(upstream: Upstream, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(f"{READ_ONLY_KEY}\n", encoding="utf-8")
    credential = f'[credentials.filed]\nkey_file = "{key}"\n'
    path = write_callers(tmp_path / "callers", entry("ada", credential="filed"), credential)
    with served(POSTHOG_HOST=upstream.origin, PROJECTS_MCP_CALLERS=str(path)) as server:
        assert server.tools(token_of("ada")) == READERS_BY_KEY
        key.write_text(ALL_ACCESS_KEY, encoding="utf-8")
        server.send_signal(signal.SIGHUP)
        server.wait_for("has been read again")
        assert len(server.tools(token_of("ada"))) == len(TOOLS) - 1, "one needs a session"
        assert upstream.keys == {READ_ONLY_KEY, ALL_ACCESS_KEY}
        assert ALL_ACCESS_KEY not in server.stderr


# What is wrong with it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "names no caller"),
        (f"[callers.a]\n{PLANTED}\n", "is not TOML at line 2"),
        (f"[callers.a]\ntoken_sha256 = {PLANTED}", "is not TOML at line 2"),
        (f'[callers.a]\nx = "{PLANTED}"\nx = 2\n', "is not TOML at line 3"),
        (f"[callers.a]\nx = '{PLANTED}", "is not TOML"),
        (f"x = {'[' * 5_000}", "is not TOML"),
        (f"x = 1{'0' * 5_000}", "PROJECTS_MCP_CALLERS"),
        (f"callers = '{PLANTED}'", "[callers.NAME]"),
        (f"[callers]\na = '{PLANTED}'", "[callers.NAME]"),
        ("[surprise]\nx = 1", "[surprise]"),
        (f'["{PLANTED} {PLANTED}"]\nx = 1', "[…]"),
        (f'[callers."{PLANTED} {PLANTED}"]\nscopes = []', "letters, digits"),
        ("[callers.a]\nscopes = []", "[callers.a] needs token_sha256"),
        (f'[callers.a]\ntoken_sha256 = "{PLANTED}"\nscopes = []', "64 hexadecimal digits"),
        ("[callers.a]\ntoken_sha256 = 1\nscopes = []", "must be a text"),
        (f'[callers.a]\ntoken_sha256 = "{HASH}"', "needs scopes"),
        (entry("a", scopes=PLANTED), "needs scopes"),
        (entry("a", scopes=[PLANTED]), "project:read and project:write"),
        (entry("a", scopes=["*"]), "project:read and project:write"),
        (entry("a", access=PLANTED), "read, write, full"),
        (entry("a", access="FULL"), "read, write, full"),
        (entry("a", organization=PLANTED), "must be a UUID"),
        (entry("a", organization="@current"), "must be a UUID"),
        (entry("a", organization=""), "must be a UUID"),
        (entry("a", credential=PLANTED), "names a credential that is not there"),
        (entry("a", credential=""), "names a credential that is not there"),
        (entry("a", protected_projects=PLANTED), "list of project ids"),
        (entry("a", protected_projects=["1"]), "list of project ids"),
        (entry("a", protected_projects=[True]), "list of project ids"),
        (entry("a", concurrent_calls=0), "a number from 1"),
        (entry("a", calls_per_minute=-1), "a number from 1"),
        (entry("a", calls_per_minute=True), "a number from 1"),
        (entry("a", surprise=PLANTED), "nothing named surprise"),
        (entry("a") + f"token = '{token_of('a')}'", "nothing named token"),
        (entry("a", "same") + entry("b", "same"), "[callers.b] has the token of another caller"),
        (entry("a") + "[credentials.default]\nkey_env = 'X'", "the key of the process itself"),
        (entry("a") + "[credentials.x]\n", "needs key_env"),
        (entry("a") + "[credentials.x]\nkey_env = 'GIVEN'\nkey_file = 'b'", "needs key_env"),
        (entry("a") + "[credentials.x]\nkey_env = 'NOT_GIVEN'", "is not set"),
        (entry("a") + "[credentials.x]\nkey_env = 'EMPTY'", "is not set"),
        (entry("a") + "[credentials.x]\nkey_env = 'WRONG'", "[credentials.x]"),
        (entry("a") + "[credentials.x]\nkey_file = '/nowhere/at/all'", "which does not exist"),
        (entry("a") + f"[credentials.x]\nkey = '{PLANTED}'", "needs key_env"),
    ],
)
def test_a_wrong_file_is_refused_without_its_content(tmp_path: Path, text: str, why: str) -> None:
    path = write_callers(tmp_path / "callers", text)
    environment = {"GIVEN": ALL_ACCESS_KEY, "EMPTY": " ", "WRONG": f"{PLANTED} ü"}
    with pytest.raises(SettingsError) as error:
        load_callers(path, environment)
    said = str(error.value)
    assert why in said
    assert "PROJECTS_MCP_CALLERS" in said or "[credentials.x]" in said
    assert "\n" not in said
    assert PLANTED not in said
    assert HASH not in said
    assert ALL_ACCESS_KEY not in said


@pytest.mark.parametrize("data", [b"\xff\xfe", b"[callers.a]\nx = '\xff'", b"#" * 1_048_577])
def test_what_is_no_text_or_too_long_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "callers"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="PROJECTS_MCP_CALLERS"):
        load_callers(path, {})


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602, 0o601, 0o777])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = write_callers(tmp_path / "callers", entry("a"), mode=mode)
    with pytest.raises(SettingsError, match="can be read by others"):
        load_callers(path, {})


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_private_file_is_taken(tmp_path: Path, mode: int) -> None:
    path = write_callers(tmp_path / "callers", entry("a"), mode=mode)
    assert [caller.name for caller in load_callers(path, {}).by_hash.values()] == ["a"]


def test_a_start_with_a_wrong_file_says_so_in_one_line(tmp_path: Path) -> None:
    path = write_callers(tmp_path / "callers", entry("a"), mode=0o644)
    line = refused_start(**HARMLESS, PROJECTS_MCP_CALLERS=str(path))
    assert line == "projects-mcp: PROJECTS_MCP_CALLERS can be read by others: chmod 600 it."
    for other in (tmp_path, tmp_path / "missing"):
        assert "cannot be read" in refused_start(**HARMLESS, PROJECTS_MCP_CALLERS=str(other))


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda data: data.decode("latin-1")))
def test_no_text_makes_it_fail_otherwise(tmp_path: Path, text: str) -> None:
    path = tmp_path / "any"
    path.write_bytes(text.encode(errors="surrogatepass"))
    path.chmod(0o600)
    with pytest.raises(SettingsError):
        load_callers(path, {})
