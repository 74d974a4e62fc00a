"""Tools that ask the client by a live request: protocol revisions before 2026-07-28."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.mcpserver import Context, Elicit, ElicitationResult, MCPServer, Resolve
from mcp_types import SamplingMessage
from pydantic import BaseModel, Field

from conformance.media import text

__all__ = ["mount"]


def mount(server: MCPServer[None]) -> None:
    """Add the tools to a server."""
    for tool in (
        test_sampling,
        test_elicitation,
        test_elicitation_sep1034_defaults,
        test_elicitation_sep1330_enums,
        test_streaming_elicitation,
    ):
        server.add_tool(tool)


class Word(BaseModel):
    """One answer in words."""

    response: str = Field(description="User's response")


class Defaults(BaseModel):
    """One field of each type, with what it holds at first."""

    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: str = Field(default="active", json_schema_extra={"enum": ["active", "inactive", "pending"]})
    verified: bool = True


def _titled(**titles: str) -> list[Any]:
    return [{"const": value, "title": title} for value, title in titles.items()]


class Choices(BaseModel):
    """One field for each way of offering a choice; the names are the suite's."""

    untitledSingle: str = Field(json_schema_extra={"enum": ["active", "inactive", "pending"]})  # noqa: N815
    titledSingle: str = Field(  # noqa: N815
        json_schema_extra={"oneOf": _titled(low="Low Priority", medium="Medium Priority", high="High Priority")}
    )
    untitledMulti: list[str] = Field(  # noqa: N815
        json_schema_extra={"items": {"type": "string", "enum": ["read", "write", "execute"]}}
    )
    titledMulti: list[str] = Field(  # noqa: N815
        json_schema_extra={"items": {"anyOf": _titled(feature="New Feature", bug="Bug Fix", docs="Documentation")}}
    )
    legacyEnum: str = Field(  # noqa: N815
        json_schema_extra={
            "enum": ["small", "medium", "large"],
            "enumNames": ["Small Size", "Medium Size", "Large Size"],
        }
    )


async def test_sampling(prompt: str, context: Context[None, Any]) -> str:
    """Ask the client's model."""
    result = await context.session.create_message(
        messages=[SamplingMessage(role="user", content=text(prompt))],
        max_tokens=100,
        related_request_id=context.request_id,
    )
    return f"LLM response: {result.content.text if result.content.type == 'text' else 'No response'}"


async def test_elicitation(message: str, context: Context[None, Any]) -> str:
    """Ask the person for a word."""
    return await _ask(context, message, Word)


async def test_elicitation_sep1034_defaults(context: Context[None, Any]) -> str:
    """Ask with a form that is filled in already."""
    return await _ask(context, "Please provide user information", Defaults)


async def test_elicitation_sep1330_enums(context: Context[None, Any]) -> str:
    """Ask with a form of choices."""
    return await _ask(context, "Please select values", Choices)


async def _ask(context: Context[None, Any], message: str, form: type[BaseModel]) -> str:
    result = await context.elicit(message=message, schema=form)
    content = result.data.model_dump_json() if result.action == "accept" else "{}"
    return f"User response: action={result.action}, content={content}"


def _question() -> Elicit[Word]:
    return Elicit("Which word?", Word)


async def test_streaming_elicitation(answer: Annotated[ElicitationResult[Word], Resolve(_question)]) -> str:
    """Ask in whichever way the protocol revision has."""
    return f"elicitation {answer.action}"
