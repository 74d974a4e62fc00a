"""What the lane of plain messages gains: this server with it, and with the SDK alone, in turns."""

import time

from dev.bench.fixtures import PROJECT_ID
from dev.bench.measures.calls import messages
from dev.bench.plan import OURS, Plan, attempt
from dev.bench.process_stats import cpu_seconds, memory
from dev.bench.processes import server_environment, upstream
from dev.bench.stats import Book, rotated
from dev.bench.stdio_driver import StdioServer
from dev.bench.subjects import Subject
from dev.bench.wire import request

__all__ = ["measure"]

_WAYS = {"fast": "on", "sdk": "off"}
"""The values of PROJECTS_MCP_FAST_START, by the names of the metrics."""


def measure(plan: Plan, book: Book) -> None:
    """Start the server in both ways in every round, and let it answer its first requests, and then calls."""
    subject = plan.subjects.get(OURS)
    if subject is None:
        return
    with upstream() as port:
        for turn in range(plan.start_rounds):
            for way in rotated(list(_WAYS), turn):
                with attempt(book, subject, f"fast start: {_WAYS[way]}"):
                    _one(plan, book, subject, port, way)


def _one(plan: Plan, book: Book, subject: Subject, port: int, way: str) -> None:
    environment = server_environment(port, PROJECTS_MCP_FAST_START=_WAYS[way])
    with StdioServer(subject.stdio, environment) as server:
        server.ask(request(1, "server/discover"))
        book.add(f"lanes.{way}_first_ms", OURS, (time.perf_counter() - server.started) * 1000)
        server.ask(request(2))
        book.add(f"lanes.{way}_list_ms", OURS, (time.perf_counter() - server.started) * 1000)
        book.add(f"lanes.{way}_rss_mib", OURS, memory(server.pid)["rss"])
        server.times(messages("project_get", plan.count(200, 20), project_id=PROJECT_ID))
        before, count = cpu_seconds(server.pid), plan.count(500, 100)
        server.times(messages("project_get", count, project_id=PROJECT_ID))
        book.add(f"lanes.{way}_cpu_ms", OURS, (cpu_seconds(server.pid) - before) / count * 1000)
