"""One fault at each request of a plan in turn, from its preview to its last write: nothing is repeated or lost."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import anyio
import httpx
import pytest

from projects_mcp.posthog.pool import ASGIApplication
from projects_mcp.sandbox.app import create_app
from projects_mcp.sandbox.fleet import FIRST_FLEET_ID
from tests.support.fleets import TurnedClock, fleet_world
from tests.support.gates_and_approvals import SharedMemory
from tests.support.harness import Harness, body_of, refusal_of
from tests.support.plans import Asked, consent_to, differences, ids_of, settings_of

pytestmark = pytest.mark.anyio

IDS = list(range(FIRST_FLEET_ID, FIRST_FLEET_ID + 3))
LATER_S = 70
REQUESTS = 3 * len(IDS)
"""Of a plan without a fault: each project is read for the preview, read again, and written."""


class Fault(NamedTuple):
    """How one request is answered.

    Attributes:
        status: of the answer; 0 for none.
        body: of it.
        content_type: of it.
        retry_after_s: that it asks for; 0 for none.
        cut: what the network does instead of an answer; None if the answer never comes.
        is_final: whether PostHog itself says that nothing was done.
    """

    status: int = 0
    body: bytes = b""
    content_type: str = "application/json"
    retry_after_s: int = 0
    cut: type[httpx.TransportError] | None = None
    is_final: bool = False


def _envelope(code: str) -> bytes:
    return json.dumps({"type": "x", "code": code, "detail": "A server error occurred.", "attr": None}).encode()


FAULTS = {
    "500": Fault(500, _envelope("error"), is_final=True),
    "503 of a proxy": Fault(503, b"<html>Down</html>", "text/html"),
    "429": Fault(429, _envelope("throttled"), retry_after_s=LATER_S, is_final=True),
    "HTML with status 200": Fault(200, b"<html>Log in</html>", "text/html"),
    "half of an answer": Fault(200, b'{"id": 4000'),
    "a connection that is cut": Fault(cut=httpx.ReadError),
    "a connection that is closed": Fault(cut=httpx.RemoteProtocolError),
    "a connection that is never made": Fault(cut=httpx.ConnectError, is_final=True),
    "an answer that never comes": Fault(),
}


@dataclass
class FaultyPostHog:
    """PostHog, of which one request about a project meets a fault.

    Attributes:
        application: PostHog.
        fault: how it is answered.
        at: which request.
        handled: whether PostHog handles it all the same.
        asked: method and project of each request, in their order.
    """

    application: ASGIApplication
    fault: Fault
    at: int
    handled: bool
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        last = scope["path"].rstrip("/").rpartition("/")[2]
        if last.isdigit():
            self.asked.append((scope["method"], int(last)))
        if not last.isdigit() or len(self.asked) != self.at:
            await self.application(scope, receive, send)
            return
        if self.handled:

            async def unheard(_message: Any) -> None: ...

            await self.application(scope, receive, unheard)
        status, body, content_type, retry_after_s, cut, _ = self.fault
        if not status:
            if cut is None:
                await anyio.sleep_forever()
            else:
                raise cut("as a test wants it")
        headers = [(b"content-type", content_type.encode())]
        headers += [(b"retry-after", str(retry_after_s).encode())] if retry_after_s else []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    @property
    def hit(self) -> tuple[str, int]:
        return self.asked[self.at - 1]

    def writes(self, project: int) -> int:
        return self.asked.count(("PATCH", project))


CASES = [(name, False) for name in FAULTS] + [
    (name, True) for name, fault in FAULTS.items() if not fault.is_final or fault.status == 500
]
"""Each fault, and whether PostHog handles the request all the same."""


@pytest.mark.parametrize(("name", "handled"), CASES)
async def test_each_step_survives_each_fault(clock: TurnedClock, name: str, handled: bool) -> None:
    fault = FAULTS[name]
    async with anyio.create_task_group() as tasks:
        for at in range(1, REQUESTS + 1):
            if fault.status or fault.cut:
                await _one_fault(clock, fault, at, handled)
            else:  # side by side, since they wait for an answer that never comes
                tasks.start_soon(_one_fault, clock, fault, at, handled)


async def _one_fault(clock: TurnedClock, fault: Fault, at: int, handled: bool) -> None:
    world = fleet_world(clock, len(IDS) + 1)
    posthog = FaultyPostHog(create_app(world), fault, at, handled)
    limits = {"second_look_s": 0.01, "call_s": 30.0 if fault.status or fault.cut else 4.0, "wait_s": 0.05}
    harness = Harness(world, posthog, limits=limits, store=SharedMemory())
    before = settings_of(world)
    wanted = {"project_ids": IDS, "settings": {"week_start_day": 1}, "dry_run": True}
    preview = await _repeated(harness, clock, wanted, lambda body: "projects" in body)
    left_out = {number for ids in preview.get("left_out", {}).values() for number in ids}
    assert preview["projects"] == len(IDS) - len(left_out)
    receipt = await _repeated(harness, clock, consent_to(preview), lambda body: not body["left"])
    changed = differences(before, settings_of(world))
    where = f"request {at}: {posthog.hit}"
    assert receipt["left"] == 0, where
    assert set(changed) == ids_of(receipt.get("applied_ids", "")), where
    assert all(names == {"week_start_day"} for names in changed.values()), where
    method, project = posthog.hit
    assert left_out <= ({project} if at <= len(IDS) else set()), where
    told = {kind: _ids(receipt.get(kind, {})) for kind in ("unknown", "failed")}
    expected = _expected(fault, handled=handled) if method == "PATCH" else "applied"
    for number in set(IDS) - left_out:
        kinds = [kind for kind, ids in told.items() if number in ids] or ["applied"]
        assert kinds == [expected if number == project else "applied"], where
        again = fault.status == 429 or fault.cut is httpx.ConnectError
        assert posthog.writes(number) <= (2 if again and (number, method) == (project, "PATCH") else 1), where


async def _repeated(
    harness: Harness, clock: TurnedClock, arguments: dict[str, Any], is_done: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The last answer of a call that is made again as it says, by another process each time."""
    for _ in range(10):
        async with harness.client(ask=Asked()) as client:
            result = await client.call_tool("project_update", arguments)
        if result.is_error:
            _, detail = refusal_of(result)
            assert detail["retryable"], detail
            wait_s = detail["retry_after_s"]
        else:
            body = body_of(result)
            if is_done(body):
                return body
            wait_s = body.get("retry_after_s", 0)
        assert wait_s in (0, LATER_S, 10), "what PostHog asks for, in full"
        clock.now_s += wait_s
    raise AssertionError("never done")


def _expected(fault: Fault, *, handled: bool) -> str:
    """What becomes of a write that meets the fault."""
    if handled or fault.status == 429 or fault.cut is httpx.ConnectError:
        return "applied"
    return "failed" if fault.is_final else "unknown"


def _ids(by_reason: dict[str, list[str]]) -> set[int]:
    return {int(name.rpartition("(")[2][:-1]) for names in by_reason.values() for name in names}
