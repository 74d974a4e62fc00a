"""What every library must get done with the tools that it made of ours. Needs nothing but the standard library.

Each script beside this one runs in the environment of its library: `python -m dev.conformance.libraries.fastmcp
'{"command": "…", "tools": 13}'`. `url` stands in place of `command` for HTTP. It prints one line, or fails.
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from collections.abc import Awaitable, Callable, Collection
from importlib.metadata import version
from typing import Any, Final

__all__ = ["SANDBOX", "Call", "expect", "object_in", "run", "walk"]

Call = Callable[[str, dict[str, Any]], Awaitable[object]]
"""Calls a tool as the library does it, and returns whatever the library hands to a model, errors too."""

SANDBOX: Final = {"PROJECTS_MCP_SANDBOX": "1", "PROJECTS_MCP_LOG_LEVEL": "error"}
_NOTHING: Final = "Nothing was changed"
_SETTINGS: Final[dict[str, Any]] = {
    "week_start_day": 1,
    "session_recording_sample_rate": 0.5,
    "session_recording_opt_in": True,
    "app_urls": ["https://example.com"],
    "business_model": "b2b",
}
"""A choice of integers, a number, a boolean, a list and a choice of texts."""


def run(library: str, main: Callable[[dict[str, Any]], Awaitable[str]]) -> None:
    """Run a script with the plan of its command line, or with each of several, and print what it has come to.

    Several plans in one process spare the import of a library, which takes far longer than a walk.

    Args:
        library: as its package is called, for the version.
        main: walks, and returns what it has to say.
    """
    given = json.loads(sys.argv[1])

    async def bounded(plan: dict[str, Any]) -> str:
        return await asyncio.wait_for(_awaited(main(plan)), timeout=100)

    for plan in given if isinstance(given, list) else [given]:
        said = asyncio.run(bounded(plan))
        sys.stdout.write(f"{library} {version(library)}, {'http' if 'url' in plan else 'stdio'}: {said}\n")


async def walk(plan: dict[str, Any], names: Collection[str], call: Call) -> str:
    """List, create, read, change and delete, with a project of our own."""
    expect(len(set(names)) == plan["tools"], f"{len(names)} tools: {names}")

    async def done(tool: str, **arguments: Any) -> dict[str, Any]:
        answer = await call(tool, arguments)
        found = object_in(answer)
        expect(found and "error" not in found, f"{tool} answered {answer}")
        return found

    listed = await done("project_list")
    expect(listed["total"] == len(listed["projects"]), listed)
    created = await done(
        "project_create", name=f"Made by a library {uuid.uuid4()}", settings={"timezone": "Asia/Tokyo"}
    )
    identity, name = created["project"]["id"], created["project"]["name"]
    changed = await done("project_update", project_id=identity, settings=_SETTINGS, clear=["primary_dashboard"])
    expect(changed["outcome"] == "applied" and not changed["ignored"], changed)
    read = await done("project_get", project_id=identity, fields=["name", "timezone", *_SETTINGS])
    expect((read["name"], read["timezone"], read["week_start_day"]) == (name, "Asia/Tokyo", 1), read)

    refused = await call("project_delete", {"project_id": identity, "confirm_project_name": "another name"})
    expect(_NOTHING in str(refused), f"a wrong name was not refused: {refused}")
    deleted = await done("project_delete", project_id=identity, confirm_project_name=name)
    expect(deleted["outcome"] == "applied", deleted)
    left = object_in(await call("project_get", {"project_id": identity, "fields": ["is_pending_deletion"]}))
    expect(left.get("is_pending_deletion", True), left)  # gone, or waiting for it
    return f"{len(names)} tools; listed, created, changed, read, refused, deleted"


def object_in(answer: object) -> dict[str, Any]:
    """Return the object that a tool answered, from whatever a library made of it; an empty one for an error."""
    if isinstance(answer, list | tuple):
        return next((found for part in answer if (found := object_in(part))), {})
    if isinstance(answer, dict):
        inner = next((answer[key] for key in ("structuredContent", "content", "text") if answer.get(key)), None)
        return answer if inner is None else object_in(inner)
    if isinstance(answer, str) and "{" in answer:
        try:
            found = json.JSONDecoder().raw_decode(answer[answer.index("{") :])[0]
        except ValueError:
            return {}
        return object_in(found)
    text = getattr(answer, "text", None) or getattr(answer, "content", None)
    return {} if text is None else object_in(text)


def expect(met: object, otherwise: object) -> None:
    """Fail where something is not as it should be."""
    if not met:
        raise SystemExit(f"failed: {str(otherwise)[:1_000]}")


async def _awaited(coming: Awaitable[str]) -> str:
    return await coming
