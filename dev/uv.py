"""Install packages with uv, which takes about a tenth of pip's time: `python -m dev.uv PACKAGE …` for this Python.

uv does not read the settings of pip. Where this machine has some, they are handed over, or pip does the work.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from dev.processes import run

__all__ = ["UV", "UvError", "uv_environment", "uv_install", "uv_settings"]

UV: Final = Path(sys.executable).with_name("uv")
"""The program of this environment. It need not be there."""

_TIMEOUT_S: Final = 600
_LINE: Final = re.compile(r"(\w+|:env:)\.([a-z-]{1,40})='(.*)'")
_HANDED_OVER: Final[Mapping[str, tuple[str, ...]]] = {
    "cert": ("SSL_CERT_FILE",),
    "constraint": ("UV_CONSTRAINT", "UV_BUILD_CONSTRAINT"),
    "extra-index-url": ("UV_INDEX",),
    "find-links": ("UV_FIND_LINKS",),
    "index-url": ("UV_DEFAULT_INDEX",),
}
"""Where packages come from, by pip's name and by uv's variables."""
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
            value = ",".join(value.split()) if match[2] == "find-links" else value
            found.update(dict.fromkeys(_HANDED_OVER[match[2]], value))
    return found


def uv_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which uv installs what pip would install in the given one.

    Raises:
        UvError: there is none.
    """
    clean = {name: value for name, value in environment.items() if not name.startswith(("PYTHON", "UV_"))}
    pip = run([sys.executable, "-m", "pip", "config", "list"], environment=clean)
    if pip.returncode:
        raise UvError("pip does not tell its settings")
    return {**clean, **uv_settings(pip.stdout)}


def uv_install(uv: Path, python: Path, packages: Sequence[str]) -> None:
    """Install packages for an interpreter, which needs no pip of its own.

    Bytecode is left to whoever imports a module: most of what packages hold is never imported.

    Args:
        uv: the program.
        python: the interpreter of a virtual environment.
        packages: as `uv pip install` takes them.

    Raises:
        UvError: they could not be installed.
    """
    options = ["--quiet", "--no-config", "--python", str(python)]
    command = [str(uv), "pip", "install", *options, *packages]
    try:
        done = run(command, environment=uv_environment(os.environ), timeout_s=_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError) as error:
        raise UvError(str(error)) from error
    if done.returncode:
        raise UvError(done.stderr.strip() or "uv gave no reason")


def main() -> int:
    """Install what is named on the command line.

    Returns:
        1 if that was not possible.
    """
    try:
        uv_install(UV, Path(sys.executable), sys.argv[1:])
    except UvError as error:
        sys.stderr.write(f"not with uv: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
