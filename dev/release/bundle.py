"""Pack the server as a bundle for desktop clients, into dist/, with the official tool: `python -m dev.release.bundle`.

Beside the bundle it leaves the copy of server.json that the registry wants, with the hash of this very bundle.

A bundle carries the source, and a lock with the exact versions that are tested together and their hashes. The client
installs them with uv when it starts the server for the first time. The lock is made here, and is kept nowhere else.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dev.environments import CACHE, CONSTRAINTS, ROOT, UnavailableError
from dev.processes import run
from dev.toolbox import Toolbox
from hatch_build import tracked_files

PACKED: Final = (
    "manifest.json",
    "README.md",
    "LICENSE",
    "assets/icon.png",
    "src/projects_mcp/**/*.py",
    "src/projects_mcp/http/approval/passkey.js",
    "src/projects_mcp/protocol/icon.png",
    "src/projects_mcp/protocol/published.json",
    "src/projects_mcp/py.typed",
)
"""What goes into a bundle as it is, if git tracks it. Nothing else of a checkout does, whatever lies there."""

_SECTIONS: Final = frozenset(
    {"build-system", "project", "project.scripts", "tool.hatch.version", "tool.hatch.build.targets.wheel"}
)
"""Those of pyproject.toml that installing needs."""


class BundleError(Exception):
    """The bundle cannot be made. The text is what the tool says about it."""


def stage(folder: Path) -> None:
    """Lay out everything but the lock, in an empty folder."""
    tracked = tracked_files(ROOT)
    for pattern in PACKED:
        for file in sorted(ROOT.glob(pattern)):
            name = file.relative_to(ROOT)
            if tracked is not None and name.as_posix() not in tracked:
                continue
            copy = folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
    (folder / "pyproject.toml").write_text(project(), encoding="utf-8")


def project() -> str:
    """Return pyproject.toml without what only developers need, and with the tested versions as constraints."""
    parts = re.split(r"^(?=\[)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    kept = [part for part in parts if part[1:].partition("]")[0] in _SECTIONS]
    pins = [line for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    # The second list is for what builds the package, which no lock covers.
    constraints = [
        f"{kind} = {json.dumps(pins)}\n" for kind in ("constraint-dependencies", "build-constraint-dependencies")
    ]
    return "".join((*kept, "\n[tool.uv]\n", *constraints))


def lock(box: Toolbox, folder: Path) -> None:
    """Write uv.lock: every package for every platform, with its hash."""
    # Settings of this machine's own, such as a mirror, must not get into what others install from.
    _run([str(box.uv), "lock", "--no-config", "--python", sys.executable, "--directory", str(folder)], box, folder)


def pack(box: Toolbox, folder: Path, bundle: Path) -> list[str]:
    """Validate what is staged and pack it, and return what the official tool says about both."""
    mcpb = box.program("mcpb")
    validated = _run([mcpb, "validate", str(folder / "manifest.json")], box, folder)
    packed = _run([mcpb, "pack", str(folder), str(bundle)], box, folder)
    return [*validated.splitlines(), *packed.splitlines()]


def registry_entry(bundle: Path) -> str:
    """Return server.json with the hash of a bundle."""
    value = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))
    for package in value["packages"]:
        if package["registryType"] == "mcpb":
            package["fileSha256"] = hashlib.sha256(bundle.read_bytes()).hexdigest()
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def make(box: Toolbox, out: Path) -> tuple[Path, list[str]]:
    """Make the bundle and the entry for the registry, and return the bundle and what the official tool says."""
    manifest = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
    bundle = out.resolve() / f"{manifest['name']}-{manifest['version']}.mcpb"
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stage(folder)
        lock(box, folder)
        said = pack(box, folder, bundle)
    (out / "server.json").write_text(registry_entry(bundle), encoding="utf-8", newline="\n")
    return bundle, said


def _run(command: Sequence[str], box: Toolbox, folder: Path) -> str:
    environment = {"UV_CACHE_DIR": str(CACHE / "uv-cache"), **box.environment}
    done = run(command, environment=environment, folder=folder)
    if done.returncode:
        raise BundleError(f"{Path(command[0]).name}: {(done.stdout + done.stderr).strip()}")
    return done.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the bundle.

    Returns:
        1 where a tool is missing or finds something wrong, else 0.
    """
    parser = argparse.ArgumentParser(description="Pack the server as a bundle for desktop clients.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="the folder for the bundle; default: dist")
    try:
        bundle, said = make(Toolbox(), parser.parse_args(arguments).out)
    except (BundleError, UnavailableError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("\n".join((*said, "", str(bundle))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
