"""Events that a client can ask for again after its stream was closed."""

from __future__ import annotations

from mcp.server.streamable_http import EventCallback, EventId, EventMessage, EventStore, StreamId
from mcp_types import JSONRPCMessage

__all__ = ["KeptEvents"]


class KeptEvents(EventStore):
    """Keeps every event, for a server that runs as long as a test."""

    def __init__(self) -> None:
        self._events: list[tuple[StreamId, JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: StreamId, message: JSONRPCMessage | None) -> EventId:
        self._events.append((stream_id, message))
        return str(len(self._events) - 1)

    async def replay_events_after(self, last_event_id: EventId, send_callback: EventCallback) -> StreamId | None:
        if not last_event_id.isdecimal() or int(last_event_id) >= len(self._events):
            return None
        last = int(last_event_id)
        stream, _ = self._events[last]
        for number, (belongs_to, message) in enumerate(self._events[last + 1 :], last + 1):
            if belongs_to == stream and message is not None:  # None marks the start of a stream
                await send_callback(EventMessage(message, str(number)))
        return stream
