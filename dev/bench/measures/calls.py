"""What one call costs over stdio: its time, the server's processor time, and how many go through at once."""

from dev.bench.fixtures import PROJECT_ID
from dev.bench.plan import Plan, attempt
from dev.bench.process_stats import cpu_seconds
from dev.bench.processes import server_environment, upstream
from dev.bench.stats import Book, percentile
from dev.bench.stdio_driver import StdioServer
from dev.bench.subjects import Subject
from dev.bench.wire import call_tool

__all__ = ["IDEAL_RATE", "IN_FLIGHT", "SLOW_MS", "measure", "messages"]

IN_FLIGHT = 32
SLOW_MS = 50
IDEAL_RATE = IN_FLIGHT * 1000 / SLOW_MS
"""Calls a second where nothing but the slow upstream takes time."""


def messages(tool: str, count: int, **arguments: object) -> list[bytes]:
    """Render that many equal calls, each with its own number."""
    return [call_tool(number, tool, arguments) for number in range(1, count + 1)]


def arguments_of(subject: Subject) -> dict[str, object]:
    """Return the arguments that read the project: a tool made from a path wants its segments by their names."""
    if subject.name == "fastmcp":
        return {"id": PROJECT_ID, "organization_id": "@current"}
    return {"project_id": PROJECT_ID}


def measure(plan: Plan, book: Book) -> None:
    """Call every subject in every round: one after the other, then 32 at once, then at once and a slow upstream."""
    with upstream() as instant, upstream(SLOW_MS) as slow:
        for turn in range(plan.rounds):
            for subject in plan.order(turn):
                with attempt(book, subject, "calls"):
                    _instant(plan, book, subject, instant)
                    _slow(plan, book, subject, slow)


def _instant(plan: Plan, book: Book, subject: Subject, port: int) -> None:
    arguments = arguments_of(subject)
    with StdioServer(subject.stdio, server_environment(port)) as server:
        server.times(messages("project_get", plan.count(200, 20), **arguments))
        before = cpu_seconds(server.pid)
        taken = server.times(messages("project_get", plan.count(1000, 100), **arguments))
        used = cpu_seconds(server.pid) - before
        for share in (50, 99):
            book.add(f"calls.p{share}_ms", subject.name, percentile(taken, share) * 1000)
        book.add("calls.cpu_ms", subject.name, used / len(taken) * 1000)
        # The first flood opens the connections, the second is the one that counts.
        server.flood(messages("project_get", plan.count(200, 64), **arguments), IN_FLIGHT)
        many = messages("project_get", plan.count(1000, 200), **arguments)
        book.add("calls.rate", subject.name, len(many) / server.flood(many, IN_FLIGHT))


def _slow(plan: Plan, book: Book, subject: Subject, port: int) -> None:
    arguments = arguments_of(subject)
    with StdioServer(subject.stdio, server_environment(port)) as server:
        server.flood(messages("project_get", plan.count(200, 64), **arguments), IN_FLIGHT)
        many = messages("project_get", plan.count(960, 200), **arguments)
        book.add("calls.slow_rate", subject.name, len(many) / server.flood(many, IN_FLIGHT))
