"""A scripted upstream: PostHog's answers, rendered once, over keep-alive HTTP/1.1 on this machine.

It understands just enough of HTTP to be cheap, so that what is measured is the server before it. It runs as a process
of its own: `python -m dev.bench.upstream [--delay-ms 50]` prints its port as one line, and ends with its stdin.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from dev.bench.fixtures import ORDINARY_ID, PROJECT_ID, full_project, introspection, page

__all__ = ["Script", "listen"]

_HEAD_END: Final = b"\r\n\r\n"
_DEFAULT_ROWS: Final = 100
_MOST_ROWS: Final = 5_000


class Script:
    """What to answer to which request."""

    def __init__(self) -> None:
        projects = {number: _response("200 OK", full_project(number)) for number in (PROJECT_ID, ORDINARY_ID)}
        self._projects = {f"/projects/{number}/".encode(): answer for number, answer in projects.items()}
        self._key = _response("200 OK", introspection())
        self._missing = _response("404 Not Found", {"type": "invalid_request", "code": "not_found", "detail": "?"})

    def answer(self, target: bytes) -> bytes:
        """Return the whole response to a request for that target, whatever the method."""
        path, _, query = target.partition(b"?")
        for end, project in self._projects.items():
            if path.endswith(end):
                return project
        if path.endswith(b"/projects/"):
            return _listed(*_asked(query))
        return self._key if path == b"/api/personal_api_keys/@current/" else self._missing


@lru_cache(maxsize=16)
def _listed(count: int, phrase: str) -> bytes:
    return _response("200 OK", page(count, phrase))


def _asked(query: bytes) -> tuple[int, str]:
    """Return how many rows to answer, and what is in their names: `search` if it is a number, else `limit` says it.

    With `search`, a list can be longer than any limit that a server lets its callers ask for.
    """
    given = dict(part.partition(b"=")[::2] for part in query.split(b"&"))
    for name in (b"search", b"limit"):
        if (value := given.get(name, b"")).isdigit():
            return min(int(value), _MOST_ROWS), value.decode() if name == b"search" else ""
    return _DEFAULT_ROWS, ""


def _response(status: str, body: dict[str, Any]) -> bytes:
    data = json.dumps(body, separators=(",", ":")).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


class _Connection(asyncio.Protocol):
    """One connection. Requests come one after the other, as from every client that does not pipeline."""

    def __init__(self, script: Script, delay_s: float) -> None:
        self._script = script
        self._delay_s = delay_s
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._pending = self._pending + data if self._pending else data
        while (end := self._pending.find(_HEAD_END)) >= 0:
            head, rest = self._pending[:end], self._pending[end + len(_HEAD_END) :]
            length = _body_length(head)
            if len(rest) < length:
                return
            self._pending = rest[length:]
            answer = self._script.answer(head.split(b" ", 2)[1])
            if self._delay_s:
                asyncio.get_running_loop().call_later(self._delay_s, self._transport.write, answer)
            else:
                self._transport.write(answer)


def _body_length(head: bytes) -> int:
    at = head.lower().find(b"\r\ncontent-length:")
    return int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def listen(delay_s: float = 0.0) -> asyncio.Server:
    """Listen on a free port of this machine."""
    script = Script()
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _Connection(script, delay_s), "127.0.0.1", 0, backlog=256)


def _once(ended: asyncio.Future[None]) -> Callable[[], None]:
    def end() -> None:
        if not ended.done():
            ended.set_result(None)

    return end


async def _serve(delay_s: float) -> None:
    server = await listen(delay_s)
    print(server.sockets[0].getsockname()[1], flush=True)
    gc.freeze()
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _once(ended))
    await ended
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay-ms", type=float, default=0, help="wait so long before each answer")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args().delay_ms / 1000))
