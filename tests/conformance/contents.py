"""Tools that return one kind of content each, fail, report progress or log."""

from __future__ import annotations

from typing import Annotated, Any, Final

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    EmbeddedResource,
    ImageContent,
    TextContent,
)
from pydantic import Field

from conformance.media import audio, embedded, image, text

__all__ = ["SCHEMA", "WITH_SCHEMA", "mount"]

WITH_SCHEMA: Final = "json_schema_2020_12_tool"
"""The tool that must be listed with exactly `SCHEMA`."""

SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
"""Every keyword of JSON Schema 2020-12 that the suite looks for."""

_PAUSE_S: Final = 0.02
"""Between two notifications, so that they cannot leave as one."""


def mount(server: MCPServer[None]) -> None:
    """Add the tools to a server."""
    for tool in (
        test_simple_text,
        test_image_content,
        test_audio_content,
        test_embedded_resource,
        test_multiple_content_types,
        test_error_handling,
        test_tool_with_logging,
        test_tool_with_progress,
        test_logging_tool,
        test_missing_capability,
        test_x_mcp_header,
        test_reconnection,
        json_schema_2020_12_tool,
    ):
        server.add_tool(tool)


def test_simple_text() -> str:
    """Return text."""
    return "This is a simple text response for testing."


def test_image_content() -> list[ImageContent]:
    """Return a picture."""
    return [image()]


def test_audio_content() -> list[AudioContent]:
    """Return a sound."""
    return [audio()]


def test_embedded_resource() -> list[EmbeddedResource]:
    """Return a resource."""
    return [embedded("test://embedded-resource", "This is an embedded resource content.")]


def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
    """Return text, a picture and a resource."""
    data = embedded("test://mixed-content-resource", '{"test": "data", "value": 123}', "application/json")
    return [text("Multiple content types test:"), image(), data]


def test_error_handling() -> str:
    """Fail."""
    raise ToolError("This tool intentionally returns an error for testing")


async def test_tool_with_logging(context: Context[None, Any]) -> str:
    """Log three messages on the way."""
    for message in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await _log(context, message)
        await anyio.sleep(_PAUSE_S)
    return "Tool with logging executed successfully"


async def test_tool_with_progress(context: Context[None, Any]) -> str:
    """Report progress three times."""
    for done in (0, 50, 100):
        await context.report_progress(progress=done, total=100, message=f"Completed step {done} of 100")
        await anyio.sleep(_PAUSE_S)
    return "Tool with progress executed successfully"


async def test_logging_tool(context: Context[None, Any]) -> str:
    """Log one message, which may leave only where the request asked for messages."""
    await _log(context, "test_logging_tool ran")
    return "logged"


async def test_missing_capability(context: Context[None, Any]) -> str:
    """Need a client that can sample."""
    capabilities = context.client_capabilities
    if capabilities is None or capabilities.sampling is None:
        raise MCPError(
            code=MISSING_REQUIRED_CLIENT_CAPABILITY,
            message="This tool requires the client 'sampling' capability",
            data={"requiredCapabilities": {"sampling": {}}},
        )
    return "The client can sample."


def test_x_mcp_header(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> str:
    """Take an argument that is repeated in a header."""
    return f"region={region}"


async def test_reconnection(context: Context[None, Any]) -> str:
    """Close the stream in the middle of the call, for the client to come back."""
    await _log(context, "Before disconnect")
    await context.close_sse_stream()
    await anyio.sleep(0.2)
    await _log(context, "After reconnect")
    return "Reconnection test completed"


def json_schema_2020_12_tool() -> str:
    """Be listed with a schema that uses every keyword."""
    return "json_schema_2020_12_tool"


async def _log(context: Context[None, Any], message: str) -> None:
    # The suite still asks for what the SDK discourages.
    await context.info(message)
