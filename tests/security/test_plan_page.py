"""The page of a plan: a difference that a person can read and print, and words that approve it."""

import re
import time
from html import unescape
from typing import Any

import pytest

from projects_mcp.fleet.plan import Plan, Step
from projects_mcp.http.approval.style import STYLE
from projects_mcp.sandbox import ACME_ID
from projects_mcp.sandbox.fleet import FIRST_FLEET_ID
from projects_mcp.state.approval import Approval
from projects_mcp.state.plans import Plans
from tests.support.approval_desk import Desk
from tests.support.approval_page import assert_kept_apart, read
from tests.support.fleets import TurnedClock, fleet_world
from tests.support.gates_and_approvals import SharedMemory
from tests.support.harness import Harness, refusal_of
from tests.support.plans import consent_to, previewed

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


FLEET = 500
STEPS = tuple(
    Step(
        40_000 + number,
        f"customer-{number:03} <b>production</b>",
        ACME_ID,
        {"anonymize_ips": False, "app_urls": ["https://a.example"], "survey_config": {"x": 1, "same": "y"}},
        {"anonymize_ips": True, "app_urls": [f"https://{number}.example"], "survey_config": {"x": number}},
    )
    for number in range(2, FLEET + 2)
)
OWNER = Plans.owner_of("https://us.posthog.com", "")


async def offer_kept_plan(desk: Desk, steps: tuple[Step, ...] = STEPS) -> str:
    """Keep a plan, offer an approval of it, and return the code."""
    plan = Plan(steps)
    await Plans(desk.approvals.store, OWNER, lambda: desk.now).keep(plan.id, [step.dump() for step in steps], {})
    lines = (("Action", plan.words), ("Plan", plan.id))
    given: dict[str, Any] = {"tool": "project_update", "project": None, "phrase": plan.words, "lines": lines}
    return (await desk.offer(**given, plans_of=OWNER))[0]


def listed(html: str) -> list[tuple[str, list[str]]]:
    """Each project of the list, with its lines."""
    rows = re.findall(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td></tr>', html)
    return [(_plain(name), [_plain(line) for line in re.findall(r"<p>(.*?)</p>", cell)]) for name, cell in rows]


def _plain(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html))


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


async def test_every_project_is_listed_with_its_difference() -> None:
    desk = Desk()
    code = await offer_kept_plan(desk)
    html = (await desk.ask("GET", f"/approve/{code}")).text
    seen = read(html)
    assert {"b", "script"}.isdisjoint(seen.tags)
    assert f"All {FLEET} projects" in seen.text
    assert listed(html) == [
        (
            f"{step.name} {step.project_id}",
            [
                "anonymize_ips: false → true",
                "app_urls: without https://a.example",
                f"app_urls: with https://{step.project_id - 40_000}.example",
                f"survey_config.x: 1 → {step.project_id - 40_000}",
            ],
        )
        for step in STEPS
    ]


async def test_the_list_is_of_the_plan_and_of_no_other() -> None:
    desk = Desk()
    code = await offer_kept_plan(desk, STEPS[:3])
    ((key, text),) = await desk.approvals.store.find("plansteps:", 10)
    assert await desk.approvals.store.replace(key, text, text.replace("anonymize_ips", "surveys_opt_in"))
    assert (await desk.ask("GET", f"/approve/{code}")).status_code == 503
    assert await desk.approvals.store.replace(key, text.replace("anonymize_ips", "surveys_opt_in"), text)
    desk.now += 60 * 14  # the approval ends after 15 minutes, and the plan can be begun for 30
    assert len(listed((await desk.ask("GET", f"/approve/{code}")).text)) == 3
    ((key, text),) = await desk.approvals.store.find("plan:", 10)
    assert await desk.approvals.store.replace(key, text, None)
    assert "not kept any more" in read((await desk.ask("GET", f"/approve/{code}")).text).text


async def test_what_is_refused_for_want_of_a_yes_leads_to_the_list() -> None:
    harness = Harness(fleet_world(TurnedClock(), 8), store=SharedMemory())
    ids = list(range(FIRST_FLEET_ID, FIRST_FLEET_ID + 8))
    async with harness.client() as client:
        (preview,) = await previewed(client, TurnedClock(), project_ids=ids, settings={"week_start_day": 1})
        _, detail = refusal_of(await client.call_tool("project_update", consent_to(preview)))
    desk = Desk(now=time.time(), store=harness.store)
    html = (await desk.ask("GET", f"/approve/{detail['approval']['code']}")).text
    assert [lines for _, lines in listed(html)] == [["week_start_day: null → 1"]] * 8
    assert listed(html)[0][0] == f"customer-001 production {FIRST_FLEET_ID}"


async def test_on_paper_the_list_is_whole() -> None:
    printed = STYLE.partition("@media print{")[2]
    assert ".all{max-height:none;overflow:visible;" in printed
