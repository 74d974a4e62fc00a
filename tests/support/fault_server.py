"""A scripted upstream on a real loopback socket. It speaks HTTP by hand, so that it can break it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from projects_mcp.sandbox import ACME_ID

PROJECT = 12345
SECRET = "phs_UpstreamSecretPlanted0001"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
PROMISING_500 = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"
HTML = f"<html><title>Sign in</title>{SECRET}</html>".encode()


def project(**changes: Any) -> dict[str, Any]:
    return {
        "id": PROJECT,
        "name": "Acme web",
        "organization": ACME_ID,
        "timezone": "UTC",
        "api_token": "phc_public_token_0001",
        "secret_api_token": SECRET,
        "secret_api_token_backup": None,
        "is_pending_deletion": False,
        "product_intents": [],
        **changes,
    }


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def about_key(self) -> bool:
        return self.path.startswith("/api/personal_api_keys/") or self.path == "/api/organizations/"


@dataclass
class Exchange:
    """One request, and the connection to answer it on."""

    request: Request
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(
        self, status: int, body: bytes | Mapping[str, Any] | list[Any] = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        await self.raw(f"HTTP/1.1 {status} Fault\r\n{head}\r\n".encode() + data)

    def reset(self) -> None:
        self.writer.transport.abort()


Fault = Callable[[Exchange], Awaitable[None]]


@dataclass
class Upstream:
    """Answers reads of one project, and gives the request that a test is about to its fault."""

    fault: Fault | None = None
    breaks: Callable[[Request], bool] = lambda request: not request.about_key
    answer: Fault | None = None
    requests: list[Request] = field(default_factory=list)
    origin: str = ""
    hung_up: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _read(reader)) is not None:
                exchange = Exchange(request, reader, writer)
                if request.about_key:
                    await exchange.answer(200, {"scopes": ["*"]})
                    continue
                self.requests.append(request)
                if self.fault is not None and self.breaks(request):
                    await self.fault(exchange)
                else:
                    await (self.answer or _ordinary)(exchange)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.hung_up += 1
        finally:
            writer.close()

    @property
    def writes(self) -> list[Request]:
        return [request for request in self.requests if request.method != "GET"]


@asynccontextmanager
async def listening(upstream: Upstream) -> AsyncIterator[Upstream]:
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    upstream.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield upstream
    finally:
        server.close()
        for transport in list(getattr(server, "_clients", ())):
            transport.abort()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body)


async def _ordinary(exchange: Exchange) -> None:
    method, path = exchange.request.method, exchange.request.path.partition("?")[0]
    if method == "DELETE":
        await exchange.raw(b"HTTP/1.1 204 No Content\r\n\r\n")
    elif path.endswith("/projects/") and method == "GET":
        await exchange.answer(200, {"count": 0, "next": None, "previous": None, "results": []})
    elif path.endswith("/projects/"):
        await exchange.answer(201, project(id=777, **json.loads(exchange.request.body)))
    elif method == "PATCH":
        await exchange.answer(200, project(**json.loads(exchange.request.body or b"{}")))
    else:
        await exchange.answer(200, project())
