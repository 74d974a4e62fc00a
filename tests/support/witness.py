"""A witness at PostHog's door, and what is known of a call and of a question while they are under way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mcp_types import (
    InputRequiredResult,
)

from tests.support.harness import Recorder, Sent

State = tuple[Any, ...]
Subject = tuple[str, int, str | None]
"""A tool, a project, and where to for a move."""


class Witness(Recorder):
    """Stands at PostHog's door: may let somebody else act between two reads, and reports each destructive request."""

    def __init__(self, application: Any, on_destroy: Callable[[Sent], None]) -> None:
        super().__init__(application)
        self.ambush: Callable[[], None] | None = None
        self._on_destroy = on_destroy

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        before = len(self.requests)
        if scope["method"] != "GET":
            self._on_destroy(Sent(scope["method"], scope["path"], {}, {}, None))
        await super().__call__(scope, receive, send)
        if self.ambush is not None and len(self.requests) > before and self.requests[-1].method == "GET":
            ambush, self.ambush = self.ambush, None
            ambush()


@dataclass
class Pending:
    """A question of the newer protocol that waits for its answer."""

    client: str
    subject: Subject
    arguments: dict[str, Any]
    question: InputRequiredResult
    state: State
    used: bool = False
    """An answer was counted: a yes that destroyed something, or a no."""


@dataclass
class Wish:
    """What the harness is calling right now, and what a person has agreed to."""

    subject: Subject
    name: str
    asks: bool
    arguments: dict[str, Any]
