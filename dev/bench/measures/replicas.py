"""Calls a second of two processes behind nginx, with the configuration of `deploy/nginx.conf`, and of one process."""

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from dev.bench.http_driver import HttpServer
from dev.bench.measures.calls import arguments_of
from dev.bench.plan import OURS, OURS_AIOHTTP, Plan, attempt
from dev.bench.processes import server_environment, upstream
from dev.bench.stats import Book
from dev.bench.subjects import Subject
from dev.bench.wire import call_tool, http_request, request
from dev.environments import ROOT
from dev.nginx import NoNginxError, configuration, find_nginx

__all__ = ["measure"]

IN_FLIGHT: Final = 64


def measure(plan: Plan, book: Book) -> None:
    """Measure one process, and two behind nginx, in every round."""
    try:
        program = find_nginx()
    except NoNginxError as error:
        book.note(f"Replicas were not measured: {error}.")
        return
    ours = [found for name, found in plan.subjects.items() if name in {OURS, OURS_AIOHTTP}]
    with upstream() as instant:
        for turn in range(plan.rounds):
            for subject in ours[:: -1 if turn % 2 else 1]:
                with attempt(book, subject, "replicas"):
                    _one(plan, book, subject, instant)
                    _behind(plan, book, subject, instant, program, 1)
                    _behind(plan, book, subject, instant, program, 2)


def _one(plan: Plan, book: Book, subject: Subject, upstream_port: int) -> None:
    with _server(subject, upstream_port) as server:
        book.add("replicas.direct_rate", subject.name, _rate(plan, subject, server))


def _behind(plan: Plan, book: Book, subject: Subject, upstream_port: int, program: Path, count: int) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(_server(subject, upstream_port)) for _ in range(count)]
        front = stack.enter_context(_proxy(program, [server.port for server in servers]))
        book.add(f"replicas.behind_{count}_rate", subject.name, _rate(plan, subject, front))


def _server(subject: Subject, upstream_port: int) -> HttpServer:
    return HttpServer(subject.http, server_environment(upstream_port), _ready)


def _ready(port: int) -> bytes:
    return http_request(request(1), port)


@contextmanager
def _proxy(program: Path, upstreams: Sequence[int]) -> Iterator[HttpServer]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "dev.bench.measures.replicas", str(program), folder, *map(str, upstreams)]
        with HttpServer(command, {"PYTHONPATH": str(ROOT), "PATH": os.defpath}, _ready) as server:
            yield server


def _rate(plan: Plan, subject: Subject, server: HttpServer) -> float:
    wrapped = partial(http_request, port=server.port, tool="project_get")
    count = plan.count(2000, 256)
    messages = [wrapped(call_tool(number, "project_get", arguments_of(subject))) for number in range(1, count + 1)]
    server.flood(messages[: plan.count(400, 64)], IN_FLIGHT)
    return count / server.flood(messages, IN_FLIGHT)


def _become_nginx(program: str, place: str, *ports: str) -> None:
    """Replace this process by nginx on the last of the ports, in front of the others."""
    *upstreams, port = map(int, ports)
    folder = Path(place)
    file = folder / "nginx.conf"
    file.write_text(configuration(folder, port, upstreams), encoding="utf-8")
    os.execv(program, [program, "-p", place, "-c", str(file), "-e", str(folder / "error.log")])  # noqa: S606 - no shell


if __name__ == "__main__":
    _become_nginx(*sys.argv[1:])
