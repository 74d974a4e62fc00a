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
    options = parser.parse_args()
    print(f"{len(CATALOG)} tools of ours among {len(other_tools())} of others")
    print(f"{'questions':12} {'ranked by':14} {'number':>6} {'first':>8} {f'first {FEW}':>8}")
    for name in SETS:
        for ranker in RANKERS:
            answers = answer(ranker, name)
            shares = found(answers)
            print(f"{name:12} {ranker:14} {len(answers):>6} {shares.first:>8.1%} {shares.among_few:>8.1%}")
            if options.misses:
                _print_misses(answers)
    print(_length())
    return 0


def _print_misses(answers: Sequence[Answered]) -> None:
    for question, first, place in answers:
        if place > 1:
            print(f"  {question.tool} came {place}., after {first.server}/{first.name}: {question.text}")


def _length() -> str:
    """Say how long the list is that a model sees, counted as the benchmark counts it."""
    seen = json.dumps(
        [{"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema} for tool in CATALOG],
        separators=(",", ":"),
        ensure_ascii=False,
    )
    counts = tokens.count([seen])
    counted = f", {counts[0]:,} tokens of o200k_base" if counts else "; the counter of tokens could not be installed"
    return f"What a model sees of the list: {len(seen):,} characters{counted}"


if __name__ == "__main__":
    sys.exit(main())
