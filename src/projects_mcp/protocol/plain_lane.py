"""Answer what is plain, and know what the SDK has to be told of it if it is needed later.

A connection has an era, which its first request decides, as the SDK has it. A client that has only asked for the
revisions may still choose the handshake (MCP 2026-07-28, versioning). As long as that is open, the first line that is
not plain leaves the whole connection to the SDK: nobody else can know what era it has made of it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias

import anyio
from anyio.abc import TaskGroup

from projects_mcp.api.effects import Effect
from projects_mcp.protocol.plain_messages import (
    ENVELOPE,
    Plain,
    Request,
    client_of,
    id_key,
    is_hello,
    key_called_off,
    request_of,
)
from projects_mcp.protocol.published import Era, Published
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.tools.catalog import TOOLS
from projects_mcp.tools.several import NAMES_OF_PLANS

__all__ = ["PlainLane", "PlainSession"]

logger: Final = logging.getLogger("projects_mcp")

_INITIALIZE, _DISCOVER, _INITIALIZED = "initialize", "server/discover", "notifications/initialized"
_CHANGED_BY_SETTINGS_ONLY: Final = frozenset(
    {"organization_id", "project_id", "settings", "clear", "expected", "dry_run"}
)
"""Arguments with which a change of settings asks nobody. With any other, such as a name that confirms, a person may
have to be asked, and only the SDK can do that."""
_CLOSED: Final = '"error":{"code":-32000,"message":"Connection closed"}'
_FAULT: Final = '"error":{"code":-32603,"message":"Internal server error"}'

Answer: TypeAlias = str | Callable[[ToolRunner], Awaitable[str]]
"""The result of a request, or what makes it."""


class PlainSession:
    """What plain messages have made of one connection.

    Args:
        published: what the SDK answers to them.
    """

    def __init__(self, published: Published) -> None:
        self._published = published
        self._era: Era | None = None
        self._may_still_shake_hands = True
        self._client = ""
        self._told: list[tuple[str, Mapping[str, Any]]] = []
        self._over = False
        self._shared = False

    @property
    def is_unshared(self) -> bool:
        """Whether a request has been answered here, and the SDK knows nothing of this connection yet."""
        return self._era is not None and not self._shared

    def answer(self, message: Plain) -> Answer | None:
        """Return the answer to a request; None if the SDK must judge this message."""
        if self._over:
            return None
        if message.method == _INITIALIZE:
            return self._shake_hands(message.params)
        modern = self._era is not self._published.legacy
        era, request = self._published.modern if modern else self._published.legacy, request_of(message, modern=modern)
        if request is None:
            return None
        if message.method == "tools/call":
            client = request.client or self._client
            answer: Answer | None = partial(_call, era, request.params, client) if _is_plain_call(request) else None
        else:
            answer = partial(_list_tools, era) if message.method == "tools/list" else era.fixed.get(message.method)
        if answer is not None:
            self._enter(era, message.method)
        return answer

    def note(self, message: Plain) -> bool:
        """Take a notification, and tell whether it was one that only ends a handshake, and of which the SDK is told."""
        if message.method != _INITIALIZED or message.params or self._era is not self._published.legacy or self._shared:
            return False
        self._told.append((_INITIALIZED, {}))
        return True

    def hand_over(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Take notice that the SDK gets lines from now on.

        Returns:
            The methods and parameters of what it must be told before. None of it has an effect.
        """
        self._shared, self._over = True, self._may_still_shake_hands
        return self._told

    def _shake_hands(self, params: dict[str, Any]) -> str | None:
        if not self._may_still_shake_hands or not is_hello(params):
            return None
        answer = self._published.hello.get(params["protocolVersion"])
        if answer is not None:
            self._era, self._may_still_shake_hands = self._published.legacy, False
            self._client = client_of(params["clientInfo"])
            self._told.append((_INITIALIZE, params))
        return answer

    def _enter(self, era: Era, method: str) -> None:
        """Take notice of an era, and of what tells it to the SDK: a list in place of a call, which is made once."""
        if not self._may_still_shake_hands:
            return
        if method != _DISCOVER:
            self._may_still_shake_hands = False
        elif self._era is not None:
            return
        self._era = era
        self._told.append((_DISCOVER if method == _DISCOVER else "prompts/list", {"_meta": ENVELOPE}))


def _is_plain_call(request: Request) -> bool:
    """Whether a call is of a tool that destroys nothing, asks nobody and has nothing to say before its end."""
    tool, arguments = TOOLS.get(request.params["name"]), request.params.get("arguments", {})
    if tool is None or tool.effect.needs_confirmation:
        return False
    if tool.effect is Effect.CHANGE and arguments.keys() - _CHANGED_BY_SETTINGS_ONLY:
        return False
    # A call about several projects takes so long that a client may want to know how far it is. Only the SDK can tell.
    return not request.wants_progress or NAMES_OF_PLANS.isdisjoint(arguments)


async def _list_tools(era: Era, runner: ToolRunner) -> str:
    return era.list_of([tool.name for tool in await runner.list_tools()])


async def _call(era: Era, params: Mapping[str, Any], client: str, runner: ToolRunner) -> str:
    """Make the call. It cannot ask anybody, and does not need to."""
    return era.call(await runner.call(params["name"], params.get("arguments", {}), client=client))


@dataclass(eq=False, slots=True)
class _UnderWay:
    """One request under way."""

    number: int | str
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    called_off: bool = False


class PlainLane:
    """Answers the plain messages of one connection: each request once, or not at all if the client has called it off.

    Args:
        session: decides what is plain.
        runner: runs the tools.
        group: runs what is under way.
        write: writes a text whole.
    """

    def __init__(
        self, session: PlainSession, runner: ToolRunner, group: TaskGroup, write: Callable[[str], Awaitable[None]]
    ) -> None:
        self._session = session
        self._runner = runner
        self._group = group
        self._write = write
        self._under_way: set[_UnderWay] = set()
        self._latest: dict[int | str, _UnderWay] = {}
        """Those that can be called off: the latest of each id, as the SDK has it."""
        self._ends = False

    def __contains__(self, number: object) -> bool:
        """Whether a request with this id is under way."""
        return any(request.number == number for request in self._under_way)

    def take(self, message: Plain) -> bool:
        """Deal with a message if it is plain, and tell whether it was."""
        if message.number is None:
            key = key_called_off(message)
            return self._session.note(message) if key is None else self._call_off(key)
        answer = self._session.answer(message)
        if isinstance(answer, str):
            self._group.start_soon(self._answer, message.number, f'"result":{answer}')
        elif answer is not None:
            request = _UnderWay(message.number)
            self._under_way.add(request)
            self._latest[id_key(message.number)] = request
            self._group.start_soon(self._run, request, answer)
        else:
            self._latest.pop(id_key(message.number), None)  # the SDK has a later one now
        return answer is not None

    def end(self, within_s: float) -> None:
        """Let what is under way end, so long at the most; the rest is cancelled then, and answered so."""
        self._ends = True
        for request in self._under_way:
            request.scope.deadline = anyio.current_time() + within_s

    def _call_off(self, key: int | str) -> bool:
        request = self._latest.pop(key, None)
        if request is None:
            return self._session.is_unshared  # it has been answered, and there is nobody to tell
        request.called_off = True
        request.scope.cancel()
        return True

    async def _run(self, request: _UnderWay, answer: Callable[[ToolRunner], Awaitable[str]]) -> None:
        outcome = ""
        try:
            with request.scope:
                outcome = f'"result":{await answer(self._runner)}'
        except Exception as error:  # noqa: BLE001 - the runner masks what it does not foresee; this is for the rest
            kind = type(error).__name__  # its text may hold a secret, and nothing here can redact it
            logger.error("a plain request failed unexpectedly: %s", kind)  # noqa: TRY400 - as above
            outcome = _FAULT
        if self._latest.get(id_key(request.number)) is request:
            del self._latest[id_key(request.number)]
        if not outcome and self._ends:
            outcome = _CLOSED
        if outcome and not request.called_off:
            await self._answer(request.number, outcome)
        self._under_way.remove(request)

    async def _answer(self, number: int | str, outcome: str) -> None:
        written = json.dumps(number, ensure_ascii=False)
        await self._write(f'{{"jsonrpc":"2.0","id":{written},{outcome}}}\n')
