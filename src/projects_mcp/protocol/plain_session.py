"""Decide what a plain message is answered with, and what the SDK has to be told of it if it is needed later.

A connection has an era, which its first request decides, as the SDK has it. A client that has only asked for the
revisions may still choose the handshake (MCP 2026-07-28, versioning). As long as that is open, the first line that is
not plain leaves the whole connection to the SDK: nobody else can know what era it has made of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from secrets import token_hex
from typing import Any, Final, NamedTuple

from projects_mcp.api.effects import Effect
from projects_mcp.protocol.plain_messages import (
    MODERN_REVISION,
    Plain,
    Request,
    client_of,
    is_hello,
    legacy_request,
    modern_request,
)
from projects_mcp.protocol.published import Era, Published
from projects_mcp.tools.catalog import TOOLS
from projects_mcp.tools.several import NAMES_OF_PLANS

__all__ = ["ListTools", "PlainSession", "ToolCall"]

_INITIALIZE, _DISCOVER, _INITIALIZED = "initialize", "server/discover", "notifications/initialized"
_CHANGED_BY_SETTINGS_ONLY: Final = frozenset(
    {"organization_id", "project_id", "settings", "clear", "expected", "dry_run"}
)
"""Arguments with which a change of settings asks nobody. With any other, such as a name that confirms, a person may
have to be asked, and only the SDK can do that."""
"""Arguments of calls about several projects, which take so long that a client may want to know how far they are. Only
the SDK can tell it."""


class ToolCall(NamedTuple):
    """A call to make.

    Attributes:
        era: in which its result is written.
        name: of the tool.
        arguments: unchecked.
        client: the program that makes it, as it names itself; empty if it does not.
    """

    era: Era
    name: str
    arguments: dict[str, Any]
    client: str


class ListTools(NamedTuple):
    """The tools are to be listed, in this era."""

    era: Era


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
        self._told: list[str] = []
        self.own_ids: Final = f"told-{token_hex(8)}-"
        """How the ids begin of what the SDK is told. No answer to them may reach the client, which has its own."""
        self.over = False
        """Whether everything is the SDK's from now on."""

    @property
    def begun(self) -> bool:
        """Whether a request has been answered here."""
        return self._era is not None

    def answer(self, message: Plain) -> str | ToolCall | ListTools | None:
        """Return the result of a request, or what makes it; None if the SDK must judge this message."""
        if self.over:
            return None
        if message.method == _INITIALIZE:
            return self._shake_hands(message.params)
        era, request = self._read(message)
        if era is None or request is None:
            return None
        answer = self._answer(era, message.method, request)
        if answer is not None:
            self._enter(era, message.method)
        return answer

    def note(self, message: Plain, line: str) -> bool:
        """Take a notification, and tell whether it was one that only ends the handshake."""
        if self._era is not self._published.legacy or message.method != _INITIALIZED or message.params or self.over:
            return False
        self._told.append(line)
        return True

    def hand_over(self) -> None:
        """Take notice that the SDK gets a line that is not plain."""
        self.over = self.over or self._may_still_shake_hands

    def take_told(self) -> list[str]:
        """Return what the SDK must be told before it gets another line. None of it has an effect."""
        told, self._told = self._told, []
        return told

    def _shake_hands(self, params: dict[str, Any]) -> str | None:
        if not self._may_still_shake_hands or not is_hello(params):
            return None
        answer = self._published.hello.get(params["protocolVersion"])
        if answer is not None:
            self._era, self._may_still_shake_hands = self._published.legacy, False
            self._client = client_of(params["clientInfo"])
            self._tell(_INITIALIZE, params)
        return answer

    def _read(self, message: Plain) -> tuple[Era | None, Request | None]:
        if self._era is self._published.legacy:
            request = legacy_request(message.params)
            return self._era, None if request is None else request._replace(client=self._client)
        return self._published.modern, modern_request(message.params)

    def _answer(self, era: Era, method: str, request: Request) -> str | ToolCall | ListTools | None:
        if method == "tools/call":
            return _plain_call(era, request)
        if request.params:
            return None
        return ListTools(era) if method == "tools/list" else era.fixed.get(method)

    def _enter(self, era: Era, method: str) -> None:
        """Take notice of the era of a request, and tell the SDK: by a list in place of a call, which is made once."""
        if not self._may_still_shake_hands:
            return
        if method != _DISCOVER:
            self._may_still_shake_hands = False
        elif self._era is not None:
            return
        self._era = era
        envelope = {
            "io.modelcontextprotocol/protocolVersion": MODERN_REVISION,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        self._tell(_DISCOVER if method == _DISCOVER else "prompts/list", {"_meta": envelope})

    def _tell(self, method: str, params: Mapping[str, Any]) -> None:
        message = {"jsonrpc": "2.0", "id": f"{self.own_ids}{method}", "method": method, "params": params}
        self._told.append(json.dumps(message, ensure_ascii=False))


def _plain_call(era: Era, request: Request) -> ToolCall | None:
    """Return the call of a tool that destroys nothing, asks nobody and has nothing to say before its end."""
    params = request.params
    if params.keys() - {"name", "arguments"}:
        return None
    name, arguments = params.get("name"), params.get("arguments", {})
    tool = TOOLS.get(name) if type(name) is str else None
    if tool is None or type(arguments) is not dict or tool.effect.needs_confirmation:
        return None
    if tool.effect is Effect.CHANGE and arguments.keys() - _CHANGED_BY_SETTINGS_ONLY:
        return None
    if request.wants_progress and not NAMES_OF_PLANS.isdisjoint(arguments):
        return None
    return ToolCall(era, tool.name, arguments, request.client)
