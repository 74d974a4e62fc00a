"""`projects-mcp plan FILE`: what a file of settings would change."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from projects_mcp.cli.exit_codes import DONE
from projects_mcp.cli.fleet.failing import run_with_file
from projects_mcp.cli.fleet.making import MadePlan, make_plan
from projects_mcp.cli.fleet.plan_file import write_plan_file
from projects_mcp.cli.fleet.plan_text import print_preview
from projects_mcp.cli.fleet.settings_input import host_of, read_settings_file
from projects_mcp.cli.output import print_answer
from projects_mcp.cli.suggested import print_command
from projects_mcp.cli.table import BOLD
from projects_mcp.cli.terminal import say, styled
from projects_mcp.config.settings import Settings
from projects_mcp.fleet.settings_tables import SettingsDocument
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sanitize.text import on_one_line

__all__ = ["run_plan"]


def run_plan(settings: Settings, file: Path, out: Path | None, *, as_json: bool, options: Sequence[str] = ()) -> int:
    """Print what a file of settings would change, and keep it as a plan. Nothing is changed.

    Args:
        settings: of the server.
        file: of settings.
        out: where the plan is written as a file that `apply` takes; None for none.
        as_json: print one line of JSON.
        options: of the command line, which a command to run next has too.

    Returns:
        The exit code.
    """
    return run_with_file(
        "plan",
        settings,
        file,
        lambda: partial(_plan, settings, file, out, options, read_settings_file(settings, file), as_json=as_json),
    )


async def _plan(
    settings: Settings,
    file: Path,
    out: Path | None,
    options: Sequence[str],
    document: SettingsDocument,
    runner: ToolRunner,
    *,
    as_json: bool,
) -> int:
    made = await make_plan(runner, document)
    preview = made.preview
    if out is not None and "plan" in preview:
        write_plan_file(out, host_of(settings), document.organization, preview)
    more = {"absent": made.resolved.absent, "empty_groups": made.resolved.empty}
    body = preview | {name: said for name, said in more.items() if said}
    print_answer(body, partial(_print, made, out or file, options), as_json=as_json)
    return DONE


def _print(made: MadePlan, file: Path, options: Sequence[str]) -> None:
    preview = made.preview
    print_preview(preview, made.resolved)
    if "plan" in preview:
        say(styled(f"To do this, within {preview['begin_within_minutes']} minutes", BOLD, sys.stdout))
        print_command("apply", on_one_line(str(file)), *options)
