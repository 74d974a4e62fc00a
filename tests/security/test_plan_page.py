"""The page of a plan: a difference that a person can read and print, and words that approve it."""

import re
from html import unescape
from typing import Any

import pytest

from projects_mcp.http.approval.style import STYLE
from projects_mcp.state.approval import Approval
from tests.support.approval_desk import Desk
from tests.support.approval_page import assert_kept_apart, read

pytestmark = pytest.mark.anyio

WORDS = "change 412 projects"
LINES = (
    ("PostHog", "us.posthog.com"),
    ("Action", WORDS),
    ("What changes", "anonymize_ips: false -> true in 411 projects"),
    ("What changes", "timezone: UTC -> Asia/Tokyo in 1 project"),
    ("Few projects", "timezone UTC -> Asia/Tokyo: <b>customer-001</b> & sons (40001)"),
    ("Privacy", "Privacy is lowered: IP addresses of visitors are stored from now on. (3 projects)"),
    ("What is lost", "Logs that are older than 14 days are deleted. (2 projects)"),
    ("Protected projects", "customer-007 production (40019)"),
    ("Plan", "ab" * 32),
    ("Asked by", "whoever has started this server"),
)


async def offer_plan(desk: Desk) -> tuple[str, Approval]:
    given: dict[str, Any] = {"tool": "project_update", "project": None, "phrase": WORDS, "lines": LINES}
    return await desk.offer(**given)


def values(html: str) -> list[tuple[str, str]]:
    """Labels and values in the order of the page, each value with the label that it stands under."""
    found: list[tuple[str, str]] = []
    label = ""
    for tag, text in re.findall(r"<(dt|dd)>(.*?)</\1>", html, flags=re.DOTALL):
        plain = unescape(re.sub(r"<[^>]+>", "", text))
        if tag == "dt":
            label = plain
        else:
            found.append((label, plain))
    return found


async def test_the_page_shows_each_change_under_its_label_and_nothing_else() -> None:
    desk = Desk()
    code, approval = await offer_plan(desk)
    response = await desk.ask("GET", f"/approve/{code}")
    assert tuple(values(response.text)) == approval.rows
    seen = read(response.text)
    assert seen.title == "Change 412 projects? · projects-mcp"
    assert [label for label, _ in seen.rows].count("What changes") == 1
    assert "b" not in seen.tags
    assert "script" not in seen.tags
    assert response.text.count('class="lost"') == 3
    assert f"type these words: {WORDS}" in seen.text
    assert_kept_apart(response.headers)


@pytest.mark.parametrize("typed", ["", "Change 412 projects", "change 411 projects", "change 412 projects "])
async def test_only_the_words_approve(typed: str) -> None:
    desk = Desk()
    code, _ = await offer_plan(desk)
    answer = await desk.send(code, await desk.form(code, name=typed))
    assert (answer.status_code, await desk.status(code)) == (422, "waiting")
    assert "this is not the words of the plan" in read(answer.text).alert
    answer = await desk.send(code, await desk.form(code, name=WORDS))
    assert (answer.status_code, await desk.status(code)) == (303, "granted")
    assert "later calls go on without asking" in (await desk.open(code)).text


async def test_on_paper_there_is_the_difference_and_no_form() -> None:
    printed = STYLE.partition("@media print{")[2]
    assert re.search(r"form[^{]*\{display:none\}", printed)
    assert "break-inside:avoid" in printed
    desk = Desk()
    code, _ = await offer_plan(desk)
    assert f"<style>{STYLE}</style>" in (await desk.ask("GET", f"/approve/{code}")).text
