"""The audit log: what it keeps of each call, that the intent comes first, and what happens if it cannot be written."""

import asyncio
import hashlib
import json
import os
import signal
import stat
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from projects_mcp.sandbox import ACME_ID, MOBILE_ID, NORTHWIND_ID, PRODUCTION_ID, READ_WRITE_KEY, seed
from projects_mcp.sandbox.app import create_app
from tests.support.audit_log import verify
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of
from tests.support.process import running
from tests.support.upstream import serving

pytestmark = pytest.mark.anyio


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("era", ERAS)
async def test_one_line_a_read_and_two_a_write(harness: Harness, era: Era, tmp_path: Path) -> None:
    file = tmp_path / "audit"
    async with harness.client(era, PROJECTS_MCP_AUDIT_LOG=str(file)) as client:
        await client.call_tool("project_list", {"search": "planted search"})
        await client.call_tool(
            "project_update", {"project_id": PRODUCTION_ID, "settings": {"name": "planted name", "timezone": "UTC"}}
        )
        await client.call_tool("project_delete", {"project_id": MOBILE_ID, "confirm_project_name": "planted wrong"})
        await client.call_tool("project_delete", {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"})
        await client.call_tool("project_get", {"project_id": 999})
        await client.call_tool("project_get", {"planted": "argument"})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = lines(file)
    assert [(line["event"], line["tool"], line.get("outcome")) for line in kept] == [
        ("call", "project_list", "answered"),
        ("intent", "project_update", None),
        ("outcome", "project_update", "applied"),
        ("call", "project_delete", "refused"),
        ("intent", "project_delete", None),
        ("outcome", "project_delete", "applied"),
        ("call", "project_get", "failed"),
        ("call", "project_get", "refused"),
    ]
    assert kept[1]["fields"] == ["name", "timezone"]
    assert kept[1]["request_id"] == kept[2]["request_id"] != kept[0]["request_id"]
    assert (kept[4]["project"], kept[4]["organization"]) == (MOBILE_ID, ACME_ID)
    assert (kept[4]["effect"], kept[4]["confirmed"]) == ("destroy", "argument")
    assert (kept[3]["kind"], kept[3]["confirmed"]) == ("name_mismatch", "none")
    assert (kept[6]["kind"], kept[6]["status"]) == ("not_found", 404)
    for line in kept:
        assert line["time"].endswith("Z")
        assert line["event"] == "intent" or line["duration_ms"] >= 0
    assert "digest" not in kept[4], "nothing was shown to anybody"
    verified = verify(file)
    assert (verified.code, verified.found, verified.report["confirmed"]) == (0, [], {"argument": 1})
    text = file.read_text(encoding="utf-8")
    for value in ("planted", "Acme", READ_WRITE_KEY, "UTC"):
        assert value not in text


@pytest.mark.parametrize("era", ERAS)
async def test_a_yes_through_the_client_is_named_with_the_digest_of_the_question(
    harness: Harness, era: Era, tmp_path: Path
) -> None:
    file, shown = tmp_path / "audit", list[str]()

    async def accept(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        shown.append(params.message)
        return ElicitResult(action="accept", content={"confirm": True})

    async with harness.client(era, accept, PROJECTS_MCP_AUDIT_LOG=str(file)) as client:
        arguments = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
        body_of(await client.call_tool("project_delete", arguments))
    (question,) = shown
    *_, intent, outcome = lines(file)
    assert (intent["confirmed"], outcome["confirmed"]) == ("client", "client")
    assert intent["digest"] == hashlib.sha256(question.encode()).hexdigest()
    assert "Acme" not in file.read_text(encoding="utf-8")
    assert verify(file).code == 0


async def test_the_intent_is_on_disk_before_the_request_leaves(tmp_path: Path) -> None:
    file = tmp_path / "audit"
    world, seen = seed(), list[str]()
    inner = create_app(world)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] != "GET":
            seen.append(lines(file)[-1]["event"])
        await inner(scope, receive, send)

    async with Harness(world=world, application=application).client(PROJECTS_MCP_AUDIT_LOG=str(file)) as client:
        body_of(await client.call_tool("project_create", {"name": "New"}))
        body_of(await client.call_tool("project_update", {"project_id": PRODUCTION_ID, "settings": {"tags": ["a"]}}))
        body_of(
            await client.call_tool(
                "project_reset_token", {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
            )
        )
    assert seen == ["intent"] * 3


async def test_it_survives_rotation_of_the_file(harness: Harness, tmp_path: Path) -> None:
    file = tmp_path / "audit"
    async with harness.client(PROJECTS_MCP_AUDIT_LOG=str(file)) as client:
        await client.call_tool("project_list", {})
        file.rename(tmp_path / "audit.1")
        await client.call_tool("project_list", {})
    assert len(lines(file)) == len(lines(tmp_path / "audit.1")) == 1


async def test_an_existing_file_is_appended_to_and_made_private(harness: Harness, tmp_path: Path) -> None:
    file = tmp_path / "audit"
    file.write_text('{"former": "line"}\n', encoding="utf-8")
    file.chmod(0o644)
    async with harness.client(PROJECTS_MCP_AUDIT_LOG=str(file)) as client:
        await client.call_tool("project_list", {})
    assert lines(file)[0] == {"former": "line"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("where", ["missing folder", "a folder", "a full disk"])
async def test_without_an_audit_log_reads_go_on_and_writes_are_refused(
    harness: Harness, era: Era, where: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = {"missing folder": str(tmp_path / "no" / "audit"), "a folder": str(tmp_path), "a full disk": "/dev/full"}[
        where
    ]
    async with harness.client(era, PROJECTS_MCP_AUDIT_LOG=path) as client:
        body_of(await client.call_tool("project_list", {}))
        calls: list[tuple[str, dict[str, Any]]] = [
            ("project_create", {"name": "New"}),
            ("project_update", {"project_id": PRODUCTION_ID, "settings": {"timezone": "UTC"}}),
            ("project_delete", {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}),
        ]
        for tool, arguments in calls:
            text, detail = refusal_of(await client.call_tool(tool, arguments))
            assert detail["kind"] == "audit_unavailable"
            assert "PROJECTS_MCP_AUDIT_LOG" in text
            if where != "a full disk":  # which shows with the first byte only
                assert len(harness.sent) == 1, "nothing is read, and nobody is asked, for what cannot be done"
        preview = {"project_id": PRODUCTION_ID, "settings": {"timezone": "UTC"}, "dry_run": True}
        assert body_of(await client.call_tool("project_update", preview))["outcome"] == "preview"
    assert harness.recorder.writes == []
    assert caplog.text.count("the audit log cannot be written") == 1


async def test_writes_stop_when_the_log_goes_and_go_on_when_it_is_back(harness: Harness, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    async with harness.client(PROJECTS_MCP_AUDIT_LOG=str(folder / "audit")) as client:
        body_of(await client.call_tool("project_create", {"name": "One"}))
        folder.rename(tmp_path / "gone")
        refusal_of(await client.call_tool("project_create", {"name": "Two"}))
        (tmp_path / "gone").rename(folder)
        body_of(await client.call_tool("project_create", {"name": "Three"}))
    assert len(harness.recorder.writes) == 2


def test_a_process_that_is_killed_in_a_write_leaves_the_intent(tmp_path: Path) -> None:
    file = tmp_path / "audit"
    file.write_text('{"former": "line"}\n', encoding="utf-8")

    async def slow(scope: dict[str, Any], answer: Callable[[], Awaitable[None]]) -> None:
        if scope["method"] != "GET":
            await asyncio.sleep(60)
        await answer()

    with serving(create_app(seed()), slow) as upstream:
        settings = {
            "POSTHOG_HOST": upstream.origin,
            "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY,
            "PROJECTS_MCP_AUDIT_LOG": str(file),
        }
        with running(**settings) as server:
            server.handshake()
            server.send(
                {
                    "jsonrpc": "2.0",
                    "id": 99,
                    "method": "tools/call",
                    "params": {"name": "project_create", "arguments": {"name": "New"}},
                }
            )
            deadline = time.monotonic() + 20
            while not any(line.startswith("POST") for line in upstream.requests):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait(timeout=10)
    former, intent = lines(file)
    assert former == {"former": "line"}
    assert (intent["event"], intent["tool"], intent["fields"]) == ("intent", "project_create", ["name"])


def test_stderr_gets_the_lines_too_and_no_secret() -> None:
    with running("--sandbox") as server:
        server.handshake()
        server.call("project_update", {"project_id": PRODUCTION_ID, "settings": {"timezone": "UTC"}})
        out, err = server.end()
    assert out == b""
    kept = [json.loads(line) for line in err.decode().splitlines()]
    assert [line["event"] for line in kept] == ["intent", "outcome"]
    assert READ_WRITE_KEY.encode() not in err


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="file modes are a matter of Unix")
@pytest.mark.parametrize("era", ERAS)
async def test_a_rotated_secret_goes_to_a_private_file(harness: Harness, era: Era, tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    arguments = {"project_id": PRODUCTION_ID, "confirm_project_name": "Acme web"}
    async with harness.client(era, PROJECTS_MCP_SECRETS_DIR=str(folder)) as client:
        files = [
            Path(body_of(await client.call_tool("project_rotate_secret_token", arguments))["secret_file"]) for _ in "ab"
        ]
    secret, backup = harness.fields()["secret_api_token"], harness.fields()["secret_api_token_backup"]
    assert [file.read_text(encoding="utf-8") for file in files] == [f"{backup}\n", f"{secret}\n"]
    assert sorted(folder.iterdir()) == sorted(files), "nothing else is left behind"
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.parent == folder


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="file modes are a matter of Unix")
@pytest.mark.parametrize("problem", ["missing", "a file", "readable by others", "name mismatch"])
async def test_a_folder_that_is_not_private_stops_the_rotation_before_it_happens(
    harness: Harness, problem: str, tmp_path: Path
) -> None:
    folder = tmp_path / "secrets"
    if problem == "a file":
        folder.write_text("", encoding="utf-8")
    elif problem != "missing":
        folder.mkdir(mode=0o700)
    if problem == "readable by others":
        folder.chmod(0o750)
    name = "Wrong" if problem == "name mismatch" else "Acme web"
    async with harness.client(PROJECTS_MCP_SECRETS_DIR=str(folder)) as client:
        text, detail = refusal_of(
            await client.call_tool(
                "project_rotate_secret_token", {"project_id": PRODUCTION_ID, "confirm_project_name": name}
            )
        )
    assert harness.recorder.writes == []
    if problem == "name mismatch":
        assert list(folder.iterdir()) == [], "the reserved file is gone"
    else:
        assert detail["kind"] == "secrets_folder"
        assert "PROJECTS_MCP_SECRETS_DIR" in text


async def test_the_ids_that_an_auditor_needs(harness: Harness, tmp_path: Path) -> None:
    file = tmp_path / "audit"
    move = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile", "target_organization_id": NORTHWIND_ID}
    async with harness.client(PROJECTS_MCP_AUDIT_LOG=str(file)) as client:
        created = body_of(await client.call_tool("project_create", {"name": "New"}))
        body_of(await client.call_tool("project_change_organization", move | {"organization_id": ACME_ID}))
    _, made, intent, moved = lines(file)
    assert (made["project"], made["organization"]) == (created["project"]["id"], ACME_ID)
    assert (intent["organization"], intent["target_organization"]) == (ACME_ID, NORTHWIND_ID)
    assert moved["organization"] == NORTHWIND_ID
