"""`projects-mcp demo`: a real MCP client drives the real server over stdio, on the sandbox, and shows what happens."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import Any, Final, TextIO

import anyio
from mcp import Client, StdioServerParameters
from mcp.client import ClientRequestContext
from mcp.client.stdio import stdio_client
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult, TextContent

from projects_mcp.config.variables import VARIABLES
from projects_mcp.sandbox import MOBILE_ID, NORTHWIND_ID, PRODUCTION_ID, READ_ONLY_KEY, STAGING_ID

__all__ = ["run_demo"]

Body = Mapping[str, Any]

_MOST_LINES: Final = 16
_WIDEST: Final = 100


@dataclass(frozen=True)
class Step:
    """One call, what it is for, and how to tell that it did what it should.

    `arguments` and `holds` are given the bodies of all earlier successful calls, by tool name.
    """

    why: str
    tool: str
    arguments: Callable[[Body], Body]
    holds: Callable[[Body], bool]
    refused: bool = False
    reader: bool = False


def _fixed(**arguments: Any) -> Callable[[Body], Body]:
    return lambda _earlier: arguments


def _applied(body: Body) -> bool:
    return body.get("outcome") == "applied"


def _says(*words: str) -> Callable[[Body], bool]:
    return lambda body: all(word in body["refusal"] for word in words)


_WEB, _STAGING, _MOBILE = PRODUCTION_ID, STAGING_ID, MOBILE_ID


def _named(tool: str, **arguments: Any) -> Callable[[Body], Body]:
    """Write the name that an earlier call has shown."""
    return lambda earlier: {**arguments, "confirm_project_name": earlier[tool]["name"]}


STEPS: Final = (
    Step(
        "See what is there.", "project_list", _fixed(), lambda body: body["total"] >= 1 and body["projects"][0]["name"]
    ),
    Step("Look at one project.", "project_get", _fixed(project_id=_WEB), lambda body: body["id"] == _WEB),
    Step(
        "Preview a change. Nothing is sent.",
        "project_update",
        _fixed(project_id=_WEB, settings={"timezone": "Europe/Madrid", "surveys_opt_in": True}, dry_run=True),
        lambda body: body["outcome"] == "preview" and "timezone" in body["changed"],
    ),
    Step(
        "Make it, with a receipt.",
        "project_update",
        _fixed(project_id=_WEB, settings={"timezone": "Europe/Madrid"}),
        lambda body: _applied(body) and body["changed"]["timezone"]["after"] == "Europe/Madrid",
    ),
    Step(
        "Undo it with the arguments of that receipt.",
        "project_update",
        lambda earlier: {"project_id": _WEB, **earlier["project_update"]["revert"]},
        lambda body: _applied(body) and body["changed"]["timezone"]["before"] == "Europe/Madrid",
    ),
    Step(
        "A misspelt setting is caught. PostHog itself would ignore it.",
        "project_update",
        _fixed(project_id=_WEB, settings={"time_zone": "UTC"}),
        _says("timezone"),
        refused=True,
    ),
    Step(
        "Who changed what?",
        "project_activity",
        _fixed(project_id=_WEB, limit=3),
        lambda body: bool(body["activity"]),
    ),
    Step(
        "Create a project.",
        "project_create",
        _fixed(name="Docs search", settings={"timezone": "Europe/Berlin"}),
        lambda body: _applied(body) and body["project"]["name"] == "Docs search",
    ),
    Step(
        "Is it being filled with demo data?",
        "project_is_generating_demo_data",
        lambda earlier: {"project_id": earlier["project_create"]["project"]["id"]},
        lambda body: body["is_generating_demo_data"] is False,
    ),
    Step(
        "Note interest in a product.",
        "project_add_product_intent",
        lambda earlier: {
            "project_id": earlier["project_create"]["project"]["id"],
            "product_type": "session_replay",
            "intent_context": "onboarding product selected - primary",
        },
        _applied,
    ),
    Step(
        "Complete its onboarding.",
        "project_complete_product_onboarding",
        lambda earlier: {
            "project_id": earlier["project_create"]["project"]["id"],
            "product_type": "session_replay",
            "intent_context": "onboarding product selected - primary",
        },
        _applied,
    ),
    Step(
        "Delete with a wrong name: refused, and the right name is not given away.",
        "project_delete",
        _fixed(project_id=_STAGING, confirm_project_name="staging"),
        _says("Nothing was changed."),
        refused=True,
    ),
    Step(
        "Read the exact name first.",
        "project_get",
        _fixed(project_id=_STAGING),
        lambda body: body["id"] == _STAGING,
    ),
    Step("Now delete it.", "project_delete", _named("project_get", project_id=_STAGING), _applied),
    Step("Another project.", "project_get", _fixed(project_id=_MOBILE), lambda body: body["id"] == _MOBILE),
    Step(
        "Replace its public token.",
        "project_reset_token",
        _named("project_get", project_id=_MOBILE),
        lambda body: _applied(body) and "api_token" in body["changed"],
    ),
    Step(
        "Move it to the other organization.",
        "project_change_organization",
        _named("project_get", project_id=_MOBILE, target_organization_id=NORTHWIND_ID),
        lambda body: _applied(body) and body["project"]["organization_id"] == NORTHWIND_ID,
    ),
    Step("Back to the first project.", "project_get", _fixed(project_id=_WEB), lambda body: body["id"] == _WEB),
    Step(
        "Rotate its secret token. The secret itself is never shown.",
        "project_rotate_secret_token",
        _named("project_get", project_id=_WEB),
        lambda body: _applied(body) and "..." in body["changed"]["secret_api_token"]["after"],
    ),
    Step(
        "Drop the backup, once every server has the new secret.",
        "project_delete_secret_token_backup",
        _named("project_get", project_id=_WEB),
        lambda body: _applied(body) and body["changed"]["secret_api_token_backup"]["after"] is None,
    ),
    Step(
        "With a read-only key, nothing can be changed.",
        "project_update",
        _fixed(project_id=_WEB, settings={"timezone": "UTC"}),
        _says("Nothing was changed."),
        refused=True,
        reader=True,
    ),
)


def run_demo(*, color: str = "auto") -> int:
    """Run the demonstration.

    Args:
        color: `always`, `never`, or `auto`: as the terminal wants it.

    Returns:
        0 where every step did what it should, else 1.
    """
    wanted = color == "always" or (color == "auto" and sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    try:
        return anyio.run(_Demo(_Page(color=wanted)).run)
    except* BrokenPipeError:
        pass
    raise BrokenPipeError


@dataclass
class _Page:
    """Writes for a person: as wide as the terminal, in colour only where it has any."""

    color: bool
    width: int = field(default_factory=lambda: min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST))

    def title(self, text: str) -> None:
        print(self._in("1", text))

    def heading(self, number: int, step: Step) -> None:
        print()
        print(f"{self._in('1;36', f'{number:>2}')}  {self._in('1', step.why)}")

    def asked(self, tool: str, arguments: Body) -> None:
        self._block(
            self._in("36", "→ "), " ".join([tool, *(f"{name}={_value(item)}" for name, item in arguments.items())])
        )

    def question(self, text: str) -> None:
        self._block(self._in("33", "? "), text)
        print(f"      {self._in('33', 'The person at the client accepts.')}")

    def refused(self, text: str) -> None:
        self._block(self._in("33", "✗ "), text)

    def answered(self, body: Body) -> None:
        lines = list(_readable(body, ""))
        if len(lines) > _MOST_LINES:
            lines = [*lines[:_MOST_LINES], f"… and {len(lines) - _MOST_LINES} lines more"]
        for at, line in enumerate(lines):
            print(f"    {self._in('32', '← ') if at == 0 else '  '}{_shortened(line, self.width - 6)}")

    def journal(self, lines: list[Body]) -> None:
        print()
        print(self._in("1", "The journal on replacing the token: intent before, outcome after."))
        for line in lines:
            self._block(self._in("36", "· "), ", ".join(f"{name}: {_value(item)}" for name, item in line.items()))

    def verdict(self, failed: list[int], steps: int) -> None:
        print()
        if failed:
            print(self._in("1;31", f"{len(failed)} of {steps} steps did not do what they should: {failed}"))
        else:
            print(self._in("1;32", f"All {steps} steps did what they should."))

    def problem(self, text: str) -> None:
        print(f"    {self._in('1;31', text)}")

    def _block(self, mark: str, text: str) -> None:
        for at, line in enumerate(textwrap.wrap(text, self.width - 6, break_on_hyphens=False)):
            print(f"    {mark if at == 0 else '  '}{line}")

    def _in(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color else text


@dataclass
class _Demo:
    page: _Page
    earlier: dict[str, Body] = field(default_factory=dict)
    failed: list[int] = field(default_factory=list)
    log: TextIO = field(default=sys.stderr)

    async def run(self) -> int:
        self.page.title("projects-mcp: an MCP client drives all 13 tools, on the sandbox")
        async with AsyncExitStack() as stack:
            self.log = stack.enter_context(_temporary_file())
            writer = await stack.enter_async_context(self._client({}))
            reader = await stack.enter_async_context(self._client({"POSTHOG_PERSONAL_API_KEY": READ_ONLY_KEY}))
            for number, step in enumerate(STEPS, 1):
                await self._step(number, step, reader if step.reader else writer)
            self.page.journal(self._lines_of("project_reset_token"))
        self.page.verdict(self.failed, len(STEPS))
        return 1 if self.failed else 0

    def _lines_of(self, tool: str) -> list[Body]:
        """Return what the server's journal on stderr says of the writes of a tool."""
        self.log.seek(0)
        lines = [json.loads(line) for line in self.log if line.startswith("{")]
        return [line for line in lines if line["tool"] == tool and line["event"] in {"intent", "outcome"}]

    def _client(self, environment: Mapping[str, str]) -> Client:
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "projects_mcp", "--sandbox"],
            env={**{name: value for name, value in os.environ.items() if name not in VARIABLES}, **environment},
        )
        return Client(stdio_client(server, errlog=self.log), elicitation_callback=self._ask)

    async def _ask(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        del context  # the SDK's form of a callback
        self.page.question(params.message)
        return ElicitResult(action="accept", content={"confirm": True})

    async def _step(self, number: int, step: Step, client: Client) -> None:
        self.page.heading(number, step)
        arguments = dict(step.arguments(self.earlier))
        self.page.asked(step.tool, arguments)
        result = await client.call_tool(step.tool, arguments)
        body = _body(result)
        if result.is_error:
            self.page.refused(body["refusal"])
        else:
            self.page.answered(body)
        if result.is_error is not step.refused or not step.holds(body):
            self.failed.append(number)
            self.page.problem("This is not what this step should do.")
        if not result.is_error:
            self.earlier[step.tool] = body


def _temporary_file() -> AbstractContextManager[TextIO]:
    return TemporaryFile("w+", encoding="utf-8")


def _body(result: CallToolResult) -> Body:
    if result.is_error:
        return {"refusal": "".join(block.text for block in result.content if isinstance(block, TextContent))}
    body: Body = result.structured_content or {}
    return body


def _readable(value: Any, indent: str) -> Iterator[str]:
    """Lay out a JSON object for a person: a line a field, changes as arrows, rows as lines."""
    for name, item in value.items():
        if isinstance(item, dict) and item.keys() == {"before", "after"}:
            yield f"{indent}{name}: {_value(item['before'])} → {_value(item['after'])}"
        elif isinstance(item, dict) and item:
            yield f"{indent}{name}:"
            yield from _readable(item, f"{indent}  ")
        elif isinstance(item, list) and item and isinstance(item[0], dict):
            yield f"{indent}{name}:"
            for line in item:
                yield f"{indent}  - {', '.join(f'{key}: {_value(part)}' for key, part in line.items())}"
        elif item not in ([], {}):
            yield f"{indent}{name}: {_value(item)}"


def _value(value: Any) -> str:
    return value if isinstance(value, str) and " " not in value else json.dumps(value, ensure_ascii=False)


def _shortened(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[: width - 1]}…"
