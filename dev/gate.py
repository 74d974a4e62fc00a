"""Run the steps of a gate: one tool after the other, each with its output kept and its exit code checked."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from dev.environments import CACHE, ROOT
from dev.processes import TIMEOUT_S, run

__all__ = ["FailedError", "last_lines", "run_step"]


class FailedError(Exception):
    """The tool has found something. The text is what the tool says about it."""


def run_step(
    gate: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
    timeout_s: float = TIMEOUT_S,
) -> str:
    """Run a tool to its end and return what it printed. All of it is also kept in the log of the gate.

    Raises:
        FailedError: it ended with another code than 0, or not in time.
    """
    name = Path(command[0]).name
    try:
        done = run(command, environment=environment, folder=folder, timeout_s=timeout_s)
    except subprocess.TimeoutExpired:
        raise FailedError(f"{name} did not end within {timeout_s:.0f} s") from None
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{gate}.log").open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}[exit code {done.returncode}]\n")
    if done.returncode:
        raise FailedError(
            "\n".join((f"{name} ended with {done.returncode}", *last_lines(done.stdout + done.stderr, 12)))
        )
    return done.stdout


def last_lines(text: str, count: int) -> list[str]:
    """Return the last lines that say anything."""
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]
