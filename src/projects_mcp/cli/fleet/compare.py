"""`projects-mcp compare A B`: what differs between the settings of two projects."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

from projects_mcp.api.types import JSONObject
from projects_mcp.cli.exit_codes import DIFFERS, DONE
from projects_mcp.cli.fleet.calling import call, run_with_runner
from projects_mcp.cli.output import print_answer
from projects_mcp.cli.suggested import print_call
from projects_mcp.cli.table import BOLD, cell, print_table, print_text
from projects_mcp.cli.terminal import say, styled
from projects_mcp.config.settings import Settings
from projects_mcp.runner.runner import ToolRunner

__all__ = ["run_compare"]


def run_compare(settings: Settings, first: int, second: int, *, as_json: bool, options: Sequence[str] = ()) -> int:
    """Print what differs between two projects.

    Args:
        settings: of the server.
        first: the id of a project.
        second: the id of the one that it is compared with.
        as_json: print one line of JSON.
        options: of the command line, which a command to run next has too.

    Returns:
        The exit code: `DIFFERS` if they differ.
    """
    arguments: JSONObject = {"project_id": first, "compare_to": second}
    return run_with_runner(settings, partial(_compare, arguments, options, as_json=as_json))


async def _compare(arguments: JSONObject, options: Sequence[str], runner: ToolRunner, *, as_json: bool) -> int:
    body = await call(runner, "project_get", arguments)
    print_answer(body, partial(_print, body, options), as_json=as_json)
    return DIFFERS if body["differs"] else DONE


def _print(body: JSONObject, options: Sequence[str]) -> None:
    titles = [f"{cell(body[side]['name'])} ({body[side]['id']})" for side in ("project", "compared_with")]
    rows = [
        [name, cell(both[0]), cell(both[1])] for settings in body["differs"].values() for name, both in settings.items()
    ]
    if rows:
        print_table(["setting", *titles], rows)
        say()
    print_text(f"{len(rows)} settings differ, {body['equal']} are equal.")
    for name, why in body.get("left_out", {}).items():
        print_text(f"Not for an update: {name}. {why}")
    for suggested in body.get("next", ()):
        say(styled("\nTo make the first equal to the second", BOLD, sys.stdout))
        print_call(suggested.get("tool", "project_update"), suggested.get("arguments", {}), options)
