"""The package as it is published: built, checked by the official tool, and run from the wheel alone."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path
from typing import Final

from dev.conformance.processes import last_lines, run
from dev.conformance.toolbox import CONSTRAINTS, ROOT, Toolbox
from dev.conformance.verdicts import FailedError

__all__ = ["check"]

_GATE: Final = "wheel"


def check(box: Toolbox) -> list[str]:
    """Build both archives, check them, and run the tools from the wheel in a new environment."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel, source = _built(box, folder / "dist")
        twine = run(_GATE, [str(box.publishing / "twine"), "check", "--strict", str(wheel), str(source)])
        if (passed := twine.count("PASSED")) != 2:  # noqa: PLR2004 - one for each archive
            raise FailedError(f"twine: {passed} of 2 passed")
        return [f"{wheel.name}, {source.name}: twine check: {passed} PASSED", _run_alone(folder, wheel)]


def _built(box: Toolbox, dist: Path) -> tuple[Path, Path]:
    # The wheel is built from the source archive, so what it needs and the archive lacks would be noticed.
    command = [str(box.publishing / "python"), "-m", "build", "--outdir", str(dist), str(ROOT)]
    run(_GATE, command, environment={**os.environ, "PIP_CONSTRAINT": str(CONSTRAINTS)})
    (wheel,), (source,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        stray = [name for name in archive.namelist() if not name.startswith(("projects_mcp/", "projects_mcp-"))]
        if stray or "projects_mcp/py.typed" not in archive.namelist():
            raise FailedError(f"the wheel holds what it should not, or lacks py.typed: {stray}")
    with tarfile.open(source) as archive:
        hidden = [name for name in archive.getnames() if "/.official" in name or "/.venv" in name]
        if hidden:
            raise FailedError(f"the source archive holds what is no source: {hidden[:3]}")
    return wheel, source


def _run_alone(folder: Path, wheel: Path) -> str:
    """Install the wheel where nothing else is, and use it from a folder that has nothing to do with the checkout."""
    home, away = folder / "venv", folder / "away"
    away.mkdir()
    venv.create(home, with_pip=True)
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "POSTHOG_"))}
    run(_GATE, [*pip, str(wheel)], environment={**clean, "PIP_CONSTRAINT": str(CONSTRAINTS)})
    command = str(home / "bin" / "projects-mcp")
    version = run(_GATE, [command, "--version"], environment=clean, folder=away).strip()
    tools = json.loads(run(_GATE, [command, "tools", "--sandbox", "--json"], environment=clean, folder=away))
    listed = run(_GATE, [command, "call", "--sandbox", "project_list"], environment=clean, folder=away)
    count = len(json.loads(listed)["projects"])
    shutil.rmtree(home)
    return f"{last_lines(version, 1)[0]}, from the wheel alone: {len(tools)} tools, {count} projects listed"
