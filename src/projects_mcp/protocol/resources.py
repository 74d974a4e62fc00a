"""The resources: the configuration, what was done, any project by its address, and the completion of that address."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import unquote

from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp_types import Completion, CompletionArgument, CompletionContext, Resource, ResourceTemplate

from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sanitize.json_text import compact_json
from projects_mcp.state.store import StoreError

__all__ = ["RESOURCES", "RESOURCE_TEMPLATES", "complete", "read_resource"]

_JSON: Final = "application/json"
_CONFIG: Final = "projects://config"
_HISTORY: Final = "projects://history"
_MOST_ENTRIES: Final = 50
_PROJECT: Final = re.compile(r"projects://(?P<organization>[0-9a-fA-F-]{36}|@current)/(?P<project>[1-9][0-9]{0,15})")
_COMPLETED_PROJECTS: Final = 100
"""The most values in a completion, as the specification has it."""
_COMPLETED_CHARACTERS: Final = 200
"""How much of what was typed is looked up."""

RESOURCES: Final[Sequence[Resource]] = (
    Resource(
        uri=_CONFIG,
        name="config",
        title="Configuration and rights",
        description="What this server is configured and allowed to do, and which tools are hidden and why.",
        mime_type=_JSON,
    ),
    Resource(
        uri=_HISTORY,
        name="history",
        title="What was done",
        description="The calls that changed something, newest first, each with the call that undoes it.",
        mime_type=_JSON,
    ),
)
RESOURCE_TEMPLATES: Final[Sequence[ResourceTemplate]] = (
    ResourceTemplate(
        uri_template="projects://{organization_id}/{project_id}",
        name="project",
        title="A project",
        description="One project, as project_get shows it. organization_id may be @current.",
        mime_type=_JSON,
    ),
)


async def read_resource(runner: ToolRunner, uri: str) -> list[ReadResourceContents]:
    """Read the configuration or a project.

    Raises:
        ResourceNotFoundError: there is nothing at that address.
        ResourceError: there may be, and it could not be read.
    """
    if uri == _CONFIG:
        return [ReadResourceContents(content=compact_json(await runner.describe()), mime_type=_JSON)]
    if uri == _HISTORY:
        try:
            past = await runner.history.entries()
        except StoreError as error:
            raise ResourceError(f"The state store cannot be used: {error}.") from None
        shown: dict[str, Any] = {"calls": past.calls[:_MOST_ENTRIES]} | ({"notes": past.notes} if past.notes else {})
        return [ReadResourceContents(content=compact_json(shown), mime_type=_JSON)]
    address = _PROJECT.fullmatch(unquote(uri))
    if address is None:
        raise ResourceNotFoundError("There is no such resource. The template is projects://organization/project.")
    arguments = {"organization_id": address["organization"], "project_id": int(address["project"])}
    result = await runner.call("project_get", arguments, counted=True)  # as a request
    if result.failed:
        kind = (result.error or {}).get("kind")
        raise (ResourceNotFoundError if kind == "not_found" else ResourceError)(result.text)
    return [ReadResourceContents(content=result.text, mime_type=_JSON)]


async def complete(
    runner: ToolRunner, argument: CompletionArgument, context: CompletionContext | None
) -> Completion | None:
    """Complete an organization, or the id of a project by its name."""
    typed = argument.value.strip()[:_COMPLETED_CHARACTERS]
    if argument.name == "organization_id":
        return Completion(values=["@current"] if "@current".startswith(typed) else [])
    if argument.name != "project_id":
        return None
    arguments: dict[str, Any] = {"limit": _COMPLETED_PROJECTS}
    if typed and not typed.isdigit():
        arguments["search"] = typed
    if organization := (context.arguments or {}).get("organization_id") if context else None:
        arguments["organization_id"] = organization
    body = (await runner.call("project_list", arguments, counted=True)).body or {}
    ids = [str(project["id"]) for project in body.get("projects", ())]
    found = [number for number in ids if number.startswith(typed)] if typed.isdigit() else ids
    return Completion(values=found, has_more="next_offset" in body)
