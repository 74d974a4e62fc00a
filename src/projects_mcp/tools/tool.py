"""A tool: one coroutine, one row of the operations, and one statement of the arguments that it takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from projects_mcp.api.effects import Effect
from projects_mcp.api.operations import BY_KEY, OPERATIONS, Operation
from projects_mcp.api.outcome import Outcome
from projects_mcp.api.types import MAX_ID, JSONObject
from projects_mcp.tools.schema import closed_object, public_schema

__all__ = ["CONFIRM_PROJECT_NAME", "Tool", "ToolFunction", "tool"]

ToolFunction: TypeAlias = Callable[..., Awaitable[JSONObject]]

_ORGANIZATION: Mapping[str, Any] = {
    "type": "string",
    "maxLength": 64,
    "description": "UUID / slug",
}
_PROJECT: Mapping[str, Any] = {
    "type": "integer",
    "minimum": 1,
    "maximum": MAX_ID,
    "description": "Project number",
}
_ONE_OF_MANY: Mapping[str, Any] = {**_PROJECT, "description": "A PostHog project"}
_CURRENT_PROJECT: Mapping[str, Any] = {**_PROJECT, "description": "PostHog project; else the current active one"}
CONFIRM_PROJECT_NAME: Mapping[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 400,
    "description": "Exact name, from the user",
}
_SESSION_ONLY = "By browser session."

_RECEIPT_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "operation": {"type": "string", "description": "The tool that ran"},
        "project": {"type": "object", "description": "id, name and organization_id"},
        "outcome": {
            "type": "string",
            "enum": [outcome.value for outcome in Outcome],
            "description": "What became of the write",
        },
        "changed": {"type": "object", "description": "Field to its value before and after"},
        "ignored": {"type": "array", "items": {"type": "string"}, "description": "Fields that did not take"},
        "revert": {"type": "object", "description": "Arguments of project_update that undo it"},
        "next": {"type": "array", "items": {"type": "object"}, "description": "At most three next steps"},
    },
    "additionalProperties": True,
}
_ANY_OBJECT: Mapping[str, Any] = {"type": "object", "additionalProperties": True}


class Tool(NamedTuple):
    """One tool. The effect of its operation decides its hints, access level, confirmation and repeated requests.

    Attributes:
        name: what clients call.
        title: what people read.
        description: what a model reads: what it does and returns, and when not to use it.
        operation: the one operation of PostHog's that it may send, besides reading the project of the call.
        by_key: what it sends in place of that where there is no session.
        arguments: the whole statement of what it takes, which is enforced.
        input_schema: the extract of it that is published.
        run: the coroutine.
    """

    name: str
    title: str
    description: str
    operation: Operation
    by_key: Operation
    arguments: Mapping[str, Any]
    input_schema: Mapping[str, Any]
    run: ToolFunction

    @property
    def effect(self) -> Effect:
        """What it does to a project."""
        return self.operation.effect

    @property
    def output_schema(self) -> Mapping[str, Any]:
        """A permissive schema: no field of PostHog's, new, missing or null, can break it."""
        return _ANY_OBJECT if self.effect.reads else _RECEIPT_SCHEMA


def tool(
    name: str,
    title: str,
    description: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    required: Sequence[str] = (),
    current_project: bool = False,
    several: bool = False,
) -> Callable[[ToolFunction], Tool]:
    """Make a tool of a coroutine.

    Args:
        name: what clients call; there is an operation of that name.
        title: what people read.
        description: what a model reads.
        arguments: its own arguments, as JSON Schemas.
        required: which of those must be given.
        current_project: whether the project may be left out, meaning the one that the credential's owner has open.
        several: whether a call may be about several projects, and then names none as its own. The function sees to it.
    """
    operation = OPERATIONS[name]
    properties: dict[str, Any] = {"organization_id": _ORGANIZATION} if operation.in_organization else {}
    needed: list[str] = []
    if operation.on_project:
        properties["project_id"] = _CURRENT_PROJECT if current_project else _ONE_OF_MANY if several else _PROJECT
        if not (current_project or several):
            needed.append("project_id")
    properties |= arguments or {}
    needed += required
    if operation.effect.needs_confirmation:
        properties["confirm_project_name"] = CONFIRM_PROJECT_NAME
        needed.append("confirm_project_name")
    # A model should know before it tries. What is only offered where it works needs no word of it.
    if operation.session_only and not operation.needs_session and name not in BY_KEY:
        description = f"{description} {_SESSION_ONLY}"
    whole = closed_object(properties, needed)
    creates = operation.effect is Effect.ADD and not operation.on_project

    def make(run: ToolFunction) -> Tool:
        other, published = BY_KEY.get(name, operation), public_schema(whole, at_creation=creates)
        return Tool(name, title, description, operation, other, whole, published, run)

    return make
