"""The kind of an answer: JSON, or a stream of events, as the client's `Accept` has it."""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["AcceptedKinds"]

_BOTH: Final = b"application/json, text/event-stream"
_JSON: Final = frozenset({"application/json", "application/*"})
_STREAM: Final = frozenset({"text/event-stream", "text/*"})
_ANYTHING: Final = "*/*"


class AcceptedKinds:
    """The SDK's Streamable HTTP, also for clients that name one kind of answer, or none.

    The protocol wants both named, and the SDK refuses all others. Whoever names JSON alone, or nothing, is answered in
    JSON. Whoever takes a stream can be answered in either: the specification leaves that to the server.

    Args:
        streaming: answers in either kind.
        json_only: answers in JSON.
    """

    def __init__(self, streaming: ASGIApp, json_only: ASGIApp) -> None:
        self._streaming = streaming
        self._json_only = json_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            HTTPException: 406, the client takes neither kind.
        """
        app = self._streaming
        given = [value for name, value in scope["headers"] if name == b"accept"]
        if given != [_BOTH]:
            parts = b",".join(given).decode("latin-1").split(",")
            kinds = {part.partition(";")[0].strip().lower() for part in parts} - {""}
            if not kinds.isdisjoint((*_STREAM, _ANYTHING)):
                accept = _BOTH
            elif not kinds or not kinds.isdisjoint(_JSON):
                app, accept = self._json_only, b"application/json"
            else:
                raise HTTPException(406, "Accept application/json, text/event-stream, or both.")
            others = [(name, value) for name, value in scope["headers"] if name != b"accept"]
            scope = {**scope, "headers": [*others, (b"accept", accept)]}
        await app(scope, receive, send)
