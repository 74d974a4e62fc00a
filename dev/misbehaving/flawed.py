"""A small server with one flaw of your choice, to see that the suite finds it: `python -m dev.misbehaving.flawed FLAW`.

It has one destructive tool, `destroy`, which it asks about, and `look`, which says how often that was done.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from uuid import uuid4

__all__ = ["FLAWS", "SOUND"]

SOUND: Final = "none"
FLAWS: Final = (SOUND, "any-answer", "any-state", "blame", "unbounded")
"""Takes any answer as a yes; takes a yes whatever its state; blames the user for every no; waits for ever."""

_WAITS_S: Final = 1.0
_FORM: Final = {"type": "object", "properties": {"sure": {"type": "boolean"}}, "required": ["sure"]}
_ASK: Final = {"mode": "form", "message": "Destroy it?", "requestedSchema": _FORM}
_VERSIONS: Final = ["2025-11-25", "2026-07-28"]


class _Asked(NamedTuple):
    call: int
    until: float


class _Server:
    def __init__(self, flaw: str, say: Callable[[Mapping[str, Any]], None]) -> None:
        self._flaw, self._say = flaw, say
        self._done = 0
        self._questions = 0
        self._live: dict[Any, _Asked] = {}
        self._states: dict[str, str] = {}
        self._declared = False

    def take(self, message: dict[str, Any]) -> None:
        """Take one message."""
        method, params = message.get("method"), message.get("params", {})
        if method is None:
            self._answered(message)
        elif method == "initialize":
            self._declared = "elicitation" in params["capabilities"]
            about = {"protocolVersion": _VERSIONS[0], "capabilities": {"tools": {}}, "serverInfo": {"name": "flawed"}}
            self._respond(message["id"], about)
        elif method == "server/discover":
            self._respond(message["id"], {"supportedVersions": _VERSIONS, "capabilities": {"tools": {}}})
        elif method == "notifications/cancelled":
            self._live = {key: asked for key, asked in self._live.items() if asked.call != params.get("requestId")}
        elif method == "tools/call":
            self._called(message["id"], params)

    def give_up(self) -> None:
        """End the calls whose question was not answered in time."""
        for key, asked in list(self._live.items()):
            if asked.until < time.monotonic() and self._flaw != "unbounded":
                del self._live[key]
                self._refuse(asked.call, "The question was not answered in time.")

    def _called(self, number: int, params: Mapping[str, Any]) -> None:
        if params["name"] == "look":
            self._text(number, f"done {self._done} times")
        elif params["name"] != "destroy":
            self._text(number, "There is no such tool.", failed=True)
        elif "_meta" in params:
            self._called_in_rounds(number, params)
        elif not self._declared:
            self._refuse(number, "This client cannot show questions.")
        else:
            self._questions += 1
            self._live[self._questions] = _Asked(number, time.monotonic() + _WAITS_S)
            self._say({"jsonrpc": "2.0", "id": self._questions, "method": "elicitation/create", "params": _ASK})

    def _called_in_rounds(self, number: int, params: Mapping[str, Any]) -> None:
        if "elicitation" not in params["_meta"]["io.modelcontextprotocol/clientCapabilities"]:
            self._refuse(number, "This client cannot show questions.")
            return
        arguments = json.dumps(params["arguments"])
        answer = params.get("inputResponses", {}).get("sure")
        known = self._states.pop(params.get("requestState", ""), None) == arguments
        if answer is not None and (known or self._flaw == "any-state"):
            self._decide(number, answer)
            return
        state = uuid4().hex
        self._states[state] = arguments
        question = {"sure": {"method": "elicitation/create", "params": _ASK}}
        self._respond(number, {"resultType": "input_required", "inputRequests": question, "requestState": state})

    def _answered(self, message: Mapping[str, Any]) -> None:
        asked = self._live.pop(message.get("id"), None)
        if asked is not None:
            self._decide(asked.call, message.get("result", {}))

    def _decide(self, number: int, answer: Mapping[str, Any]) -> None:
        ticked = (answer.get("content") or {}).get("sure") is True
        if (answer.get("action") == "accept" and ticked) or self._flaw == "any-answer":
            self._done += 1
            self._text(number, "Destroyed.")
        else:
            self._refuse(number, "There was no yes.")

    def _refuse(self, number: int, text: str) -> None:
        self._text(number, "The user declined." if self._flaw == "blame" else text, failed=True)

    def _text(self, number: int, text: str, *, failed: bool = False) -> None:
        content = [{"type": "text", "text": text}]
        self._respond(number, {"resultType": "complete", "content": content, "isError": failed})

    def _respond(self, number: int, result: Mapping[str, Any]) -> None:
        self._say({"jsonrpc": "2.0", "id": number, "result": result})


def _print(message: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main(flaw: str) -> None:
    """Serve over stdin and stdout until stdin ends."""
    server = _Server(flaw, _print)
    rest = b""
    while True:
        if select.select([sys.stdin], [], [], 0.1)[0]:
            data = os.read(sys.stdin.fileno(), 1 << 16)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                server.take(json.loads(line))
        server.give_up()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else SOUND)
