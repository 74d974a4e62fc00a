"""Run the targets for a bounded time, from a seed that is printed: `python -m dev.fuzz [--seconds N] [--seed N]`."""

from __future__ import annotations

import argparse
import time

from hypothesis import HealthCheck, Phase, given, seed, settings

from dev.fuzz.targets import TARGETS

_EXAMPLES = 250


def run(name: str, seconds: float, first_seed: int) -> int:
    """Run one target until its time is over, in rounds with seeds of their own. Return how many examples it ran.

    Raises:
        AssertionError: an invariant does not hold. Hypothesis prints the smallest input that shows it.
    """
    target, strategy = TARGETS[name]
    ran = 0
    deadline = time.monotonic() + seconds
    number = first_seed
    while time.monotonic() < deadline:

        @seed(number)
        @settings(
            max_examples=_EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        )
        @given(strategy)
        def examples(drawn: object) -> None:
            nonlocal ran
            ran += 1
            if time.monotonic() < deadline + _GRACE_S:
                target(drawn)

        examples()
        number += 1
    return ran


_GRACE_S = 60
"""Seconds in which the round that runs at the deadline may end."""


def main() -> None:
    """Run what was asked for, and print what was run."""
    parser = argparse.ArgumentParser(prog="python -m dev.fuzz")
    parser.add_argument("--seconds", type=float, default=60, help="for each target; default: 60")
    parser.add_argument("--seed", type=int, default=20_260_728, help="of the first round; default: 20260728")
    parser.add_argument("--only", choices=TARGETS, help="one target")
    options = parser.parse_args()
    for name in [options.only] if options.only else TARGETS:
        print(f"{name}: seed {options.seed}, {options.seconds:g} seconds", flush=True)
        print(f"{name}: {run(name, options.seconds, options.seed)} examples, nothing found", flush=True)


if __name__ == "__main__":
    main()
