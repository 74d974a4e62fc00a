"""Try the mutants and print what became of each: `python -m dev.mutants`, with words to try only those that have them.

It ends with 0 if every mutant was found, else with 1.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from threading import Lock

from dev.environments import ROOT
from dev.mutants.mutant import Mutant
from dev.mutants.run import Result, Verdict, check_unbroken, run_mutants
from dev.mutants.table import TABLE


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dev.mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="try only the mutants whose promise, name or file holds one of these")
    parser.add_argument("--said", action="store_true", help="print what the tests said of each")
    parser.add_argument("--unchecked", action="store_true", help="do not run the tests on the unbroken code before")
    options = parser.parse_args()
    named = {promise: _chosen(promise, mutants, options.words) for promise, mutants in TABLE.items()}
    chosen = [mutant for mutants in named.values() for mutant in mutants]
    if not chosen:
        parser.error("no mutant has these words")
    failing = "" if options.unchecked else check_unbroken(ROOT, chosen)
    if failing:
        print(f"The tests fail on the code as it is: {failing}")
        return 1
    turn = Lock()

    def tell(result: Result) -> None:
        with turn:
            more = f": {result.said}" if options.said or result.verdict is not Verdict.FOUND else ""
            print(f"{result.verdict:19} {result.mutant.name}{more}", flush=True)

    results = run_mutants(ROOT, chosen, tell)
    counted = Counter(result.verdict for result in results)
    print(", ".join(f"{counted[verdict]} {verdict}" for verdict in Verdict if counted[verdict]))
    return 0 if set(counted) == {Verdict.FOUND} else 1


def _chosen(promise: str, mutants: tuple[Mutant, ...], words: list[str]) -> list[Mutant]:
    return [
        mutant
        for mutant in mutants
        if not words or any(word in text for word in words for text in (promise, mutant.name, mutant.file))
    ]


if __name__ == "__main__":
    sys.exit(main())
