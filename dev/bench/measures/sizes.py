"""What a model has to read: the list of tools, and the answers of those that read."""

import json
from collections.abc import Mapping
from typing import Any

from dev.bench import tokens
from dev.bench.fixtures import ORDINARY_ID, PROJECT_ID
from dev.bench.plan import FASTMCP, OURS, OURS_AIOHTTP, Plan, attempt
from dev.bench.processes import server_environment, upstream
from dev.bench.stats import Book
from dev.bench.stdio_driver import StdioServer
from dev.bench.subjects import Subject
from dev.bench.wire import call_tool, request

__all__ = ["measure_list", "measure_results"]

_ROWS = 100


def measure_list(plan: Plan, book: Book) -> None:
    """Measure the list of tools: all of it, and the part that a client passes on to a model."""
    texts: dict[tuple[str, str], str] = {}
    with upstream() as port:
        for subject in _alike(plan):
            with attempt(book, subject, "list of tools"), _serving(subject, port) as server:
                result = json.loads(server.ask(request(1)))["result"]
                seen = [
                    {key: tool.get(key) for key in ("name", "description", "inputSchema")} for tool in result["tools"]
                ]
                texts["carry.whole", subject.name] = _minified(result)
                texts["carry.seen", subject.name] = _minified(seen)
    _write_down(texts, book)


def measure_results(plan: Plan, book: Book) -> None:
    """Measure answers, as text and as structured content. Some servers send both, and a client chooses."""
    texts: dict[tuple[str, str], str] = {}
    with upstream() as port:
        for subject in _alike(plan):
            with attempt(book, subject, "answers"), _serving(subject, port) as server:
                for number, (metric, (tool, arguments)) in enumerate(_questions(subject).items(), 1):
                    result = json.loads(server.ask(call_tool(number, tool, arguments)))["result"]
                    texts[f"{metric}.text", subject.name] = "".join(
                        block.get("text", "") for block in result["content"]
                    )
                    if (structured := result.get("structuredContent")) is not None:
                        texts[f"{metric}.structured", subject.name] = _minified(structured)
    _write_down(texts, book)


def _serving(subject: Subject, port: int) -> StdioServer:
    return StdioServer(subject.stdio, server_environment(port))


def _alike(plan: Plan) -> list[Subject]:
    """Return the subjects whose texts may differ: how ours speaks HTTP does not show in them."""
    return [found for name, found in plan.subjects.items() if name != OURS_AIOHTTP]


def _questions(subject: Subject) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Return the call for each metric. A peer has one way only to read a project."""
    organization = {"organization_id": "@current"} if subject.name == FASTMCP else {}
    name = "id" if subject.name == FASTMCP else "project_id"
    full = {"detail": "full"} if subject.name == OURS else {}
    return {
        "results.get_compact": ("project_get", {**organization, name: ORDINARY_ID}),
        "results.get_full": ("project_get", {**organization, name: ORDINARY_ID, **full}),
        "results.much_compact": ("project_get", {**organization, name: PROJECT_ID}),
        "results.much_full": ("project_get", {**organization, name: PROJECT_ID, **full}),
        "results.list": ("project_list", {**organization, "limit": _ROWS}),
    }


def _minified(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _write_down(texts: Mapping[tuple[str, str], str], book: Book) -> None:
    counts = tokens.count(list(texts.values()))
    if counts is None:
        book.note("Tokens could not be counted, since no counter could be installed; characters stand in for them.")
    for at, ((metric, subject), text) in enumerate(texts.items()):
        book.add(f"{metric}_chars", subject, len(text))
        if counts is not None:
            book.add(f"{metric}_tokens", subject, counts[at])
