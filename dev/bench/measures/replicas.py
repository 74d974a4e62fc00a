"""Calls a second of two processes behind nginx, with the configuration of `deploy/nginx.conf`, and of one process."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from dev.bench.environments import CACHE, ROOT, Environment
from dev.bench.measures.calls import arguments_of
from dev.bench.plan import OURS, OURS_AIOHTTP, Plan, attempt
from dev.bench.processes import server_environment, upstream
from dev.bench.stats import Book
from dev.bench.web import HttpServer
from dev.bench.wire import call_tool, http_request, request

__all__ = ["SITE", "NoNginx", "configuration", "measure", "nginx", "whole"]

IN_FLIGHT: Final = 64
SITE: Final = ROOT / "deploy" / "nginx.conf"
_PORTS: Final = (8787, 8788)
"""Of the two processes, in that file."""
_PATIENCE_S: Final = 60
_MAIN: Final = """\
daemon off;
master_process off; # one process, as whoever starts it: the two upstreams take strict turns
worker_rlimit_nofile 4096;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{site}}}
"""


class NoNginx(Exception):
    """There is no nginx here, and it could not be fetched. The text says why."""


def nginx() -> Path:
    """Find nginx: the installed one, or Debian's package, unpacked into a folder of ours and not installed.

    Raises:
        NoNginx: neither is to be had.
    """
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    if installed := shutil.which("nginx", path=places):
        return Path(installed)
    folder = CACHE / "nginx"
    program = folder / "usr" / "sbin" / "nginx"
    if not program.exists():
        _unpack(folder)
    done = subprocess.run([program, "-v"], capture_output=True, check=False, timeout=_PATIENCE_S)
    if done.returncode:
        raise NoNginx("the unpacked nginx does not run; install it: apt-get install nginx-light")
    return program


def _unpack(folder: Path) -> None:
    tools = [shutil.which(name) for name in ("apt-get", "dpkg")]
    if not all(tools):
        raise NoNginx("nginx is not installed, and this is no Debian that it could be fetched on")
    folder.mkdir(parents=True, exist_ok=True)
    apt, dpkg = map(str, tools)
    try:
        with tempfile.TemporaryDirectory() as empty:
            run = partial(subprocess.run, cwd=empty, capture_output=True, check=True, timeout=_PATIENCE_S)
            try:
                run([apt, "--quiet", "download", "nginx"])
            except subprocess.CalledProcessError:  # the lists are missing on a new machine, or are old
                run([apt, "--quiet", "update"])
                run([apt, "--quiet", "download", "nginx"])
            run([dpkg, "-x", str(next(Path(empty).glob("nginx_*.deb"))), str(folder)])
    except (OSError, subprocess.SubprocessError, StopIteration) as error:
        raise NoNginx(
            f"nginx is not installed, and its package could not be fetched ({type(error).__name__}): "
            "apt-get update && apt-get install nginx-light"
        ) from None


def configuration(folder: Path, port: int, upstreams: Sequence[int]) -> str:
    """Return a whole configuration around `deploy/nginx.conf`, on loopback and without TLS.

    Args:
        folder: where nginx keeps its files.
        port: where it listens.
        upstreams: the ports of one or two servers.
    """
    lines = []
    for line in SITE.read_text(encoding="utf-8").splitlines():
        if line.strip().startswith("ssl_"):
            continue
        text = line.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
        for given, own in zip(_PORTS, [*upstreams, None], strict=False):
            text = text.replace(f"127.0.0.1:{given} ", f"127.0.0.1:{own} ")
        if "127.0.0.1:None" not in text:
            lines.append(text)
    return whole(folder, "\n".join(lines))


def whole(folder: Path, site: str) -> str:
    """Return a whole configuration of nginx, which keeps its files in a folder, around that of one site."""
    return _MAIN.format(folder=folder, site=f"{site}\n")


def measure(plan: Plan, book: Book) -> None:
    """Measure one process, and two behind nginx, in every round."""
    try:
        program = nginx()
    except NoNginx as error:
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


def _one(plan: Plan, book: Book, subject: Environment, upstream_port: int) -> None:
    with _server(subject, upstream_port) as server:
        book.add("replicas.direct_rate", subject.name, _rate(plan, subject, server))


def _behind(plan: Plan, book: Book, subject: Environment, upstream_port: int, program: Path, count: int) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(_server(subject, upstream_port)) for _ in range(count)]
        front = stack.enter_context(_proxy(program, [server.port for server in servers]))
        book.add(f"replicas.behind_{count}_rate", subject.name, _rate(plan, subject, front))


def _server(subject: Environment, upstream_port: int) -> HttpServer:
    return HttpServer(subject.http, server_environment(upstream_port), _ready)


def _ready(port: int) -> bytes:
    return http_request(request(1), port)


@contextmanager
def _proxy(program: Path, upstreams: Sequence[int]) -> Iterator[HttpServer]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "dev.bench.measures.replicas", str(program), folder, *map(str, upstreams)]
        with HttpServer(command, {"PYTHONPATH": str(ROOT), "PATH": os.defpath}, _ready) as server:
            yield server


def _rate(plan: Plan, subject: Environment, server: HttpServer) -> float:
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
