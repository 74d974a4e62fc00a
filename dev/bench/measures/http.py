"""The same calls over Streamable HTTP."""

from functools import partial

from dev.bench.http_driver import HttpServer
from dev.bench.measures.calls import IN_FLIGHT, SLOW_MS, arguments_of
from dev.bench.plan import Plan, attempt
from dev.bench.process_stats import cpu_seconds
from dev.bench.processes import server_environment, upstream
from dev.bench.stats import Book, percentile
from dev.bench.subjects import Subject
from dev.bench.wire import call_tool, http_request, request

__all__ = ["measure"]


def measure(plan: Plan, book: Book) -> None:
    """Call every subject that serves HTTP, in every round."""
    for subject in plan.subjects.values():
        if not subject.http:
            book.note(f"`{subject.name}` was not measured over HTTP: it has no such command.")
    with upstream() as instant, upstream(SLOW_MS) as slow:
        for turn in range(plan.rounds):
            for subject in plan.order(turn):
                if subject.http:
                    with attempt(book, subject, "over HTTP"):
                        _instant(plan, book, subject, instant)
                        _slow(plan, book, subject, slow)


def _server(subject: Subject, port: int) -> HttpServer:
    return HttpServer(subject.http, server_environment(port), lambda own: http_request(request(1), own))


def _messages(subject: Subject, port: int, count: int) -> list[bytes]:
    wrapped = partial(http_request, port=port, tool="project_get")
    return [wrapped(call_tool(number, "project_get", arguments_of(subject))) for number in range(1, count + 1)]


def _instant(plan: Plan, book: Book, subject: Subject, upstream_port: int) -> None:
    with _server(subject, upstream_port) as server:
        server.times(_messages(subject, server.port, plan.count(200, 20)))
        before = cpu_seconds(server.pid)
        taken = server.times(_messages(subject, server.port, plan.count(600, 100)))
        used = cpu_seconds(server.pid) - before
        for share in (50, 99):
            book.add(f"http.p{share}_ms", subject.name, percentile(taken, share) * 1000)
        book.add("http.cpu_ms", subject.name, used / len(taken) * 1000)
        server.flood(_messages(subject, server.port, plan.count(200, 64)), IN_FLIGHT)
        many = _messages(subject, server.port, plan.count(1000, 200))
        book.add("http.rate", subject.name, len(many) / server.flood(many, IN_FLIGHT))


def _slow(plan: Plan, book: Book, subject: Subject, upstream_port: int) -> None:
    with _server(subject, upstream_port) as server:
        server.flood(_messages(subject, server.port, plan.count(200, 64)), IN_FLIGHT)
        many = _messages(subject, server.port, plan.count(960, 200))
        book.add("http.slow_rate", subject.name, len(many) / server.flood(many, IN_FLIGHT))
