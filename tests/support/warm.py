"""Processes of tests, which start warm if they are of `projects-mcp`: forked, and not imported anew each time.

Starting cold takes up to a second of a core, of which all but some hundredths go into the same imports each time.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.forking import FOR_PROCESSES, Asked, forker

COLD = "COLD"
"""With this variable, every process starts cold: `make check` sets it."""
_MODULE = [sys.executable, "-m", "projects_mcp"]
_OF_PYTHON = ("PYTHON", "LC_", "LANG")
"""How the names of variables begin that an interpreter reads at its start."""


def is_warm(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether a process can be forked: one of `projects-mcp`, in an interpreter that is set up as this one is."""

    def of_python(variables: Mapping[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in variables.items() if name.startswith(_OF_PYTHON)}
        return kept if kept.pop("PYTHONIOENCODING", "utf-8") == "utf-8" else {"": ""}

    if sys.platform != "linux" or COLD in os.environ or FOR_PROCESSES in environment:
        return False
    return list(command[: len(_MODULE)]) == _MODULE and of_python(environment) == of_python(os.environ)


class Process(subprocess.Popen[Any]):
    """A process of a test. It is used as any other, and whether it starts warm shows in its time only."""

    def _execute_child(self, *given: Any) -> None:
        """Start it. CPython calls this with all that `Popen` was asked for, and the ends of the pipes that it made."""
        command, _, before, _, kept, folder, environment, _, _, shell, *ends = given[:16]
        environment = os.environ if environment is None else environment
        if before or kept or shell or not is_warm(command, environment):
            super()._execute_child(*given)  # type: ignore[misc]
            return
        asked = Asked(command[len(_MODULE) :], dict(environment), str(folder or Path.cwd()))
        streams = [number if end == -1 else end for number, end in enumerate((ends[0], ends[3], ends[5]))]  # or its own
        self.pid = forker().start(asked, streams)
        self._child_created = True
        self._close_pipe_fds(*ends)  # type: ignore[attr-defined]
