"""An approval to offer, and a clock that a test moves."""

from dataclasses import dataclass
from typing import Any

from projects_mcp.state.approval import Approval

BINDINGS = ("a" * 64, "b" * 64)


def waiting(binding: str = BINDINGS[0], **facts: Any) -> Approval:
    return Approval(
        **{
            "id": "",
            "binding": binding,
            "tool": "project_delete",
            "project": 7,
            "phrase": "Acme web",
            "lines": (("Project", "“Acme web”"), ("What is lost", "All of it.")),
            "caller": "",
            "passkey": False,
            "approvers": None,
            "until": 0.0,
            **facts,
        }
    )


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now
