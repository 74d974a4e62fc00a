"""A run of the doctor, and what it found."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from anyio.from_thread import start_blocking_portal

from projects_mcp.cli.doctor.findings import Level
from projects_mcp.sandbox import (
    ALL_ACCESS_KEY,
    CSRF_TOKEN,
    NO_SCOPE_KEY,
    OAUTH_TOKEN,
    ONE_ORGANIZATION_KEY,
    ONE_PROJECT_KEY,
    READ_ONLY_KEY,
    READ_WRITE_KEY,
    SESSION_ID,
    World,
    seed,
)
from projects_mcp.sandbox.app import create_app
from tests.support.fault_server import SECRET, Exchange, Request, Upstream, listening
from tests.support.upstream import serving

SENTENCES = {
    "no key": "No PostHog key is configured.",
    "malformed key": "POSTHOG_PERSONAL_API_KEY stands in quotation marks",
    "wrong kind of key": "It opens nothing here.",
    "other region": "The key belongs to PostHog's region eu, and POSTHOG_HOST is us.",
    "revoked in both regions": "nor does the other region: it was revoked",
    "other region unasked": "; region eu could not be asked: it was revoked",
    "revoked": "does not know the key: it was revoked, or belongs to another PostHog.",
    "no scopes": "it has no scope for projects",
    "restricted to projects": "The key is restricted to projects",
    "restricted to organizations": "The key is restricted to organizations",
    "not PostHog": "is not PostHog:",
    "tls": "could not be verified on this machine",
    "proxy": "is in the way",
    "refused": "Nothing accepts a connection at",
    "failing": "it fails with status 503",
    "silent": "it did not answer in time",
    "session expired": "The browser session has expired, was signed out, or is of another PostHog.",
    "csrf": "its CSRF token is wrong",
    "csrf needed": "does not take a CSRF token that this server makes itself",
    "csrf address": "does not take requests of a browser at",
    "missing project": "does not exist in",
    "audit log": "cannot be written:",
}
"""A piece of the sentence for each situation. No report shows a sentence of another one."""

SECRETS = (
    READ_WRITE_KEY,
    READ_ONLY_KEY,
    ALL_ACCESS_KEY,
    NO_SCOPE_KEY,
    ONE_PROJECT_KEY,
    ONE_ORGANIZATION_KEY,
    OAUTH_TOKEN,
    SESSION_ID,
    CSRF_TOKEN,
    SECRET,
    "planted",
)
"""None of them may be printed. Every value that is planted somewhere else says so in itself."""


class Examined:
    """What one run printed for programs, and that the lines for people say the same."""

    def __init__(self, code: int, printed: str, lines: str) -> None:
        self.code = code
        self.report: dict[str, Any] = json.loads(printed)
        self.findings: list[dict[str, Any]] = self.report["findings"]
        self.lines = lines
        assert self.report["exit_code"] == code
        for finding in self.findings:
            assert set(finding) == {"check", "level", "sentence", "fix"}
            assert finding["level"] in set(Level)
            assert finding["sentence"] in lines
            assert finding["fix"] is None or finding["fix"] in lines
            assert finding["level"] not in {"warning", "problem"} or finding["fix"], "says what to do"
        assert [secret for secret in SECRETS if secret in printed + lines] == []

    def told(self) -> set[str]:
        """The situations whose sentences were printed."""
        return {name for name, piece in SENTENCES.items() if any(piece in one["sentence"] for one in self.findings)}

    def of(self, check: str) -> dict[str, Any]:
        (found,) = [finding for finding in self.findings if finding["check"] == check]
        return found


def posthog(world: World | None = None) -> Any:
    return serving(create_app(world or seed()))


def healthy(origin: str, **more: str) -> dict[str, str]:
    return {
        "POSTHOG_HOST": origin,
        "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY,
        "POSTHOG_SESSION_ID": SESSION_ID,
        "POSTHOG_CSRF_TOKEN": CSRF_TOKEN,
        **more,
    }


@contextmanager
def answering(answer: Callable[[Exchange], Awaitable[None]]) -> Iterator[str]:
    """Answer every request on loopback by hand, those about the key too."""

    class Everything(Upstream):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, path, _ = head.split(" ", 2)
            answered = asyncio.ensure_future(answer(Exchange(Request(method, path, {}, b""), reader, writer)))
            left = asyncio.ensure_future(reader.read())  # whoever has lost patience hangs up
            await asyncio.wait({answered, left}, return_when=asyncio.FIRST_COMPLETED)
            answered.cancel()
            writer.close()
            await asyncio.wait({answered, left})

    with start_blocking_portal() as portal, portal.wrap_async_context_manager(listening(Everything())) as upstream:
        yield upstream.origin


def fixed(status: int, body: Any = b"", **headers: str) -> Callable[[Exchange], Awaitable[None]]:
    async def answer(exchange: Exchange) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        await exchange.answer(status, body, {"Connection": "close", **named})

    return answer


def closed_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
