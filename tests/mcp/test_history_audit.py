"""What the state store does not have of the past is read from the audit log: bounded, and whatever the file holds."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projects_mcp.api.operations import OPERATIONS, Operation
from projects_mcp.gateway.audit_chain import LONGEST_LINE, chained
from projects_mcp.gateway.audit_past import AuditPast, read_audit_past
from projects_mcp.gateway.history import History
from projects_mcp.policy.authorization import CallerGrant, Policy
from projects_mcp.sandbox import ACME_ID, MOBILE_ID, PRODUCTION_ID, STAGING_ID, seed
from projects_mcp.sandbox.app import create_app
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.state.memory import MemoryStore
from projects_mcp.state.store import StoreError
from tests.contract.operations import NAMED, WEB
from tests.support.harness import Harness, body_of, refusal_of

HOST = "https://posthog.test"
PLAN = "5" * 64
SCOPES = frozenset({"project:write"})


async def history_of(client: Any) -> dict[str, Any]:
    (content,) = (await client.read_resource("projects://history")).contents
    shown: dict[str, Any] = json.loads(content.text)
    return shown


def ended(number: int, outcome: object = "applied", **more: Any) -> dict[str, Any]:
    """The record of a call that has ended."""
    at = datetime(2026, 5, 4, tzinfo=UTC) + timedelta(seconds=number)
    return {
        "time": at.isoformat(),
        "event": "outcome",
        "posthog": HOST,
        "request_id": f"{number:016x}",
        "tool": "project_update",
        "effect": "change",
        "project": PRODUCTION_ID,
        "organization": ACME_ID,
        "outcome": outcome,
        **more,
    }


def line_of(record: object) -> bytes:
    return json.dumps(record).encode()


def past_of(file: Path, most_bytes: int = 1 << 20) -> AuditPast:
    return read_audit_past(file, HOST, lambda _row: True, 1_000, most_bytes)


@pytest.mark.anyio
async def test_a_server_that_kept_nothing_finds_what_was_done_in_the_audit_log(
    harness: Harness, tmp_path: Path
) -> None:
    file = str(tmp_path / "audit")
    update = {**WEB, "settings": {"timezone": "UTC", "surveys_opt_in": False}}
    async with harness.client(PROJECTS_MCP_AUDIT_LOG=file) as client:
        body_of(await client.call_tool("project_update", {**update, "dry_run": True}))
        body_of(await client.call_tool("project_update", update))
        body_of(await client.call_tool("project_get", WEB))
        refusal_of(await client.call_tool("project_delete", {**NAMED, "confirm_project_name": "Another"}))
        body_of(await client.call_tool("project_delete", NAMED))
        here = await history_of(client)
    async with harness.client(PROJECTS_MCP_AUDIT_LOG=file) as client:
        there = await history_of(client)
        deleted, refused, changed = there["calls"]
        body_of(await client.call_tool(deleted["undo"]["tool"], deleted["undo"]["arguments"]))
    assert set(here) == set(there) == {"calls"}, "everything could be read"
    assert ["source" in call for call in here["calls"]] == [False] * 3, "once, and as the store has it"
    for mine, audited in zip(here["calls"], there["calls"], strict=True):
        assert [mine[name] for name in ("tool", "outcome")] == [audited[name] for name in ("tool", "outcome")]
        assert audited["source"] == "audit_log"
    assert (refused["outcome"], deleted["project"]) == ("refused", {"id": PRODUCTION_ID, "organization_id": ACME_ID})
    assert changed["sent"] == ["surveys_opt_in", "timezone"]
    assert (changed["no_undo"], "undo" in changed) == (
        "the audit log has the names of settings, and not their values",
        False,
    )
    assert harness.fields()["is_pending_deletion"] is False


@pytest.mark.anyio
async def test_a_call_whose_end_nobody_recorded_is_unknown(tmp_path: Path) -> None:
    world, left = seed(), anyio.Event()
    application = create_app(world)

    async def never_answers_a_write(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "PATCH":
            left.set()
            await anyio.sleep_forever()
        await application(scope, receive, send)

    runner = Harness(world, never_answers_a_write).runner(PROJECTS_MCP_AUDIT_LOG=str(tmp_path / "audit"))
    async with anyio.create_task_group() as group:
        group.start_soon(runner.call, "project_update", {**WEB, "settings": {"timezone": "UTC"}})
        with anyio.fail_after(30):
            await left.wait()
        (under_way,) = (await runner.history.entries()).calls
        group.cancel_scope.cancel()
    (cancelled,) = (await runner.history.entries()).calls
    assert (under_way["outcome"], "is under way" in under_way["note"], under_way["sent"]) == (
        "unknown",
        True,
        ["timezone"],
    )
    assert (cancelled["outcome"], cancelled["project"]["id"], "source" in cancelled) == (
        "unknown",
        PRODUCTION_ID,
        False,
    )


@pytest.mark.anyio
async def test_a_caller_sees_its_own_calls_of_the_audit_log_and_hears_nothing_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "audit"
    records = [
        ended(1, caller="anna"),
        ended(2, caller="ben"),
        ended(3, caller="anna", project=STAGING_ID),
        ended(4),
        ended(5, caller="anna", organization="018f9c40-1d55-0000-b7c2-3e8a6f104d92"),
    ]
    file.write_bytes(b"".join(line_of(record) + b"\n" for record in records) + b"torn")

    async def shown_to(caller: CallerGrant | None, policy: Policy = Policy()) -> tuple[list[int], int]:  # noqa: B008 - it is immutable
        past = await History(MemoryStore(), HOST, Redactor(), caller, policy, file).entries()
        return [int(call["at"][-3:-1]) for call in past.calls], len(past.notes)

    anna = CallerGrant("anna", SCOPES)
    assert await shown_to(None) == ([5, 4, 3, 2, 1], 1)
    assert await shown_to(anna) == ([5, 3, 1], 0)
    assert await shown_to(anna._replace(organizations=frozenset())) == ([], 0)
    assert await shown_to(anna, Policy(only=frozenset({STAGING_ID}))) == ([3], 0)


@pytest.mark.anyio
async def test_the_store_may_be_away_where_there_is_an_audit_log(tmp_path: Path) -> None:
    class Away(MemoryStore):
        async def find(self, prefix: str, most: int) -> list[tuple[str, str]]:
            raise StoreError("it is away")

    file = tmp_path / "audit"
    file.write_bytes(line_of(ended(1)) + b"\n")
    past = await History(Away(), HOST, Redactor(), audit_log=file).entries()
    assert (len(past.calls), past.notes) == (
        1,
        ["The state store cannot be used: it is away. These are from the audit log."],
    )
    with pytest.raises(StoreError):
        await History(Away(), HOST, Redactor()).entries()
    nothing = await History(MemoryStore(), HOST, Redactor(), audit_log=tmp_path / "absent").entries()
    assert nothing == ([], [])
    folder = await History(MemoryStore(), HOST, Redactor(), audit_log=tmp_path).entries()
    assert (folder.calls, len(folder.notes)) == ([], 1)


@pytest.mark.anyio
async def test_what_another_wrote_into_the_file_shows_no_secret_and_nothing_unseen(tmp_path: Path) -> None:
    file = tmp_path / "audit"
    secret = "phs_SecretOfTestsWhichNobodySees01"
    file.write_bytes(line_of(ended(1, caller=f"\u202e{secret}", fields=[secret, "timezone", 7], kind=secret)))
    past = await History(MemoryStore(), HOST, Redactor(), audit_log=file).entries()
    assert secret not in str(past)
    assert "\u202e" not in str(past)


GOOD = line_of(ended(1, "unchanged"))
ALTERED = chained(GOOD, 1, None).replace(b"unchanged", b"unaltered")


@pytest.mark.parametrize(
    "line",
    [
        b"torn",
        GOOD[:-1],
        ALTERED,
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"time":' * 5_000,
        b"null",
        b"[]",
        line_of({}),
        line_of(ended(1, tool="rm")),
        line_of(ended(1, time="yesterday")),
        line_of(ended(1, time="0001-01-01T00:00:00+23:59")),
        line_of(ended(1, request_id=["x"])),
        line_of(ended(1, event="else")),
        line_of(ended(1, outcome={"a": 1})),
        line_of(ended(1, effect=None)),
        line_of({**ended(1), "x": "y" * LONGEST_LINE}),
        b"x" * 200_000,
    ],
)
def test_a_line_that_is_no_record_is_skipped_and_counted(tmp_path: Path, line: bytes) -> None:
    file = tmp_path / "audit"
    file.write_bytes(line_of(ended(7)) + b"\n" + line + b"\n" + line_of(ended(8)) + b"\n" + line)
    past = past_of(file)
    assert ([row["at"][-3:-1] for row in past.calls.values()], past.skipped, past.whole) == (["08", "07"], 2, True)


def test_records_that_changed_nothing_and_of_another_posthog_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "audit"
    records = [
        ended(1, effect="read", tool="project_get"),
        *(ended(2 + at, outcome) for at, outcome in enumerate(("preview", "question_pending", "cancelled"))),
        ended(6, posthog="https://other.test"),
        {name: item for name, item in ended(7).items() if name != "posthog"},
    ]
    file.write_bytes(b"\n".join(map(line_of, records)))
    past = past_of(file)
    assert (list(past.calls), past.skipped) == ([f"{7:016x}"], 0)


def test_files_that_were_rotated_away_follow_as_long_as_there_is_room(tmp_path: Path) -> None:
    for name, numbers in (("audit.2", (1, 2)), ("audit.1", (3, 4)), ("audit", (5, 6))):
        lines = b"".join(line_of(ended(number)) + b"\n" for number in numbers)
        (tmp_path / name).write_bytes(lines)
    length = (tmp_path / "audit").stat().st_size
    for room, seconds, whole in (
        (10 * length, [6, 5, 4, 3, 2, 1], True),
        (length + length // 2 + 1, [6, 5, 4], False),
        (length // 2 + 1, [6], False),
    ):
        past = past_of(tmp_path / "audit", room)
        assert ([int(row["at"][-3:-1]) for row in past.calls.values()], past.whole) == (seconds, whole)
        assert past.skipped == 0


def test_a_deletion_can_be_cancelled_for_as_long_as_posthog_waits(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    deleted: dict[str, Any] = {"tool": "project_delete", "effect": "destroy", "project": MOBILE_ID}
    (tmp_path / "audit").write_bytes(
        b"\n".join(
            line_of(ended(number, time=(now - timedelta(hours=hours)).isoformat(), **deleted))
            for number, hours in ((1, 49), (2, 1))
        )
    )
    newer, older = past_of(tmp_path / "audit").calls.values()
    assert newer["undo"]["arguments"] == {"organization_id": ACME_ID, "project_id": MOBILE_ID}
    assert ("undo" in older, older["no_undo"]) == (False, "PostHog waits for 48 hours at most before it deletes")


EVERY_CHANGE = [operation for operation in OPERATIONS.values() if not operation.effect.reads]


@pytest.mark.parametrize("outcome", ["applied", "unknown", "not_applied", "unchanged", "refused", "failed"])
@pytest.mark.parametrize("operation", EVERY_CHANGE, ids=lambda operation: operation.tool)
def test_each_call_of_the_file_has_an_undo_or_says_why_there_is_none(
    tmp_path: Path, operation: Operation, outcome: str
) -> None:
    tool = {"tool": operation.tool, "effect": operation.effect.name.lower()}
    file = tmp_path / "audit"
    records = [ended(1, outcome, **tool), ended(2, outcome, project=None, **tool), ended(3, outcome, plan=PLAN, **tool)]
    file.write_bytes(b"\n".join(map(line_of, records)))
    calls = past_of(file).calls
    assert len(calls) == 3
    for call in calls.values():
        assert ("undo" in call) != ("no_undo" in call)
        assert call["no_undo"].strip(), "the deletions are old"
        if outcome == "unknown":
            assert "not known whether" in call["no_undo"]
        elif outcome != "applied":
            assert call["no_undo"] == "it changed nothing"
        elif operation.tool != "project_update":
            assert "names of settings" not in call["no_undo"], "it has changed none"
    of_a_plan = calls[f"{3:016x}"]["no_undo"]
    assert ("the plan that undoes it" in of_a_plan) == (operation.tool == "project_update" and outcome == "applied")


PIECES = st.lists(
    st.one_of(
        st.integers(1, 10_000).map(lambda number: line_of(ended(number))),
        st.sampled_from([b"", b"torn", b"x" * 65_535, b"x" * 65_537, b"y" * 140_000]),
        st.integers(1, 10_000).map(lambda number: line_of(ended(number, x="z" * 60_000))),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(PIECES)
def test_a_file_read_backwards_holds_what_it_holds_read_forwards(tmp_path_factory: Any, pieces: list[bytes]) -> None:
    file = tmp_path_factory.mktemp("audit") / "audit"
    file.write_bytes(b"\n".join(pieces))
    past = past_of(file, 1 << 24)
    good = [json.loads(piece)["request_id"] for piece in pieces if piece.startswith(b"{")]
    assert list(past.calls) == list(dict.fromkeys(reversed(good)))
    assert past.skipped == sum(1 for piece in pieces if piece and not piece.startswith(b"{"))
