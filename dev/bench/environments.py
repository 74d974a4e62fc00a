"""The environments of the subjects: one for each, made when something about it has changed, and reused otherwise."""

import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

__all__ = ["CACHE", "ROOT", "Environment", "environment", "prepare"]

ROOT: Final = Path(__file__).resolve().parents[2]
CACHE: Final = ROOT / ".bench"
_CONSTRAINTS: Final = ROOT / "constraints.txt"
_PEERS: Final = ROOT / "dev" / "bench" / "peers"

FASTMCP: Final = "4.1.6"
TOKENS: Final = "rs-bpe==0.1.0"
_BUILD_TIMEOUT_S: Final = 600


@dataclass(frozen=True)
class Environment:
    """A virtual environment with one subject in it.

    Args:
        name: of the subject and of its folder.
        stdio: the command that serves MCP over stdio.
        http: the command that serves it over HTTP, without the port, which comes last; empty where there is none.
        missing: why it cannot be used; empty where it can.
    """

    name: str
    stdio: tuple[str, ...] = ()
    http: tuple[str, ...] = ()
    missing: str = ""

    @property
    def python(self) -> Path:
        """Return the interpreter."""
        return CACHE / self.name / "bin" / "python"

    def version(self, package: str) -> str:
        """Return the installed version of a package; empty where it is not installed."""
        lib = next((CACHE / self.name / "lib").glob("python*/site-packages"), CACHE)
        found = (item.version for item in distributions(path=[str(lib)]) if item.name.lower() == package)
        return next(found, "")


@dataclass(frozen=True)
class _Recipe:
    """How an environment is made, and what it depends on."""

    install: Callable[[Path], None]
    inputs: Sequence[Path]
    stdio: Sequence[str]
    http: Sequence[str] = ()
    needs: str = ""
    """A module without which the environment is of no use."""
    extra: str = field(default="")
    """What else the stamp depends on."""


def prepare(names: Sequence[str]) -> dict[str, Environment]:
    """Make or reuse the environments. One that cannot be made says why, and the others go on."""
    return {name: environment(name) for name in names}


def environment(name: str) -> Environment:
    """Make or reuse one environment."""
    recipe, folder = _RECIPES[name], CACHE / name
    stamp, wanted = folder / ".stamp", _digest(recipe)
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"building {folder.relative_to(ROOT)}", file=sys.stderr)
        stamp.unlink(missing_ok=True)
        try:
            venv.create(folder, clear=True, with_pip=True)
            recipe.install(folder)
            # Bytecode is part of an installed package; a first start that writes it would be another measure.
            _run(folder / "bin" / "python", "-m", "compileall", "-q", str(folder / "lib"), check=False)
        except (subprocess.SubprocessError, OSError, ValueError) as error:
            return Environment(name, missing=_reason(error))
        stamp.write_text(wanted, encoding="utf-8")
    if recipe.needs and _run(folder / "bin" / "python", "-c", f"import {recipe.needs}", check=False):
        return Environment(name, missing=f"{recipe.needs} is not installed by it")
    stdio, http = (tuple(part.format(bin=folder / "bin") for part in parts) for parts in (recipe.stdio, recipe.http))
    if name.startswith("ours") and _run(folder / "bin" / "projects-mcp", "serve", "--help", check=False):
        http = ()
    return Environment(name, stdio, http)


def _digest(recipe: _Recipe) -> str:
    digest = hashlib.sha256(sys.version.encode())
    digest.update(recipe.extra.encode())
    for top in recipe.inputs:
        files = sorted(top.rglob("*.py")) if top.is_dir() else [top]
        for file in files:
            digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _reason(error: Exception) -> str:
    """Return the last line of what the installer said."""
    said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
    lines = [line for line in str(said or error).splitlines() if line.strip()]
    return f"could not be installed: {lines[-1].strip()[:200] if lines else type(error).__name__}"


def _run(program: Path, *arguments: str, check: bool = True) -> int:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [str(program), *arguments],
        env={**clean, "PIP_CONSTRAINT": str(_CONSTRAINTS), "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        cwd=CACHE,
        capture_output=True,
        text=True,
        check=check,
        timeout=_BUILD_TIMEOUT_S,
    )
    return done.returncode


def _pip(folder: Path, *arguments: str) -> None:
    _run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", *arguments)


def _install_ours(folder: Path) -> None:
    _pip(folder, str(ROOT))


def _install_ours_aiohttp(folder: Path) -> None:
    _pip(folder, f"{ROOT}[aiohttp]")


def _install_bare(folder: Path) -> None:
    _pip(folder, "mcp==2.3.0", "httpx")


def _install_fastmcp(folder: Path) -> None:
    """Install FastMCP without the lower bound of its `certifi`, which not every package index has yet."""
    _pip(folder, "--no-deps", f"fastmcp=={FASTMCP}", f"fastmcp-slim=={FASTMCP}")
    lib = next((folder / "lib").glob("python*/site-packages"))
    wanted = set()
    for package in distributions(path=[str(lib)]):
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
    _pip(folder, *sorted(wanted))


def _install_tokens(folder: Path) -> None:
    _pip(folder, TOKENS)


_OURS: Final = (ROOT / "pyproject.toml", _CONSTRAINTS, ROOT / "src")
_RECIPES: Final = {
    "ours": _Recipe(
        _install_ours,
        _OURS,
        ("{bin}/projects-mcp",),
        ("{bin}/projects-mcp", "serve", "--host", "127.0.0.1", "--port"),
        needs="projects_mcp",
    ),
    "ours-aiohttp": _Recipe(
        _install_ours_aiohttp,
        _OURS,
        ("{bin}/projects-mcp",),
        ("{bin}/projects-mcp", "serve", "--host", "127.0.0.1", "--port"),
        needs="httpx_aiohttp",
    ),
    "bare": _Recipe(
        _install_bare,
        (_CONSTRAINTS,),
        ("{bin}/python", str(_PEERS / "bare.py")),
        ("{bin}/python", str(_PEERS / "bare.py"), "--port"),
    ),
    "fastmcp": _Recipe(
        _install_fastmcp,
        (_CONSTRAINTS,),
        ("{bin}/python", str(_PEERS / "from_openapi.py")),
        ("{bin}/python", str(_PEERS / "from_openapi.py"), "--port"),
        extra=FASTMCP,
    ),
    "tokens": _Recipe(_install_tokens, (), (), needs="rs_bpe", extra=TOKENS),
}
"""Every environment by its name."""
