"""Fill virtual environments with uv, which takes about a tenth of pip's time.

uv does not read the settings of pip. Where this machine has some, they are handed over, or pip does the work.
"""

from __future__ import annotations

import os
import re
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from dev.processes import run

__all__ = ["UvError", "fill_venv", "uv_settings"]

_TIMEOUT_S: Final = 600
_LINE: Final = re.compile(r"(\w+|:env:)\.([a-z-]{1,40})='(.*)'")
_HANDED_OVER: Final[Mapping[str, str]] = {
    "cert": "SSL_CERT_FILE",
    "constraint": "UV_CONSTRAINT",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "index-url": "UV_DEFAULT_INDEX",
}
"""Where packages come from, by pip's name and by uv's variable."""
_LEFT_OUT: Final = frozenset(
    {"default-timeout", "disable-pip-version-check", "no-cache-dir", "no-input", "progress-bar", "retries", "timeout"}
    | {"root-user-action"}
)
"""Settings of pip that change nothing about what is installed."""


class UvError(Exception):
    """uv could not do it, or must not. The text says why."""


def uv_settings(listed: str) -> dict[str, str]:
    """Return the variables that have uv take packages from where pip takes them.

    Args:
        listed: what `pip config list` prints.

    Raises:
        UvError: pip has a setting whose meaning for uv is not known, such as a proxy.
    """
    found: dict[str, str] = {"UV_INDEX_STRATEGY": "unsafe-best-match"}  # as pip looks: at all indexes, for the newest
    for scope in (r"\w+", ":env:"):  # a variable counts more than a file
        for line in listed.splitlines():
            match = _LINE.fullmatch(line)
            if match is None:
                raise UvError(f"pip says {line!r}")
            if not re.fullmatch(scope, match[1]) or match[2] in _LEFT_OUT:
                continue
            if match[2] not in _HANDED_OVER:
                raise UvError(f"pip has the setting {match[2]}")
            value = match[3].replace(r"\n", " ").strip()
            found[_HANDED_OVER[match[2]]] = ",".join(value.split()) if match[2] == "find-links" else value
    return found


def fill_venv(uv: Path, folder: Path, packages: Sequence[str]) -> None:
    """Make a virtual environment without pip in an empty folder, and install packages into it.

    Bytecode is left to whoever imports a module: most of what these packages hold is never imported.

    Args:
        uv: the program.
        folder: is empty.
        packages: as `uv pip install` takes them.

    Raises:
        UvError: they could not be installed.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "UV_"))}
    pip = run([sys.executable, "-m", "pip", "config", "list"], environment=clean)
    if pip.returncode:
        raise UvError("pip does not tell its settings")
    settings = uv_settings(pip.stdout)
    venv.create(folder, with_pip=False)
    python = str(folder / "bin" / "python")
    command = [str(uv), "pip", "install", "--quiet", "--no-config", "--python", python, *packages]
    done = run(command, environment={**clean, **settings}, timeout_s=_TIMEOUT_S)
    if done.returncode:
        raise UvError(done.stderr.strip() or "uv gave no reason")
