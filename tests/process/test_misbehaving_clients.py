"""Clients that answer questions wrongly get nothing done, wait for nothing, and have no person blamed for it.

The suite is shown to find faults, on servers that have one each, and to say so if it has shown nothing.
"""

import asyncio
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from dev.misbehaving.clients import CLIENTS
from dev.misbehaving.flawed import FLAWS, SOUND
from dev.misbehaving.report import FAULTS, NOTHING_SHOWN, conclude, table
from dev.misbehaving.report import SOUND as NO_FAULT
from dev.misbehaving.session import LEGACY, MODERN
from dev.misbehaving.suite import Plan, run_suite
from dev.misbehaving.transports import Connection, HttpTransport, Message, StdioTransport, Transport
from dev.misbehaving.verdict import Verdict, blames_a_person
from projects_mcp.errors.explain import explain
from projects_mcp.sandbox import MOBILE_ID, PRODUCTION_ID
from tests.support.failures import DESTROY, REFUSALS
from tests.support.harness import ENVIRONMENT, Harness
from tests.support.process import COMMAND, run_command
from tests.support.upstream import serving

ARGUMENTS = {"project_id": PRODUCTION_ID, "confirm_project_name": "Acme web"}
OTHER = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
LOOK = {"project_id": PRODUCTION_ID, "fields": ["api_token"]}
STRICT = {"PROJECTS_MCP_CONFIRMATION": "human", "PROJECTS_MCP_QUESTION_TIMEOUT": "5"}
WITHIN_S = 25.0

ANSWERS = '{"project_id": 12345, "confirm_project_name": "Acme web"}'


def check(transport: Transport) -> list[Verdict]:
    plan = Plan(transport, "project_reset_token", ARGUMENTS, OTHER, "project_get", LOOK, WITHIN_S)
    return asyncio.run(run_suite(plan, CLIENTS, [LEGACY, MODERN]))


def assert_sound(verdicts: list[Verdict], writes: int) -> None:
    code, why = conclude(verdicts)
    assert code == NO_FAULT, f"{table(verdicts)}\n{why}"
    played = [verdict for verdict in verdicts if verdict.played]
    assert len(played) == 36
    silent = {verdict.client for verdict in played if not verdict.asked}
    assert silent == {"shows no questions, and answers"}
    assert writes == sum(verdict.carried_out for verdict in played) == sum(verdict.agreed for verdict in played) == 5


@contextmanager
def posthog(monkeypatch: pytest.MonkeyPatch, harness: Harness) -> Iterator[None]:
    """The sandbox on a port, for servers that inherit the environment of this process."""
    with serving(harness.recorder) as upstream:
        for name, value in {**ENVIRONMENT, **STRICT, "POSTHOG_HOST": upstream.origin}.items():
            monkeypatch.setenv(name, value)
        yield


def test_over_http_nothing_happens_without_a_yes(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    # On a busy machine the no of a client comes late enough to be a person's. Here it never is.
    monkeypatch.setattr("projects_mcp.protocol.elicitation.FASTEST_READER_S", WITHIN_S)
    application = harness.server(**STRICT).streamable_http_app()
    with serving(application, lifespan="on") as served:
        verdicts = check(HttpTransport(f"{served.origin}/mcp", {}))
    assert_sound(verdicts, len(harness.recorder.writes))


@pytest.mark.long
def test_over_stdio_nothing_happens_without_a_yes(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    with posthog(monkeypatch, harness):
        verdicts = check(StdioTransport(COMMAND))
    assert_sound(verdicts, len(harness.recorder.writes))


def test_the_command_runs_some_clients_over_stdio(harness: Harness) -> None:
    with serving(harness.recorder) as upstream:
        environment = {**ENVIRONMENT, **STRICT, "POSTHOG_HOST": upstream.origin}
        command = [sys.executable, "-m", "dev.misbehaving", "--tool", "project_reset_token", "--arguments", ANSWERS]
        done = run_command([*command, "--era", MODERN, "--only", "accepts", "--", *COMMAND], **environment)
    assert done.returncode == NO_FAULT, done.stdout + done.stderr
    assert f"No fault in 4 runs, in {MODERN}." in done.stdout
    assert len(harness.recorder.writes) == 1, "that of the client that says yes"


FINDS = {
    SOUND: set[str](),
    "any-answer": {"done without a yes"},
    "any-state": {"done without a yes"},
    "blame": {"a person is blamed"},
    "unbounded": {"no response in time"},
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_the_suite_finds_the_flaw_of_a_server_and_no_other(flaw: str) -> None:
    transport = StdioTransport([sys.executable, "-m", "dev.misbehaving.flawed", flaw])
    plan = Plan(transport, "destroy", {"thing": 1}, {"thing": 2}, "look", {}, within_s=4.0)
    verdicts = asyncio.run(run_suite(plan, CLIENTS, [LEGACY, MODERN]))
    found = {fault for verdict in verdicts for fault in verdict.faults}
    assert found == FINDS[flaw], table(verdicts)
    code, why = conclude(verdicts)
    assert code == (FAULTS if found else NO_FAULT), why


@dataclass
class Lookless:
    """A connection to a server on which some looks at what it destroys fail."""

    connection: Connection
    fails: Callable[[], bool]

    async def send(self, message: Message) -> None:
        if message.get("params", {}).get("name") == "look" and self.fails():
            message = {**message, "params": {**message["params"], "name": "no-such-tool"}}
        await self.connection.send(message)

    async def receive(self) -> Message | None:
        return await self.connection.receive()

    async def aclose(self) -> None:
        await self.connection.aclose()


class FailingLooks:
    """A way to a sound server, over which the looks fail whose numbers, from 0 on, are said."""

    def __init__(self, fails: Callable[[int], bool]) -> None:
        self._transport = StdioTransport([sys.executable, "-m", "dev.misbehaving.flawed", SOUND])
        self._fails, self._looks = fails, itertools.count()

    async def connect(self) -> Connection:
        return Lookless(await self._transport.connect(), lambda: self._fails(next(self._looks)))


DECLINES = [client for client in CLIENTS if client.name == "declines at once"]


def look_badly(fails: Callable[[int], bool]) -> list[Verdict]:
    plan = Plan(FailingLooks(fails), "destroy", {"thing": 1}, None, "look", {}, within_s=WITHIN_S)
    return asyncio.run(run_suite(plan, DECLINES, [MODERN]))


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_look_that_fails_is_no_evidence(failing: int) -> None:
    verdicts = look_badly(lambda look: look == failing)
    assert [(verdict.played, verdict.faults) for verdict in verdicts] == [(True, [])]


def test_what_cannot_be_looked_at_is_no_sound_server() -> None:
    verdicts = look_badly(lambda _: True)
    assert [verdict.faults for verdict in verdicts] == [["what is there cannot be read"]]
    assert "unknown" in table(verdicts)
    assert conclude(verdicts)[0] == FAULTS


@pytest.mark.parametrize(
    "command", [["/nowhere/server"], [sys.executable, "-c", "pass"], [sys.executable, "-c", "print('no protocol')"]]
)
def test_a_server_that_cannot_be_spoken_to_shows_nothing(command: list[str]) -> None:
    verdicts = asyncio.run(
        run_suite(Plan(StdioTransport(command), "destroy", {}, within_s=2.0), CLIENTS[:2], [LEGACY, MODERN])
    )
    assert conclude(verdicts) == (NOTHING_SHOWN, conclude(verdicts)[1])
    assert [verdict for verdict in verdicts if verdict.played] == []


def test_a_server_that_refuses_everybody_shows_nothing(harness: Harness) -> None:
    with serving(harness.server(**STRICT).streamable_http_app(), lifespan="on") as served:
        transport = HttpTransport(f"{served.origin}/mcp", {})
        plan = Plan(transport, "project_reset_token", {**ARGUMENTS, "confirm_project_name": "Another"})
        verdicts = asyncio.run(run_suite(plan, CLIENTS, [MODERN]))
    code, why = conclude(verdicts)
    assert code == NOTHING_SHOWN
    assert "not carried out" in why


def test_only_what_is_known_of_a_person_is_said_of_a_person() -> None:
    texts = {refusal.kind: explain(refusal, DESTROY).text for refusal in REFUSALS}
    assert blames_a_person(texts["not_confirmed"]) == "user declin"
    for kind in ("client_refused", "no_answer", "answer_without_form", "client_failed", "cannot_ask"):
        assert blames_a_person(texts[kind]) == "", kind


@pytest.mark.parametrize(
    "text",
    [
        "User declined the action.",
        "The operation was cancelled by the user",
        "Error: the human rejected this call",
        "You have refused to confirm.",
        "Aborted by user.",
    ],
)
def test_blame_is_recognised(text: str) -> None:
    assert blames_a_person(text)
