"""`projects-mcp audit [FIELD=VALUE …]`: which projects have which settings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.api.types import JSONObject
from projects_mcp.cli.exit_codes import DONE
from projects_mcp.cli.fleet.calling import call, pause, run_with_runner
from projects_mcp.cli.output import print_answer
from projects_mcp.cli.table import cell, print_table, print_text
from projects_mcp.cli.terminal import say
from projects_mcp.config.settings import Settings
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sanitize.json_text import compact_json

__all__ = ["parse_conditions", "run_audit"]

_MOST_CALLS: Final = 200
_ROWS: Final = 500
"""Matching projects of one call."""


def run_audit(settings: Settings, pairs: Sequence[str], fields: Sequence[str], *, as_json: bool) -> int:
    """Print the projects that meet all conditions, and how often each value was found.

    Args:
        settings: of the server.
        pairs: conditions as `FIELD=VALUE` or `FIELD=VALUE,VALUE`.
        fields: shown of each project.
        as_json: print one line of JSON.

    Returns:
        The exit code.
    """
    arguments: JSONObject = {"where": parse_conditions(pairs), "fields": list(fields), "limit": _ROWS}
    return run_with_runner(settings, partial(_audit, arguments, as_json=as_json))


def parse_conditions(pairs: Sequence[str]) -> JSONObject:
    """Return `where` of pairs, each `FIELD=VALUE`. A field that comes twice, or several values, are alternatives.

    Of a setting that is a text, values are separated by commas, and `null` is no text. All else is JSON.
    """
    where: JSONObject = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        kind = SETTINGS[name].schema["type"] if name in SETTINGS else "string"
        where.setdefault(name, []).extend(_values(kind, text))
    return where


def _values(kind: str, text: str) -> list[Any]:
    if kind == "string":
        return [None if part == "null" else part for part in text.split(",")]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        parts = [part.strip() for part in text.split(",")]
        return [parts] if kind == "array" else [_json_or_text(part) for part in parts]
    return value if isinstance(value, list) and kind != "array" else [value]


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


async def _audit(arguments: JSONObject, runner: ToolRunner, *, as_json: bool) -> int:
    whole = _Whole()
    for _ in range(_MOST_CALLS):
        body = await call(runner, "project_list", arguments)
        whole.add(body)
        if "next_offset" not in body:
            break
        if wait_s := body.get("retry_after_s"):
            await pause(wait_s)
        arguments = {**arguments, "offset": body["next_offset"]}
    print_answer(whole.body, whole.print, as_json=as_json)
    return DONE


class _Whole:
    """The answers of several calls as one."""

    def __init__(self) -> None:
        self.body: JSONObject = {}

    def add(self, body: JSONObject) -> None:
        """Add one more answer."""
        whole = self.body
        for name in ("read", "matching", "more"):
            if name in body:
                whole[name] = whole.get(name, 0) + body[name]
        for name, counts in body.get("counts", {}).items():
            summed = Counter(whole.setdefault("counts", {}).get(name, {})) + Counter(counts)
            whole["counts"][name] = dict(summed.most_common())
        for name in ("projects", "unreadable", "presence", "incomplete"):
            if name in body:
                said = body[name] if isinstance(body[name], list) else [body[name]]
                whole[name] = [*whole.get(name, ()), *(one for one in said if one not in whole.get(name, ()))]
        for name in ("organization_id", "total", "did_you_mean", "not_in_list", "not_returned_by_posthog"):
            if body.get(name) is not None:
                whole[name] = body[name]

    def print(self) -> None:
        """Print tables and sentences."""
        body = self.body
        projects = body.get("projects", [])
        columns = list(dict.fromkeys(name for row in projects for name in row if name not in {"id", "name"}))
        if projects:
            rows = [[str(row["id"]), *(cell(row.get(name, "")) for name in ("name", *columns))] for row in projects]
            print_table(["id", "name", *columns], rows)
            say()
        counts = body.get("counts", {})
        if counts:
            rows = [
                [name, cell(value), str(number)] for name, found in counts.items() for value, number in found.items()
            ]
            print_table(["setting", "value", "projects"], rows)
            say()
        for sentence in body.get("presence", ()):
            print_text(f"{sentence}.")
        read = f"{body['read']} of {body.get('total', '?')} projects were read" if "read" in body else "Not read"
        print_text(f"{read}, {body['matching']} match." if "matching" in body else f"{len(projects)} projects.")
        if more := body.get("more"):
            print_text(f"{more} more match and are not shown.")
        for name in ("unreadable", "incomplete", "did_you_mean", "not_in_list", "not_returned_by_posthog"):
            if name in body:
                print_text(f"{name.replace('_', ' ')}: {compact_json(body[name])}")
