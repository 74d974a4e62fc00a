"""The differences from PostHog that are there on purpose: each is in the document, and still there."""

import base64
import json
import re
from collections.abc import Awaitable, Callable

import pytest

from projects_mcp.sandbox import ALL_ACCESS_KEY, PRODUCTION_ID, STAGING_ID
from tests.support.documents import text_of
from tests.support.sandbox import ACME, PRODUCTION, STAGING, Sandbox

pytestmark = pytest.mark.anyio

FORM = {"content-type": "application/x-www-form-urlencoded"}


async def row_order(sandbox: Sandbox) -> None:
    await sandbox.ask("DELETE", f"{STAGING}/")
    await sandbox.patch(f"{PRODUCTION}/", surveys_opt_in=True)
    rows = (await sandbox.get(f"{ACME}/"))["results"]
    assert [row["id"] for row in rows][-1] == PRODUCTION_ID


async def multipart(sandbox: Sandbox) -> None:
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/", files={"timezone": (None, "UTC")})
    assert response.status_code == 415


async def lists_in_forms(sandbox: Sandbox) -> None:
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/", content=b"app_urls=a&app_urls=b", headers=FORM)
    assert (response.status_code, response.json()["code"]) == (400, "not_a_list")


async def environments(sandbox: Sandbox) -> None:
    path = f"/api/projects/{PRODUCTION_ID}/environments/"
    assert (await sandbox.by_session("GET", path)).status_code == 405
    assert (await sandbox.ask("POST", path, json={"is_demo": True})).status_code == 403


async def other_actions(sandbox: Sandbox) -> None:
    for name in ("access_controls", "default_evaluation_contexts", "experiments_config", "logs_config"):
        assert (await sandbox.by_session("GET", f"{PRODUCTION}/{name}/")).status_code == 404


async def invented_words(sandbox: Sandbox) -> None:
    response = await sandbox.by_session("POST", f"{PRODUCTION}/cancel-deletion/")
    assert response.json()["detail"] == "This project is not pending deletion."


async def signature(sandbox: Sandbox) -> None:
    token = (await sandbox.get(f"{PRODUCTION}/", key=ALL_ACCESS_KEY))["live_events_token"]
    header, _, proof = token.split(".")
    assert json.loads(base64.urlsafe_b64decode(header + "=="))["alg"] == "HS256"
    assert len(base64.urlsafe_b64decode(proof + "=")) == 32


async def times_of_a_team(sandbox: Sandbox) -> None:
    project = await sandbox.get(f"{PRODUCTION}/")
    team = await sandbox.ask("PATCH", f"{PRODUCTION}/add_product_intent/", json={"product_type": "surveys"})
    assert team.json()["created_at"] == project["created_at"]


async def demo_data(sandbox: Sandbox) -> None:
    sandbox.world.projects = {n: p for n, p in sandbox.world.projects.items() if not p.fields["is_demo"]}
    number = (await sandbox.create(is_demo=True))["id"]
    path = f"{ACME}/{number}/is_generating_demo_data/"
    assert await sandbox.act("GET", path) == {"is_generating_demo_data": True}
    sandbox.clock.pass_(minutes=1)
    assert await sandbox.act("GET", path) == {"is_generating_demo_data": False}
    assert (await sandbox.get(f"{ACME}/{number}/"))["ingested_event"] is False


async def regular_expressions(sandbox: Sandbox) -> None:
    for regex, status in (("^/u/(?=x)", 400), ("^/u/\\d+", 200), ("(", 400)):
        body = {"path_cleaning_filters": [{"alias": "u", "regex": regex}]}
        assert (await sandbox.ask("PATCH", f"{PRODUCTION}/", json=body)).status_code == status


async def dashboards(sandbox: Sandbox) -> None:
    number = (await sandbox.create())["primary_dashboard"]
    assert (await sandbox.ask("GET", f"/api/projects/{STAGING_ID}/dashboards/{number}/")).status_code == 404


async def keys_elsewhere(sandbox: Sandbox) -> None:
    response = await sandbox.ask("GET", f"{PRODUCTION}/?personal_api_key={ALL_ACCESS_KEY}", key=None)
    assert response.status_code == 401


async def headers(sandbox: Sandbox) -> None:
    assert "allow" not in (await sandbox.ask("GET", f"{PRODUCTION}/")).headers
    assert "allow" in (await sandbox.by_session("POST", f"{PRODUCTION}/")).headers


CHECKS: dict[str, Callable[[Sandbox], Awaitable[None]]] = {
    "row order": row_order,
    "multipart": multipart,
    "lists in forms": lists_in_forms,
    "environments": environments,
    "other actions": other_actions,
    "invented words": invented_words,
    "signature": signature,
    "times of a team": times_of_a_team,
    "demo data": demo_data,
    "regular expressions": regular_expressions,
    "dashboards": dashboards,
    "keys elsewhere": keys_elsewhere,
    "headers": headers,
}


def test_the_document_lists_these_and_no_other() -> None:
    section = text_of("docs/sandbox.md").partition("## Differences on purpose")[2]
    assert re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE) == list(CHECKS)


@pytest.mark.parametrize("difference", CHECKS)
async def test_a_difference_is_still_there(sandbox: Sandbox, difference: str) -> None:
    await CHECKS[difference](sandbox)
