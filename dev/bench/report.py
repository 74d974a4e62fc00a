"""The report, as Markdown."""

import os
import platform
from collections.abc import Iterator, Mapping
from typing import Final

from dev.bench.bars import BARS
from dev.bench.plan import BARE, FASTMCP, OURS, OURS_AIOHTTP
from dev.bench.stats import Book, Summary
from dev.bench.tables import SECTIONS, Row, Section

__all__ = ["NAMES", "NOT_MEASURED", "markdown", "verdicts"]

NAMES: Final[Mapping[str, str]] = {
    OURS: "this server",
    OURS_AIOHTTP: "with the aiohttp extra",
    BARE: "bare server",
    FASTMCP: "FastMCP",
}
"""The subjects as the report calls them, in its order."""

NOT_MEASURED: Final = "-"
"""What stands in the place of a value."""
_VERDICTS: Final = {True: "met", False: "not met", None: "not measured"}

_INTRODUCTION: Final = """\
# Benchmark

Written by `make bench`. It compares this server with two others that do the same: a bare server of the `mcp` SDK, 13
plain functions over `httpx`; and one that FastMCP makes from an OpenAPI document of PostHog's page. Medians, and in
brackets the range of all rounds; absolute figures hold for this machine only, ratios carry over.
"""

_METHOD: Final = """\
## How it is measured

- Each subject is installed in an environment of its own, with compiled bytecode, and runs as a process of its own.
- The upstream is scripted: a process that answers PostHog's objects, rendered once, over keep-alive HTTP.
- The driver writes requests of protocol revision 2026-07-28 that were rendered before, and only looks for their ids in
  the answers. It, the upstream and the subject share the cores.
- In each round every subject takes its turn, and the order changes from round to round.
- A call is `project_get` of a much configured project: the answer is compact here, and the whole object elsewhere.
- Tokens are those of `o200k_base`. Where a server sends an answer as text and as structured content, a client chooses.
- The bars on answers take the text, and an ordinary project: in use, with most settings left as they were.
"""


def markdown(book: Book, versions: Mapping[str, str], *, plot: str) -> str:
    """Write the report.

    Args:
        book: what was measured.
        versions: of everything that matters, by name.
        plot: the address of the picture, beside the report.
    """
    parts = [_INTRODUCTION, _machine(versions), f"![What was measured, as bars]({plot})\n", _bars(book)]
    parts += [table for section in SECTIONS if (table := _table(book, section))]
    if book.notes:
        parts.append("## Notes\n\n" + "\n".join(f"- {note}" for note in book.notes) + "\n")
    return "\n".join([*parts, _METHOD])


def verdicts(book: Book) -> Iterator[tuple[str, str, str, str]]:
    """Give each bar: what it is about, what is wanted, what was measured, and the verdict."""
    for bar in BARS:
        value = bar.value(book)
        yield bar.text, bar.wanted, NOT_MEASURED if value is None else f"{value:.2f}", _VERDICTS[bar.met(book)]


def _machine(versions: Mapping[str, str]) -> str:
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{machine}; {', '.join(f'{name} {version}' for name, version in versions.items() if version)}.\n"


def _bars(book: Book) -> str:
    lines = [_line(f"{text}", wanted, value, verdict) for text, wanted, value, verdict in verdicts(book)]
    return "\n".join(["## Bars\n", "| What | Wanted | Measured | |", "| --- | --: | --: | --- |", *lines, ""])


def _table(book: Book, section: Section) -> str:
    """Return a section with a column for each subject that was measured for it; empty where none was."""
    rows = [row for row in section.rows if row.metric in book.values]
    subjects = [name for name in NAMES if any(name in book.values[row.metric] for row in rows)]
    if not subjects:
        return ""
    peers = [name for name in (BARE, FASTMCP) if name in subjects and OURS in subjects]
    head = _line("", *(NAMES[name] for name in subjects), *(f"/ {NAMES[name]}" for name in peers))
    rule = _line("---", *("--:" for _ in [*subjects, *peers]))
    lines = [_row(book, row, subjects, peers) for row in rows]
    return "\n".join([f"## {section.title}\n", head, rule, *lines, ""])


def _row(book: Book, row: Row, subjects: list[str], peers: list[str]) -> str:
    cells = [_cell(book.summary(row.metric, name), row.decimals) for name in subjects]
    ratios = [book.ratio(row.metric, OURS, name) for name in peers]
    return _line(row.text, *cells, *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios))


def _cell(summary: Summary | None, decimals: int) -> str:
    if summary is None:
        return ""
    median, low, high = (f"{value:,.{decimals}f}" for value in (summary.median, summary.low, summary.high))
    return median if low == high else f"{median} [{low} to {high}]"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
