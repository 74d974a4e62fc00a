"""Replicas over one upstream, nginx before them, and a caller who knows an answer that was cut off."""

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from dev.nginx import configuration
from dev.processes import free_port
from projects_mcp.sandbox import CSRF_TOKEN, OAUTH_TOKEN, SESSION_ID, STAGING_ID
from projects_mcp.sandbox.world.state import World
from tests.support.harness import Recorder, Sent
from tests.support.process import CLEAN, COMMAND, TIMEOUT_S, Listener

TOKENS = {"anna": "pmcp_anna_of_the_tests", "ben": "pmcp_ben_of_the_tests"}
VERSION = "2026-07-28"
INVALID_STATE = {"code": -32602, "message": "Invalid or expired requestState"}


@dataclass
class Deployment:
    """One upstream, and everything that the replicas over it share."""

    folder: Path
    world: World
    recorder: Recorder
    origin: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of all replicas, besides those that each has."""
    limits: Mapping[str, str] = field(default_factory=dict)
    """What stands in the entry of a caller besides its token and its scopes."""
    write_s: float = 0.0
    """Seconds that each write takes before it has its effect."""
    writing: int = 0
    most_writing: int = 0
    """How many writes were under way at a time."""
    held: int = 0
    """Changes of the staging project that have arrived. None is answered before `release` is set."""
    release: threading.Event = field(default_factory=threading.Event)

    async def around(self, scope: dict[str, Any], answer: Callable[[], Awaitable[None]]) -> None:
        if scope["method"] == "PATCH" and f"/projects/{STAGING_ID}/" in scope["path"]:
            self.held += 1
            await asyncio.to_thread(self.release.wait, TIMEOUT_S)
        if scope["method"] == "GET" or not self.write_s:
            await answer()
            return
        self.writing += 1
        self.most_writing = max(self.most_writing, self.writing)
        try:
            await asyncio.sleep(self.write_s)
            await answer()
        finally:
            self.writing -= 1

    def wait_until_held(self) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while not self.held:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    @property
    def writes(self) -> list[Sent]:
        return self.recorder.writes

    def replica(self, *keys: str) -> Listener:
        callers, port = self.folder / "callers.toml", free_port()
        if not callers.exists():
            callers.touch(mode=0o600)
            callers.write_text("".join(entry(name) + self.limits.get(name, "") for name in TOKENS), encoding="utf-8")
        environment = {
            **CLEAN,
            "POSTHOG_HOST": self.origin,
            "POSTHOG_PERSONAL_API_KEY": OAUTH_TOKEN,  # which PostHog does not throttle
            "POSTHOG_SESSION_ID": SESSION_ID,
            "POSTHOG_CSRF_TOKEN": CSRF_TOKEN,
            "PROJECTS_MCP_CALLERS": str(callers),
            "PROJECTS_MCP_SIGNING_KEY": ",".join(keys),
            **self.settings,
        }
        return Listener([*COMMAND, "serve", "--port", str(port)], environment, self.folder / f"{port}.log", port)


def entry(name: str) -> str:
    digest = hashlib.sha256(TOKENS[name].encode()).hexdigest()
    return f'[callers.{name}]\ntoken_sha256 = "{digest}"\nscopes = ["project:read", "project:write"]\n'


def nginx_before(program: Path, folder: Path, *upstreams: int) -> Listener:
    """Return nginx with the configuration of `deploy/`, which here also says who has answered, and forgives sooner."""
    port, place = free_port(), folder / "nginx"
    place.mkdir()
    text = configuration(place, port, upstreams)
    for old, new in (
        ("fail_timeout=5s", "fail_timeout=1s"),
        ("proxy_buffering off;", "proxy_buffering off; add_header X-Served-By $upstream_addr always;"),
    ):
        assert old in text
        text = text.replace(old, new)
    file = place / "nginx.conf"
    file.write_text(text, encoding="utf-8")
    command = [str(program), "-p", str(place), "-c", str(file), "-e", str(place / "error.log")]
    return Listener(command, CLEAN, folder / "nginx.log", port)


@dataclass(frozen=True)
class Reply:
    """What came back: the status, the message, and the port of each process that was tried."""

    status: int
    message: dict[str, Any]
    tried: tuple[int, ...]
    cut_off: bool = False
    """The body broke off: the process ended when nginx had already passed on its headers."""

    @property
    def lost(self) -> bool:
        """Nobody knows from this answer whether the call was made."""
        return self.cut_off or self.status == 502

    @property
    def result(self) -> dict[str, Any]:
        assert self.status == 200, self
        assert "result" in self.message, self
        value: dict[str, Any] = self.message["result"]
        return value

    @property
    def body(self) -> dict[str, Any]:
        assert self.result.get("isError") is False, self
        value: dict[str, Any] = self.result["structuredContent"]
        return value

    @property
    def question(self) -> str:
        """The sealed state of a question that was asked."""
        assert self.result["resultType"] == "input_required", self
        state: str = self.result["requestState"]
        return state

    @property
    def refusal(self) -> dict[str, Any]:
        """The machine-readable part of a refusal."""
        assert self.result.get("isError"), self
        value: dict[str, Any] = self.result["_meta"]["projects-mcp/error"]
        return value

    @property
    def applied(self) -> bool:
        """Whether it says that something was done."""
        result = self.message.get("result", {})
        return result.get("isError") is False and result["structuredContent"]["outcome"] == "applied"

    @property
    def refused_state(self) -> bool:
        return {key: self.message.get("error", {}).get(key) for key in INVALID_STATE} == INVALID_STATE


@dataclass(frozen=True)
class Caller:
    """One caller at one address."""

    http: httpx.Client
    port: int
    name: str = "anna"
    asks: bool = True
    """Whether it can show a question to a person."""

    def call(self, tool: str, arguments: Mapping[str, Any], yes_to: str | None = None, says: str = "accept") -> Reply:
        meta = {
            "io.modelcontextprotocol/protocolVersion": VERSION,
            "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}} if self.asks else {},
        }
        params = {"name": tool, "arguments": dict(arguments), "_meta": meta}
        if yes_to is not None:
            said = {"action": says, "content": {"confirm": True}}
            params |= {"requestState": yes_to, "inputResponses": {"confirm": said}}
        sent = self.http.stream(
            "POST",
            f"http://127.0.0.1:{self.port}/mcp",
            json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params},
            headers={
                "Authorization": f"Bearer {TOKENS[self.name]}",
                "Accept": "application/json, text/event-stream",
                "MCP-Protocol-Version": VERSION,
                "Mcp-Method": "tools/call",
                "Mcp-Name": tool,
            },
        )
        with sent as response:
            served = response.headers.get("X-Served-By", "")
            tried = tuple(int(address.rpartition(":")[2]) for address in served.split(", ") if address)
            is_json = response.headers.get("Content-Type", "").startswith("application/json")
            try:
                message = json.loads(response.read()) if is_json else {}
            except (httpx.RemoteProtocolError, httpx.ReadError, json.JSONDecodeError):
                return Reply(response.status_code, {}, tried, cut_off=True)
        return Reply(response.status_code, message, tried)
