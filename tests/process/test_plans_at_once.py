"""Two real processes at work on plans at once, over one store: each project is written once, the limits are shared."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from projects_mcp.sandbox import READ_WRITE_KEY
from projects_mcp.sandbox.fleet import FIRST_FLEET_ID
from tests.support.killing import DeadlyPostHog
from tests.support.plans import differences, ids_of
from tests.support.process import Piped, running
from tests.support.redis_server import every_store, shared_state

FLEET = 240
IDS = list(range(FIRST_FLEET_ID, FIRST_FLEET_ID + 12))
HALVES = [list(range(FIRST_FLEET_ID + first, FIRST_FLEET_ID + first + FLEET // 2)) for first in (0, FLEET // 2)]
A_MINUTE = 480 * 3 // 4


@pytest.fixture
def two(posthog: DeadlyPostHog, kind: str, tmp_path: Path) -> Iterator[list[Piped]]:
    with shared_state(kind, tmp_path) as state:
        environment = {
            "POSTHOG_HOST": posthog.origin,
            "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY,
            "PROJECTS_MCP_STATE": state,
            "PROJECTS_MCP_CONFIRMATION": "argument",
        }
        with running(**environment) as one, running(**environment) as other:
            one.handshake()
            other.handshake()
            yield [one, other]


def send(server: Piped, arguments: dict[str, Any]) -> None:
    params = {"name": "project_update", "arguments": arguments}
    server.send({"jsonrpc": "2.0", "id": 99, "method": "tools/call", "params": params})


def consent_of(preview: dict[str, Any]) -> dict[str, Any]:
    return {"plan": preview["plan"], "confirm_plan": preview["confirm_plan"]}


def previewed(servers: list[Piped], ids: list[list[int]]) -> list[dict[str, Any]]:
    """A plan of each server for some projects, all made at once."""
    for server, some in zip(servers, ids, strict=True):
        send(server, {"project_ids": some, "settings": {"week_start_day": 1}, "dry_run": True})
    previews = [server.read_message()["result"]["structuredContent"] for server in servers]
    assert [preview["projects"] for preview in previews] == [len(some) for some in ids]
    return previews


@every_store
def test_two_processes_that_apply_one_plan_at_once_write_each_project_once(
    posthog: DeadlyPostHog, two: list[Piped]
) -> None:
    before = posthog.states()
    one, other = previewed(two, [IDS, IDS])
    assert one["plan"] == other["plan"]
    for server in two:
        send(server, consent_of(one))
    results = [server.read_message()["result"] for server in two]
    refused = [result["_meta"]["projects-mcp/error"]["kind"] for result in results if result.get("isError")]
    assert refused in ([], ["plan_busy"]), "the other one may have begun when all was done"
    receipts = []
    for server in two:
        send(server, consent_of(one))
        receipts.append(server.read_message()["result"]["structuredContent"])
    assert receipts[0] == receipts[1]
    assert (receipts[0]["left"], receipts[0]["applied"]) == (0, len(IDS))
    assert set(differences(before, posthog.states())) == ids_of(receipts[0]["applied_ids"]) == set(IDS)
    assert posthog.writes == dict.fromkeys(IDS, 1)
    assert receipts[0]["revert_plan"]["confirm_plan"] == f"change {len(IDS)} projects"


@pytest.mark.heavy
@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_two_processes_with_a_plan_each_share_three_quarters_of_the_limit(
    posthog: DeadlyPostHog, two: list[Piped]
) -> None:
    plans = previewed(two, HALVES)
    for server, preview in zip(two, plans, strict=True):
        send(server, consent_of(preview))
    receipts = [server.read_message()["result"]["structuredContent"] for server in two]
    times = posthog.times
    assert max(sum(first <= other < first + 60 for other in times) for first in times) <= A_MINUTE
    if times[-1] - times[0] < 60:  # on a machine that is not too slow to come near the limit
        assert len(times) > A_MINUTE * 0.9
        assert all(receipt["left"] > 0 and receipt["retry_after_s"] > 0 for receipt in receipts)
    assert sum(receipt["applied"] for receipt in receipts) == len(posthog.writes)
    assert set(posthog.writes.values()) == {1}
