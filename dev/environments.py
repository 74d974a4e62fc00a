"""Make virtual environments and folders of Node packages, at pinned versions, once, below `.dev/`.

Whatever is there is used without network. `.dev/` is not kept with the code.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dev.processes import run
from dev.uv import UV, UvError, uv_install

__all__ = [
    "CACHE",
    "CONSTRAINTS",
    "ROOT",
    "TOKENS",
    "InstallError",
    "UnavailableError",
    "create_venv",
    "first_on_path",
    "make_folder",
    "make_node_packages",
    "make_venv",
    "pip",
]

ROOT: Final = Path(__file__).resolve().parents[1]
CACHE: Final = ROOT / ".dev"
CONSTRAINTS: Final = ROOT / "constraints.txt"
TOKENS: Final = "rs-bpe==0.1.0"
"""Counts the tokens of `o200k_base`, whose vocabulary it brings along."""

_INSTALL_TIMEOUT_S: Final = 600
_STAMP: Final = ".holds"
_LONGEST_REASON: Final = 200


class UnavailableError(Exception):
    """A tool cannot be had here. The text says which, and why."""


class InstallError(Exception):
    """An installer failed. The text is what it said last."""


def make_folder(name: str, holds: str, fill: Callable[[Path], None], *, install: bool = True) -> Path:
    """Return a folder of the cache that holds just what is wanted; make it anew if it holds anything else.

    Whoever wants a folder that another thread or process is making waits until it is made.

    Args:
        name: of the folder below `.dev/`.
        holds: names and versions of the contents. The folder is made again if they, or this Python, change.
        fill: puts the contents into the empty folder.
        install: whether it may be made. If not, a folder that is not there is unavailable.

    Raises:
        UnavailableError: it is not there, and may not or cannot be made.
    """
    folder = CACHE / name
    text = f"{sys.version}\n{holds}"
    if _holds(folder, text):
        return folder
    what = " ".join(holds.split())[:_LONGEST_REASON]
    if not install:
        raise UnavailableError(f"{what}: not in {CACHE.name}/, which `make official` fills")
    with _one_at_a_time(name):
        if _holds(folder, text):
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        sys.stderr.write(f"installing {what}\n")
        try:
            fill(folder)
        except (InstallError, OSError, subprocess.SubprocessError, ValueError) as error:
            raise UnavailableError(f"{what} cannot be installed: {error}") from error
        (folder / _STAMP).write_text(text, encoding="utf-8")
    return folder


def _holds(folder: Path, text: str) -> bool:
    """Return whether a folder was filled to its end with what a text names: the stamp is written last."""
    stamp = folder / _STAMP
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == text


@contextmanager
def _one_at_a_time(name: str) -> Iterator[None]:
    """Hold the lock of a folder while the block runs. The system lets it go if the process ends, however it does."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f".{name}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_venv(name: str, packages: Sequence[str], *, install: bool = True, uv: Path = UV) -> Path:
    """Return a virtual environment of the cache with pinned packages in it.

    Args:
        name: of the folder.
        packages: as `pip install` takes them.
        install: whether it may be made.
        uv: installs them, if it is there and can; else pip does.

    Raises:
        UnavailableError: it is not there, and may not or cannot be made.
    """

    def fill(folder: Path) -> None:
        venv.create(folder, with_pip=False)
        python = folder / "bin" / "python"
        try:
            uv_install(uv, python, packages)
        except UvError as error:
            sys.stderr.write(f"{name}: with pip, since with uv: {str(error)[:_LONGEST_REASON]}\n")
            pip(python, *packages)

    return make_folder(name, "\n".join(packages), fill, install=install)


def create_venv(folder: Path, *packages: str, pinned: bool = False) -> None:
    """Create a virtual environment in any folder, without pip, and with packages in it.

    Args:
        folder: is made, or filled if it is empty.
        packages: as `pip install` takes them.
        pinned: whether only the versions of `constraints.txt` may be installed.

    Raises:
        InstallError: pip could not install them.
    """
    venv.create(folder, with_pip=False)
    pip(folder / "bin" / "python", *packages, pinned=pinned)


def make_node_packages(name: str, packages: Mapping[str, str], node: Path, *, install: bool = True) -> Path:
    """Return the `node_modules` of a folder of the cache with pinned packages in it.

    Args:
        name: of the folder.
        packages: their versions by their names.
        node: the folder with `node` and `npm`.
        install: whether it may be made.

    Raises:
        UnavailableError: it is not there, and may not or cannot be made.
    """
    wanted = [f"{package}@{version}" for package, version in packages.items()]

    def fill(folder: Path) -> None:
        quiet = ["--no-package-lock", "--no-fund", "--no-audit", "--ignore-scripts", "--loglevel=error"]
        _install([str(node / "npm"), "install", "--prefix", str(folder), *quiet, *wanted], first_on_path(node))

    return make_folder(name, "\n".join(wanted), fill, install=install) / "node_modules"


def first_on_path(folder: Path, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return an environment, that of this process if none is given, with a folder first on its path."""
    return {**environment, "PATH": f"{folder}{os.pathsep}{environment.get('PATH', os.defpath)}"}


def pip(python: Path, *arguments: str, pinned: bool = False) -> None:
    """Install packages for an interpreter, with the pip of this one.

    Args:
        python: the interpreter, which needs no pip of its own.
        arguments: packages and options of `pip install`.
        pinned: whether only the versions of `constraints.txt` may be installed.

    Raises:
        InstallError: pip could not install them.
    """
    # A PYTHONPATH of this process must not count as installed, and bytecode is part of an installed package.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    constraints = {"PIP_CONSTRAINT": str(CONSTRAINTS)} if pinned else {}
    command = [sys.executable, "-m", "pip", "--python", str(python), "--quiet", "--disable-pip-version-check"]
    _install([*command, "install", *arguments], {**environment, **constraints})


def _install(command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
    done = run(command, environment=environment, timeout_s=_INSTALL_TIMEOUT_S)
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()] or ["no reason given"]
        raise InstallError(said[-1].strip()[:_LONGEST_REASON])
