"""The processes of the subjects and of the scripted upstream, each with an environment of its own."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from dev.bench.fixtures import KEY
from dev.environments import CACHE, ROOT
from dev.processes import start, stop

__all__ = ["STDERR_LOG", "no_bytecode", "server_environment", "start_with_pipes", "upstream"]

STDERR_LOG: Final = CACHE / "bench-stderr.log"
"""What the subjects say on stderr, unread."""


def server_environment(port: int = 9, **more: str) -> dict[str, str]:
    """Return the whole environment of a subject: where PostHog is, who it is, and nothing of this process's own."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(CACHE),
        "LANG": "C.UTF-8",
        "POSTHOG_HOST": f"http://127.0.0.1:{port}",
        "POSTHOG_PERSONAL_API_KEY": KEY,
        **more,
    }


def start_with_pipes(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a subject with pipes to its stdin and stdout."""
    pipe = subprocess.PIPE
    return start(command, environment=environment, folder=CACHE, stdin=pipe, stdout=pipe, log=STDERR_LOG)


@contextmanager
def upstream(delay_ms: int = 0) -> Iterator[int]:
    """Run the scripted upstream while the block runs, and give its port."""
    command = [sys.executable, "-m", "dev.bench.upstream", "--delay-ms", str(delay_ms)]
    process = start(command, folder=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        line = process.stdout.readline() if process.stdout else b""
        yield int(line)
    finally:
        stop(process, ask=False)


@contextmanager
def no_bytecode() -> Iterator[dict[str, str]]:
    """Give the variables that make a process start without compiled files, and leave none behind."""
    with tempfile.TemporaryDirectory() as folder:
        yield {"PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": "1"}
