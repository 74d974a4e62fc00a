"""Passkeys beside a server over stdio: from the enrolment at a terminal to the call that goes through, once."""

import json
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.authenticator import USER_PRESENT, Credential, base64url
from tests.support.passkeys import Device, add_passkey, at_terminal, registration
from tests.support.process import Piped, run, running
from tests.support.sandbox import RESET

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the terminal of these tests is one of Unix")


@dataclass
class Machine:
    """This machine, with a state file of its own."""

    file: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PROJECTS_MCP_STATE": str(self.file),
            "PROJECTS_MCP_CONFIRMATION": "passkey",
            "PROJECTS_MCP_AUDIT_LOG": str(self.file.with_name("audit")),
        }


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return Machine(folder / "state.sqlite3")


@pytest.fixture
def server(machine: Machine) -> Iterator[Piped]:
    with running("--sandbox", **machine.environment) as piped:
        piped.handshake()
        yield piped


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=20) as each:
        yield each


def refused(server: Piped, kind: str = "passkey_needed") -> dict[str, Any]:
    result = server.call("project_reset_token", RESET)
    assert result["isError"] is True, result
    error: dict[str, Any] = result["_meta"]["projects-mcp/error"]
    assert error["kind"] == kind, result
    return error.get("approval") or {}


def test_a_passkey_lets_the_same_call_through_once_and_leaves_what_proves_it(
    machine: Machine, server: Piped, client: httpx.Client, tmp_path: Path
) -> None:
    credential = Credential()
    offer = refused(server)
    page = client.get(offer["url"])
    assert "No passkey is enrolled for localhost" in page.text
    add_passkey(credential, "alex", **machine.environment)

    device = Device(offer["url"], client)
    page = client.get(offer["url"])
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert client.get(f"{device.origin}/passkey/page.js").headers["content-type"].startswith("text/javascript")
    body = device.signed(credential)
    answer = device.approve(credential)
    assert (answer.status_code, answer.json()) == (200, {})
    assert device.send(body).status_code == 409
    assert server.call("project_reset_token", RESET)["structuredContent"]["outcome"] == "applied"
    assert refused(server)["url"] != offer["url"]

    listed = run("passkey", "list", "--json", **machine.environment)
    (tmp_path / "passkeys").write_text(listed.stdout, encoding="utf-8")
    assert run("passkey", "remove", "alex", **machine.environment).returncode == 0
    verified = run(
        *("audit", "verify", str(machine.file.with_name("audit")), "--json"),
        *("--passkeys", str(tmp_path / "passkeys")),
    )
    report = json.loads(verified.stdout)
    assert report["signatures"] == {"good": 1, "not_checked": 0}
    assert report["confirmed"] == {"passkey": 1}


def test_a_passkey_that_was_removed_signs_nothing_and_still_verifies_its_time(
    machine: Machine, server: Piped, client: httpx.Client, tmp_path: Path
) -> None:
    credential = Credential()
    add_passkey(credential, "alex", **machine.environment)
    device = Device(refused(server)["url"], client)
    assert device.approve(credential).status_code == 200
    assert server.call("project_reset_token", RESET)["structuredContent"]["outcome"] == "applied"
    device = Device(refused(server)["url"], client)
    body = device.signed(credential)
    assert run("passkey", "remove", "alex", **machine.environment).returncode == 0
    refusal = device.send(body)
    assert refusal.status_code == 422
    assert "was removed" in refusal.json()["error"]
    refused(server)
    (tmp_path / "list").write_text(run("passkey", "list", "--json", **machine.environment).stdout, encoding="utf-8")
    log = str(machine.file.with_name("audit"))
    verified = json.loads(run("audit", "verify", log, "--json", "--passkeys", str(tmp_path / "list")).stdout)
    assert verified["signatures"] == {"good": 1, "not_checked": 0}
    assert run("passkey", "remove", "alex", **machine.environment).returncode == 1


def test_one_that_is_removed_between_its_signature_and_the_call_does_not_count(
    machine: Machine, server: Piped, client: httpx.Client
) -> None:
    credential = Credential()
    add_passkey(credential, "alex", **machine.environment)
    assert Device(refused(server)["url"], client).approve(credential).status_code == 200
    assert run("passkey", "remove", "alex", **machine.environment).returncode == 0
    refused(server, "approval_not_signed")


@pytest.mark.parametrize("written", ["page", "terminal", "passkey", "another"])
def test_what_somebody_wrote_into_the_store_approves_nothing(
    machine: Machine, server: Piped, client: httpx.Client, written: str
) -> None:
    """Whoever can write into the state file has no key, and so cannot approve what only a passkey approves."""
    credential, elsewhere = Credential(), Credential()
    add_passkey(credential, "alex", **machine.environment)
    device = Device(refused(server)["url"], client)
    body = device.signed(elsewhere if written == "another" else credential)
    with sqlite3.connect(machine.file) as database:
        ((key, text),) = database.execute("SELECT key, value FROM record WHERE key LIKE 'approval:%'").fetchall()
        record = json.loads(text) | {"status": "granted", "channel": written}
        if written in {"passkey", "another"}:
            del body["token"]
            signed = {"public_key": base64url(credential.public_key), "rp_id": "localhost", "origin": device.origin}
            forged = {"credential_id": base64url(credential.id), "signature": base64url(b"0" * 70)}
            record |= {"channel": "passkey", "approver": "alex", "assertion": body | signed | forged}
        else:
            record |= {"passkey": False}
        database.execute("UPDATE record SET value = ? WHERE key = ?", (json.dumps(record), key))
    database.close()
    refused(server, "approval_not_signed")
    refused(server)


def test_an_invitation_is_used_once_and_only_by_a_device_that_verifies(machine: Machine, client: httpx.Client) -> None:
    with at_terminal("passkey", "add", "alex", **machine.environment) as terminal:
        url = terminal.wait_for(r"http://localhost:\d+/passkey/[\w-]+")[0]
        device, credential = Device(url, client), Credential()
        refusal = device.enrol(credential, flags=USER_PRESENT)
        assert (refusal.status_code, "has not verified" in refusal.json()["error"]) == (422, True)
        assert device.post(url, registration(credential, b"0" * 32)).status_code == 422
        assert device.post(url, {"credential_id": "x"}).status_code == 400
        assert device.post(url, {}, Origin="https://elsewhere.example").status_code == 403
        assert client.get(f"{url}x").status_code == 404
        assert device.enrol(credential).status_code == 200
        assert terminal.end() == 0, terminal.shown
    assert "alex" in run("passkey", "list", **machine.environment).stdout


def test_a_command_serves_the_page_until_the_approval_is_decided(
    machine: Machine, server: Piped, client: httpx.Client
) -> None:
    credential = Credential()
    add_passkey(credential, "alex", **machine.environment)
    offer = refused(server)
    with at_terminal("approve", offer["code"], "--browser", **machine.environment) as terminal:
        url = terminal.wait_for(r"http://localhost:\d+/approve/[\w-]+")[0]
        assert urlsplit_port(url) != urlsplit_port(offer["url"])
        assert Device(url, client).approve(credential).status_code == 200
        assert terminal.end() == 0, terminal.shown
    assert server.call("project_reset_token", RESET)["structuredContent"]["outcome"] == "applied"


def urlsplit_port(url: str) -> int | None:
    return httpx.URL(url).port


def test_passkeys_need_a_store_a_terminal_and_a_name(machine: Machine) -> None:
    environment = machine.environment
    memory = run("passkey", "list", **{**environment, "PROJECTS_MCP_STATE": "memory"})
    assert (memory.returncode, "cannot be kept in the memory" in memory.stderr) == (1, True)
    assert run("passkey", "add", **environment).returncode == 2
    assert run("passkey", "add", "a name", **environment).returncode == 2
    assert "terminal" in run("passkey", "add", "alex", **environment).stderr
    assert "PROJECTS_MCP_PUBLIC_URL" in run("passkey", "invite", "alex", **environment).stderr
    invited = run("passkey", "invite", "alex", **environment, PROJECTS_MCP_PUBLIC_URL="https://mcp.example.com/mcp")
    assert json.loads(invited.stdout)["address"].startswith("https://mcp.example.com/passkey/")
    numbered = run("passkey", "invite", "alex", **environment, PROJECTS_MCP_PUBLIC_URL="https://192.0.2.1/mcp")
    assert (numbered.returncode, "takes a name" in numbered.stderr) == (1, True)


def test_without_a_shared_store_the_refusal_says_what_is_missing(machine: Machine) -> None:
    with running("--sandbox", **{**machine.environment, "PROJECTS_MCP_STATE": "memory"}) as piped:
        piped.handshake()
        assert refused(piped, "passkey_unusable") == {}
