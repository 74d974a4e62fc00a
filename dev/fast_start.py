"""Record what the SDK answers to plain messages: `python -m dev.fast_start generate`.

The SDK itself is asked, in this process, once for each revision of the protocol, so that nothing that is recorded is of
our own wording. With `--check` nothing is written, and the exit code is 1 if the SDK answers otherwise by now.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import anyio
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from projects_mcp.config.settings import load
from projects_mcp.protocol.plain_messages import ENVELOPE
from projects_mcp.protocol.published import FILE
from projects_mcp.protocol.server import ProjectsServer
from projects_mcp.runner.build import build_runner
from projects_mcp.runner.result import ToolResult
from projects_mcp.tools.catalog import CATALOG

__all__ = ["main", "recorded"]

_LISTS: Final = ("resources/list", "resources/templates/list", "prompts/list")
_RESULTS: Final[Mapping[str, ToolResult]] = {
    "body": ToolResult("@text@", {"@body@": 1}),
    "error": ToolResult("@text@", None, {"@error@": 1}),
    "both": ToolResult("@text@", {"@body@": 1}, {"@error@": 1}),
}
"""One result of each kind, by marks that stand nowhere else."""
_MARKS: Final = re.compile(r'"@(text)@"|\{"@(body|error)@":1\}')
_Asked = Sequence[tuple[str, Mapping[str, Any] | None]]


class _Alternating:
    """The lines of a client that waits for each answer, and the texts of the server."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._answered = anyio.Event()
        self.texts: list[str] = []

    async def __aiter__(self) -> AsyncIterator[str]:
        for line in self._lines:
            self._answered = anyio.Event()
            yield line
            await self._answered.wait()

    async def write(self, text: str) -> None:
        """Take one line of the server."""
        self.texts.append(text)
        self._answered.set()


async def _ask(requests: _Asked) -> list[str]:
    """Return the result of each request as the SDK writes it. Every call is answered with the result of its name."""
    runner: Any = build_runner(load({}))

    async def call(_name: str, arguments: Mapping[str, Any], *_: object, **__: object) -> ToolResult:
        return _RESULTS[arguments["result"]]

    async def list_tools() -> Sequence[Any]:
        return CATALOG

    runner.call, runner.list_tools = call, list_tools
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}})
        for number, (method, params) in enumerate(requests)
    ]
    client = _Alternating(lines)
    await ProjectsServer(runner, starts_runner=False).run_lines_async(client, client)
    results = []
    for number, text in enumerate(client.texts):
        head = f'{{"jsonrpc":"2.0","id":{number},"result":'
        if not text.startswith(head):
            raise AssertionError(f"the SDK answers otherwise: {text}")
        results.append(text.removeprefix(head).removesuffix("}\n"))
    return results


def _tools(result: str) -> tuple[tuple[str, str], dict[str, str]]:
    """Take a list of tools apart: what stands around it, and each tool."""
    each = {tool["name"]: _written(tool) for tool in json.loads(result)["tools"]}
    before, found, behind = result.partition(",".join(each.values()))
    if not found:
        raise AssertionError("the SDK writes the tools in another form")
    return (before, behind), each


async def _era(methods: Sequence[str], params: Mapping[str, Any], opening: _Asked) -> dict[str, Any]:
    calls = [("tools/call", {**params, "name": "project_list", "arguments": {"result": result}}) for result in _RESULTS]
    asked = [*opening, *((method, params) for method in methods), ("tools/list", params), *calls]
    answers = (await _ask(asked))[len(opening) :]
    around, each = _tools(answers[len(methods)])
    pieces = [_MARKS.split(answer) for answer in answers[len(methods) + 1 :]]
    kept = [[piece for piece in call if piece is not None] for call in pieces]
    return {
        "fixed": dict(zip(methods, answers, strict=False)),
        "around_tools": around,
        "tools": each,
        "calls": dict(zip(_RESULTS, kept, strict=True)),
    }


async def _record() -> dict[str, Any]:
    modern = await _era(("server/discover", *_LISTS), {"_meta": ENVELOPE}, ())
    hello, legacy = {}, {}
    for revision in HANDSHAKE_PROTOCOL_VERSIONS:
        client = {"name": "x", "version": "1"}
        opening = ("initialize", {"protocolVersion": revision, "capabilities": {}, "clientInfo": client})
        (hello[revision],) = await _ask([opening])
        legacy[revision] = await _era(("ping", *_LISTS), {}, [opening])
    era, *others = legacy.values()
    if any(other != era for other in others):
        raise AssertionError("the revisions with a handshake differ by now: each needs a record of its own")
    return {"hello": hello, "legacy": era, "modern": modern}


def recorded() -> str:
    """Return what is to be in the file: what the SDK answers now."""
    return json.dumps(anyio.run(_record), ensure_ascii=False, indent=1) + "\n"


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dev.fast_start", description=__doc__)
    parser.add_argument("command", choices=["generate"])
    parser.add_argument("--check", action="store_true", help="write nothing, and exit 1 if the SDK answers otherwise")
    options = parser.parse_args(arguments)
    text = recorded()
    if FILE.is_file() and FILE.read_text(encoding="utf-8") == text:
        return 0
    if options.check:
        print(f"{FILE.name} is not what the SDK answers: run `python -m dev.fast_start generate`")
        return 1
    FILE.write_text(text, encoding="utf-8", newline="\n")
    print(f"written: {FILE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
