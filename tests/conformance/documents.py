"""Resources and prompts."""

from __future__ import annotations

import json

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.prompts.base import UserMessage

from conformance.media import PICTURE, embedded, image, text

__all__ = ["mount"]


def mount(server: MCPServer[None]) -> None:
    """Add them to a server."""
    server.resource("test://static-text", mime_type="text/plain")(static_text)
    server.resource("test://static-binary", mime_type="image/png")(static_binary)
    server.resource("test://template/{id}/data", mime_type="application/json")(from_template)
    server.resource("test://watched-resource", mime_type="text/plain")(watched)
    for prompt in (
        test_simple_prompt,
        test_prompt_with_arguments,
        test_prompt_with_embedded_resource,
        test_prompt_with_image,
    ):
        server.prompt()(prompt)


def static_text() -> str:
    return "This is the content of the static text resource."


def static_binary() -> bytes:
    return PICTURE


def from_template(id: str) -> str:  # noqa: A002 - the name in the template is the suite's
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def watched() -> str:
    return "Watched resource content"


def test_simple_prompt() -> list[UserMessage]:
    """Take no argument."""
    return [UserMessage(content=text("This is a simple prompt for testing."))]


def test_prompt_with_arguments(arg1: str, arg2: str) -> list[UserMessage]:
    """Take two arguments."""
    return [UserMessage(content=text(f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"))]


def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:  # noqa: N803 - the suite's name
    """Carry a resource."""
    return [
        UserMessage(content=embedded(resourceUri, "Embedded resource content for testing.")),
        UserMessage(content=text("Please process the embedded resource above.")),
    ]


def test_prompt_with_image() -> list[UserMessage]:
    """Carry a picture."""
    return [UserMessage(content=image()), UserMessage(content=text("Please analyze the image above."))]
