"""A caller whose rights are withdrawn during a call: at whatever request that is, nothing more leaves for it.

Over HTTP, the rights end when the callers file is read again. Here they end exactly when a request is under way.
"""

import json
import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client

from projects_mcp.policy.standing import CallerStanding, TokenStanding
from projects_mcp.protocol.server import ProjectsServer
from projects_mcp.sandbox import MOBILE_ID, NORTHWIND_ID, PRODUCTION_ID, World, seed
from projects_mcp.sandbox.app import create_app
from tests.support.harness import Harness, body_of, refusal_of

pytestmark = pytest.mark.anyio

NAMED = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
CALLS: dict[str, dict[str, Any]] = {
    "project_create": {"name": "New"},
    "project_update": {"project_id": PRODUCTION_ID, "settings": {"timezone": "Asia/Tokyo"}},
    "project_add_product_intent": {"project_id": PRODUCTION_ID, "product_type": "surveys"},
    "project_delete": NAMED,
    "project_change_organization": {**NAMED, "target_organization_id": NORTHWIND_ID},
    "project_reset_token": NAMED,
    "project_list": {"search": "Acme"},
}


class Leaving:
    """Stands before PostHog. The caller is withdrawn while the request of a number is under way."""

    def __init__(self, world: World, at: int | None = None, *, lose_the_answer: bool = False) -> None:
        self.standing: CallerStanding | None = None
        self._application = create_app(world)
        self._at = at
        self._lose = lose_the_answer
        self._asked = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        about_organizations = scope["path"] == "/api/organizations/"  # asked beside the call, once
        if about_organizations or scope["path"].startswith("/api/personal_api_keys/"):
            await self._application(scope, receive, send)
            return
        if self._asked == self._at and self.standing is not None:
            self.standing.withdrawn = True
        self._asked += 1
        if not (self._lose and scope["method"] != "GET"):
            await self._application(scope, receive, send)
            return

        async def nowhere(_message: Any) -> None: ...

        await self._application(scope, receive, nowhere)
        await send({"type": "http.response.start", "status": 504, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def called(
    tool: str, at: int | None, audit: Path, *, lose_the_answer: bool = False
) -> tuple[Harness, Any, list[str]]:
    """Make a call whose caller is withdrawn at a request, and return what left, its result, and its records."""
    world = seed()
    leaving = Leaving(world, at, lose_the_answer=lose_the_answer)
    harness = Harness(world, leaving)
    async with harness.client(PROJECTS_MCP_AUDIT_LOG=str(audit)) as client:
        leaving.standing = standing_of(client)
        result = await client.call_tool(tool, CALLS[tool])
    return harness, result, events_in(audit)


def standing_of(client: Client) -> CallerStanding:
    assert isinstance(client.server, ProjectsServer)
    standing = client.server._runner._services.standing  # noqa: SLF001 - as the tenants do when a file was read again
    assert isinstance(standing, CallerStanding)
    return standing


def events_in(audit: Path) -> list[str]:
    return [json.loads(line)["event"] for line in audit.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("tool", CALLS)
async def test_at_whatever_request_nothing_more_leaves_and_no_write_begins(tool: str, tmp_path: Path) -> None:
    undisturbed, result, _ = await called(tool, None, tmp_path / "undisturbed")
    body_of(result)
    usual = [request.method for request in undisturbed.recorder.requests]
    for at in range(len(usual) - 1):
        harness, result, events = await called(tool, at, tmp_path / str(at))
        sent = [request.method for request in harness.recorder.requests]
        if set(usual[: at + 1]) == {"GET"}:
            text, detail = refusal_of(result)
            assert detail["kind"] == "caller_withdrawn"
            assert "Nothing was changed" in text
            assert sent == usual[: at + 1]
            assert events == ["call"], "no intent of what never left"
        else:
            assert sent == usual, "what becomes of a write is looked at all the same"


@pytest.mark.parametrize("tool", ["project_update", "project_delete", "project_create"])
async def test_while_the_disk_takes_the_intent(tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harness, audit = Harness(), tmp_path / "audit"
    flush = os.fsync
    async with harness.client(PROJECTS_MCP_AUDIT_LOG=str(audit)) as client:
        standing = standing_of(client)

        def slow(descriptor: int) -> None:
            flush(descriptor)
            standing.withdrawn = True

        monkeypatch.setattr(os, "fsync", slow)
        _, detail = refusal_of(await client.call_tool(tool, CALLS[tool]))
    assert detail["kind"] == "caller_withdrawn"
    assert harness.recorder.writes == []
    assert events_in(audit) == ["intent", "outcome"]


@pytest.mark.parametrize("tool", ["project_update", "project_reset_token", "project_change_organization"])
async def test_what_became_of_a_lost_write_is_read_back(tool: str, tmp_path: Path) -> None:
    undisturbed, _, _ = await called(tool, None, tmp_path / "undisturbed")
    write = [request.method != "GET" for request in undisturbed.recorder.requests].index(True)
    harness, result, events = await called(tool, write, tmp_path / "audit", lose_the_answer=True)
    assert body_of(result)["outcome"] == "applied"
    assert harness.recorder.requests[-1].method == "GET"
    assert len(harness.recorder.writes) == 1
    assert events == ["intent", "outcome"]


@given(withdrawn=st.booleans(), now=st.integers(0, 4), expires_at=st.integers(0, 4))
def test_the_standing_of_a_token_ends_with_its_caller_or_its_time(withdrawn: bool, now: int, expires_at: int) -> None:
    caller = CallerStanding()
    token = TokenStanding(caller, expires_at, lambda: now)
    assert token.withdrawn is (now >= expires_at)
    caller.withdrawn = withdrawn
    assert token.withdrawn is (withdrawn or now >= expires_at)
    assert caller.withdrawn is withdrawn
