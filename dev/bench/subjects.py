"""The subjects: each in an environment of its own, which is made again when something about it has changed."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from dev.environments import CACHE, CONSTRAINTS, ROOT, TOKENS, UnavailableError, create_venv, make_folder, pip
from dev.processes import run

__all__ = ["Subject", "prepare", "subject"]

_PEERS: Final = ROOT / "dev" / "bench" / "peers"

FASTMCP: Final = "4.1.6"


@dataclass(frozen=True)
class Subject:
    """A virtual environment with one server in it.

    Args:
        name: of the subject.
        folder: of the environment.
        stdio: the command that serves MCP over stdio.
        http: the command that serves it over HTTP, without the port, which comes last; empty if there is none.
        missing: why it cannot be used; empty if it can.
    """

    name: str
    folder: Path
    stdio: tuple[str, ...] = ()
    http: tuple[str, ...] = ()
    missing: str = ""

    @property
    def python(self) -> Path:
        """Return the interpreter."""
        return self.folder / "bin" / "python"

    def version(self, package: str) -> str:
        """Return the installed version of a package; empty if it is not installed."""
        found = (item.version for item in distributions(path=[_packages(self.folder)]) if item.name.lower() == package)
        return next(found, "")


@dataclass(frozen=True)
class _Recipe:
    """How an environment is made, and what it depends on."""

    install: Callable[[Path], None]
    inputs: Sequence[Path]
    stdio: Sequence[str] = ()
    http: Sequence[str] = ()
    needs: str = ""
    """A module without which the environment is of no use."""
    extra: str = ""
    """What else the contents depend on."""


def prepare(names: Sequence[str]) -> dict[str, Subject]:
    """Make or reuse the environments. One that cannot be made says why, and the others go on."""
    return {name: subject(name) for name in names}


def subject(name: str) -> Subject:
    """Make or reuse one environment."""
    recipe = _RECIPES[name]

    def fill(folder: Path) -> None:
        recipe.install(folder)
        # A first start that writes bytecode would be another measure.
        run([folder / "bin" / "python", "-m", "compileall", "-q", folder / "lib"], environment=_environment())

    folder = CACHE / f"bench-{name}"
    try:
        make_folder(folder.name, f"bench-{name} {_digest(recipe)}", fill)
    except UnavailableError as error:
        return Subject(name, folder, missing=str(error))
    if recipe.needs and not _succeeds(folder / "bin" / "python", "-c", f"import {recipe.needs}"):
        return Subject(name, folder, missing=f"{recipe.needs} is not installed by it")
    stdio, http = (tuple(part.format(bin=folder / "bin") for part in parts) for parts in (recipe.stdio, recipe.http))
    return Subject(name, folder, stdio, http)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def _succeeds(program: Path, *arguments: str) -> bool:
    return run([program, *arguments], environment=_environment(), folder=CACHE).returncode == 0


def _digest(recipe: _Recipe) -> str:
    digest = hashlib.sha256(recipe.extra.encode())
    for top in recipe.inputs:
        files = sorted(top.rglob("*.py")) if top.is_dir() else [top]
        for file in files:
            digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _packages(folder: Path) -> str:
    return str(next((folder / "lib").glob("python*/site-packages"), folder))


def _install_ours(folder: Path) -> None:
    create_venv(folder, str(ROOT), pinned=True)


def _install_ours_aiohttp(folder: Path) -> None:
    create_venv(folder, f"{ROOT}[aiohttp]", pinned=True)


def _install_bare(folder: Path) -> None:
    create_venv(folder, "mcp==2.3.0", "httpx", pinned=True)


def _install_fastmcp(folder: Path) -> None:
    """Install FastMCP without the lower bound of its `certifi`, which not every package index has yet."""
    create_venv(folder, "--no-deps", f"fastmcp=={FASTMCP}", f"fastmcp-slim=={FASTMCP}", pinned=True)
    wanted = set()
    for package in distributions(path=[_packages(folder)]):
        if package.name != "fastmcp-slim":
            continue
        for line in package.requires or ():
            requirement = Requirement(line)
            markers = requirement.marker
            if markers and not any(markers.evaluate({"extra": extra}) for extra in ("", "client", "server")):
                continue
            extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
            bounds = "" if requirement.name == "certifi" else str(requirement.specifier)
            wanted.add(f"{requirement.name}{extras}{bounds}")
    pip(folder / "bin" / "python", *sorted(wanted), pinned=True)


def _install_tokens(folder: Path) -> None:
    create_venv(folder, TOKENS)


_OURS: Final = (ROOT / "pyproject.toml", CONSTRAINTS, ROOT / "src")
_SERVE: Final = ("{bin}/projects-mcp", "serve", "--host", "127.0.0.1", "--port")
_RECIPES: Final = {
    "ours": _Recipe(_install_ours, _OURS, ("{bin}/projects-mcp",), _SERVE, needs="projects_mcp"),
    "ours-aiohttp": _Recipe(_install_ours_aiohttp, _OURS, ("{bin}/projects-mcp",), _SERVE, needs="httpx_aiohttp"),
    "bare": _Recipe(
        _install_bare,
        (CONSTRAINTS,),
        ("{bin}/python", str(_PEERS / "bare.py")),
        ("{bin}/python", str(_PEERS / "bare.py"), "--port"),
    ),
    "fastmcp": _Recipe(
        _install_fastmcp,
        (CONSTRAINTS,),
        ("{bin}/python", str(_PEERS / "from_openapi.py")),
        ("{bin}/python", str(_PEERS / "from_openapi.py"), "--port"),
        extra=FASTMCP,
    ),
    "tokens": _Recipe(_install_tokens, (), needs="rs_bpe", extra=TOKENS),
}
"""Every environment by its name."""
