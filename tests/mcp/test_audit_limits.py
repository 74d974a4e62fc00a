"""An audit within the limits of a key, and where PostHog fails, or changes meanwhile: no project counts twice."""

from typing import Any

import pytest

from projects_mcp.sandbox import RateLimits
from projects_mcp.sandbox.app import create_app
from projects_mcp.sandbox.fleet import FIRST_FLEET_ID
from projects_mcp.sandbox.world.behaviour import Behaviour
from tests.support.fleets import FailingAt, TurnedClock, audit_whole, busiest, fleet_world, of_acme
from tests.support.harness import Harness, body_of, refusal_of


@pytest.mark.anyio
@pytest.mark.heavy
async def test_2000_projects_take_minutes_and_no_window_is_ever_full(clock: TurnedClock) -> None:
    harness = Harness(fleet_world(clock, 1_990))
    async with harness.client() as client:
        first = await audit_whole(client, clock, where={"timezone": "Asia/Tokyo"}, fields=["heatmaps_opt_in"])
        assert len(first) <= 7
        assert sum(answer["read"] for answer in first) == 1_994
        began = clock.now_s
        second = await audit_whole(client, clock, where={"heatmaps_opt_in": True})
    assert sum(answer["matching"] for answer in second) == sum(
        value is True for value in of_acme(harness.world, "heatmaps_opt_in").values()
    )
    assert clock.now_s - began > 600, "the second one waits for the hour"
    assert busiest(harness.world, 60) <= 360
    assert busiest(harness.world, 3_600) <= 3_600


@pytest.mark.anyio
async def test_what_cannot_be_read_is_named_and_the_rest_counted(clock: TurnedClock) -> None:
    world = fleet_world(clock, 20)
    broken, gone, denied = (FIRST_FLEET_ID + at for at in (2, 5, 9))
    answers: dict[str, tuple[int, Any, dict[str, str]]] = {
        f"/{broken}/": (500, {"type": "server_error", "code": "error", "detail": "A server error occurred."}, {}),
        f"/{gone}/": (404, {"type": "invalid_request", "code": "not_found", "detail": "Not found."}, {}),
        f"/{denied}/": (
            403,
            {"type": "authentication_error", "code": "permission_denied", "detail": "No access to the project."},
            {},
        ),
    }
    harness = Harness(world, FailingAt(create_app(world), answers))
    async with harness.client() as client:
        body = body_of(await client.call_tool("project_list", {"where": {"anonymize_ips": False}}))
    assert sorted(number for ids in body["unreadable"]["projects"].values() for number in ids) == [broken, gone, denied]
    assert len(body["unreadable"]["projects"]) == 3
    assert body["read"] == body["total"] - 3 == sum(body["counts"]["anonymize_ips"].values())
    assert "next_offset" not in body


@pytest.mark.anyio
async def test_nothing_is_claimed_if_nothing_can_be_read(clock: TurnedClock) -> None:
    world = fleet_world(clock, 40)
    down: tuple[int, Any, dict[str, str]] = (503, {"detail": "down"}, {})
    answers = {f"/{number}/": down for number in world.projects}
    harness = Harness(world, FailingAt(create_app(world), answers))
    async with harness.client() as client:
        _, detail = refusal_of(await client.call_tool("project_list", {"where": {"anonymize_ips": False}}))
    assert detail["status"] == 503
    assert len(harness.sent) < 60, "it gives up"


@pytest.mark.anyio
async def test_posthogs_own_limit_is_obeyed_and_the_audit_goes_on(clock: TurnedClock) -> None:
    world = fleet_world(clock, 96)
    world.behaviour = Behaviour(rate_limits=RateLimits(per_minute=40))
    harness = Harness(world)
    async with harness.client() as client:
        body = body_of(await client.call_tool("project_list", {"where": {"anonymize_ips": False}}))
    assert 0 < body["read"] < 40
    assert body["retry_after_s"] >= 59
    assert body["next_offset"] == sorted(of_acme(world, "id"))[body["read"]]


@pytest.mark.anyio
async def test_what_was_read_behind_a_gap_is_not_counted(clock: TurnedClock) -> None:
    world = fleet_world(clock, 30)
    late = FIRST_FLEET_ID + 4
    body = {"type": "throttled_error", "code": "throttled", "detail": "Expected available in 90 seconds."}
    posthog = FailingAt(create_app(world), {f"/{late}/": (429, body, {"Retry-After": "90"})}, after_s=0.3)
    harness = Harness(world, posthog)
    arguments = {"where": {"anonymize_ips": [True, False]}, "limit": 500}
    async with harness.client() as client:
        first = body_of(await client.call_tool("project_list", arguments))
    assert any(line.endswith(f"/{late + 9}/") for line in harness.sent), "others were read meanwhile"
    assert (first["next_offset"], first["retry_after_s"]) == (late, 90)
    assert [row["id"] for row in first["projects"]] == [number for number in of_acme(world, "id") if number < late]
    assert sum(first["counts"]["anonymize_ips"].values()) == first["read"] == 8
    posthog.answers = {}
    async with harness.client() as client:  # of another process: this one still waits
        second = body_of(await client.call_tool("project_list", {**arguments, "offset": late}))
    assert first["read"] + second["read"] == first["total"]


@pytest.mark.anyio
async def test_rows_that_move_and_projects_that_come_and_go_are_read_once(clock: TurnedClock) -> None:
    world = fleet_world(clock, 500)
    moved = iter(sorted(world.projects)[::-1])

    def edit(path: str) -> None:
        if not path.endswith("/projects/"):
            return
        number = next(moved)  # PostHog's rows lie where they were written last
        world.projects[number] = world.projects.pop(number)

    harness = Harness(world, FailingAt(create_app(world), before=edit))
    async with harness.client() as client:
        first = body_of(await client.call_tool("project_list", {"where": {"anonymize_ips": False}}))
        clock.now_s += first["retry_after_s"]
        del world.projects[FIRST_FLEET_ID], world.projects[FIRST_FLEET_ID + 480]
        later = {"where": {"anonymize_ips": False}, "offset": first["next_offset"]}
        second = body_of(await client.call_tool("project_list", later))
    assert "next_offset" not in second
    assert first["read"] + second["read"] == 504 - 1, "one was gone before it was read"
    read = [line for line in harness.sent if not line.endswith("/projects/")]
    assert len(read) == len(set(read))


@pytest.mark.anyio
async def test_used_up_windows_are_told_and_nothing_is_sent(clock: TurnedClock) -> None:
    harness = Harness(fleet_world(clock, 500))
    arguments = {"where": {"anonymize_ips": False}}
    async with harness.client() as client:
        first = body_of(await client.call_tool("project_list", arguments))
        sent = len(harness.sent)
        assert sent == 350
        text, detail = refusal_of(await client.call_tool("project_list", {**arguments, "offset": first["next_offset"]}))
        assert (detail["kind"], detail["retryable"]) == ("requests_used_up", True)
        assert 0 < detail["retry_after_s"] <= 65
        assert "Nothing was changed." in text
        assert len(harness.sent) == sent
        plain = body_of(await client.call_tool("project_list", {}))
    assert len(plain["projects"]) == 100, "what is asked of PostHog at once is not held up"
