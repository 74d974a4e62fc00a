"""An approval counts once, and for nothing but the call that it was offered for; and a no stays a no."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from mcp import Client
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from projects_mcp.policy.authorization import CallerGrant
from projects_mcp.policy.confirmation import Confirmation
from projects_mcp.protocol.server import ProjectsServer
from projects_mcp.sandbox import ACME_ID, MOBILE_ID, PRODUCTION_ID
from projects_mcp.state.approval import Approval, Status
from projects_mcp.state.approvals import Approvals
from tests.support.gates_and_approvals import SharedMemory
from tests.support.harness import ERAS, Ask, Era, Harness, body_of

pytestmark = pytest.mark.anyio

TOOL = "project_reset_token"
NAMED = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
ANNA = CallerGrant("anna", frozenset({"project:read", "project:write"}))
BEN = ANNA._replace(name="ben")


@pytest.fixture
def harness() -> Harness:
    return Harness(store=SharedMemory())


@asynccontextmanager
async def client_of(
    harness: Harness,
    caller: CallerGrant | None = ANNA,
    ask: Ask | None = None,
    *,
    era: Era = "auto",
    at: str = "https://posthog.test",
    wants: str = "human",
) -> AsyncIterator[Client]:
    """The client of a caller as `serve` has them, at a server of its own that shares the store."""
    async with harness.client(era, ask, POSTHOG_HOST=at, PROJECTS_MCP_CONFIRMATION=wants) as client:
        assert isinstance(client.server, ProjectsServer)
        runner = client.server._runner  # noqa: SLF001 - in the place of a bearer token
        runner._services = replace(runner._services, caller=caller)  # noqa: SLF001 - as above
        yield client


def error_of(result: Any) -> dict[str, Any]:
    assert result.is_error, result
    detail: dict[str, Any] = result.meta["projects-mcp/error"]
    return detail


async def decide(harness: Harness, detail: dict[str, Any], *, granted: bool) -> Approval:
    assert harness.store is not None
    approvals = Approvals(harness.store)
    seen = await approvals.find(detail["approval"]["code"])
    assert seen is not None
    return await approvals.decide(seen, granted=granted, channel="terminal")


@pytest.mark.parametrize("other", ["tool", "argument", "project", "caller", "nobody", "host", "state"])
async def test_an_approval_counts_for_nothing_but_its_call(harness: Harness, other: str) -> None:
    fields = harness.fields(MOBILE_ID)
    token = fields["api_token"]
    tool = "project_delete" if other == "tool" else TOOL
    arguments = {
        "argument": {**NAMED, "organization_id": ACME_ID},
        "project": {"project_id": PRODUCTION_ID, "confirm_project_name": "Acme web"},
    }.get(other, NAMED)
    caller = {"caller": BEN, "nobody": None}.get(other, ANNA)
    at = "https://other.test" if other == "host" else "https://posthog.test"
    async with client_of(harness) as client:
        detail = error_of(await client.call_tool(TOOL, NAMED))
        assert detail["kind"] == "cannot_ask"
        await decide(harness, detail, granted=True)
        if other == "state":
            fields["api_token"] = "phc_another_token_of_the_project_0000000000000"
        async with client_of(harness, caller, at=at) as another:
            refused = error_of(await another.call_tool(tool, arguments))
        assert refused["kind"] == "cannot_ask"
        assert refused["approval"]["code"] != detail["approval"]["code"]
        assert harness.recorder.writes == []

        fields["api_token"] = token
        async with client_of(harness) as replica:
            body_of(await replica.call_tool(TOOL, NAMED))
        fields["api_token"] = token
        assert error_of(await client.call_tool(TOOL, NAMED))["kind"] == "cannot_ask", "it has been used"
    assert len(harness.recorder.writes) == 1


async def yes(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    return ElicitResult(action="accept", content={"confirm": True})


async def test_a_no_stays_a_no_for_its_time(harness: Harness) -> None:
    async with client_of(harness) as client:
        await decide(harness, error_of(await client.call_tool(TOOL, NAMED)), granted=False)
        for ask in (None, yes):
            async with client_of(harness, ask=ask) as another:
                assert error_of(await another.call_tool(TOOL, NAMED))["kind"] == "approval_denied"
    assert harness.recorder.writes == []


@pytest.mark.parametrize("era", ERAS)
async def test_a_no_that_comes_while_the_call_is_under_way_is_told(harness: Harness, era: Era) -> None:
    async with client_of(harness) as client:
        detail = error_of(await client.call_tool(TOOL, NAMED))

    async def no_elsewhere(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        assert (await decide(harness, detail, granted=False)).status is Status.DENIED
        return ElicitResult(action="accept", content={"confirm": False})

    async with client_of(harness, ask=no_elsewhere, era=era) as client:
        result = await client.call_tool(TOOL, NAMED)
    assert error_of(result)["kind"] == "approval_denied"
    assert "approval" not in error_of(result)
    assert harness.recorder.writes == []


@pytest.mark.parametrize("confirmation", Confirmation)
@pytest.mark.parametrize("ask", [None, yes])
async def test_where_approvers_are_named_nothing_else_will_do(
    harness: Harness, confirmation: Confirmation, ask: Ask | None
) -> None:
    caller = ANNA._replace(approvers=("berta",))
    async with client_of(harness, caller, ask, wants=confirmation.value) as client:
        detail = error_of(await client.call_tool(TOOL, NAMED))
    assert detail["kind"] == "passkey_needed"
    assert harness.recorder.writes == []


@pytest.mark.parametrize("ask", [None, yes])
async def test_where_a_passkey_is_wanted_a_client_will_not_do(harness: Harness, ask: Ask | None) -> None:
    async with client_of(harness, None, ask, wants="passkey") as client:
        assert error_of(await client.call_tool(TOOL, NAMED))["kind"] == "passkey_needed"
    assert harness.recorder.writes == []
