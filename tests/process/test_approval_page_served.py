"""The pages of approvals over `serve`, for callers with tokens: at the address that the operator has made public."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.approval_page import Browser, read
from tests.support.callers import entry, token_of, write_callers
from tests.support.messages import Answered
from tests.support.posthog import Upstream
from tests.support.sandbox import RESET
from tests.support.served import HARMLESS, Served, served

ADA, BEA = token_of("ada"), token_of("bea")
PUBLIC = {"PROJECTS_MCP_PUBLIC_URL": "https://mcp.example.com/mcp", "PROJECTS_MCP_ALLOWED_HOSTS": "mcp.example.com"}


@pytest.fixture(scope="module")
def callers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_callers(tmp_path_factory.mktemp("callers") / "callers.toml", entry("ada"), entry("bea"))


@pytest.fixture(scope="module")
def settings(behind: Upstream, callers: Path) -> dict[str, str]:
    strict = {"PROJECTS_MCP_CONFIRMATION": "human", "PROJECTS_MCP_CALLERS": str(callers)}
    return {"POSTHOG_HOST": behind.origin, **HARMLESS, **strict}


@pytest.fixture(scope="module")
def server(settings: dict[str, str]) -> Iterator[Served]:
    with served(**settings) as process:
        yield process


def result_of(answer: Answered) -> Any:
    assert answer.status == 200, answer.body
    return answer.json["result"]


def refused(server: Served, token: str) -> dict[str, Any]:
    """Make a call that needs a yes, and return the approval that its refusal offers."""
    result = result_of(server.call("project_reset_token", RESET, token))
    assert result["isError"] is True, result
    offer: dict[str, Any] = result["_meta"]["projects-mcp/error"]["approval"]
    return offer


def test_a_caller_is_approved_and_nobody_else(server: Served, upstream: Upstream) -> None:
    offer, other = refused(server, ADA), refused(server, BEA)
    assert offer["url"] == f"http://localhost:{server.port}/approve/{offer['code']}"
    with Browser(offer["url"]) as browser, Browser(other["url"]) as others:
        assert dict(browser.open().rows)["Asked by"].startswith("caller \u201cada\u201d")
        assert dict(others.open().rows)["Asked by"].startswith("caller \u201cbea\u201d")
        assert browser.decide("approve", "Acme mobile", Origin="https://app.example.com").status_code == 403
        assert browser.decide("approve", "Acme mobile").status_code == 200
    assert upstream.recorder.writes == []
    refused(server, BEA)
    assert upstream.recorder.writes == []
    applied = result_of(server.call("project_reset_token", RESET, ADA))
    assert applied["structuredContent"]["outcome"] == "applied"
    assert len(upstream.recorder.writes) == 1
    refused(server, ADA)
    assert len(upstream.recorder.writes) == 1


def test_no_code_is_in_any_line(server: Served, upstream: Upstream) -> None:
    offer = refused(server, ADA)
    with Browser(offer["url"]) as browser:
        browser.open()
        browser.decide("deny")
        assert browser.client.get(f"{browser.origin}/approve").status_code == 200
    said = server.wait_for('"path":"/approve"')
    assert '"path":"/approve/\\u2026"' in said
    assert offer["code"] not in said
    assert json.loads(said.splitlines()[-1])["event"] == "request"


def test_no_other_origin_reads_a_page(server: Served, upstream: Upstream) -> None:
    offer = refused(server, BEA)
    with Browser(offer["url"]) as browser:
        for method in ("GET", "OPTIONS"):
            asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
            answer = browser.client.request(method, offer["url"], headers=asked)
            assert [name for name in answer.headers if name.startswith("access-control")] == []
        assert browser.get(Host="evil.example").status_code == 421
        both = {"Content-Length": "3", "Transfer-Encoding": "chunked"}
        assert browser.client.post(offer["url"], headers=both, content=b"a=b").status_code == 400


def test_at_the_public_address(settings: dict[str, str], upstream: Upstream) -> None:
    with served(**settings, **PUBLIC) as server:
        offer = refused(server, ADA)
        assert offer["url"] == f"https://mcp.example.com/approve/{offer['code']}"
        # What the proxy passes on: the name that the browser has asked for.
        with Browser(f"http://127.0.0.1:{server.port}/approve/{offer['code']}") as browser:
            assert browser.get().status_code == 421
            browser.client.headers["Host"] = "mcp.example.com"
            seen = browser.open()
            assert "somebody who had this code" in seen.text
            assert browser.decide("approve", "Acme mobile").status_code == 403
            answer = browser.decide("approve", "Acme mobile", Origin="https://mcp.example.com")
            assert read(answer.text).title.startswith("Approved: ")
        applied = result_of(server.call("project_reset_token", RESET, ADA))
        assert applied["structuredContent"]["outcome"] == "applied"


def test_where_nobody_could_be_told_an_address_there_is_no_page(settings: dict[str, str], upstream: Upstream) -> None:
    with served("--host", "0.0.0.0", **settings) as server:  # noqa: S104 - all addresses are what is tested
        result = result_of(server.call("project_reset_token", RESET, ADA))
        assert "approval" not in result["_meta"]["projects-mcp/error"]
        assert server.get("/approve").status == 404
