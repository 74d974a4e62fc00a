"""All tools against a PostHog that nobody of this project has written: a mock of the page of PostHog's API.

Its answers have the right shape and mean nothing, so every claim of a tool is held to what it was really told.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from dev.environments import UnavailableError
from dev.openapi.prism import serve_document
from dev.toolbox import Toolbox
from projects_mcp.sandbox import ACME_ID, NORTHWIND_ID, PRODUCTION_ID
from tests.contract.operations import DESTROYS, ON_PAGE, READS
from tests.support.claims import call, judge, lines_written
from tests.support.harness import ERAS, Era, refusal_of
from tests.support.mocked_posthog import IDENTITY, MockProxy, MockResponse, at_one, identified

REQUIRED = os.environ.get("OFFICIAL") == "required"
NONSENSE = {"scopes": None, "scoped_teams": None, "scoped_organizations": None}
"""What the mock in its dynamic mode must not invent about the key, or no tool would get as far as its request."""

pytestmark = [pytest.mark.heavy, pytest.mark.anyio]

each_era = pytest.mark.parametrize("era", ERAS)


@pytest.fixture(scope="module", params=["static", "dynamic"])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The mock: with the examples of the page, or with values that it invents for each answer."""
    flags = ["--dynamic"] if request.param == "dynamic" else []
    try:
        with serve_document(Toolbox(install=REQUIRED), tmp_path_factory.mktemp("prism") / "log", *flags) as port:
            yield port
    except UnavailableError as error:
        if REQUIRED:
            raise
        pytest.skip(f"THE TOOLS ARE NOT HELD TO A MOCKED POSTHOG: {error}")


@pytest.fixture
def proxy(port: int) -> MockProxy:
    return MockProxy(port, told(identified))


def told(bend: Any) -> Any:
    """Bend answers, and let the key be one of which nothing is known."""
    return lambda answer: {**answer.body, **NONSENSE} if answer.about_key else bend(answer)


# As the mock answers by itself ----------------------------------------------------------------------------------------


@each_era
async def test_a_project_that_is_not_the_one_is_neither_shown_nor_written(
    proxy: MockProxy, era: Era, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.bend = told(lambda answer: answer.body)
    for row in ON_PAGE:
        harness = proxy.harness()
        body = judge(row, await call(harness, row, era), harness, proxy, caplog.text)
        if row.on_project:
            assert body is None, row.tool
            assert harness.recorder.writes == [], row.tool
        elif row.effect == "add":
            assert body is None, "what was created has another name"
            assert lines_written(harness) in ([], [row.line])
        elif body is not None:
            rows = proxy.answers[-1].body["results"]
            assert {one["id"] for one in body["projects"]} <= {one["id"] for one in rows}


async def test_a_key_that_is_described_without_sense_opens_nothing_that_it_may_not(port: int) -> None:
    proxy = MockProxy(port)
    for row in ON_PAGE:
        harness = proxy.harness()
        await call(harness, row)
        (described,) = [answer.body for answer in proxy.answers if answer.about_key][-1:]
        if row.scope not in described["scopes"] and not {"*", "project:write"} & set(described["scopes"]):
            assert harness.sent == [], row.tool


async def test_an_id_that_no_project_has_is_never_shown_as_created(
    proxy: MockProxy, caplog: pytest.LogCaptureFixture
) -> None:
    (row,) = (row for row in ON_PAGE if row.tool == "project_create")
    for impossible in (0, -1, True, None, "12345", 12345.0, [12345]):
        proxy.bend = told(lambda answer, number=impossible: {**identified(answer), "name": "New", "id": number})
        harness = proxy.harness()
        assert judge(row, await call(harness, row), harness, proxy, caplog.text) is None, impossible
        assert len(harness.recorder.writes) == 1


# The right project ----------------------------------------------------------------------------------------------------


@each_era
async def test_every_tool_gets_as_far_as_its_request_and_claims_no_more_than_it_was_told(
    proxy: MockProxy, era: Era, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.bend = told(at_one)
    done: dict[str, Any] = {}
    for row in ON_PAGE:
        harness = proxy.harness()
        more = {"name": IDENTITY["name"]} if row.tool == "project_create" else {}
        result = await call(harness, row, era, **more)
        named = row._replace(arguments={**row.arguments, **more})
        done[row.tool] = judge(named, result, harness, proxy, caplog.text)
        expected = [] if row.effect == "read" else [row.line]
        assert lines_written(harness) == expected, row.tool
    assert {tool for tool, body in done.items() if body is None} == {
        "project_activity",  # the page gives it the answer of another operation
        "project_is_generating_demo_data",
    }
    assert done["project_delete"]["outcome"] == "unknown", "it is there as before"
    assert done["project_change_organization"]["outcome"] in {"not_applied", "unknown"}, "it is where it was"
    assert done["project_create"]["outcome"] == "applied"
    assert done["project_add_product_intent"]["outcome"] == "unknown", "no entry for it is shown"
    for tool in DESTROYS:
        assert "evidence" not in done[tool]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(("id", wrong) for wrong in (0, -PRODUCTION_ID, PRODUCTION_ID + 1, str(PRODUCTION_ID), True, None)),
        *(("name", wrong) for wrong in ("Acme web 2", "", None, 7)),
        *(("organization", wrong) for wrong in (NORTHWIND_ID[::-1], "string", "", None, 7)),
    ],
)
async def test_an_answer_to_a_write_that_is_about_something_else_is_no_success(
    proxy: MockProxy, name: str, wrong: object, caplog: pytest.LogCaptureFixture
) -> None:
    def bend(answer: MockResponse) -> Any:
        alike = at_one(answer)
        return {**alike, name: wrong} if answer.method != "GET" else alike

    proxy.bend = told(bend)
    for row in ON_PAGE:
        if row.effect == "read" or row.tool in {"project_delete", "project_create"}:
            continue  # a deletion has no answer, and what is created had neither id nor place before
        harness = proxy.harness()
        body = judge(row, await call(harness, row), harness, proxy, caplog.text)
        assert lines_written(harness) == [row.line]
        assert body is None or "evidence" in body, f"{row.tool} was taken at its word"


@each_era
async def test_a_project_that_changes_after_the_answer_is_not_destroyed(
    proxy: MockProxy, era: Era, caplog: pytest.LogCaptureFixture
) -> None:
    reads: list[str] = []
    alike = 2 if era == "auto" else 1  # each round of the newer protocol begins with a read

    def bend(answer: MockResponse) -> Any:
        if answer.of_project:
            reads.append(answer.path)
        return {**identified(answer), "api_token": "phc_another"} if len(reads) > alike else identified(answer)

    proxy.bend = told(bend)
    for row in ON_PAGE:
        if row.tool in DESTROYS:
            reads.clear()
            harness = proxy.harness()
            result = await call(harness, row, era)
            assert judge(row, result, harness, proxy, caplog.text) is None
            assert refusal_of(result)[1]["kind"] == "changed_meanwhile"
            assert harness.recorder.writes == []


@each_era
@pytest.mark.parametrize("place", [NORTHWIND_ID, "string", "", None, 7, [], {}])
async def test_a_project_of_another_organization_than_the_call_names_is_not_written(
    proxy: MockProxy, era: Era, place: object, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.bend = told(lambda answer: {**at_one(answer), "organization": place} if answer.of_project else answer.body)
    for row in ON_PAGE:
        if row.on_project and row.effect != "read":
            harness = proxy.harness()
            result = await call(harness, row, era, organization_id=ACME_ID)
            body = judge(row, result, harness, proxy, caplog.text)
            if place is None and row.effect != "destroy":
                continue  # an old PostHog may not say
            assert body is None, row.tool
            assert harness.recorder.writes == [], row.tool


@pytest.mark.parametrize("where", ["listed", "read"])
@pytest.mark.parametrize("wrong", [0, -777, "777", True, None, 778])
async def test_a_creation_without_a_usable_answer_is_not_claimed_of_another_project(
    proxy: MockProxy, where: str, wrong: object, caplog: pytest.LogCaptureFixture
) -> None:
    created = {"id": 777, "name": "New", "organization": ACME_ID, "created_at": "2999-01-01T00:00:00Z"}

    def bend(answer: MockResponse) -> Any:
        if answer.method == "GET" and not answer.path.endswith("/projects/"):
            return {**answer.body, **created, **({"id": wrong} if where == "read" else {})}
        if answer.method == "GET" and any(earlier.method == "POST" for earlier in proxy.answers):
            row = {**created, **({"id": wrong} if where == "listed" else {})}
            return {**answer.body, "results": [row], "count": 1, "next": None}
        return identified(answer)

    proxy.bend = told(bend)
    proxy.prefer = lambda method, _path: "code=502" if method == "POST" else None
    (row,) = (row for row in ON_PAGE if row.tool == "project_create")
    harness = proxy.harness()
    assert judge(row, await call(harness, row), harness, proxy, caplog.text) is None
    assert len(harness.recorder.writes) == 1


# Failures -------------------------------------------------------------------------------------------------------------

STATUSES = (400, 401, 403, 404, 405, 409, 418, 429, 500, 502, 503)


@pytest.mark.parametrize("status", STATUSES)
async def test_a_read_that_fails_lets_nothing_be_written(
    proxy: MockProxy, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.prefer = lambda method, path: f"code={status}" if method == "GET" and "/projects/" in path else None
    for row in ON_PAGE:
        if row.tool == "project_create":
            continue  # reads nothing before
        harness = proxy.harness()
        result = await call(harness, row)
        assert judge(row, result, harness, proxy, caplog.text) is None
        assert refusal_of(result)[1]["status"] == status
        assert harness.recorder.writes == []


@pytest.mark.parametrize("status", STATUSES)
async def test_a_write_that_fails_is_told_as_what_it_is(
    proxy: MockProxy, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.prefer = lambda method, _path: None if method == "GET" else f"code={status}"
    for row in ON_PAGE:
        if row.tool in READS:
            continue
        harness = proxy.harness()
        result = await call(harness, row)
        body = judge(row, result, harness, proxy, caplog.text)
        assert lines_written(harness) == [row.line]
        if body is not None:
            assert status >= 500, "PostHog has refused it"
            assert "evidence" in body, "only reading back can tell"
            continue
        detail = refusal_of(result)[1]
        assert (detail["status"], detail["request_sent"]) == (status, True)
        assert status >= 500 or detail["outcome"] == "not_applied"
