"""A limit of the plan is said as a limit, and not as a want of scopes."""

from typing import Any

import pytest

from projects_mcp.sandbox import seed
from projects_mcp.sandbox.app import create_app
from tests.support.csrf import refuse
from tests.support.harness import ERAS, Era, Harness, refusal_of

pytestmark = pytest.mark.anyio

LIMITS = {
    "You have reached the maximum limit of allowed environments for your current plan.": "one environment in a project",
    "You have reached the maximum limit of allowed projects for your current plan.": "upgrade the plan",
}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("said", LIMITS)
async def test_what_the_plan_does_not_include(era: Era, said: str) -> None:
    posthog = create_app(seed())

    async def denying(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST":
            await refuse(send, 403, "permission_denied", said)
        else:
            await posthog(scope, receive, send)

    async with Harness(application=denying).client(era) as client:
        text, detail = refusal_of(await client.call_tool("project_create", {"name": "New"}))
    assert (detail["kind"], detail["outcome"]) == ("plan_limit", "not_applied")
    assert LIMITS[said] in text
    assert "scope" not in text
