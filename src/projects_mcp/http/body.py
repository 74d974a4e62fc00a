"""The body of a request: read whole, within its bounds, and one message."""

from __future__ import annotations

import json
from typing import Final

import anyio
from mcp_types import jsonrpc_message_adapter
from mcp_types.jsonrpc import JSONRPCNotification
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from projects_mcp.http.limits import BODY_BYTES, BODY_TIMEOUT_S
from projects_mcp.http.unreadable import refuse_unreadable

__all__ = ["BodyLimit", "replay"]

_CLOSE: Final = {"Connection": "close"}
"""For answers before the body has come: the rest of it is still to come, and nobody will read it."""


class BodyLimit:
    """Reads the body whole, within its bounds, before anything of the request runs. It must be one message."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            HTTPException: 413, the body is too long; 408, it takes too long; 400, it is cut off.
        """
        body = await _read_body(scope, receive)
        try:
            message = jsonrpc_message_adapter.validate_json(body, by_name=False)
        except ValidationError:
            await refuse_unreadable(body)(scope, receive, send)
            return
        # a request whose id is of another type: the SDK would take it for a notification
        if isinstance(message, JSONRPCNotification) and b'"id"' in body and "id" in json.loads(body):
            await refuse_unreadable(body)(scope, receive, send)
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
