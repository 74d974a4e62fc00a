"""The benchmark's own parts; no peer is installed for these tests."""

import asyncio
import re
import sys
from pathlib import Path
from xml.parsers import expat

import httpx
import pytest

from dev.bench.bars import BARS, sized
from dev.bench.fixtures import KEY, ORDINARY_ID, PROJECT_ID
from dev.bench.http_driver import is_complete
from dev.bench.peers.openapi import document
from dev.bench.plan import BARE, FASTMCP, OURS, OURS_AIOHTTP
from dev.bench.plot import svg
from dev.bench.report import NAMES, markdown
from dev.bench.stats import Book, percentile, rotated
from dev.bench.stdio_driver import StdioServer
from dev.bench.upstream import listen
from dev.bench.wire import Failed, answered, http_request, request
from dev.environments import ROOT
from tests.contract.operations import ON_PAGE

ECHO = """
import json, sys
print(json.dumps({"jsonrpc": "2.0", "method": "notifications/message"}), flush=True)
for line in sys.stdin:
    print(json.dumps({"jsonrpc": "2.0", "id": json.loads(line)["id"], "result": {}}), flush=True)
"""


def measured() -> Book:
    book = Book()
    for metric in ("start.ms", "start.rss_mib", "carry.seen_tokens", "calls.cpu_ms", "calls.rate", "calls.slow_rate"):
        for at, subject in enumerate((OURS, BARE, FASTMCP), 1):
            book.add(metric, subject, 100 * at)
            book.add(metric, subject, 120 * at)
    book.note("Something was <left> out.")
    return book


def test_the_nearest_rank() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert [percentile(values, share) for share in (1, 50, 99, 100)] == [1, 50, 99, 100]
    assert percentile([7], 50) == 7
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_everyone_is_first_once() -> None:
    assert [rotated("abc", turn)[0] for turn in range(4)] == ["a", "b", "c", "a"]
    assert rotated([], 3) == []


def test_medians_ranges_and_ratios() -> None:
    book = measured()
    summary = book.summary("start.ms", BARE)
    assert summary is not None
    assert (summary.median, summary.low, summary.high, summary.rounds) == (220, 200, 240, 2)
    assert book.ratio("start.ms", OURS, BARE) == 0.5
    assert book.ratio("start.ms", OURS, OURS_AIOHTTP) is None


def test_sizes_are_characters_where_tokens_could_not_be_counted() -> None:
    assert sized(measured(), "carry.seen") == "carry.seen_tokens"
    assert sized(Book(), "carry.seen") == "carry.seen_chars"


def test_the_report_has_every_bar() -> None:
    book = measured()
    text = markdown(book, {"mcp": "1.2.3", "absent": ""}, plot="results.svg")
    assert all(f"| {bar.text} | {bar.wanted} |" in text for bar in BARS)
    assert {bar.met(book) for bar in BARS} == {True, False, None}
    assert "| 0.50 | met |" in text
    assert "| - | not measured |" in text
    assert "mcp 1.2.3" in text
    assert "absent" not in text


def test_growth_is_compared_row_by_row() -> None:
    book = Book()
    for rows, milliseconds in ((1, 2.0), (1000, 32.0), (2000, 62.0)):
        book.add(f"growth.list_{rows}_ms", OURS, milliseconds)
    (bar,) = (bar for bar in BARS if bar.text.startswith("Time of one row more"))
    assert bar.value(book) == pytest.approx(1, rel=0.01)
    assert bar.met(book)


@pytest.mark.parametrize("book", [measured(), Book()], ids=["measured", "empty"])
def test_the_picture_is_well_formed(book: Book) -> None:
    names = {**NAMES, OURS: "<ours> & co"}
    opened: list[str] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, _: opened.append(name)
    parser.Parse(svg(book, names, ours=frozenset({OURS})), True)
    assert opened[0] == "svg"
    assert opened.count("rect") == 3 * 6 * bool(book.values)


def test_each_panel_of_the_kept_picture_says_which_direction_is_better_and_fits_a_phone() -> None:
    picture = (ROOT / "dev" / "bench" / "results.svg").read_text(encoding="utf-8")
    titles = re.findall(r'class="title"[^>]*>([^<]+)<', picture)
    assert len(titles) > 5
    assert all(re.search(r"\((less|more) is better\)$", title) for title in titles)
    assert int(re.findall(r'<svg [^>]*width="(\d+)"', picture)[0]) <= 420


@pytest.mark.anyio
async def test_the_upstream_answers_as_posthog_does() -> None:
    server = await listen(0.01)
    port = server.sockets[0].getsockname()[1]
    projects = f"http://127.0.0.1:{port}/api/organizations/@current/projects/"
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}, trust_env=False) as client:
        for number in (PROJECT_ID, ORDINARY_ID):
            assert (await client.get(f"{projects}{number}/")).json()["id"] == number
        changed = await client.patch(f"{projects}{PROJECT_ID}/", json={"timezone": "UTC"})
        assert changed.json()["id"] == PROJECT_ID
        for query, rows in (("", 100), ("?limit=7&search=", 7), ("?limit=7&search=30", 30)):
            page = (await client.get(f"{projects}{query}")).json()
            assert len(page["results"]) == page["count"] == rows
            assert len({row["id"] for row in page["results"]}) == rows
        key = await client.get(f"http://127.0.0.1:{port}/api/personal_api_keys/@current/")
        assert key.json()["scopes"] == ["*"]
        assert (await client.get(f"{projects}1/")).status_code == 404
    server.close()
    await asyncio.wait_for(server.wait_closed(), 1)


def test_the_driver_matches_answers_to_requests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("dev.bench.processes.CACHE", tmp_path)
    monkeypatch.setattr("dev.bench.processes.STDERR_LOG", tmp_path / "stderr.log")
    with StdioServer([sys.executable, "-I", "-S", "-c", ECHO], {}) as server:
        assert answered(server.ask(request(7))) == 7
        assert len(server.times([request(1), request(2)])) == 2
        assert server.flood([request(number) for number in range(1, 101)], 8) > 0


def test_an_answer_is_a_result_that_did_not_fail() -> None:
    assert answered(b'{"jsonrpc":"2.0","method":"notifications/message","params":{}}') is None
    assert answered(b'{"jsonrpc":"2.0","id":3,"result":{"content":[]}}') == 3
    for failure in (b'{"id":3,"error":{"code":-32602}}', b'{"id":3,"result":{"isError":true}}'):
        with pytest.raises(Failed):
            answered(failure)


def test_a_response_is_complete_as_soon_as_it_says_so() -> None:
    body = b'{"jsonrpc":"2.0","id":1,"result":{}}'
    for response in (
        b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),
    ):
        assert [is_complete(response[:end]) for end in (0, 20, len(response) - 1)] == [False] * 3
        assert is_complete(response)
    with pytest.raises(Failed):
        is_complete(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}")
    sent = http_request(request(1), 80, "project_get")
    assert sent.partition(b"\r\n\r\n")[2] == request(1)
    assert b"\r\nMcp-Name: project_get\r\n" in sent


def test_the_document_is_the_page() -> None:
    operations = [operation for path in document()["paths"].values() for operation in path.values()]
    bodies = [operation["requestBody"] for operation in operations if "requestBody" in operation]
    fields = [body["content"]["application/json"]["schema"]["properties"] for body in bodies]
    assert len({operation["operationId"] for operation in operations}) == len(ON_PAGE)
    assert [len(properties) for properties in fields] == [41] * 8
