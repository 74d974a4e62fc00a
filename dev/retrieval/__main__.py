"""Measure, and print a table: `python -m dev.retrieval`, with `--misses` for each question that went wrong."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from dev.bench import tokens
from dev.retrieval.measure import FEW, Answered, answer, found
from dev.retrieval.questions import SETS
from dev.retrieval.rank import RANKERS
from dev.retrieval.tools import other_tools
from projects_mcp.tools.catalog import CATALOG


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dev.retrieval", description=__doc__)
    parser.add_argument("--misses", action="store_true", help="list the questions whose tool did not come first")
    parser.add_argument("--no-tokens", action="store_true", help="do not install a counter of tokens")
    options = parser.parse_args()
    print(f"{len(CATALOG)} tools of ours among {len(other_tools())} of others")
    print(f"{'questions':9} {'ranked by':13} {'number':>6} {'first':>8} {f'first {FEW}':>8}")
    for name in SETS:
        for ranker in RANKERS:
            answers = answer(ranker, name)
            shares = found(answers)
            print(f"{name:9} {ranker:13} {len(answers):>6} {shares.first:>8.1%} {shares.among_few:>8.1%}")
            if options.misses:
                _print_misses(answers)
    print(_length(count=not options.no_tokens))
    return 0


def _print_misses(answers: Sequence[Answered]) -> None:
    for question, first, place in answers:
        if place > 1:
            print(f"  {question.tool} came {place}., after {first.server}/{first.name}: {question.text}")


def _length(*, count: bool) -> str:
    """Say how long the list is that a model sees, counted as the benchmark counts it."""
    seen = json.dumps(
        [{"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema} for tool in CATALOG],
        separators=(",", ":"),
        ensure_ascii=False,
    )
    counts = tokens.count([seen]) if count else None
    counted = f", {counts[0]:,} tokens of o200k_base" if counts else "; tokens were not counted"
    return f"What a model sees of the list: {len(seen):,} characters{counted}"


if __name__ == "__main__":
    sys.exit(main())
