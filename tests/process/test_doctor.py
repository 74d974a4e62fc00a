"""What the doctor tells apart: each situation by a sentence of its own, with its exit code, and without a secret."""

import asyncio
import json
import logging
import os
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from projects_mcp.cli.doctor.command import run_doctor
from projects_mcp.cli.doctor.diagnosis import Diagnosis, diagnose
from projects_mcp.cli.doctor.findings import Level
from projects_mcp.config.settings import VARIABLES
from projects_mcp.sandbox import (
    ACME_ID,
    ALL_ACCESS_KEY,
    CSRF_TOKEN,
    NO_SCOPE_KEY,
    NORTHWIND_ID,
    NORTHWIND_PROJECT_ID,
    OAUTH_TOKEN,
    ONE_ORGANIZATION_KEY,
    ONE_PROJECT_KEY,
    PRODUCTION_ID,
    READ_ONLY_KEY,
    READ_WRITE_KEY,
    SESSION_ID,
    Behaviour,
    World,
    seed,
)
from projects_mcp.sandbox.app import create_app
from tests.contract.operations import TOOLS
from tests.support.fault_cases import silence
from tests.support.fault_server import SECRET, Exchange, Request, Upstream, listening
from tests.support.harness import Recorder
from tests.support.upstream import serving

SENTENCES = {
    "no key": "No PostHog key is configured.",
    "malformed key": "POSTHOG_PERSONAL_API_KEY contains characters that no such value has",
    "wrong kind of key": "It opens nothing here.",
    "other region": "The key belongs to PostHog's region eu, and POSTHOG_HOST is us.",
    "revoked in both regions": "nor does the other region: it was revoked",
    "other region unasked": "; region eu could not be asked: it was revoked",
    "revoked": "does not know the key: it was revoked, or belongs to another PostHog.",
    "no scopes": "it has no scope for projects",
    "restricted to projects": "The key is restricted to projects",
    "restricted to organizations": "The key is restricted to organizations",
    "not PostHog": "is not PostHog:",
    "tls": "could not be verified on this machine",
    "proxy": "is in the way",
    "refused": "Nothing accepts a connection at",
    "failing": "it fails with status 503",
    "silent": "it did not answer in time",
    "session expired": "The browser session has expired, was signed out, or is of another PostHog.",
    "csrf": "its CSRF token is wrong",
    "missing project": "does not exist in",
    "audit log": "cannot be written:",
}
"""A piece of the sentence for each situation. No report shows a sentence of another one."""

SECRETS = (
    READ_WRITE_KEY,
    READ_ONLY_KEY,
    ALL_ACCESS_KEY,
    NO_SCOPE_KEY,
    ONE_PROJECT_KEY,
    ONE_ORGANIZATION_KEY,
    OAUTH_TOKEN,
    SESSION_ID,
    CSRF_TOKEN,
    SECRET,
    "planted",
)
"""None of them may be printed. Every value that is planted somewhere else says so in itself."""


class Examined:
    """What one run printed for programs, and that the lines for people say the same."""

    def __init__(self, code: int, printed: str, lines: str) -> None:
        self.code = code
        self.report: dict[str, Any] = json.loads(printed)
        self.findings: list[dict[str, Any]] = self.report["findings"]
        self.lines = lines
        assert self.report["exit_code"] == code
        for finding in self.findings:
            assert set(finding) == {"check", "level", "sentence", "fix"}
            assert finding["level"] in set(Level)
            assert finding["sentence"] in lines
            assert finding["fix"] is None or finding["fix"] in lines
            assert finding["level"] not in {"warning", "problem"} or finding["fix"], "says what to do"
        assert [secret for secret in SECRETS if secret in printed + lines] == []

    def told(self) -> set[str]:
        """The situations whose sentences were printed."""
        return {name for name, piece in SENTENCES.items() if any(piece in one["sentence"] for one in self.findings)}

    def of(self, check: str) -> dict[str, Any]:
        (found,) = [finding for finding in self.findings if finding["check"] == check]
        return found


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Examined]:
    """Runs the doctor, and prints the same examination for programs and for people."""
    known: list[Diagnosis] = []

    async def once(*arguments: Any) -> Diagnosis:
        if not known:
            known.append(await diagnose(*arguments))
        return known[0]

    monkeypatch.setattr("projects_mcp.cli.doctor.command.diagnose", once)

    def examined(clouds: Mapping[str, str] | None = None, **environment: str) -> Examined:
        known.clear()
        printed: list[str] = []
        codes = set()
        for as_json in (True, False):
            codes.add(run_doctor(environment, as_json=as_json, clouds=clouds or {}))
            captured = capsys.readouterr()
            assert captured.err == ""
            printed.append(captured.out)
        (code,) = codes
        return Examined(code, *printed)

    return examined


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of the machine that runs the tests stands between."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in VARIABLES:
            monkeypatch.delenv(name)
    monkeypatch.setattr(logging.getLogger("asyncio"), "disabled", True)


def posthog(world: World | None = None) -> Any:
    return serving(create_app(world or seed()))


def healthy(origin: str, **more: str) -> dict[str, str]:
    return {
        "POSTHOG_HOST": origin,
        "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY,
        "POSTHOG_SESSION_ID": SESSION_ID,
        "POSTHOG_CSRF_TOKEN": CSRF_TOKEN,
        **more,
    }


@contextmanager
def answering(answer: Callable[[Exchange], Awaitable[None]]) -> Iterator[str]:
    """Answer every request on loopback by hand, those about the key too."""

    class Everything(Upstream):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, path, _ = head.split(" ", 2)
            answered = asyncio.ensure_future(answer(Exchange(Request(method, path, {}, b""), reader, writer)))
            left = asyncio.ensure_future(reader.read())  # whoever has lost patience hangs up
            await asyncio.wait({answered, left}, return_when=asyncio.FIRST_COMPLETED)
            answered.cancel()
            writer.close()
            await asyncio.wait({answered, left})

    with start_blocking_portal() as portal, portal.wrap_async_context_manager(listening(Everything())) as upstream:
        yield upstream.origin


def fixed(status: int, body: Any = b"", **headers: str) -> Callable[[Exchange], Awaitable[None]]:
    async def answer(exchange: Exchange) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        await exchange.answer(status, body, {"Connection": "close", **named})

    return answer


# All is well ----------------------------------------------------------------------------------------------------------


def test_all_is_well(doctor: Callable[..., Examined], tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir(mode=0o700)
    with posthog() as upstream:
        examined = doctor(
            **healthy(
                upstream.origin,
                POSTHOG_ORGANIZATION_ID=ACME_ID,
                PROJECTS_MCP_PROTECTED_PROJECTS=str(PRODUCTION_ID),
                PROJECTS_MCP_AUDIT_LOG=str(tmp_path / "audit.jsonl"),
                PROJECTS_MCP_SECRETS_DIR=str(tmp_path / "secrets"),
            )
        )
    assert (examined.code, examined.told()) == (0, set())
    assert {finding["level"] for finding in examined.findings} == {"ok"}
    assert {finding["check"] for finding in examined.findings} == {
        "settings",
        "audit_log",
        "secrets_dir",
        "key",
        "host",
        "clock",
        "scopes",
        "organization",
        "projects",
        "session",
    }
    assert examined.report["hidden"] == {}
    assert "No tool is hidden." in examined.lines
    assert "All is well." in examined.lines
    assert list(tmp_path.iterdir()) == [tmp_path / "secrets"], "it has created nothing"
    assert list((tmp_path / "secrets").iterdir()) == []


def test_it_works_on_the_sandbox_and_never_sends_a_real_key(doctor: Callable[..., Examined]) -> None:
    examined = doctor(PROJECTS_MCP_SANDBOX="1", POSTHOG_PERSONAL_API_KEY="phx_planted_real_key_000001")
    assert (examined.code, examined.told()) == (0, set())
    assert examined.report["hidden"] == {}


def test_nothing_that_could_change_a_project_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    recorder = Recorder(create_app(seed()))
    environment = {"PROJECTS_MCP_SANDBOX": "1", "PROJECTS_MCP_PROTECTED_PROJECTS": "1,12345"}
    run_doctor(environment, as_json=True, application=recorder)
    (write,) = recorder.writes
    assert write.line == "POST /api/organizations/@current/projects/0/is_generating_demo_data/"
    assert write.body is None
    assert "authorization" not in write.headers

    run_doctor({**environment, "PROJECTS_MCP_ACCESS": "write"}, as_json=True, application=recorder)
    assert recorder.writes == [write]
    assert "Its CSRF token was not checked" in capsys.readouterr().out


# The key --------------------------------------------------------------------------------------------------------------


def test_no_key(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        examined = doctor(POSTHOG_HOST=upstream.origin)
    assert (examined.code, examined.told()) == (1, {"no key"})
    assert examined.of("host")["level"] == "ok", "whether PostHog is there can be told without a key"
    assert examined.report["hidden"] is None


def test_a_malformed_key(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        examined = doctor(POSTHOG_HOST=upstream.origin, POSTHOG_PERSONAL_API_KEY='"phx_planted quoted key"')
    assert (examined.code, examined.told()) == (2, {"malformed key"})
    assert upstream.requests == []


@pytest.mark.parametrize("prefix", ["phc_", "phs_", "phr_"])
def test_a_key_of_the_wrong_kind_is_not_sent(doctor: Callable[..., Examined], prefix: str) -> None:
    world = seed()
    recorder = Recorder(create_app(world))
    with serving(recorder) as upstream:
        examined = doctor(POSTHOG_HOST=upstream.origin, POSTHOG_PERSONAL_API_KEY=f"{prefix}planted_0000001")
    assert (examined.code, examined.told()) == (1, {"wrong kind of key"})
    assert "planted" not in repr(recorder.inquiries + recorder.requests)


@pytest.mark.parametrize("key", [READ_WRITE_KEY, OAUTH_TOKEN])
def test_a_key_of_the_other_region(doctor: Callable[..., Examined], key: str) -> None:
    other = seed()
    other.api_keys.clear()
    with posthog(other) as us, posthog() as eu:
        clouds = {"us": us.origin, "eu": eu.origin}
        examined = doctor(clouds, POSTHOG_HOST=us.origin, POSTHOG_PERSONAL_API_KEY=key)
        assert (examined.code, examined.told()) == (1, {"other region"})
        assert examined.of("region")["fix"] == "Set POSTHOG_HOST=eu."


def test_a_revoked_key(doctor: Callable[..., Examined]) -> None:
    with posthog() as us, posthog() as eu:
        key = "phx_planted_and_revoked_0001"
        examined = doctor({"us": us.origin, "eu": eu.origin}, POSTHOG_HOST=us.origin, POSTHOG_PERSONAL_API_KEY=key)
        assert (examined.code, examined.told()) == (1, {"revoked in both regions"})
        assert eu.requests
        eu.requests.clear()
        examined = doctor({"eu": eu.origin}, POSTHOG_HOST=us.origin, POSTHOG_PERSONAL_API_KEY=key)
        assert (examined.code, examined.told()) == (1, {"revoked"})
        assert eu.requests == [], "the key of a self-hosted PostHog goes nowhere else"
        examined = doctor({"us": us.origin, "eu": _closed_port()}, POSTHOG_HOST=us.origin, POSTHOG_PERSONAL_API_KEY=key)
        assert (examined.code, examined.told()) == (1, {"other region unasked"})


def test_a_key_without_scopes(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        examined = doctor(**healthy(upstream.origin, POSTHOG_PERSONAL_API_KEY=NO_SCOPE_KEY))
    assert (examined.code, examined.told()) == (1, {"no scopes"})
    assert len(examined.report["hidden"]) == len(TOOLS)
    assert "project:read" in examined.report["hidden"]["project_list"]
    assert examined.report["hidden"]["project_reset_token"] in examined.lines


def test_a_restricted_key(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        examined = doctor(**healthy(upstream.origin, POSTHOG_PERSONAL_API_KEY=ONE_PROJECT_KEY))
        assert (examined.code, examined.told()) == (0, {"restricted to projects"})
        assert set(examined.report["hidden"]) == {"project_list", "project_create"}
        examined = doctor(**healthy(upstream.origin, POSTHOG_PERSONAL_API_KEY=ONE_ORGANIZATION_KEY))
        assert (examined.code, examined.told()) == (0, {"restricted to organizations"})
        examined = doctor(
            **healthy(
                upstream.origin, POSTHOG_PERSONAL_API_KEY=ONE_ORGANIZATION_KEY, POSTHOG_ORGANIZATION_ID=NORTHWIND_ID
            )
        )
        assert examined.code == 1
        assert "restricted to other organizations" in examined.of("organization")["sentence"]


@pytest.mark.parametrize(("key", "level"), [(READ_ONLY_KEY, "note"), (READ_WRITE_KEY, "ok")])
def test_what_the_key_may_do(doctor: Callable[..., Examined], key: str, level: str) -> None:
    with posthog() as upstream:
        examined = doctor(**healthy(upstream.origin, POSTHOG_PERSONAL_API_KEY=key))
    assert (examined.code, examined.told(), examined.of("scopes")["level"]) == (0, set(), level)


def test_a_key_with_more_scopes_than_needed_gets_a_note(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        examined = doctor(**healthy(upstream.origin, POSTHOG_PERSONAL_API_KEY=ALL_ACCESS_KEY))
    assert examined.code == 0
    assert "more scopes than this server ever needs" in examined.lines


@pytest.mark.parametrize("key", [READ_WRITE_KEY, OAUTH_TOKEN])
def test_a_posthog_that_describes_no_key(doctor: Callable[..., Examined], key: str) -> None:
    with posthog(seed(behaviour=Behaviour(key_introspection=False))) as upstream:
        examined = doctor(**healthy(upstream.origin, POSTHOG_PERSONAL_API_KEY=key))
    assert (examined.code, examined.told()) == (0, set())
    assert "does not say what it may do" in examined.of("scopes")["sentence"]


# The way to PostHog ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "because"),
    [
        (fixed(200, f"<html>Sign in {SECRET}</html>".encode(), Content_Type="text/html"), "a web page"),
        (fixed(302, b"", Location="/login"), "it redirects"),
        (fixed(200, {"status": "ok"}), "other JSON"),
        (fixed(200, [1, 2]), "another form"),
        (fixed(404, {"message": "no route"}), "status 404"),
        (fixed(401, b"<html>", Content_Type="text/html"), "status 401"),
        (fixed(200, b"OK", Content_Type="text/plain"), "other than JSON"),
    ],
)
def test_a_host_that_is_not_posthog(
    doctor: Callable[..., Examined], answer: Callable[[Exchange], Awaitable[None]], because: str
) -> None:
    with answering(answer) as origin:
        examined = doctor(**healthy(origin))
    assert (examined.code, examined.told()) == (1, {"not PostHog"})
    assert because in examined.of("host")["sentence"]


def test_trust_is_missing(doctor: Callable[..., Examined], request: pytest.FixtureRequest) -> None:
    origin, _ = request.getfixturevalue("private_authority")
    examined = doctor(**healthy(origin))
    assert (examined.code, examined.told()) == (1, {"tls"})
    assert "SSL_CERT_FILE" in examined.of("tls")["fix"]


@pytest.mark.parametrize("running", [True, False])
def test_a_proxy_is_in_the_way(
    doctor: Callable[..., Examined], monkeypatch: pytest.MonkeyPatch, *, running: bool
) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            self.send_error(407)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ExitStack() as stack:
        address = _closed_port().removeprefix("http://")
        if running:
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Refusing))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            address = f"127.0.0.1:{server.server_port}"
        monkeypatch.setenv("HTTPS_PROXY", f"http://somebody:planted-password@{address}")
        examined = doctor(**healthy("https://posthog.invalid"))
    assert (examined.code, examined.told()) == (1, {"proxy"})
    assert address in examined.of("proxy")["sentence"]


def _closed_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_posthog_is_down(doctor: Callable[..., Examined]) -> None:
    examined = doctor(**healthy(_closed_port()))
    assert (examined.code, examined.told()) == (1, {"refused"})
    with posthog(seed(behaviour=Behaviour(database_unavailable=True))) as upstream:
        examined = doctor(**healthy(upstream.origin))
    assert (examined.code, examined.told()) == (1, {"failing"})
    with answering(silence) as origin:
        examined = doctor(**healthy(origin, PROJECTS_MCP_READ_TIMEOUT="1"))
    assert (examined.code, examined.told()) == (1, {"silent"})


def test_a_clock_that_is_wrong(doctor: Callable[..., Examined]) -> None:
    an_hour_ago = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    body = {"type": "authentication_error", "code": "authentication_failed", "detail": "No.", "attr": None}
    with answering(fixed(401, body, Date=an_hour_ago)) as origin:
        examined = doctor(POSTHOG_HOST=origin)
    assert examined.of("clock")["level"] == "warning"
    assert re.search(r"is 3[56]\d\d seconds ahead of PostHog's", examined.of("clock")["sentence"])


# The session ----------------------------------------------------------------------------------------------------------


def test_a_session_that_has_expired(doctor: Callable[..., Examined]) -> None:
    world = seed()
    world.sessions.clear()
    with posthog(world) as upstream:
        examined = doctor(**healthy(upstream.origin))
    assert (examined.code, examined.told()) == (1, {"session expired"})
    assert [line for line in upstream.requests if line.startswith("POST")] == [], "a read has told"


def test_a_wrong_csrf_token(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        examined = doctor(**healthy(upstream.origin, POSTHOG_CSRF_TOKEN="planted0csrf0token00000000000001"))
    assert (examined.code, examined.told()) == (1, {"csrf"})


def test_a_session_can_be_checked_without_a_key(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        environment = healthy(upstream.origin)
        del environment["POSTHOG_PERSONAL_API_KEY"]
        examined = doctor(**environment)
    assert examined.told() == {"no key"}
    assert examined.of("session")["level"] == "ok"


# Organization and projects --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["PROJECTS_MCP_PROTECTED_PROJECTS", "PROJECTS_MCP_ONLY_PROJECTS"])
def test_a_project_that_does_not_exist(doctor: Callable[..., Examined], name: str) -> None:
    with posthog() as upstream:
        examined = doctor(**healthy(upstream.origin, **{name: f"{PRODUCTION_ID},99999"}))
    assert (examined.code, examined.told()) == (1, {"missing project"})
    (found,) = [finding for finding in examined.findings if finding["level"] == "problem"]
    assert f"Project 99999 of {name}" in found["sentence"]


def test_a_project_of_another_organization_is_not_called_missing_everywhere(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        project = {"PROJECTS_MCP_PROTECTED_PROJECTS": str(NORTHWIND_PROJECT_ID)}
        examined = doctor(**healthy(upstream.origin, **project))
        assert "in the current organization, or the key cannot see it" in examined.of("projects")["sentence"]
        examined = doctor(**healthy(upstream.origin, POSTHOG_ORGANIZATION_ID=NORTHWIND_ID, **project))
        assert examined.of("projects")["level"] == "ok"


def test_an_organization_that_does_not_exist(doctor: Callable[..., Examined]) -> None:
    unknown = ACME_ID.replace("018f", "118f")
    with posthog() as upstream:
        examined = doctor(**healthy(upstream.origin, POSTHOG_ORGANIZATION_ID=unknown))
    assert examined.code == 1
    assert examined.of("organization")["sentence"].startswith(f"{unknown} does not exist at ")


# Files and settings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["missing/audit.jsonl", "."])
def test_an_audit_log_that_cannot_be_written(doctor: Callable[..., Examined], tmp_path: Path, where: str) -> None:
    with posthog() as upstream:
        examined = doctor(**healthy(upstream.origin, PROJECTS_MCP_AUDIT_LOG=str(tmp_path / where)))
    assert (examined.code, examined.told()) == (1, {"audit log"})
    assert str(tmp_path) in examined.of("audit_log")["sentence"]


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="modes of files are Unix's")
def test_files_that_others_can_read(doctor: Callable[..., Examined], tmp_path: Path) -> None:
    key_file, secrets = tmp_path / "key", tmp_path / "secrets"
    key_file.write_text(READ_WRITE_KEY + "\n", encoding="utf-8")
    key_file.chmod(0o644)
    secrets.mkdir(mode=0o755)
    with posthog() as upstream:
        environment = healthy(upstream.origin, POSTHOG_PERSONAL_API_KEY_FILE=str(key_file))
        del environment["POSTHOG_PERSONAL_API_KEY"]
        examined = doctor(**environment, PROJECTS_MCP_SECRETS_DIR=str(secrets))
        assert examined.code == 1
        assert examined.of("key_file")["fix"] == f"chmod 600 {key_file}"
        assert f"chmod 700 {secrets}" in examined.of("secrets_dir")["fix"]
        key_file.chmod(0o600)
        secrets.chmod(0o700)
        assert doctor(**environment, PROJECTS_MCP_SECRETS_DIR=str(secrets)).code == 0


def test_every_wrong_setting_is_named_and_nobody_is_asked(doctor: Callable[..., Examined], tmp_path: Path) -> None:
    with posthog() as upstream:
        examined = doctor(
            POSTHOG_HOST=upstream.origin + "/planted/path",
            POSTHOG_PERSONAL_API_KEY_FILE=str(tmp_path / "no-key"),
            POSTHOG_SESSION_ID=SESSION_ID,
            PROJECTS_MCP_ACCESS="planted",
            PROJECTS_MCP_ACESS="planted",
            PROJECTS_MCP_ONLY_PROJECTS="planted",
            POSTHOG_API_KEY="phc_planted",
        )
        assert upstream.requests == []
    assert examined.code == 2
    wrong = [
        finding for finding in examined.findings if finding["level"] == "problem" and finding["check"] == "settings"
    ]
    assert {finding["sentence"].split()[0] for finding in wrong} == {
        "POSTHOG_HOST",
        "POSTHOG_PERSONAL_API_KEY_FILE",
        "POSTHOG_CSRF_TOKEN",
        "PROJECTS_MCP_ACCESS",
        "PROJECTS_MCP_ONLY_PROJECTS",
    }
    assert f"{tmp_path / 'no-key'}: No such file" in examined.lines
    (misspelt,) = [finding for finding in examined.findings if "PROJECTS_MCP_ACESS is set" in finding["sentence"]]
    assert (misspelt["level"], misspelt["fix"]) == ("warning", "Did you mean PROJECTS_MCP_ACCESS?")


def test_every_pair_of_wrong_settings_ends(doctor: Callable[..., Examined]) -> None:
    """Whatever is wrong together, each is told, and reading the settings comes to an end."""
    wrong = dict.fromkeys(VARIABLES, "no such value; ")
    examined = doctor(**wrong)
    assert examined.code == 2
    assert len(examined.findings) > 10


def test_what_is_hidden_is_told_with_its_reason(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        examined = doctor(**healthy(upstream.origin, PROJECTS_MCP_ACCESS="read"))
    assert len(examined.report["hidden"]) == 9
    assert "read-only mode" in examined.report["hidden"]["project_delete"]
    assert all(name in examined.lines for name in examined.report["hidden"])
