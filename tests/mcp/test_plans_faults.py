"""PostHog that fails in the middle of a plan: what is known is said, nothing is repeated, three failures stop."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import pytest

from projects_mcp.posthog.pool import ASGIApplication
from projects_mcp.sandbox.app import create_app
from projects_mcp.sandbox.fleet import FIRST_FLEET_ID
from tests.support.fleets import TurnedClock, fleet_world
from tests.support.gates_and_approvals import SharedMemory
from tests.support.harness import Harness, body_of
from tests.support.plans import (
    Asked,
    applied,
    consent_to,
    differences,
    ids_of,
    previewed,
    settings_of,
    writes_by_project,
)

pytestmark = pytest.mark.anyio

Answer = tuple[int, Any, dict[str, str]]
BROKEN: Answer = (
    500,
    {"type": "server_error", "code": "error", "detail": "A server error occurred.", "attr": None},
    {},
)
PROXY: Answer = (502, "Bad gateway", {})
DENIED: Answer = (403, {"type": "authentication_error", "code": "permission_denied", "detail": "No."}, {})
GONE: Answer = (404, {"type": "invalid_request", "code": "not_found", "detail": "Not found."}, {})
REFUSED: Answer = (
    400,
    {"type": "validation_error", "code": "invalid_input", "detail": "No.", "attr": "week_start_day"},
    {},
)
THROTTLED: Answer = (429, {"type": "throttled_error", "detail": "Later."}, {"Retry-After": "90"})


@dataclass
class FailingWrites:
    """PostHog that answers some requests otherwise.

    Attributes:
        application: PostHog.
        answers: method and project -> the answer; None for one that never comes.
        handled: whether PostHog handles the request all the same.
        times: how often each is answered so; None for always.
    """

    application: ASGIApplication
    answers: dict[tuple[str, int], Answer | None] = field(default_factory=dict)
    handled: bool = False
    times: int | None = None
    _told: dict[tuple[str, int], int] = field(default_factory=dict)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        last = scope["path"].rstrip("/").rpartition("/")[2]
        key = scope["method"], int(last) if last.isdigit() else 0
        told = self._told.get(key, 0)
        if key not in self.answers or (self.times is not None and told >= self.times):
            await self.application(scope, receive, send)
            return
        self._told[key] = told + 1
        if self.handled:

            async def unheard(_message: Any) -> None: ...

            await self.application(scope, receive, unheard)
        answer = self.answers[key]
        if answer is None:
            await anyio.sleep_forever()
            return
        status, body, more = answer
        headers = [(b"content-type", b"application/json"), *((k.encode(), v.encode()) for k, v in more.items())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})


IDS = list(range(FIRST_FLEET_ID, FIRST_FLEET_ID + 12))
WANTED = {"project_ids": IDS, "settings": {"week_start_day": 1}}
THIRD = IDS[2]


def failing(clock: TurnedClock, *, patient: bool = True) -> tuple[Harness, FailingWrites]:
    world = fleet_world(clock, 14)
    posthog = FailingWrites(create_app(world))
    limits = {"second_look_s": 0.01} if patient else {"second_look_s": 0.01, "call_s": 1.5}
    return Harness(world, posthog, limits=limits), posthog


@pytest.mark.parametrize("handled", [True, False])
@pytest.mark.parametrize("answer", [PROXY, BROKEN, None], ids=["502", "500", "time-out"])
async def test_a_lost_answer_is_settled_by_reading_and_never_sent_again(
    clock: TurnedClock, answer: Answer | None, handled: bool
) -> None:
    harness, posthog = failing(clock, patient=answer is not None)
    posthog.answers, posthog.handled = {("PATCH", THIRD): answer}, handled
    before = settings_of(harness.world)
    async with harness.client(ask=Asked()) as client:
        (preview,) = await previewed(client, clock, **WANTED)
        final = (await applied(client, clock, preview))[-1]
    assert final["left"] == 0
    assert set(differences(before, settings_of(harness.world))) == ids_of(final["applied_ids"])
    assert (final["applied"] == 12) is handled
    if not handled:
        (names,) = final["failed" if answer is BROKEN else "unknown"].values()
        assert names == ["“customer-001 development” (40003)"]
    assert writes_by_project(harness.recorder) == dict.fromkeys(IDS, 1)


@pytest.mark.parametrize("method", ["GET", "PATCH"])
@pytest.mark.parametrize("answer", [DENIED, GONE], ids=["403", "404"])
async def test_projects_that_are_gone_or_denied_are_named_and_do_not_stop_the_others(
    clock: TurnedClock, method: str, answer: Answer
) -> None:
    harness, posthog = failing(clock)
    async with harness.client(ask=Asked()) as client:
        (preview,) = await previewed(client, clock, **WANTED)
        posthog.answers = {(method, number): answer for number in IDS[:5]}
        final = (await applied(client, clock, preview))[-1]
    assert (final["left"], final["applied"]) == (0, 7)
    assert sum(len(names) for names in final["failed"].values()) == 5


@pytest.mark.parametrize(
    ("method", "answer"), [("PATCH", REFUSED), ("PATCH", BROKEN), ("PATCH", None), ("GET", BROKEN), ("GET", PROXY)]
)
async def test_three_in_a_row_stop_until_a_person_says_so_again(
    clock: TurnedClock, method: str, answer: Answer | None
) -> None:
    harness, posthog = failing(clock, patient=answer is not None)
    asked = Asked()
    async with harness.client(ask=asked) as client:
        (preview,) = await previewed(client, clock, **WANTED)
        posthog.answers = {(method, number): answer for number in IDS}
        stopped = (await applied(client, clock, preview))[-1]
        assert stopped["stopped"] is True
        assert stopped["left"] > 0
        assert stopped["applied"] == 0
        assert len(harness.recorder.writes) == (3 if method == "PATCH" else 0), "one after the other: none went well"
        assert len(asked.questions) == 1
        posthog.answers = {}
        final = (await applied(client, clock, preview))[-1]
    assert len(asked.questions) == 2
    assert "Three projects in a row failed" in asked.questions[1]
    assert final["left"] == 0
    assert final["applied"] == 12 - (3 if method == "PATCH" else 0)
    assert set(writes_by_project(harness.recorder).values()) == {1}


@pytest.mark.parametrize("method", ["GET", "PATCH"])
async def test_retry_after_is_obeyed_in_full_by_whichever_process_comes_next(clock: TurnedClock, method: str) -> None:
    harness, posthog = failing(clock)
    harness.store = SharedMemory()
    async with harness.client(ask=Asked()) as client:
        (preview,) = await previewed(client, clock, **WANTED)
        posthog.answers, posthog.times = {(method, THIRD): THROTTLED}, 1
        first = body_of(await client.call_tool("project_update", consent_to(preview)))
    assert first["left"] >= 1
    assert first["retry_after_s"] == 90
    sent = len(harness.sent)
    async with harness.client(ask=Asked()) as client:
        clock.now_s += 60
        early = body_of(await client.call_tool("project_update", consent_to(preview)))
        assert early["retry_after_s"] == 30
        assert len(harness.sent) == sent
        clock.now_s += 30
        final = (await applied(client, clock, preview))[-1]
    assert (final["left"], final["applied"]) == (0, 12)
    assert writes_by_project(harness.recorder) == {
        number: 2 if (method, number) == ("PATCH", THIRD) else 1 for number in IDS
    }, "what PostHog has limited was not done, and may be sent again"


async def test_what_posthog_ignores_is_said_to_be_ignored(clock: TurnedClock) -> None:
    harness, _ = failing(clock)
    async with harness.client(ask=Asked()) as client:
        (preview,) = await previewed(client, clock, **WANTED)
        harness.world.behaviour = replace(harness.world.behaviour, ignored_fields=frozenset({"week_start_day"}))
        final = (await applied(client, clock, preview))[-1]
    assert (final["outcome"], final["left"], final["applied"]) == ("not_applied", 0, 0)
    assert len(final["ignored"]) == 12
    assert "revert_plan" not in final
