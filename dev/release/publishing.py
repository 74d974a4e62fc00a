"""What is handed to those who publish: the bundle for desktop clients, and the entry for the registry of servers."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft7Validator, FormatChecker  # type: ignore[import-untyped]  # it carries no types

from dev.environments import CACHE, ROOT
from dev.gate import FailedError, last_lines, run_step
from dev.toolbox import Toolbox

__all__ = ["bundle", "complaints", "manifest", "registry"]

_ENTRY: Final = ROOT / "server.json"


def manifest(box: Toolbox) -> list[str]:
    """Let the official tool validate the manifest, and pack the bundle."""
    validated = run_step(
        "mcpb", [box.program("mcpb"), "validate", str(ROOT / "manifest.json")], environment=box.environment
    )
    command = [sys.executable, "-m", "dev.release.bundle", "--out", str(CACHE / "dist")]
    packed = run_step("mcpb", command, environment=box.environment)
    kept = ("package size", "shasum", "total files")
    return [
        validated.splitlines()[0],
        *(line for line in packed.splitlines() if line.startswith(kept)),
        *registry(box, CACHE / "dist" / "server.json"),
    ]


def bundle(box: Toolbox) -> list[str]:
    """Pack it, unpack it, and start the server from it as a client does."""
    for tool in (box.uv, box.program("mcpb"), box.registry_schema):
        if not Path(tool).exists():
            raise FailedError(f"{tool} is not there")
    tests = [str(ROOT / "tests" / name) for name in ("project/test_bundle.py", "project/test_registry.py")]
    environment = {**os.environ, "OFFICIAL": "required"}
    return last_lines(run_step("bundle", [sys.executable, "-m", "pytest", *tests], environment=environment), 1)


def registry(box: Toolbox, entry: Path = _ENTRY) -> list[str]:
    """Hold an entry to the official schema of the registry."""
    schema = json.loads(box.registry_schema.read_text(encoding="utf-8"))
    found = complaints(schema, json.loads(entry.read_text(encoding="utf-8")))
    if found:
        raise FailedError("\n".join(found))
    return [f"{entry.relative_to(ROOT)} is valid under {schema['$id']}"]


def complaints(schema: dict[str, Any], entry: dict[str, Any]) -> list[str]:
    """Return what the schema has against an entry, and whether the entry names that schema."""
    found = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
        for error in Draft7Validator(schema, format_checker=FormatChecker()).iter_errors(entry)
    ]
    if entry.get("$schema") != schema["$id"]:
        found.append(f"$schema is not {schema['$id']}")
    return found
