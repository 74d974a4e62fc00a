"""The package as it is published: built, checked by the official tool, and run from the wheel alone."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from dev.environments import CACHE, CONSTRAINTS, ROOT, InstallError, UnavailableError, create_venv, first_on_path
from dev.gate import FailedError, last_lines, run_step
from dev.processes import without_settings
from dev.toolbox import Toolbox
from dev.uv import UvError, uv_environment

__all__ = ["check"]

_GATE: Final = "wheel"


def check(box: Toolbox) -> list[str]:
    """Build both archives, check them, and run the tools from the wheel in a new environment."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel, source = _built(box, folder / "dist")
        twine = run_step(_GATE, [str(box.publishing / "twine"), "check", "--strict", str(wheel), str(source)])
        if (passed := twine.count("PASSED")) != 2:  # noqa: PLR2004 - one for each archive
            raise FailedError(f"twine: {passed} of 2 passed")
        return [f"{wheel.name}, {source.name}: twine check: {passed} PASSED", _run_alone(folder, wheel)]


def _built(box: Toolbox, dist: Path) -> tuple[Path, Path]:
    # The wheel is built from the source archive, so what it needs and the archive lacks would be noticed.
    command = [str(box.publishing / "python"), "-m", "build", "--outdir", str(dist)]
    environment = {**os.environ, "PIP_CONSTRAINT": str(CONSTRAINTS)}
    with suppress(UvError, UnavailableError):  # then pip installs what builds it
        environment = first_on_path(box.uv.parent, uv_environment(environment))
        command += ["--installer", "uv"]
    run_step(_GATE, [*command, str(ROOT)], environment=environment)
    (wheel,), (source,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        stray = [name for name in archive.namelist() if not name.startswith(("projects_mcp/", "projects_mcp-"))]
        if stray or "projects_mcp/py.typed" not in archive.namelist():
            raise FailedError(f"the wheel holds what it should not, or lacks py.typed: {stray}")
    with tarfile.open(source) as archive:
        hidden = [name for name in archive.getnames() if f"/{CACHE.name}" in name or "/.venv" in name]
        if hidden:
            raise FailedError(f"the source archive holds what is no source: {hidden[:3]}")
    return wheel, source


def _run_alone(folder: Path, wheel: Path) -> str:
    """Install the wheel where nothing else is, and use it from a folder that has nothing to do with the checkout."""
    home, away = folder / "venv", folder / "away"
    away.mkdir()
    try:
        create_venv(home, str(wheel), pinned=True)
    except InstallError as error:
        raise FailedError(f"the wheel cannot be installed: {error}") from error
    clean = {name: value for name, value in without_settings().items() if not name.startswith("PYTHON")}
    command = str(home / "bin" / "projects-mcp")
    version = run_step(_GATE, [command, "--version"], environment=clean, folder=away).strip()
    tools = json.loads(run_step(_GATE, [command, "tools", "--sandbox", "--json"], environment=clean, folder=away))
    listed = run_step(_GATE, [command, "call", "--sandbox", "project_list"], environment=clean, folder=away)
    count = len(json.loads(listed)["projects"])
    shutil.rmtree(home)
    return f"{last_lines(version, 1)[0]}, from the wheel alone: {len(tools)} tools, {count} projects listed"
