"""How long a server needs until its first answer, and what memory it has then."""

import time
from pathlib import Path

from dev.bench.fixtures import PROJECT_ID
from dev.bench.plan import OURS, Plan, attempt
from dev.bench.process_stats import memory
from dev.bench.processes import no_bytecode, server_environment, upstream
from dev.bench.stats import Book
from dev.bench.stdio_driver import StdioServer
from dev.bench.subjects import Subject
from dev.bench.wire import request
from dev.processes import run

__all__ = ["measure"]


def measure(plan: Plan, book: Book) -> None:
    """Start every subject in every round, with and without compiled bytecode."""
    with upstream() as port:
        for turn in range(plan.start_rounds):
            for subject in plan.order(turn):
                with attempt(book, subject, "start"):
                    _with_bytecode(subject, port, book)
                    if turn < plan.rounds:
                        with no_bytecode() as variables:
                            taken, _ = _first_answer(subject, port, **variables)
                        book.add("start.uncompiled_ms", subject.name, taken * 1000)
                if subject.name == OURS:
                    with attempt(book, subject, "one call as a process"):
                        book.add("start.command_ms", subject.name, _command(subject) * 1000)


def _with_bytecode(subject: Subject, port: int, book: Book) -> None:
    taken, held = _first_answer(subject, port)
    book.add("start.ms", subject.name, taken * 1000)
    for kind in ("rss", "pss"):
        if kind in held:
            book.add(f"start.{kind}_mib", subject.name, held[kind])


def _first_answer(subject: Subject, port: int, **variables: str) -> tuple[float, dict[str, float]]:
    with StdioServer(subject.stdio, server_environment(port, **variables)) as server:
        server.ask(request(1))
        return time.perf_counter() - server.started, memory(server.pid)


def _command(subject: Subject) -> float:
    """Return how long one call takes as a process of its own, from its start to its end."""
    command = [*subject.stdio, "call", "--sandbox", "project_get", f"project_id={PROJECT_ID}"]
    start = time.perf_counter()
    done = run(command, environment=server_environment(), folder=Path(subject.stdio[0]).parent)
    taken = time.perf_counter() - start
    done.check_returncode()
    return taken
