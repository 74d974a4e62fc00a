"""Calls over stdio that are called off or take long, in both lanes and through the SDK alone."""

import json
from typing import Any

import anyio
import pytest

from projects_mcp.sandbox import PRODUCTION_ID
from projects_mcp.sandbox.app import create_app
from tests.support.harness import Harness
from tests.support.lanes import (
    BOTH,
    GET,
    INITIALIZED,
    LEGACY,
    NAME,
    Make,
    cancelled,
    initialize,
    request,
    through_both_lanes,
    through_the_sdk,
    written,
)


def slow(arrived: anyio.Event | None = None) -> Harness:
    """A PostHog that never answers a GET of the project."""
    harness = Harness()
    application = create_app(harness.world)

    async def never(scope: Any, receive: Any, send: Any) -> None:
        if str(PRODUCTION_ID) in scope["path"]:
            if arrived is not None:
                arrived.set()
            await anyio.sleep_forever()
        await application(scope, receive, send)

    return Harness(world=harness.world, application=never)


@BOTH
@pytest.mark.anyio
async def test_a_call_can_be_called_off(
    opening: list[dict[str, Any]], make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("stdio_lanes", "stdio_transport"):  # what waits for that is not called off
        monkeypatch.setattr(f"projects_mcp.protocol.{module}.FINISH_S", 600)
    for number, named in ((4, 4), ("4", 4), (4, "4"), ("x", "x")):
        lines = written(*opening, make(number, "tools/call", GET), cancelled(named), cancelled(99))
        with anyio.fail_after(60):
            both = await through_both_lanes(lines, harness=slow())
        alone = await through_the_sdk(lines, harness=slow())
        assert both.outcome == alone.outcome
        assert both.imported == 0
        assert [record["outcome"] for record in both.records] == ["cancelled"]


@pytest.mark.anyio
async def test_a_batch_does_not_wait_for_a_call_that_is_called_off_by_its_number_in_quotes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("projects_mcp.protocol.stdio_transport.FINISH_S", 600)
    batch = "[" + ",".join(written(request(4, "tools/call", GET), request(5, "ping"))) + "]"
    lines = [*written(initialize(0, "2025-03-26"), INITIALIZED), batch, *written(cancelled("4"))]
    with anyio.fail_after(60):
        alone = await through_the_sdk(lines, harness=slow())
    assert json.loads(alone.lines[-1]) == [{"jsonrpc": "2.0", "id": 5, "result": {}}]


@pytest.mark.anyio
async def test_of_two_requests_that_are_called_off_alike_only_the_latest_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projects_mcp.protocol.stdio_transport.FINISH_S", 0.05)
    calls = [request(number, "tools/call", GET) for number in (4, "4")]
    lines = written(initialize(), INITIALIZED, *calls, cancelled(4), cancelled(4))
    alone = await through_the_sdk(lines, harness=slow())
    assert "Connection closed" in str(alone.answers()[4]), "it was waited for"
    assert "4" not in alone.answers()


@BOTH
@pytest.mark.anyio
async def test_a_call_that_takes_too_long_after_the_end_is_answered_so(
    opening: list[dict[str, Any]], make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("stdio_lanes", "stdio_transport"):
        monkeypatch.setattr(f"projects_mcp.protocol.{module}.FINISH_S", 0.05)
    lines = written(*opening, make(1, "tools/call", GET), make(2, "tools/call", GET), cancelled(2))
    both = await through_both_lanes(lines, harness=slow())
    alone = await through_the_sdk(lines, harness=slow())
    assert both.outcome == alone.outcome
    assert both.answers()[1]["error"]["message"] == "Connection closed"


@BOTH
@pytest.mark.anyio
async def test_an_error_never_takes_the_place_of_an_answer_of_the_other_lane(
    opening: list[dict[str, Any]], make: Make
) -> None:
    lines = [
        *written(*opening, make(1, "tools/call", GET)),
        '{"jsonrpc":"2.0","id":1,"method":',
        *written(cancelled(1)),
    ]
    both = await through_both_lanes(lines, harness=slow())
    alone = await through_the_sdk(lines, harness=slow())
    assert both.outcome == alone.outcome
    assert both.imported == 1
    assert 1 not in both.answers()


@BOTH
@pytest.mark.anyio
async def test_the_latest_of_two_requests_with_one_id_is_called_off(
    opening: list[dict[str, Any]], make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("stdio_lanes", "stdio_transport"):
        monkeypatch.setattr(f"projects_mcp.protocol.{module}.FINISH_S", 0.2)
    odd = {**GET, "name": "project_delete", "arguments": {"project_id": PRODUCTION_ID, "confirm_project_name": NAME}}
    lines = written(*opening, make(1, "tools/call", GET), make(1, "tools/call", odd), cancelled(1), cancelled(1))
    both = await through_both_lanes(lines, harness=slow())
    called_off = [record["tool"] for record in both.records if record["outcome"] == "cancelled"]
    assert called_off[0] == "project_delete"


@pytest.mark.anyio
async def test_the_end_waits_for_all_requests_of_one_id() -> None:
    def lagging() -> Harness:
        """A PostHog that takes its time over a read of the project, and more over the second."""
        harness, reads = Harness(), iter((0.3, 0.8))
        application = create_app(harness.world)

        async def lags(scope: Any, receive: Any, send: Any) -> None:
            if str(PRODUCTION_ID) in scope["path"]:
                await anyio.sleep(next(reads))
            await application(scope, receive, send)

        return Harness(world=harness.world, application=lags)

    opening, make = LEGACY
    lines = written(*opening, *[make(7, "tools/call", GET)] * 2)
    both, alone = await through_both_lanes(lines, harness=lagging()), await through_the_sdk(lines, harness=lagging())
    for session in (both, alone):
        answers = [json.loads(line) for line in session.lines if json.loads(line).get("id") == 7]
        assert ["result" in answer for answer in answers] == [True, True]
