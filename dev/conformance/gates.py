"""The gates by their names, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from dev.conformance import agents, clients, conformance, graders, inspector
from dev.openapi import prism
from dev.release import publishing, wheel
from dev.toolbox import Toolbox

__all__ = ["GATES", "Gate"]

Gate = Callable[[Toolbox], Sequence[str]]
"""Returns the tool's own summary.

Raises:
    FailedError: the tool has found something.
    UnavailableError: the tool cannot be had.
"""

GATES: Final[Mapping[str, Gate]] = {
    "conformance-2025-11-25": partial(conformance.required, revision="2025-11-25"),
    "conformance-2026-07-28": partial(conformance.required, revision="2026-07-28"),
    "tools-2025-11-25": partial(conformance.tools, revision="2025-11-25"),
    "tools-2026-07-28": partial(conformance.tools, revision="2026-07-28"),
    "tools-headers": conformance.headers,
    "inspector": inspector.inspect,
    "typescript": clients.typescript,
    "python-1.x": clients.python,
    "converters": agents.converters,
    "agents": agents.agents,
    "crewai": agents.crewai,
    "node-libraries": agents.node,
    "graders": graders.grade,
    "openapi": prism.check,
    "mcpb": publishing.manifest,
    "registry": publishing.registry,
    "wheel": wheel.check,
    "bundle": publishing.bundle,
}
