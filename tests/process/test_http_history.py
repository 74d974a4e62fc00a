"""What was done, as callers read it over HTTP: each its own calls, from the server itself and from its audit log."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp_types import TextResourceContents

from projects_mcp.sandbox import ACME_ID, MOBILE_ID, PRODUCTION_ID, STAGING_ID
from tests.support.callers import entry, token_of, write_callers
from tests.support.harness import ERAS, Era
from tests.support.posthog import Upstream
from tests.support.served import HARMLESS, Served, served

CALLERS = (
    entry("ada"),
    entry("ben"),
    entry("cleo", organization=ACME_ID),
    entry("reader", scopes=["project:read"]),
)
DONE: dict[str, list[tuple[int, str, Any]]] = {
    "ada": [(PRODUCTION_ID, "timezone", "Asia/Tokyo"), (STAGING_ID, "week_start_day", 1)],
    "ben": [(MOBILE_ID, "surveys_opt_in", True)],
    "cleo": [(PRODUCTION_ID, "week_start_day", 0)],
}
"""Who changes what, in this order."""


@pytest.fixture
def environment(upstream: Upstream, tmp_path: Path) -> dict[str, str]:
    return {
        **HARMLESS,
        "POSTHOG_HOST": upstream.origin,
        "PROJECTS_MCP_CALLERS": str(write_callers(tmp_path / "callers.toml", *CALLERS)),
        "PROJECTS_MCP_AUDIT_LOG": str(tmp_path / "audit"),
    }


@pytest.fixture
def server(environment: dict[str, str]) -> Iterator[Served]:
    """A server at which each caller has changed something."""
    with served(**environment) as process:
        for name, changes in DONE.items():
            for project, setting, value in changes:
                arguments = {"project_id": project, "settings": {setting: value}}
                assert process.call("project_update", arguments, token_of(name)).result["outcome"] == "applied"
        refused = process.call("project_update", {"project_id": 99, "settings": {"timezone": "UTC"}}, token_of("ben"))
        assert refused.refusal["kind"] == "not_found"
        yield process


def history_of(server: Served, name: str, era: Era = "auto") -> dict[str, Any]:
    async def read() -> dict[str, Any]:
        async with server.client(token_of(name), era) as client:
            (content,) = (await client.read_resource("projects://history")).contents
        assert isinstance(content, TextResourceContents)
        shown: dict[str, Any] = json.loads(content.text)
        return shown

    return anyio.run(read)


def done(shown: dict[str, Any]) -> list[tuple[int, list[str]]]:
    applied = [call for call in shown["calls"] if call["outcome"] == "applied"]
    return [(call["project"]["id"], call.get("changed", call.get("sent"))) for call in applied]


def newest_first(name: str) -> list[tuple[int, list[str]]]:
    return [(project, [setting]) for project, setting, _ in DONE.get(name, [])][::-1]


@pytest.mark.parametrize("era", ERAS)
def test_each_caller_sees_its_own_calls(server: Served, era: Era) -> None:
    for name in ("ada", "ben", "cleo", "reader"):
        shown = history_of(server, name, era)
        assert done(shown) == newest_first(name)
        assert {call["caller"] for call in shown["calls"]} <= {name}
        assert all("source" not in call for call in shown["calls"]), "the server has them itself"


def test_after_a_restart_each_caller_sees_its_own_lines_of_the_audit_log(
    server: Served, environment: dict[str, str]
) -> None:
    assert server.end() == 0
    audit = Path(environment["PROJECTS_MCP_AUDIT_LOG"])
    callers = [json.loads(line).get("caller") for line in audit.read_text(encoding="utf-8").splitlines()]
    assert set(DONE) <= set(callers), "the file has the lines of all of them"
    with audit.open("ab") as file:
        file.write(b"no record\n")
    with served(**environment) as restarted:
        for name in ("ada", "ben", "cleo", "reader"):
            shown = history_of(restarted, name)
            assert set(shown) == {"calls"}, "the state of the file is the operator's business"
            assert done(shown) == newest_first(name)
            for call in shown["calls"]:
                assert (call["caller"], call["source"], "undo" in call) == (name, "audit_log", False)
                says = "not their values" if call["outcome"] == "applied" else "it changed nothing"
                assert says in call["no_undo"]


def test_a_caller_that_is_held_to_other_projects_since_sees_no_others(
    server: Served, environment: dict[str, str]
) -> None:
    assert server.end() == 0
    with served(**environment, PROJECTS_MCP_ONLY_PROJECTS=str(STAGING_ID)) as restarted:
        assert done(history_of(restarted, "ada")) == [(STAGING_ID, ["week_start_day"])]
        assert history_of(restarted, "cleo")["calls"] == []
