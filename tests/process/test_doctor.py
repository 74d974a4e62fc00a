"""What the doctor tells apart: each situation by a sentence of its own, with its exit code, and without a secret."""

import os
import re
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from projects_mcp.cli.doctor.command import run_doctor
from projects_mcp.config.variables import VARIABLES
from projects_mcp.sandbox import (
    ACME_ID,
    CSRF_TOKEN,
    PRODUCTION_ID,
    READ_WRITE_KEY,
    Behaviour,
    seed,
)
from projects_mcp.sandbox.app import create_app
from tests.support.doctor import Examined, answering, closed_port, fixed, healthy, posthog
from tests.support.fault_cases import silence
from tests.support.fault_server import SECRET, Exchange
from tests.support.harness import Recorder
from tests.support.proxy import refusing_proxy

pytestmark = pytest.mark.usefixtures("no_proxy")


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
        "state",
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
    with refusing_proxy() if running else nullcontext(closed_port().removeprefix("http://")) as address:
        monkeypatch.setenv("HTTPS_PROXY", f"http://somebody:planted-password@{address}")
        examined = doctor(**healthy("https://posthog.invalid"))
    assert (examined.code, examined.told()) == (1, {"proxy"})
    assert address in examined.of("proxy")["sentence"]


def test_posthog_is_down(doctor: Callable[..., Examined]) -> None:
    examined = doctor(**healthy(closed_port()))
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
            POSTHOG_CSRF_TOKEN=CSRF_TOKEN,
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
        "POSTHOG_SESSION_ID",
        "PROJECTS_MCP_ACCESS",
        "PROJECTS_MCP_ONLY_PROJECTS",
    }
    assert f"{tmp_path / 'no-key'}, which does not exist" in examined.lines
    (misspelt,) = [finding for finding in examined.findings if "PROJECTS_MCP_ACESS is set" in finding["sentence"]]
    assert (misspelt["level"], misspelt["fix"]) == ("warning", "Did you mean PROJECTS_MCP_ACCESS?")


def test_every_pair_of_wrong_settings_ends(doctor: Callable[..., Examined]) -> None:
    """Whatever is wrong together, each is told, and reading the settings comes to an end."""
    wrong = dict.fromkeys(VARIABLES, "no such value; ")
    examined = doctor(**wrong)
    assert examined.code == 2
    assert len(examined.findings) > 10
