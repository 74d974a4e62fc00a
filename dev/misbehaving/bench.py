"""What a client is given to misbehave with, and what it hands back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dev.misbehaving.session import MODERN, Elicitation, Session, ToolCall

__all__ = ["Bench", "NotApplicableError", "Observation"]


class NotApplicableError(Exception):
    """The question of this server leaves nothing to this client, as a form without a box to one that ticks none."""


class Observation(NamedTuple):
    """A call, and what the server may make of it.

    Attributes:
        call: the call.
        consented: whether the server was given a yes to its own question about this call.
        owed: whether the server owes a response.
    """

    call: ToolCall
    consented: bool = False
    owed: bool = True


@dataclass
class Bench:
    """A session, and the destructive call that the server should ask about.

    Attributes:
        session: with the server.
        tool: the destructive tool.
        arguments: of the call.
        other: arguments of another call of the same tool, about something else; None if there are none.
        take_snapshot: reads what the tool destroys; from then on a change counts.
        asked: how many questions the server has asked.
    """

    session: Session
    tool: str
    arguments: Mapping[str, Any]
    other: Mapping[str, Any] | None
    take_snapshot: Callable[[], Awaitable[None]]
    asked: int = field(default=0)

    async def call(self, arguments: Mapping[str, Any] | None = None) -> ToolCall:
        """Call the tool, and do not wait."""
        return await self.session.call(self.tool, arguments or self.arguments)

    async def ask(self, arguments: Mapping[str, Any] | None = None) -> tuple[ToolCall, Elicitation | None]:
        """Call the tool, and wait for the question."""
        call = await self.call(arguments)
        question = await self.session.question(call)
        self.asked += question is not None
        return call, question

    async def reply(self, call: ToolCall, question: Elicitation, answer: Mapping[str, Any]) -> ToolCall:
        """Answer a question: live, or by calling again. Return the call that it belongs to."""
        if self.session.era == MODERN:
            return await self.again({question.key: answer}, question.state)
        await self.session.answer(question.key, answer)
        return call

    async def again(
        self, answers: Mapping[str, Any], state: str | None, arguments: Mapping[str, Any] | None = None
    ) -> ToolCall:
        """Call once more, with answers and state."""
        return await self.session.call(self.tool, arguments or self.arguments, answers, state)

    async def end(self, *calls: ToolCall) -> None:
        """Wait until the server has responded to calls, or their time is over."""
        for call in calls:
            await self.session.wait(call)
