"""Passkeys over `serve`: enrolled by an invitation at the public address, and a caller's approvers are held to."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.authenticator import Credential
from tests.support.callers import entry, token_of, write_callers
from tests.support.passkeys import Device
from tests.support.posthog import Upstream
from tests.support.process import run
from tests.support.sandbox import RESET
from tests.support.served import HARMLESS, Served, served

PUBLIC = "https://mcp.example.com"


@pytest.fixture
def environment(tmp_path: Path, upstream: Upstream) -> dict[str, str]:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    callers = write_callers(
        tmp_path / "callers.toml",
        entry("ada", approvers=["bea"]),
        entry("bea", approvers=["ada", "cay"]),
        entry("cay", approvers=["cay"]),
        entry("eve", approvers=[]),
    )
    return {
        **HARMLESS,
        "POSTHOG_HOST": upstream.origin,
        "PROJECTS_MCP_CALLERS": str(callers),
        "PROJECTS_MCP_STATE": str(folder / "state.sqlite3"),
        "PROJECTS_MCP_PUBLIC_URL": f"{PUBLIC}/mcp",
        "PROJECTS_MCP_ALLOWED_HOSTS": "mcp.example.com",
        "PROJECTS_MCP_CONFIRMATION": "argument",
    }


@pytest.fixture
def server(environment: dict[str, str]) -> Iterator[Served]:
    with served(**environment) as process:
        yield process


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=20, headers={"Host": "mcp.example.com"}) as each:
        yield each


def behind(server: Served, client: httpx.Client, address: str) -> Device:
    """A browser at the public address, whose proxy passes on to the server."""
    assert address.startswith(f"{PUBLIC}/")
    return Device(f"http://127.0.0.1:{server.port}{address.removeprefix(PUBLIC)}", client, PUBLIC)


def enrolled(server: Served, client: httpx.Client, name: str, environment: dict[str, str]) -> Credential:
    invited = run("passkey", "invite", name, **environment)
    credential = Credential("mcp.example.com")
    answer = behind(server, client, json.loads(invited.stdout)["address"]).enrol(credential)
    assert answer.status_code == 200, answer.text
    return credential


def called(server: Served, caller: str) -> Any:
    answer = server.call("project_reset_token", RESET, token_of(caller))
    assert answer.status == 200, answer.body
    return answer.json["result"]


def make_offer(server: Served, caller: str) -> str:
    error = called(server, caller)["_meta"]["projects-mcp/error"]
    assert error["kind"] == "passkey_needed"
    url: str = error["approval"]["url"]
    return url


def test_whom_the_callers_file_names_approves_and_nobody_else(
    server: Served, client: httpx.Client, environment: dict[str, str], upstream: Upstream
) -> None:
    keys = {name: enrolled(server, client, name, environment) for name in ("ada", "bea", "cay")}
    rules = {"ada": {"bea"}, "bea": {"ada", "cay"}, "cay": {"cay"}, "eve": set()}
    for caller, approvers in rules.items():
        for name, credential in keys.items():
            if name in approvers:
                continue
            device = behind(server, client, make_offer(server, caller))
            code, page = device.url.rpartition("/")[2], client.get(device.url).text
            if not approvers:
                assert "names no approvers" in page
                continue
            answer = device.approve(credential)
            assert (answer.status_code, f"that of {name}, who may not" in answer.json()["error"]) == (422, True), code
    assert upstream.recorder.writes == []
    for caller, name in (("ada", "bea"), ("bea", "cay"), ("cay", "cay")):
        before = len(upstream.recorder.writes)
        answer = behind(server, client, make_offer(server, caller)).approve(keys[name])
        assert answer.status_code == 200, answer.text
        assert called(server, caller)["structuredContent"]["outcome"] == "applied"
        make_offer(server, caller)
        assert len(upstream.recorder.writes) == before + 1


def test_no_invitation_is_in_any_line(server: Served, client: httpx.Client, environment: dict[str, str]) -> None:
    address = json.loads(run("passkey", "invite", "ada", **environment).stdout)["address"]
    device = behind(server, client, address)
    assert device.enrol(Credential("mcp.example.com")).status_code == 200
    said = server.wait_for('"path":"/passkey/\\u2026"', 2)
    assert address.rpartition("/")[2] not in said
    assert "a passkey of ada was enrolled for mcp.example.com" in said
