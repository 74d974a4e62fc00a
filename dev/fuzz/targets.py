"""What is fuzzed, and what must hold whatever is drawn."""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import anyio
from hypothesis import strategies as st

from dev.fuzz.values import CSRF, KEY, PLANTED, SESSION, answers, arguments, callers_files, tools
from projects_mcp.api.effects import Effect
from projects_mcp.cli.main import main
from projects_mcp.config.parsers import SettingsError
from projects_mcp.config.settings import load
from projects_mcp.http.callers_file import load_callers
from projects_mcp.runner.build import build_runner
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sandbox import ACME_ID, PRODUCTION_ID
from projects_mcp.tools.catalog import TOOLS

__all__ = ["TARGETS"]

LONGEST_CALL_S: Final = 5.0
LIMIT: Final = 8_192
_ENVIRONMENT: Final = {
    "POSTHOG_PERSONAL_API_KEY": KEY,
    "POSTHOG_SESSION_ID": SESSION,
    "POSTHOG_CSRF_TOKEN": CSRF,
    "POSTHOG_HOST": "https://posthog.test",
    "PROJECTS_MCP_RESULT_LIMIT": str(LIMIT),
}
_PROJECT: Final = {"id": PRODUCTION_ID, "name": "Acme web", "organization": ACME_ID, "api_token": "phc_x"}
_Answer = tuple[int, Mapping[str, str], str]


class _PostHog:
    """Answers the first reads as PostHog does, and then what was drawn. Counts the writes."""

    def __init__(self, answer: _Answer, honest: int) -> None:
        self.answer, self.honest = answer, honest
        self.writes: list[str] = []

    async def __call__(self, scope: Mapping[str, Any], _receive: Any, send: Any) -> None:
        status, headers, body = self.answer
        if scope["path"].startswith("/api/personal_api_keys/"):
            status, headers, body = 200, {"content-type": "application/json"}, '{"scopes": ["*"]}'
        elif scope["method"] == "GET" and self.honest:
            self.honest -= 1
            status, headers, body = 200, {"content-type": "application/json"}, json.dumps(_PROJECT)
        elif scope["method"] != "GET":
            self.writes.append(scope["method"])
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": body.encode(errors="replace")})


def _require(holds: object, what: str) -> None:
    if not holds:
        raise AssertionError(what)


def _clean(text: str, where: str) -> None:
    for secret in PLANTED:
        _require(secret not in text, f"{secret[:10]}… is in {where}")


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def call(drawn: tuple[str, dict[str, Any], _Answer, int]) -> None:
    """One call of a tool: no failure inside, no secret out, no write without its gate, in bounds and in time."""
    tool, given, answer, honest = drawn
    posthog = _PostHog(answer, honest)
    settings = load(_ENVIRONMENT)
    fast = settings.limits._replace(second_look_s=0.001, wait_s=0.0)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "audit")
        runner = build_runner(load({**_ENVIRONMENT, "PROJECTS_MCP_AUDIT_LOG": str(log)}), posthog)
        runner._services.posthog.limits = fast  # noqa: SLF001 - so that nothing waits for nothing
        began = time.monotonic()
        result = anyio.run(_call, runner, tool, given)
        took = time.monotonic() - began
        records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        _clean(log.read_text(encoding="utf-8"), "the audit log")
    _clean(result.text + json.dumps(result.body) + json.dumps(result.error), "the result")
    _require((result.error or {}).get("kind") != "internal", "an internal error")
    _require(took < LONGEST_CALL_S, f"it took {took:.1f} s")
    _require(result.body is None or json.loads(result.text) == result.body, "text and object differ")
    _require(result.body is None or len(result.text.encode()) <= LIMIT, "the result is too large")
    _require(len(posthog.writes) <= 1, "it wrote twice")
    intents = [record for record in records if record["event"] == "intent"]
    _require(len(posthog.writes) == len(intents), "a write without its intent")
    effect = TOOLS[tool].effect
    _require(not (posthog.writes and effect.reads), "a tool that reads wrote")
    if posthog.writes and effect is Effect.DESTROY:
        _require(given.get("confirm_project_name") == "Acme web", "a destructive request without the name")
    for part in ("revert", "next"):
        if result.body and part in result.body:
            _require(
                "[redacted]" not in json.dumps(result.body[part].get("settings", {}) if part == "revert" else []), part
            )


async def _call(runner: ToolRunner, tool: str, given: Mapping[str, Any]) -> Any:
    await runner.start()
    try:
        return await runner.call(tool, given)
    finally:
        await runner.aclose()


def callers_file(content: bytes) -> None:
    """Read a callers file: it is taken, or refused in one line that shows no secret."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "callers")
        path.touch(0o600)
        path.write_bytes(content)
        began = time.monotonic()
        try:
            load_callers(path, {"X": KEY})
        except SettingsError as error:
            _require("\n" not in str(error), "more than one line")
            _clean(str(error), "the message")
        _require(time.monotonic() - began < LONGEST_CALL_S, "it takes long")


def client_file(content: bytes) -> None:
    """Run `install --write`: it changes a client's file or refuses it, and nothing is lost."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        path = home / ".cursor" / "mcp.json"
        path.parent.mkdir()
        path.write_bytes(content)
        former, streams = dict(os.environ), (sys.stdout, sys.stderr)
        os.environ.update(HOME=folder, POSTHOG_PERSONAL_API_KEY=KEY)
        with Path(os.devnull).open("w", encoding="utf-8") as nothing:
            try:
                sys.stdout = sys.stderr = nothing
                with suppress(SystemExit):
                    main(["install", "cursor", "--write"])
            finally:
                os.environ.clear()
                os.environ.update(former)
                sys.stdout, sys.stderr = streams
        now = path.read_bytes()
        if now != content:
            kept = [one.read_bytes() for one in path.parent.iterdir() if one != path]
            _require(content in kept, "the former file is lost")


_documents = st.one_of(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["mcpServers", "posthog-projects", "a"]), inner)
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value, indent=2).encode()),
    st.binary(max_size=60),
    st.sampled_from(
        [b"", b"\xef\xbb\xbf{}", b'{"a": 1e999}\r\n', b'{"mcpServers": []}', b'// x\n{"a":1,}', b"[" * 5_000]
    ),
)
TARGETS: Final[Mapping[str, tuple[Callable[[Any], None], st.SearchStrategy[Any]]]] = {
    "calls": (
        call,
        tools.flatmap(lambda tool: st.tuples(st.just(tool), arguments(tool), answers, st.integers(0, 3))),
    ),
    "callers files": (callers_file, callers_files),
    "client files": (client_file, _documents),
}
"""Each target by its name: what is run, and what is drawn for it."""
