"""What PostHog will refuse is said before a person is asked, and before anything that changes something is sent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from projects_mcp import sandbox
from projects_mcp.sandbox import ACME_ID, MOBILE_ID, NORTHWIND_ID, PRODUCTION_ID
from tests.contract.operations import NAMED, SESSION_ONLY
from tests.support.harness import ERAS, Era, Harness, refusal_of

pytestmark = pytest.mark.anyio

SESSION_ONLY_TOKENS = [tool for tool in SESSION_ONLY if "token" in tool]


class Accepting:
    """Says yes to everything, and counts."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        self.asked += 1
        return ElicitResult(action="accept", content={"confirm": True})


@pytest.fixture
def harness() -> Harness:
    return Harness()


async def refused(harness: Harness, era: Era, tool: str, arguments: dict[str, Any], **environment: str) -> Any:
    person = Accepting()
    async with harness.client(era, person, **environment) as client:
        text, detail = refusal_of(await client.call_tool(tool, arguments))
    assert person.asked == 0
    assert harness.recorder.writes == []
    assert "Nothing was changed." in text
    assert (detail["outcome"], detail["request_sent"]) == ("not_applied", False)
    return text, detail["kind"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_move_to_the_same_organization(harness: Harness, era: Era) -> None:
    arguments = {**NAMED, "target_organization_id": ACME_ID}
    text, kind = await refused(harness, era, "project_change_organization", arguments)
    assert kind == "already_there"
    assert "in that organization already" in text


@pytest.mark.parametrize("era", ERAS)
async def test_a_project_that_is_pending_deletion(harness: Harness, era: Era) -> None:
    when = datetime.now(UTC) + timedelta(days=1)
    harness.world.projects[PRODUCTION_ID].deletion_at = when
    harness.fields().update({"is_pending_deletion": True, "deletion_scheduled_at": when.isoformat()})
    text, kind = await refused(harness, era, "project_delete", NAMED)
    assert kind == "already_being_deleted"
    assert when.isoformat()[:16] in text


@pytest.mark.parametrize("era", ERAS)
async def test_a_first_secret(harness: Harness, era: Era) -> None:
    harness.fields().update({"secret_api_token": None, "secret_api_token_backup": None, "conversations_enabled": False})
    text, kind = await refused(harness, era, "project_rotate_secret_token", NAMED)
    assert kind == "first_secret"
    assert "feature_flag:read" in text


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("tool", SESSION_ONLY_TOKENS)
async def test_a_session_only_tool_that_posthog_has_refused_to_this_key(harness: Harness, era: Era, tool: str) -> None:
    person = Accepting()
    alone = {"POSTHOG_SESSION_ID": "", "POSTHOG_CSRF_TOKEN": ""}
    async with harness.client(era, person, **alone) as client:
        assert refusal_of(await client.call_tool(tool, NAMED))[1]["kind"] == "session_only"
        asked = person.asked
        text, detail = refusal_of(await client.call_tool(tool, {**NAMED, "project_id": MOBILE_ID}))
    assert person.asked == asked, "nobody is asked for what PostHog has just refused"
    assert (detail["kind"], detail["request_sent"]) == ("session_only", False)
    assert "POSTHOG_SESSION_ID" in text


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("tool", ["project_get", "project_delete"])
async def test_a_key_that_is_restricted_to_another_organization_is_told_which(
    harness: Harness, era: Era, tool: str
) -> None:
    arguments = {**(NAMED if tool == "project_delete" else {}), "organization_id": NORTHWIND_ID}
    async with harness.client(era, POSTHOG_PERSONAL_API_KEY=sandbox.ONE_ORGANIZATION_KEY) as client:
        text, detail = refusal_of(await client.call_tool(tool, arguments))
        assert harness.sent == []
        # PostHog's own refusal is completed in the same way: the current organization of the owner is another one.
        harness.world.users[sandbox.ADMIN_ID].current_organization_id = NORTHWIND_ID
        current, _ = refusal_of(await client.call_tool("project_list", {}))
    assert detail["kind"] == "key_restricted"
    assert ACME_ID in text
    assert ACME_ID in current
    assert "organization_id" in current
