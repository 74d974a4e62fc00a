"""Without what must be remembered nothing is changed, and what changes nothing goes on."""

from collections.abc import Mapping
from typing import Any

import pytest

from projects_mcp.errors.refusals import TooManyCalls
from projects_mcp.runner.rate_limit import RateLimiter
from projects_mcp.sandbox import MOBILE_ID, NORTHWIND_ID, PRODUCTION_ID
from projects_mcp.state.memory import MemoryStore
from projects_mcp.state.store import StoreError
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of

pytestmark = pytest.mark.anyio

NAMED = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
UPDATE = {"project_id": PRODUCTION_ID, "settings": {"timezone": "Asia/Tokyo"}}
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "project_create": {"name": "New"},
    "project_update": UPDATE,
    "project_add_product_intent": {"project_id": PRODUCTION_ID, "product_type": "surveys"},
    "project_complete_product_onboarding": {"project_id": PRODUCTION_ID, "product_type": "surveys"},
    "project_delete": NAMED,
    "project_cancel_deletion": {"project_id": MOBILE_ID},
    "project_change_organization": {**NAMED, "target_organization_id": NORTHWIND_ID},
    "project_reset_token": NAMED,
    "project_rotate_secret_token": NAMED,
    "project_delete_secret_token_backup": NAMED,
}


class Away(MemoryStore):
    """A store that processes share, and that may be away, or go away behind the check before a change."""

    shared = True
    away = False
    answers_probes = False

    def _get(self, key: str) -> str | None:
        self._require()
        return super()._get(key)

    async def probe(self) -> None:
        if not self.answers_probes:
            self._require()

    def _require(self) -> None:
        if self.away:
            raise StoreError("it is away")


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("confirmation", ["auto", "human", "argument"])
async def test_nothing_is_changed_and_reads_and_previews_go_on(harness: Harness, era: Era, confirmation: str) -> None:
    harness.store = store = Away()
    store.away = True
    async with harness.client(era, PROJECTS_MCP_CONFIRMATION=confirmation) as client:
        offered = {tool.name: tool for tool in (await client.list_tools()).tools}
        writers = {name for name, tool in offered.items() if tool.annotations and not tool.annotations.read_only_hint}
        assert writers == set(CHANGES)
        for tool, arguments in CHANGES.items():
            text, detail = refusal_of(await client.call_tool(tool, dict(arguments)))
            assert detail["kind"] == "state_unavailable", tool
            assert "Nothing was changed" in text
        assert harness.recorder.writes == []
        body_of(await client.call_tool("project_get", {"project_id": PRODUCTION_ID}))
        assert body_of(await client.call_tool("project_update", {**UPDATE, "dry_run": True}))["outcome"] == "preview"
        assert harness.recorder.writes == []
        store.away = False
        assert body_of(await client.call_tool("project_update", UPDATE))["outcome"] == "applied"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("tool", ["project_update", "project_delete"])
async def test_what_goes_away_during_a_call_stops_it(harness: Harness, era: Era, tool: str) -> None:
    harness.store = store = Away()
    store.away = store.answers_probes = True
    async with harness.client(era, PROJECTS_MCP_CONFIRMATION="human") as client:
        text, detail = refusal_of(await client.call_tool(tool, dict(CHANGES[tool])))
    assert detail["kind"] == "state_unavailable"
    assert "Nothing was changed" in text
    assert harness.recorder.writes == []


async def test_a_process_counts_for_itself_meanwhile() -> None:
    now, store = 0.0, Away()
    store.away = True
    allowance = RateLimiter(at_once=9, per_minute=2, clock=lambda: now, store=store, key="calls:1")
    await allowance.take()
    await allowance.take()
    with pytest.raises(TooManyCalls):
        await allowance.take()
    now = 30.0
    await allowance.take()
