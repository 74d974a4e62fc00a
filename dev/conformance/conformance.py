"""The protocol's conformance suite: what a revision requires, on our server class and on the real set of tools.

Each message that the server sends is also held to the official JSON schema of the protocol by the suite.
"""

from __future__ import annotations

import re
from typing import Final

from dev.conformance.servers import serve_fixtures, serve_tools
from dev.environments import CACHE, ROOT
from dev.gate import FailedError, last_lines, run_step
from dev.toolbox import Toolbox

__all__ = ["REQUIRED", "headers", "required", "tools"]

REQUIRED: Final = {"2025-11-25": 30, "2026-07-28": 37}
"""How many scenarios for servers each revision requires. The suite itself would also pass if it ran none."""

_COLOUR: Final = re.compile(r"\x1b\[\d+m")
_SCENARIO: Final = re.compile(r"^([✓✗]) (\S+): (\d+) passed, (\d+) failed$", re.MULTILINE)
_WRONG: Final = re.compile(r"✗ |  [✗✓] [^ ]+:|Unexpected|Stale")
"""The lines that say what went wrong: a scenario, and what differs from the baseline."""
_UNSCORED: Final = re.compile(r"^  [✓✗] (\S+) \(", re.MULTILINE)


def required(box: Toolbox, revision: str) -> list[str]:
    """Hold our server class, with the suite's fixtures on it, to all that a revision requires."""
    gate = f"conformance-{revision}"
    with serve_fixtures(gate) as address:
        text = _suite(gate, box, address, "--requirements", revision)
    unscored = set(_UNSCORED.findall(text))
    scored = [(mark, int(checks)) for mark, name, checks, _ in _SCENARIO.findall(text) if name not in unscored]
    passed = sum(mark == "✓" and checks > 0 for mark, checks in scored)
    if passed != len(scored) or passed != REQUIRED[revision]:
        raise FailedError(f"{passed} of {REQUIRED[revision]} required scenarios pass")
    return [
        f"required scenarios: {passed} of {REQUIRED[revision]} pass",
        _line(text, "Total:"),
        _line(text, "Not scored"),
    ]


def tools(box: Toolbox, revision: str) -> list[str]:
    """Run the same on the real tools. What they cannot pass is listed with its reason, and nothing else may fail."""
    gate = f"tools-{revision}"
    baseline = ROOT / "dev" / "conformance" / f"baseline-{revision}.yml"
    with serve_tools(gate) as address:
        text = _suite(gate, box, address, "--requirements", revision, "--expected-failures", str(baseline))
    expected = re.findall(r"^  ~ ", text, re.MULTILINE)
    return [_line(text, "Total:"), f"Expected failures (in baseline): {len(expected)}", _line(text, "Baseline check")]


def headers(box: Toolbox) -> list[str]:
    """Run what the suite has for the headers of HTTP and does not require yet."""
    gate = "tools-headers"
    with serve_tools(gate) as address:
        text = _suite(gate, box, address, "--scenario", "http-header-validation", "--spec-version", "2026-07-28")
    return [_line(text, "Passed:")]


def _suite(gate: str, box: Toolbox, address: str, *options: str) -> str:
    command = [box.program("conformance"), "server", "--url", address, *options]
    try:
        return _COLOUR.sub("", run_step(gate, command, environment=box.environment))
    except FailedError as error:
        log = _COLOUR.sub("", (CACHE / f"{gate}.log").read_text(encoding="utf-8"))
        if "--expected-failures" in options:  # what failed as expected is of no interest
            log = log.partition("Total:")[2]
        wrong = [line for line in log.splitlines()[1:] if _WRONG.match(line)]
        raise FailedError("\n".join((str(error).splitlines()[0], *(wrong or last_lines(log, 12))))) from None


def _line(text: str, beginning: str) -> str:
    for line in text.splitlines():
        if line.startswith(beginning):
            return line
    raise FailedError(f"the suite did not say {beginning!r}")
