"""Whatever a client makes of the question, a person can let the call happen by another way, and nothing else can.

Each misbehaving client spoils a call of its own. Then somebody decides on the approval that its refusal has offered, as
`projects-mcp approve` does, and a client that behaves makes the same call again. Where the client took care that it is
never refused, the one that behaves is.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from mcp import Client as OrdinaryClient

from dev.misbehaving.clients import CLIENTS, CONTROL, Client
from dev.misbehaving.session import LEGACY, MODERN, Era
from dev.misbehaving.suite import Plan, run_suite
from dev.misbehaving.transports import HttpTransport
from projects_mcp.sandbox import MOBILE_ID, PRODUCTION_ID
from projects_mcp.state.approval import Approval
from projects_mcp.state.approvals import Approvals
from tests.support.gates_and_approvals import SharedMemory
from tests.support.harness import Harness, body_of, refusal_of
from tests.support.upstream import serving

TOOL = "project_reset_token"
ARGUMENTS = {"project_id": PRODUCTION_ID, "confirm_project_name": "Acme web"}
OTHER = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
STRICT = {"PROJECTS_MCP_CONFIRMATION": "human", "PROJECTS_MCP_QUESTION_TIMEOUT": "5"}
WITHIN_S = 25.0

NOT_REFUSED = {
    ("never answers", MODERN): "it was asked, and has not come back",
    ("closes the connection", LEGACY): "it has gone before its refusal",
    ("closes the connection", MODERN): "it was asked, and has not come back",
    ("cancels the call, then says yes", LEGACY): "a call that was cancelled has no answer",
    ("answers before it is asked", MODERN): "it is asked",
    ("answers with an error", MODERN): "what it sends is no message of the protocol: error -32602",
    ("changes the arguments", MODERN): "the state is not that of this call: error -32602",
    ("tampers with the state", MODERN): "the state is not the server's: error -32602",
    ("crosses two answers", MODERN): "the states are not those of these calls: error -32602",
    ("sends an old yes again", MODERN): "it is asked anew",
}
"""The clients whose call ends without a refusal, and why. All others get an approval with theirs."""
PLAYED = [
    (client, era) for client in CLIENTS for era in (LEGACY, MODERN) if era in client.plays and client is not CONTROL
]


@dataclass
class Spoiled:
    """A call that a misbehaving client has spoiled."""

    harness: Harness
    approvals: Approvals
    origin: str
    left: Approval | None
    """What its refusal has left for a person to decide."""

    async def decide(self, *, granted: bool) -> None:
        """Decide on the approval, of the first refusal or of that of a client which behaves."""
        approval = self.left
        if approval is None:
            await self.refused("cannot_ask")
            (approval,) = await self.approvals.waiting()
        await self.approvals.decide(approval, granted=granted, channel="terminal")

    async def refused(self, kind: str) -> None:
        _, detail = refusal_of(await self.call())
        assert detail["kind"] == kind

    async def call(self) -> Any:
        """Make the same call by a client that cannot ask anybody."""
        async with OrdinaryClient(f"{self.origin}/mcp", mode="legacy", cache=None) as client:
            return await client.call_tool(TOOL, ARGUMENTS)

    @property
    def writes(self) -> int:
        return len(self.harness.recorder.writes)


@asynccontextmanager
async def spoiled_by(client: Client, era: Era) -> AsyncIterator[Spoiled]:
    store = SharedMemory()
    harness, approvals = Harness(store=store), Approvals(store)
    with serving(harness.server(**STRICT).streamable_http_app(), lifespan="on") as served:
        plan = Plan(HttpTransport(f"{served.origin}/mcp", {}), TOOL, ARGUMENTS, OTHER, within_s=WITHIN_S)
        (verdict,) = await run_suite(plan, [client], [era])
        assert verdict.played
        assert not verdict.done
        assert len(harness.recorder.writes) == verdict.agreed
        waiting = [each for each in await approvals.waiting() if each.project == PRODUCTION_ID]
        assert len(waiting) == ((client.name, era) not in NOT_REFUSED), "one for the one call, however often it is made"
        yield Spoiled(harness, approvals, served.origin, waiting[0] if waiting else None)


@pytest.mark.parametrize(("client", "era"), PLAYED, ids=lambda part: getattr(part, "name", part))
def test_a_person_completes_the_call_by_another_way(client: Client, era: Era) -> None:
    async def check() -> None:
        async with spoiled_by(client, era) as spoiled:
            before = spoiled.writes
            await spoiled.refused("cannot_ask")
            assert spoiled.writes == before, "nothing happens without a decision"
            await spoiled.decide(granted=True)
            assert spoiled.writes == before, "a decision alone does nothing"
            assert body_of(await spoiled.call())["outcome"] == "applied"
            await spoiled.refused("cannot_ask")
            assert spoiled.writes == before + 1

    asyncio.run(check())


DENIED = [(client, era) for client, era in PLAYED if client.name in {"declines at once", "never answers"}]


@pytest.mark.parametrize(("client", "era"), DENIED, ids=lambda part: getattr(part, "name", part))
def test_what_a_person_has_denied_stays_undone(client: Client, era: Era) -> None:
    async def check() -> None:
        async with spoiled_by(client, era) as spoiled:
            await spoiled.decide(granted=False)
            for _ in range(2):
                await spoiled.refused("approval_denied")
            assert spoiled.writes == 0

    asyncio.run(check())


def test_a_client_that_misbehaves_can_use_the_approval_itself() -> None:
    """It makes the same call again, and is not asked: a person has said yes already."""
    decliner = next(client for client in CLIENTS if client.name == "declines at once")

    async def check(era: Era) -> None:
        async with spoiled_by(decliner, era) as spoiled:
            await spoiled.decide(granted=True)
            plan = Plan(HttpTransport(f"{spoiled.origin}/mcp", {}), TOOL, ARGUMENTS, within_s=WITHIN_S)
            (verdict,) = await run_suite(plan, [decliner], [era])
            assert (verdict.asked, spoiled.writes) == (False, 1)

    for era in (LEGACY, MODERN):
        asyncio.run(check(era))
