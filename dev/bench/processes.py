"""Processes of the subjects: a clean environment for each, and what the kernel knows of them."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dev.bench.environments import CACHE, ROOT
from dev.bench.fixtures import KEY

__all__ = ["cpu_seconds", "forget_peak", "memory", "no_bytecode", "server_environment", "spawn", "stop", "upstream"]

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PATIENCE_S: Final = 5


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


def spawn(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a subject with pipes to its stdin and stdout. What it says on stderr is kept in a file, unread."""
    with (CACHE / "stderr.log").open("ab") as log:
        return subprocess.Popen(
            list(command), env=dict(environment), cwd=CACHE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        )


def stop(process: subprocess.Popen[bytes], *, patience_s: float = _PATIENCE_S) -> None:
    """End a process that was started here: by the end of its stdin, and by force where that is not enough."""
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def upstream(delay_ms: int = 0) -> Iterator[int]:
    """Run the scripted upstream while the block runs, and give its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dev.bench.upstream", "--delay-ms", str(delay_ms)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        line = process.stdout.readline() if process.stdout else b""
        yield int(line)
    finally:
        stop(process)


@contextmanager
def no_bytecode() -> Iterator[dict[str, str]]:
    """Give the variables that make a process start without compiled files, and leave none behind."""
    with tempfile.TemporaryDirectory() as folder:
        yield {"PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": "1"}


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory(pid: int) -> dict[str, float]:
    """Return `rss`, `peak` and, where the kernel tells, `pss`, in MiB."""
    found = {}
    for file, names in (("status", {"VmRSS": "rss", "VmHWM": "peak"}), ("smaps_rollup", {"Pss": "pss"})):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/{file}").read_text(encoding="utf-8").splitlines():
                name, _, rest = line.partition(":")
                if key := names.get(name):
                    found[key] = int(rest.split()[0]) / 1024
    return found


def forget_peak(pid: int) -> None:
    """Let the peak of a process's memory begin again at what it has now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
