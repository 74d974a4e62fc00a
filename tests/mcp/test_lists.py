"""Lists of a PostHog that keeps no order and may not search: whole, or said to be incomplete."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.sandbox import ACME_ID, NORTHWIND_ID, PRODUCTION_ID
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of
from tests.support.moving_list import MovingList, moved

NAMES = {7: "Acme web", 3: "ACME Shop", 9: "Other", 4: "Web of others", 12: "The acme app"}


async def listed(posthog: MovingList, era: Era = "auto", /, **arguments: Any) -> dict[str, Any]:
    async with Harness(application=posthog).client(era) as client:
        return body_of(await client.call_tool("project_list", arguments))


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("searches", [True, False])
async def test_a_search_is_one_whether_posthog_searches_or_not(era: Era, searches: bool) -> None:
    posthog = MovingList(NAMES, searches=searches, largest=4)
    body = await listed(posthog, era, search=" acme ", limit=2)
    assert body["projects"] == [{"id": 3, "name": "ACME Shop"}, {"id": 7, "name": "Acme web"}]
    assert (body["total"], body["next_offset"]) == (3, 2)
    assert ("did not search" in body.get("note", "")) is not searches
    assert "incomplete" not in body
    body = await listed(posthog, era, search="acme", limit=2, offset=body["next_offset"])
    assert body["projects"] == [{"id": 12, "name": "The acme app"}]
    assert "next_offset" not in body
    assert {request.get("search") for request in posthog.requests} == {"acme"}


@pytest.mark.anyio
async def test_no_match_is_none_and_not_everything() -> None:
    body = await listed(MovingList(NAMES), search="nothing like this")
    assert (body["total"], body["projects"]) == (0, [])
    assert "did not search" in body["note"]
    body = await listed(MovingList(NAMES, searches=True), search="nothing like this")
    assert (body["total"], body["projects"], "note" in body) == (0, [], False)


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_only_the_allowed_projects_are_found_where_rows_move(era: Era) -> None:
    steps = [lambda names: moved(names, 0, -1)] * 2
    posthog = MovingList({number: f"P{number}" for number in range(1, 13)}, largest=4, between=iter(steps))
    async with Harness(application=posthog).client(era, PROJECTS_MCP_ONLY_PROJECTS="1,5,9") as client:
        body = body_of(await client.call_tool("project_list", {}))
    assert [row["id"] for row in body["projects"]] == [1, 5, 9]
    assert (body["total"], "incomplete" in body) == (3, False)


Step = Callable[[dict[int, str]], dict[int, str]]


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    """What happens between two requests: rows move, or one comes or goes."""
    return draw(st.lists(st.one_of(_moves(), _arrival(), _departure()), max_size=30))


def _moves() -> st.SearchStrategy[Step]:
    place = st.integers(0, 59)

    def step(pairs: list[tuple[int, int]]) -> Step:
        def move(names: dict[int, str]) -> dict[int, str]:
            for source, target in pairs:
                names = moved(names, source, target)
            return names

        return move

    return st.lists(st.tuples(place, place), max_size=6).map(step)


def _arrival() -> st.SearchStrategy[Step]:
    numbers = st.integers(1_000, 9_000)
    return numbers.map(lambda number: lambda names: {number: f"Acme {number}", **names})


def _departure() -> st.SearchStrategy[Step]:
    numbers = st.integers(1, 60)
    return numbers.map(lambda gone: lambda names: {n: name for n, name in names.items() if n != gone})


@given(size=st.integers(0, 60), largest=st.integers(1, 20), changes=steps(), searches=st.booleans())
def test_each_project_that_stays_is_there_once_or_the_list_is_called_incomplete(
    size: int, largest: int, changes: list[Step], searches: bool
) -> None:
    posthog = MovingList({number: f"Acme {number}" for number in range(1, size + 1)}, largest, searches=searches)
    stable = set(posthog.names)

    def watched() -> Iterator[Step]:
        for change in changes:

            def step(names: dict[int, str], change: Step = change) -> dict[int, str]:
                after = change(names)
                stable.intersection_update(after)
                return after

            yield step

    posthog.between = watched()

    async def call() -> dict[str, Any]:
        return await listed(posthog, search="acme", limit=500)

    body = anyio.run(call)
    numbers = [row["id"] for row in body["projects"]]
    assert numbers == sorted(set(numbers)), "each once"
    assert body["total"] == len(numbers)
    assert stable <= set(numbers) or "incomplete" in body
    if not changes:
        assert "incomplete" not in body
        assert set(numbers) == stable
    assert len(posthog.requests) <= 2 * 70


@pytest.mark.anyio
async def test_what_cannot_be_made_whole_is_read_twice_and_no_more() -> None:
    posthog = MovingList({number: f"Acme {number}" for number in range(1, 41)}, largest=10)
    posthog.change = lambda page: {**page, "count": page["count"] + 1}
    body = await listed(posthog, search="acme")
    assert "may be missing" in body["incomplete"]
    assert len(body["projects"]) == body["total"] == 40
    first = posthog.requests[: len(posthog.requests) // 2]
    assert posthog.requests == [*first, *first]


@pytest.mark.anyio
async def test_a_list_that_became_whole_the_second_time_is_whole() -> None:
    # The last row goes to the front after the first page, and its place in the heap has been read already.
    posthog = MovingList({number: f"Acme {number}" for number in range(1, 21)}, largest=10)
    posthog.between = iter([lambda names: moved(names, 19, 0)])
    body = await listed(posthog, search="acme")
    assert [row["id"] for row in body["projects"]] == list(range(1, 21))
    assert "incomplete" not in body
    assert sum("offset" not in request for request in posthog.requests) == 2, "it was read twice"


@pytest.mark.anyio
async def test_a_failure_the_second_time_leaves_what_was_read() -> None:
    posthog = MovingList({number: f"Acme {number}" for number in range(1, 21)}, largest=10)
    posthog.between = iter([lambda names: moved(names, 19, 0)])
    posthog.change = lambda page: page if len(posthog.requests) < 4 else None
    body = await listed(posthog, search="acme")
    assert body["total"] == 19
    assert "may be missing" in body["incomplete"]


@pytest.mark.anyio
async def test_a_posthog_that_turns_no_page_or_has_too_many_ends_nothing() -> None:
    posthog = MovingList({number: f"Acme {number}" for number in range(1, 21)}, largest=10)
    first = [{"id": number, "name": "Acme", "organization": ACME_ID} for number in range(1, 11)]
    posthog.change = lambda page: {**page, "results": first, "next": "https://posthog.test/next"}
    body = await listed(posthog, search="acme")
    assert (body["total"], "may be missing" in body["incomplete"]) == (10, True)
    assert len(posthog.requests) == 4
    many = MovingList({number: f"Acme {number}" for number in range(1, 6_001)})
    body = await listed(many, search="acme", fields=["organization"], limit=1)
    assert "Only the first 5,000" in body["incomplete"]
    assert len(many.requests) <= 12


@pytest.mark.anyio
async def test_a_current_organization_that_changes_in_between_is_told() -> None:
    posthog = MovingList({number: f"Acme {number}" for number in range(1, 21)}, largest=10)
    posthog.change = lambda page: {
        **page,
        "results": [
            {**row, "organization": ACME_ID if len(posthog.requests) % 2 else NORTHWIND_ID} for row in page["results"]
        ],
    }
    assert "may be missing" in (await listed(posthog, search="acme"))["incomplete"]


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_a_single_page_says_what_pages_are_worth(era: Era) -> None:
    posthog = MovingList(NAMES)
    body = await listed(posthog, era, limit=2)
    assert (body["next_offset"], body["total"]) == (2, 5)
    assert "keeps no order" in body["note"]
    assert "keeps no order" in (await listed(posthog, era, limit=2, offset=3))["note"]
    assert "note" not in await listed(posthog, era)
    posthog.change = lambda page: {**page, "results": page["results"][:3], "next": None, "count": 3}
    assert "incomplete" not in await listed(posthog, era)
    posthog.change = lambda page: {**page, "results": []}
    body = await listed(posthog, era)
    assert "next_offset" not in body
    assert "fewer projects than it counts" in body["incomplete"]


@pytest.mark.anyio
@pytest.mark.parametrize("number", [0, -3, True, 7.0, "7", 2**70, None])
@pytest.mark.parametrize("arguments", [{}, {"search": "acme"}])
async def test_what_has_no_possible_id_is_no_project(number: Any, arguments: dict[str, Any]) -> None:
    posthog = MovingList(NAMES)
    posthog.change = lambda page: {**page, "results": [{**page["results"][0], "id": number}], "count": 1}
    async with Harness(application=posthog).client(PROJECTS_MCP_ONLY_PROJECTS="1,7") as client:
        _, detail = refusal_of(await client.call_tool("project_list", arguments))
    assert detail["kind"] == "bad_answer"
    async with Harness(application=posthog).client() as client:
        _, detail = refusal_of(await client.call_tool("project_list", arguments))
    assert detail["kind"] == "bad_answer"


@pytest.mark.anyio
async def test_a_project_of_another_organization_is_none_of_this_one() -> None:
    posthog = MovingList(NAMES)
    async with Harness(application=posthog).client() as client:
        _, detail = refusal_of(await client.call_tool("project_list", {"organization_id": NORTHWIND_ID}))
        assert detail["kind"] == "bad_answer"
        assert body_of(await client.call_tool("project_list", {"organization_id": ACME_ID}))["total"] == 5


# Activity -----------------------------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize("status", [200, 400, 404, 500])
async def test_an_activity_page_past_the_end_is_no_such_page(status: int) -> None:
    """Versions of PostHog differ in what they answer; the first page tells how many there are."""
    inner = Harness()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        past_the_end = b"page=3" in scope["query_string"]
        if not past_the_end or status == 200:
            await inner.recorder(scope, receive, send)
            return
        body = {"type": "server_error", "code": "error", "detail": "That page contains no results", "attr": None}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    for _ in range(6):
        inner.world.projects[PRODUCTION_ID].activity.append(inner.world.projects[PRODUCTION_ID].activity[0])
    total = len(inner.world.projects[PRODUCTION_ID].activity)
    async with Harness(world=inner.world, application=application).client() as client:
        text, detail = refusal_of(
            await client.call_tool("project_activity", {"project_id": PRODUCTION_ID, "page": 3, "limit": total})
        )
    assert detail["kind"] == "no_such_page"
    assert "there is 1 page, not 3" in text
