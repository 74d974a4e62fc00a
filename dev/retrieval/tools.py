"""The tools that are searched: ours, as a client sees them, and those of other servers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    """

    server: str
    name: str
    description: str
    arguments: str

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(self)


def our_tools() -> list[SearchedTool]:
    """Return our tools, under the name that `projects-mcp install` gives the server."""
    return [
        SearchedTool(NAME, tool.name, tool.description, " ".join(_told(tool.input_schema["properties"])))
        for tool in CATALOG
    ]


def _told(properties: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names and descriptions of arguments, those inside objects too."""
    for name, schema in properties.items():
        yield name
        yield schema.get("description", "")
        yield from _told(schema.get("properties", {}))


def other_tools() -> list[SearchedTool]:
    """Return the tools of other servers: server, name, arguments and description, as `pool.tsv` has them."""
    rows = (line.split("\t") for line in _POOL.read_text(encoding="utf-8").splitlines())
    return [
        SearchedTool(server, name, description, arguments.replace(",", " "))
        for server, name, arguments, description in rows
    ]
