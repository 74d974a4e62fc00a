"""The body of a request: read whole, within its bounds, and never several messages at a time."""

from __future__ import annotations

import re
from typing import Final

import anyio
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from projects_mcp.http.limits import BODY_BYTES, BODY_TIMEOUT_S
from projects_mcp.http.responses import json_response

__all__ = ["BodyLimit", "replay"]

_CLOSE: Final = {"Connection": "close"}
"""For answers before the body has come: the rest of it is still to come, and nobody will read it."""
_BATCH: Final = re.compile(rb"[ \t\r\n]*\[")
_NO_BATCHES: Final = {
    "jsonrpc": "2.0",
    "id": None,
    "error": {
        "code": -32600,
        "message": "Invalid request: no batch is taken over HTTP. Nothing was done. Send each message in a request of "
        "its own.",
    },
}


class BodyLimit:
    """Reads the body whole, within its bounds, before anything of the request runs. A batch is not run."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            HTTPException: 413, the body is too long; 408, it takes too long; 400, it is cut off.
        """
        body = await _read_body(scope, receive)
        if _BATCH.match(body):  # the SDK's answer would quote the messages
            await json_response(_NO_BATCHES, 400)(scope, receive, send)
            return
        await self._app(scope, replay(body, receive), send)


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a channel that gives a body that has been read once more, and then whatever comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


async def _read_body(scope: Scope, receive: Receive) -> bytes:
    too_long = HTTPException(413, f"The request is longer than {BODY_BYTES} bytes.", _CLOSE)
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    if announced.isdigit() and int(announced[:20]) > BODY_BYTES:
        raise too_long
    body = bytearray()
    with anyio.move_on_after(BODY_TIMEOUT_S):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise HTTPException(400, "The request was cut off.")  # what did not arrive whole is not run
            body += message.get("body", b"")
            if len(body) > BODY_BYTES:
                raise too_long
            if not message.get("more_body", False):
                return bytes(body)
    raise HTTPException(408, f"The request took longer than {BODY_TIMEOUT_S:g} seconds to arrive.", _CLOSE)
