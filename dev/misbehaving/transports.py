"""The two ways to a server: start it and speak over its pipes, or post to its address."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import httpx

__all__ = ["Connection", "HttpTransport", "Message", "StdioTransport", "Transport"]

Message = dict[str, Any]

_LONGEST_LINE: Final = 16 * 1024 * 1024
_END_WITHIN_S: Final = 5.0
_READ_WITHIN_S: Final = 600.0


class Connection(Protocol):
    """A connection to a server, on which any message can be sent at any time."""

    async def send(self, message: Message) -> None:
        """Send a message. If the server is gone, nothing happens."""
        ...

    async def receive(self) -> Message | None:
        """Return the next message of the server's; None if there will be none."""
        ...

    async def aclose(self) -> None:
        """Go away without a word."""
        ...


class Transport(Protocol):
    """How a server is reached."""

    async def connect(self) -> Connection:
        """Open a connection; over stdio, to a new process.

        Raises:
            OSError: the server cannot be started.
        """
        ...


class StdioTransport:
    """Starts a process for each connection, with the environment of this one."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command

    async def connect(self) -> Connection:
        """Start the server."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_LONGEST_LINE,
        )
        return _Pipes(process)


class HttpTransport:
    """Posts to a server over Streamable HTTP."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url, self._headers = url, headers

    async def connect(self) -> Connection:
        """Prepare a connection; nothing is sent yet."""
        return _Posts(self._url, self._headers)


class _Pipes:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def send(self, message: Message) -> None:
        stdin = self._process.stdin
        if stdin is None:
            raise AssertionError("the process was started with pipes")
        with contextlib.suppress(ConnectionError):
            stdin.write(json.dumps(message).encode() + b"\n")
            await stdin.drain()

    async def receive(self) -> Message | None:
        stdout = self._process.stdout
        if stdout is None:
            raise AssertionError("the process was started with pipes")
        while line := await stdout.readline():
            with contextlib.suppress(ValueError):
                message = json.loads(line)
                if isinstance(message, dict):
                    return message
        return None

    async def aclose(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _END_WITHIN_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


class _Posts:
    """Each message is a POST on a connection of its own. What comes back on its stream goes into one queue.

    A connection that is used again may be closed by the server in that very moment, and the message would be lost.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url = url
        self._client = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(30.0, read=_READ_WITHIN_S),
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self._session: dict[str, str] = {}
        self._came: asyncio.Queue[Message | None] = asyncio.Queue()
        self._posts: set[asyncio.Task[None]] = set()

    async def send(self, message: Message) -> None:
        post = asyncio.create_task(self._post(message))
        self._posts.add(post)
        post.add_done_callback(self._posts.discard)
        if "method" not in message or "id" not in message:
            await asyncio.wait([post])  # no answer to wait for, and the order of messages should stand

    async def receive(self) -> Message | None:
        return await self._came.get()

    async def aclose(self) -> None:
        for post in list(self._posts):
            post.cancel()
        await asyncio.gather(*self._posts, return_exceptions=True)
        await self._client.aclose()
        await self._came.put(None)

    async def _post(self, message: Message) -> None:
        headers = {"Accept": "application/json, text/event-stream", **self._session, **_routing(message)}
        with contextlib.suppress(httpx.HTTPError):
            async with self._client.stream("POST", self._url, json=message, headers=headers) as response:
                if message.get("method") == "initialize" and "mcp-session-id" in response.headers:
                    self._session["Mcp-Session-Id"] = response.headers["mcp-session-id"]
                if response.headers.get("content-type", "").startswith("text/event-stream"):
                    async for line in response.aiter_lines():
                        if line.startswith("data:"):
                            await self._take(line.removeprefix("data:"))
                else:
                    await self._take((await response.aread()).decode(errors="replace"))
        if message.get("method") == "initialize":
            self._session["MCP-Protocol-Version"] = message["params"]["protocolVersion"]

    async def _take(self, text: str) -> None:
        with contextlib.suppress(ValueError):
            message = json.loads(text)
            if isinstance(message, dict):
                await self._came.put(message)


def _routing(message: Message) -> dict[str, str]:
    """Return the headers that repeat what a message of protocol 2026-07-28 says."""
    params = message.get("params", {})
    version = params.get("_meta", {}).get("io.modelcontextprotocol/protocolVersion")
    if version is None:
        return {}
    headers = {"MCP-Protocol-Version": version, "Mcp-Method": message["method"]}
    return {**headers, "Mcp-Name": params["name"]} if "name" in params else headers
