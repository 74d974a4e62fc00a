"""The page of an approval beside a server over stdio: from the refusal to the call that goes through, once."""

from collections.abc import Iterator
from typing import Any

import pytest

from projects_mcp.sandbox import MOBILE_ID
from tests.support.approval_page import Browser, read
from tests.support.process import Piped, running

RESET = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}


@pytest.fixture
def server() -> Iterator[Piped]:
    with running("--sandbox", PROJECTS_MCP_CONFIRMATION="human") as piped:
        piped.handshake()
        yield piped


def refused(server: Piped) -> dict[str, Any]:
    result = server.call("project_reset_token", RESET)
    assert result["isError"] is True, result
    offer: dict[str, Any] = result["_meta"]["projects-mcp/error"]["approval"]
    assert offer["url"] in result["content"][0]["text"]
    return offer


def test_the_name_on_the_page_lets_the_same_call_through_once(server: Piped) -> None:
    offer = refused(server)
    with Browser(offer["url"]) as browser:
        seen = browser.look()
        assert seen.buttons == ["Approve", "Deny"]
        assert dict(seen.rows)["Until"] == offer["expires_at"]
        answer = browser.decide("approve", "Acme mobile")
        assert (answer.status_code, read(answer.text).title.partition(":")[0]) == (200, "Approved")
    assert server.call("project_reset_token", RESET)["structuredContent"]["outcome"] == "applied"
    again = refused(server)
    assert again["url"] != offer["url"]
