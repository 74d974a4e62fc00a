"""The page of an approval beside a server over stdio: from the refusal to the call that goes through, once."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client, StdioServerParameters

from tests.support.approval_page import Browser, read
from tests.support.harness import ERAS, Era
from tests.support.process import CLEAN, COMMAND, Piped, modern_request, run_command, running
from tests.support.sandbox import RESET
from tests.support.waiting import eventually

HUMAN = {"PROJECTS_MCP_CONFIRMATION": "human", "PROJECTS_MCP_STATE": "memory"}
SHORT_LIVED = """
import sys
from projects_mcp.http.approval import loopback_server
loopback_server.APPROVAL_S = 2.0
from projects_mcp.cli.main import main
sys.exit(main())
"""
CANNOT_SERVE = """
import sys
from projects_mcp.http.approval import loopback_server
def fail(*_):
    raise OSError("no socket is left")
loopback_server.create_server = fail
from projects_mcp.cli.main import main
sys.exit(main())
"""
LOADED = """
import json, os, sys
from projects_mcp.cli.main import main
main([])
with open(os.environ["LOADED"], "w") as file:
    json.dump(sorted(sys.modules), file)
"""
OF_THE_SDK = """
import json, sys
from mcp.server import MCPServer
MCPServer("x").streamable_http_app()
print(json.dumps(sorted(sys.modules)))
"""


@pytest.fixture
def server() -> Iterator[Piped]:
    with running("--sandbox", **HUMAN) as piped:
        piped.handshake()
        yield piped


def refused(server: Piped) -> dict[str, Any]:
    """Make a call that needs a yes, and return the approval that its refusal offers."""
    result = server.call("project_reset_token", RESET)
    assert result["isError"] is True, result
    offer: dict[str, Any] = result["_meta"]["projects-mcp/error"]["approval"]
    assert offer["url"].endswith(f"/approve/{offer['code']}")
    assert offer["url"] in result["content"][0]["text"]
    return offer


def listens(url: str) -> bool:
    try:
        httpx.get(url, trust_env=False)
    except httpx.TransportError:
        return False
    return True


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_cannot_ask_gets_a_page_where_a_person_approves(era: Era) -> None:
    server = StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:], "--sandbox"], env={**CLEAN, **HUMAN})
    async with Client(server, mode=era, cache=None) as client:
        first = await client.call_tool("project_delete", RESET)
        offer = (first.meta or {})["projects-mcp/error"]["approval"]
        with Browser(offer["url"]) as browser:
            assert dict(browser.open().rows)["Asked by"].startswith("the person who started this server")
            assert browser.decide("approve", "Acme mobile").status_code == 200
        deleted = await client.call_tool("project_delete", RESET)
        assert (deleted.structured_content or {})["outcome"] == "applied"


def test_an_approval_lets_the_same_call_through_once(server: Piped) -> None:
    offer = refused(server)
    with Browser(offer["url"]) as browser:
        seen = browser.open()
        assert (seen.buttons, dict(seen.rows)["Until"]) == (["Approve", "Deny"], offer["expires_at"])
        assert browser.decide("approve", "acme mobile").status_code == 422
        answer = browser.decide("approve", "Acme mobile")
        assert (answer.status_code, read(answer.text).title.partition(":")[0]) == (200, "Approved")
        assert "Make the same call again in your assistant" in answer.text
        assert server.call("project_reset_token", RESET)["structuredContent"]["outcome"] == "applied"
        assert browser.open().title.startswith("Approved, and used")
        again = refused(server)
        assert again["code"] != offer["code"]
        assert browser.send(browser.sent).status_code == 409, "the old page decides nothing about the new approval"
        assert refused(server)["expires_at"] == again["expires_at"]
    out, err = server.end()
    assert (out, b"Traceback" in err, server.process.returncode) == (b"", False, 0)


def test_what_is_denied_stays_denied(server: Piped) -> None:
    with Browser(refused(server)["url"]) as browser:
        answer = browser.decide("deny")
        assert read(answer.text).title.startswith("Denied: ")
    result = server.call("project_reset_token", RESET)
    assert result["_meta"]["projects-mcp/error"]["kind"] == "approval_denied"


def test_no_other_page_and_no_other_name_gets_there(server: Piped) -> None:
    offer = refused(server)
    with Browser(offer["url"]) as browser:
        assert browser.get(Host="evil.example").status_code == 421
        assert browser.decide("approve", "Acme mobile", Origin="https://evil.example").status_code == 403
        head = browser.client.head(offer["url"])
        assert (head.status_code, head.content, head.headers["x-frame-options"]) == (200, b"", "DENY")
        assert "server" not in head.headers
        assert browser.client.get(f"{browser.origin}/").status_code == 404
        assert browser.client.post(f"{browser.origin}/mcp", json={}).status_code == 404
    assert refused(server)["expires_at"] == offer["expires_at"], "nothing was decided"


def test_it_ends_at_once_although_a_browser_holds_its_connection(server: Piped) -> None:
    with Browser(refused(server)["url"]) as browser:
        browser.open()
        began = time.monotonic()
        out, err = server.end()
        assert time.monotonic() - began < 2, "a second, and what the process needs anyway"
    assert (out, server.process.returncode) == (b"", 0)
    assert [line for line in err.decode().splitlines() if not line.startswith("{")] == []


def test_the_port_is_closed_when_no_approval_can_wait_any_more_and_opened_again() -> None:
    with running("--sandbox", program=SHORT_LIVED, **HUMAN) as server:
        server.handshake()
        first = refused(server)
        assert listens(first["url"])
        assert eventually(lambda: not listens(first["url"]))
        second = refused(server)
        with Browser(second["url"]) as browser:
            assert browser.decide("deny").status_code == 200


def test_a_page_that_cannot_be_served_ends_nothing() -> None:
    with running("--sandbox", program=CANNOT_SERVE, **HUMAN) as server:
        server.handshake()
        refused(server)
        assert eventually(lambda: "approval" not in _error(server.call("project_reset_token", RESET)))
        assert server.call("project_list", {})["isError"] is False
        _, err = server.end()
    assert b"the page of approvals cannot be served" in err
    assert server.process.returncode == 0


def _error(result: dict[str, Any]) -> dict[str, Any]:
    error: dict[str, Any] = result["_meta"]["projects-mcp/error"]
    return error


def test_without_an_approval_nothing_of_the_page_is_loaded(tmp_path: Path) -> None:
    loaded = tmp_path / "loaded"
    with running("--sandbox", program=LOADED, LOADED=str(loaded), **HUMAN) as server:
        server.write(modern_request(1, "tools/list", {}) + b"\n")
        server.read_message()
        server.end()
    names = set(json.loads(loaded.read_text(encoding="utf-8")))
    assert names & {f"projects_mcp.http.approval.{name}" for name in ("loopback_server", "routes", "pages")} == set()
    of_the_sdk = set(json.loads(run_command([sys.executable, "-c", OF_THE_SDK]).stdout))
    web = {name for name in names if name.partition(".")[0] in {"starlette", "uvicorn"}}
    assert web - of_the_sdk == set()
