"""Read projects for the commands: which there are, and some of their fields, within the windows of the key."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import anyio

from projects_mcp.api.types import JSONObject
from projects_mcp.cli.fleet.calling import CallError, call, pause
from projects_mcp.fleet.settings_file import SettingsFileError
from projects_mcp.runner.runner import ToolRunner

__all__ = ["read_projects", "read_rows"]

_AT_ONCE: Final = 8
_PAGE: Final = 500
_PARTS: Final = (20, 5)
"""Fields of one call, where all of them would be too many for one answer."""


async def read_rows(runner: ToolRunner, **where: str) -> list[JSONObject]:
    """Return id and name of all projects of the organization that this server may touch, by id.

    Args:
        runner: makes the calls.
        where: `organization_id`, if it is not the one of the settings.

    Raises:
        SettingsFileError: some may be missing, or all of them are.
        CallError: they cannot be read.
    """
    rows: dict[int, JSONObject] = {}
    arguments: JSONObject = {"limit": _PAGE, **where}
    while True:
        body = await call(runner, "project_list", arguments)
        rows |= {row["id"]: row for row in body["projects"]}
        if "next_offset" not in body:
            break
        arguments = {**arguments, "offset": body["next_offset"]}
    if not rows:
        raise SettingsFileError("no project of this organization is visible to this key and these settings")
    total = body.get("total")
    if body.get("incomplete") or (total is not None and len(rows) != total):
        raise SettingsFileError("projects changed while they were listed; try again in a moment")
    return [rows[number] for number in sorted(rows)]


async def read_projects(
    runner: ToolRunner, fields: Mapping[int, Collection[str]], **where: str
) -> tuple[dict[int, JSONObject], dict[int, str]]:
    """Read fields of projects, some projects at a time.

    Args:
        runner: makes the calls.
        fields: id -> the fields to read of that project.
        where: `organization_id`, if it is not the one of the settings.

    Returns:
        What was read, and why the others could not be: id -> a sentence.
    """
    read: dict[int, JSONObject] = {}
    failed: dict[int, str] = {}
    limit = anyio.CapacityLimiter(_AT_ONCE)

    async def one(number: int, names: Iterable[str]) -> None:
        async with limit:
            try:
                read[number] = await _read(runner, {**where, "project_id": number}, list(names))
            except (CallError, SettingsFileError) as error:
                failed[number] = str(error)

    async with anyio.create_task_group() as tasks:
        for number, names in fields.items():
            tasks.start_soon(one, number, names)
    return read, failed


async def _read(runner: ToolRunner, which: Mapping[str, Any], fields: Sequence[str]) -> JSONObject:
    """Read fields of one project: at once, or in parts where an answer would be cut."""
    for part in (len(fields), *_PARTS):
        project: JSONObject = {}
        for at in range(0, len(fields), part):
            while wait_s := await runner.fleet_requests.take():
                await pause(wait_s)
            body = await call(runner, "project_get", {**which, "fields": fields[at : at + part]})
            if "truncated" in body:
                break
            project |= body
        else:
            return project
    raise SettingsFileError("it is too large; let the operator raise PROJECTS_MCP_RESULT_LIMIT")
