"""What must be true of every result of a tool, whatever its PostHog answers."""

import json
import re
from typing import Any

from mcp.client import ClientRequestContext
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult

from projects_mcp.sandbox import ACME_ID, PRODUCTION_ID
from tests.contract.operations import Operation
from tests.support.harness import Era, Harness, body_of, refusal_of, text_of
from tests.support.mocked_posthog import IDENTITY, UNTOLD, MockProxy

_CREATED = re.compile(r"^(POST /api/organizations/)[^/]+(/projects/)$")


async def yes(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    return ElicitResult(action="accept", content={"confirm": True})


async def call(harness: Harness, row: Operation, era: Era = "auto", **more: Any) -> CallToolResult:
    async with harness.client(era, yes) as client:
        return await client.call_tool(row.tool, {**row.arguments, **more})


def lines_written(harness: Harness) -> list[str]:
    """What has left and changes something. A new project goes where the mock's list says, or to `@current`."""
    return [_CREATED.sub(rf"\g<1>{ACME_ID}\g<2>", sent.line) for sent in harness.recorder.writes]


def judge(
    row: Operation, result: CallToolResult, harness: Harness, proxy: MockProxy, log: str
) -> dict[str, Any] | None:
    """Hold a result to what must be true of every one; return the body of a success, and None for a failure."""
    shown = f"{text_of(result)} {json.dumps(result.structured_content)} {result.meta} {log}"
    assert [secret for secret in UNTOLD if secret in shown] == []
    assert "failed unexpectedly" not in log
    writes = harness.recorder.writes
    assert len(writes) <= (row.effect != "read")
    if not result.is_error:
        body = body_of(result)
        if row.effect != "read":
            judge_receipt(row, body, harness, proxy)
        return body
    text, detail = refusal_of(result)
    assert detail["kind"] not in {"internal", "invalid_argument"}
    if row.effect == "read":
        assert detail["outcome"] is None
    else:
        assert detail["outcome"] in ({"not_applied", "unknown"} if writes else {"not_applied"})
    assert ("Nothing was changed." in text) is (detail["outcome"] != "unknown")
    assert harness.sent or not detail["request_sent"]
    assert detail["status"] is None or detail["request_sent"]
    return None


def judge_receipt(row: Operation, body: dict[str, Any], harness: Harness, proxy: MockProxy) -> None:
    """A receipt is about the project of the call, after one write, and each new value is one that was answered."""
    assert lines_written(harness) == [row.line]
    assert body["operation"] == row.tool
    said = [answer.body for answer in proxy.answers if isinstance(answer.body, dict) and not answer.about_key]
    if row.on_project:
        assert body["project"]["id"] == PRODUCTION_ID
        assert body["project"]["name"] == IDENTITY["name"]
        assert body["project"]["organization_id"] in {ACME_ID, row.arguments.get("target_organization_id")}
    else:
        assert body["project"] in [
            {"id": one.get("id"), "name": one.get("name"), "organization_id": one.get("organization")} for one in said
        ]
        assert body["project"]["id"] >= 1
        assert body["project"]["name"] == row.arguments["name"]
    if body["outcome"] == "applied":
        assert body["changed"], "nothing that PostHog said shows it"
    if row.tool == "project_update":
        for name, values in body["changed"].items():
            assert values["after"] in [one.get(name) for one in said], name
