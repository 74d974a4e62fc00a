"""How time and memory of this server grow with the length of a list, and with the number of calls."""

from dev.bench.fixtures import PROJECT_ID
from dev.bench.measures.calls import messages
from dev.bench.plan import OURS, Plan, attempt
from dev.bench.process_stats import forget_peak, memory
from dev.bench.processes import server_environment, upstream
from dev.bench.stats import Book
from dev.bench.stdio_driver import StdioServer
from dev.bench.subjects import Subject
from dev.bench.wire import call_tool

__all__ = ["ROWS", "measure"]

ROWS = (1, 10, 100, 1000, 2000)
"""Projects that PostHog lists; a result shows 500 of them. PostHog's own cap is 2,000 in an organization."""
_LARGEST_RESULT = "4194304"


def measure(plan: Plan, book: Book) -> None:
    """Let lists grow, and then call one process very often."""
    if OURS not in plan.subjects:
        return
    subject = plan.subjects[OURS]
    with upstream() as port, attempt(book, subject, "growth"):
        for _ in range(plan.rounds):
            for rows in ROWS:
                _list_of(rows, plan, book, port)
        _many_calls(plan, book, subject, port)


def _list_of(rows: int, plan: Plan, book: Book, port: int) -> None:
    """Measure searches that find so many projects: the upstream sends as many as it says, whatever the limit."""
    environment = server_environment(port, PROJECTS_MCP_RESULT_LIMIT=_LARGEST_RESULT)
    with StdioServer(plan.subjects[OURS].stdio, environment) as server:
        asked = call_tool(1, "project_list", {"search": str(rows), "limit": 500})
        server.ask(call_tool(2, "project_list", {"search": "1"}))
        before = memory(server.pid)["rss"]
        forget_peak(server.pid)
        taken = server.times([asked] * plan.count(7, 3))
        book.add(f"growth.list_{rows}_ms", OURS, min(taken) * 1000)
        book.add(f"growth.list_{rows}_peak_mib", OURS, memory(server.pid)["peak"] - before)


def _many_calls(plan: Plan, book: Book, subject: Subject, port: int) -> None:
    """Call one process again and again; what the caches of a start take is not counted."""
    with StdioServer(subject.stdio, server_environment(port)) as server:
        step = plan.count(1000, 100)
        for done in range(step, 10 * step + 1, step):
            server.times(messages("project_get", step, project_id=PROJECT_ID))
            book.add("growth.rss_mib", OURS, memory(server.pid)["rss"])
            if done == step:
                book.add("growth.rss_first_mib", OURS, memory(server.pid)["rss"])
        book.add("growth.rss_last_mib", OURS, memory(server.pid)["rss"])
        book.add("growth.calls", OURS, 10 * step)
