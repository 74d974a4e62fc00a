"""The tools that are searched: ours, as a client sees them, and those of other servers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from projects_mcp.cli.install.entries import NAME
from projects_mcp.tools.catalog import CATALOG

__all__ = ["SearchedTool", "other_tools", "our_tools"]

_POOL: Final = Path(__file__).with_name("pool.tsv")


class SearchedTool(NamedTuple):
    """What a search knows of a tool.

    Attributes:
        server: the name of its server in the client.
        name: what is called.
        description: what a model reads.
        arguments: the names of the arguments, with their descriptions.
        inside: the same, with what is inside of arguments that are objects.
    """

    server: str
    name: str
    description: str
    arguments: str
    inside: str


def our_tools() -> list[SearchedTool]:
    """Return our tools, under the name that `projects-mcp install` gives the server."""
    return [
        SearchedTool(NAME, tool.name, tool.description, _told(properties), _told(properties, inside=True))
        for tool in CATALOG
        for properties in (tool.input_schema["properties"],)
    ]


def _told(properties: Mapping[str, Any], *, inside: bool = False) -> str:
    return " ".join(
        f"{name} {schema.get('description', '')} {_told(schema.get('properties', {}), inside=True) if inside else ''}"
        for name, schema in properties.items()
    )


def other_tools() -> list[SearchedTool]:
    """Return the tools of other servers: server, name, arguments and description, as `pool.tsv` has them."""
    rows = (line.split("\t") for line in _POOL.read_text(encoding="utf-8").splitlines())
    return [
        SearchedTool(server, name, description, arguments, arguments) for server, name, arguments, description in rows
    ]
