"""`projects-mcp plan FILE`: what a file of settings would change."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from projects_mcp.cli.exit_codes import DONE
from projects_mcp.cli.fleet.failing import run_with_file
from projects_mcp.cli.fleet.making import make_plan
from projects_mcp.cli.fleet.plan_file import write_plan_file
from projects_mcp.cli.fleet.plan_text import print_preview
from projects_mcp.cli.fleet.settings_input import host_of, read_settings_file
from projects_mcp.cli.terminal import say
from projects_mcp.config.settings import Settings
from projects_mcp.fleet.settings_tables import SettingsDocument
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sanitize.json_text import compact_json
from projects_mcp.sanitize.text import on_one_line

__all__ = ["run_plan"]


def run_plan(settings: Settings, file: Path, out: Path | None, *, as_json: bool) -> int:
    """Print what a file of settings would change, and keep it as a plan. Nothing is changed.

    Args:
        settings: of the server.
        file: of settings.
        out: where the plan is written as a file that `apply` takes; None for none.
        as_json: print one line of JSON at a terminal too.

    Returns:
        The exit code.
    """
    return run_with_file(
        "plan",
        settings,
        file,
        lambda: partial(_plan, settings, read_settings_file(settings, file), out, as_json=as_json),
    )


async def _plan(
    settings: Settings, document: SettingsDocument, out: Path | None, runner: ToolRunner, *, as_json: bool
) -> int:
    made = await make_plan(runner, document)
    preview = made.preview
    if out is not None and "plan" in preview:
        write_plan_file(out, host_of(settings), document.organization, preview)
    if as_json or not sys.stdout.isatty():
        more = {"absent": made.resolved.absent, "empty_groups": made.resolved.empty}
        say(compact_json(preview | {name: said for name, said in more.items() if said}))
        return DONE
    print_preview(preview, made.resolved)
    if "plan" in preview:
        what = on_one_line(str(out)) if out is not None else "the same file"
        say(f"To do this, within {preview['begin_within_minutes']} minutes: projects-mcp apply with {what}.")
    return DONE
