"""A browser session without its CSRF token: this process makes a pair of its own, and a refusal says what to do."""

import logging
import re
import subprocess
import sys

import pytest

from projects_mcp.config.settings import load
from projects_mcp.sandbox import CSRF_TOKEN, SESSION_ID, seed
from projects_mcp.sandbox.app import create_app
from tests.contract.operations import OPERATIONS, SESSION_ONLY, Operation, prepare
from tests.support.csrf import TRIAL, AnyPair, OwnToken, Pair
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of, text_of

pytestmark = pytest.mark.anyio

NO_TOKEN = {"POSTHOG_CSRF_TOKEN": ""}
SESSION_WRITES = [row for row in OPERATIONS if row.session_only and row.effect != "read"]


@pytest.mark.parametrize("era", ERAS)
async def test_the_session_alone_is_enough_where_any_equal_pair_is_taken(era: Era) -> None:
    pairs = set()
    for row in OPERATIONS:
        world = seed()
        prepare(world, row.tool)
        posthog = AnyPair(create_app(world))
        harness = Harness(world, posthog)
        async with harness.client(era, None, **NO_TOKEN) as client:
            body_of(await client.call_tool(row.tool, row.arguments))
        assert [sent.line for sent in harness.recorder.writes if "cookie" in sent.headers] == (
            [TRIAL, row.line] if row in SESSION_WRITES else []
        )
        for sent in harness.recorder.requests:
            by_session = row.tool in SESSION_ONLY and sent.line in (row.line, TRIAL)
            assert ("cookie" in sent.headers) is by_session, sent.line
        pairs |= set(posthog.pairs)
    (pair,) = pairs
    assert pair.cookie == pair.header, "one pair for the whole process"
    assert re.fullmatch(r"[0-9a-zA-Z]{32}", pair.cookie), "Django takes no other form"
    assert pair.cookie != CSRF_TOKEN


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("row", SESSION_WRITES, ids=lambda row: row.tool)
async def test_where_it_is_refused_nothing_changes_and_the_way_out_is_said(era: Era, row: Operation) -> None:
    world = seed()
    prepare(world, row.tool)
    posthog = OwnToken(create_app(world))
    harness = Harness(world, posthog)
    async with harness.client(era, None, **NO_TOKEN) as client:
        text, detail = refusal_of(await client.call_tool(row.tool, row.arguments))
    assert (detail["kind"], detail["outcome"], detail["request_sent"]) == ("csrf", "not_applied", False)
    for needed in ("Nothing was changed.", "posthog_csrftoken", "POSTHOG_CSRF_TOKEN", "developer tools", "restart"):
        assert needed in text
    assert [sent.line for sent in harness.recorder.writes] == [TRIAL], "nothing but the trial was sent"
    async with harness.client(era, None, POSTHOG_CSRF_TOKEN=CSRF_TOKEN) as client:
        body_of(await client.call_tool(row.tool, row.arguments))


class Quoting(AnyPair):
    """Takes the trial of a token, and quotes the token as it refuses the write."""

    def refusal(self, pair: Pair) -> str | None:
        return None if len(self.pairs) == 1 else f"{pair.cookie} is not it."


async def test_the_token_of_our_own_is_redacted_like_every_credential(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world = seed()
    (row,) = (row for row in OPERATIONS if row.tool == "project_reset_token")
    posthog = AnyPair(create_app(world))
    async with Harness(world, posthog).client("auto", None, **NO_TOKEN) as client:
        body_of(await client.call_tool(row.tool, row.arguments))
    token = posthog.pairs[0].cookie
    harness = Harness(world, Quoting(create_app(world)))
    harness.fields()["product_description"] = f"a page with {token}"
    async with harness.client("auto", None, **NO_TOKEN) as client:
        told = await client.call_tool(row.tool, row.arguments)
        shown = await client.call_tool("project_get", {"project_id": 12345, "detail": "full"})
        config = await client.read_resource("projects://config")
    assert "[redacted] is not it." in text_of(told)
    assert body_of(shown)["product_description"] == "a page with [redacted]"
    settings = load({"POSTHOG_SESSION_ID": SESSION_ID})
    assert token in settings.secrets()
    assert token not in f"{text_of(told)} {told.meta} {config} {caplog.text} {settings!r}"


def test_each_process_makes_another_one() -> None:
    source = (
        "from projects_mcp.config.settings import load\n"
        "one, two = (load({'POSTHOG_SESSION_ID': 'session0123456789'}).credentials.session for _ in range(2))\n"
        "assert one == two\n"
        "print(one.csrf_token.reveal())"
    )
    runs = [
        subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True) for _ in range(2)
    ]
    made = {run.stdout.strip() for run in runs}
    assert len(made) == 2
    assert all(re.fullmatch(r"[0-9a-f]{32}", token) for token in made)
