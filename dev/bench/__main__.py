"""Build what is missing, measure, and write the report: `python -m dev.bench`."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from dev.bench.measures import calls, growth, http, lanes, replicas, sizes, start
from dev.bench.plan import BARE, FASTMCP, OURS, OURS_AIOHTTP, PARTS, Plan
from dev.bench.plot import svg
from dev.bench.processes import STDERR_LOG
from dev.bench.report import NAMES, NOT_MEASURED, markdown, verdicts
from dev.bench.stats import Book
from dev.bench.subjects import Subject, prepare
from dev.environments import CACHE, ROOT

_MEASURES: dict[str, Callable[[Plan, Book], None]] = {
    "start": start.measure,
    "lanes": lanes.measure,
    "carry": sizes.measure_list,
    "results": sizes.measure_results,
    "calls": calls.measure,
    "http": http.measure,
    "replicas": replicas.measure,
    "growth": growth.measure,
}


def main() -> int:
    """Run the command line and return the exit code."""
    options = _options()
    CACHE.mkdir(exist_ok=True)
    STDERR_LOG.unlink(missing_ok=True)
    prepared = prepare(list(NAMES))
    book = Book()
    for found in prepared.values():
        if found.missing:
            book.note(f"`{found.name}` was skipped: {found.missing}.")
    subjects = {name: found for name, found in prepared.items() if not found.missing}
    plan = Plan(subjects, options.rounds or (1 if options.quick else 3), options.quick)
    for part in options.only:
        begun = time.perf_counter()
        print(f"measuring {part} …", end=" ", file=sys.stderr, flush=True)
        _MEASURES[part](plan, book)
        print(f"{time.perf_counter() - begun:.0f} s", file=sys.stderr)
    _write(book, _versions(prepared), options.out)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dev.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, help="rounds of calls; default 3, quick 1")
    parser.add_argument("--quick", action="store_true", help="a few of everything, to see that it works")
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts, comma-separated: {', '.join(PARTS)}")
    parser.add_argument("--out", type=Path, help="folder for the report; default dev/bench, or .dev for a part of it")
    options = parser.parse_args()
    options.only = options.only.split(",")
    if unknown := [part for part in options.only if part not in PARTS]:
        parser.error(f"no such part: {', '.join(unknown)}")
    if options.out is None:
        # What is kept with the code is a whole run, so nothing less replaces it unasked.
        options.out = CACHE if options.quick or set(options.only) != set(PARTS) else ROOT / "dev" / "bench"
    return options


def _versions(prepared: Mapping[str, Subject]) -> dict[str, str]:
    bare = prepared[BARE]
    return {
        "projects-mcp": prepared[OURS].version("projects-mcp"),
        "mcp": bare.version("mcp"),
        "httpx": bare.version("httpx"),
        "fastmcp": prepared[FASTMCP].version("fastmcp"),
        "httpx-aiohttp": prepared[OURS_AIOHTTP].version("httpx-aiohttp"),
    }


def _write(book: Book, versions: Mapping[str, str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    report = markdown(book, versions, plot="results.svg")
    picture = svg(book, NAMES, ours=frozenset({OURS, OURS_AIOHTTP}))
    numbers = json.dumps({"versions": versions, **book.as_json()}, indent=1) + "\n"
    for name, text in (("RESULTS.md", report), ("results.svg", picture), ("results.json", numbers)):
        (folder / name).write_text(text, encoding="utf-8")
    for text, wanted, measured, verdict in verdicts(book):
        if measured != NOT_MEASURED:
            print(f"{text:64} {wanted:>6}  {measured:>6}  {verdict}")
    print(*book.notes, f"written to {folder}", sep="\n")


if __name__ == "__main__":
    sys.exit(main())
