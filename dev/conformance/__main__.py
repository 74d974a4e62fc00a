"""Run the gates, two at a time, and report for each what its tool said: `python -m dev.conformance`."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from dev.conformance.gates import GATES, Gate
from dev.conformance.verdicts import State, Verdict
from dev.environments import CACHE, UnavailableError
from dev.gate import FailedError
from dev.toolbox import Toolbox

_AT_ONCE: Final = 2
"""Gates that run at the same time. Each mostly waits for one process, so one alone would leave a core idle."""
_printing: Final = threading.Lock()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        1 where a gate failed, or did not run although it is required; else 0.
    """
    parser = argparse.ArgumentParser(prog="python -m dev.conformance", description=__doc__)
    parser.add_argument("gates", nargs="*", metavar="GATE", help=f"default: all, which are {', '.join(GATES)}")
    parser.add_argument(
        "--require",
        action="store_true",
        default=os.environ.get("OFFICIAL") == "required",
        help="a gate whose tool cannot be had counts as failed; also OFFICIAL=required",
    )
    parser.add_argument("--fetch", action="store_true", help="install what the gates need, and run none of them")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.gates if name not in GATES]:
        parser.error(f"no such gate: {', '.join(unknown)}")
    box = Toolbox()
    if options.fetch:
        return _fetch(box)

    def judge(name: str) -> Verdict:
        return _judged(box, name, GATES[name], options.require)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        verdicts = list(pool.map(judge, options.gates or GATES))
    counts = [(state, sum(verdict.state is state for verdict in verdicts)) for state in State]
    print(f"\n{', '.join(f'{count} {state.value}' for state, count in counts if count)}")
    failed = [verdict for verdict in verdicts if verdict.state is State.FAILED]
    for verdict in failed:  # again, since the lines of gates that passed may stand between
        print(f"{verdict.state.value}: {verdict.gate}: {verdict.said[0]}")
    return int(bool(failed))


def _fetch(box: Toolbox) -> int:
    """Install all tools. What cannot be had is told, and is no failure yet: the gate that needs it judges that."""

    def install(name: str) -> None:
        try:
            box.install(name)
        except UnavailableError as error:
            sys.stderr.write(f"{error}\n")

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(install, box.TOOLS))
    return 0


def _judged(box: Toolbox, name: str, gate: Gate, require: bool) -> Verdict:
    (CACHE / f"{name}.log").unlink(missing_ok=True)
    begun = time.monotonic()
    try:
        state, said = State.PASSED, tuple(gate(box))
    except FailedError as error:
        state, said = State.FAILED, (*str(error).splitlines(), f"the whole output is in .dev/{name}.log")
    except (LookupError, TypeError, ValueError) as error:
        # A tool that answers in another form than it always has is no pass.
        state, said = State.FAILED, (f"its answer was not understood: {error!r}", f"it is in .dev/{name}.log")
    except UnavailableError as error:
        state, said = State.FAILED if require else State.NOT_RUN, (str(error),)
    verdict = Verdict(name, state, said, time.monotonic() - begun)
    with _printing:  # one gate's lines stay together
        print(f"{name}: {state.value} ({verdict.seconds:.0f} s)", *(f"  {line}" for line in said), sep="\n", flush=True)
    return verdict


if __name__ == "__main__":
    sys.exit(main())
